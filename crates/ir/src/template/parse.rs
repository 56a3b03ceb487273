//! Reads placeholders.

use super::{ArtifactField, Fact, Part, Placeholder, Step, Template, TemplateError};
use crate::problem::Unknown;

/// What becomes of a text that begins like a placeholder and is none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// It is an error.
    Strict,
    /// It stands for itself.
    Lenient,
}

const OPEN: &str = "{{$";
const CLOSE: &str = "}}";

pub(super) fn template(text: &str, mode: Mode) -> Result<Template, TemplateError> {
    let (mut parts, mut literal, mut rest) = (Vec::new(), String::new(), text);
    while let Some(start) = rest.find(OPEN) {
        literal.push_str(&rest[..start]);
        rest = &rest[start..];
        match placeholder(rest) {
            Ok(Some((placeholder, length))) => {
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                }
                parts.push(Part::Placeholder(placeholder, rest[..length].to_owned()));
                rest = &rest[length..];
            }
            Err(error) if mode == Mode::Strict => return Err(error),
            Ok(None) | Err(_) => {
                literal.push_str(OPEN);
                rest = &rest[OPEN.len()..];
            }
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    Ok(Template { text: text.to_owned(), parts })
}

/// The placeholder that the text begins with, and its length in bytes. None where the text is nothing of ours: other
/// languages of templates write `{{$` as well.
fn placeholder(text: &str) -> Result<Option<(Placeholder, usize)>, TemplateError> {
    let body = &text[OPEN.len()..];
    if body.starts_with(CLOSE) {
        return Ok(Some((Placeholder::Exchange, OPEN.len() + CLOSE.len())));
    }
    let broken = || TemplateError::Broken(shown(text));
    let ours = [".inputs", ".outputs", ".pipeline_", ".workspace"];
    let known =
        body.starts_with(".outputMetadataUri}}") || ours.iter().any(|o| body.starts_with(o));
    if !known {
        return Ok(None);
    }
    let (segments, rest) = segments(body).ok_or_else(broken)?;
    let rest = rest.strip_prefix(CLOSE).ok_or_else(broken)?;
    let placeholder = meaning(&segments, &broken)?;
    Ok(Some((placeholder, text.len() - rest.len())))
}

#[derive(Debug)]
enum Segment<'t> {
    Name(&'t str),
    Step(Step),
}

/// `.name`, `['key']`, `["key"]`, `[0]`, one after the other.
fn segments(mut text: &str) -> Option<(Vec<Segment<'_>>, &str)> {
    let mut segments = Vec::new();
    loop {
        if let Some(after) = text.strip_prefix('.') {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
            if end == 0 {
                return None;
            }
            segments.push(Segment::Name(&after[..end]));
            text = &after[end..];
        } else if let Some(after) = text.strip_prefix('[') {
            let (step, rest) = step(after)?;
            segments.push(Segment::Step(step));
            text = rest;
        } else {
            return Some((segments, text));
        }
    }
}

fn step(text: &str) -> Option<(Step, &str)> {
    // Two apostrophes are what is left of one where YAML was read as text.
    for quote in ["''", "'", "\""] {
        if let Some(after) = text.strip_prefix(quote) {
            let (key, rest) = after.split_once(quote)?;
            return rest.strip_prefix(']').map(|rest| (Step::Key(key.to_owned()), rest));
        }
    }
    let (digits, rest) = text.split_once(']')?;
    digits.parse().ok().map(|index| (Step::Index(index), rest))
}

fn meaning(
    segments: &[Segment<'_>],
    broken: &dyn Fn() -> TemplateError,
) -> Result<Placeholder, TemplateError> {
    use Segment::{Name, Step as At};
    match segments {
        [Name("outputMetadataUri")] | [Name("outputs"), Name("output_file" | "outputFile")] => {
            Ok(Placeholder::OutputFile)
        }
        [Name(fact)] => fact_of(fact),
        [Name("inputs"), Name("parameters"), At(Step::Key(name)), path @ ..] => {
            input_parameter(name, path).ok_or_else(broken)
        }
        [Name("inputs"), Name("artifacts"), At(Step::Key(name)), field @ ..] => {
            let field = artifact_field(field).ok_or_else(broken)?;
            Ok(Placeholder::InputArtifact(name.clone(), field))
        }
        [Name("outputs"), Name("artifacts"), At(Step::Key(name)), field @ ..] => {
            let field = artifact_field(field).ok_or_else(broken)?;
            Ok(Placeholder::OutputArtifact(name.clone(), field))
        }
        [
            Name("outputs"),
            Name("parameters"),
            At(Step::Key(name)),
            Name("output_file" | "outputFile"),
        ] => Ok(Placeholder::OutputParameterFile(name.clone())),
        _ => Err(broken()),
    }
}

fn fact_of(name: &str) -> Result<Placeholder, TemplateError> {
    let found = Fact::ALL.iter().find(|(_, known)| *known == name);
    let names = Fact::ALL.iter().map(|(_, known)| *known);
    let unknown = || TemplateError::UnknownFact(Unknown::among(name, names));
    found.map(|(fact, _)| Placeholder::Fact(*fact)).ok_or_else(unknown)
}

fn input_parameter(name: &str, path: &[Segment<'_>]) -> Option<Placeholder> {
    let (path, escapes) = match path {
        [path @ .., Segment::Name("json_escape"), Segment::Step(Step::Index(times))] => {
            (path, u8::try_from(*times).ok().filter(|times| *times <= 3)?)
        }
        path => (path, 0),
    };
    Some(Placeholder::InputParameter { name: name.to_owned(), path: steps(path)?, escapes })
}

fn artifact_field(field: &[Segment<'_>]) -> Option<ArtifactField> {
    match field {
        [] => Some(ArtifactField::List),
        [Segment::Name("uri")] => Some(ArtifactField::Uri),
        [Segment::Name("path")] => Some(ArtifactField::Path),
        [Segment::Name("name")] => Some(ArtifactField::Name),
        [Segment::Name("metadata" | "properties"), path @ ..] => {
            steps(path).map(ArtifactField::Metadata)
        }
        _ => None,
    }
}

/// A way into a value; `.key` counts as `['key']`.
fn steps(path: &[Segment<'_>]) -> Option<Vec<Step>> {
    let step = |segment: &Segment<'_>| match segment {
        Segment::Step(step) => step.clone(),
        Segment::Name(name) => Step::Key((*name).to_owned()),
    };
    Some(path.iter().map(step).collect())
}

/// As much of a text as a message needs.
fn shown(text: &str) -> String {
    let end = text.find(CLOSE).map_or(text.len(), |end| end + CLOSE.len());
    text[..end].chars().take(100).collect()
}
