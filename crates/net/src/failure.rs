//! Why no answer came: what a tower of library errors means, in one word.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use crate::place::printable;

/// Why a request got no (whole) answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The host's name has no address, or the name server could not say.
    Unresolved {
        /// Whether the name server asked to be asked again.
        temporary: bool,
    },
    /// The host is there, but nothing listens at the port.
    Refused,
    /// The host cannot be reached, for the reason given.
    Unreachable(String),
    /// No connection within this time.
    ConnectTimeout(Duration),
    /// The connection cannot be trusted or agreed upon.
    Tls {
        /// What the TLS library says.
        reason: String,
        /// Whether the certificate was issued by an authority that is not known here.
        unknown_authority: bool,
    },
    /// The server answered TLS with something that is no TLS, as one that speaks plain HTTP does.
    PlainHttpServer,
    /// For this long nothing came, or nothing could be sent.
    Stalled(Duration),
    /// The connection broke.
    Broken(String),
}

impl Failure {
    /// Understands an error of the HTTP library.
    pub(crate) fn of(error: reqwest::Error, connect_limit: Duration) -> Self {
        let error = error.without_url();
        for cause in causes(&error) {
            if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
                return Self::of_tls(tls);
            }
            if let Some(known) = cause.downcast_ref::<io::Error>().and_then(Self::of_io) {
                return known;
            }
        }
        let reason = causes(&error).last().map(ToString::to_string).unwrap_or_default();
        let reason = printable(&reason, 200);
        match (error.is_connect(), error.is_timeout()) {
            (true, true) => Self::ConnectTimeout(connect_limit),
            (true, false) => Self::Unreachable(reason),
            (false, _) => Self::Broken(reason),
        }
    }

    fn of_io(error: &io::Error) -> Option<Self> {
        // The standard library gives name resolution no kind of its own, but always this beginning.
        let text = error.to_string();
        if text.starts_with("failed to lookup address information") {
            return Some(Self::Unresolved { temporary: text.contains("Temporary failure") });
        }
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Some(Self::Refused),
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                Some(Self::Unreachable(printable(&text, 200)))
            }
            _ => None,
        }
    }

    fn of_tls(error: &rustls::Error) -> Self {
        use rustls::{CertificateError, InvalidMessage};
        match error {
            rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
                Self::PlainHttpServer
            }
            other => Self::Tls {
                reason: printable(&other.to_string(), 200),
                unknown_authority: matches!(
                    other,
                    rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)
                ),
            },
        }
    }

    /// Whether the same request may well succeed a moment later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unresolved { temporary } => *temporary,
            Self::Refused
            | Self::Unreachable(_)
            | Self::ConnectTimeout(_)
            | Self::Stalled(_)
            | Self::Broken(_) => true,
            Self::Tls { .. } | Self::PlainHttpServer => false,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unresolved { temporary: false } => f.write_str("the host's name has no address"),
            Self::Unresolved { temporary: true } => {
                f.write_str("the host's name could not be looked up just now")
            }
            Self::Refused => f.write_str("connection refused"),
            Self::Unreachable(reason) => write!(f, "no connection: {reason}"),
            Self::ConnectTimeout(limit) => write!(f, "no connection within {limit:?}"),
            Self::Tls { reason, .. } => write!(f, "no trusted connection: {reason}"),
            Self::PlainHttpServer => {
                f.write_str("the server does not speak HTTPS (it answered in plain text)")
            }
            Self::Stalled(limit) => write!(f, "nothing moved for {limit:?}"),
            Self::Broken(reason) => write!(f, "the connection broke: {reason}"),
        }
    }
}

/// An error and what lies beneath it. `io::Error` hides the error it wraps from `source`, which would
/// skip exactly the one that matters here.
fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |cause: &&'a (dyn StdError + 'static)| {
        let cause: &'a (dyn StdError + 'static) = *cause;
        match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped as &(dyn StdError + 'static)),
            None => cause.source(),
        }
    })
    .take(32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_wrapped_in_an_io_error_is_found() {
        let tls = rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType);
        let wrapped = io::Error::other(io::Error::other(tls));
        let found = causes(&wrapped).find_map(|cause| cause.downcast_ref::<rustls::Error>());
        assert_eq!(found.map(Failure::of_tls), Some(Failure::PlainHttpServer));
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let unknown = rustls::CertificateError::UnknownIssuer;
        let tls = Failure::of_tls(&rustls::Error::InvalidCertificate(unknown));
        assert!(matches!(tls, Failure::Tls { unknown_authority: true, .. }));
        assert!(!tls.is_transient());
        assert!(!Failure::Unresolved { temporary: false }.is_transient());
        assert!(Failure::Refused.is_transient() && Failure::Broken(String::new()).is_transient());
    }
}
