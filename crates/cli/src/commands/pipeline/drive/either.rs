//! The first of two things that come.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// One of two.
pub(in crate::commands::pipeline) enum Either<A, B> {
    /// The first.
    One(A),
    /// The second.
    Other(B),
}

/// Waits for whichever comes first, and lets go of the other one; of both at once, the first.
pub(in crate::commands::pipeline) async fn either<A, B>(
    one: impl Future<Output = A>,
    other: impl Future<Output = B>,
) -> Either<A, B> {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(move |context| match one.as_mut().poll(context) {
        Poll::Ready(one) => Poll::Ready(Either::One(one)),
        Poll::Pending => other.as_mut().poll(context).map(Either::Other),
    })
    .await
}
