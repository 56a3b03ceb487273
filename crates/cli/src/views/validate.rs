//! Everything that is wrong with an image.

use lightship_oci::validate::{Gravity, Validation, Violation};
use serde::Serialize;

use super::count;
use crate::render::json::{Document, Schema};
use crate::render::style;
use crate::render::text::printable;

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

/// The same for a terminal.
pub fn text(document: &ValidateDocument<'_>) -> String {
    let mut text = String::new();
    for violation in document.violations {
        let (word, look) = match violation.gravity {
            Gravity::Error => ("error", style::ERROR),
            Gravity::Warning => ("warning", style::WARNING),
        };
        let code = style::CODE;
        text += &format!(
            "{look}{word}{look:#} {code}{}{code:#} {}: {}\n",
            violation.rule,
            printable(&violation.place),
            printable(&violation.message),
        );
    }
    let looked_at = format!(
        "{} and {} read to the last byte",
        count(document.manifests, "manifest", "manifests"),
        count(document.layers, "layer", "layers"),
    );
    let errors = document.violations.iter().filter(|v| v.gravity == Gravity::Error).count() as u64;
    let (verdict, look) = if document.valid {
        ("valid".to_owned(), style::GOOD)
    } else {
        (format!("broken: {}", count(errors, "error", "errors")), style::ERROR)
    };
    text + &format!("{}: {look}{verdict}{look:#} ({looked_at})\n", printable(document.image))
}
