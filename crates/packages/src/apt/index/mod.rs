//! All packages of all configured archives (`Packages`), found by name and read when asked.
//!
//! The texts are kept whole, once; a package is a place in one of them. Sixty thousand packages then cost
//! their text and some thirty bytes each.

mod package;
mod scan;
#[cfg(test)]
mod tests;

use super::archives::{ArchiveId, Archives};
use super::pins::{self, Offer, Pins};
use super::version;

pub use package::{MultiArch, Package, PackageError, Priority};
use scan::{Provide, Record, Span};

/// Packages of all archives.
#[derive(Debug, Default)]
pub struct Index {
    texts: Vec<Text>,
    records: Vec<Record>,
    /// What each record counts for, in their order (*`apt_preferences(5)`*).
    priorities: Vec<i16>,
    /// Records by name, and of one name the best first.
    by_name: Vec<RecordId>,
    /// What the best of each name provide, by the name provided.
    provides: Vec<Provide>,
    archives: Archives,
    architecture: String,
}

/// One `Packages` text, and whose.
#[derive(Debug)]
pub(crate) struct Text {
    body: String,
    archive: ArchiveId,
    /// `main`; empty where nobody says.
    component: String,
}

/// A place in [`Index::records`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RecordId(u32);

impl RecordId {
    fn at(self) -> usize {
        self.0 as usize
    }
}

/// Collects texts for an index.
#[derive(Debug)]
pub struct IndexBuilder {
    texts: Vec<Text>,
    archives: Archives,
    architecture: String,
    pins: Pins,
}

impl IndexBuilder {
    /// For packages of one architecture, and those for all.
    pub fn new(architecture: &str, archives: Archives) -> Self {
        let architecture = architecture.to_owned();
        Self { texts: Vec::new(), archives, architecture, pins: Pins::default() }
    }

    /// What the user prefers counts.
    #[must_use]
    pub fn pinned(self, pins: Pins) -> Self {
        Self { pins, ..self }
    }

    /// Takes in one `Packages` text. Bytes that are no UTF-8 are replaced; what lies beyond four
    /// gigabytes is left out.
    pub fn add(&mut self, bytes: Vec<u8>, archive: ArchiveId) {
        self.add_component(bytes, archive, "");
    }

    /// The same, where one knows which component (`main`) it is of.
    pub fn add_component(&mut self, bytes: Vec<u8>, archive: ArchiveId, component: &str) {
        let mut text = String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        if u32::try_from(text.len()).is_err() {
            let end = text.floor_char_boundary(u32::MAX as usize);
            text.truncate(end);
        }
        text.shrink_to_fit();
        self.texts.push(Text { body: text, archive, component: component.to_owned() });
    }

    /// Sorts everything. The archives' order is the texts' order, as they were added.
    pub fn finish(self) -> Index {
        let records: Vec<Record> = self
            .texts
            .iter()
            .enumerate()
            .flat_map(|(at, text)| scan::records(at, &text.body, &self.architecture))
            .collect();
        let mut index = Index {
            texts: self.texts,
            records,
            priorities: Vec::new(),
            by_name: Vec::new(),
            provides: Vec::new(),
            archives: self.archives,
            architecture: self.architecture,
        };
        index.priorities = index.all_priorities(&self.pins);
        index.by_name = index.sorted();
        index.provides = index.all_provides();
        index
    }
}

impl Index {
    /// The archives that its packages are from.
    pub fn archives(&self) -> &Archives {
        &self.archives
    }

    /// Whose packages these are: `amd64`.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// How many packages there are, versions counted apart.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The package of this name that would be installed: that of the highest priority, of these the highest
    /// version, and of equal ones that of the archive named first. None where the user's preferences keep
    /// all of them out.
    pub fn get(&self, name: &str) -> Option<Package<'_>> {
        let best = self.named(name).first().filter(|id| self.is_wanted(**id))?;
        Some(self.package(*best))
    }

    /// All packages of this name, the best first, those as well that preferences keep out.
    pub fn versions(&self, name: &str) -> impl Iterator<Item = Package<'_>> {
        self.named(name).iter().map(|id| self.package(*id))
    }

    /// The best package of every name, by name.
    pub fn iter(&self) -> impl Iterator<Item = Package<'_>> {
        self.best().map(|id| self.package(id))
    }

    /// Packages that provide a name, the best of their own names only. By name.
    pub fn providers(&self, name: &str) -> impl Iterator<Item = Package<'_>> {
        let from = self.provides.partition_point(|provide| self.text_of(provide.name) < name);
        self.provides[from..]
            .iter()
            .take_while(move |provide| self.text_of(provide.name) == name)
            .map(|provide| self.package(provide.by))
    }

    /// Every name under which something can be asked for: packages and what they provide.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let provided = self.provides.iter().map(|provide| self.text_of(provide.name));
        self.iter().map(|package| package.name()).chain(provided)
    }

    pub(crate) fn package(&self, id: RecordId) -> Package<'_> {
        let record = &self.records[id.at()];
        let text = &self.texts[usize::from(record.text)];
        Package::new(id, record, &text.body, text.archive)
    }

    /// Texts in their order, for whoever asks what was mentioned first.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(|text| text.body.as_str())
    }

    fn named(&self, name: &str) -> &[RecordId] {
        let from = self.by_name.partition_point(|id| self.name(*id) < name);
        let count = self.by_name[from..].partition_point(|id| self.name(*id) == name);
        &self.by_name[from..from + count]
    }

    fn best(&self) -> impl Iterator<Item = RecordId> {
        let same = |a: &RecordId, b: &RecordId| self.name(*a) == self.name(*b);
        let best = self.by_name.chunk_by(same).map(|versions| versions[0]);
        best.filter(|id| self.is_wanted(*id))
    }

    /// *`apt_preferences(5)`*: what counts for less than nothing is never installed.
    fn is_wanted(&self, id: RecordId) -> bool {
        self.priorities[id.at()] > 0
    }

    fn all_priorities(&self, pins: &Pins) -> Vec<i16> {
        let priority = |record: &Record| {
            let text = &self.texts[usize::from(record.text)];
            let archive = self.archives.get(text.archive);
            if pins.is_empty() {
                return pins::usual(archive);
            }
            let package = Package::new(RecordId(0), record, &text.body, text.archive);
            pins.priority(&Offer {
                name: package.name(),
                source: package.source().0,
                version: package.version(),
                archive,
                component: &text.component,
            })
        };
        self.records.iter().map(priority).collect()
    }

    fn name(&self, id: RecordId) -> &str {
        self.package(id).name()
    }

    fn text_of(&self, span: Span) -> &str {
        span.of(&self.texts[usize::from(span.text)].body)
    }

    fn sorted(&self) -> Vec<RecordId> {
        let count = u32::try_from(self.records.len()).unwrap_or(u32::MAX);
        let mut ids: Vec<RecordId> = (0..count).map(RecordId).collect();
        ids.sort_by(|a, b| {
            let (one, other) = (self.package(*a), self.package(*b));
            one.name()
                .cmp(other.name())
                .then_with(|| self.priorities[b.at()].cmp(&self.priorities[a.at()]))
                .then_with(|| version::compare(other.version(), one.version()))
                .then(a.cmp(b))
        });
        ids
    }

    fn all_provides(&self) -> Vec<Provide> {
        let mut provides: Vec<Provide> = Vec::new();
        for id in self.best() {
            let record = &self.records[id.at()];
            let text = &self.texts[usize::from(record.text)].body;
            provides.extend(scan::provides(record, text, id));
        }
        // The sort is stable: providers of one name stay in the order of their own names.
        provides.sort_by(|a, b| self.text_of(a.name).cmp(self.text_of(b.name)));
        provides
    }
}
