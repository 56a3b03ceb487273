//! Which modules a project's program was seen to load without byte code: those that no reading of its source
//! finds, because they are imported in functions of packages, or by names that are made up on the way.
//!
//! A file in the project's folder that `lightship verify --record` writes, and an input of builds like any other:
//! the same file gives the same bytes.

use std::collections::BTreeSet;

use lightship_audit::imports::is_module_name;

const HEADER: &str = "\
# Modules that this project's program loads and no reading of its source finds, one on a line.
# `lightship build` makes byte code for them too. `lightship verify . --record` adds those that are missing,
# and writes this file anew.
";

/// Whole names of modules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile(BTreeSet<String>);

/// A line that names no module.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no module's name")]
pub struct ProfileError {
    /// Which line, the first is 1.
    pub line: u32,
    /// What it says instead, its beginning.
    pub text: String,
}

impl Profile {
    /// The name of its file in a project's folder.
    pub const FILE_NAME: &str = "lightship.profile";

    /// Reads a file. Empty lines and those that begin with `#` say nothing.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        let mut modules = BTreeSet::new();
        for (line, text) in (1..).zip(text.lines()) {
            let name = text.trim();
            if is_module_name(name) {
                modules.insert(name.to_owned());
            } else if !name.is_empty() && !name.starts_with('#') {
                return Err(ProfileError { line, text: name.chars().take(60).collect() });
            }
        }
        Ok(Self(modules))
    }

    /// The file that holds these.
    pub fn to_text(&self) -> String {
        self.0.iter().fold(HEADER.to_owned(), |text, name| text + name + "\n")
    }

    /// In the order of names.
    pub fn modules(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One more: what has this source. Sources outside the folders of packages and of the standard library are
    /// the project's own.
    pub fn add_source(&mut self, path: &str) {
        self.0.extend(module_of(path));
    }

    /// Takes what another has.
    pub fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

/// `a.b` of `usr/lib/python3/dist-packages/a/b.py`.
fn module_of(source: &str) -> Option<String> {
    let parts: Vec<&str> = source.split('/').collect();
    let packages = |part: &&str| matches!(*part, "site-packages" | "dist-packages");
    let library = |part: &&str| {
        let minor = part.strip_prefix("python3.");
        minor.is_some_and(|minor| minor.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let root = parts.iter().rposition(packages).or_else(|| parts.iter().rposition(library))?;
    let name = parts[root + 1..].join(".");
    let name = name.strip_suffix(".py")?;
    let name = name.strip_suffix(".__init__").unwrap_or(name);
    is_module_name(name).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_have_names() {
        let named = |path| module_of(path);
        assert_eq!(named("usr/lib/python3/dist-packages/a/b.py").as_deref(), Some("a.b"));
        assert_eq!(named("usr/lib/python3.11/json/__init__.py").as_deref(), Some("json"));
        assert_eq!(named("usr/lib/python3.11/this.py").as_deref(), Some("this"));
        assert_eq!(
            named("v/lib/python3.13/site-packages/a/__main__.py").as_deref(),
            Some("a.__main__")
        );
        for own in [
            "app/job.py",
            "usr/lib/python3/x.py",
            "usr/lib/python3.11/2to3.py",
            "usr/lib/python3.11/x.txt",
        ] {
            assert_eq!(named(own), None, "{own}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut profile = Profile::parse("# ours\n\n  b.c  \na\n").unwrap();
        profile.add_source("usr/lib/python3/dist-packages/a/__init__.py");
        profile.add_source("app/job.py");
        profile.merge(Profile::parse("d").unwrap());
        let text = profile.to_text();
        assert!(text.ends_with("a\nb.c\nd\n"), "{text}");
        assert_eq!(Profile::parse(&text).unwrap(), profile);
        let error = Profile::parse("a\nb c\n").unwrap_err();
        assert_eq!((error.line, error.to_string().as_str()), (2, "\"b c\" is no module's name"));
    }
}
