//! What was answered.

use std::fmt;
use std::io::Read as _;
use std::time::Duration;

use lightship_base::{ByteSize, Hint};
use reqwest::Url;
use reqwest::header::HeaderMap;

use crate::body::Body;
use crate::pace::retry_after;
use crate::place::Exchange;
use crate::{Error, printable};

/// An answer whose body has not been read. Any status: what is an error is the caller's knowledge.
#[derive(Debug)]
pub struct Response {
    /// Status and headers.
    pub head: Head,
    body: Body,
}

/// Status and headers of an answer.
#[derive(Clone)]
pub struct Head {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) url: Url,
    pub(crate) exchange: Exchange,
    pub(crate) attempts: u32,
}

/// An answer with its whole body.
#[derive(Clone)]
pub struct Document {
    /// Status and headers.
    pub head: Head,
    /// The body, within the limit that was asked for.
    pub bytes: Vec<u8>,
}

impl Response {
    pub(crate) fn new(head: Head, body: Body) -> Self {
        Self { head, body }
    }

    /// HTTP status code.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// The whole body, or an error as soon as it has more than `limit` bytes.
    pub fn into_document(self, limit: u64) -> Result<Document, Error> {
        let too_large = |exchange: &Exchange| Error::TooLarge {
            exchange: Box::new(exchange.clone()),
            limit: ByteSize(limit),
        };
        if self.head.content_length().is_some_and(|length| length > limit) {
            return Err(too_large(&self.head.exchange));
        }
        let mut bytes = Vec::new();
        self.body
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|error| Error::from_read(error, &self.head.exchange))?;
        if bytes.len() as u64 > limit {
            return Err(too_large(&self.head.exchange));
        }
        Ok(Document { head: self.head, bytes })
    }

    /// The body as it arrives.
    pub fn into_body(self) -> Body {
        self.body
    }

    /// An error for a status that the caller cannot use. `explain` finds the server's reason in the
    /// body, of which at most 64 KiB are read; reading it may fail without consequence.
    pub fn into_error(self, explain: impl FnOnce(&[u8]) -> Option<String>) -> Error {
        const LONGEST_EXPLANATION: u64 = 64 * 1024;
        let mut bytes = Vec::new();
        let read = self.body.take(LONGEST_EXPLANATION).read_to_end(&mut bytes);
        self.head.error(read.ok().and_then(|_| explain(&bytes)), Vec::new())
    }
}

impl Head {
    /// HTTP status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The first header of this name, where it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Every header of this name that is text.
    pub fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok())
    }

    /// The announced length of the body.
    pub fn content_length(&self) -> Option<u64> {
        self.header("content-length")?.trim().parse().ok()
    }

    /// Where the answer came from, after redirects. Its query may hold a secret: for requests, never
    /// for messages.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// How messages call the request.
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// How long the server asks us to wait (`Retry-After`).
    pub fn retry_after(&self) -> Option<Duration> {
        retry_after(self.header("retry-after")?, self.header("date"))
    }

    /// This answer as an error.
    pub fn error(&self, detail: Option<String>, hints: Vec<Hint>) -> Error {
        Error::Status {
            exchange: Box::new(self.exchange.clone()),
            status: self.status,
            detail: detail.map(|text| printable(&text, 500)),
            attempts: self.attempts,
            hints,
        }
    }

    /// An answer that breaks the protocol.
    pub fn protocol_error(&self, reason: impl Into<String>) -> Error {
        Error::Protocol { exchange: Box::new(self.exchange.clone()), reason: reason.into() }
    }
}

// Neither prints what may be a secret: signed addresses, cookies, tokens.

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Head({}: {})", self.exchange, self.status)
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({}: {} bytes)", self.head.exchange, self.bytes.len())
    }
}
