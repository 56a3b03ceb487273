//! A horizontal bar that shows a share.

use super::Glyphs;

/// Eighths of a cell, from one to seven.
const EIGHTHS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// A bar of at most `cells` columns for `part` of `whole`, not padded. Something is never drawn as
/// nothing, and only the whole fills the last cell. More than the whole counts as the whole.
pub fn bar(part: u64, whole: u64, cells: usize, glyphs: Glyphs) -> String {
    if part == 0 || whole == 0 || cells == 0 {
        return String::new();
    }
    let steps = match glyphs {
        Glyphs::Unicode => 8,
        Glyphs::Ascii => 1,
    };
    let filled = filled(part.min(whole), whole, cells * steps);
    match glyphs {
        Glyphs::Ascii => "#".repeat(filled),
        Glyphs::Unicode => {
            let rest = (filled % 8).checked_sub(1).map(|eighth| EIGHTHS[eighth]);
            "█".repeat(filled / 8).chars().chain(rest).collect()
        }
    }
}

/// How many of `steps` steps to fill.
fn filled(part: u64, whole: u64, steps: usize) -> usize {
    let steps = steps as u128;
    let exact = (u128::from(part) * steps + u128::from(whole) / 2) / u128::from(whole);
    let most = if part == whole { steps } else { (steps - 1).max(1) };
    let bounded = exact.clamp(1, most);
    usize::try_from(bounded).expect("it is at most `steps`, which came from a usize")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_show_shares() {
        let unicode = |part, whole| bar(part, whole, 4, Glyphs::Unicode);
        assert_eq!(unicode(0, 10), "");
        assert_eq!(unicode(1, 1_000_000), "▏");
        assert_eq!(unicode(1, 2), "██");
        assert_eq!(unicode(5, 8), "██▌");
        assert_eq!(unicode(u64::MAX - 1, u64::MAX), "███▉");
        assert_eq!(unicode(u64::MAX, u64::MAX), "████");
        assert_eq!(unicode(11, 10), "████");
        assert_eq!(unicode(1, 0), "");
    }

    #[test]
    fn ascii_knows_whole_cells_only() {
        let ascii = |part, whole| bar(part, whole, 4, Glyphs::Ascii);
        assert_eq!(ascii(1, 1_000_000), "#");
        assert_eq!(ascii(1, 2), "##");
        assert_eq!(ascii(999, 1000), "###");
        assert_eq!(ascii(4, 4), "####");
    }
}
