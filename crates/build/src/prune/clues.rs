//! What Python source names: modules of test suites, and kinds of files that are no code.

use std::collections::BTreeSet;

use lightship_codec::tar::RootPath;
use lightship_packages::parcel::{Content, ItemKind, Parcel};
use rayon::prelude::*;
use regex::bytes::Regex;
use serde::{Deserialize, Serialize};

use super::lexer::{Token, tokens};
use super::{Place, PruneError, kinds};
use crate::notebooks::{Notebooks, Question};

/// What a file names; where it is decides what its relative imports mean.
const CLUES: Question = Question { name: "clues", rules: 1 };

/// Source that people or their tools write is smaller; what is larger is data.
const LARGEST: u64 = 16 << 20;
/// Paths are short; longer texts are code or data of another language.
const LONGEST_PATH: usize = 300;

/// A file of source that names something of interest.
#[derive(Debug)]
pub(super) struct Source {
    /// Which item.
    pub(super) place: Place,
    pub(super) path: RootPath,
    pub(super) clues: Clues,
}

/// What it names.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Clues {
    /// Modules that it imports and that may be in a test suite, whole names; relative ones resolved.
    /// `from a import b` gives `a.b`.
    pub(super) modules: Vec<(String, usize)>,
    /// Texts that may be paths to test suites, or modules in them.
    pub(super) texts: Vec<Text>,
    /// Names of headers and other files by extension that occur in texts of any length.
    pub(super) files: Vec<(String, usize)>,
    /// The line where stubs are loaded at run time (`lazy_loader.attach_stub`).
    pub(super) loads_stubs: Option<usize>,
}

/// A short text.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Text {
    pub(super) inside: String,
    pub(super) line: usize,
    /// Whether its line joins paths and goes on behind it: `join(here, "tests", "data")`. A path that
    /// ends with a folder's name is compared with others, or handed to a test runner.
    pub(super) leads_on: bool,
}

impl Source {
    /// `sklearn/utils/x.py:12`, below the folder that modules are found in.
    pub(super) fn at(&self, line: usize) -> String {
        format!("{}:{line}", kinds::shown(&self.path))
    }
}

/// Reads all source in the parcels, in their order.
pub(super) fn read(parcels: &[Parcel], notebooks: &Notebooks) -> Result<Vec<Source>, PruneError> {
    let interesting = Interesting::new();
    let mut files = Vec::new();
    for (at, parcel) in parcels.iter().enumerate() {
        for (n, item) in parcel.items.iter().enumerate() {
            // What configures a test run is no part of the program, wherever it lies.
            let is_configuration = item.path.file_name() == Some(b"conftest.py");
            if let ItemKind::File { content, .. } = &item.kind
                && !is_configuration
                && content.size() <= LARGEST
                && (item.path.as_bytes().ends_with(b".py")
                    || item.path.as_bytes().ends_with(b".dist-info/entry_points.txt"))
            {
                files.push(((at, n), &item.path, content));
            }
        }
    }
    let sources: Result<Vec<Option<Source>>, PruneError> = files
        .into_par_iter()
        .map(|(place, path, content)| {
            let package = &parcels[place.0].package;
            let find = || interesting.clues(path, content);
            let clues = notebooks.ask_at(CLUES, package, (content, path.as_bytes()), find);
            let clues = clues.map_err(|error| PruneError::new(package, path, error))?;
            Ok(clues.map(|clues| Source { place, path: path.clone(), clues }))
        })
        .collect();
    Ok(sources?.into_iter().flatten().collect())
}

struct Interesting {
    /// What makes a file worth a closer look.
    anything: Regex,
    /// Names of files that are no Python.
    file: Regex,
}

impl Interesting {
    fn new() -> Self {
        let regex = |pattern| Regex::new(pattern).expect("a pattern of ours that tests compile");
        Self {
            anything: regex(
                r"(?-u)\btests?\b|\.pyi\b|attach_stub|\bdocs?\b|\.(?:h|hh|hpp|hxx|cuh|inl|ipp|a|lib|pyx|pxd|pxi)\b|\.(?:m?js|css)\.map\b",
            ),
            file: regex(
                r"(?-u)[\w*./+-]*\.(?:h|hh|hpp|hxx|cuh|inl|ipp|a|lib|pyx|pxd|pxi|pyi|map)(?:[^\w.(]|$)",
            ),
        }
    }

    fn clues(&self, path: &RootPath, content: &Content) -> std::io::Result<Option<Clues>> {
        let bytes = content.read(LARGEST)?;
        if !self.anything.is_match(&bytes) {
            return Ok(None);
        }
        let mut clues = Clues { loads_stubs: line_of(&bytes, b"attach_stub"), ..Clues::default() };
        if path.as_bytes().ends_with(b".txt") {
            clues.entry_points(&bytes);
        } else {
            let folder = kinds::package_of(path);
            tokens(&bytes, &mut |token| clues.take(&folder, &token, &self.file));
        }
        Ok((!clues.is_empty()).then_some(clues))
    }
}

impl Clues {
    fn is_empty(&self) -> bool {
        let Self { modules, texts, files, loads_stubs } = self;
        modules.is_empty() && texts.is_empty() && files.is_empty() && loads_stubs.is_none()
    }

    /// What of it decides, spelt so that only the same is spelt the same.
    pub(super) fn deciding(&self) -> String {
        let Self { modules, texts, files, loads_stubs } = self;
        let names = |named: &'_ [(String, usize)]| {
            named.iter().map(|(name, _)| name.clone()).collect::<BTreeSet<String>>()
        };
        let texts: BTreeSet<(&str, bool)> =
            texts.iter().map(|text| (&text.inside[..], text.leads_on)).collect();
        format!("{:?}", (names(modules), texts, names(files), loads_stubs.is_some()))
    }

    fn take(&mut self, folder: &[String], token: &Token<'_>, file: &Regex) {
        match *token {
            Token::Import { statement, line } => {
                let statement = String::from_utf8_lossy(statement);
                let modules = imported(folder, &statement).into_iter().filter(|one| may_test(one));
                self.modules.extend(modules.map(|module| (module, line)));
            }
            Token::Text { inside, line, context } => {
                let names = file.find_iter(inside).map(|found| {
                    let name = String::from_utf8_lossy(found.as_bytes()).into_owned();
                    let odd = |c: char| !c.is_alphanumeric() && c != '_';
                    (name.trim_end_matches(odd).to_owned(), line)
                });
                self.files.extend(names);
                let text = String::from_utf8_lossy(inside);
                if inside.len() <= LONGEST_PATH && may_test(&text) {
                    self.texts.push(Text {
                        inside: text.into_owned(),
                        line,
                        leads_on: leads_on(inside, context),
                    });
                }
            }
        }
    }

    /// `name = module:attribute`.
    fn entry_points(&mut self, bytes: &[u8]) {
        for (line, text) in (1..).zip(String::from_utf8_lossy(bytes).lines()) {
            if let Some((_, module)) = text.split_once('=') {
                let module = module.split([':', '[']).next().unwrap_or_default().trim();
                if may_test(module) {
                    self.modules.push((module.to_owned(), line));
                }
            }
        }
    }
}

/// Whether a name may lead into a test suite: their folders are called `test` or `tests`.
fn may_test(name: &str) -> bool {
    name.contains("test")
}

fn leads_on(inside: &[u8], context: &[u8]) -> bool {
    let joins = [&b"join("[..], b"__file__", b"files(", b" / ", b"Path("];
    if !joins.iter().any(|one| memchr::memmem::find(context, one).is_some()) {
        return false;
    }
    let Some(at) = memchr::memmem::find(context, inside) else { return false };
    let behind = context[at + inside.len()..].get(1..).unwrap_or_default();
    matches!(behind.trim_ascii_start().first(), Some(b',' | b'/'))
}

fn line_of(bytes: &[u8], word: &[u8]) -> Option<usize> {
    let at = memchr::memmem::find(bytes, word)?;
    Some(1 + memchr::memchr_iter(b'\n', &bytes[..at]).count())
}

/// The modules of an import statement, as far as anybody can tell a module from another name.
fn imported(folder: &[String], statement: &str) -> Vec<String> {
    let words = statement
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default())
        .flat_map(|line| line.split(|c: char| c.is_whitespace() || "(),\\;".contains(c)))
        .filter(|word| !word.is_empty());
    let mut words: Vec<&str> = words.collect();
    if words.first() == Some(&"import") {
        return names(&words[1..]).map(str::to_owned).collect();
    }
    // `from .import x` is one word less than `from . import x`.
    let Some(at) = words.iter().position(|word| word.trim_start_matches('.') == "import") else {
        return Vec::new();
    };
    let glued = words[at].trim_end_matches("import").to_owned();
    let names_after = words.split_off(at + 1);
    let from = words[1..at].concat() + &glued;
    let module = from.trim_start_matches('.');
    let mut base = Vec::new();
    if let Some(up) = (from.len() - module.len()).checked_sub(1) {
        base.extend_from_slice(&folder[..folder.len().saturating_sub(up)]);
    }
    base.extend(module.split('.').filter(|part| !part.is_empty()).map(str::to_owned));
    let base = base.join(".");
    let mut modules: Vec<String> =
        names(&names_after).map(|name| format!("{base}.{name}")).collect();
    modules.push(base);
    modules
}

/// Names without what they are called here.
fn names<'a>(words: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    let called = |at: usize| at > 0 && words[at - 1] == "as";
    let kept = words.iter().enumerate().filter(move |(at, word)| **word != "as" && !called(*at));
    kept.map(|(_, word)| *word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_of_every_form_of_import() {
        let folder: Vec<String> = ["a", "b"].map(str::to_owned).to_vec();
        let of = |statement: &str| imported(&folder, statement);
        assert_eq!(of("import x.y as z, w"), ["x.y", "w"]);
        assert_eq!(of("from x.y import z as q, w"), ["x.y.z", "x.y.w", "x.y"]);
        assert_eq!(of("from . import tests"), ["a.b.tests", "a.b"]);
        assert_eq!(of("from .import tests"), ["a.b.tests", "a.b"]);
        assert_eq!(of("from ..tests.c import (\n  d, # e\n)"), ["a.tests.c.d", "a.tests.c"]);
        assert_eq!(of("from .... import tests"), [".tests", ""]);
        assert_eq!(of("from x"), [""; 0]);
    }

    #[test]
    fn names_of_files_in_texts() {
        let interesting = Interesting::new();
        let content = Content::bytes(
            &br#"x = '#include <numpy/arrayobject.h>\n"foo.h"'; y = '.pyi'; z = 'a.had'; b = '*.a'"#[..],
        );
        let path = RootPath::parse(b"usr/lib/python3/dist-packages/p/m.py").unwrap();
        let clues = interesting.clues(&path, &content).unwrap().unwrap();
        let names: Vec<&str> = clues.files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["numpy/arrayobject.h", "foo.h", ".pyi", "*.a"]);
        assert_eq!(Source { place: (0, 0), path, clues }.at(3), "p/m.py:3");
    }
}
