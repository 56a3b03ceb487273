//! What hardly anybody means to ship: recognised by name, and by what lies beside it.

use super::Rule;

/// A name that is left out wherever it is.
pub(super) fn folder(name: &str, inside: &[&str]) -> Option<Rule> {
    match name {
        ".git" | ".hg" | ".svn" | ".bzr" | ".jj" | "CVS" => Some(Rule::VersionControl),
        ".venv" | ".virtualenv" | ".tox" | ".nox" | ".pixi" | ".direnv" | "node_modules"
        | "__pypackages__" => Some(Rule::Environment),
        "__pycache__" | ".mypy_cache" | ".pytest_cache" | ".ruff_cache" | ".hypothesis"
        | ".ipynb_checkpoints" | ".cache" | ".pytype" | ".pyre" | ".eggs" | "htmlcov"
        | ".uv-cache" | ".npm" => Some(Rule::Cache),
        ".idea" | ".vscode" | ".vs" | ".fleet" | ".zed" | "__MACOSX" => Some(Rule::Editor),
        ".aws" | ".kube" | ".ssh" | ".gnupg" | ".docker" | ".azure" | ".gcloud" => {
            Some(Rule::Secret)
        }
        _ if has_suffix(name, ".egg-info") || has_suffix(name, ".dist-info") => {
            Some(Rule::BuildOutput)
        }
        _ if inside.contains(&"pyvenv.cfg") || inside.contains(&"conda-meta") => {
            Some(Rule::Environment)
        }
        _ if inside.contains(&"vendor.json") && inside.contains(&"lightship.lock") => {
            Some(Rule::Vendored)
        }
        "dist" if holds_distributions(inside) => Some(Rule::BuildOutput),
        "build" if is_setuptools_build(inside) => Some(Rule::BuildOutput),
        _ => None,
    }
}

/// `dist` is left out if there is nothing but Python distributions in it: web files live in such
/// folders too.
fn holds_distributions(inside: &[&str]) -> bool {
    let distribution = |name: &&str| has_suffix(name, ".whl") || has_suffix(name, ".tar.gz");
    let marker = |name: &&str| *name == ".gitignore";
    inside.iter().any(distribution) && inside.iter().all(|name| distribution(name) || marker(name))
}

/// What `setup.py build` makes: nothing but `lib`, `bdist.…`, `temp.…`.
fn is_setuptools_build(inside: &[&str]) -> bool {
    let made = |name: &&str| {
        *name == "lib"
            || ["lib.", "bdist.", "temp.", "scripts-"].iter().any(|p| name.starts_with(p))
    };
    !inside.is_empty() && inside.iter().all(made)
}

/// A file that is left out wherever it is.
pub(super) fn file(name: &str) -> Option<Rule> {
    match name {
        ".DS_Store" | "Thumbs.db" | "desktop.ini" => Some(Rule::Editor),
        ".gitignore" | ".gitattributes" | ".gitmodules" | ".git" | ".hgignore" | ".mailmap" => {
            Some(Rule::VersionControl)
        }
        ".coverage" | ".dmypy.json" => Some(Rule::Cache),
        ".dockerignore" | "lightship.toml" | "lightship.lock" | "lightship.profile" => {
            Some(Rule::Recipe)
        }
        ".netrc" | "_netrc" | ".pypirc" | ".git-credentials" | ".pgpass" | ".vault-token"
        | ".htpasswd" | ".envrc" | ".npmrc" | ".yarnrc" | "pip.conf" | "kubeconfig" => {
            Some(Rule::Secret)
        }
        _ if is_dockerfile(name) => Some(Rule::Recipe),
        _ if is_environment(name) || is_private_key(name) || is_credentials(name) => {
            Some(Rule::Secret)
        }
        _ if has_suffix(name, ".pyc") || has_suffix(name, ".pyo") => Some(Rule::Cache),
        _ if has_suffix(name, ".swp") || name.ends_with('~') => Some(Rule::Editor),
        _ => None,
    }
}

/// A file that is left out by its name and the folder that it is in.
pub(super) fn file_in(folder: &str, name: &str) -> Option<Rule> {
    // Streamlit reads it from there alone.
    (folder == ".streamlit" && name == "secrets.toml").then_some(Rule::Secret)
}

/// Whether a file's beginning must be looked at: by its name it may hold a private key or a public
/// certificate, or it is a small file of settings, as those of service accounts with their key are.
pub(super) fn may_hold_key(name: &str, size: u64) -> bool {
    const SETTINGS: [&str; 5] = [".json", ".yaml", ".yml", ".toml", ".txt"];
    [".pem", ".key", ".p8"].iter().any(|suffix| has_suffix(name, suffix))
        || size < KEY_HEAD && SETTINGS.iter().any(|suffix| has_suffix(name, suffix))
}

/// Whether a text has a private key in it (*RFC 7468*, and OpenSSH's own form). So much of a file is
/// looked at: certificates come before the key in a bundle.
pub(super) const KEY_HEAD: u64 = 1 << 16;

/// The line may be indented, or stand in a text of JSON with `\n` behind it.
pub(super) fn holds_key(head: &[u8]) -> bool {
    let lines = head.split(|b| *b == b'\n');
    lines.filter(|line| line.len() >= 27).any(|line| {
        let begins = line.windows(11).position(|words| words == b"-----BEGIN ");
        let rest = begins.and_then(|at| line.get(at + 11..)).unwrap_or_default();
        rest.windows(16).any(|words| words == b"PRIVATE KEY-----")
    })
}

/// Whether a large file of this name is probably data.
pub(super) fn is_data(name: &str) -> bool {
    const ENDS: [&str; 22] = [
        ".csv",
        ".tsv",
        ".parquet",
        ".feather",
        ".arrow",
        ".orc",
        ".avro",
        ".h5",
        ".hdf5",
        ".npz",
        ".npy",
        ".jsonl",
        ".ndjson",
        ".sqlite",
        ".db",
        ".duckdb",
        ".tfrecord",
        ".zip",
        ".tar",
        ".gz",
        ".zst",
        ".bz2",
    ];
    ENDS.iter().any(|end| has_suffix(name, end))
}

fn has_suffix(name: &str, suffix: &str) -> bool {
    let at = name.len().checked_sub(suffix.len());
    at.and_then(|at| name.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(suffix))
}

fn is_dockerfile(name: &str) -> bool {
    ["Dockerfile", "Containerfile"].iter().any(|stem| {
        name.strip_prefix(stem).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }) || has_suffix(name, ".dockerfile")
}

/// `.env`, `.env.production`, `production.env`; not the examples that projects ship on purpose.
fn is_environment(name: &str) -> bool {
    const HARMLESS: [&str; 5] = ["example", "sample", "template", "dist", "defaults"];
    match name.strip_prefix(".env") {
        Some("") => true,
        Some(rest) => rest.starts_with('.') && !HARMLESS.iter().any(|word| rest.contains(word)),
        None => has_suffix(name, ".env") && !HARMLESS.iter().any(|word| name.contains(word)),
    }
}

fn is_private_key(name: &str) -> bool {
    [".p12", ".pfx", ".jks", ".keystore"].iter().any(|suffix| has_suffix(name, suffix))
        || ["id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"].iter().any(|stem| name.starts_with(stem))
            && !has_suffix(name, ".pub")
            && !has_suffix(name, ".py")
}

fn is_credentials(name: &str) -> bool {
    name.starts_with("credentials") && has_suffix(name, ".json")
        || name == "application_default_credentials.json"
        || ["service-account", "service_account"].iter().any(|stem| name.starts_with(stem))
            && has_suffix(name, ".json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_name() {
        for (name, rule) in [
            (".env", Rule::Secret),
            (".env.prod", Rule::Secret),
            (".netrc", Rule::Secret),
            ("id_rsa", Rule::Secret),
            ("id_ed25519.bak", Rule::Secret),
            ("credentials-prod.json", Rule::Secret),
            ("service_account-prod.json", Rule::Secret),
            (".envrc", Rule::Secret),
            ("prod.env", Rule::Secret),
            (".npmrc", Rule::Secret),
            ("pip.conf", Rule::Secret),
            ("kubeconfig", Rule::Secret),
            ("store.p12", Rule::Secret),
            ("store.PFX", Rule::Secret),
            ("store.jks", Rule::Secret),
            ("Dockerfile.gpu", Rule::Recipe),
            ("lightship.lock", Rule::Recipe),
            ("lightship.profile", Rule::Recipe),
            ("a.pyc", Rule::Cache),
            ("notes.txt~", Rule::Editor),
        ] {
            assert_eq!(file(name), Some(rule), "{name}");
        }
        for name in [
            ".env.example",
            "example.env",
            "environment.py",
            "id_rsa.pub",
            "id_rsa_tools.py",
            "credentials.py",
            "Dockerfiles.md",
            "requirements.txt",
            "a.pem",
        ] {
            assert_eq!(file(name), None, "{name}");
        }
    }

    #[test]
    fn folders_are_known_by_name_and_content() {
        assert_eq!(folder("env", &["bin", "pyvenv.cfg"]), Some(Rule::Environment));
        assert_eq!(folder("env", &["settings.py"]), None);
        let vendored = ["deb", "lightship.lock", "vendor.json", "wheel"];
        assert_eq!(folder("offline", &vendored), Some(Rule::Vendored));
        assert_eq!(folder("vendor", &["vendor.json", "jquery"]), None);
        assert_eq!(
            folder("dist", &["a-1-py3-none-any.whl", "a-1.tar.gz"]),
            Some(Rule::BuildOutput)
        );
        assert_eq!(folder("dist", &["index.html", "a.whl"]), None);
        assert_eq!(folder("dist", &[]), None);
        assert_eq!(folder("build", &["lib", "bdist.linux-x86_64"]), Some(Rule::BuildOutput));
        assert_eq!(folder("build", &["make.py"]), None);
        assert_eq!(folder("churn.egg-info", &[]), Some(Rule::BuildOutput));
        assert!(folder("ä", &[]).is_none() && file("ä").is_none());
    }

    #[test]
    fn certificates_are_no_secrets() {
        assert!(holds_key(b"-----BEGIN CERTIFICATE-----\nMII\n-----BEGIN EC PRIVATE KEY-----\n"));
        assert!(holds_key(b"-----BEGIN OPENSSH PRIVATE KEY-----\n"));
        assert!(!holds_key(b"-----BEGIN CERTIFICATE-----\nMII\n"));
        assert!(!holds_key(b""));
        let account = br#"{"private_key": "-----BEGIN PRIVATE KEY-----\nMII"}"#;
        assert!(holds_key(account) && holds_key(b"key: |\n  -----BEGIN RSA PRIVATE KEY-----\n"));
        assert!(!holds_key(b"a text about BEGIN PRIVATE KEY, and -----BEGIN CERTIFICATE-----"));
        assert!(may_hold_key("a.json", 100) && !may_hold_key("a.json", 1 << 20));
        assert!(may_hold_key("a.pem", 1 << 20) && !may_hold_key("a.py", 100));
        assert_eq!(file_in(".streamlit", "secrets.toml"), Some(Rule::Secret));
        assert_eq!(file_in("", "secrets.toml"), None);
    }
}
