//! Downloads over lines that break, against the real registry's behaviour.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lightship_base::{Category, Diagnose as _};
use lightship_oci::{Error, Source as _};
use lightship_testkit::docker_registry::{DockerRegistry, RegistryOptions};
use lightship_testkit::faulty_proxy::{Action, Answer, FaultyProxy, Seen};

use crate::support::{MIB, Sample, Setup, fetch, image};

/// A registry that has `sample` as `app:v1`, behind a proxy.
fn behind(
    sample: &Sample,
    decide: impl Fn(&Seen) -> Action + Send + Sync + 'static,
) -> Option<(DockerRegistry, FaultyProxy)> {
    let registry = DockerRegistry::start(&RegistryOptions::default())?;
    sample.push(&Setup::new().image(&registry.name(), "app:v1")).unwrap();
    let proxy = FaultyProxy::start(Some(registry.address()), decide);
    Some((registry, proxy))
}

fn blob_requests(proxy: &FaultyProxy) -> Vec<Option<String>> {
    let seen = proxy.seen();
    let blobs = seen.iter().filter(|request| request.is("GET", "/blobs/"));
    blobs.map(|request| request.header("range").map(str::to_owned)).collect()
}

#[test]
fn a_download_goes_on_where_it_broke() {
    let sample = Sample::new(1, &[5 * MIB]);
    let cut = |request: &Seen| {
        if request.is("GET", "/blobs/") {
            Action::CutResponse { after: Some(MIB) }
        } else {
            Action::Forward
        }
    };
    let Some((_registry, proxy)) = behind(&sample, cut) else { return };
    let (layer, bytes) = sample.layer(0);
    let image = Setup::new().image(&proxy.name(), "app:v1");
    assert!(&fetch(&image, layer, 0).unwrap() == bytes);
    let ranges = blob_requests(&proxy);
    assert_eq!(ranges[0], None);
    let froms: Vec<u64> = ranges[1..]
        .iter()
        .map(|range| {
            let range = range.as_deref().unwrap();
            range.strip_prefix("bytes=").unwrap().strip_suffix('-').unwrap().parse().unwrap()
        })
        .collect();
    // What a cut connection still had in its buffers may be lost, so only the direction is certain.
    assert!(froms.len() >= 4 && froms.is_sorted() && froms[0] > 0, "{froms:?}");
    proxy.forget();
    assert!(fetch(&image, layer, 4 * MIB + 1).unwrap() == bytes[4 * 1024 * 1024 + 1..]);
    assert_eq!(blob_requests(&proxy), [Some(format!("bytes={}-", 4 * MIB + 1))]);
}

#[test]
fn a_server_that_ignores_ranges_costs_time_but_no_byte() {
    let sample = Sample::new(2, &[3 * MIB]);
    let times = AtomicU32::new(0);
    let decide = move |request: &Seen| match request.is("GET", "/blobs/") {
        true if times.fetch_add(1, Ordering::Relaxed) == 0 => {
            Action::CutResponse { after: Some(2 * MIB) }
        }
        true => Action::Drop(&["range"]),
        false => Action::Forward,
    };
    let Some((_registry, proxy)) = behind(&sample, decide) else { return };
    let (layer, bytes) = sample.layer(0);
    let image = Setup::new().image(&proxy.name(), "app:v1");
    assert!(&fetch(&image, layer, 0).unwrap() == bytes);
    assert_eq!(blob_requests(&proxy).len(), 2);
    assert!(fetch(&image, layer, MIB).unwrap() == bytes[1024 * 1024..]);
}

#[test]
fn a_line_that_falls_silent_is_left_for_a_new_one() {
    let sample = Sample::new(3, &[3 * MIB]);
    let times = AtomicU32::new(0);
    let decide = move |request: &Seen| {
        let first = request.is("GET", "/blobs/") && times.fetch_add(1, Ordering::Relaxed) == 0;
        if first { Action::Stall { after: MIB } } else { Action::Forward }
    };
    let Some((_registry, proxy)) = behind(&sample, decide) else { return };
    let (layer, bytes) = sample.layer(0);
    let setup = Setup { stall: Duration::from_secs(1), ..Setup::new() };
    assert!(&fetch(&setup.image(&proxy.name(), "app:v1"), layer, 0).unwrap() == bytes);
    let ranges = blob_requests(&proxy);
    assert!(ranges.len() >= 2 && ranges[1].is_some(), "{ranges:?}");
}

#[test]
fn a_busy_registry_is_waited_for() {
    let sample = Sample::new(4, &[MIB]);
    let times = AtomicU32::new(0);
    let decide = move |_: &Seen| match times.fetch_add(1, Ordering::Relaxed) % 3 {
        0 => Action::Answer(Answer {
            status: 429,
            headers: vec!["Retry-After: 3".into()],
            ..Answer::default()
        }),
        1 => Action::answer(503, ""),
        _ => Action::Forward,
    };
    let Some((_registry, proxy)) = behind(&sample, decide) else { return };
    let setup = Setup::new();
    sample.check(&setup.image(&proxy.name(), "app:v1"));
    let pauses = setup.pauses.all();
    assert_eq!(pauses.len(), 6, "two for the manifest, the config and the layer each: {pauses:?}");
    assert!(pauses.iter().step_by(2).all(|pause| *pause == Duration::from_secs(3)), "{pauses:?}");
}

#[test]
fn documents_are_read_again_when_they_break() {
    let sample = Sample::new(5, &[10]);
    let times = AtomicU32::new(0);
    let decide = move |_: &Seen| match times.fetch_add(1, Ordering::Relaxed) % 3 {
        0 => Action::CutResponse { after: Some(20) },
        1 => Action::CutResponse { after: None },
        _ => Action::Forward,
    };
    let Some((_registry, proxy)) = behind(&sample, decide) else { return };
    sample.check(&Setup::new().image(&proxy.name(), "app:v1"));
}

#[test]
fn a_line_that_never_carries_a_byte_is_given_up() {
    let sample = Sample::new(6, &[MIB]);
    let decide = |request: &Seen| match request.is("GET", "/blobs/") {
        true if request.header("range").is_none() => Action::CutResponse { after: Some(1000) },
        true => Action::CutResponse { after: Some(0) },
        false => Action::Forward,
    };
    let Some((_registry, proxy)) = behind(&sample, decide) else { return };
    let setup = Setup::new();
    let error = fetch(&setup.image(&proxy.name(), "app:v1"), &sample.layer(0).0, 0).unwrap_err();
    assert!(matches!(error, Error::Read { .. }), "{error:?}");
    assert_eq!(error.category(), Category::Network, "the cause is known through the reader");
    assert!(blob_requests(&proxy).len() <= 6, "{:?}", blob_requests(&proxy));
    // And statuses that stay.
    let down = FaultyProxy::start(None, |_| Action::answer(503, "<html>down</html>"));
    let error = Setup::new().image(&down.name(), "app").root().unwrap_err();
    assert!(error.to_string().contains("was answered 503 (tried 5 times)"), "{error}");
    assert_eq!(down.seen().len(), 5);
}

#[test]
fn a_signed_address_is_followed_without_our_credential_and_never_shown() {
    let sample = Sample::new(7, &[MIB]);
    let body = sample.layer(0).1.clone();
    let storage = FaultyProxy::start(None, move |request| {
        let as_signed = request.target.contains("s3cret");
        if as_signed && request.header("authorization").is_none() {
            Action::answer(200, body.clone())
        } else {
            Action::answer(403, "no")
        }
    });
    let signed = format!("Location: http://{}/data?X-Signature=s3cret", storage.name());
    let decide = move |request: &Seen| {
        if request.header("authorization").is_none() {
            let headers = vec!["WWW-Authenticate: Basic realm=\"x\"".into()];
            return Action::Answer(Answer { status: 401, headers, ..Answer::default() });
        }
        Action::Answer(Answer { status: 307, headers: vec![signed.clone()], ..Answer::default() })
    };
    let front = FaultyProxy::start(None, decide);
    let registry = Setup::with_password("pw").registry(&front.name());
    let (layer, bytes) = sample.layer(0);
    assert!(&fetch(&image(&registry, "app"), layer, 0).unwrap() == bytes);
    // A storage that refuses is named without its query.
    let missing = Sample::new(8, &[10]).layer(0).0.clone();
    drop(storage);
    let Err(error) = image(&registry, "app").blob(&missing, 0) else { panic!("storage is gone") };
    let text = crate::support::shown(&error);
    assert!(text.contains("/data") && !text.contains("s3cret"), "{text}");
}
