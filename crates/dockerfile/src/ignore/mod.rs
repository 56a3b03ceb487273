//! `.dockerignore`: which files of a context stay out.
//!
//! The rules are those of moby's `patternmatcher`, which Docker, `BuildKit` and Podman share: Go's
//! `filepath.Match` with `**`, exceptions with `!`, the last pattern that matches decides, and a
//! pattern that matches a folder matches all that is in it.

mod glob;
#[cfg(test)]
mod tests;

use glob::Glob;

/// A file with more patterns was made to keep us busy.
const MOST_PATTERNS: usize = 10_000;

/// No pattern is longer: Linux takes no path beyond this.
const LONGEST_PATTERN: usize = 4096;

/// The patterns of one file, in its order.
#[derive(Debug, Clone, Default)]
pub struct Patterns {
    list: Vec<Pattern>,
}

/// One pattern.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// As it was written, for messages.
    pub text: String,
    /// Where, from 1.
    pub line: u32,
    /// Whether it brings back what others leave out.
    pub exception: bool,
    glob: Glob,
}

/// What the patterns say about a path, and what they know about those below it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The pattern that leaves it out, by its number in the list; none if it stays in.
    pub excluded_by: Option<usize>,
    /// For each pattern whether it matched this path or one above it. Empty above the first level.
    matched: Vec<bool>,
}

/// Why a file of patterns makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IgnoreError {
    /// A pattern is malformed.
    #[error("line {line}: `{pattern}` is no pattern: {why}")]
    Pattern {
        /// Where, from 1.
        line: u32,
        /// As it was written, shortened.
        pattern: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// There are too many.
    #[error("there are more than {MOST_PATTERNS} patterns")]
    TooMany,
}

impl Patterns {
    /// Reads a file's text. *moby/patternmatcher, `ignorefile`*: lines that begin with `#` are comments,
    /// white space around a pattern and a slash before it mean nothing.
    pub fn parse(text: &str) -> Result<Self, IgnoreError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = text.lines().zip(1..);
        Self::read(lines.filter(|(line, _)| !line.starts_with('#')))
    }

    /// Patterns from a list, which is counted as lines are.
    pub fn of<S: AsRef<str>>(patterns: &[S]) -> Result<Self, IgnoreError> {
        Self::read(patterns.iter().map(AsRef::as_ref).zip(1..))
    }

    fn read<'a>(lines: impl Iterator<Item = (&'a str, u32)>) -> Result<Self, IgnoreError> {
        let mut list = Vec::new();
        for (text, line) in lines {
            if let Some(pattern) = Pattern::read(text, line)? {
                if list.len() == MOST_PATTERNS {
                    return Err(IgnoreError::TooMany);
                }
                list.push(pattern);
            }
        }
        Ok(Self { list })
    }

    /// The patterns, in order.
    pub fn list(&self) -> &[Pattern] {
        &self.list
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Judges a path by its name and by what was said about the folder it is in: the context itself is
    /// [`Verdict::default`]. `path` is relative to the context, with single slashes.
    ///
    /// *moby/patternmatcher, `MatchesUsingParentResults`*, which is what `BuildKit` asks.
    pub fn judge(&self, path: &str, folder: &Verdict) -> Verdict {
        let mut matched = vec![false; self.list.len()];
        let mut excluded_by = None;
        for (at, pattern) in self.list.iter().enumerate() {
            let inherited = folder.matched.get(at).copied().unwrap_or(false);
            // A pattern that would change nothing is not asked, and so not handed down either.
            let matters = pattern.exception == excluded_by.is_some();
            matched[at] = inherited || (matters && pattern.glob.matches(path));
            if matched[at] {
                excluded_by = (!pattern.exception).then_some(at);
            }
        }
        Verdict { excluded_by, matched }
    }

    /// Whether a path is left out. For one path; a walk uses [`Patterns::judge`].
    pub fn excludes(&self, path: &str) -> bool {
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        let verdict =
            ends.fold(Verdict::default(), |folder, end| self.judge(&path[..end], &folder));
        verdict.excluded_by.is_some()
    }

    /// Whether some path below `folder`, or it itself, may match a pattern that is no exception. Never
    /// wrongly no.
    pub fn may_match_below(&self, folder: &str) -> bool {
        self.list.iter().any(|pattern| !pattern.exception && pattern.glob.may_match_below(folder))
    }

    /// Whether a pattern that is no exception names something below `folder` by that folder's own name,
    /// and not by stars alone.
    pub fn names_below(&self, folder: &str) -> bool {
        self.list.iter().any(|pattern| !pattern.exception && pattern.glob.names_below(folder))
    }

    /// Whether some path below `folder` may come back although `folder` is left out. Never wrongly no.
    pub fn may_return_below(&self, folder: &str) -> bool {
        self.list.iter().any(|pattern| pattern.exception && pattern.glob.may_match_below(folder))
    }
}

impl Pattern {
    /// Reads one; nothing where there is none on the line.
    fn read(text: &str, line: u32) -> Result<Option<Self>, IgnoreError> {
        let wrong =
            |why| IgnoreError::Pattern { line, pattern: text.chars().take(80).collect(), why };
        let written = text.trim();
        let (exception, body) = match written.strip_prefix('!') {
            Some(body) => (true, body.trim()),
            None => (false, written),
        };
        if written.is_empty() {
            return Ok(None);
        }
        if body.is_empty() {
            return Err(wrong("nothing follows the `!`"));
        }
        if body.len() > LONGEST_PATTERN {
            return Err(wrong("it is longer than a path can be"));
        }
        let clean = clean(body);
        let relative = match clean.strip_prefix('/') {
            Some(rest) if !rest.is_empty() => rest,
            Some(_) | None => &clean,
        };
        let glob = Glob::new(relative).map_err(wrong)?;
        Ok(Some(Self { text: written.to_owned(), line, exception, glob }))
    }
}

/// The shortest spelling of a path. *Go, `path/filepath.Clean`*.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    for component in path.split('/') {
        match component {
            "" | "." => {}
            ".." => match kept.last() {
                Some(last) if *last != ".." => drop(kept.pop()),
                None if rooted => {}
                Some(_) | None => kept.push(".."),
            },
            component => kept.push(component),
        }
    }
    match (rooted, kept.is_empty()) {
        (true, _) => format!("/{}", kept.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => kept.join("/"),
    }
}

/// Where patterns for a Dockerfile are looked for, first place first, from the context's folder: beside
/// the Dockerfile under its own name, then the context's own file. `dockerfile` is relative to the
/// context.
pub fn file_names(dockerfile: &str) -> [String; 2] {
    [format!("{dockerfile}.dockerignore"), ".dockerignore".to_owned()]
}
