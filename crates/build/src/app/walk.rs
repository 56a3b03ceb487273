//! Looks through the folder: one listing for each folder, one look at each file.

use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::Path;

use lightship_base::ByteSize;
use lightship_codec::tar::display_path;
use lightship_dockerfile::ignore::Verdict;
use lightship_packages::parcel::{Content, ItemKind};

use super::file::ProjectFile;
use super::left_out::Count;
use super::{AppError, AppOptions, LARGE, LARGE_DATA, LeftOut, Rule, Warning, layout, rules};

/// A project of more files is none.
const MOST_FILES: usize = 500_000;

/// Something that goes into the image.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// From the project's folder.
    pub(super) path: Vec<u8>,
    /// A file or a link.
    pub(super) kind: ItemKind,
    /// Whether `include` asks for it.
    pub(super) included: bool,
}

/// Everything found.
pub(super) struct Walked {
    pub(super) found: Vec<Found>,
    pub(super) left_out: Vec<LeftOut>,
    pub(super) warnings: Vec<Warning>,
}

/// Looks through a project's folder.
pub(super) fn walk(folder: &Path, options: &AppOptions) -> Result<Walked, AppError> {
    let mut walk = Walk {
        root: folder,
        options,
        found: Vec::new(),
        count: Count::new(),
        warnings: Vec::new(),
    };
    let entries = walk.list(folder)?;
    walk.entries(folder, b"", entries, &State::default())?;
    let left_out = walk.count.finish();
    Ok(Walked { found: walk.found, left_out, warnings: walk.warnings })
}

/// What is known about a folder when what is in it is looked at.
#[derive(Debug, Clone, Default)]
struct State {
    include: Verdict,
    exclude: Verdict,
    ignore: Verdict,
    /// The rule that leaves the folder out, where something in it may come back.
    left: Option<Rule>,
}

impl State {
    fn included(&self) -> bool {
        self.include.excluded_by.is_some()
    }

    /// What the patterns say. `exclude` is stronger than `include`, and that than everything else.
    fn by_pattern(&self) -> Option<Rule> {
        if self.exclude.excluded_by.is_some() {
            Some(Rule::Exclude)
        } else if self.included() {
            None
        } else if self.ignore.excluded_by.is_some() {
            Some(Rule::DockerIgnore)
        } else {
            None
        }
    }
}

struct Walk<'a> {
    root: &'a Path,
    options: &'a AppOptions,
    found: Vec<Found>,
    count: Count,
    warnings: Vec<Warning>,
}

/// A name in a folder.
struct Entry {
    name: Vec<u8>,
    kind: fs::FileType,
}

impl Walk<'_> {
    /// What is in a folder, sorted.
    fn list(&self, folder: &Path) -> Result<Vec<Entry>, AppError> {
        let failed = |source| AppError::Io { attempted: "list", path: folder.to_owned(), source };
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            entries.push(Entry { name: entry.file_name().into_vec(), kind });
            if entries.len() + self.found.len() > MOST_FILES {
                return Err(AppError::TooMany { folder: self.root.to_owned(), most: MOST_FILES });
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn entries(
        &mut self,
        folder: &Path,
        above: &[u8],
        entries: Vec<Entry>,
        state: &State,
    ) -> Result<(), AppError> {
        for entry in entries {
            let path = match above {
                b"" => entry.name.clone(),
                _ => [above, b"/", &entry.name].concat(),
            };
            let place = folder.join(std::ffi::OsStr::from_bytes(&entry.name));
            let state = self.judge(&path, state);
            if entry.kind.is_dir() {
                self.folder(&place, &path, state)?;
            } else {
                self.file(&place, path, entry.kind, &state)?;
            }
        }
        Ok(())
    }

    /// What the patterns say about a name, given its folder.
    fn judge(&self, path: &[u8], above: &State) -> State {
        let text = String::from_utf8_lossy(path);
        State {
            include: self.options.include.judge(&text, &above.include),
            exclude: self.options.exclude.judge(&text, &above.exclude),
            ignore: self.options.ignore.judge(&text, &above.ignore),
            left: above.left,
        }
    }

    fn folder(&mut self, place: &Path, path: &[u8], mut state: State) -> Result<(), AppError> {
        let text = String::from_utf8_lossy(path).into_owned();
        let options = self.options;
        let excluded = state.exclude.excluded_by.is_some();
        if excluded && !options.exclude.may_return_below(&text) {
            self.count.folder(Rule::Exclude, &display_path(path), place);
            return Ok(());
        }
        let may_be_included = state.included() || options.include.may_match_below(&text);
        if let Some(rule) = state.by_pattern().or(state.left).filter(|_| !may_be_included) {
            let returns = rule == Rule::DockerIgnore && options.ignore.may_return_below(&text);
            if !returns && !excluded {
                self.count.folder(rule, &display_path(path), place);
                return Ok(());
            }
        }
        if !may_be_included && !layout::may_copy_below(&options.copies, &text) {
            self.count.folder(Rule::NotCopied, &display_path(path), place);
            return Ok(());
        }
        let entries = match self.list(place) {
            // What stays out need not be readable.
            Err(_) if state.left.is_some() => return Ok(()),
            entries => entries?,
        };
        if state.left.is_none() && !state.included() {
            state.left = default_rule(path, &entries);
            if let Some(rule) = state.left.filter(|_| !options.include.names_below(&text)) {
                if rule == Rule::Secret {
                    self.warnings
                        .push(Warning::Secret { path: format!("{}/", display_path(path)) });
                }
                self.count.folder(rule, &display_path(path), place);
                return Ok(());
            }
        }
        self.entries(place, path, entries, &state)
    }

    fn file(
        &mut self,
        place: &Path,
        path: Vec<u8>,
        kind: fs::FileType,
        state: &State,
    ) -> Result<(), AppError> {
        let failed = |source| AppError::Io { attempted: "read", path: place.to_owned(), source };
        let metadata = fs::symlink_metadata(place).map_err(failed)?;
        if let Some(rule) = self.why_not(place, &path, &metadata, state)? {
            if rule == Rule::Secret {
                self.warnings.push(Warning::Secret { path: display_path(&path) });
            }
            self.count.file(rule, || display_path(&path), metadata.len());
            return Ok(());
        }
        let included = state.included();
        let item = if kind.is_symlink() {
            let target = fs::read_link(place).map_err(failed)?.into_os_string().into_vec();
            stays_inside(&path, &target)?;
            ItemKind::Symlink(target)
        } else if kind.is_file() && metadata.is_file() {
            self.look_at_size(&path, ByteSize(metadata.len()));
            let runs = metadata.permissions().mode() & 0o111 != 0;
            let content = Content::new(ProjectFile::new(place.to_owned(), &metadata));
            ItemKind::File { mode: if runs { 0o755 } else { 0o644 }, content }
        } else {
            let kind = special(kind);
            return Err(AppError::Special { path: display_path(&path), kind });
        };
        self.found.push(Found { path, kind: item, included });
        Ok(())
    }

    /// The rule that keeps a file out.
    fn why_not(
        &self,
        place: &Path,
        path: &[u8],
        metadata: &fs::Metadata,
        state: &State,
    ) -> Result<Option<Rule>, AppError> {
        let by_pattern = state.by_pattern();
        if by_pattern.is_some() || state.included() {
            return Ok(by_pattern);
        }
        let mut parts = path.rsplit(|b| *b == b'/').map(String::from_utf8_lossy);
        let (name, above) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let by_name = || rules::file(&name).or_else(|| rules::file_in(&above, &name));
        if let Some(rule) = state.left.or_else(by_name) {
            return Ok(Some(rule));
        }
        if !layout::is_copied(&self.options.copies, path) {
            return Ok(Some(Rule::NotCopied));
        }
        let looked_at = metadata.is_file() && rules::may_hold_key(&name, metadata.len());
        let secret = looked_at && holds_key(place)?;
        Ok(secret.then_some(Rule::Secret))
    }

    fn look_at_size(&mut self, path: &[u8], size: ByteSize) {
        let name = String::from_utf8_lossy(path);
        if size >= LARGE_DATA && rules::is_data(&name) {
            self.warnings.push(Warning::Data { path: display_path(path), size });
        } else if size >= LARGE {
            self.warnings.push(Warning::Large { path: display_path(path), size });
        }
    }
}

fn default_rule(path: &[u8], entries: &[Entry]) -> Option<Rule> {
    let name = path.rsplit(|b| *b == b'/').next().unwrap_or(path);
    let name = String::from_utf8_lossy(name);
    let inside: Vec<_> = entries.iter().map(|entry| String::from_utf8_lossy(&entry.name)).collect();
    let inside: Vec<&str> = inside.iter().map(AsRef::as_ref).collect();
    rules::folder(&name, &inside)
}

fn holds_key(place: &Path) -> Result<bool, AppError> {
    let failed = |source| AppError::Io { attempted: "read", path: place.to_owned(), source };
    let mut head = Vec::new();
    let file = fs::File::open(place).map_err(failed)?;
    file.take(rules::KEY_HEAD).read_to_end(&mut head).map_err(failed)?;
    Ok(rules::holds_key(&head))
}

/// By its words, a link's target must be in the project: an absolute one means another place in every
/// image and on every machine.
fn stays_inside(path: &[u8], target: &[u8]) -> Result<(), AppError> {
    let mut depth = path.split(|b| *b == b'/').count() - 1;
    let inside = !target.starts_with(b"/")
        && target.split(|b| *b == b'/').all(|component| match component {
            b"" | b"." => true,
            b".." => match depth.checked_sub(1) {
                Some(above) => {
                    depth = above;
                    true
                }
                None => false,
            },
            _ => {
                depth += 1;
                true
            }
        });
    if inside {
        return Ok(());
    }
    Err(AppError::LinkOut { path: display_path(path), target: display_path(target) })
}

fn special(kind: fs::FileType) -> &'static str {
    if kind.is_socket() {
        "a socket"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_block_device() || kind.is_char_device() {
        "a device"
    } else {
        "no file any more"
    }
}
