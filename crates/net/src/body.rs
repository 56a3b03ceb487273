//! An answer's body as a plain `Read`, which fails when nothing comes for too long.

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use bytes::{Buf as _, Bytes};

use crate::Error;
use crate::client::Shared;
use crate::failure::Failure;
use crate::place::Exchange;

/// The body of an answer. Its errors are [`io::Error`]s that wrap our own [`Error`].
pub struct Body {
    shared: Arc<Shared>,
    exchange: Exchange,
    chunk: Bytes,
    flow: Flow,
}

enum Flow {
    Open(Box<reqwest::Response>),
    Ended,
    Broken(Failure),
}

impl Body {
    pub(crate) fn new(
        shared: Arc<Shared>,
        exchange: Exchange,
        response: reqwest::Response,
    ) -> Self {
        Self { shared, exchange, chunk: Bytes::new(), flow: Flow::Open(Box::new(response)) }
    }

    /// The next bytes; none at the end. A body that broke stays broken: the HTTP library would call a
    /// second look the end of the body.
    fn next_chunk(&mut self) -> Result<Bytes, Failure> {
        let response = match &mut self.flow {
            Flow::Open(response) => response,
            Flow::Ended => return Ok(Bytes::new()),
            Flow::Broken(failure) => return Err(failure.clone()),
        };
        let timeouts = self.shared.settings.timeouts;
        let next = self
            .shared
            .block_on(async { tokio::time::timeout(timeouts.stall, response.chunk()).await });
        match next {
            Ok(Ok(Some(chunk))) => Ok(chunk),
            Ok(Ok(None)) => {
                self.flow = Flow::Ended;
                Ok(Bytes::new())
            }
            Ok(Err(error)) => self.broke(Failure::of(error, timeouts.connect)),
            Err(_) => self.broke(Failure::Stalled(timeouts.stall)),
        }
    }

    /// Lets go of the connection at once: nobody will read from it again.
    fn broke(&mut self, failure: Failure) -> Result<Bytes, Failure> {
        self.flow = Flow::Broken(failure.clone());
        Err(failure)
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while self.chunk.is_empty() {
            self.chunk = self.next_chunk().map_err(|failure| {
                let exchange = Box::new(self.exchange.clone());
                io::Error::other(Error::NoAnswer { exchange, failure, attempts: 1 })
            })?;
            if matches!(self.flow, Flow::Ended) {
                return Ok(0);
            }
        }
        let n = self.chunk.len().min(buffer.len());
        self.chunk.copy_to_slice(&mut buffer[..n]);
        Ok(n)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({})", self.exchange)
    }
}
