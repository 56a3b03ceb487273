//! A shell's patterns, for `${x#pattern}` and its relatives: `*`, `?`, and `\` before either.

use crate::bounds::Bounds;

enum Piece {
    Char(char),
    One,
    Many,
}

fn pieces(pattern: &str) -> Vec<Piece> {
    let mut chars = pattern.chars();
    let mut pieces = Vec::new();
    while let Some(c) = chars.next() {
        pieces.push(match c {
            '*' => Piece::Many,
            '?' => Piece::One,
            '\\' => Piece::Char(chars.next().unwrap_or('\\')),
            c => Piece::Char(c),
        });
    }
    pieces
}

/// The numbers of characters of `text` that the pattern matches from the beginning on, in order.
fn lengths(pieces: &[Piece], text: &[char]) -> Vec<usize> {
    let mut open = vec![false; text.len() + 1];
    open[0] = true;
    for piece in pieces {
        let mut next = vec![false; open.len()];
        for at in 0..open.len() {
            let before = at.checked_sub(1);
            next[at] = match piece {
                Piece::Char(c) => before.is_some_and(|before| open[before] && text[before] == *c),
                Piece::One => before.is_some_and(|before| open[before]),
                Piece::Many => open[at] || before.is_some_and(|before| next[before]),
            };
        }
        open = next;
    }
    open.iter().enumerate().filter(|(_, open)| **open).map(|(at, _)| at).collect()
}

/// Beyond this, a pattern is not looked for: that takes time for every character of both.
const LONGEST: usize = 1024;

/// Without what a pattern matches at one end; none where that is too much work.
pub(crate) fn trim(
    value: &str,
    pattern: &str,
    front: bool,
    longest: bool,
    bounds: &Bounds,
) -> Option<String> {
    let mut chars: Vec<char> = value.chars().collect();
    let mut pieces = pieces(pattern);
    if chars.len() > LONGEST || pieces.len() > LONGEST {
        return Some(value.to_owned());
    }
    if !bounds.work(chars.len() * pieces.len()) {
        return None;
    }
    if !front {
        chars.reverse();
        pieces.reverse();
    }
    let lengths = lengths(&pieces, &chars);
    let cut = if longest { lengths.last() } else { lengths.first() };
    let mut rest = chars.split_off(cut.copied().unwrap_or(0));
    if !front {
        rest.reverse();
    }
    Some(rest.into_iter().collect())
}

/// With what a pattern matches replaced, the first time or every time; none where that is too much work.
pub(crate) fn replace(
    value: &str,
    pattern: &str,
    replacement: &str,
    all: bool,
    bounds: &Bounds,
) -> Option<String> {
    let chars: Vec<char> = value.chars().collect();
    let pieces = pieces(pattern);
    if chars.len() > LONGEST || pieces.len() > LONGEST {
        return Some(value.to_owned());
    }
    let (mut text, mut at) = (String::new(), 0);
    while at < chars.len() {
        if !bounds.work((chars.len() - at) * pieces.len() + replacement.len()) {
            return None;
        }
        if let Some(length @ 1..) = lengths(&pieces, &chars[at..]).last() {
            text.push_str(replacement);
            at += length;
            if !all {
                break;
            }
        } else {
            text.push(chars[at]);
            at += 1;
        }
    }
    text.extend(&chars[at..]);
    Some(text)
}
