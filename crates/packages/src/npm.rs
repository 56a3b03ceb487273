//! npm's record of one package: its `package.json`.

use serde::Deserialize;
use serde::de::Error as _;
use serde_json::Value;

/// What `package.json` says about the package itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodePackage {
    /// `name`, with its scope.
    pub name: Option<String>,
    /// `version`.
    pub version: Option<String>,
}

/// A field of the wrong type counts as missing, not as an error.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    name: Value,
    #[serde(default)]
    version: Value,
}

/// Reads the document; fails where it is no JSON object (or was cut).
pub fn parse_package_json(bytes: &[u8]) -> Result<NodePackage, serde_json::Error> {
    // Some packages ship the file with a byte-order mark; npm takes it off.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    // An array would pass for the fields of the document in their order.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(serde_json::Error::custom("it is an array, not an object"));
    }
    let document: Document = serde_json::from_slice(bytes)?;
    let text = |value: Value| value.as_str().filter(|t| !t.is_empty()).map(str::to_owned);
    Ok(NodePackage { name: text(document.name), version: text(document.version) })
}

/// The scope (with its `@`) and the bare name: `@babel/core` is `@babel` and `core`.
pub fn split_scope(name: &str) -> (Option<&str>, &str) {
    match name.split_once('/') {
        Some((scope, bare)) if scope.starts_with('@') => (Some(scope), bare),
        _ => (None, name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_documents() {
        let parse = |text: &str| parse_package_json(text.as_bytes());
        let plain = parse(r#"{"name":"@s/n","version":"1.0.0","exports":{".":[1]}}"#).unwrap();
        assert_eq!(plain.name.as_deref(), Some("@s/n"));
        assert_eq!(parse(r#"{"name":3,"version":null}"#).unwrap().version, None);
        assert_eq!(parse("\u{feff}{\"name\":\"x\"}").unwrap().name.as_deref(), Some("x"));
        assert!(parse("[1]").is_err());
        assert!(parse(&"[".repeat(100_000)).is_err());
        assert_eq!(split_scope("@s/n"), (Some("@s"), "n"));
        assert_eq!(split_scope("n"), (None, "n"));
    }
}
