//! Rules for one layer.

use std::collections::{HashMap, HashSet};
use std::io;

use lightship_base::{DiffId, Progress};

use super::{Gravity, Reporter, Rule, Violation, chain};
use crate::Error;
use crate::layer::{Layer, LayerFacts};
use crate::rootfs::whiteout::{Role, read_name};
use crate::tar::path::{PathError, RootPath, display_path};
use crate::tar::{Entry, EntryKind, GlobalHeaders, TarError, TarErrorKind, TarReader};

/// A layer that was looked at.
pub(super) struct Checked {
    /// Whether every byte of it could be read.
    pub(super) read_to_its_end: bool,
    /// What is wrong with it.
    pub(super) violations: Vec<Violation>,
}

/// Reads a layer to its last byte.
pub(super) fn check(layer: &Layer, progress: &dyn Progress) -> Result<Checked, Error> {
    let mut violations = Vec::new();
    let report = &mut Reporter::new(&mut violations, layer.name());
    let read = read(layer, progress, report);
    let read_to_its_end = read.is_ok();
    read.or_else(|error| report.failure(layer.explain(error)))?;
    Ok(Checked { read_to_its_end, violations })
}

fn read(layer: &Layer, progress: &dyn Progress, report: &mut Reporter<'_>) -> Result<(), Error> {
    let reader = layer.read_watched(format!("layer {}", layer.position() + 1), progress)?;
    let mut tar = TarReader::new(reader).global_headers(GlobalHeaders::Ignore);
    let mut paths = Paths::default();
    let end = loop {
        match tar.next_entry() {
            Ok(Some(entry)) => paths.check(&entry, report),
            Ok(None) => break tar.drain(),
            Err(error) => break Err(error),
        }
    };
    match end {
        Err(error) if matches!(error.kind, TarErrorKind::Io(_)) => {
            return Err(Error::Read { what: layer.name(), source: innermost(error) });
        }
        Err(error) => report.error(Rule::Tar, chain(&error)),
        Ok(()) => {}
    }
    // Also after a broken entry: digests may be right, and the tar was made like this.
    compare(layer, &tar.into_inner().finish_unverified()?, report);
    Ok(())
}

/// The stream's own failure, with its cause intact.
fn innermost(error: TarError) -> io::Error {
    match error.kind {
        TarErrorKind::Io(source) => source,
        _ => error.into(),
    }
}

fn compare(layer: &Layer, facts: &LayerFacts, report: &mut Reporter<'_>) {
    let descriptor = layer.descriptor();
    if facts.compressed_bytes != descriptor.size {
        // Reading stops behind the first byte too many.
        let found = match facts.compressed_bytes {
            bytes if bytes > descriptor.size => "more".to_owned(),
            bytes => format!("only {bytes}"),
        };
        report.error(
            Rule::Size,
            format!("its descriptor says {} bytes, it has {found}", descriptor.size),
        );
    }
    if facts.digest != descriptor.digest {
        report.error(Rule::Digest, format!("the digest of its bytes is {}", facts.digest));
    }
    if let Some(DiffId(expected)) = layer.diff_id()
        && expected != facts.diff_id.0
    {
        let message = format!("the config says diff ID {expected}, it is {}", facts.diff_id);
        report.error(Rule::DiffId, message);
    }
    if let Some(claimed) = descriptor.media_type.layer_compression()
        && claimed != facts.compression
    {
        let message = format!(
            "its type `{}` says {claimed}, its bytes are {}",
            descriptor.media_type, facts.compression
        );
        report.error(Rule::MediaType, message);
    }
}

/// The paths seen so far, by their normal form.
#[derive(Default)]
struct Paths {
    entries: HashMap<RootPath, EntryKind>,
    /// What whiteouts hide: their own names may be too long to be anything else's.
    hidden: HashSet<RootPath>,
}

impl Paths {
    fn check(&mut self, entry: &Entry, report: &mut Reporter<'_>) {
        let shown = format!("`{}`", display_path(&entry.path));
        let (path, role) = match read_path(entry) {
            Ok(read) => read,
            Err(error) => {
                let rule = match error {
                    PathError::ParentComponent(_) => Rule::Traversal,
                    PathError::ComponentTooLong(_)
                    | PathError::TooLong(_)
                    | PathError::Nul(_)
                    | PathError::NotAFolder => Rule::Tar,
                };
                return report.note(rule, Gravity::Error, Some(shown), error.to_string());
            }
        };
        if entry.path.first() == Some(&b'/') {
            let message = "its path begins with a slash".to_owned();
            report.note(Rule::AbsolutePath, Gravity::Warning, Some(shown.clone()), message);
        }
        whiteout(&role, entry, &shown, report);
        if entry.kind == EntryKind::HardLink {
            self.hard_link(entry, &shown, report);
        }
        let is_new = match role {
            Role::Whiteout(hidden) => self.hidden.insert(hidden),
            Role::Adds | Role::Opaque(_) | Role::Ignored | Role::Malformed => {
                self.entries.insert(path, entry.kind).is_none()
            }
        };
        if !is_new {
            let message = "its path stands more than once in this layer".to_owned();
            report.note(Rule::DuplicatePath, Gravity::Error, Some(shown), message);
        }
    }

    fn hard_link(&self, entry: &Entry, shown: &str, report: &mut Reporter<'_>) {
        let target = display_path(&entry.link_target);
        let (rule, gravity, message) = match RootPath::parse(&entry.link_target) {
            Err(_) => (
                Rule::Traversal,
                Gravity::Error,
                format!("it is a hard link to `{target}`, which leaves the root"),
            ),
            Ok(path) => match self.entries.get(&path) {
                Some(EntryKind::Directory) => (
                    Rule::HardLink,
                    Gravity::Error,
                    format!("it is a hard link to the folder `{target}`"),
                ),
                Some(_) => return,
                None => (
                    Rule::HardLink,
                    Gravity::Warning,
                    format!(
                        "it is a hard link to `{target}`, which is not before it in this layer"
                    ),
                ),
            },
        };
        report.note(rule, gravity, Some(shown.to_owned()), message);
    }
}

/// An entry's path and role, as everybody who reads layers takes them.
fn read_path(entry: &Entry) -> Result<(RootPath, Role), PathError> {
    let (path, role) = read_name(&entry.path)?;
    if path.is_root() && entry.kind != EntryKind::Directory {
        return Err(PathError::NotAFolder);
    }
    Ok((path, role))
}

fn whiteout(role: &Role, entry: &Entry, shown: &str, report: &mut Reporter<'_>) {
    let message = match role {
        Role::Malformed => "it is a whiteout that hides nothing".to_owned(),
        Role::Whiteout(_) | Role::Opaque(_) if entry.kind != EntryKind::File => {
            "it is a whiteout but no regular file".to_owned()
        }
        Role::Whiteout(_) | Role::Opaque(_) if entry.size > 0 => {
            format!("it is a whiteout but has {} bytes of content", entry.size)
        }
        Role::Adds | Role::Ignored | Role::Whiteout(_) | Role::Opaque(_) => return,
    };
    report.note(Rule::Whiteout, Gravity::Error, Some(shown.to_owned()), message);
}
