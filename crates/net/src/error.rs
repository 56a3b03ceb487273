//! Everything that can go wrong between here and a server, without a secret in it.

use std::io;
use std::path::PathBuf;

use lightship_base::{ByteSize, Category, Diagnose, Hint};

use crate::failure::Failure;
use crate::pace::transient_status;
use crate::place::Exchange;

/// Why the network, or a credential for it, failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No (whole) answer came.
    #[error("{exchange} failed{}: {failure}", tries(*attempts))]
    NoAnswer {
        /// Which request.
        exchange: Box<Exchange>,
        /// Why.
        failure: Failure,
        /// How many times it was tried.
        attempts: u32,
    },
    /// The server answered, and the answer is no.
    #[error("{exchange} was answered {status}{}{}", detail.as_deref().map(|d| format!(" ({d})")).unwrap_or_default(), tries(*attempts))]
    Status {
        /// Which request.
        exchange: Box<Exchange>,
        /// HTTP status code.
        status: u16,
        /// What the server says about it, cleaned and shortened.
        detail: Option<String>,
        /// How many times it was tried.
        attempts: u32,
        /// What the caller knows to do; without any, what the status suggests.
        hints: Vec<Hint>,
    },
    /// The answer is larger than anything sensible.
    #[error("{exchange}: the answer has more than {limit}")]
    TooLarge {
        /// Which request.
        exchange: Box<Exchange>,
        /// The most that was acceptable.
        limit: ByteSize,
    },
    /// There are more or fewer bytes than were promised.
    #[error("{exchange}: the server has {actual} bytes where {expected} were expected")]
    Length {
        /// Which request.
        exchange: Box<Exchange>,
        /// Bytes promised beforehand.
        expected: u64,
        /// Bytes the server announces.
        actual: u64,
    },
    /// The file on the server became another one between two parts of its download.
    #[error("{exchange}: the file changed while it was being downloaded")]
    Changed {
        /// Which request.
        exchange: Box<Exchange>,
    },
    /// The answer breaks the protocol.
    #[error("{exchange}: {reason}")]
    Protocol {
        /// Which request.
        exchange: Box<Exchange>,
        /// Which rule.
        reason: String,
    },
    /// A request would have gone over an unprotected connection.
    #[error("{exchange}: refused to speak plain HTTP with another machine")]
    PlainHttp {
        /// Which request.
        exchange: Box<Exchange>,
    },
    /// A value cannot be part of a request.
    #[error("{what} cannot be sent: {reason}")]
    Unsendable {
        /// Which value, never its secret text.
        what: String,
        /// Why not.
        reason: String,
    },
    /// A setting of the client cannot be used.
    #[error("{what} cannot be used: {reason}")]
    Setting {
        /// Which setting.
        what: String,
        /// Why not.
        reason: String,
    },
    /// A credential file could not be read.
    #[error("cannot read credentials from {}", path.display())]
    CredentialIo {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A credential file is not what it should be. Its content is never shown.
    #[error("the credential file {} is not valid: {reason}", path.display())]
    CredentialFile {
        /// Which file.
        path: PathBuf,
        /// Where and why, without its content.
        reason: String,
    },
    /// A credential helper failed.
    #[error("the credential helper {program} failed: {reason}")]
    Helper {
        /// Which program.
        program: String,
        /// Why, without what it printed.
        reason: String,
    },
}

/// Why a streamed upload failed: on this side or on the way.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The bytes to send could not be read.
    #[error("the bytes to send could not be read")]
    Source(#[source] io::Error),
    /// They could not be sent.
    #[error(transparent)]
    Net(#[from] Error),
}

fn tries(attempts: u32) -> String {
    if attempts > 1 { format!(" (tried {attempts} times)") } else { String::new() }
}

impl Error {
    /// Whether the same request may well succeed a moment later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::NoAnswer { failure, .. } => failure.is_transient(),
            Self::Status { status, .. } => transient_status(*status),
            _ => false,
        }
    }

    /// The status, where the server answered with one that is an error.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The same error, with the number of attempts it took to give up.
    #[must_use]
    pub fn after(mut self, tried: u32) -> Self {
        if let Self::NoAnswer { attempts, .. } | Self::Status { attempts, .. } = &mut self {
            *attempts = tried.max(*attempts);
        }
        self
    }

    /// The error that one of our readers put inside an `io::Error`, or a broken connection.
    pub fn from_read(error: io::Error, exchange: &Exchange) -> Self {
        error.downcast::<Self>().unwrap_or_else(|other| Self::NoAnswer {
            exchange: Box::new(exchange.clone()),
            failure: Failure::Broken(other.to_string()),
            attempts: 1,
        })
    }
}

impl Diagnose for Error {
    fn category(&self) -> Category {
        match self {
            Self::NoAnswer { .. }
            | Self::Status { .. }
            | Self::TooLarge { .. }
            | Self::Length { .. }
            | Self::Changed { .. }
            | Self::Protocol { .. }
            | Self::PlainHttp { .. } => Category::Network,
            Self::Unsendable { .. } | Self::Setting { .. } | Self::CredentialFile { .. } => {
                Category::BadInput
            }
            Self::CredentialIo { source, .. } => Category::of_io(source),
            Self::Helper { .. } => Category::Machine,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::NoAnswer { exchange, failure, .. } => failure_hints(failure, exchange),
            Self::Status { exchange, status, hints, .. } => {
                if hints.is_empty() {
                    status_hint(*status, exchange).map(Hint::new).into_iter().collect()
                } else {
                    hints.clone()
                }
            }
            Self::PlainHttp { exchange } => vec![Hint::new(format!(
                "allow it with `--plain-http` if you trust the way to {}",
                exchange.authority()
            ))],
            Self::Helper { program, .. } => vec![Hint::new(format!(
                "run `{program} list` to see what is wrong, or remove it from Docker's config.json"
            ))],
            Self::TooLarge { .. }
            | Self::Length { .. }
            | Self::Changed { .. }
            | Self::Protocol { .. }
            | Self::Unsendable { .. }
            | Self::Setting { .. }
            | Self::CredentialIo { .. }
            | Self::CredentialFile { .. } => Vec::new(),
        }
    }
}

fn failure_hints(failure: &Failure, exchange: &Exchange) -> Vec<Hint> {
    let authority = exchange.authority();
    let text = match failure {
        Failure::Unresolved { .. } => {
            format!("check the spelling of `{authority}`, and that this machine is online")
        }
        Failure::Refused => format!("check that a server is running at {authority}"),
        Failure::Unreachable(_) | Failure::ConnectTimeout(_) => {
            format!("check that this machine may reach {authority}, perhaps through a proxy")
        }
        Failure::Tls { unknown_authority: true, .. } => format!(
            "if {authority} uses a certificate of your own, add its authority to the trusted ones"
        ),
        Failure::PlainHttpServer => {
            format!("if {authority} has no certificate, allow plain HTTP with `--plain-http`")
        }
        Failure::Tls { .. } | Failure::Stalled(_) | Failure::Broken(_) => return Vec::new(),
    };
    vec![Hint::new(text)]
}

fn status_hint(status: u16, exchange: &Exchange) -> Option<String> {
    match status {
        401 => {
            Some(format!("log in first, for example with `docker login {}`", exchange.authority()))
        }
        407 => Some("the proxy asks for a user name and password".to_owned()),
        429 => {
            Some("too many requests: wait a while; logging in often raises the limit".to_owned())
        }
        500..=599 => Some("the server has a problem: try again later".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::Method;

    fn exchange() -> Exchange {
        let url = "https://u:p@registry.example/v2/a/manifests/1?sig=s".parse().unwrap();
        Exchange::new(&Method::GET, &url)
    }

    #[test]
    fn a_refusal_says_what_to_do_and_no_more() {
        let error = Error::Status {
            exchange: Box::new(exchange()),
            status: 401,
            detail: Some("UNAUTHORIZED: authentication required".into()),
            attempts: 1,
            hints: Vec::new(),
        };
        assert_eq!(
            error.to_string(),
            "GET https://registry.example/v2/a/manifests/1 was answered 401 (UNAUTHORIZED: authentication required)"
        );
        assert_eq!(error.category(), Category::Network);
        assert!(error.hints()[0].to_string().contains("docker login registry.example"));
    }

    #[test]
    fn our_error_survives_the_way_through_io() {
        let ours = Error::Changed { exchange: Box::new(exchange()) };
        let back = Error::from_read(io::Error::other(ours), &exchange());
        assert!(matches!(back, Error::Changed { .. }));
        let foreign = Error::from_read(io::Error::other("pulled the plug"), &exchange()).after(3);
        assert!(
            foreign.to_string().contains("(tried 3 times): the connection broke: pulled the plug")
        );
    }
}
