//! Dockerfile and `.dockerignore`: what they say. Pure: text in, meaning out.

mod document;
mod error;
pub mod ignore;
mod instruction;
mod parse;

pub use document::{Dockerfile, Part, PartKind, Stage};
pub use error::{ParseError, Problem};
pub use instruction::{Flag, Form, Heredoc, Instruction, Kind, Transfer};
