//! What locking changed: which packages came, went or have other versions now.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use lightship_base::Digest;
use lightship_packages::apt::DebVersion;
use lightship_packages::lock::{Lock, PlatformName};
use lightship_packages::wheel::compare_versions;

use super::count;
use crate::args::Top;
use crate::render::text::printable;
use crate::render::{Glyphs, Look, style};

/// What became of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Added,
    Removed,
    Upgraded,
    Downgraded,
    /// The same version as another file, or several versions at once.
    Replaced,
}

impl Fate {
    const ALL: [Self; 5] =
        [Self::Added, Self::Removed, Self::Upgraded, Self::Downgraded, Self::Replaced];

    const fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Upgraded => "upgraded",
            Self::Downgraded => "downgraded",
            Self::Replaced => "replaced",
        }
    }
}

/// Whose package: names of the two may be alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Deb,
    Python,
}

/// A package on all its platforms.
#[derive(Debug, Default, PartialEq, Eq)]
struct Package<'a> {
    versions: BTreeSet<&'a str>,
    files: BTreeSet<Digest>,
}

type Packages<'a> = BTreeMap<(Kind, &'a str), Package<'a>>;

/// One package that is not as it was.
#[derive(Debug)]
struct Change<'a> {
    fate: Fate,
    name: &'a str,
    was: String,
    is: String,
}

/// Whether a lock can be used as it is; `reasons` say why not. One sentence.
pub fn verdict(name: &str, lock: Option<&Lock>, reasons: &[String]) -> String {
    let name = printable(name);
    match (lock, reasons) {
        (None, _) => format!("{name} is missing\n"),
        (Some(lock), []) => format!("{name} is up to date: {}\n", contents(lock)),
        (Some(_), reasons) => {
            format!("{name} is out of date: {}\n", printable(&reasons.join("; ")))
        }
    }
}

/// What is in a new lock, or what is not as it was in the old one.
pub fn changes(name: &str, before: Option<&Lock>, after: &Lock, top: Top, look: &Look) -> String {
    let name = printable(name);
    let Some(before) = before else { return format!("{name} is made: {}\n", contents(after)) };
    let (old, new) = (packages(before), packages(after));
    let changes = differences(&old, &new);
    let mut sums: Vec<String> = Fate::ALL
        .into_iter()
        .map(|fate| (fate, changes.iter().filter(|change| change.fate == fate).count()))
        .filter(|(_, number)| *number > 0)
        .map(|(fate, number)| format!("{number} {}", fate.word()))
        .collect();
    if sums.is_empty() {
        sums.push("no package has changed".to_owned());
    }
    let mut text = format!("{name}: {}; {} now\n", sums.join(", "), contents(after));
    for (what, was, is) in grounds(before, after) {
        let _ = writeln!(text, "  {what:<10}  {}", step(&was, &is, look));
    }
    text + &rows(&changes, top, look)
}

fn rows(changes: &[Change<'_>], top: Top, look: &Look) -> String {
    let (shown, left) = top.of(changes);
    let mut text = String::new();
    for Change { fate, name, was, is } in shown {
        let word = fate.word();
        let name = printable(name);
        let _ = match fate {
            Fate::Added => writeln!(text, "  {word:<10}  {name} {}", printable(is)),
            Fate::Removed => writeln!(text, "  {word:<10}  {name} {}", printable(was)),
            Fate::Upgraded | Fate::Downgraded => {
                writeln!(text, "  {word:<10}  {name} {}", step(was, is, look))
            }
            Fate::Replaced if was == is => {
                writeln!(text, "  {word:<10}  {name} {} by another file", printable(is))
            }
            Fate::Replaced => writeln!(text, "  {word:<10}  {name} {}", step(was, is, look)),
        };
    }
    if left > 0 {
        let dim = style::DIM;
        let _ = writeln!(text, "  {dim}and {left} more; `--verbose` shows them{dim:#}");
    }
    text
}

fn step(was: &str, is: &str, look: &Look) -> String {
    let arrow = match look.glyphs {
        Glyphs::Unicode => "→",
        Glyphs::Ascii => "->",
    };
    format!("{} {arrow} {}", printable(was), printable(is))
}

/// `45 packages of the distribution, 3 of Python`.
fn contents(lock: &Lock) -> String {
    let number = |kind| packages(lock).keys().filter(|(one, _)| *one == kind).count() as u64;
    let debs = count(number(Kind::Deb), "package", "packages");
    match number(Kind::Python) {
        0 => format!("{debs} of the distribution"),
        python => format!("{debs} of the distribution, {python} of Python"),
    }
}

fn packages(lock: &Lock) -> Packages<'_> {
    let debs = lock.debs.iter().map(|deb| (Kind::Deb, &deb.name, &deb.version, deb.sha256));
    let wheels = lock.wheels.iter();
    let wheels = wheels.map(|one| (Kind::Python, &one.name, &one.version, one.file.sha256));
    let sdists = lock.sdists.iter();
    let sdists = sdists.map(|one| (Kind::Python, &one.name, &one.version, one.file.sha256));
    let mut packages = Packages::new();
    for (kind, name, version, file) in debs.chain(wheels).chain(sdists) {
        let package = packages.entry((kind, name)).or_default();
        package.versions.insert(version);
        package.files.insert(file);
    }
    packages
}

/// By fate, Python's packages after those of the distribution.
fn differences<'a>(old: &Packages<'a>, new: &Packages<'a>) -> Vec<Change<'a>> {
    let keys: BTreeSet<_> = old.keys().chain(new.keys()).copied().collect();
    let none = Package::default();
    let mut changes = Vec::new();
    for key in keys {
        let (was, is) = (old.get(&key).unwrap_or(&none), new.get(&key).unwrap_or(&none));
        if was == is {
            continue;
        }
        let fate = fate(key.0, was, is);
        changes.push(Change { fate, name: key.1, was: was.words(), is: is.words() });
    }
    changes.sort_by_key(|change| change.fate);
    changes
}

impl Package<'_> {
    fn words(&self) -> String {
        self.versions.iter().copied().collect::<Vec<_>>().join(", ")
    }

    /// Its version, if it has only one.
    fn only(&self) -> Option<&str> {
        self.versions.first().copied().filter(|_| self.versions.len() == 1)
    }
}

fn fate(kind: Kind, was: &Package<'_>, is: &Package<'_>) -> Fate {
    let order = match (was.only(), is.only()) {
        (None, _) if was.versions.is_empty() => return Fate::Added,
        (_, None) if is.versions.is_empty() => return Fate::Removed,
        (Some(was), Some(is)) => match kind {
            Kind::Deb => deb_order(was, is),
            Kind::Python => compare_versions(was, is),
        },
        (None, _) | (_, None) => Ordering::Equal,
    };
    match order {
        Ordering::Less => Fate::Upgraded,
        Ordering::Greater => Fate::Downgraded,
        Ordering::Equal => Fate::Replaced,
    }
}

/// *Debian Policy 5.6.12*. What is no version is neither newer nor older.
fn deb_order(was: &str, is: &str) -> Ordering {
    match (was.parse::<DebVersion>(), is.parse::<DebVersion>()) {
        (Ok(was), Ok(is)) => was.cmp(&is),
        (Err(_), _) | (_, Err(_)) => Ordering::Equal,
    }
}

/// What everything stands on, where that is not what it was.
fn grounds(before: &Lock, after: &Lock) -> Vec<(&'static str, String, String)> {
    let suite = |lock: &Lock| lock.suite.as_ref().map(|suite| suite.codename.clone());
    let python = |lock: &Lock| lock.python.as_ref().map(|python| python.version.clone());
    let platforms = |lock: &Lock| {
        let names: Vec<&str> = lock.platforms.iter().map(PlatformName::as_str).collect();
        Some(names.join(", "))
    };
    let all = [
        ("suite", suite(before), suite(after)),
        ("Python", python(before), python(after)),
        ("platforms", platforms(before), platforms(after)),
    ];
    let none = || "none".to_owned();
    all.into_iter()
        .filter(|(_, was, is)| was != is)
        .map(|(what, was, is)| (what, was.unwrap_or_else(none), is.unwrap_or_else(none)))
        .collect()
}

#[cfg(test)]
mod tests;
