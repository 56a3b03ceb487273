//! Everything that is wrong with an image.

use lightship_oci::validate::{Gravity, Validation, Violation};
use serde::Serialize;

use super::count;
use crate::render::json::{Document, Schema};
use crate::render::text::{printable, wrap};
use crate::render::{Look, style};

/// `lightship image validate --format json`.
#[derive(Debug, Serialize)]
pub struct ValidateDocument<'a> {
    /// How the image was named.
    pub image: &'a str,
    /// Whether nothing worse than a warning was found.
    pub valid: bool,
    /// Manifests that were read.
    pub manifests: u64,
    /// Layers that were read, each to its last byte.
    pub layers: u64,
    /// Every broken rule.
    pub violations: &'a [Violation],
}

impl Document for ValidateDocument<'_> {
    const SCHEMA: Schema = Schema { command: "image.validate", version: 1 };
}

impl<'a> ValidateDocument<'a> {
    /// Of what was found in the image of this name.
    pub fn new(image: &'a str, found: &'a Validation) -> Self {
        Self {
            image,
            valid: found.is_valid(),
            manifests: found.manifests,
            layers: found.layers,
            violations: &found.violations,
        }
    }
}

/// The same for a terminal: place by place, the verdict last. Digests are shortened; programs get them
/// whole.
pub fn text(document: &ValidateDocument<'_>, look: &Look) -> String {
    let mut text = String::new();
    let mut last_place = None;
    for violation in document.violations {
        let (place, path) = split(&violation.place);
        if last_place != Some(place) {
            let heading = style::HEADING;
            text += &format!("{heading}{}{heading:#}\n", shown(place));
            last_place = Some(place);
        }
        text += &one(violation, place, path, look);
    }
    text + &verdict(document)
}

/// The document or layer, and the path within it.
fn split(place: &str) -> (&str, Option<&str>) {
    place.split_once(", ").map_or((place, None), |(place, path)| (place, Some(path)))
}

fn one(violation: &Violation, place: &str, path: Option<&str>, look: &Look) -> String {
    let (word, color) = match violation.gravity {
        Gravity::Error => ("error", style::ERROR),
        Gravity::Warning => ("warning", style::WARNING),
    };
    let code = style::CODE;
    // Some messages repeat where they are.
    let message = match violation.message.strip_prefix(place) {
        Some(rest) => shown(&format!("it{rest}")),
        None => shown(&violation.message),
    };
    let words = path.map_or_else(|| message.clone(), |path| format!("{}: {message}", shown(path)));
    let label = format!("  {word:7}  {:15} ", violation.rule);
    let room = look.width.map_or(usize::MAX, |columns| columns.saturating_sub(label.len()).max(20));
    let between = format!("\n{:indent$}", "", indent = label.len());
    let words = wrap(&words, room).join(&between);
    format!("  {color}{word:7}{color:#}  {code}{:15}{code:#} {words}\n", violation.rule)
}

/// A stranger's text, made harmless, its digests cut to what tells them apart.
fn shown(text: &str) -> String {
    const NAME: &str = "sha256:";
    let mut parts = text.split(NAME);
    let first = parts.next().unwrap_or_default().to_owned();
    let short = parts.fold(first, |text, part| {
        let digits = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        let cut = if digits == 64 { &part[..12] } else { &part[..digits] };
        text + NAME + cut + &part[digits..]
    });
    printable(&short).into_owned()
}

fn verdict(document: &ValidateDocument<'_>) -> String {
    let number = |gravity| document.violations.iter().filter(|v| v.gravity == gravity).count();
    let (errors, warnings) = (number(Gravity::Error) as u64, number(Gravity::Warning) as u64);
    let (word, color) =
        if document.valid { ("valid", style::GOOD) } else { ("broken", style::ERROR) };
    let counts: String = [(errors, "error", "errors"), (warnings, "warning", "warnings")]
        .into_iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, one, many)| format!(", {}", count(number, one, many)))
        .collect();
    format!(
        "{}: {color}{word}{color:#}{counts} ({} and {} read to the last byte)\n",
        printable(document.image),
        count(document.manifests, "manifest", "manifests"),
        count(document.layers, "layer", "layers"),
    )
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn digests_are_cut_and_nothing_else() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        assert_eq!(shown(&format!("layer 1 ({digest})")), "layer 1 (sha256:abababababab)");
        assert_eq!(
            shown("sha256: is one, sha256:abc another"),
            "sha256: is one, sha256:abc another"
        );
        assert_eq!(shown(&format!("{digest}{digest}")), "sha256:ababababababsha256:abababababab");
    }
}
