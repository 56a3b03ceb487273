//! Errors for people: what failed, why, and what to do next.

use std::error::Error;
use std::fmt::Write as _;

use lightship_base::{Category, Diagnose};

use super::text::printable_lines;
use super::{Look, style, text};

/// The message, the chain of its causes, and its hints, each on lines of their own.
pub fn failure(error: &dyn Diagnose, look: &Look) -> String {
    let mut text = String::new();
    let message = error.to_string();
    paragraph(&mut text, "", "error:", style::ERROR, &message, look);
    for cause in causes(error, &message) {
        paragraph(&mut text, "  ", "because", style::DIM, &cause, look);
    }
    for hint in error.hints() {
        paragraph(&mut text, "  ", "try:", style::GOOD, &hint.to_string(), look);
    }
    if error.category() == Category::Bug {
        let plea = "this is a bug in lightship; please report it with the command that you typed";
        paragraph(&mut text, "  ", "note:", style::DIM, plea, look);
    }
    text
}

/// What lies below an error, outermost first. A cause whose words are in the message above it already
/// says nothing new: many errors of other crates repeat their source.
fn causes(error: &dyn Diagnose, message: &str) -> Vec<String> {
    let mut said = message.to_owned();
    let mut causes = Vec::new();
    let mut next: Option<&dyn Error> = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !words.is_empty() && !said.contains(&words) {
            said.clone_from(&words);
            causes.push(words);
        }
        next = cause.source();
    }
    causes
}

/// `label words…`, wrapped to the terminal, further lines below the first word.
fn paragraph(
    out: &mut String,
    indent: &str,
    label: &str,
    style: anstyle::Style,
    words: &str,
    look: &Look,
) {
    let hang = indent.len() + text::width(label) + 1;
    let room = look.width.map_or(usize::MAX, |columns| columns.saturating_sub(hang).max(20));
    let mut lines = printable_lines(words).flat_map(|line| text::wrap(&line, room)).peekable();
    let first = lines.next().unwrap_or_default();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{indent}{style}{label}{style:#} {first}");
    for line in lines {
        let _ = writeln!(out, "{:hang$}{line}", "");
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use lightship_base::Hint;

    use super::*;
    use crate::render::Glyphs;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read layer 3 (sha256:3f29a1c0b77e) of oci:app")]
    struct Outer {
        source: Middle,
        category: Category,
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the connection broke: {source}")]
    struct Middle {
        source: io::Error,
    }

    impl Diagnose for Outer {
        fn category(&self) -> Category {
            self.category
        }
        fn hints(&self) -> Vec<Hint> {
            vec![
                Hint::new("try again: what arrived is kept, and only the rest is asked for"),
                Hint::new("copy from another mirror"),
            ]
        }
    }

    fn outer(category: Category, inner: &str) -> Outer {
        Outer { source: Middle { source: io::Error::other(inner.to_owned()) }, category }
    }

    fn plain(error: &Outer, width: Option<usize>) -> String {
        let look = Look { width, glyphs: Glyphs::Ascii, live: false };
        anstream::adapter::strip_str(&failure(error, &look)).to_string()
    }

    #[test]
    fn an_error_tells_what_why_and_what_next() {
        insta::assert_snapshot!(plain(&outer(Category::Network, "reset by peer"), None), @r"
        error: cannot read layer 3 (sha256:3f29a1c0b77e) of oci:app
          because the connection broke: reset by peer
          try: try again: what arrived is kept, and only the rest is asked for
          try: copy from another mirror
        ");
    }

    #[test]
    fn a_narrow_terminal_gets_wrapped_lines() {
        insta::assert_snapshot!(plain(&outer(Category::Network, "reset by peer"), Some(40)), @r"
        error: cannot read layer 3
               (sha256:3f29a1c0b77e) of oci:app
          because the connection broke: reset by
                  peer
          try: try again: what arrived is kept,
               and only the rest is asked for
          try: copy from another mirror
        ");
    }

    #[test]
    fn a_bug_says_so_and_strangers_words_stay_words() {
        insta::assert_snapshot!(plain(&outer(Category::Bug, "first\n\u{1b}[31msecond"), None), @r"
        error: cannot read layer 3 (sha256:3f29a1c0b77e) of oci:app
          because the connection broke: first
                  \u{1b}[31msecond
          try: try again: what arrived is kept, and only the rest is asked for
          try: copy from another mirror
          note: this is a bug in lightship; please report it with the command that you typed
        ");
    }
}
