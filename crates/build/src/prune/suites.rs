//! Packages' own test suites: which folders they are, and whether code outside them uses them.

use std::collections::BTreeMap;

use lightship_codec::tar::RootPath;
use lightship_packages::parcel::Parcel;

use super::clues::{Source, Text};
use super::{Category, Place, Verdicts, is_pruned, kinds};

/// A folder with tests.
#[derive(Debug, Default)]
struct Suite {
    /// `sklearn.utils.tests`, split at the dots.
    module: Vec<String>,
    parcel: usize,
    files: Vec<Place>,
    /// Source files, and those of them that are named like tests.
    sources: usize,
    tests: usize,
}

/// Leaves suites out that nothing uses.
pub(super) fn judge(parcels: &[Parcel], sources: &[Source], verdicts: &mut Verdicts) {
    let suites = find(parcels);
    let inside: BTreeMap<Place, usize> = suites
        .iter()
        .enumerate()
        .flat_map(|(n, suite)| suite.files.iter().map(move |place| (*place, n)))
        .collect();
    let mut kept: BTreeMap<usize, String> = BTreeMap::new();
    let uses: Vec<(Option<usize>, BTreeMap<usize, String>)> = sources
        .iter()
        .map(|source| (inside.get(&source.place).copied(), used_by(source, &suites)))
        .collect();
    loop {
        let before = kept.len();
        for (suite, used) in &uses {
            // What a suite uses counts where the suite itself stays.
            if suite.is_none_or(|suite| kept.contains_key(&suite)) {
                for (suite, why) in used {
                    kept.entry(*suite).or_insert_with(|| why.clone());
                }
            }
        }
        if kept.len() == before {
            break;
        }
    }
    for (n, suite) in suites.iter().enumerate() {
        verdicts.decide(parcels, Category::Tests, &suite.files, kept.remove(&n));
    }
}

/// All of them, by parcel, then path.
fn find(parcels: &[Parcel]) -> Vec<Suite> {
    let mut suites: BTreeMap<(usize, RootPath), Suite> = BTreeMap::new();
    for (at, parcel) in parcels.iter().enumerate().filter(|(_, parcel)| is_pruned(parcel)) {
        for (n, item) in parcel.items.iter().enumerate() {
            let parts = kinds::parts(&item.path);
            let Some(depth) = suite_depth(&parts) else { continue };
            let all = item.path.components().count();
            let folder = item.path.components().take(all - parts.len() + depth + 1);
            let suite = suites.entry((at, RootPath::from_components(folder))).or_default();
            let module = parts[..=depth].iter();
            suite.module = module.map(|one| String::from_utf8_lossy(one).into_owned()).collect();
            suite.parcel = at;
            suite.files.push((at, n));
            suite.sources += usize::from(item.path.as_bytes().ends_with(b".py"));
            suite.tests += usize::from(is_test(parts.last().copied().unwrap_or_default()));
        }
    }
    suites.into_values().filter(Suite::is_one).collect()
}

/// Where in a path the outermost suite's folder is.
fn suite_depth(parts: &[&[u8]]) -> Option<usize> {
    if parts.iter().any(|part| part.ends_with(b".dist-info")) {
        return None;
    }
    let folders = parts.len().checked_sub(1)?;
    parts[..folders].iter().position(|part| matches!(*part, b"tests" | b"test"))
}

fn is_test(name: &[u8]) -> bool {
    name.ends_with(b".py")
        && (name.starts_with(b"test") || name.ends_with(b"_test.py") || name == b"conftest.py")
}

impl Suite {
    /// A folder of that name may as well be a library *for* tests (`django.test`): then most of what is
    /// in it is not named like a test.
    fn is_one(&self) -> bool {
        let is_plural = self.module.last().is_some_and(|name| name == "tests");
        self.tests > 0 && (is_plural || self.tests * 2 >= self.sources)
    }
}

/// The suites that one file uses, and where.
fn used_by(source: &Source, suites: &[Suite]) -> BTreeMap<usize, String> {
    let mut used = BTreeMap::new();
    for (n, suite) in suites.iter().enumerate() {
        let own = source.place.0 == suite.parcel;
        let by_import =
            source.clues.modules.iter().find(|(module, _)| is_in(module, &suite.module));
        let by_text = source.clues.texts.iter().find(|text| {
            names_module(&text.inside, &suite.module) || (own && is_path_to(text, source, suite))
        });
        let why = by_import
            .map(|(_, line)| format!("{} imports it", source.at(*line)))
            .or_else(|| by_text.map(|text| format!("{} names it", source.at(text.line))));
        used.extend(why.map(|why| (n, why)));
    }
    used
}

/// Whether a dotted name is a module or in it.
fn is_in(name: &str, module: &[String]) -> bool {
    let mut parts = name.split('.');
    module.iter().all(|part| parts.next() == Some(part))
}

/// Whether a text names such a module: not by a single word, which means anything.
fn names_module(text: &str, module: &[String]) -> bool {
    let is_dotted = text.contains('.')
        && !text.ends_with('.')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._*:".contains(&byte));
    is_dotted && is_in(text, module)
}

/// Whether a text is a path into a suite of the same package: `tests/data`, or `tests` where paths are
/// joined, seen from the file's folder or one above it.
fn is_path_to(text: &Text, source: &Source, suite: &Suite) -> bool {
    let Some((last, folder)) = suite.module.split_last() else { return false };
    let is_bare = text.inside == *last;
    if is_bare && text.leads_on {
        let package = kinds::package_of(&source.path);
        return package.starts_with(folder);
    }
    if !text.inside.contains('/') || text.inside.contains("://") || text.inside.contains(' ') {
        return false;
    }
    let parts: Vec<&str> =
        text.inside.split('/').filter(|part| !matches!(*part, "" | "." | "..")).collect();
    let Some(at) = parts.iter().position(|part| part == last) else { return false };
    parts[..at].iter().rev().zip(folder.iter().rev()).all(|(one, other)| *one == other.as_str())
}
