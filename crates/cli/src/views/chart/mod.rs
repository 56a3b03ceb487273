//! Drawings of characters: what a page would draw, as well as a terminal can.

pub mod confusion;
pub mod roc;

use crate::render::Glyphs;

/// An area of dots: two beside and four above each other in every character, as braille has them.
#[derive(Debug)]
pub struct Canvas {
    columns: usize,
    rows: usize,
    /// A byte for each character; its bits are those of *Unicode, Braille Patterns*.
    cells: Vec<u8>,
}

/// Dots of a character: beside and above each other.
const ACROSS: usize = 2;
const DOWN: usize = 4;

/// The bits of a character's dots, row by row.
const BITS: [[u8; ACROSS]; DOWN] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

impl Canvas {
    /// An empty one of so many characters.
    pub fn new(columns: usize, rows: usize) -> Self {
        Self { columns, rows, cells: vec![0; columns * rows] }
    }

    /// A dot; `x` from the left and `y` from the top, both from 0 to 1. What is outside is left out.
    pub fn dot(&mut self, x: f64, y: f64) {
        let (x, y) = (nearest(x, self.columns * ACROSS), nearest(y, self.rows * DOWN));
        if let Some((x, y)) = x.zip(y) {
            self.cells[y / DOWN * self.columns + x / ACROSS] |= BITS[y % DOWN][x % ACROSS];
        }
    }

    /// A straight line from point to point; `skip` dots are left out after each that is drawn.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), skip: usize) {
        let steps = (self.columns * ACROSS).max(self.rows * DOWN);
        for step in (0..=steps).step_by(skip + 1) {
            let part = step as f64 / steps as f64;
            self.dot(from.0 + (to.0 - from.0) * part, from.1 + (to.1 - from.1) * part);
        }
    }

    /// Its lines, the upper one first; none of them ends in spaces.
    pub fn lines(&self, glyphs: Glyphs) -> Vec<String> {
        let line = |cells: &[u8]| -> String {
            cells.iter().map(|dots| character(*dots, glyphs)).collect::<String>()
        };
        self.cells.chunks(self.columns.max(1)).map(|row| line(row).trim_end().to_owned()).collect()
    }
}

/// The dot that is nearest to a place between 0 and 1.
fn nearest(place: f64, dots: usize) -> Option<usize> {
    let last = dots.checked_sub(1)?;
    // Counting finds it without a conversion that could lose something, and areas are small.
    (0.0..=1.0).contains(&place).then(|| {
        let at = place * last as f64;
        (0..=last).find(|dot| at < *dot as f64 + 0.5).unwrap_or(last)
    })
}

fn character(dots: u8, glyphs: Glyphs) -> char {
    match glyphs {
        Glyphs::Unicode if dots == 0 => ' ',
        Glyphs::Unicode => char::from_u32(0x2800 + u32::from(dots)).unwrap_or(' '),
        Glyphs::Ascii => {
            let upper = BITS[..2].iter().flatten().any(|bit| dots & bit != 0);
            let lower = BITS[2..].iter().flatten().any(|bit| dots & bit != 0);
            match (upper, lower) {
                (false, false) => ' ',
                (true, false) => '\'',
                (false, true) => '.',
                (true, true) => ':',
            }
        }
    }
}

/// A number as short as it can be said: `3`, `0.95`, `1.2e-7`.
pub fn short(number: f64) -> String {
    if !number.is_finite() {
        return number.to_string();
    }
    let size = number.abs();
    if number.fract() == 0.0 && size < 1e15 {
        return format!("{number:.0}");
    }
    if !(1e-4..1e9).contains(&size) {
        return format!("{number:.4e}");
    }
    let text = format!("{number:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_cross_the_whole_area() {
        let mut canvas = Canvas::new(4, 2);
        canvas.line((0.0, 1.0), (1.0, 0.0), 0);
        assert_eq!(canvas.lines(Glyphs::Unicode), ["  ⡠⠊", "⡠⠊⠁"]);
        assert_eq!(canvas.lines(Glyphs::Ascii), ["  .'", ".''"]);
        canvas.dot(f64::NAN, 0.0);
        canvas.dot(1.5, 0.0);
        canvas.dot(0.0, 0.0);
        assert_eq!(canvas.lines(Glyphs::Ascii), ["' .'", ".''"]);
        assert_eq!(Canvas::new(0, 0).lines(Glyphs::Ascii).len(), 0);
    }

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        for (number, text) in [
            (3.0, "3"),
            (-0.5, "-0.5"),
            (0.953_333_333, "0.953333"),
            (0.000_000_123, "1.2300e-7"),
            (1.5e12, "1500000000000"),
            (1e20, "1.0000e20"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(short(number), text);
        }
    }
}
