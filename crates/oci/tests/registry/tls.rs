//! Certificates: known, unknown, and none at all.

use std::fs;
use std::process::{Command, Stdio};

use lightship_base::{Category, Diagnose as _};
use lightship_net::roots_from_pem;
use lightship_oci::Source as _;
use lightship_oci::registry::Transport;
use lightship_testkit::docker_registry::{DockerRegistry, RegistryOptions, skip};

use crate::support::{MIB, Sample, Setup, hints};

#[test]
fn a_certificate_must_be_known() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
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
            "/CN=localhost",
        ])
        .args([
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .stderr(Stdio::null())
        .status();
    if made.is_err() {
        return skip("openssl is not installed");
    }
    let options =
        RegistryOptions { tls: Some((certificate.clone(), key)), ..RegistryOptions::default() };
    let Some(server) = DockerRegistry::start(&options) else { return };
    let mut setup = Setup::new();
    setup.options.transport = Transport::Https;
    let error = setup.image(&server.name(), "app:v1").root().unwrap_err();
    assert_eq!(error.category(), Category::Network);
    assert!(error.to_string().contains("no trusted connection"), "{error}");
    assert!(!error.to_string().contains("tried"), "trying again changes nothing: {error}");
    assert!(hints(&error).contains("certificate of your own"), "{}", hints(&error));
    setup.roots = roots_from_pem(&fs::read(certificate).unwrap(), "cert.pem").unwrap();
    let sample = Sample::new(1, &[3 * MIB, 5]);
    sample.push(&setup.image(&server.name(), "app:v1")).unwrap();
    sample.check(&setup.image(&server.name(), "app:v1"));
    // Plain HTTP to a server that wants TLS.
    let error = Setup::new().image(&server.name(), "app:v1").root().unwrap_err();
    assert!(hints(&error).contains("speaks HTTPS only"), "{error} {}", hints(&error));
}

#[test]
fn a_server_without_one_suggests_plain_http() {
    let Some(server) = DockerRegistry::start(&RegistryOptions::default()) else { return };
    let mut setup = Setup::new();
    setup.options.transport = Transport::Https;
    let error = setup.image(&server.name(), "app:v1").root().unwrap_err();
    assert!(error.to_string().contains("does not speak HTTPS"), "{error}");
    assert!(hints(&error).contains("--plain-http"), "{}", hints(&error));
}
