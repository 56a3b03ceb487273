//! What a message may say of a URL, and what a URL says of trust.

use std::fmt;
use std::net::IpAddr;

use reqwest::{Method, Url};

/// One request as a message names it: method, scheme, host and path. Never user information, query
/// or fragment: registries redirect to signed URLs, and the signature is in the query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    method: String,
    place: String,
    authority: String,
}

/// Paths are kept this far in messages; none that a registry or index uses is longer.
const LONGEST_PATH: usize = 300;

impl Exchange {
    /// Names a request.
    pub fn new(method: &Method, url: &Url) -> Self {
        let authority = authority(url);
        let path = printable(url.path(), LONGEST_PATH);
        Self {
            method: method.as_str().to_owned(),
            place: format!("{}://{authority}{path}", url.scheme()),
            authority,
        }
    }

    /// Host, and the port where it is not the scheme's own.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.place)
    }
}

/// Host, and the port where it is not the scheme's own. IPv6 addresses keep their brackets.
pub(crate) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Whether the host is this machine: `localhost`, 127.0.0.0/8 or `::1`. Other names are not resolved to
/// find out, since what they resolve to is the network's word.
pub fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host == "localhost",
    }
}

/// Whether a credential for one URL may go to the other: same scheme, host and port.
pub fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme()
        && a.host_str() == b.host_str()
        && a.port_or_known_default() == b.port_or_known_default()
}

/// A stranger's text made fit for a terminal: at most `limit` characters, none of them a control
/// character or one that changes the direction of writing.
pub fn printable(text: &str, limit: usize) -> String {
    let steers = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut shown: String = text
        .chars()
        .take(limit)
        .map(|c| if c.is_control() || steers(c) { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(limit).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    #[test]
    fn messages_have_neither_user_nor_query_nor_fragment() {
        let signed = url("https://user:pw@cdn.example:8443/blob/x?X-Amz-Signature=s3cret#frag");
        let exchange = Exchange::new(&Method::GET, &signed);
        assert_eq!(exchange.to_string(), "GET https://cdn.example:8443/blob/x");
        assert!(!format!("{exchange:?}").contains("s3cret"));
    }

    #[test]
    fn loopback_is_told_from_its_imitations() {
        for mine in [
            "http://localhost:5000",
            "http://127.8.9.1",
            "http://[::1]:1",
            "http://[::ffff:127.0.0.1]",
        ] {
            assert!(is_loopback(&url(mine)), "{mine}");
        }
        for other in [
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "http://10.0.0.1",
            "http://[::2]",
        ] {
            assert!(!is_loopback(&url(other)), "{other}");
        }
    }

    #[test]
    fn origins_differ_by_scheme_host_and_port() {
        let base = url("https://a.example/x");
        assert!(same_origin(&base, &url("https://a.example:443/y?z")));
        for other in ["http://a.example", "https://b.example", "https://a.example:444"] {
            assert!(!same_origin(&base, &url(other)), "{other}");
        }
    }

    #[test]
    fn a_strangers_text_cannot_steer_a_terminal() {
        assert_eq!(printable("a\x1b[31mb\u{202e}c\n", 99), "a\u{fffd}[31mb\u{fffd}c\u{fffd}");
        assert_eq!(printable("abcdef", 3), "abc…");
    }
}
