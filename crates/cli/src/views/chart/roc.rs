//! A ROC curve: how much is found against how much is found wrongly, and the area below.

use std::fmt::Write as _;

use lightship_ir::exchange::RocPoint;

use super::Canvas;
use crate::render::text::wrap;
use crate::render::{Glyphs, Look, style};
use crate::views::count;

/// Characters of the drawing: as wide as there is room for, and no wider than the eye follows.
const WIDEST: usize = 56;
const NARROWEST: usize = 16;
/// Columns left of the drawing.
const MARGIN: usize = 8;

/// The curve with its axes.
pub fn draw(points: &[RocPoint], look: &Look) -> String {
    let curve = curve(points);
    if curve.len() < 3 {
        return "  no point of the curve is known\n".to_owned();
    }
    let room = look.width.map_or(WIDEST, |width| width.saturating_sub(MARGIN + 1));
    let columns = room.clamp(NARROWEST, WIDEST);
    let rows = columns.div_ceil(4);
    let mut canvas = Canvas::new(columns, rows);
    canvas.line((0.0, 1.0), (1.0, 0.0), 5);
    for pair in curve.windows(2) {
        canvas.line((pair[0].0, 1.0 - pair[0].1), (pair[1].0, 1.0 - pair[1].1), 0);
    }
    let dim = style::DIM;
    let known = count(points.len() as u64, "point", "points");
    let mut text = format!("  area under the curve {:.4}, from {known}\n", area(&curve));
    let (tick, bar, corner, rule) = match look.glyphs {
        Glyphs::Unicode => ('┤', '│', '└', '─'),
        Glyphs::Ascii => ('+', '|', '+', '-'),
    };
    for (row, line) in canvas.lines(look.glyphs).iter().enumerate() {
        let (label, edge) = match row {
            0 => ("1.0", tick),
            row if row == rows / 2 => ("0.5", tick),
            _ => ("", bar),
        };
        let _ = writeln!(text, "  {dim}{label:>4} {edge}{dim:#}{line}");
    }
    let rule: String = std::iter::repeat_n(rule, columns).collect();
    let _ = writeln!(text, "  {dim} 0.0 {corner}{rule}{dim:#}");
    let middle = columns / 2 - 1;
    let rest = columns - middle - 3;
    let _ = writeln!(text, "  {dim}      0.0{:>middle$}{:>rest$}{dim:#}", "0.5", "1.0");
    let legend = "recall over false positive rate; dotted: chance";
    for line in wrap(legend, columns.max(30)) {
        let _ = writeln!(text, "  {dim}      {line}{dim:#}");
    }
    text
}

/// Its points from left to right, ends included. A point that is none is left out.
fn curve(points: &[RocPoint]) -> Vec<(f64, f64)> {
    let known = |share: f64| (0.0..=1.0).contains(&share);
    let mut curve: Vec<(f64, f64)> = points
        .iter()
        .map(|point| (point.false_positive_rate, point.recall))
        .filter(|(x, y)| known(*x) && known(*y))
        .chain([(0.0, 0.0), (1.0, 1.0)])
        .collect();
    curve.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    curve.dedup();
    curve
}

/// The area under the curve of some points, by trapezoids; none where no point is known.
pub fn auc(points: &[RocPoint]) -> Option<f64> {
    let curve = curve(points);
    (curve.len() > 2).then(|| area(&curve))
}

fn area(curve: &[(f64, f64)]) -> f64 {
    curve.windows(2).map(|pair| (pair[1].0 - pair[0].0) * (pair[0].1 + pair[1].1) / 2.0).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(false_positive_rate: f64, recall: f64) -> RocPoint {
        RocPoint { confidence_threshold: 0.5, recall, false_positive_rate }
    }

    fn look(width: Option<usize>, glyphs: Glyphs) -> Look {
        Look { width, glyphs, live: false }
    }

    fn plain(points: &[RocPoint], look: &Look) -> String {
        anstream::adapter::strip_str(&draw(points, look)).to_string()
    }

    #[test]
    fn the_area_is_that_of_trapezoids() {
        let auc = |points: &[RocPoint]| auc(points).unwrap();
        assert!((auc(&[point(0.0, 1.0)]) - 1.0).abs() < 1e-12, "all found, and nothing wrongly");
        assert!((auc(&[point(0.5, 0.5)]) - 0.5).abs() < 1e-12, "chance");
        // By hand: 0.1 * 0.6 / 2 + 0.3 * (0.6 + 0.9) / 2 + 0.6 * (0.9 + 1) / 2
        let wild = [point(0.4, 0.9), point(0.1, 0.6), point(f64::NAN, 2.0), point(7.0, 0.5)];
        assert!((auc(&wild) - 0.825).abs() < 1e-12);
        assert_eq!(super::auc(&[]), None);
        assert_eq!(super::auc(&[point(f64::INFINITY, 0.5)]), None);
    }

    #[test]
    fn a_curve_is_drawn() {
        let points = [point(0.0, 0.4), point(0.05, 0.7), point(0.2, 0.9), point(0.5, 0.97)];
        insta::assert_snapshot!("unicode", plain(&points, &look(Some(60), Glyphs::Unicode)));
        insta::assert_snapshot!("ascii", plain(&points, &look(Some(40), Glyphs::Ascii)));
        assert_eq!(plain(&[], &look(None, Glyphs::Ascii)), "  no point of the curve is known\n");
    }

    #[test]
    fn it_fits_the_terminal() {
        for width in 46..90 {
            for line in plain(&[point(0.3, 0.8)], &look(Some(width), Glyphs::Unicode)).lines() {
                assert!(crate::render::text::width(line) <= width, "{width}: {line}");
            }
        }
    }
}
