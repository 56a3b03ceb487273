//! The content of an artifact, as well as a terminal can show it.

use std::fmt::Write as _;

use lightship_base::ByteSize;
use serde::Serialize;

use super::{html, markdown};
use crate::render::text::{cut_end, printable};
use crate::render::{Look, style};

/// What was found where an artifact should be, as far as it is shown.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Preview {
    /// Its task left nothing there: all of it is its metadata.
    Nothing,
    /// It is not on this machine.
    Elsewhere,
    /// It was there, and is no more.
    Gone,
    /// It cannot be read.
    Unreadable {
        /// Why not.
        why: String,
    },
    /// Text, a page or data for programs.
    Text {
        /// How it is written.
        form: Form,
        /// Its beginning.
        text: String,
        /// Whether there is more.
        more: bool,
    },
    /// A folder.
    Folder {
        /// What is in it, in order: names, of folders with `/`, and sizes of files.
        entries: Vec<(String, Option<ByteSize>)>,
        /// Entries that are not named here.
        more: usize,
    },
    /// Bytes.
    Binary {
        /// What they seem to be, by their beginning.
        kind: Option<&'static str>,
    },
}

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// As it stands.
    Plain,
    /// As JSON.
    Json,
    /// As Markdown.
    Markdown,
    /// As a page.
    Html,
}

/// Lines for a terminal, at most so many of a text.
pub(super) fn text(preview: &Preview, uri: &str, most: usize, look: &Look) -> String {
    let sentence = |words: &str| format!("  {words}\n");
    match preview {
        Preview::Nothing => sentence("its task left no content: what it says is its metadata"),
        Preview::Elsewhere => sentence("it is not on this machine, and not looked at"),
        Preview::Gone => sentence(&format!(
            "{warning}gone{warning:#}: nothing is at {} any more",
            printable(uri),
            warning = style::WARNING
        )),
        Preview::Unreadable { why } => sentence(&format!("cannot be read: {}", printable(why))),
        Preview::Folder { entries, more } => folder(entries, *more),
        Preview::Binary { kind } => sentence(kind.unwrap_or("bytes that are no text")),
        Preview::Text { form, text, more } => {
            let lines = match form {
                Form::Plain | Form::Json => plain(text, look),
                Form::Markdown => markdown::lines(text, look),
                Form::Html => page(text, look),
            };
            shown(lines, most, *more, *form)
        }
    }
}

/// Lines as they are, each cut to the terminal: a data set has long ones.
fn plain(text: &str, look: &Look) -> Vec<String> {
    let room = look.width.map_or(usize::MAX, |width| width.saturating_sub(2).max(20));
    let line = |line: &str| {
        // Tabs part columns; everything else that moves the cursor is shown, not obeyed.
        let line = line.trim_end_matches('\r').replace('\t', "    ");
        format!("  {}", cut_end(&printable(&line), room, look.glyphs))
    };
    text.lines().map(line).collect()
}

fn page(text: &str, look: &Look) -> Vec<String> {
    let room = look.width.map_or(100, |width| width.saturating_sub(2)).clamp(20, 100);
    let lines = html::lines(text);
    let wrapped = lines.iter().flat_map(|line| crate::render::text::wrap(line, room));
    wrapped.map(|line| format!("  {line}")).collect()
}

fn shown(lines: Vec<String>, most: usize, more: bool, form: Form) -> String {
    let dim = style::DIM;
    let rest = lines.len().saturating_sub(most);
    let mut text: String = lines.into_iter().take(most).map(|line| line + "\n").collect();
    if text.is_empty() {
        text.push_str("  (no text)\n");
    }
    if rest > 0 || more {
        let _ =
            writeln!(text, "  {dim}and more: `--lines` shows it, `artifacts get` copies it{dim:#}");
    }
    if form == Form::Html {
        let _ =
            writeln!(text, "  {dim}the text of a page; a browser opens it as it is meant{dim:#}");
    }
    text
}

fn folder(entries: &[(String, Option<ByteSize>)], more: usize) -> String {
    let mut text = String::new();
    for (name, size) in entries {
        let size = size.map_or_else(String::new, |size| size.to_string());
        let _ = writeln!(text, "  {size:>8}  {}", printable(name));
    }
    if entries.is_empty() {
        text += "  an empty folder\n";
    }
    if more > 0 {
        let _ = writeln!(text, "  {dim}and {more} more{dim:#}", dim = style::DIM);
    }
    text
}
