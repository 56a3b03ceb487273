//! Where the files of a project go: as a whole to one folder, or as a Dockerfile copies them.

use lightship_codec::tar::{PathError, RootPath, display_path};
use lightship_dockerfile::ignore::Patterns;

use super::walk::Found;
use super::{AppError, AppOptions};

/// One `COPY` or `ADD` from the context. *Dockerfile reference, COPY*.
#[derive(Debug, Clone)]
pub struct CopyRule {
    /// Paths from the context's folder, or patterns of such; `.` is the whole folder.
    pub sources: Vec<String>,
    /// Where they go.
    pub destination: RootPath,
    /// Whether `destination` is a folder for a single file too.
    pub into_folder: bool,
}

/// Every place in the image where a file goes, in the order of the rules.
pub(super) fn destinations(options: &AppOptions, found: &Found) -> Result<Vec<RootPath>, AppError> {
    let fail = |source| AppError::Path { path: display_path(&found.path), source };
    if options.copies.is_empty() {
        return Ok(vec![options.destination.join(&found.path).map_err(fail)?]);
    }
    let copied = options.copies.iter().flat_map(|rule| rule.places(&found.path));
    let mut places = copied.collect::<Result<Vec<_>, _>>().map_err(fail)?;
    if places.is_empty() && found.included {
        places.push(options.destination.join(&found.path).map_err(fail)?);
    }
    Ok(places)
}

/// Whether some rule may copy something below a folder, or the folder itself.
pub(super) fn may_copy_below(copies: &[CopyRule], folder: &str) -> bool {
    let inside = format!("{folder}/");
    let mut sources = copies.iter().flat_map(|rule| &rule.sources).map(|source| normal(source));
    copies.is_empty()
        || sources.any(|source| {
            let literal = source.split(SPECIAL).next().unwrap_or_default();
            literal.is_empty() || literal.starts_with(&inside) || inside.starts_with(literal)
        })
}

/// Whether some rule copies a file.
pub(super) fn is_copied(copies: &[CopyRule], path: &[u8]) -> bool {
    copies.is_empty() || copies.iter().any(|rule| rule.places(path).next().is_some())
}

const SPECIAL: [char; 4] = ['*', '?', '[', '\\'];

/// A source without what means nothing: `./a/`, `/a` and `a` are one.
fn normal(source: &str) -> String {
    let parts = source.split('/').filter(|part| !part.is_empty() && *part != ".");
    parts.collect::<Vec<_>>().join("/")
}

impl CopyRule {
    /// Where this rule puts a file: nowhere, mostly once, twice if two sources have it.
    fn places<'a>(
        &'a self,
        path: &'a [u8],
    ) -> impl Iterator<Item = Result<RootPath, PathError>> + 'a {
        let many = self.sources.len() > 1;
        self.sources.iter().filter_map(move |source| {
            let source = normal(source);
            if source.is_empty() {
                return Some(self.destination.join(path));
            }
            let pattern = source.contains(SPECIAL);
            let root = if pattern {
                matched_root(&source, path)?
            } else {
                below(source.as_bytes(), path)?
            };
            let rest = &path[root..];
            let name = path.rsplit(|b| *b == b'/').next().unwrap_or(path);
            Some(match rest.strip_prefix(b"/") {
                // The source is a folder: what is in it goes, it itself does not.
                Some(rest) => self.destination.join(rest),
                None if self.into_folder || many || pattern => self.destination.join(name),
                None => Ok(self.destination.clone()),
            })
        })
    }
}

/// The length of `source`, where it is `path` or a folder above it.
fn below(source: &[u8], path: &[u8]) -> Option<usize> {
    let rest = path.strip_prefix(source)?;
    (rest.is_empty() || rest.starts_with(b"/")).then_some(source.len())
}

/// The length of the part of `path` that a pattern matches: it has as many components as the pattern.
fn matched_root(pattern: &str, path: &[u8]) -> Option<usize> {
    let components = pattern.split('/').count();
    let ends = path.iter().enumerate().filter(|(_, b)| **b == b'/').map(|(at, _)| at);
    let end = ends.chain([path.len()]).nth(components - 1)?;
    let text = String::from_utf8_lossy(&path[..end]);
    let patterns = Patterns::of(&[pattern]).ok()?;
    // Only the whole text counts, not a folder above it.
    let whole = patterns.judge(&text, &lightship_dockerfile::ignore::Verdict::default());
    whole.excluded_by.is_some().then_some(end)
}
