//! Headings, and short lists of facts below them.

use std::fmt::Write as _;

use super::text::{printable, width, wrap};
use super::{Look, style};

/// A heading with an empty line above it.
pub fn heading(title: &str) -> String {
    let style = style::HEADING;
    format!("\n{style}{}{style:#}\n", printable(title))
}

/// `label  value`, one a line, values in one column. Values may hold styles; they are written as they
/// are, so whoever makes one from a stranger's text makes it [`printable`] first.
pub fn facts(rows: &[(&str, String)]) -> String {
    let widest = rows.iter().map(|(label, _)| width(label)).max().unwrap_or(0);
    let dim = style::DIM;
    rows.iter().fold(String::new(), |mut text, (label, value)| {
        let gap = widest - width(label) + 2;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {dim}{label}{dim:#}{:gap$}{value}", "");
        text
    })
}

/// A dim sentence with a label, indented by so many columns, further lines below its first word.
pub fn remark(indent: usize, label: &str, sentence: &str, look: &Look) -> String {
    let dim = style::DIM;
    let hang = indent + width(label) + 1;
    let room = look.width.map_or(usize::MAX, |columns| columns.saturating_sub(hang).max(20));
    let mut text = String::new();
    for (number, line) in wrap(&printable(sentence), room).iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = match number {
            0 => writeln!(text, "{:indent$}{dim}{label} {line}{dim:#}", ""),
            _ => writeln!(text, "{:hang$}{dim}{line}{dim:#}", ""),
        };
    }
    text
}

/// The remark below a table that does not show everything.
pub fn left_out(rows: usize) -> String {
    let dim = style::DIM;
    match rows {
        0 => String::new(),
        _ => format!("  {dim}and {rows} more; `--top all` shows them{dim:#}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_line_up() {
        let text = heading("Image")
            + &facts(&[("digest", "sha256:abc".to_owned()), ("size", "1.00 MB".to_owned())])
            + &left_out(0)
            + &left_out(3);
        insta::assert_snapshot!(anstream::adapter::strip_str(&text), @r"

        Image
          digest  sha256:abc
          size    1.00 MB
          and 3 more; `--top all` shows them
        ");
    }
}
