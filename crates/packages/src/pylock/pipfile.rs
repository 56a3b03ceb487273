//! `Pipfile.lock` (*Pipfile specification 6*): exact versions, markers, and digests of the files that are
//! allowed.

use lightship_base::Digest;
use serde_json::{Map, Value};

use super::poetry::Pin;
use crate::MOST_PACKAGES;
use crate::lock::Error;
use crate::python::normalise_name;

/// Distributions of a `Pipfile.lock`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipfile {
    /// Those that are wanted, by name.
    pub packages: Vec<Pin>,
}

impl Pipfile {
    /// Understands a lock's text. `file` is for messages; with `develop`, what only developers need is
    /// wanted too.
    pub fn parse(text: &str, file: &str, develop: bool) -> Result<Self, Error> {
        let wrong = |line: usize, message: String| Error::Invalid {
            file: file.to_owned(),
            line,
            message,
            hint: Some("make it anew with `pipenv lock`".to_owned()),
        };
        let document: Value = serde_json::from_str(text)
            .map_err(|error| wrong(error.line().max(1), error.to_string()))?;
        let mut packages: Vec<Pin> = Vec::new();
        for section in ["default", "develop"].into_iter().take(if develop { 2 } else { 1 }) {
            let Some(Value::Object(entries)) = document.get(section) else { continue };
            if entries.len() > MOST_PACKAGES {
                return Err(wrong(1, format!("`{section}` has more than {MOST_PACKAGES} entries")));
            }
            for (name, entry) in entries {
                let name = normalise_name(name);
                if packages.iter().any(|pin| pin.name == name) {
                    continue;
                }
                let pin = entry.as_object().ok_or_else(|| "it is no object".to_owned());
                let pin = pin.and_then(|entry| pin_of(&name, entry));
                let at = |reason| wrong(1, format!("{name} in `{section}`: {reason}"));
                packages.push(pin.map_err(at)?);
            }
        }
        Ok(Self { packages })
    }
}

fn pin_of(name: &str, entry: &Map<String, Value>) -> Result<Pin, String> {
    if !super::is_distribution_name(name) {
        return Err("this is no name of a distribution".to_owned());
    }
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    let version = text("version").and_then(|version| version.strip_prefix("=="));
    let version = version.filter(|version| super::is_version(version)).ok_or(
        "it has no exact version: what comes from a repository, folder or address is not supported yet",
    )?;
    let hashes = entry.get("hashes").and_then(Value::as_array).into_iter().flatten();
    let sha256: Vec<Digest> = hashes.filter_map(|hash| hash.as_str()?.parse().ok()).collect();
    Ok(Pin {
        name: name.to_owned(),
        version: version.to_owned(),
        marker: text("markers").map(str::to_owned),
        sha256,
        depends: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_read() {
        let hex = "b".repeat(64);
        let text = format!(
            r#"{{"_meta": {{}}, "default": {{"Six": {{"hashes": ["sha256:{hex}", "md5:0"], "markers": "python_version >= '3'", "version": "==1.17.0", "index": "corp"}}}},
                "develop": {{"six": {{"version": "==1.17.0"}}, "pytest": {{"version": "==8.0"}}}}}}"#
        );
        let lock = Pipfile::parse(&text, "Pipfile.lock", false).unwrap();
        let [six] = &lock.packages[..] else { panic!("{lock:?}") };
        assert_eq!(
            (six.name.as_str(), six.version.as_str(), six.sha256.len()),
            ("six", "1.17.0", 1)
        );
        assert_eq!(six.marker.as_deref(), Some("python_version >= '3'"));
        assert_eq!(Pipfile::parse(&text, "Pipfile.lock", true).unwrap().packages.len(), 2);
        for (from, to) in [
            ("\"==8.0\"", "\"*\""),
            ("\"==8.0\"", "\"==8 --index-url x\""),
            ("pytest", "--pytest x"),
        ] {
            let text = text.replace(from, to);
            assert!(Pipfile::parse(&text, "Pipfile.lock", true).is_err(), "{to}");
        }
        assert!(
            Pipfile::parse("{", "Pipfile.lock", true)
                .unwrap_err()
                .to_string()
                .starts_with("Pipfile.lock:1")
        );
    }
}
