//! A download that survives its connections.

use std::io::{self, Read};

use lightship_base::ByteSize;

use crate::Error;
use crate::failure::Failure;
use crate::pace::Pacer;
use crate::place::Exchange;
use crate::response::Response;

/// What is to be downloaded.
#[derive(Debug, Clone, Copy)]
pub struct Want {
    /// Where to begin: bytes before it are there already.
    pub offset: u64,
    /// How many bytes the whole file has, where that is known beforehand.
    pub expected: Option<u64>,
    /// The most bytes the whole file may have.
    pub limit: u64,
    /// How to tell that a part belongs to the same file as the parts before it.
    pub validator: Validator,
}

/// What holds the parts of a download together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validator {
    /// The caller verifies a digest over the whole. Entity tags are ignored: the machines behind one
    /// name often disagree about them while they serve the same bytes.
    Digest,
    /// The server's entity tag, where it gives a strong one.
    EntityTag,
}

/// Which part of the file is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeAsk {
    /// The first byte.
    pub from: u64,
    /// The entity tag that the file must still have.
    pub entity_tag: Option<String>,
}

impl RangeAsk {
    /// The headers that ask for it (*RFC 9110, 14.2 and 13.1.5*); none for the whole file.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        if self.from == 0 {
            return Vec::new();
        }
        let range = ("range", format!("bytes={}-", self.from));
        let same = self.entity_tag.iter().map(|tag| ("if-range", tag.clone()));
        std::iter::once(range).chain(same).collect()
    }
}

/// One answer to a [`RangeAsk`].
pub struct Part {
    /// 200, 206 or 416; others are errors.
    pub status: u16,
    /// `Content-Range`.
    pub content_range: Option<String>,
    /// `Content-Length`.
    pub content_length: Option<u64>,
    /// `ETag`.
    pub entity_tag: Option<String>,
    /// How messages call the request.
    pub exchange: Exchange,
    /// The bytes.
    pub body: Box<dyn Read + Send>,
}

impl From<Response> for Part {
    fn from(response: Response) -> Self {
        let text = |name| response.head.header(name).map(str::to_owned);
        Self {
            status: response.status(),
            content_range: text("content-range"),
            content_length: response.head.content_length(),
            entity_tag: text("etag"),
            exchange: response.head.exchange().clone(),
            body: Box::new(response.into_body()),
        }
    }
}

/// Reads a file from an offset on, asking again for the rest whenever the connection breaks, as long
/// as now and then a byte arrives. Errors are [`io::Error`]s that wrap our own [`Error`].
pub struct Resumable<F> {
    open: F,
    pacer: Pacer,
    want: Want,
    /// Of the whole file, once it is known.
    total: Option<u64>,
    entity_tag: Option<String>,
    /// The next byte to hand out.
    position: u64,
    /// Bytes of the present body that were handed out before: a server that ignores ranges sends them
    /// again.
    skip: u64,
    body: Option<Box<dyn Read + Send>>,
    exchange: Exchange,
    idle_breaks: u32,
    breaks: u32,
}

impl<F: FnMut(&RangeAsk) -> Result<Part, Error>> Resumable<F> {
    /// Opens the first part. `open` does its own retries before an answer begins, as
    /// [`crate::Client::send`] does, and turns statuses other than 200, 206 and 416 into errors.
    pub fn open(mut open: F, pacer: Pacer, want: Want) -> Result<Self, Error> {
        let ask = RangeAsk { from: want.offset, entity_tag: None };
        let part = open(&ask)?;
        let mut resumable = Self {
            open,
            pacer,
            want,
            total: want.expected,
            entity_tag: None,
            position: want.offset,
            skip: 0,
            body: None,
            exchange: part.exchange.clone(),
            idle_breaks: 0,
            breaks: 0,
        };
        resumable.accept(part)?;
        Ok(resumable)
    }

    /// Bytes in the whole file, once a server or the caller has said so.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    fn accept(&mut self, part: Part) -> Result<(), Error> {
        let exchange = &part.exchange;
        self.check_tag(&part)?;
        let (starts, total) = match part.status {
            200 => (0, part.content_length),
            206 => content_range(&part)?,
            416 if self.is_whole(&part) => (self.position, Some(self.position)),
            status => {
                return Err(Error::Status {
                    exchange: Box::new(exchange.clone()),
                    status,
                    detail: None,
                    attempts: 1,
                    hints: Vec::new(),
                });
            }
        };
        if starts > self.position {
            let reason = format!("it sent bytes from {starts} on, not from {}", self.position);
            return Err(Error::Protocol { exchange: Box::new(exchange.clone()), reason });
        }
        self.check_total(total, exchange)?;
        self.skip = self.position - starts;
        self.exchange = part.exchange;
        self.body = Some(part.body);
        Ok(())
    }

    /// Whether a server that has nothing from here on (416) means that everything is there already: as
    /// the caller knew, or as its `bytes */N` says (*RFC 9110, 15.5.17*).
    fn is_whole(&self, part: &Part) -> bool {
        let total = part.content_range.as_deref().and_then(|range| {
            range.trim().strip_prefix("bytes")?.trim_start().strip_prefix("*/")?.parse().ok()
        });
        self.total.or(total) == Some(self.position)
    }

    fn check_tag(&mut self, part: &Part) -> Result<(), Error> {
        if self.want.validator == Validator::Digest {
            return Ok(());
        }
        // A weak tag promises meaning, not bytes.
        let strong = part.entity_tag.as_ref().filter(|tag| !tag.starts_with("W/"));
        match (&self.entity_tag, strong) {
            (Some(before), Some(now)) if before != now => {
                Err(Error::Changed { exchange: Box::new(part.exchange.clone()) })
            }
            _ => {
                self.entity_tag = strong.or(self.entity_tag.as_ref()).cloned();
                Ok(())
            }
        }
    }

    fn check_total(&mut self, announced: Option<u64>, exchange: &Exchange) -> Result<(), Error> {
        let Some(actual) = announced else { return Ok(()) };
        if actual > self.want.limit {
            return Err(self.too_large());
        }
        match self.total {
            Some(expected) if expected != actual => {
                Err(Error::Length { exchange: Box::new(exchange.clone()), expected, actual })
            }
            _ => {
                self.total = Some(actual);
                Ok(())
            }
        }
    }

    fn too_large(&self) -> Error {
        Error::TooLarge {
            exchange: Box::new(self.exchange.clone()),
            limit: ByteSize(self.want.limit),
        }
    }

    /// Reads from the present body, after whatever of it is known already. `Ok(0)` is its end.
    fn read_on(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(body) = &mut self.body else { return Ok(0) };
        while self.skip > 0 {
            let most = usize::try_from(self.skip).unwrap_or(usize::MAX).min(buffer.len());
            match body.read(&mut buffer[..most])? {
                0 => return Ok(0),
                n => self.skip -= n as u64,
            }
        }
        let left = self.total.map_or(u64::MAX, |total| total.saturating_sub(self.position));
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        body.read(&mut buffer[..most])
    }

    /// Waits and opens the rest, or gives up with `error`.
    fn recover(&mut self, error: Error) -> Result<(), Error> {
        self.body = None;
        self.idle_breaks += 1;
        self.breaks += 1;
        let policy = *self.pacer.policy();
        let patient = self.idle_breaks < policy.attempts && self.breaks < policy.breaks;
        if !patient || !error.is_transient() {
            return Err(error.after(self.breaks));
        }
        self.pacer.wait(self.idle_breaks, None);
        let ask = RangeAsk { from: self.position, entity_tag: self.entity_tag.clone() };
        let part = (self.open)(&ask)?;
        self.accept(part)
    }

    fn ended_early(&self) -> Error {
        let total = self.total.map(|total| format!(" of {total}")).unwrap_or_default();
        Error::NoAnswer {
            exchange: Box::new(self.exchange.clone()),
            failure: Failure::Broken(format!("it ended after {}{total} bytes", self.position)),
            attempts: 1,
        }
    }
}

impl<F: FnMut(&RangeAsk) -> Result<Part, Error>> Read for Resumable<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if self.total == Some(self.position) {
                self.body = None;
                return Ok(0);
            }
            let error = match self.read_on(buffer) {
                Ok(0) if self.total.is_none() && self.skip == 0 => {
                    self.total = Some(self.position);
                    continue;
                }
                Ok(0) => self.ended_early(),
                Ok(n) => {
                    self.position += n as u64;
                    self.idle_breaks = 0;
                    if self.position > self.want.limit {
                        return Err(io::Error::other(self.too_large()));
                    }
                    return Ok(n);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Error::from_read(error, &self.exchange),
            };
            self.recover(error).map_err(io::Error::other)?;
        }
    }
}

/// *RFC 9110, 14.4*: `bytes first-last/total`, where the total may be `*`.
fn content_range(part: &Part) -> Result<(u64, Option<u64>), Error> {
    let parse = |text: &str| {
        let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.trim().split_once('-')?;
        let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
        let total = if total == "*" { None } else { Some(total.parse::<u64>().ok()?) };
        let fits = first <= last && total.is_none_or(|total| last < total);
        fits.then_some((first, total))
    };
    part.content_range.as_deref().and_then(parse).ok_or_else(|| Error::Protocol {
        exchange: Box::new(part.exchange.clone()),
        reason: "it answered 206 without a usable Content-Range".to_owned(),
    })
}

#[cfg(test)]
mod tests;
