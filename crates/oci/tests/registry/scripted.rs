//! Behaviour that the packaged registry is too old to show, played by a script: sessions that keep
//! what arrived, lists in pages, tokens that run out.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use lightship_base::{Digest, TransferOutcome};
use lightship_oci::Error;
use lightship_testkit::faulty_proxy::{Action, Answer, FaultyProxy, Seen};

use crate::support::{MIB, Setup, blob, put};

fn answer(status: u16, headers: &[&str]) -> Action {
    let headers = headers.iter().map(|line| (*line).to_owned()).collect();
    Action::Answer(Answer { status, headers, ..Answer::default() })
}

/// A registry that keeps what arrived of a broken upload. It takes `first` bytes of the first PUT.
fn keeping(first: u64, range: String) -> FaultyProxy {
    let puts = AtomicU32::new(0);
    FaultyProxy::start(None, move |request| match request.method.as_str() {
        "HEAD" => answer(404, &[]),
        "POST" => answer(202, &["Location: /session/1?state=s3cret"]),
        "PUT" if puts.fetch_add(1, Ordering::Relaxed) == 0 => {
            Action::CutRequest { after: first, delivered: false }
        }
        "PUT" => answer(201, &[]),
        "GET" => answer(204, &[&format!("Range: {range}"), "Location: 1?state=two"]),
        "PATCH" => answer(202, &["Location: /session/1?state=three"]),
        _ => answer(405, &[]),
    })
}

fn parts(proxy: &FaultyProxy) -> Vec<Seen> {
    proxy.seen().into_iter().filter(|one| one.method == "PATCH").collect()
}

#[test]
fn an_upload_goes_on_in_the_middle_of_a_part() {
    let (layer, bytes) = blob(1, 3 * MIB);
    let middle = MIB + 12_345;
    for range in [format!("0-{}", middle - 1), format!("bytes=0-{}", middle - 1)] {
        let proxy = keeping(2 * MIB, range);
        let outcome = put(&Setup::new().image(&proxy.name(), "app"), &layer, &bytes, None).unwrap();
        assert_eq!(outcome, (TransferOutcome::Done, 3 * MIB));
        let parts = parts(&proxy);
        assert_eq!(parts[0].target, "/session/1?state=two");
        assert_eq!(parts[1].target, "/session/1?state=three");
        let ranges: Vec<_> = parts.iter().map(|one| one.header("content-range").unwrap()).collect();
        let ends = [middle + MIB, 3 * MIB];
        assert_eq!(
            ranges,
            [format!("{middle}-{}", ends[0] - 1), format!("{}-{}", ends[0], ends[1] - 1)]
        );
        let resumed: Vec<u8> = parts.iter().flat_map(|one| one.body.clone()).collect();
        assert!(resumed == bytes[usize::try_from(middle).unwrap()..]);
        let closing = proxy.seen().last().unwrap().target.clone();
        assert!(closing.starts_with("/session/1?state=three&digest=sha256%3A"), "{closing}");
    }
}

#[test]
fn offsets_that_cannot_be_are_not_believed() {
    let (layer, bytes) = blob(2, 3 * MIB);
    // More than was sent, nothing or one byte, nonsense: a new session is begun.
    for range in ["0-3000000000", "0-0", "5-9", "0-18446744073709551615", "x"] {
        let proxy = keeping(1000, range.to_owned());
        put(&Setup::new().image(&proxy.name(), "app"), &layer, &bytes, None).unwrap();
        let sent: Vec<u8> = parts(&proxy).iter().flat_map(|one| one.body.clone()).collect();
        assert!(sent == bytes, "{range}");
    }
}

#[test]
fn an_upload_without_an_address_is_an_error() {
    let proxy = FaultyProxy::start(None, |request| match request.method.as_str() {
        "HEAD" => answer(404, &[]),
        _ => answer(202, &[]),
    });
    let (layer, bytes) = blob(3, 10);
    let error = put(&Setup::new().image(&proxy.name(), "app"), &layer, &bytes, None).unwrap_err();
    assert!(error.to_string().contains("without saying where"), "{error}");
}

#[test]
fn an_upload_address_elsewhere_gets_no_credential() {
    let storage = FaultyProxy::start(None, |_| answer(201, &[]));
    let location = format!("Location: http://{}/put?sig=s3cret", storage.name());
    let front = FaultyProxy::start(None, move |request| match request.method.as_str() {
        _ if request.header("authorization").is_none() => {
            answer(401, &["WWW-Authenticate: Basic realm=x"])
        }
        "HEAD" => answer(404, &[]),
        _ => answer(202, &[&location]),
    });
    let (layer, bytes) = blob(4, 1000);
    let setup = Setup::with_password("pw");
    put(&setup.image(&front.name(), "app"), &layer, &bytes, None).unwrap();
    let seen = &storage.seen()[0];
    assert_eq!((seen.header("authorization"), seen.body_bytes), (None, 1000));
}

#[test]
fn tags_come_in_pages() {
    let proxy = FaultyProxy::start(None, |request| {
        let (body, link) = match request.target.as_str() {
            "/v2/app/tags/list" => {
                (r#"{"name":"app","tags":["a","b"]}"#, Some("/v2/app/tags/list?last=b"))
            }
            "/v2/app/tags/list?last=b" => (r#"{"tags":["c"]}"#, Some("?last=c")),
            "/v2/app/tags/list?last=c" => (r#"{"tags":null}"#, None),
            "/v2/far/tags/list" => (r#"{"tags":["a"]}"#, Some("https://evil.example/next")),
            _ => ("[", None),
        };
        let headers = link.iter().map(|link| format!("Link: <{link}>; rel=\"next\"")).collect();
        Action::Answer(Answer { status: 200, headers, body: body.into() })
    });
    let registry = Setup::new().registry(&proxy.name());
    assert_eq!(registry.tags("app").unwrap(), ["a", "b", "c"]);
    assert!(registry.tags("far").unwrap_err().to_string().contains("somewhere else"));
    assert!(matches!(registry.tags("bad"), Err(Error::Json { .. })));
}

/// A registry and its token server in one. A token is good for `uses` requests.
fn with_tokens(uses: u32) -> (FaultyProxy, Arc<Mutex<Vec<Seen>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (log, name) = (Arc::clone(&asked), Arc::new(Mutex::new(String::new())));
    let state = Mutex::new((0_u32, 0_u32));
    let own_name = Arc::clone(&name);
    let proxy = FaultyProxy::start(None, move |request| {
        let mut state = state.lock().unwrap();
        if request.target.starts_with("/token") {
            log.lock().unwrap().push(request.clone());
            *state = (state.0 + 1, uses);
            return Action::answer(200, format!(r#"{{"access_token":"t{}"}}"#, state.0));
        }
        let good = request.header("authorization") == Some(&format!("Bearer t{}", state.0));
        if !good || state.1 == 0 {
            let realm = own_name.lock().unwrap();
            let challenge = format!(
                r#"WWW-Authenticate: Bearer realm="http://{realm}/token",service="reg",scope="repository:app:pull extra:x:y""#
            );
            return answer(401, &[&challenge]);
        }
        state.1 -= 1;
        Action::answer(200, r#"{"tags":["v1"]}"#)
    });
    proxy.name().clone_into(&mut name.lock().unwrap());
    (proxy, asked)
}

#[test]
fn tokens_are_kept_and_renewed_when_they_run_out() {
    let (proxy, asked) = with_tokens(3);
    let registry = Setup::with_password("pw").registry(&proxy.name());
    for _ in 0..7 {
        assert_eq!(registry.tags("app").unwrap(), ["v1"]);
    }
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 3, "one token serves three requests");
    assert!(
        asked[0].target.contains(
            "service=reg&scope=repository%3Aapp%3Apull&scope=extra%3Ax%3Ay&account=lightship"
        ),
        "{}",
        asked[0].target
    );
    assert_eq!(asked[0].header("authorization"), Some("Basic bGlnaHRzaGlwOnB3"));
}

#[test]
fn threads_that_are_refused_together_share_one_token() {
    let (proxy, asked) = with_tokens(1000);
    let registry = Setup::new().registry(&proxy.name());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(registry.tags("app").unwrap(), ["v1"]));
        }
    });
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].header("authorization"), None, "nobody logged in");
}

#[test]
fn an_identity_token_goes_in_the_body_of_a_post() {
    use lightship_net::Secret;
    use lightship_net::credentials::{Credential, Explicit};

    let (proxy, _) = with_tokens(1);
    let mut setup = Setup::new();
    let credential = Credential::IdentityToken(Secret::new("refresh&me"));
    setup.keychain.explicit.push(Explicit { registry: Some(proxy.name()), credential });
    setup.registry(&proxy.name()).tags("app").unwrap();
    let seen = proxy.seen();
    let post = seen.iter().find(|one| one.method == "POST").unwrap();
    let body = String::from_utf8_lossy(&post.body);
    assert!(body.starts_with("grant_type=refresh_token&refresh_token=refresh%26me&client_id=lightship&service=reg&scope="), "{body}");
    assert_eq!(post.target, "/token");
}

#[test]
fn a_token_server_that_talks_nonsense_is_not_quoted() {
    for body in [r#"{"token":"s3cret" "#, r#"{"token":""}"#, "[]"] {
        let name = Arc::new(Mutex::new(String::new()));
        let own_name = Arc::clone(&name);
        let proxy = FaultyProxy::start(None, move |request| {
            if request.target.starts_with("/token") {
                return Action::answer(200, body);
            }
            let realm = own_name.lock().unwrap();
            answer(401, &[&format!(r#"WWW-Authenticate: Bearer realm="http://{realm}/token""#)])
        });
        proxy.name().clone_into(&mut name.lock().unwrap());
        let error = Setup::new().registry(&proxy.name()).tags("app").unwrap_err();
        let text = crate::support::shown(&error);
        assert!(text.contains("has no token") && !text.contains("s3cret"), "{text}");
    }
}

#[test]
fn a_realm_without_tls_on_another_machine_gets_nothing() {
    let proxy = FaultyProxy::start(None, |_| {
        answer(401, &[r#"WWW-Authenticate: Bearer realm="http://auth.example/token""#])
    });
    let error = Setup::with_password("pw").registry(&proxy.name()).tags("app").unwrap_err();
    assert!(error.to_string().contains("refused to speak plain HTTP"), "{error}");
}

#[test]
fn a_listed_referrer_is_read_from_the_registrys_own_list() {
    let subject = Digest::of(b"subject");
    let entry = |seed: &[u8], kind: &str| {
        let digest = Digest::of(seed);
        format!(
            r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{digest}","size":1,"artifactType":"{kind}"}}"#
        )
    };
    let index = |entries: &[String]| {
        format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{}]}}"#,
            entries.join(",")
        )
    };
    let pages =
        [index(&[entry(b"1", "a/sbom"), entry(b"2", "a/sig")]), index(&[entry(b"3", "a/sbom")])];
    let path = format!("/v2/app/referrers/{subject}");
    let proxy = FaultyProxy::start(None, move |request| {
        if request.target.ends_with("page=2") {
            return Action::answer(200, pages[1].clone());
        }
        assert!(request.target.starts_with(&path));
        let headers = vec![format!("Link: <{path}?page=2>; rel=next")];
        Action::Answer(Answer { status: 200, headers, body: pages[0].clone().into() })
    });
    let registry = Setup::new().registry(&proxy.name());
    assert_eq!(registry.referrers("app", &subject, None).unwrap().len(), 3);
    let only = registry.referrers("app", &subject, Some("a/sbom")).unwrap();
    let digests: Vec<Digest> = only.iter().map(|one| one.digest).collect();
    assert_eq!(digests, [Digest::of(b"1"), Digest::of(b"3")]);
    assert!(proxy.seen().iter().any(|one| one.target.ends_with("?artifactType=a%2Fsbom")));
}
