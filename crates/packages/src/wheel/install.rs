//! Installing a wheel: its files at their places in an image (*Binary distribution format, Installing a
//! wheel; Recording installed projects*). Nothing is unpacked here; what comes out is a parcel.

use std::collections::BTreeMap;

use lightship_base::Digest;
use lightship_codec::tar::{RootPath, display_path};

use super::archive::check_folders;
use super::entry_points::is_program_name;
use super::error::{Error, Flaw};
use super::open::{Wheel, WheelFile, unreadable};
use super::record::{Table, relative};
use super::scheme::{InstallOptions, Scheme};
use super::shebang;
use crate::parcel::{Content, Item, ItemKind, Origin, PackageId, Parcel};

/// A wheel's files at their places.
///
/// RECORD is not among them: pruning may still drop and change files. Whoever writes them makes it last,
/// with [`Installed::record`], and puts it at [`Installed::record_path`].
#[derive(Debug, Clone)]
pub struct Installed {
    /// Every file but RECORD, in order.
    pub parcel: Parcel,
    /// Where RECORD belongs.
    pub record_path: RootPath,
    /// Programs that were not asked for, by name, in order.
    pub left_out: Vec<String>,
    /// What the bytes of each file are, as they were installed.
    known: BTreeMap<RootPath, (Digest, u64)>,
    /// The folder that paths in RECORD are relative to.
    site: RootPath,
}

impl Installed {
    /// RECORD for what became of the parcel. Of each file, `digest_of` tells digest and size where it was
    /// changed or added; where it answers `None`, the wheel's own hold, and nothing needs to be read. A
    /// file that neither knows is listed without a digest, as the specification allows.
    pub fn record<'a>(
        &self,
        items: impl IntoIterator<Item = &'a Item>,
        digest_of: &dyn Fn(&RootPath) -> Option<(Digest, u64)>,
    ) -> Vec<u8> {
        let mut table = Table::default();
        for item in items {
            let bytes = match &item.kind {
                ItemKind::Folder { .. } => continue,
                ItemKind::Symlink(_) => None,
                ItemKind::File { .. } => {
                    digest_of(&item.path).or_else(|| self.known.get(&item.path).copied())
                }
            };
            if item.path != self.record_path {
                table.add(relative(&item.path, &self.site), bytes);
            }
        }
        table.add(relative(&self.record_path, &self.site), None);
        table.into_bytes()
    }

    /// For whoever makes RECORD from what was written.
    pub fn record_maker(&self) -> RecordMaker {
        RecordMaker { path: self.record_path.clone(), site: self.site.clone() }
    }

    /// The whole, RECORD included, for whoever changes nothing.
    pub fn into_parcel(self) -> Parcel {
        let record = self.record(&self.parcel.items, &|_| None);
        let mut parcel = self.parcel;
        parcel.items.push(Item::made(self.record_path, record));
        parcel.items.sort_by(|one, other| one.path.cmp(&other.path));
        parcel
    }
}

/// Makes RECORD for whoever knows all files with their bytes: an image's writer, at the end.
#[derive(Debug, Clone)]
pub struct RecordMaker {
    path: RootPath,
    site: RootPath,
}

impl RecordMaker {
    /// Where RECORD belongs.
    pub fn path(&self) -> &RootPath {
        &self.path
    }

    /// RECORD over files with digest and size; of RECORD itself, should it be among them, it tells nothing.
    pub fn make<'a>(
        &self,
        files: impl IntoIterator<Item = (&'a RootPath, Digest, u64)>,
    ) -> Vec<u8> {
        let mut table = Table::default();
        for (path, digest, size) in files {
            if *path != self.path {
                table.add(relative(path, &self.site), Some((digest, size)));
            }
        }
        table.add(relative(&self.path, &self.site), None);
        table.into_bytes()
    }
}

/// Installs a wheel. Reads the first bytes of its scripts and nothing else.
pub fn install(
    wheel: &Wheel,
    scheme: &Scheme,
    options: &InstallOptions,
) -> Result<Installed, Error> {
    let site = if wheel.root_is_purelib() { &scheme.purelib } else { &scheme.platlib };
    let mut installation = Installation {
        wheel,
        scheme,
        options,
        site,
        items: BTreeMap::new(),
        known: BTreeMap::new(),
        left_out: Vec::new(),
    };
    installation.check_interpreter()?;
    for file in wheel.files() {
        installation.file(file)?;
    }
    installation.programs()?;
    installation.notes();
    installation.finish()
}

/// Files of an installation that a wheel does not bring: they tell of the installer and its orders.
const INSTALLERS_OWN: [&[u8]; 3] = [b"INSTALLER", b"REQUESTED", b"direct_url.json"];

struct Installation<'a> {
    wheel: &'a Wheel,
    scheme: &'a Scheme,
    options: &'a InstallOptions,
    /// Where what lies at the wheel's top goes.
    site: &'a RootPath,
    items: BTreeMap<RootPath, Item>,
    known: BTreeMap<RootPath, (Digest, u64)>,
    left_out: Vec<String>,
}

impl Installation<'_> {
    fn check_interpreter(&self) -> Result<(), Error> {
        // The kernel reads 127 bytes of a first line (older ones), and splits it at white space.
        let interpreter = &self.scheme.interpreter;
        let sound = interpreter.starts_with('/')
            && interpreter.len() < 120
            && interpreter.bytes().all(|byte| byte.is_ascii_graphic());
        sound.then_some(()).ok_or_else(|| Error::Interpreter {
            wheel: self.wheel.name().to_string(),
            interpreter: display_path(interpreter.as_bytes()),
        })
    }

    fn file(&mut self, file: &WheelFile) -> Result<(), Error> {
        if let Some(data) = self.wheel.data()
            && file.path.starts_with(data)
        {
            return self.data_file(file);
        }
        let own = file.path.starts_with(self.wheel.dist_info())
            && file.path.components().count() == 2
            && file.path.file_name().is_some_and(|name| INSTALLERS_OWN.contains(&name));
        if own {
            return Ok(());
        }
        self.place(self.site, file.path.components(), file, file.content.clone(), None)
    }

    /// A file below `name-version.data`: the next component says where it goes.
    fn data_file(&mut self, file: &WheelFile) -> Result<(), Error> {
        let mut parts = file.path.components().skip(1).peekable();
        let key = parts.next().unwrap_or_default();
        let shown = || display_path(file.path.as_bytes());
        if parts.peek().is_none() {
            return Err(self.wheel.refuse(Flaw::UnknownScheme(shown())));
        }
        let headers;
        let folder = match key {
            b"purelib" => &self.scheme.purelib,
            b"platlib" => &self.scheme.platlib,
            b"data" => &self.scheme.data,
            b"headers" => {
                let own = self.wheel.name().distribution().as_bytes();
                headers = child(&self.scheme.headers, std::iter::once(own));
                &headers
            }
            b"scripts" => return self.script(file),
            _ => return Err(self.wheel.refuse(Flaw::UnknownScheme(shown()))),
        };
        let path = child(folder, file.path.components().skip(2));
        if self.describes(&path) {
            return Err(self.wheel.refuse(Flaw::Describes(shown())));
        }
        self.place(folder, parts, file, file.content.clone(), None)
    }

    /// A program that the wheel brings whole.
    fn script(&mut self, file: &WheelFile) -> Result<(), Error> {
        let name = String::from_utf8_lossy(file.path.file_name().unwrap_or_default()).into_owned();
        if !self.wanted(&name)? {
            return Ok(());
        }
        let interpreter = &self.scheme.interpreter;
        let rewritten = shebang::rewrite(&file.content, interpreter)
            .map_err(|source| unreadable(self.wheel.name(), source))?;
        let changed = rewritten.as_ref().map(|(_, digest)| *digest);
        let content = rewritten.map_or_else(|| file.content.clone(), |(content, _)| content);
        self.place(&self.scheme.scripts, file.path.components().skip(2), file, content, changed)?;
        let path = child(&self.scheme.scripts, file.path.components().skip(2));
        if let Some(Item { kind: ItemKind::File { mode, .. }, .. }) = self.items.get_mut(&path) {
            *mode = 0o755;
        }
        Ok(())
    }

    fn wanted(&mut self, name: &str) -> Result<bool, Error> {
        if !self.options.scripts.wants(name) {
            self.left_out.push(name.to_owned());
            return Ok(false);
        }
        if !is_program_name(name) || is_interpreters(name) {
            let flaw = Flaw::Interpreter(display_path(name.as_bytes()));
            return Err(self.wheel.refuse(flaw));
        }
        Ok(true)
    }

    /// The programs of its entry points. One that the wheel brings whole, too, is taken as it brings it.
    fn programs(&mut self) -> Result<(), Error> {
        for point in self.wheel.entry_points() {
            if !self.wanted(&point.name)? {
                continue;
            }
            let path = child(&self.scheme.scripts, std::iter::once(point.name.as_bytes()));
            if !self.items.contains_key(&path) {
                self.made(path, point.script(&self.scheme.interpreter), 0o755);
            }
        }
        Ok(())
    }

    fn notes(&mut self) {
        let folder = child(self.site, self.wheel.dist_info().components());
        let path = |name: &[u8]| child(&folder, std::iter::once(name));
        self.made(path(b"INSTALLER"), b"lightship\n".to_vec(), 0o644);
        if self.options.requested {
            self.made(path(b"REQUESTED"), Vec::new(), 0o644);
        }
    }

    fn made(&mut self, path: RootPath, bytes: Vec<u8>, mode: u32) {
        self.known.insert(path.clone(), (Digest::of(&bytes), bytes.len() as u64));
        let kind = ItemKind::File { mode, content: Content::bytes(bytes) };
        self.items.insert(path.clone(), Item { path, kind });
    }

    /// Puts a file of the wheel below a folder. `changed` is its digest where the bytes are not RECORD's.
    fn place<'p>(
        &mut self,
        folder: &RootPath,
        parts: impl Iterator<Item = &'p [u8]>,
        file: &WheelFile,
        content: Content,
        changed: Option<Digest>,
    ) -> Result<(), Error> {
        let path = child(folder, parts);
        let refuse =
            |flaw: fn(String) -> Flaw| Err(self.wheel.refuse(flaw(display_path(path.as_bytes()))));
        if self.is_interpreters(&path) {
            return refuse(Flaw::Interpreter);
        }
        if self.items.contains_key(&path) {
            return refuse(Flaw::Collision);
        }
        let digest = changed.unwrap_or(file.digest);
        self.known.insert(path.clone(), (digest, content.size()));
        let mode = if file.executable { 0o755 } else { 0o644 };
        let kind = ItemKind::File { mode, content };
        self.items.insert(path.clone(), Item { path, kind });
        Ok(())
    }

    /// Whether a path lies in a folder that describes a distribution. Nothing gets there by a detour: it
    /// could pass for what an installer writes, or for another distribution.
    fn describes(&self, path: &RootPath) -> bool {
        [&self.scheme.purelib, &self.scheme.platlib].iter().any(|site| {
            let mut below = path.components().skip(site.components().count());
            let folder = below.next().unwrap_or_default().to_ascii_lowercase();
            path.starts_with(site) && folder.ends_with(b".dist-info")
        })
    }

    /// Whether a path is the interpreter, one of its names, or lies in the folder of its standard library
    /// outside of what distributions may fill.
    fn is_interpreters(&self, path: &RootPath) -> bool {
        let scheme = self.scheme;
        let program = RootPath::parse(scheme.interpreter.as_bytes()).is_ok_and(|own| own == *path);
        let name = path.file_name().map(String::from_utf8_lossy).unwrap_or_default();
        let named = path.parent().is_some_and(|folder| folder == scheme.scripts);
        let sites = [&scheme.purelib, &scheme.platlib];
        let library = sites.iter().any(|site| {
            site.parent().is_some_and(|folder| !folder.is_root() && path.starts_with(&folder))
        });
        program
            || named && is_interpreters(&name)
            || library && !sites.iter().any(|site| path.starts_with(site))
    }

    fn finish(self) -> Result<Installed, Error> {
        check_folders(self.items.keys()).map_err(|flaw| self.wheel.refuse(flaw))?;
        let name = self.wheel.name();
        let package = PackageId {
            origin: Origin::Python,
            name: name.distribution().to_owned(),
            version: self.wheel.metadata().version.clone(),
        };
        let describing = child(self.site, self.wheel.dist_info().components());
        let record_path = child(&describing, std::iter::once(&b"RECORD"[..]));
        let mut left_out = self.left_out;
        left_out.sort();
        left_out.dedup();
        Ok(Installed {
            parcel: Parcel { package, items: self.items.into_values().collect() },
            record_path,
            left_out,
            known: self.known,
            site: self.site.clone(),
        })
    }
}

/// A path below a folder, from components of paths that were checked.
fn child<'a>(folder: &RootPath, parts: impl Iterator<Item = &'a [u8]>) -> RootPath {
    let mut components: Vec<&[u8]> = folder.components().collect();
    for part in parts {
        components.push(part);
    }
    RootPath::from_components(components.into_iter())
}

/// `python`, `python3`, `python3.11`, `python3.11-config` and the like are the interpreter's own.
fn is_interpreters(program: &str) -> bool {
    let Some(rest) = program.strip_prefix("python") else { return false };
    let version = rest.strip_suffix("-config").unwrap_or(rest).trim_end_matches('t');
    version.chars().all(|c| c.is_ascii_digit() || c == '.')
}
