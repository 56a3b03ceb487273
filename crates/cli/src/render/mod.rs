//! Small writers for what a person reads: tables, headings, proportion bars, errors. They know about
//! widths, glyphs and colours, and nothing about audits or images; they return text, possibly with
//! ANSI colours that the stream strips where they are not wanted.

pub mod bar;
mod failure;
pub mod json;
pub mod section;
pub mod style;
pub mod table;
pub mod text;

pub use failure::failure;
pub use table::{Align, Cell, Column, Fit, Table};

/// Which characters the far end can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glyphs {
    /// All that Unicode has.
    Unicode,
    /// ASCII only.
    Ascii,
}

impl Glyphs {
    /// What stands for text that was left out.
    pub const fn ellipsis(self) -> &'static str {
        match self {
            Self::Unicode => "…",
            Self::Ascii => "...",
        }
    }

    /// What a horizontal line is made of.
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Unicode => "─",
            Self::Ascii => "-",
        }
    }
}

/// What the far end of a stream can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Columns; `None` where nothing needs to be cut: files and pipes get everything.
    pub width: Option<usize>,
    /// Which characters it can show.
    pub glyphs: Glyphs,
    /// Whether a person watches a terminal that can redraw lines.
    pub live: bool,
}
