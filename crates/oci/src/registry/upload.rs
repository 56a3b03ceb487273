//! Pushing one blob: not at all if it is there, without bytes if it can be mounted, in one piece if
//! the connection holds, in parts from where it broke if it does not.
//! *distribution-spec 1.1, Pushing blobs: POST then PUT, in chunks, Mounting*.

use std::time::Duration;

use lightship_base::TransferOutcome;
use lightship_net::{Head, Method, Request, StreamError, Url};

use super::auth::Access;
use super::blob_bytes::BlobBytes;
use super::client::Registry;
use crate::Error;
use crate::spec::Descriptor;

/// One blob on its way to one repository.
pub(super) struct Upload<'a> {
    registry: &'a Registry,
    repository: &'a str,
    descriptor: &'a Descriptor,
    access: Access,
    bytes: BlobBytes<'a>,
}

/// The registry's end of an upload. The location's query is the registry's secret with itself.
struct Session {
    location: Url,
    /// Bytes that the registry has confirmed.
    offset: u64,
    /// Bytes of one part.
    chunk: u64,
}

enum Begun {
    Mounted,
    Session(Session),
}

/// Why a step failed.
enum Step {
    /// Asking the registry how far it got may help, after as long as it asks for.
    Again(lightship_net::Error, Option<Duration>),
    /// Nothing will help.
    Never(Error),
}

impl<'a> Upload<'a> {
    pub(super) fn new(
        registry: &'a Registry,
        repository: &'a str,
        descriptor: &'a Descriptor,
        bytes: BlobBytes<'a>,
    ) -> Self {
        Self { registry, repository, descriptor, access: Access::push(repository), bytes }
    }

    /// Sees to it that the registry has the blob. `origin` is another repository of the same registry
    /// that has it.
    pub(super) fn run(mut self, origin: Option<&str>) -> Result<TransferOutcome, Error> {
        if self.exists()? {
            return Ok(TransferOutcome::AlreadyThere);
        }
        let mut session = match self.begin(origin)? {
            Begun::Mounted => return Ok(TransferOutcome::Mounted),
            Begun::Session(session) => session,
        };
        let policy = *self.registry.net.pacer().policy();
        let (mut breaks, mut idle_breaks, mut furthest) = (0, 0, 0);
        loop {
            let in_one_piece =
                session.offset == 0 && (breaks == 0 || self.descriptor.size <= session.chunk);
            let sent = if in_one_piece {
                self.send_whole(&session)
            } else {
                self.send_parts(&mut session)
            };
            let (error, asked) = match sent {
                Ok(()) => return Ok(TransferOutcome::Done),
                Err(Step::Never(error)) => return Err(error),
                Err(Step::Again(error, asked)) => (error, asked),
            };
            breaks += 1;
            idle_breaks = if session.offset > furthest { 1 } else { idle_breaks + 1 };
            furthest = furthest.max(session.offset);
            if idle_breaks >= policy.attempts || breaks >= policy.breaks {
                return Err(error.after(breaks).into());
            }
            self.registry.net.pacer().wait(idle_breaks, asked);
            match self.recover(&session)? {
                None => return Ok(TransferOutcome::Done),
                Some(recovered) => session = recovered,
            }
        }
    }

    /// Whether the repository has the blob (*Checking if content exists in the registry*).
    fn exists(&self) -> Result<bool, Error> {
        let url = self.registry.blob_url(self.repository, &self.descriptor.digest);
        // Asking as somebody who is about to push spares a second token.
        let response = self.registry.send(&Request::new(Method::HEAD, url), &self.access)?;
        match response.status() {
            200 => Ok(true),
            404 => Ok(false),
            _ => Err(self.registry.refusal(response).into()),
        }
    }

    fn begin(&self, origin: Option<&str>) -> Result<Begun, Error> {
        if let Some(from) = origin.filter(|from| *from != self.repository)
            && let Some(begun) = self.mount(from)?
        {
            return Ok(begun);
        }
        let url = self.registry.endpoint(self.repository, "blobs/uploads/");
        let response = self.registry.send(&Request::new(Method::POST, url), &self.access)?;
        match response.status() {
            202 => Ok(Begun::Session(self.session(&response.head)?)),
            _ => Err(self.registry.refusal(response).into()),
        }
    }

    /// `None` where the registry will not have it: mounting only ever saves work, so whatever it says
    /// against it is no failure.
    fn mount(&self, from: &str) -> Result<Option<Begun>, Error> {
        let mut url = self.registry.endpoint(self.repository, "blobs/uploads/");
        url.query_pairs_mut()
            .append_pair("mount", &self.descriptor.digest.to_string())
            .append_pair("from", from);
        let access = Access::mount(self.repository, from);
        let response = match self.registry.send(&Request::new(Method::POST, url), &access) {
            Ok(response) => response,
            // The token server would not let us read the other repository.
            Err(error) if error.status().is_some() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        Ok(match response.status() {
            201 => Some(Begun::Mounted),
            202 => Some(Begun::Session(self.session(&response.head)?)),
            _ => None,
        })
    }

    /// A session as the answer that opens it describes it: `Location`, relative or absolute, perhaps with a query, and
    /// the registry's wish for large parts.
    fn session(&self, head: &Head) -> Result<Session, Error> {
        let location = head.header("location").and_then(|text| head.url().join(text).ok());
        let location = location
            .ok_or_else(|| head.protocol_error("it opens an upload without saying where"))?;
        let least = head.header("oci-chunk-min-length").and_then(|text| text.trim().parse().ok());
        let chunk = self.registry.options.chunk.max(1).max(least.unwrap_or(0));
        Ok(Session { location, offset: 0, chunk })
    }

    fn send_whole(&mut self, session: &Session) -> Result<(), Step> {
        let request = Request::new(Method::PUT, self.closing(session));
        let size = self.descriptor.size;
        self.stream(request, 0, size).map(|_| ())
    }

    fn send_parts(&mut self, session: &mut Session) -> Result<(), Step> {
        while session.offset < self.descriptor.size {
            let length = session.chunk.min(self.descriptor.size - session.offset);
            let end = session.offset + length;
            let request = Request::new(Method::PATCH, session.location.clone())
                .header("content-range", &format!("{}-{}", session.offset, end - 1))
                .map_err(Step::never)?;
            let head = self.stream(request, session.offset, length)?;
            if let Some(location) = head.header("location") {
                let next = head.url().join(location);
                session.location = next.map_err(|_| {
                    Step::never(head.protocol_error("it continues an upload at what is no URL"))
                })?;
            }
            if confirmed(&head).is_some_and(|got| got != end) {
                let error = head.protocol_error("it took another part than the one that was sent");
                return Err(Step::Again(error, None));
            }
            session.offset = end;
        }
        let request = Request::new(Method::PUT, self.closing(session));
        self.stream(request, session.offset, 0).map(|_| ())
    }

    /// The session's address with the digest, which closes it.
    fn closing(&self, session: &Session) -> Url {
        let mut url = session.location.clone();
        url.query_pairs_mut().append_pair("digest", &self.descriptor.digest.to_string());
        url
    }

    /// Sends `length` bytes from `offset` on.
    fn stream(&mut self, request: Request, offset: u64, length: u64) -> Result<Head, Step> {
        self.bytes.seek(offset).map_err(Step::Never)?;
        let request =
            request.header("content-type", "application/octet-stream").map_err(Step::never)?;
        let sent = self.registry.send_stream(&request, &self.access, &mut self.bytes, length);
        let response = match sent {
            Ok(response) => response,
            Err(StreamError::Source(error)) => return Err(Step::Never(self.bytes.why(error))),
            Err(StreamError::Net(error)) if error.is_transient() => {
                return Err(Step::Again(error, None));
            }
            Err(StreamError::Net(error)) => return Err(Step::never(error)),
        };
        let asked = response.head.retry_after();
        match response.status() {
            200..=299 => Ok(response.head),
            // A token that ran out, a session that is gone, an offset that is not the registry's: the
            // next question to the registry settles each.
            401 | 404 | 416 => Err(Step::Again(self.registry.refusal(response), asked)),
            _ => match self.registry.refusal(response) {
                error if error.is_transient() => Err(Step::Again(error, asked)),
                error => Err(Step::never(error)),
            },
        }
    }

    /// After a break: where to go on, or `None` if the blob turns out to have arrived.
    fn recover(&self, broken: &Session) -> Result<Option<Session>, Error> {
        let status = Request::get(broken.location.clone());
        let response = self.registry.send(&status, &self.access)?;
        if matches!(response.status(), 200..=299)
            && let Some(offset) = confirmed(&response.head)
            // Nobody has more of it than we have sent.
            && offset <= self.bytes.furthest()
        {
            let moved = response.head.header("location");
            let location = moved.and_then(|text| response.head.url().join(text).ok());
            let location = location.unwrap_or_else(|| broken.location.clone());
            return Ok(Some(Session { location, offset, chunk: broken.chunk }));
        }
        // The session is gone: perhaps because it came to its end and only the answer was lost.
        if self.exists()? {
            return Ok(None);
        }
        match self.begin(None)? {
            Begun::Mounted => Ok(None),
            Begun::Session(session) => Ok(Some(session)),
        }
    }
}

/// How many bytes the registry has, from `Range: 0-<last byte>` (some write `bytes=` before it). `None`
/// where it does not say, and for `0-0`: that is one byte by the specification, but the most common
/// registry also says it for none.
fn confirmed(head: &Head) -> Option<u64> {
    let text = head.header("range")?.trim();
    let range = text.strip_prefix("bytes=").unwrap_or(text);
    let last: u64 = range.strip_prefix("0-")?.parse().ok()?;
    if last == 0 { None } else { last.checked_add(1) }
}

impl Step {
    fn never(error: lightship_net::Error) -> Self {
        Self::Never(Error::Net(error))
    }
}
