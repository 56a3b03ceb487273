//! Which distribution an image is: *os-release(5)*.

use serde::Serialize;

/// The fields that tell distributions and their releases apart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct OsRelease {
    /// `debian`, `alpine`.
    pub id: Option<String>,
    /// `12`, `3.20.1`; a rolling release has none.
    pub version_id: Option<String>,
    /// `bookworm`.
    pub version_codename: Option<String>,
    /// `Debian GNU/Linux 12 (bookworm)`.
    pub pretty_name: Option<String>,
}

impl OsRelease {
    /// Reads the file. Lines that assign nothing are passed over, as the specification asks.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut release = Self::default();
        for line in bytes.split(|b| *b == b'\n') {
            let line = String::from_utf8_lossy(line);
            let Some((key, value)) = line.trim().split_once('=') else { continue };
            let field = match key {
                "ID" => &mut release.id,
                "VERSION_ID" => &mut release.version_id,
                "VERSION_CODENAME" => &mut release.version_codename,
                "PRETTY_NAME" => &mut release.pretty_name,
                _ => continue,
            };
            let value = unquote(value);
            *field = (!value.is_empty()).then_some(value);
        }
        release
    }

    /// The `distro` qualifier of package URLs: `debian-12`; where the release has no number, its code
    /// name, or the bare ID of a rolling release.
    pub fn distro(&self) -> Option<String> {
        let id = self.id.as_deref()?;
        Some(match (&self.version_id, &self.version_codename) {
            (Some(release), _) | (None, Some(release)) => format!("{id}-{release}"),
            (None, None) => id.to_owned(),
        })
    }
}

/// Values are quoted as a shell would: double quotes with backslashes, single quotes without.
fn unquote(value: &str) -> String {
    if let Some(inner) = value.strip_prefix('\'').and_then(|v| v.strip_suffix('\'')) {
        return inner.to_owned();
    }
    let inner = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
    let mut text = String::with_capacity(inner.len());
    let mut escaped = false;
    for c in inner.chars() {
        if c == '\\' && !escaped {
            escaped = true;
        } else {
            text.push(c);
            escaped = false;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_and_bare_values() {
        let release = OsRelease::parse(
            b"PRETTY_NAME=\"Debian GNU/Linux 12 (\\\"bookworm\\\")\"\nVERSION_ID='12'\nID=debian\n\n# x\njunk\nVERSION_CODENAME=\n",
        );
        assert_eq!(release.pretty_name.as_deref(), Some("Debian GNU/Linux 12 (\"bookworm\")"));
        assert_eq!(release.distro().as_deref(), Some("debian-12"));
        assert_eq!(release.version_codename, None);
        assert_eq!(OsRelease::parse(b"ID=arch").distro().as_deref(), Some("arch"));
        let testing = OsRelease::parse(b"ID=debian\nVERSION_CODENAME=forky");
        assert_eq!(testing.distro().as_deref(), Some("debian-forky"));
        assert_eq!(OsRelease::parse(b"\xff=\xfe").distro(), None);
    }
}
