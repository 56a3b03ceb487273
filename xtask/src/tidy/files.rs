//! What every Rust file looks like: it opens by saying what it is for, and it is short.

use super::Violation;
use super::tree::Tree;

/// No file is longer: whoever reads it could not keep it in mind.
const MOST_LINES: usize = 800;

/// Most files are shorter than this.
const MANY_LINES: usize = 350;

/// The violations, and a note on files that grow long.
pub(super) fn check(tree: &Tree) -> (Vec<Violation>, Vec<String>) {
    let mut violations = Vec::new();
    let mut growing = Vec::new();
    for (path, text) in tree.texts_ending(".rs") {
        if !text.starts_with("//!") {
            let remedy = "say there in a sentence or two what the file is for";
            violations.push(Violation::new(path, 1, "the file does not open with `//!`", remedy));
        }
        let lines = text.lines().count();
        if lines > MOST_LINES {
            let wrong = format!("the file has {lines} lines, more than {MOST_LINES}");
            let remedy = "split it where a reader would";
            violations.push(Violation::new(path, MOST_LINES + 1, wrong, remedy));
        } else if lines > MANY_LINES {
            growing.push(format!("{path} ({lines})"));
        }
    }
    (violations, note(&growing).into_iter().collect())
}

fn note(growing: &[String]) -> Option<String> {
    let one = growing.len() == 1;
    (!growing.is_empty()).then(|| {
        format!(
            "{} {} more than {MANY_LINES} lines, as few should: {}",
            growing.len(),
            if one { "file has" } else { "files have" },
            growing.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mute_and_endless_files_are_found_and_long_ones_noted() {
        let endless = format!("//! Endless.\n{}", "\n".repeat(MOST_LINES));
        let long = format!("//! Long.\n{}", "\n".repeat(MANY_LINES));
        let tree = Tree::of(&[
            ("crates/a/src/endless.rs", &endless),
            ("crates/a/src/lib.rs", "//! Fine.\n"),
            ("crates/a/src/long.rs", &long),
            ("crates/a/src/mute.rs", "// A comment is not enough.\n"),
            ("docs/mute.md", "not Rust"),
        ]);
        let (violations, notes) = check(&tree);
        let found: Vec<_> = violations.iter().map(|v| (v.path.as_str(), v.line)).collect();
        assert_eq!(found, [("crates/a/src/endless.rs", 801), ("crates/a/src/mute.rs", 1)]);
        assert_eq!(notes.len(), 1);
        assert!(notes[0].contains("crates/a/src/long.rs (351)"), "{notes:?}");
    }
}
