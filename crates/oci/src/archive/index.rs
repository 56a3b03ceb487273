//! Where each file of a tar archive is.

use std::collections::HashMap;
use std::io::{BufRead, Seek};

use crate::tar::{
    BLOCK, EntryKind, Limits, PathError, RootPath, TarError, TarErrorKind, TarReader,
};

/// One pass over an archive's headers: which files there are, and where their bytes lie. Links between
/// entries are followed inside the archive and never leave it.
#[derive(Debug, Default)]
pub struct ArchiveIndex {
    members: HashMap<RootPath, Member>,
}

/// Where a file's bytes lie in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Bytes before it.
    pub offset: u64,
    /// How many it has.
    pub length: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Member {
    File(Extent),
    /// Its bytes are not in one piece.
    SparseFile,
    /// Stored twice: readers differ in which one counts, so neither does.
    Ambiguous,
    /// As written; relative to its own folder.
    Symlink(Vec<u8>),
    /// Relative to the root.
    HardLink(Vec<u8>),
    Folder,
    /// A device or FIFO.
    Other,
}

/// Why an archive, or a file in it, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveIndexError {
    /// The tar is broken.
    #[error(transparent)]
    Tar(#[from] TarError),
    /// An entry's path leaves the archive.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The file is there more than once.
    #[error("`{0}` is in the archive more than once")]
    Ambiguous(String),
    /// A link points out of the archive.
    #[error("`{0}` is reached through a link that leaves the archive")]
    Escape(String),
    /// Links lead in circles, or on and on.
    #[error("`{0}` is reached through too many links")]
    TooManyLinks(String),
    /// It is a folder, a device, or stored as a sparse file.
    #[error("`{path}` is {kind}, not a file with bytes in one piece")]
    NotAFile {
        /// Which.
        path: String,
        /// What it is.
        kind: &'static str,
    },
}

/// An image's archive has a few entries per layer. Indexing more costs memory for nothing.
const MAX_ENTRIES: u64 = 100_000;

/// As in Linux (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

impl ArchiveIndex {
    /// Reads all headers, seeking over what lies between them.
    pub fn read(archive: impl BufRead + Seek) -> Result<Self, ArchiveIndexError> {
        let limits = Limits { max_entries: MAX_ENTRIES, ..Limits::default() };
        let mut reader = TarReader::with_limits(archive, limits);
        let mut index = Self::default();
        while let Some(entry) = reader.next_entry_seeking()? {
            let path = RootPath::parse(&entry.path)?;
            let member = match entry.kind {
                EntryKind::File if entry.sparse.is_some() => Member::SparseFile,
                EntryKind::File => {
                    Member::File(Extent { offset: reader.position(), length: entry.size })
                }
                EntryKind::Symlink => Member::Symlink(entry.link_target),
                EntryKind::HardLink => Member::HardLink(entry.link_target),
                EntryKind::Directory => Member::Folder,
                EntryKind::CharDevice | EntryKind::BlockDevice | EntryKind::Fifo => Member::Other,
            };
            index.add(path, member);
        }
        Ok(index)
    }

    /// A folder may be listed again, and a link that says the same again is no harm.
    fn add(&mut self, path: RootPath, member: Member) {
        let is_file = matches!(member, Member::File(_) | Member::SparseFile);
        match self.members.get(&path) {
            Some(there) if is_file || *there != member => {
                self.members.insert(path, Member::Ambiguous);
            }
            Some(_) => {}
            None => {
                self.members.insert(path, member);
            }
        }
    }

    /// Whether there is anything of that name; it may still be no file.
    pub fn contains(&self, path: &str) -> bool {
        RootPath::parse(path.as_bytes()).is_ok_and(|path| self.members.contains_key(&path))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Where the file of that name lies, links followed; none if there is no such file. `path` may
    /// come from an untrusted document.
    pub fn find(&self, path: &[u8]) -> Result<Option<Extent>, ArchiveIndexError> {
        let mut at = RootPath::parse(path)?;
        let name = || crate::tar::display_path(path);
        let mut links = 0;
        loop {
            if let Some(next) = self.follow(&at).ok_or_else(|| ArchiveIndexError::Escape(name()))? {
                links += 1;
                if links > MAX_LINKS {
                    return Err(ArchiveIndexError::TooManyLinks(name()));
                }
                at = next;
                continue;
            }
            let not_a_file = |kind| Err(ArchiveIndexError::NotAFile { path: name(), kind });
            return match self.members.get(&at) {
                None => Ok(None),
                Some(Member::File(extent)) => Ok(Some(*extent)),
                Some(Member::Ambiguous) => Err(ArchiveIndexError::Ambiguous(name())),
                Some(Member::SparseFile) => not_a_file("a sparse file"),
                Some(Member::Folder) => not_a_file("a folder"),
                Some(Member::Other) => not_a_file("a device or FIFO"),
                // `follow` goes on until there is no link left.
                Some(Member::Symlink(_) | Member::HardLink(_)) => not_a_file("a link"),
            };
        }
    }

    /// Replaces the first link on the way to `path` by where it points. The inner `None`: there is no
    /// link on the way. The outer one: it points out of the archive.
    #[expect(clippy::option_option, reason = "two questions with two answers")]
    fn follow(&self, path: &RootPath) -> Option<Option<RootPath>> {
        let components: Vec<&[u8]> = path.components().collect();
        let mut prefix = RootPath::root();
        for (depth, component) in components.iter().enumerate() {
            let folder = prefix.clone();
            prefix = prefix.join(component).ok()?;
            let (start, target) = match self.members.get(&prefix) {
                Some(Member::Symlink(target)) => (folder, target),
                Some(Member::HardLink(target)) => (RootPath::root(), target),
                _ => continue,
            };
            let mut steps = climb(&start, target)?;
            for rest in &components[depth + 1..] {
                steps = steps.join(rest).ok()?;
            }
            return Some(Some(steps));
        }
        Some(None)
    }
}

/// Where `target` leads from `folder`; none if out of the root. An absolute target leaves the archive
/// too: whoever unpacks it would end up somewhere on the machine.
fn climb(folder: &RootPath, target: &[u8]) -> Option<RootPath> {
    if target.starts_with(b"/") {
        return None;
    }
    let mut at = folder.clone();
    for step in target.split(|byte| *byte == b'/') {
        at = match step {
            b"" | b"." => at,
            b".." => at.parent()?,
            name => at.join(name).ok()?,
        };
    }
    Some(at)
}

impl ArchiveIndexError {
    /// Whether the very first header was none, so that this is no tar at all.
    pub(crate) fn is_no_tar(&self) -> bool {
        let Self::Tar(TarError { offset, kind, .. }) = self else { return false };
        match kind {
            TarErrorKind::BadChecksum => *offset == 0,
            TarErrorKind::UnexpectedEnd(_) => *offset < BLOCK,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::tar::{Entry, TarWriter};

    fn link(path: &str, kind: EntryKind, target: &str) -> (Entry, &'static [u8]) {
        (Entry { link_target: target.into(), ..Entry::new(path, kind) }, b"")
    }

    fn file(path: &str, content: &'static [u8]) -> (Entry, &'static [u8]) {
        let size = content.len() as u64;
        (Entry { size, real_size: size, ..Entry::new(path, EntryKind::File) }, content)
    }

    fn index(entries: &[(Entry, &[u8])]) -> (ArchiveIndex, Vec<u8>) {
        let mut writer = TarWriter::new(Vec::new());
        for (entry, content) in entries {
            writer.append(entry, &mut &content[..]).unwrap();
        }
        let archive = writer.finish().unwrap();
        (ArchiveIndex::read(Cursor::new(&archive)).unwrap(), archive)
    }

    #[test]
    fn files_are_found_where_they_lie() {
        let (index, archive) = index(&[
            (Entry::new("./a/", EntryKind::Directory), b""),
            file("./a/layer.tar", b"some bytes"),
            file("/top", b"more"),
        ]);
        for (path, content) in [("a/layer.tar", &b"some bytes"[..]), ("./top", b"more")] {
            let extent = index.find(path.as_bytes()).unwrap().unwrap();
            let start = usize::try_from(extent.offset).unwrap();
            assert_eq!(&archive[start..start + content.len()], content);
            assert_eq!(extent.length, content.len() as u64);
        }
        assert_eq!(index.find(b"absent").unwrap(), None);
        assert!(index.contains("a/layer.tar") && !index.contains("a/b"));
        let found = index.find(b"a").unwrap_err();
        assert!(matches!(found, ArchiveIndexError::NotAFile { kind: "a folder", .. }));
    }

    #[test]
    fn links_are_followed_inside_the_archive() {
        let (index, _) = index(&[
            file("1/layer.tar", b"bytes"),
            link("2/layer.tar", EntryKind::Symlink, "../1/layer.tar"),
            link("3/layer.tar", EntryKind::Symlink, "./../2//layer.tar"),
            link("hard", EntryKind::HardLink, "./1/layer.tar"),
            link("folder", EntryKind::Symlink, "1"),
            link("3/hard", EntryKind::HardLink, "folder/layer.tar"),
        ]);
        let there = index.find(b"1/layer.tar").unwrap();
        assert!(there.is_some());
        for path in ["2/layer.tar", "3/layer.tar", "hard", "folder/layer.tar", "3/hard"] {
            assert_eq!(index.find(path.as_bytes()).unwrap(), there, "{path}");
        }
    }

    #[test]
    fn links_never_lead_out_or_in_circles() {
        let (index, _) = index(&[
            link("up", EntryKind::Symlink, "../secret"),
            link("a/up", EntryKind::Symlink, "../../etc/passwd"),
            link("absolute", EntryKind::Symlink, "/etc/passwd"),
            link("hard", EntryKind::HardLink, "../x"),
            link("circle", EntryKind::Symlink, "elcric"),
            link("elcric", EntryKind::Symlink, "circle"),
            link("deeper", EntryKind::Symlink, "deeper/deeper"),
            link("nowhere", EntryKind::Symlink, "absent"),
        ]);
        for path in ["up", "a/up", "absolute", "hard"] {
            let found = index.find(path.as_bytes()).unwrap_err();
            assert!(matches!(found, ArchiveIndexError::Escape(_)), "{path}: {found}");
        }
        for path in ["circle", "deeper"] {
            let found = index.find(path.as_bytes()).unwrap_err();
            assert!(matches!(found, ArchiveIndexError::TooManyLinks(_)), "{path}: {found}");
        }
        assert_eq!(index.find(b"nowhere").unwrap(), None);
        assert!(matches!(index.find(b"../up"), Err(ArchiveIndexError::Path(_))));
    }

    #[test]
    fn what_is_there_twice_is_refused() {
        let (index, _) = index(&[
            file("manifest.json", b"[]"),
            file("./manifest.json", b"{}"),
            (Entry::new("d", EntryKind::Directory), b""),
            (Entry::new("d/", EntryKind::Directory), b""),
            link("l", EntryKind::Symlink, "x"),
            link("l", EntryKind::Symlink, "y"),
        ]);
        for path in ["manifest.json", "l"] {
            let found = index.find(path.as_bytes()).unwrap_err();
            assert!(matches!(found, ArchiveIndexError::Ambiguous(_)), "{found}");
        }
        assert!(matches!(index.find(b"d"), Err(ArchiveIndexError::NotAFile { .. })));
    }

    #[test]
    fn paths_that_climb_and_floods_of_entries_are_refused() {
        let mut writer = TarWriter::new(Vec::new());
        writer.append(&Entry::new("a/../../b", EntryKind::Fifo), &mut &b""[..]).unwrap();
        let archive = writer.finish().unwrap();
        let found = ArchiveIndex::read(Cursor::new(archive)).unwrap_err();
        assert!(matches!(found, ArchiveIndexError::Path(PathError::ParentComponent(_))));

        let mut writer = TarWriter::new(Vec::new());
        let entry = Entry::new("same", EntryKind::Directory);
        for _ in 0..=MAX_ENTRIES {
            writer.append(&entry, &mut &b""[..]).unwrap();
        }
        let archive = writer.finish().unwrap();
        let found = ArchiveIndex::read(Cursor::new(archive)).unwrap_err();
        assert!(found.to_string().contains("more than 100000 entries"), "{found}");
    }
}
