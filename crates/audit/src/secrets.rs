//! Recognising keys and credentials. Reports name paths, never contents.

use serde::Serialize;

/// How much of a file's beginning decides.
pub(crate) const HEAD_BYTES: usize = 4096;

/// What kind of secret a file looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretKind {
    /// A private key in PEM or OpenSSH form.
    PrivateKey,
    /// A cloud service account's key file.
    ServiceAccount,
    /// A tool's stored credentials.
    Credentials,
    /// A file of environment settings, which by custom holds passwords.
    Environment,
}

impl SecretKind {
    /// In a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::PrivateKey => "a private key",
            Self::ServiceAccount => "a service account's key",
            Self::Credentials => "stored credentials",
            Self::Environment => "environment settings, which often hold passwords",
        }
    }
}

/// Looks at a file's beginning. Only a file that *begins* as a key or key file counts: source code that
/// mentions the markers does not.
pub(crate) fn in_content(head: &[u8]) -> Option<SecretKind> {
    let text = head.trim_ascii_start();
    if text.starts_with(b"-----BEGIN ") && begins_private_key(text) {
        return Some(SecretKind::PrivateKey);
    }
    let service_account = [&br#""type": "service_account""#[..], br#""type":"service_account""#];
    if text.starts_with(b"{") && service_account.iter().any(|mark| contains(text, mark)) {
        return Some(SecretKind::ServiceAccount);
    }
    None
}

/// A bundle may have certificates before its key.
fn begins_private_key(text: &[u8]) -> bool {
    text.split(|b| *b == b'\n').any(|line| {
        line.strip_prefix(b"-----BEGIN ").is_some_and(|kind| {
            contains(kind, b"PRIVATE KEY-----") || contains(kind, b"PRIVATE KEY BLOCK")
        })
    })
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// Looks at a path alone: places where tools keep credentials.
pub(crate) fn in_path(path: &[u8]) -> Option<SecretKind> {
    const CREDENTIALS: [&[u8]; 10] = [
        b".aws/credentials",
        b".docker/config.json",
        b".config/containers/auth.json",
        b".config/gcloud/application_default_credentials.json",
        b".kube/config",
        b".netrc",
        b".pypirc",
        b".git-credentials",
        b".pgpass",
        b".vault-token",
    ];
    let name = path.rsplit(|b| *b == b'/').next().unwrap_or(path);
    let ends_with = |suffix: &&[u8]| {
        path.strip_suffix(*suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with(b"/"))
    };
    if CREDENTIALS.iter().any(ends_with) {
        return Some(SecretKind::Credentials);
    }
    match name {
        b"id_rsa" | b"id_dsa" | b"id_ecdsa" | b"id_ed25519" => Some(SecretKind::PrivateKey),
        _ if is_environment_file(name) => Some(SecretKind::Environment),
        _ => None,
    }
}

/// `.env`, `.env.production`; not the examples that projects ship on purpose.
fn is_environment_file(name: &[u8]) -> bool {
    const HARMLESS: [&[u8]; 5] = [b"example", b"sample", b"template", b"dist", b"defaults"];
    match name.strip_prefix(b".env") {
        Some(b"") => true,
        Some(rest) => rest.starts_with(b".") && !HARMLESS.iter().any(|word| contains(rest, word)),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_from_talk_about_keys() {
        let key = b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl";
        assert_eq!(in_content(key), Some(SecretKind::PrivateKey));
        let bundle = b"-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n-----BEGIN EC PRIVATE KEY-----\n";
        assert_eq!(in_content(bundle), Some(SecretKind::PrivateKey));
        assert_eq!(in_content(b"-----BEGIN CERTIFICATE-----\nMII\n"), None);
        assert_eq!(in_content(b"PEM = '-----BEGIN RSA PRIVATE KEY-----'"), None);
        let account = br#"{ "type": "service_account", "private_key": "x" }"#;
        assert_eq!(in_content(account), Some(SecretKind::ServiceAccount));
    }

    #[test]
    fn places_of_credentials_are_known() {
        for path in
            ["root/.aws/credentials", ".netrc", "app/.env", "app/.env.prod", "root/.ssh/id_rsa"]
        {
            assert!(in_path(path.as_bytes()).is_some(), "{path}");
        }
        for path in [
            "app/.env.example",
            "app/environment.py",
            "root/.ssh/id_rsa.pub",
            "x.netrc",
            "aws/credentials",
        ] {
            assert_eq!(in_path(path.as_bytes()), None, "{path}");
        }
    }
}
