//! Uploads over lines that break, against the real registry's behaviour.

use std::sync::atomic::{AtomicU32, Ordering};

use lightship_base::TransferOutcome;
use lightship_oci::Error;
use lightship_testkit::docker_registry::{DockerRegistry, RegistryOptions};
use lightship_testkit::faulty_proxy::{Action, FaultyProxy, Seen};

use crate::support::{MIB, Setup, blob, fetch, put};

/// What the proxy does to the requests of one method, one after the other; the rest pass.
fn behind(method: &'static str, actions: Vec<Action>) -> Option<(DockerRegistry, FaultyProxy)> {
    let registry = DockerRegistry::start(&RegistryOptions::default())?;
    let next = AtomicU32::new(0);
    let proxy = FaultyProxy::start(Some(registry.address()), move |request| {
        if request.method != method {
            return Action::Forward;
        }
        let at = next.fetch_add(1, Ordering::Relaxed) as usize;
        actions.get(at).cloned().unwrap_or(Action::Forward)
    });
    Some((registry, proxy))
}

/// Pushes a blob of `size` through the proxy and checks that it arrived whole; what was seen.
fn push(registry: &DockerRegistry, proxy: &FaultyProxy, seed: u64, size: u64) -> Vec<Seen> {
    let (layer, bytes) = blob(seed, size);
    let outcome = put(&Setup::new().image(&proxy.name(), "app"), &layer, &bytes, None).unwrap();
    assert_eq!(outcome, (TransferOutcome::Done, size), "each byte is told of once");
    assert!(fetch(&Setup::new().image(&registry.name(), "app"), &layer, 0).unwrap() == bytes);
    proxy.seen()
}

fn sent(seen: &[Seen], method: &str) -> Vec<u64> {
    seen.iter().filter(|one| one.method == method).map(|one| one.body_bytes).collect()
}

fn count(seen: &[Seen], method: &str) -> usize {
    sent(seen, method).len()
}

#[test]
fn an_unbroken_upload_is_one_piece() {
    let Some((registry, proxy)) = behind("none", Vec::new()) else { return };
    let seen = push(&registry, &proxy, 1, 3 * MIB);
    let methods: Vec<&str> = seen.iter().map(|one| one.method.as_str()).collect();
    assert_eq!(methods, ["HEAD", "POST", "PUT"]);
    assert_eq!(sent(&seen, "PUT"), [3 * MIB]);
}

#[test]
fn a_session_that_the_registry_drops_is_begun_anew() {
    // This registry throws a session away when bytes arrived that it had not confirmed.
    let cut = Action::CutRequest { after: MIB, delivered: true };
    let Some((registry, proxy)) = behind("PUT", vec![cut]) else { return };
    let seen = push(&registry, &proxy, 2, 3 * MIB);
    assert_eq!(count(&seen, "POST"), 2);
    assert_eq!(sent(&seen, "PATCH"), [MIB, MIB, MIB]);
    assert_eq!(sent(&seen, "PUT").last(), Some(&0));
}

#[test]
fn an_upload_goes_on_behind_the_last_part_that_arrived() {
    let Some(registry) = DockerRegistry::start(&RegistryOptions::default()) else { return };
    let (puts, patches) = (AtomicU32::new(0), AtomicU32::new(0));
    let proxy = FaultyProxy::start(Some(registry.address()), move |request| {
        let vanish = Action::CutRequest { after: 300_000, delivered: false };
        match request.method.as_str() {
            "PUT" if puts.fetch_add(1, Ordering::Relaxed) == 0 => vanish,
            // The third part, then the fourth, and the fifth twice.
            "PATCH" if [2, 4, 6, 7].contains(&patches.fetch_add(1, Ordering::Relaxed)) => vanish,
            _ => Action::Forward,
        }
    });
    let seen = push(&registry, &proxy, 3, 6 * MIB);
    let parts: Vec<&str> = seen
        .iter()
        .filter(|one| one.method == "PATCH")
        .map(|one| one.header("content-range").unwrap())
        .collect();
    let part = |n: u64| format!("{}-{}", n * MIB, (n + 1) * MIB - 1);
    let expected: Vec<String> = [0, 1, 2, 2, 3, 3, 4, 4, 4, 5].map(part).to_vec();
    assert_eq!(parts, expected);
    assert_eq!(count(&seen, "POST"), 2, "the session lived on: only its beginning was repeated");
    assert_eq!(count(&seen, "GET"), 5, "the registry was asked how far it had got each time");
}

#[test]
fn a_busy_registry_is_asked_again_during_an_upload() {
    let busy = vec![Action::answer(503, ""), Action::answer(429, ""), Action::answer(500, "")];
    let Some((registry, proxy)) = behind("PUT", busy) else { return };
    push(&registry, &proxy, 4, MIB / 2);
    let busy = vec![Action::answer(503, ""), Action::answer(502, "")];
    let Some((registry, proxy)) = behind("POST", busy) else { return };
    assert_eq!(count(&push(&registry, &proxy, 5, MIB / 2), "POST"), 3);
}

#[test]
fn a_lost_answer_does_not_send_the_blob_again() {
    let Some((registry, proxy)) = behind("PUT", vec![Action::CutResponse { after: None }]) else {
        return;
    };
    let seen = push(&registry, &proxy, 6, 2 * MIB);
    assert_eq!(sent(&seen, "PUT"), [2 * MIB]);
    assert_eq!(count(&seen, "PATCH"), 0);
    assert_eq!(count(&seen, "HEAD"), 2);
}

#[test]
fn a_registry_that_wants_large_parts_gets_them() {
    let Some(registry) = DockerRegistry::start(&RegistryOptions::default()) else { return };
    let puts = AtomicU32::new(0);
    let proxy = FaultyProxy::start(Some(registry.address()), move |request| {
        match request.method.as_str() {
            "POST" => Action::Add(vec![format!("OCI-Chunk-Min-Length: {}", 2 * MIB)]),
            "PUT" if puts.fetch_add(1, Ordering::Relaxed) == 0 => {
                Action::CutRequest { after: 10, delivered: false }
            }
            _ => Action::Forward,
        }
    });
    let seen = push(&registry, &proxy, 7, 5 * MIB);
    assert_eq!(sent(&seen, "PATCH"), [2 * MIB, 2 * MIB, MIB]);
}

#[test]
fn a_line_that_always_breaks_is_given_up() {
    let Some(registry) = DockerRegistry::start(&RegistryOptions::default()) else { return };
    let proxy =
        FaultyProxy::start(Some(registry.address()), |request| match request.method.as_str() {
            "PUT" | "PATCH" => Action::CutRequest { after: 1000, delivered: false },
            _ => Action::Forward,
        });
    let (layer, bytes) = blob(8, 3 * MIB);
    let error = put(&Setup::new().image(&proxy.name(), "app"), &layer, &bytes, None).unwrap_err();
    assert!(
        matches!(error, Error::Net(_)) && error.to_string().contains("tried 5 times"),
        "{error}"
    );
    let seen = proxy.seen();
    assert_eq!(count(&seen, "PUT") + count(&seen, "PATCH"), 5);
}

#[test]
fn a_plain_refusal_ends_an_upload_at_once() {
    let denied = r#"{"errors":[{"code":"DENIED","message":"quota exceeded"}]}"#;
    let Some((_registry, proxy)) = behind("PUT", vec![Action::answer(403, denied)]) else { return };
    let (layer, bytes) = blob(9, MIB);
    let error = put(&Setup::new().image(&proxy.name(), "app"), &layer, &bytes, None).unwrap_err();
    assert!(error.to_string().contains("was answered 403 (DENIED: quota exceeded)"), "{error}");
    assert_eq!(count(&proxy.seen(), "PUT"), 1);
}

#[test]
fn the_source_may_fail_too() {
    use lightship_oci::{BlobReader, Destination as _};
    use std::io::{self, Cursor, Read};

    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is on fire"))
        }
    }
    let Some(registry) = DockerRegistry::start(&RegistryOptions::default()) else { return };
    let target = Setup::new().image(&registry.name(), "app");
    let (layer, bytes) = blob(10, MIB);
    let open = |_: u64| -> Result<BlobReader, Error> {
        Ok(Box::new(Cursor::new(bytes[..1000].to_vec()).chain(Failing)))
    };
    let error = target.put_blob(&layer, None, &open, &|_| ()).unwrap_err();
    assert!(
        matches!(&error, Error::Read { source, .. } if source.to_string().contains("fire")),
        "{error:?}"
    );
    let closed = |_: u64| -> Result<BlobReader, Error> { Err(Error::invalid("layer", "locked")) };
    let error = target.put_blob(&layer, None, &closed, &|_| ()).unwrap_err();
    assert_eq!(error.to_string(), "layer: locked");
}
