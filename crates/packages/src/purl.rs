//! Package URLs: one spelling for one package of any ecosystem (*Package-URL specification, ECMA-427*;
//! the rules of each type are those of its `types/*-definition.json`).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A package URL, its parts decoded and brought to their canonical form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Purl {
    kind: String,
    namespace: Vec<String>,
    name: String,
    version: Option<String>,
    qualifiers: BTreeMap<String, String>,
    subpath: Vec<String>,
}

/// Why a text is no package URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParsePurlError {
    /// It does not begin with `pkg:`.
    #[error("`{0}` is no package URL: it does not begin with `pkg:`")]
    Scheme(String),
    /// The type is missing or has other characters than letters, digits, `.`, `+` and `-`.
    #[error("`{0}` has no valid package type after `pkg:`")]
    Type(String),
    /// The name is missing.
    #[error("`{0}` names no package")]
    Name(String),
    /// A qualifier is not `key=value`, or its key has characters that keys cannot have.
    #[error("`{0}` has a malformed qualifier")]
    Qualifier(String),
}

impl Purl {
    /// A package URL of a type such as `deb`, without namespace, version and the rest.
    pub fn new(kind: &str, name: &str) -> Self {
        let mut purl = Self {
            kind: kind.to_ascii_lowercase(),
            namespace: Vec::new(),
            name: name.to_owned(),
            version: None,
            qualifiers: BTreeMap::new(),
            subpath: Vec::new(),
        };
        purl.canonicalise();
        purl
    }

    /// With a namespace, its segments separated by slashes: a vendor, a scope, a host and owner.
    #[must_use]
    pub fn with_namespace(mut self, namespace: &str) -> Self {
        self.namespace = segments(namespace).map(str::to_owned).collect();
        self.canonicalise();
        self
    }

    /// With a version, as the ecosystem writes it.
    #[must_use]
    pub fn with_version(mut self, version: &str) -> Self {
        self.version = (!version.is_empty()).then(|| version.to_owned());
        self
    }

    /// With one more qualifier; an empty value is as good as none.
    #[must_use]
    pub fn with_qualifier(mut self, key: &str, value: &str) -> Self {
        if !value.is_empty() {
            self.qualifiers.insert(key.to_ascii_lowercase(), value.to_owned());
        }
        self
    }

    /// With a subpath inside the package.
    #[must_use]
    pub fn with_subpath(mut self, subpath: &str) -> Self {
        self.subpath =
            segments(subpath).filter(|s| *s != "." && *s != "..").map(str::to_owned).collect();
        self
    }

    /// The type: `deb`, `pypi`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The namespace, decoded, segments joined by slashes.
    pub fn namespace(&self) -> Option<String> {
        (!self.namespace.is_empty()).then(|| self.namespace.join("/"))
    }

    /// The name, decoded.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version, decoded.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The qualifiers, decoded, by key.
    pub fn qualifiers(&self) -> &BTreeMap<String, String> {
        &self.qualifiers
    }

    /// The subpath, decoded, segments joined by slashes.
    pub fn subpath(&self) -> Option<String> {
        (!self.subpath.is_empty()).then(|| self.subpath.join("/"))
    }

    /// Applies the rules of the type. Types that are not named keep their spelling: npm's old names
    /// differ by case alone.
    fn canonicalise(&mut self) {
        match self.kind.as_str() {
            "deb" | "apk" | "golang" => {
                self.name = self.name.to_lowercase();
                for segment in &mut self.namespace {
                    *segment = segment.to_lowercase();
                }
            }
            "pypi" => self.name = self.name.to_lowercase().replace('_', "-"),
            "oci" => self.name = self.name.to_lowercase(),
            _ => {}
        }
    }
}

/// The parts between slashes that say something.
fn segments(text: &str) -> impl Iterator<Item = &str> {
    text.split('/').filter(|segment| !segment.is_empty())
}

impl fmt::Display for Purl {
    /// The canonical form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pkg:{}/", self.kind)?;
        for segment in &self.namespace {
            write!(f, "{}/", Encoded(segment))?;
        }
        write!(f, "{}", Encoded(&self.name))?;
        if let Some(version) = &self.version {
            write!(f, "@{}", Encoded(version))?;
        }
        for (n, (key, value)) in self.qualifiers.iter().enumerate() {
            write!(f, "{}{key}={}", if n == 0 { '?' } else { '&' }, Encoded(value))?;
        }
        for (n, segment) in self.subpath.iter().enumerate() {
            write!(f, "{}{}", if n == 0 { '#' } else { '/' }, Encoded(segment))?;
        }
        Ok(())
    }
}

/// Percent-encoded, except for letters, digits, `-._~` and the colon
/// (*Package-URL specification, Character encoding*).
struct Encoded<'a>(&'a str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
                write!(f, "{}", char::from(byte))?;
            } else {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for Purl {
    type Err = ParsePurlError;

    /// *Package-URL specification, How to parse a purl string*: from the right, the subpath, the
    /// qualifiers, the version, the name; from the left, the scheme, the type, the namespace.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shown = || text.chars().take(200).collect::<String>();
        let (rest, subpath) = text.split_once('#').unwrap_or((text, ""));
        let (rest, qualifiers) = rest.split_once('?').unwrap_or((rest, ""));
        let rest = match rest.split_once(':') {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("pkg") => rest,
            _ => return Err(ParsePurlError::Scheme(shown())),
        };
        let (kind, rest) =
            rest.trim_matches('/').split_once('/').ok_or_else(|| ParsePurlError::Name(shown()))?;
        if !is_type(kind) {
            return Err(ParsePurlError::Type(shown()));
        }
        let (path, version) = split_version(rest);
        let path = path.trim_matches('/');
        let (namespace, name) = path.rsplit_once('/').unwrap_or(("", path));
        if name.is_empty() {
            return Err(ParsePurlError::Name(shown()));
        }
        let mut purl = Self::new(kind, &decode(name)).with_version(&decode(version));
        purl.namespace = segments(namespace).map(decode).collect();
        purl.subpath = segments(subpath).map(decode).filter(|s| s != "." && s != "..").collect();
        for pair in qualifiers.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair
                .split_once('=')
                .filter(|(key, _)| is_key(key))
                .ok_or_else(|| ParsePurlError::Qualifier(shown()))?;
            purl = purl.with_qualifier(key, &decode(value));
        }
        purl.canonicalise();
        Ok(purl)
    }
}

/// `name@version`. An `@` that begins a path segment is a scope that somebody forgot to encode, if
/// another segment follows.
fn split_version(rest: &str) -> (&str, &str) {
    match rest.rsplit_once('@') {
        Some((path, version))
            if !(path.is_empty() || path.ends_with('/')) || !version.contains('/') =>
        {
            (path, version)
        }
        _ => (rest, ""),
    }
}

fn is_type(kind: &str) -> bool {
    kind.starts_with(|c: char| c.is_ascii_alphabetic())
        && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b".+-".contains(&b))
}

fn is_key(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b))
}

/// Resolves `%XX`; a percent sign that encodes nothing stays.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|b| char::from(*b).to_digit(16));
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let encoded = match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => u8::try_from(high << 4 | low).ok(),
            _ => None,
        };
        decoded.push(encoded.unwrap_or(byte));
        at += if encoded.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_scopes_are_encoded() {
        let attr = Purl::new("deb", "attr")
            .with_namespace("debian")
            .with_version("1:2.4.47-2+b1")
            .with_qualifier("distro", "debian-12")
            .with_qualifier("arch", "amd64");
        assert_eq!(
            attr.to_string(),
            "pkg:deb/debian/attr@1:2.4.47-2%2Bb1?arch=amd64&distro=debian-12"
        );
        let scoped = Purl::new("npm", "core").with_namespace("@babel").with_version("7.0.0");
        assert_eq!(scoped.to_string(), "pkg:npm/%40babel/core@7.0.0");
        let module = Purl::new("golang", "logrus").with_namespace("github.com/Sirupsen");
        assert_eq!(module.to_string(), "pkg:golang/github.com/sirupsen/logrus");
    }

    #[test]
    fn what_is_no_purl_is_refused() {
        use ParsePurlError::{Name, Qualifier, Scheme, Type};
        let error = |text: &str| text.parse::<Purl>().unwrap_err();
        assert!(matches!(error("http://x/y"), Scheme(_)));
        assert!(matches!(error("pkg:deb"), Name(_)));
        assert!(matches!(error("pkg:/name"), Name(_)));
        assert!(matches!(error("pkg:d%65b/debian/x"), Type(_)));
        assert!(matches!(error("pkg:deb/@1"), Name(_)));
        assert!(matches!(error("pkg:deb/debian/x?arch"), Qualifier(_)));
    }

    #[test]
    fn odd_spellings_come_out_canonical() {
        let canonical = |text: &str| text.parse::<Purl>().unwrap().to_string();
        assert_eq!(canonical("PKG://npm//@scope//n@1"), "pkg:npm/%40scope/n@1");
        assert_eq!(canonical("pkg:npm/@scope/n"), "pkg:npm/%40scope/n");
        assert_eq!(canonical("pkg:cargo/a@1?b=&c=%zz"), "pkg:cargo/a@1?c=%25zz");
        assert_eq!(canonical("pkg:golang/g.org/x#/a/../b/"), "pkg:golang/g.org/x#a/b");
    }
}
