//! METADATA and PKG-INFO: the headers of an e-mail, then a description (*`PyPA`, Core metadata
//! specifications*).

/// The headers that matter here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// `Name` as its author spells it.
    pub name: String,
    /// `Version`, as written.
    pub version: String,
    /// Every `Requires-Dist`, raw: a dependency specifier of PEP 508.
    pub requires: Vec<String>,
    /// Every `Provides-Extra`.
    pub extras: Vec<String>,
    /// `Requires-Python`, raw.
    pub requires_python: Option<String>,
    /// `License-Expression`: an SPDX expression (*PEP 639*).
    pub license_expression: Option<String>,
    /// `License`, as written: a name, or the whole text.
    pub license: Option<String>,
    /// Every `Classifier`.
    pub classifiers: Vec<String>,
}

/// Reads the headers, up to the first empty line. `None` without a name: then it describes nothing.
pub fn parse_metadata(bytes: &[u8]) -> Option<Metadata> {
    let mut metadata = Metadata::default();
    for (name, value) in headers(bytes) {
        match name.as_str() {
            "name" => metadata.name = value,
            "version" => metadata.version = value,
            "requires-dist" => metadata.requires.push(value),
            "provides-extra" => metadata.extras.push(value),
            "requires-python" => metadata.requires_python = Some(value),
            "license-expression" => metadata.license_expression = Some(value),
            "license" => metadata.license = Some(value),
            "classifier" => metadata.classifiers.push(value),
            _ => {}
        }
    }
    (!metadata.name.is_empty()).then_some(metadata)
}

/// Names in lower case with their values; a line that begins with white space continues the value
/// before it (*RFC 5322, 2.2.3*).
fn headers(bytes: &[u8]) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = Vec::new();
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    for line in bytes.split(|b| *b == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            break;
        }
        let line = String::from_utf8_lossy(line);
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = headers.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    headers
}

/// One spelling for one distribution: lower case, runs of `-`, `_` and `.` become one `-`
/// (*PEP 503, Normalized Names*).
pub fn normalise_name(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for c in name.trim().chars() {
        match c {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            c => normal.extend(c.to_lowercase()),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_end_at_the_description() {
        let metadata = parse_metadata(
            b"Metadata-Version: 2.1\r\nName: Flask.Ext__X\r\nVersion: 1.0\r\nRequires-Dist: a>=1;\r\n  extra == 'b'\r\nProvides-Extra: b\r\nRequires-Python: >=3.8\r\n\r\nVersion: 9\r\n",
        )
        .unwrap();
        assert_eq!(metadata.version, "1.0");
        assert_eq!(metadata.requires, ["a>=1; extra == 'b'"]);
        assert_eq!(metadata.extras, ["b"]);
        assert_eq!(metadata.requires_python.as_deref(), Some(">=3.8"));
        assert_eq!(normalise_name(&metadata.name), "flask-ext-x");
        assert_eq!(parse_metadata(b"\nName: late"), None);
    }
}
