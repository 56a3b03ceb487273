//! Registries that want to know who asks: passwords, and signed tokens.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use lightship_base::{Category, Clock as _, Diagnose as _, SystemClock, TransferOutcome};
use lightship_net::credentials::{Helpers, Keychain};
use lightship_oci::Source as _;
use lightship_testkit::docker_registry::{DockerRegistry, RegistryOptions, TokenOptions, skip};
use lightship_testkit::faulty_proxy::{Action, FaultyProxy, Seen};

use crate::support::{MIB, Sample, Setup, blob, hints, image, put, shown};

/// The user `lightship` with the password `open sesame`.
const HTPASSWD: &str = "lightship:$2b$05$abcdefghijklmnopqrstuupx2xBUC4954936wVIjyyPHmUBFu0wCW\n";

fn guarded() -> Option<DockerRegistry> {
    let options = RegistryOptions { htpasswd: Some(HTPASSWD.into()), ..RegistryOptions::default() };
    DockerRegistry::start(&options)
}

#[test]
fn a_password_opens_the_door() {
    let Some(server) = guarded() else { return };
    let sample = Sample::new(1, &[MIB]);
    let target = Setup::with_password("open sesame").image(&server.name(), "team/app:v1");
    sample.push(&target).unwrap();
    sample.check(&Setup::with_password("open sesame").image(&server.name(), "team/app:v1"));
}

#[test]
fn a_closed_door_says_how_to_knock_and_tells_no_secret() {
    let Some(server) = guarded() else { return };
    let wrong = Setup::with_password("hunter2-s3cret");
    let encoded = STANDARD.encode("lightship:hunter2-s3cret");
    for setup in [Setup::new(), wrong] {
        let target = setup.image(&server.name(), "app:v1");
        let (layer, bytes) = blob(1, 10);
        for error in [target.root().unwrap_err(), put(&target, &layer, &bytes, None).unwrap_err()] {
            assert_eq!(error.category(), Category::Network);
            assert!(error.to_string().contains("was answered 401"), "{error}");
            assert!(
                hints(&error).contains(&format!("docker login {}", server.name())),
                "{}",
                hints(&error)
            );
            let text = shown(&error);
            assert!(!text.contains("hunter2") && !text.contains(&encoded), "{text}");
        }
    }
}

#[test]
fn docker_files_are_used_and_a_broken_store_is_mentioned() {
    let Some(server) = guarded() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    let auth = STANDARD.encode("lightship:open sesame");
    let with_file = |content: String| {
        fs::write(&file, content).unwrap();
        let keychain = Keychain {
            explicit: Vec::new(),
            files: vec![file.clone()],
            helpers: Helpers::default(),
        };
        Setup { keychain, ..Setup::new() }
    };
    let good = with_file(format!(r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#, server.name()));
    Sample::new(2, &[10]).push(&good.image(&server.name(), "app:v1")).unwrap();
    let leftover = with_file(r#"{"credsStore":"desktop"}"#.to_owned());
    let error = leftover.image(&server.name(), "app:v1").root().unwrap_err();
    assert!(hints(&error).contains("docker-credential-desktop"), "{}", hints(&error));
    let broken = with_file(format!(r#"{{"auths":{{"{}":"{auth}"}}}}"#, server.name()));
    let error = broken.image(&server.name(), "app:v1").root().unwrap_err();
    assert_eq!(error.category(), Category::BadInput);
    assert!(shown(&error).contains("config.json") && !shown(&error).contains(&auth));
}

/// Keys and a certificate from `openssl`, whose signatures the registry takes for a token server's.
struct Signer {
    folder: tempfile::TempDir,
}

impl Signer {
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let made = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=tests",
            ])
            .arg("-keyout")
            .arg(folder.path().join("key.pem"))
            .arg("-out")
            .arg(folder.path().join("cert.pem"))
            .stderr(Stdio::null())
            .status();
        let Ok(status) = made else {
            skip("openssl is not installed");
            return None;
        };
        assert!(status.success());
        Some(Self { folder })
    }

    fn certificate(&self) -> std::path::PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// A token of the registry's own kind (*Docker Registry v2 Bearer token specification*).
    fn token(folder: &Path, number: u32, access: &str) -> String {
        let pem = fs::read_to_string(folder.join("cert.pem")).unwrap();
        let der: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let header = format!(r#"{{"typ":"JWT","alg":"RS256","x5c":["{der}"]}}"#);
        let now = SystemClock.now().as_second();
        let claims = format!(
            r#"{{"iss":"test-issuer","sub":"lightship","aud":"test-service","exp":{},"nbf":{},"iat":{now},"jti":"{number}","access":[{access}]}}"#,
            now + 300,
            now - 60
        );
        let signed =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let mut signing = Command::new("openssl")
            .args(["dgst", "-sha256", "-sign"])
            .arg(folder.join("key.pem"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        signing.stdin.take().unwrap().write_all(signed.as_bytes()).unwrap();
        let signature = signing.wait_with_output().unwrap();
        assert!(signature.status.success());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.stdout))
    }
}

/// `repository:a/b:pull,push` as the claim that grants it.
fn grant(scope: &str) -> String {
    let (rest, actions) = scope.rsplit_once(':').unwrap();
    let (kind, name) = rest.split_once(':').unwrap();
    let actions: Vec<String> = actions.split(',').map(|one| format!("\"{one}\"")).collect();
    format!(r#"{{"type":"{kind}","name":"{name}","actions":[{}]}}"#, actions.join(","))
}

/// Gives `lightship` with the right password every scope but those of `private/…`.
fn token_server(folder: std::path::PathBuf) -> FaultyProxy {
    // Tokens of one second would be the same but for their number.
    let number = AtomicU32::new(0);
    let knock = format!("Basic {}", STANDARD.encode("lightship:open sesame"));
    FaultyProxy::start(None, move |request: &Seen| {
        if request.header("authorization") != Some(&knock) {
            return Action::answer(401, r#"{"details":"incorrect username or password"}"#);
        }
        let url: lightship_net::Url =
            format!("http://localhost{}", request.target).parse().unwrap();
        let granted: Vec<String> = url
            .query_pairs()
            .filter(|(key, value)| key == "scope" && !value.contains(":private/"))
            .map(|(_, scope)| grant(&scope))
            .collect();
        let token =
            Signer::token(&folder, number.fetch_add(1, Ordering::Relaxed), &granted.join(","));
        Action::answer(200, format!(r#"{{"token":"{token}","expires_in":300}}"#))
    })
}

#[test]
fn signed_tokens_open_exactly_what_they_name() {
    let Some(signer) = Signer::new() else { return };
    let tokens = token_server(signer.folder.path().to_owned());
    let token = TokenOptions {
        realm: format!("http://{}/token", tokens.name()),
        service: "test-service".into(),
        issuer: "test-issuer".into(),
        certificate: signer.certificate(),
    };
    let options = RegistryOptions { token: Some(token), ..RegistryOptions::default() };
    let Some(server) = DockerRegistry::start(&options) else { return };
    let sample = Sample::new(3, &[MIB]);
    let registry = Setup::with_password("open sesame").registry(&server.name());
    let first = image(&registry, "team/first:v1");
    sample.push(&first).unwrap();
    assert_eq!(tokens.seen().len(), 1, "one token for the whole push");
    sample.check(&Setup::with_password("open sesame").image(&server.name(), "team/first:v1"));
    // Mounting needs to read the one and write the other.
    let second = image(&registry, "team/second:v1");
    let (layer, bytes) = sample.layer(0);
    let outcome = put(&second, layer, bytes, first.mount_origin().as_ref()).unwrap();
    assert_eq!(outcome, (TransferOutcome::Mounted, 0));
    // From a repository that we may not read, it is an upload.
    let closed = (server.name(), "private/app".to_owned());
    let (other, other_bytes) = blob(30, 1000);
    let outcome = put(&second, &other, &other_bytes, Some(&closed)).unwrap();
    assert_eq!(outcome, (TransferOutcome::Done, 1000));
    let error = image(&registry, "private/app:v1").root().unwrap_err();
    assert!(error.to_string().contains("was answered 401"), "{error}");
    // A wrong password is the token server's to refuse, and the registry's name is in the advice.
    let error =
        Setup::with_password("wr0ng").image(&server.name(), "team/first:v1").root().unwrap_err();
    assert!(error.to_string().contains("incorrect username or password"), "{error}");
    assert!(hints(&error).contains(&format!("docker login {}", server.name())));
    assert!(!shown(&error).contains("wr0ng"));
}

#[test]
fn a_token_that_expires_during_an_upload_is_renewed() {
    let Some(signer) = Signer::new() else { return };
    let tokens = token_server(signer.folder.path().to_owned());
    let token = TokenOptions {
        realm: format!("http://{}/token", tokens.name()),
        service: "test-service".into(),
        issuer: "test-issuer".into(),
        certificate: signer.certificate(),
    };
    let options = RegistryOptions { token: Some(token), ..RegistryOptions::default() };
    let Some(server) = DockerRegistry::start(&options) else { return };
    // The proxy spoils the first token when the bytes are about to go.
    let spoiled: Arc<Mutex<Option<String>>> = Arc::default();
    let proxy = FaultyProxy::start(Some(server.address()), move |request| {
        let held = request.header("authorization").map(str::to_owned);
        let mut spoiled = spoiled.lock().unwrap();
        if request.method == "PUT" && spoiled.is_none() {
            spoiled.clone_from(&held);
        }
        if held.is_some() && *spoiled == held {
            return Action::Drop(&["authorization"]);
        }
        Action::Forward
    });
    let registry = Setup::with_password("open sesame").registry(&proxy.name());
    let (layer, bytes) = blob(31, 3 * MIB);
    let outcome = put(&image(&registry, "app"), &layer, &bytes, None).unwrap();
    assert_eq!(outcome, (TransferOutcome::Done, 3 * MIB));
    assert_eq!(tokens.seen().len(), 2);
}
