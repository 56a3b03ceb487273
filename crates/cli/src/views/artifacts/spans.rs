//! Words in several styles, laid out.

use anstyle::Style;

use crate::render::text::width;
use crate::render::{Look, style};

/// Words in one style; harmless for a terminal already.
#[derive(Debug, Clone)]
pub(super) struct Span {
    pub(super) text: String,
    pub(super) style: Style,
}

impl Span {
    fn shown(&self) -> String {
        format!("{}{}{:#}", self.style, self.text, self.style)
    }
}

/// Lines of at most so many columns, broken at spaces. A word that is longer stays whole.
pub(super) fn wrapped(spans: &[Span], room: usize) -> Vec<String> {
    let (mut lines, mut line, mut used) = (Vec::new(), String::new(), 0);
    for word in words(spans) {
        let columns: usize = word.iter().map(|span| width(&span.text)).sum();
        if used > 0 && used + 1 + columns > room {
            lines.push(std::mem::take(&mut line));
            used = 0;
        } else if used > 0 {
            line.push(' ');
            used += 1;
        }
        line.extend(word.iter().map(Span::shown));
        used += columns;
    }
    if used > 0 {
        lines.push(line);
    }
    lines
}

/// Words: what spaces part. One word may have several styles.
fn words(spans: &[Span]) -> Vec<Vec<Span>> {
    let mut words: Vec<Vec<Span>> = Vec::new();
    let mut open = false;
    for span in spans {
        for (at, piece) in span.text.split(' ').enumerate() {
            open &= at == 0;
            if piece.is_empty() {
                continue;
            }
            let piece = Span { text: piece.to_owned(), style: span.style };
            match words.last_mut().filter(|_| open) {
                Some(word) => word.push(piece),
                None => words.push(vec![piece]),
            }
            open = true;
        }
    }
    words
}

/// A table whose first row is its head; columns are as wide as their widest cell.
pub(super) fn table(rows: &[Vec<Vec<Span>>], look: &Look) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let of = |cell: &[Span]| cell.iter().map(|span| width(&span.text)).sum::<usize>();
    let widest = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| of(cell)).max();
    let widths: Vec<usize> = (0..columns).map(|at| widest(at).unwrap_or(0)).collect();
    let mut lines = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        let mut line = String::new();
        let mut spaces = 0;
        for (cell, columns) in row.iter().zip(&widths) {
            line += &" ".repeat(spaces);
            for span in cell {
                let style = if number == 0 { style::HEADING } else { span.style };
                line += &Span { text: span.text.clone(), style }.shown();
            }
            spaces = columns - of(cell) + 2;
        }
        lines.push(line);
        if number == 0 {
            let whole = widths.iter().sum::<usize>() + 2 * columns.saturating_sub(1);
            let dim = style::DIM;
            lines.push(format!("{dim}{}{dim:#}", look.glyphs.rule().repeat(whole)));
        }
    }
    lines
}
