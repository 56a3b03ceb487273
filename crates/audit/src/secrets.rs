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

/// Whether an environment variable's name says that its value is a secret: `DB_PASSWORD`, `HF_TOKEN`,
/// `AWS_SECRET_ACCESS_KEY`; not one that names a place (`…_FILE`), nor a public key (`GPG_KEY`).
pub(crate) fn in_variable(name: &str) -> bool {
    const PLACES: [&str; 4] = ["FILE", "PATH", "DIR", "SOCK"];
    const SECRETS: [&str; 6] =
        ["PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "CREDENTIALS"];
    const KEYS: [&str; 9] = [
        "API",
        "ACCESS",
        "SECRET",
        "PRIVATE",
        "AUTH",
        "ENCRYPTION",
        "SIGNING",
        "MASTER",
        "ACCOUNT",
    ];
    let name = name.to_ascii_uppercase();
    let words: Vec<&str> = name.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    if words.last().is_some_and(|last| PLACES.contains(last)) {
        return false;
    }
    // `PGPASSWORD` and the like have no underscore; `PWD` alone is the working folder.
    let is_secret = |word: &&str| SECRETS.iter().any(|secret| word.ends_with(secret));
    words.iter().any(is_secret)
        || words.contains(&"APIKEY")
        || words.iter().skip(1).any(|word| ["PASS", "PWD"].contains(word))
        || words.windows(2).any(|pair| pair[1] == "KEY" && KEYS.contains(&pair[0]))
}

/// Whether a text is a secret, or has one in it, whatever it is called: a key, or a URL with a password.
pub(crate) fn in_value(text: &str) -> bool {
    let has_password = |rest: &str| {
        let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        authority.rsplit_once('@').is_some_and(|(user, _)| {
            user.split_once(':').is_some_and(|(_, password)| !password.is_empty())
        })
    };
    in_content(text.as_bytes()).is_some() || text.split("://").skip(1).any(has_password)
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
    fn variables_are_known_by_name_or_value() {
        for name in [
            "DB_PASSWORD",
            "PGPASSWORD",
            "MYSQL_PWD",
            "db_pass",
            "HF_TOKEN",
            "GITHUB_TOKEN",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_ACCESS_KEY_ID",
            "OPENAI_API_KEY",
            "STRIPE_APIKEY",
            "CLIENT_SECRET",
        ] {
            assert!(in_variable(name), "{name}");
        }
        for name in [
            "PATH",
            "PWD",
            "OLDPWD",
            "GPG_KEY",
            "POSTGRES_PASSWORD_FILE",
            "SSH_AUTH_SOCK",
            "TOKENIZERS_PARALLELISM",
            "MAX_TOKENS",
            "BYPASS_CACHE",
            "KEY",
            "",
        ] {
            assert!(!in_variable(name), "{name}");
        }
        for value in [
            "postgres://me:hunter2@db/x",
            "a https://u:p@q@host/x",
            "-----BEGIN PRIVATE KEY-----\nMII",
        ] {
            assert!(in_value(value), "{value}");
        }
        for value in ["", "https://host:8080/a:b@c", "https://me@host/", "ssh://git:@host", "a:b@c"]
        {
            assert!(!in_value(value), "{value}");
        }
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
