//! Text of any origin, made fit for a terminal: harmless, and of a known width in columns.

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::Glyphs;

/// How many columns `text` takes. Without escape sequences; see [`printable`].
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text` with everything escaped that a terminal would obey instead of showing: control characters
/// (line ends too) and the marks that turn the direction of writing. Paths, labels and history in an
/// image come from strangers; one `ESC` in a file name could retitle the window or hide a finding.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(obeyed) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().fold(String::with_capacity(text.len() + 8), |mut safe, c| {
        if obeyed(c) {
            // Writing to a string cannot fail.
            let _ = write!(safe, "{}", c.escape_default());
        } else {
            safe.push(c);
        }
        safe
    }))
}

/// The same line by line, for text that may have several.
pub fn printable_lines(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    text.lines().map(printable)
}

/// Control characters (C0, DEL, C1), and *Unicode Standard Annex 9*'s explicit formatting characters
/// with line and paragraph separators.
fn obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}')
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// At most `columns` of `text`, its end left out.
pub fn cut_end(text: &str, columns: usize, glyphs: Glyphs) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let ellipsis = glyphs.ellipsis();
    match columns.checked_sub(width(ellipsis)) {
        Some(room) => Cow::Owned(format!("{}{ellipsis}", head(text, room))),
        None => Cow::Borrowed(head(ellipsis, columns)),
    }
}

/// At most `columns` of `text`, its middle left out. Of a path the last component is kept as long as
/// it leaves some room for the beginning: the file's name says more than the folders above it.
pub fn cut_middle(text: &str, columns: usize, glyphs: Glyphs) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let ellipsis = glyphs.ellipsis();
    let Some(room) = columns.checked_sub(width(ellipsis)) else {
        return Cow::Borrowed(head(ellipsis, columns));
    };
    let name = text.trim_end_matches('/').rfind('/').map_or(0, |slash| width(&text[slash..]));
    let end = if name <= room * 3 / 4 { name.max(room / 2) } else { room / 2 };
    let end = tail(text, end);
    // What a wide character could not fill at the end goes to the beginning.
    let beginning = head(text, room - width(end));
    Cow::Owned(format!("{beginning}{ellipsis}{end}"))
}

/// Lines of at most `room` columns, broken at spaces. A word that is longer stays whole: paths and
/// digests are there to be copied.
pub fn wrap(line: &str, room: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut current, mut used) = (String::new(), 0);
    for word in line.split(' ') {
        let columns = width(word);
        if used > 0 && used + 1 + columns > room {
            lines.push(std::mem::take(&mut current));
            used = 0;
        } else if used > 0 {
            current.push(' ');
            used += 1;
        }
        current.push_str(word);
        used += columns;
    }
    lines.push(current);
    lines
}

/// The longest beginning of at most so many columns.
fn head(text: &str, columns: usize) -> &str {
    let mut used = 0;
    let end = text.char_indices().find(|(_, c)| {
        used += c.width().unwrap_or(0);
        used > columns
    });
    &text[..end.map_or(text.len(), |(at, _)| at)]
}

/// The longest end of at most so many columns.
fn tail(text: &str, columns: usize) -> &str {
    let mut used = 0;
    let start = text.char_indices().rev().find(|(_, c)| {
        used += c.width().unwrap_or(0);
        used > columns
    });
    &text[start.map_or(0, |(at, c)| at + c.len_utf8())..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        assert_eq!(printable("usr/lib/größe"), "usr/lib/größe");
        assert_eq!(printable("a\u{1b}]0;pwned\u{7}b\nc"), r"a\u{1b}]0;pwned\u{7}b\nc");
        assert_eq!(printable("\u{202e}gpj.exe"), r"\u{202e}gpj.exe");
        assert_eq!(printable("\u{9b}2J"), r"\u{9b}2J");
    }

    #[test]
    fn the_end_goes_where_only_the_beginning_matters() {
        assert_eq!(cut_end("RUN apt-get update", 10, Glyphs::Unicode), "RUN apt-g…");
        assert_eq!(cut_end("RUN apt-get update", 10, Glyphs::Ascii), "RUN apt...");
        assert_eq!(cut_end("RUN", 3, Glyphs::Ascii), "RUN");
        assert_eq!(cut_end("RUN apt", 2, Glyphs::Ascii), "..");
    }

    #[test]
    fn the_middle_goes_from_paths() {
        let path = "usr/lib/python3.13/site-packages/numpy/core/umath.so";
        assert_eq!(cut_middle(path, 30, Glyphs::Unicode), "usr/lib/python3…/core/umath.so");
        let name = "usr/lib/libextremelylongname.so.1";
        assert_eq!(cut_middle(name, 29, Glyphs::Unicode), "usr/lib/libext…ylongname.so.1");
    }

    #[test]
    fn a_cut_never_exceeds_its_columns() {
        let texts =
            ["数据/模型/训练集.parquet", "a/b/c/d/e/f", "e\u{301}e\u{301}e\u{301}/x", "👩‍👩‍👧/👩‍👩‍👧/👩‍👩‍👧"];
        for text in texts {
            for columns in 0..30 {
                for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
                    assert!(
                        width(&cut_middle(text, columns, glyphs)) <= columns,
                        "{text} {columns}"
                    );
                    assert!(width(&cut_end(text, columns, glyphs)) <= columns, "{text} {columns}");
                }
            }
        }
    }
}
