//! Files and helpers as they are met in the wild, and broken ones.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::*;

fn basic(username: &str, password: &str) -> Credential {
    Credential::Basic { username: username.into(), password: Secret::new(password) }
}

fn keychain(folder: &Path, content: &str) -> Keychain {
    let file = folder.join("config.json");
    fs::write(&file, content).unwrap();
    let helpers = Helpers { search: vec![folder.to_owned()], time_limit: Duration::from_secs(10) };
    Keychain { explicit: Vec::new(), files: vec![file], helpers }
}

fn find(content: &str, registry: &str, repository: &str) -> Option<Credential> {
    let folder = tempfile::tempdir().unwrap();
    keychain(folder.path(), content).lookup(registry, repository).unwrap().credential
}

fn helper(folder: &Path, name: &str, script: &str) {
    let path = folder.join(format!("docker-credential-{name}"));
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn dockers_file_is_understood() {
    // `me:pa:ss`, and `me:pw` padded as Docker does.
    let content = r#"{"auths": {
        "https://index.docker.io/v1/": {"auth": "bWU6cGE6c3M="},
        "localhost:5000": {"username": "u", "password": "p"},
        "https://old.example/v2/": {"auth": "bWU6cHcAAA=="},
        "id.example": {"auth": "bWU6cHc=", "identitytoken": "idt"},
        "rt.example": {"registrytoken": "rt"},
        "helper.example": {}, "null.example": null
    }, "HttpHeaders": {"User-Agent": "x"}, "psFormat": "table"}"#;
    for hub in ["docker.io", "index.docker.io", "registry-1.docker.io"] {
        assert_eq!(find(content, hub, "library/python"), Some(basic("me", "pa:ss")));
    }
    assert_eq!(find(content, "localhost:5000", "a"), Some(basic("u", "p")));
    assert_eq!(find(content, "old.example", "a"), Some(basic("me", "pw")));
    let token = Secret::new("idt");
    assert_eq!(find(content, "id.example", "a"), Some(Credential::IdentityToken(token)));
    let token = Secret::new("rt");
    assert_eq!(find(content, "rt.example", "a"), Some(Credential::RegistryToken(token)));
    for without in ["helper.example", "null.example", "localhost:5001", "example"] {
        assert_eq!(find(content, without, "a"), None, "{without}");
    }
}

#[test]
fn podmans_longest_key_wins() {
    // `host:x`, `team:x`, `app:x`
    let content = r#"{"auths": {
        "r.example": {"auth": "aG9zdDp4"},
        "r.example/team": {"auth": "dGVhbTp4"},
        "r.example/team/app": {"auth": "YXBwOng="}
    }}"#;
    let who = |repository: &str| match find(content, "r.example", repository) {
        Some(Credential::Basic { username, .. }) => username,
        other => panic!("{other:?}"),
    };
    assert_eq!(who("team/app"), "app");
    assert_eq!(who("team/app/sub"), "app");
    assert_eq!(who("team/apple"), "team");
    assert_eq!(who("teams/x"), "host");
}

#[test]
fn earlier_files_and_explicit_credentials_come_first() {
    let folder = tempfile::tempdir().unwrap();
    let mut keys = keychain(folder.path(), r#"{"auths": {"r.example": {"username": "second"}}}"#);
    let first = folder.path().join("auth.json");
    fs::write(&first, r#"{"auths": {"r.example": {"username": "first"}}}"#).unwrap();
    keys.files.insert(0, first);
    keys.files.insert(0, folder.path().join("missing.json"));
    keys.files.insert(0, folder.path().join("auth.json/below-a-file.json"));
    assert_eq!(keys.lookup("r.example", "a").unwrap().credential, Some(basic("first", "")));
    keys.explicit
        .push(Explicit { registry: Some("r.example".into()), credential: basic("env", "x") });
    assert_eq!(keys.lookup("r.example", "a").unwrap().credential, Some(basic("env", "x")));
    assert_eq!(keys.lookup("other.example", "a").unwrap().credential, None);
}

#[test]
fn malformed_files_are_named_and_not_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        r#"{"auths": {"r.example": {"password": 12345678}}}"#,
        r#"{"auths": "s3cret"}"#,
        r#"{"auths": {"r.example": {"auth": "!s3cret!"}}}"#,
        r#"{"auths": {"r.example": {"auth": "czNjcmV0"}}}"#,
        "s3cret",
    ];
    for content in cases {
        let error = keychain(folder.path(), content).lookup("r.example", "a").unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("config.json"), "{shown}");
        assert!(!shown.contains("s3cret") && !shown.contains("1234"), "{shown}");
    }
    // Another registry's broken entry is none of our business.
    assert_eq!(find(cases[2], "q.example", "a"), None);
    assert_eq!(find(" \n", "r.example", "a"), None);
}

#[test]
fn helpers_are_asked_with_the_registry_on_their_input() {
    let folder = tempfile::tempdir().unwrap();
    helper(
        folder.path(),
        "echo",
        r#"read -r server || true; test "$1" = get || exit 9
           printf '{"ServerURL":"%s","Username":"%s","Secret":"s"}' "$server" "$server""#,
    );
    helper(folder.path(), "token", r#"echo '{"Username":"<token>","Secret":"refresh"}'"#);
    helper(folder.path(), "none", "echo 'credentials not found in native keychain'; exit 1");
    let content = r#"{"credHelpers": {"r.example": "token", "n.example": "none"}, "credsStore": "echo",
        "auths": {"r.example": {}}}"#;
    let keys = keychain(folder.path(), content);
    let found = |registry: &str| keys.lookup(registry, "a").unwrap().credential;
    assert_eq!(found("r.example"), Some(Credential::IdentityToken(Secret::new("refresh"))));
    assert_eq!(found("docker.io"), Some(basic("https://index.docker.io/v1/", "s")));
    assert_eq!(found("x.example:5000"), Some(basic("x.example:5000", "s")));
    assert_eq!(found("n.example"), Some(basic("n.example", "s")), "the store is asked next");
}

#[test]
fn a_helper_that_fails_is_an_error_only_where_it_was_meant_for_this_registry() {
    let folder = tempfile::tempdir().unwrap();
    helper(folder.path(), "broken", "echo 'my password is s3cret'; exit 3");
    helper(folder.path(), "chatty", "echo 'not json but s3cret'");
    for name in ["broken", "chatty", "absent", "../../bin/sh", ""] {
        let store =
            format!(r#"{{"credsStore": "{name}", "auths": {{"r.example": {{"username": "u"}}}}}}"#);
        let lookup = keychain(folder.path(), &store).lookup("r.example", "a").unwrap();
        assert_eq!(lookup.credential, Some(basic("u", "")), "{name}");
        assert_eq!(lookup.passed_over.len(), usize::from(!name.is_empty()), "{name}");
        assert!(!format!("{lookup:?}").contains("s3cret"));
    }
    let own = r#"{"credHelpers": {"r.example": "broken"}}"#;
    let error = keychain(folder.path(), own).lookup("r.example", "a").unwrap_err();
    assert!(error.to_string().contains("docker-credential-broken"));
    assert!(!format!("{error:?}").contains("s3cret"));
}

#[test]
fn a_helper_that_hangs_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let pid_file = folder.path().join("pid");
    helper(folder.path(), "hangs", &format!("echo $$ > {}; exec sleep 600", pid_file.display()));
    let mut keys = keychain(folder.path(), r#"{"credHelpers": {"r.example": "hangs"}}"#);
    keys.helpers.time_limit = Duration::from_secs(1);
    let error = keys.lookup("r.example", "a").unwrap_err();
    assert!(error.to_string().contains("did not answer within 1s"), "{error}");
    let pid = fs::read_to_string(pid_file).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).exists(), "the helper still runs");
}
