//! What an image is for, which decides with what packages its base begins.

use std::fmt;

/// What an image is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Purpose {
    /// Programs that nobody knows yet, in whatever language: the C library, certificates, time zones,
    /// tables of names.
    #[default]
    Programs,
    /// One program of the user's that needs libraries, and these data.
    Program(Data),
    /// One program of the user's that needs no library: at most these data.
    Bare(Data),
    /// Web files, and a server for them.
    Web,
}

/// Data that a program reads by well-known names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Data {
    /// The certificate authorities.
    pub certificates: bool,
    /// The time zones.
    pub zones: bool,
}

/// What any program may expect of a system.
const PLAIN: [&str; 7] =
    ["base-files", "ca-certificates", "libc-bin", "libc6", "media-types", "netbase", "tzdata"];

const CERTIFICATES: &str = "ca-certificates";
const ZONES: &str = "tzdata";

/// The server of web files.
const SERVER: &str = "nginx";

impl Purpose {
    /// The packages without which there is no base for it.
    pub(super) fn roots(self) -> Vec<&'static str> {
        match self {
            Self::Programs => PLAIN.to_vec(),
            Self::Program(data) => PLAIN.into_iter().filter(|name| data.has(name)).collect(),
            // What system this is matters to whoever looks for a package's known holes.
            Self::Bare(Data { certificates: false, zones: false }) => Vec::new(),
            Self::Bare(data) => ["base-files", CERTIFICATES, ZONES]
                .into_iter()
                .filter(|name| data.has(name))
                .collect(),
            Self::Web => vec!["base-files", "libc6", SERVER],
        }
    }

    /// Whether nothing of what the packages depend on is wanted: they are there for files that the user's
    /// own program reads, and nothing of theirs runs.
    pub fn is_only_data(self) -> bool {
        match self {
            Self::Bare(_) => true,
            Self::Programs | Self::Program(_) | Self::Web => false,
        }
    }

    /// Why a package is left out of such an image although the distribution wants it.
    pub(super) fn does_without(self, package: &str) -> Option<&'static str> {
        match (self, package) {
            (Self::Web, "nginx-common") => Some(
                "has the server's settings and folders; those of the image are made by Lightship",
            ),
            (Self::Programs | Self::Program(_) | Self::Bare(_) | Self::Web, _) => None,
        }
    }
}

impl Data {
    /// Whether a package stays: it has none of these data, or those that are wanted.
    fn has(self, package: &str) -> bool {
        match package {
            CERTIFICATES => self.certificates,
            ZONES => self.zones,
            _ => true,
        }
    }
}

impl fmt::Display for Purpose {
    /// A few words, for the lock.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, data) = match self {
            Self::Programs => return f.write_str("programs"),
            Self::Web => return f.write_str("web files"),
            Self::Program(data) => ("a program with libraries", data),
            Self::Bare(data) => ("a static program", data),
        };
        f.write_str(what)?;
        match (data.certificates, data.zones) {
            (true, true) => f.write_str(", certificates and time zones"),
            (true, false) => f.write_str(" and certificates"),
            (false, true) => f.write_str(" and time zones"),
            (false, false) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_gets_what_it_needs_and_no_more() {
        let data = |certificates, zones| Data { certificates, zones };
        assert_eq!(Purpose::Bare(data(false, false)).roots(), [""; 0]);
        assert_eq!(Purpose::Bare(data(true, false)).roots(), ["base-files", CERTIFICATES]);
        assert_eq!(Purpose::Bare(data(false, true)).roots(), ["base-files", ZONES]);
        let with_libraries = Purpose::Program(data(false, true)).roots();
        assert!(with_libraries.contains(&"libc6") && with_libraries.contains(&ZONES));
        assert!(!with_libraries.contains(&CERTIFICATES));
        assert_eq!(Purpose::Programs.roots(), PLAIN);
    }

    #[test]
    fn the_lock_says_what_it_is_for() {
        let bare = Purpose::Bare(Data { certificates: true, zones: true });
        assert_eq!(bare.to_string(), "a static program, certificates and time zones");
        assert_eq!(Purpose::Web.to_string(), "web files");
    }
}
