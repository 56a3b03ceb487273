//! Sends a body that is read while it is sent: from a thread's blocking reader into the engine's
//! asynchronous connection, with a limit on how long either side may stand still.

use std::io::{self, Read};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::client::Shared;
use crate::failure::Failure;

/// How much is read at a time: large enough that the hand-over costs nothing, small enough that a
/// slow line still moves within the stall limit.
const PIECE: usize = 64 * 1024;

/// Pieces that may wait for the connection; together with the socket's buffer this is how far
/// progress can run ahead of what the server has.
const WAITING: usize = 4;

/// Why a streamed request got no answer.
pub(crate) enum Broken {
    /// The bytes could not be read.
    Source(io::Error),
    /// They could not be sent.
    Line(Failure),
}

type Answer = Result<reqwest::Response, reqwest::Error>;

/// Sends `request` with `length` bytes of `reader` as its body.
pub(crate) fn send(
    shared: &Shared,
    mut request: reqwest::Request,
    reader: &mut dyn Read,
    length: u64,
) -> Result<reqwest::Response, Broken> {
    let (sender, receiver) = mpsc::channel(WAITING);
    *request.body_mut() = Some(reqwest::Body::wrap(Pieces { receiver, left: length }));
    let mut pending = Pending(shared.spawn(request));
    let mut left = length;
    while left > 0 {
        let piece = next_piece(reader, left).map_err(Broken::Source)?;
        left -= piece.len() as u64;
        if let Some(early) = shared.block_on(pending.offer(shared, &sender, piece))? {
            return settle(shared, early);
        }
    }
    drop(sender);
    let commit = shared.settings.timeouts.commit;
    match shared.block_on(async { tokio::time::timeout(commit, &mut pending.0).await }) {
        Ok(joined) => settle(shared, flatten(joined)),
        Err(_) => Err(Broken::Line(Failure::Stalled(commit))),
    }
}

fn settle(shared: &Shared, answer: Option<Answer>) -> Result<reqwest::Response, Broken> {
    match answer {
        Some(Ok(response)) => Ok(response),
        Some(Err(error)) => Err(Broken::Line(Failure::of(error, shared.settings.timeouts.connect))),
        None => Err(Broken::Line(Failure::Broken("the request was given up".to_owned()))),
    }
}

/// A task that was cancelled or panicked has no answer.
fn flatten(joined: Result<Answer, tokio::task::JoinError>) -> Option<Answer> {
    joined.ok()
}

fn next_piece(reader: &mut dyn Read, left: u64) -> io::Result<Bytes> {
    let wanted = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
    let mut piece = BytesMut::zeroed(wanted);
    let n = loop {
        match reader.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => break other?,
        }
    };
    if n == 0 {
        let reason = format!("it ended {left} bytes too early");
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason));
    }
    piece.truncate(n);
    Ok(piece.freeze())
}

/// The request under way. Dropping it gives the request up, so that a failed read does not leave half
/// an upload waiting for its rest.
struct Pending(JoinHandle<Answer>);

impl Drop for Pending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Pending {
    /// Hands one piece to the connection. `Some` is an answer that came before the body ended: the
    /// server has made up its mind.
    async fn offer(
        &mut self,
        shared: &Shared,
        sender: &mpsc::Sender<Bytes>,
        piece: Bytes,
    ) -> Result<Option<Option<Answer>>, Broken> {
        let stall = shared.settings.timeouts.stall;
        let mut sending = pin!(sender.send(piece));
        let mut taken = true;
        let either = std::future::poll_fn(|cx| {
            if let Poll::Ready(joined) = Pin::new(&mut self.0).poll(cx) {
                return Poll::Ready(Some(flatten(joined)));
            }
            if !taken {
                return Poll::Pending;
            }
            match sending.as_mut().poll(cx) {
                Poll::Ready(Ok(())) => Poll::Ready(None),
                // The connection dropped its end: its answer, or its error, is about to come.
                Poll::Ready(Err(_)) => {
                    taken = false;
                    Poll::Pending
                }
                Poll::Pending => Poll::Pending,
            }
        });
        match timeout(stall, either).await {
            Some(early_or_sent) => Ok(early_or_sent),
            None => Err(Broken::Line(Failure::Stalled(stall))),
        }
    }
}

async fn timeout<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, future).await.ok()
}

/// The receiving end, as a body of known length.
struct Pieces {
    receiver: mpsc::Receiver<Bytes>,
    left: u64,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.receiver.poll_recv(cx).map(|piece| match piece {
            Some(piece) => {
                self.left = self.left.saturating_sub(piece.len() as u64);
                Some(Ok(Frame::data(piece)))
            }
            None if self.left == 0 => None,
            None => Some(Err(io::Error::other("the upload was given up"))),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
