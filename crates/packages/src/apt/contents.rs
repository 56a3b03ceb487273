//! Which package has a file: `Contents`, for libraries that native code asks for
//! (*Debian wiki, DebianRepository/Format, "Contents" indices*).
//!
//! These indexes are the largest of an archive, so they are fetched only when somebody asks, and read as a
//! stream: nothing of them is held but the lines that were asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};

use lightship_base::{Digest, Key, Progress};
use lightship_cas::{Lease, RefKind, RefValue};
use lightship_codec::compression::decoder;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::sources::Suite;
use super::update::lists::{fetch, listed};
use super::update::release::keep_unless_changed;
use super::update::{Current, Mirror, UpdateError, UpdateOptions, suites};
use crate::fetch::Fetcher;

/// Keeps answers, by index and names: reading an index takes half a second, and the same libraries are asked for again
/// and again.
pub const HOLDERS: RefKind = RefKind::new("holders");

/// A package that has a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The package.
    pub package: String,
    /// `libs`, as the index says; empty where it does not.
    pub section: String,
    /// Where the file lies, relative to the root.
    pub path: String,
}

/// Packages of every name asked for, the one to take first; names that no package has are left out.
pub type Holders = BTreeMap<String, Vec<Holder>>;

/// One line names a file and everybody who has it. The longest of Debian's have some 60,000 bytes.
const LONGEST_LINE: u64 = 1 << 20;

/// Debian's largest index unpacks to some 900 MB; none unpacks to more than this.
const MOST_BYTES: u64 = 8 << 30;

/// Packages that have files of these names in folders where the loader looks for libraries, or one folder
/// below, where alternatives (`libblas.so.3`) have them.
///
/// Archives without such an index are passed over; where no archive has one, that is the error.
pub fn who_has(
    fetcher: &Fetcher,
    mirrors: &[Mirror],
    names: &[&str],
    options: UpdateOptions<'_>,
    progress: &dyn Progress,
) -> Result<Holders, UpdateError> {
    let wanted: BTreeSet<&str> = names.iter().copied().collect();
    if wanted.is_empty() {
        return Ok(Holders::new());
    }
    let suites = suites(fetcher, mirrors, options)?;
    let found = suites
        .par_iter()
        .map(|suite| search(fetcher, suite, &wanted, options.architecture, progress))
        .collect::<Result<Vec<_>, _>>()?;
    if found.iter().all(Option::is_none)
        && let Some(first) = suites.first()
    {
        return Err(UpdateError::NotListed {
            suite: first.mirror.asked().into(),
            file: format!("Contents-{}", options.architecture),
        });
    }
    let mut all = Holders::new();
    for (name, holder) in found.into_iter().flatten().flatten() {
        all.entry(name).or_default().push(holder);
    }
    for holders in all.values_mut() {
        rank(holders);
    }
    Ok(all)
}

type Found = Vec<(String, Holder)>;

/// `None` where the suite has no such index.
fn search(
    fetcher: &Fetcher,
    suite: &Current<'_>,
    wanted: &BTreeSet<&str>,
    architecture: &str,
    progress: &dyn Progress,
) -> Result<Option<Found>, UpdateError> {
    let Suite::Named { components, .. } = &suite.mirror.source.suite else { return Ok(None) };
    let mut found = None;
    let mut digests = Vec::new();
    for name in names(suite, components, architecture) {
        let (path, file) = fetch(fetcher, suite, architecture, &name, progress)?;
        let lines: &mut Found = found.get_or_insert_with(Vec::new);
        let answer = Answer::new(fetcher.lease(), &file.digest, wanted);
        if let Some(known) = answer.known() {
            lines.extend(known);
        } else {
            let mut own = Found::new();
            let read = File::open(&path)
                .and_then(decoder)
                .and_then(|plain| scan(BufReader::new(plain.take(MOST_BYTES)), wanted, &mut own));
            read.map_err(|source| UpdateError::Read { what: name, source })?;
            answer.keep(&own);
            lines.extend(own);
        }
        digests.push(file.digest);
    }
    keep_unless_changed(fetcher, suite, &digests)?;
    Ok(found)
}

/// What an index says about some names. A store that fails here is none: the index is read then.
struct Answer<'a> {
    lease: &'a Lease,
    name: String,
}

impl<'a> Answer<'a> {
    fn new(lease: &'a Lease, index: &Digest, wanted: &BTreeSet<&str>) -> Self {
        let key = Key::of("holders").with(index.to_string());
        let key = wanted.iter().fold(key, Key::with);
        Self { lease, name: key.finish().hex() }
    }

    fn known(&self) -> Option<Found> {
        let value = self.lease.pin(HOLDERS, &self.name).ok()??;
        serde_json::from_value(value.data).ok()
    }

    fn keep(&self, found: &Found) {
        let Ok(data) = serde_json::to_value(found) else { return };
        let value = RefValue { roots: Vec::new(), data };
        let _ = self.lease.cas().set_ref(HOLDERS, &self.name, &value);
    }
}

/// Those of the components; one for all of them, where the archive has it so.
fn names(suite: &Current<'_>, components: &[String], architecture: &str) -> Vec<String> {
    let is_listed = |name: &String| listed(suite, name).next().is_some();
    let own = components.iter().map(|component| format!("{component}/Contents-{architecture}"));
    let own: Vec<String> = own.filter(is_listed).collect();
    if own.is_empty() {
        return Some(format!("Contents-{architecture}")).filter(is_listed).into_iter().collect();
    }
    own
}

/// Reads lines of `path packages`.
fn scan(mut from: impl BufRead, wanted: &BTreeSet<&str>, found: &mut Found) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let count = from.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)?;
        if count == 0 {
            return Ok(());
        }
        if count as u64 == LONGEST_LINE && !line.ends_with(b"\n") {
            let reason = "it has a line of more than a million bytes";
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        let Ok(line) = std::str::from_utf8(&line) else { continue };
        let Some((path, packages)) = line.trim_end().rsplit_once(char::is_whitespace) else {
            continue;
        };
        let path = path.trim_end();
        let Some((folder, name)) = path.rsplit_once('/') else { continue };
        if !wanted.contains(name) || !is_for_libraries(folder) {
            continue;
        }
        for package in packages.split(',').filter(|package| !package.is_empty()) {
            let (section, package) = package.rsplit_once('/').unwrap_or(("", package));
            let holder = Holder {
                package: package.to_owned(),
                section: section.to_owned(),
                path: path.to_owned(),
            };
            found.push((name.to_owned(), holder));
        }
    }
}

/// `lib`, `usr/lib`, with `64`, with a folder of the machine's kind, and with one more folder.
fn is_for_libraries(folder: &str) -> bool {
    below_machine(folder).is_some_and(|rest| !rest.contains('/'))
}

/// What stands behind the folders in which the loader looks: nothing where the file lies in one.
fn below_machine(folder: &str) -> Option<&str> {
    let folder = folder.strip_prefix("usr/").unwrap_or(folder);
    let rest = folder.strip_prefix("lib64").or_else(|| folder.strip_prefix("lib"))?;
    let rest = match rest.strip_prefix('/') {
        Some(rest) => rest,
        None if rest.is_empty() => return Some(""),
        None => return None,
    };
    let (first, behind) = rest.split_once('/').unwrap_or((rest, ""));
    Some(if first.contains("-linux-gnu") || first.contains("-linux-musl") { behind } else { rest })
}

/// The one to take first: lies where the loader looks, is a library by its section, by its name, is not for
/// developers, has the shorter name.
fn rank(holders: &mut Vec<Holder>) {
    holders.sort_by_key(|holder| {
        let folder = holder.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let section = holder.section.rsplit('/').next().unwrap_or_default();
        let name = holder.package.as_str();
        let developers =
            ["-dev", "-dbg", "-dbgsym", "-cross"].iter().any(|end| name.ends_with(end));
        (
            below_machine(folder).is_some_and(|rest| !rest.is_empty()),
            developers,
            section != "libs",
            !name.starts_with("lib"),
            name.len(),
            holder.package.clone(),
            holder.path.clone(),
        )
    });
    // The same package in several suites, or with a file under two names of one folder.
    let mut seen = BTreeSet::new();
    holders.retain(|holder| seen.insert(holder.package.clone()));
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
FILE                                                    LOCATION
usr/lib/x86_64-linux-gnu/libgomp.so.1                   libs/libgomp1
usr/lib/gcc/x86_64-linux-gnu/12/libgomp.so.1            devel/gcc-12
usr/aarch64-linux-gnu/lib/libgomp.so.1                  devel/libgomp1-arm64-cross
usr/lib/x86_64-linux-gnu/blas/libblas.so.3              libs/libblas3
usr/lib/x86_64-linux-gnu/openblas-pthread/libblas.so.3  libs/libopenblas0-pthread
lib/x86_64-linux-gnu/libz.so.1                          libs/zlib1g,contrib/devel/zlib1g-dev
usr/lib/libz.so.1                                       contrib/games/a-game-with-its-own
usr/share/doc/a file/libz.so.1                          doc/x
usr/lib/lib z.so                                        libs/odd
";

    fn holders(names: &[&str]) -> BTreeMap<String, Vec<String>> {
        let mut found = Vec::new();
        scan(TEXT.as_bytes(), &names.iter().copied().collect(), &mut found).unwrap();
        let mut all = Holders::new();
        for (name, holder) in found {
            all.entry(name).or_default().push(holder);
        }
        all.into_iter()
            .map(|(name, mut holders)| {
                rank(&mut holders);
                (name, holders.into_iter().map(|holder| holder.package).collect())
            })
            .collect()
    }

    #[test]
    fn libraries_are_found_where_the_loader_looks() {
        let found = holders(&["libgomp.so.1", "libblas.so.3", "libz.so.1", "lib z.so", "libno.so"]);
        assert_eq!(found["libgomp.so.1"], ["libgomp1"]);
        assert_eq!(found["libblas.so.3"], ["libblas3", "libopenblas0-pthread"]);
        assert_eq!(found["libz.so.1"], ["zlib1g", "a-game-with-its-own", "zlib1g-dev"]);
        assert_eq!(found["lib z.so"], ["odd"]);
        assert_eq!(found.len(), 4);
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut found = Vec::new();
        let endless = vec![b'x'; 1 << 21];
        assert!(scan(&endless[..], &BTreeSet::from(["x"]), &mut found).is_err());
        scan(&b"\xff\xfe\n\nusr\nusr/lib/x\n"[..], &BTreeSet::from(["x"]), &mut found).unwrap();
        assert!(found.is_empty());
    }
}
