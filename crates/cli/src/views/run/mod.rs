//! A run as it goes on: a tree that is drawn again, lines that are only added, or events for programs. All three
//! follow from the same notices.

mod event;
mod failure;
mod frame;
mod lines;
mod rows;
#[cfg(test)]
mod tests;
mod tree;

pub use event::line as event;
pub use failure::{Trouble, container_at, in_short, short, words};
pub use frame::{Frame, frame};
pub use lines::lines;
pub use tree::{Node, RunTree};
