//! Which well-known places a program's bytes name. A program that reads certificates or time zones has
//! their places in it as texts, whatever language it was written in: Go's `crypto/x509` and `time`, OpenSSL,
//! Rust's `openssl-probe`, the C libraries. One that has them built in does not.

use std::io::{self, Read as _};

use lightship_packages::parcel::Content;
use memchr::memmem::Finder;

/// Where certificate authorities are looked for.
const CERTIFICATES: [&str; 5] =
    ["/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/pki/tls", "ca-certificates.crt", "SSL_CERT_FILE"];

/// Where time zones are.
const ZONES: [&str; 2] = ["/usr/share/zoneinfo", "/share/zoneinfo"];

/// Bytes that are looked at together.
const WINDOW: usize = 256 << 10;

/// The first text of each kind that was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mentions {
    pub(super) certificates: Option<&'static str>,
    pub(super) zones: Option<&'static str>,
}

impl Mentions {
    /// Reads a file once, whatever its size.
    pub(super) fn read(content: &Content) -> io::Result<Self> {
        let finders = |texts: &[&'static str]| -> Vec<(&'static str, Finder<'static>)> {
            texts.iter().map(|text| (*text, Finder::new(*text))).collect()
        };
        let (certificates, zones) = (finders(&CERTIFICATES), finders(&ZONES));
        let overlap = CERTIFICATES.iter().chain(&ZONES).map(|text| text.len()).max().unwrap_or(0);
        let mut reader = content.open()?;
        let mut mentions = Self::default();
        let mut window: Vec<u8> = Vec::with_capacity(WINDOW + overlap);
        loop {
            // A text that lies across two windows begins in what is kept of the first.
            window.drain(..window.len().saturating_sub(overlap));
            let before = window.len();
            reader.by_ref().take(WINDOW as u64).read_to_end(&mut window)?;
            let first = |finders: &[(&'static str, Finder<'_>)]| {
                finders.iter().find(|(_, finder)| finder.find(&window).is_some()).map(|(t, _)| *t)
            };
            mentions.certificates = mentions.certificates.or_else(|| first(&certificates));
            mentions.zones = mentions.zones.or_else(|| first(&zones));
            if window.len() == before || mentions.is_complete() {
                return Ok(mentions);
            }
        }
    }

    fn is_complete(&self) -> bool {
        self.certificates.is_some() && self.zones.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_wherever_they_lie() {
        for at in [0, 10, WINDOW - 5, WINDOW, 2 * WINDOW - 1] {
            let mut bytes = vec![b'/'; 3 * WINDOW];
            bytes[at..at + 14].copy_from_slice(b"/etc/ssl/certs");
            let found = Mentions::read(&Content::bytes(bytes)).unwrap();
            assert_eq!(found.certificates, Some("/etc/ssl/certs"), "{at}");
            assert_eq!(found.zones, None);
        }
        assert_eq!(Mentions::read(&Content::bytes("")).unwrap(), Mentions::default());
        let zones = Mentions::read(&Content::bytes("TZ /usr/share/zoneinfo/")).unwrap();
        assert_eq!(zones.zones, Some("/usr/share/zoneinfo"));
    }
}
