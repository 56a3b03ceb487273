//! A confusion matrix: numbers in a square, shaded by their share of the row.

use std::fmt::Write as _;

use lightship_ir::exchange::Confusion;

use super::short;
use crate::render::text::{cut_end, printable, width};
use crate::render::{Glyphs, Look, style};

/// The longest name of a category that is shown.
const LONGEST: usize = 20;
/// Mistakes that are listed where the square does not fit.
const LISTED: usize = 20;
/// No larger square is drawn, however wide the terminal.
const LARGEST: usize = 30;

/// The matrix: a row for what something is, a column for what it was taken for.
pub fn draw(matrix: &Confusion, look: &Look) -> String {
    let dim = style::DIM;
    let mut text =
        format!("  {dim}a row for what it is, a column for what it was taken for{dim:#}\n");
    let names: Vec<String> = (matrix.categories.iter())
        .map(|name| cut_end(&printable(name), LONGEST, look.glyphs).into_owned())
        .collect();
    let numbers: Vec<String> = (1..=names.len()).map(|number| number.to_string()).collect();
    let numbered: Vec<String> =
        (names.iter().zip(&numbers)).map(|(name, number)| format!("{number} {name}")).collect();
    let fits = |square: &String| {
        let widest =
            square.lines().map(|line| width(&anstream::adapter::strip_str(line).to_string()));
        look.width.is_none_or(|room| widest.max().unwrap_or(0) <= room)
    };
    let drawable = names.len() <= LARGEST;
    let squares = [(&names, &names), (&numbered, &numbers)];
    let squares =
        squares.map(|(rows, columns)| drawable.then(|| square(matrix, rows, columns, look)));
    match squares.into_iter().flatten().find(fits) {
        Some(square) => text += &square,
        None => text += &list(matrix, &names),
    }
    text
}

fn square(matrix: &Confusion, rows: &[String], columns: &[String], look: &Look) -> String {
    let dim = style::DIM;
    let left = rows.iter().map(|name| width(name)).max().unwrap_or(0);
    let cells: Vec<Vec<String>> = (matrix.rows.iter())
        .map(|row| row.iter().map(|number| shaded(*number, row, look.glyphs)).collect())
        .collect();
    let wide = |at: usize| {
        let cells = cells.iter().filter_map(|row| row.get(at)).map(|cell| width(cell));
        cells.chain([width(&columns[at])]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(wide).collect();
    let mut text = format!("  {:left$}{dim}", "");
    for (name, columns) in columns.iter().zip(&widths) {
        let gap = columns - width(name) + 2;
        let _ = write!(text, "{:gap$}{name}", "");
    }
    let _ = writeln!(text, "{dim:#}");
    for (at, (name, row)) in rows.iter().zip(&cells).enumerate() {
        let gap = left - width(name);
        let _ = write!(text, "  {dim}{name}{dim:#}{:gap$}", "");
        for (place, (cell, columns)) in row.iter().zip(&widths).enumerate() {
            let gap = columns - width(cell) + 2;
            let number = matrix.rows[at][place];
            // No line ends in spaces.
            let cell = if place + 1 == row.len() { cell.trim_end() } else { cell };
            let look = match (at == place, number == 0.0) {
                (_, true) => style::DIM,
                (true, false) => style::GOOD,
                (false, false) => style::WARNING,
            };
            let _ = write!(text, "{:gap$}{look}{cell}{look:#}", "");
        }
        text.push('\n');
    }
    text
}

/// A number, behind it a block that is the fuller the larger its share of the row.
fn shaded(number: f64, row: &[f64], glyphs: Glyphs) -> String {
    let shades = match glyphs {
        Glyphs::Unicode => [' ', '░', '▒', '▓', '█'],
        Glyphs::Ascii => [' ', '.', ':', '+', '#'],
    };
    let whole: f64 = row.iter().filter(|number| number.is_finite()).sum();
    let share = if whole > 0.0 { number / whole } else { 0.0 };
    let fill = match share {
        share if share <= 0.0 || share.is_nan() => 0,
        share if share < 0.25 => 1,
        share if share < 0.5 => 2,
        share if share < 0.75 => 3,
        _ => 4,
    };
    format!("{} {}", short(number), shades[fill])
}

/// Where there is no room for a square: how much was right, and the most frequent mistakes.
fn list(matrix: &Confusion, names: &[String]) -> String {
    let mut mistakes = Vec::new();
    let (mut right, mut all) = (0.0, 0.0);
    for (at, row) in matrix.rows.iter().enumerate() {
        for (place, number) in row.iter().copied().enumerate().filter(|(_, n)| *n > 0.0) {
            all += number;
            if at == place {
                right += number;
            } else {
                mistakes.push((number, at, place));
            }
        }
    }
    mistakes.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut text = format!(
        "  {} categories, too many to draw here; right {} of {}\n",
        names.len(),
        short(right),
        short(all)
    );
    for (number, at, place) in mistakes.iter().take(LISTED) {
        let _ =
            writeln!(text, "  {:>8}  {} taken for {}", short(*number), names[*at], names[*place]);
    }
    if let Some(more) = mistakes.len().checked_sub(LISTED + 1) {
        let _ = writeln!(text, "  and {} more kinds of mistakes", more + 1);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(names: &[&str], rows: &[&[f64]]) -> Confusion {
        Confusion {
            categories: names.iter().map(|name| (*name).to_owned()).collect(),
            rows: rows.iter().map(|row| row.to_vec()).collect(),
        }
    }

    fn plain(matrix: &Confusion, width: Option<usize>, glyphs: Glyphs) -> String {
        let look = Look { width, glyphs, live: false };
        anstream::adapter::strip_str(&draw(matrix, &look)).to_string()
    }

    fn iris() -> Confusion {
        matrix(
            &["setosa", "versicolor", "a name with \u{1b}[31m and no end at all"],
            &[&[38.0, 0.0, 0.0], &[0.0, 30.0, 7.5], &[1.0, 11.0, 0.0]],
        )
    }

    #[test]
    fn a_matrix_is_shaded() {
        insta::assert_snapshot!("unicode", plain(&iris(), None, Glyphs::Unicode));
        insta::assert_snapshot!("ascii_numbered", plain(&iris(), Some(60), Glyphs::Ascii));
        insta::assert_snapshot!("too_narrow", plain(&iris(), Some(20), Glyphs::Ascii));
    }

    #[test]
    fn a_large_one_and_an_odd_one_are_no_trouble() {
        let names: Vec<String> = (0..60).map(|at| format!("class {at}")).collect();
        let row = |at: usize| (0..60).map(|place| f64::from(u8::from(at != place))).collect();
        let large = Confusion { categories: names, rows: (0..60).map(row).collect() };
        let text = plain(&large, None, Glyphs::Unicode);
        assert!(text.contains("right 0 of 3540"), "{text}");
        assert!(text.contains("and 3520 more"), "{text}");
        let odd = matrix(&["a", "b"], &[&[f64::NAN, -1.0], &[0.0, 0.0]]);
        assert!(plain(&odd, None, Glyphs::Ascii).contains("NaN"));
        assert_eq!(plain(&matrix(&[], &[]), None, Glyphs::Ascii).lines().count(), 2);
    }
}
