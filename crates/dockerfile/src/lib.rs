//! Dockerfile and `.dockerignore`: what they say. Pure: text in, meaning out.

mod bounds;
mod document;
mod error;
mod expand;
mod facts;
pub mod ignore;
mod instruction;
mod parse;
mod pattern;

pub use document::{Dockerfile, Part, PartKind, Stage};
pub use error::{ParseError, Problem};
pub use facts::{Apt, At, BaseImage, Copied, Facts, PythonSeries, Requirement, facts};
pub use instruction::{Flag, Form, Heredoc, Instruction, Kind, Transfer};
