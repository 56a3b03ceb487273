//! Hashes in requirements files (*pip, Secure installs, Hash-checking Mode*).

use std::collections::{BTreeMap, BTreeSet};

use lightship_base::Digest;

/// Which files of distributions may be used, where the requirements say so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hashes {
    /// By distribution, normalised. What all lines with one name say is put together.
    pub of: BTreeMap<String, BTreeSet<Digest>>,
    /// Whether every distribution needs one (`--require-hashes`).
    pub required: bool,
}

impl Hashes {
    /// Takes those of a requirement, if it has any. Whether it had.
    pub(super) fn take(&mut self, name: &str, requirement: &str) -> Result<bool, String> {
        let digests = of_line(name, requirement)?;
        let any = !digests.is_empty();
        if any {
            self.of.entry(name.to_owned()).or_default().extend(digests);
        }
        Ok(any)
    }
}

/// `--hash=sha256:…`, as often as it is there. A lock holds files to SHA-256, so no other hash could be kept.
fn of_line(name: &str, requirement: &str) -> Result<Vec<Digest>, String> {
    let mut words = requirement.split_whitespace();
    let mut digests = Vec::new();
    while let Some(word) = words.next() {
        let value = match word.strip_prefix("--hash") {
            Some("") => words.next().unwrap_or_default(),
            Some(rest) => rest.strip_prefix('=').unwrap_or(rest),
            None => continue,
        };
        let value = value.trim_matches(['"', '\'']);
        let algorithm = value.split_once(':').map(|(algorithm, _)| algorithm);
        match (algorithm, value.to_ascii_lowercase().parse()) {
            (Some("sha256"), Ok(digest)) => digests.push(digest),
            (Some(other @ ("md5" | "sha1" | "sha224" | "sha384" | "sha512")), _) => {
                return Err(format!(
                    "`{name}` has a hash by {other}, and files are held to sha256 only: write that one"
                ));
            }
            _ => return Err(format!("`{name}` has a hash that is not `sha256:` and 64 digits")),
        }
    }
    Ok(digests)
}
