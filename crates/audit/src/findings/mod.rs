//! What the final filesystem carries that a running service rarely needs, and what it costs.
//!
//! Every content is sorted into at most one rule, so that savings add up. A content with several names
//! is sorted only if all of them would go.

mod cuda;
mod environments;
mod places;
pub mod rules;

use std::collections::{BTreeMap, HashMap, HashSet};

use lightship_base::ByteSize;
use lightship_oci::rootfs::{Inode, InodeId};
use lightship_packages::elf::Sections;
use lightship_packages::{Ecosystem, Inventory};
use lightship_policy::{Bytes, Finding, Severity};
use rules::Rule;

use crate::account::{Account, Fate, Waste};
use crate::secrets;

/// How many paths a finding lists; it counts them all.
const LISTED_PATHS: usize = 25;

/// Waste below a megabyte and a hundredth of the image is normal (`/etc/passwd` written twice): worth
/// a line, not a warning.
const MINOR_BYTES: u64 = 1_000_000;
const MINOR_SHARE: u64 = 100;

/// Everything the rules have to say, dearest first; secrets before all else.
pub(crate) fn findings(account: &Account, inventory: &Inventory) -> Vec<Finding> {
    let mut tally = Tally::default();
    let mut sorted = Sorter::new(account, inventory).sort(&mut tally);
    waste(account, &mut tally);
    duplicates(account, &mut sorted, &mut tally);
    debug_sections(account, &sorted, &mut tally);
    secret_files(account, &mut tally);
    tally.into_findings(account)
}

/// Paths and sums by rule.
#[derive(Default)]
struct Tally(BTreeMap<&'static str, Sum>);

struct Sum {
    rule: &'static Rule,
    bytes: u64,
    compressed: u64,
    paths: Vec<Listed>,
}

/// A path that a rule is about.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Listed {
    /// Heaviest first.
    bytes: std::cmp::Reverse<u64>,
    path: String,
    note: Option<String>,
}

impl Tally {
    fn add(&mut self, rule: &'static Rule, path: String, bytes: u64, compressed: u64) {
        let empty = || Sum { rule, bytes: 0, compressed: 0, paths: Vec::new() };
        let sum = self.0.entry(rule.code.0).or_insert_with(empty);
        sum.bytes += bytes;
        sum.compressed += compressed;
        sum.paths.push(Listed { bytes: std::cmp::Reverse(bytes), path, note: None });
    }

    /// A path that costs nothing worth naming, with what is known of it.
    fn mention(&mut self, rule: &'static Rule, path: String, note: String) {
        self.add(rule, path, 0, 0);
        let listed = self.0.get_mut(rule.code.0).and_then(|sum| sum.paths.last_mut());
        listed.expect("it was just added").note = Some(note);
    }

    fn into_findings(self, account: &Account) -> Vec<Finding> {
        let stored: u64 = account.layers.iter().map(|layer| layer.index.stored_bytes).sum();
        let mut findings: Vec<Finding> =
            self.0.into_values().map(|sum| sum.into_finding(stored)).collect();
        let rank = |finding: &Finding| (finding.severity == Severity::Error, finding.bytes.disk);
        findings.sort_by(|a, b| rank(b).cmp(&rank(a)).then(a.code.cmp(&b.code)));
        findings
    }
}

impl Sum {
    fn into_finding(mut self, stored: u64) -> Finding {
        self.paths.sort();
        let path_count = self.paths.len() as u64;
        let minor = self.bytes < MINOR_BYTES && self.bytes < stored / MINOR_SHARE;
        let severity = match self.rule.severity {
            Severity::Warning if minor => Severity::Info,
            severity => severity,
        };
        self.paths.truncate(LISTED_PATHS);
        Finding {
            code: self.rule.code,
            title: self.rule.title.to_owned(),
            severity,
            confidence: self.rule.confidence,
            bytes: Bytes {
                disk: ByteSize(self.bytes),
                compressed_estimate: ByteSize(self.compressed),
            },
            notes: self.paths.iter().filter_map(|listed| listed.note.clone()).collect(),
            paths: self.paths.into_iter().map(|listed| listed.path).collect(),
            path_count,
            evidence: self.rule.evidence.to_owned(),
            fix: self.rule.fix.to_owned(),
        }
    }
}

/// Sorts visible contents into rules.
struct Sorter<'a> {
    account: &'a Account,
    build_files: HashSet<&'a str>,
    environments: Vec<String>,
    cuda: HashSet<InodeId>,
}

impl<'a> Sorter<'a> {
    fn new(account: &'a Account, inventory: &'a Inventory) -> Self {
        let system = |package: &&lightship_packages::Package| {
            matches!(package.ecosystem, Ecosystem::Deb | Ecosystem::Apk)
                && places::is_build_package(&package.name)
        };
        let build_files = (inventory.packages.iter().filter(system))
            .flat_map(|package| package.files.iter().map(String::as_str))
            .collect();
        Self {
            account,
            build_files,
            environments: environments::unused(account),
            cuda: cuda::second_copies(account),
        }
    }

    /// Tallies what a rule applies to and returns it.
    fn sort(&self, tally: &mut Tally) -> HashSet<InodeId> {
        let mut sorted = HashSet::new();
        for (id, inode, _) in self.account.kept() {
            if let Some((rule, path)) = self.rule(id, inode) {
                let compressed = self.account.facts(inode).compressed;
                tally.add(rule, path, inode.stored, compressed);
                sorted.insert(id);
            }
        }
        sorted
    }

    /// The rule of the first name, if every visible name has one.
    fn rule(&self, id: InodeId, inode: &Inode) -> Option<(&'static Rule, String)> {
        let visible = inode.names.iter().filter(|name| self.account.tree.is_visible(**name));
        let mut first = None;
        for name in visible {
            let path = self.account.path(*name);
            let rule = self.rule_of_name(id, path.as_bytes())?;
            first.get_or_insert_with(|| (rule, path.to_string()));
        }
        first
    }

    fn rule_of_name(&self, id: InodeId, path: &[u8]) -> Option<&'static Rule> {
        let text = std::str::from_utf8(path).unwrap_or_default();
        let in_environment = |folder: &String| {
            text.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        if self.environments.iter().any(in_environment) {
            return Some(&rules::VIRTUALENV);
        }
        if self.cuda.contains(&id) {
            return Some(&rules::CUDA_TWICE);
        }
        let by_place = places::rule_for(path);
        // Documentation of a compiler is documentation; its programs are build tools.
        by_place.or_else(|| self.build_files.contains(text).then_some(&rules::BUILD_TOOLS))
    }
}

fn waste(account: &Account, tally: &mut Tally) {
    for (_, inode) in account.tree.inodes().filter(|(_, inode)| inode.stored > 0) {
        let Fate::Wasted(waste, removal) = account.fate(inode) else { continue };
        let rule = match waste {
            Waste::Shadowed => &rules::SHADOWED,
            Waste::Deleted => &rules::DELETED,
        };
        let path = account.path(removal.name).to_string();
        tally.add(rule, path, inode.stored, account.facts(inode).compressed);
    }
}

/// Second and further copies of what no other rule would remove. They count as sorted from here on:
/// what goes as a copy has no debug sections left to take out.
fn duplicates(account: &Account, sorted: &mut HashSet<InodeId>, tally: &mut Tally) {
    let mut seen = HashMap::new();
    for (id, inode, name) in account.kept() {
        if inode.stored == 0 || sorted.contains(&id) || account.is_sparse(inode) {
            continue;
        }
        let facts = account.facts(inode);
        if seen.insert(facts.content, id).is_some() {
            let path = account.path(name).to_string();
            tally.add(&rules::DUPLICATE, path, inode.stored, facts.compressed);
            sorted.insert(id);
        }
    }
}

/// Debug sections are a part of a file; their compressed share is taken to be that of the file.
fn debug_sections(account: &Account, sorted: &HashSet<InodeId>, tally: &mut Tally) {
    for (_, inode, name) in account.kept().filter(|(id, ..)| !sorted.contains(id)) {
        let layer = &account.layers[inode.origin.layer as usize];
        let elf = layer.elf.get(&inode.origin.entry);
        let Some(Sections::Known(sections)) = elf.map(|elf| &elf.sections) else { continue };
        let debug = sections.debug_bytes.bytes().min(inode.stored);
        if debug == 0 {
            continue;
        }
        let compressed = u128::from(account.facts(inode).compressed) * u128::from(debug)
            / u128::from(inode.stored);
        let path = account.path(name).to_string();
        tally.add(&rules::DEBUG, path, debug, u64::try_from(compressed).unwrap_or(u64::MAX));
    }
}

/// Secrets in any layer, also those that a later layer removed: they ship all the same. They cost no
/// bytes worth naming, so they stand beside the other rules, not among the savings.
fn secret_files(account: &Account, tally: &mut Tally) {
    for (_, inode) in account.tree.inodes().filter(|(_, inode)| inode.stored > 0) {
        let layer = &account.layers[inode.origin.layer as usize];
        let by_content = layer.secrets.get(&inode.origin.entry).copied();
        // Under whichever of its names it is found: a key with an innocent second name is still a key.
        let found = inode.names.iter().find_map(|name| {
            let path = account.path(*name);
            let kind = by_content.or_else(|| secrets::in_path(path.as_bytes()))?;
            (!is_test_material(path.as_bytes())).then_some((path, kind))
        });
        let Some((path, kind)) = found else { continue };
        let gone = match account.fate(inode) {
            Fate::Kept => "",
            Fate::Wasted(..) => ", removed later but still in its layer",
        };
        let note = format!("{}, layer {}{gone}", kind.words(), inode.origin.layer + 1);
        tally.mention(&rules::SECRET, path.to_string(), note);
    }
}

/// Libraries ship keys to test themselves with; everybody has those.
fn is_test_material(path: &[u8]) -> bool {
    let folders: Vec<&[u8]> = path.split(|b| *b == b'/').collect();
    let installed = folders
        .iter()
        .any(|f| matches!(*f, b"site-packages" | b"dist-packages" | b"node_modules" | b"doc"));
    let tests =
        folders.iter().any(|f| matches!(*f, b"test" | b"tests" | b"testdata" | b"examples"));
    installed && (tests || folders.contains(&&b"doc"[..]))
}
