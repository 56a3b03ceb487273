//! Which file of an archive is what.

use std::collections::BTreeMap;

use lightship_base::ByteSize;
use lightship_codec::tar::RootPath;
use lightship_packages::elf::Needs;
use lightship_packages::parcel::{Item, ItemKind};

use super::Error;
use crate::base::Category;
use crate::report::Dropped;

/// The folder that holds everything.
const ROOT: &[u8] = b"python";

/// No list of files or header that is read here has more bytes.
const MOST_BYTES: u64 = 16 << 20;

/// What was found in an archive.
#[derive(Debug)]
pub(super) struct Layout {
    /// Of its items the interpreter.
    pub(super) program: usize,
    /// What the interpreter is called: `python3.12`.
    pub(super) name: String,
    /// The folder of its library: the same, with a `t` for one without the global lock.
    pub(super) library: String,
    /// `(3, 12)`.
    pub(super) series: (u32, u32),
    /// `3.12.4`, or `3.12` where the archive does not say more.
    pub(super) version: String,
}

/// A path below `python/`.
pub(super) fn inside(path: &RootPath) -> Option<RootPath> {
    let mut components = path.components();
    (components.next()? == ROOT).then(|| RootPath::from_components(components))
}

/// A path that was made here.
pub(super) fn path(text: &str) -> RootPath {
    RootPath::parse(text.as_bytes()).unwrap_or_default()
}

/// Places below `python/` that images do without, with the categories that they go with. `*` stands for any
/// end of a component; `V` for the library's folder.
const PLACES: [(&str, Category); 36] = [
    ("bin/2to3*", Category::Programs),
    ("bin/idle*", Category::Tk),
    ("bin/pip*", Category::Packaging),
    ("bin/pydoc*", Category::Programs),
    ("bin/python-config", Category::Development),
    ("bin/python3-config", Category::Development),
    ("bin/tclsh*", Category::Tk),
    ("bin/wish*", Category::Tk),
    ("include", Category::Development),
    ("lib/V/EXTERNALLY-MANAGED", Category::Packaging),
    ("lib/V/*/test", Category::Tests),
    ("lib/V/*/tests", Category::Tests),
    ("lib/V/config-*", Category::Development),
    ("lib/V/ensurepip", Category::Packaging),
    ("lib/V/idlelib", Category::Tk),
    ("lib/V/lib-dynload/_ctypes_test*", Category::Tests),
    ("lib/V/lib-dynload/_test*", Category::Tests),
    ("lib/V/lib-dynload/_tkinter*", Category::Tk),
    ("lib/V/test", Category::Tests),
    ("lib/V/tkinter", Category::Tk),
    ("lib/V/turtle.py", Category::Tk),
    ("lib/V/turtledemo", Category::Tk),
    ("lib/itcl*", Category::Tk),
    ("lib/libitcl*", Category::Tk),
    ("lib/libtcl*", Category::Tk),
    ("lib/libtk*", Category::Tk),
    ("lib/pkgconfig", Category::Development),
    ("lib/tcl*", Category::Tk),
    ("lib/tdbc*", Category::Tk),
    ("lib/thread*", Category::Tk),
    ("lib/tk*", Category::Tk),
    ("share/applications", Category::Menus),
    ("share/doc", Category::Docs),
    ("share/info", Category::Info),
    ("share/man", Category::Man),
    ("share/pixmaps", Category::Menus),
];

impl Layout {
    /// Finds the interpreter. A link that leads out of the archive, or anything beside its one folder, is an
    /// error: it is not what it says to be.
    pub(super) fn of(items: &[Item], file: &str) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Layout { file: file.to_owned(), reason };
        for item in items {
            if item.path.components().next() != Some(ROOT) {
                return Err(wrong(format!("{} is not below `python/`", item.path)));
            }
            if let ItemKind::Symlink(target) = &item.kind
                && leads_out(&item.path, target)
            {
                return Err(wrong(format!("the link {} leads out of it", item.path)));
            }
        }
        let found = items.iter().enumerate().filter_map(|(at, item)| {
            let inside = inside(&item.path)?;
            let parts: Vec<&[u8]> = inside.components().collect();
            let [b"bin", name] = parts[..] else { return None };
            let series = series(name)?;
            matches!(item.kind, ItemKind::File { mode, .. } if mode & 0o111 != 0)
                .then(|| (series, at, String::from_utf8_lossy(name).into_owned()))
        });
        // A build without the global lock may have both names for one program.
        let (series, program, name) = found
            .min_by_key(|(_, _, name)| name.len())
            .ok_or_else(|| wrong("it has no program `python/bin/python3.N`".to_owned()))?;
        let plain = format!("python{}.{}", series.0, series.1);
        let has = |folder: &str| {
            let module = path(&format!("python/lib/{folder}/os.py"));
            items.iter().any(|item| item.path == module)
        };
        let library = [plain.clone(), format!("{plain}t")].into_iter().find(|name| has(name));
        let library = library
            .ok_or_else(|| wrong(format!("it has no standard library in `python/lib/{plain}`")))?;
        let version =
            version(items, &library).unwrap_or_else(|| format!("{}.{}", series.0, series.1));
        Ok(Self { program, name, library, series, version })
    }

    /// Why a file, by its path below `python/`, is not in an image.
    pub(super) fn category(&self, inside: &RootPath, needs_library: bool) -> Option<Category> {
        let parts: Vec<&[u8]> = inside.components().collect();
        if let [b"bin", name] = parts[..]
            && name.starts_with(self.name.as_bytes())
            && name != self.name.as_bytes()
        {
            // `python3.12-config`, and scripts for debuggers. `python3.13t` beside `python3.13` is a link.
            return (name != self.library.as_bytes()).then_some(Category::Development);
        }
        if let [b"lib", name] = parts[..]
            && name.starts_with(b"libpython3")
            && !needs_library
        {
            return Some(Category::Development);
        }
        let place = PLACES.iter().find(|(rule, _)| self.is_within(&parts, rule));
        place.map(|(_, category)| *category)
    }

    fn is_within(&self, parts: &[&[u8]], rule: &str) -> bool {
        let mut parts = parts.iter();
        rule.split('/').all(|wanted| match (parts.next(), wanted.strip_suffix('*')) {
            (Some(part), _) if wanted == "V" => *part == self.library.as_bytes(),
            (Some(part), Some(start)) => part.starts_with(start.as_bytes()),
            (Some(part), None) => *part == wanted.as_bytes(),
            (None, _) => false,
        })
    }

    /// Whether a path below `python/` is one of a distribution's that came along.
    pub(super) fn is_distribution(&self, inside: &RootPath) -> bool {
        let site = path(&format!("lib/{}/site-packages", self.library));
        *inside != site && inside.starts_with(&site)
    }

    /// Distributions that came along, with what their lists of files say that they weigh.
    pub(super) fn distributions(&self, items: &[Item]) -> Vec<Dropped> {
        let site = path(&format!("python/lib/{}/site-packages", self.library));
        let sizes: BTreeMap<&RootPath, u64> =
            items.iter().map(|item| (&item.path, item.size())).collect();
        let records = items.iter().filter(|item| item.path.file_name() == Some(b"RECORD"));
        let mut dropped: Vec<Dropped> = records
            .filter_map(|item| {
                let folder = item.path.parent()?;
                let name = String::from_utf8_lossy(folder.file_name()?).into_owned();
                let (name, version) = name.strip_suffix(".dist-info")?.rsplit_once('-')?;
                (folder.parent()? == site).then_some(())?;
                let ItemKind::File { content, .. } = &item.kind else { return None };
                let list = content.read(MOST_BYTES).unwrap_or_default();
                let listed = list.split(|byte| *byte == b'\n').filter_map(|line| {
                    let path = line.split(|byte| *byte == b',').next()?;
                    sizes.get(&site.join(path).ok()?).copied()
                });
                Some(Dropped {
                    name: name.to_owned(),
                    version: version.to_owned(),
                    bytes: ByteSize(listed.sum()),
                    reason: "came with the interpreter's archive, and the lock does not have it from there"
                        .to_owned(),
                })
            })
            .collect();
        dropped.sort_by(|a, b| a.name.cmp(&b.name));
        dropped
    }

    /// Whether the interpreter, or one of its modules, loads Python's own shared library: most bring it for
    /// others to embed.
    pub(super) fn is_library_needed(&self, items: &[Item]) -> bool {
        let dynload = path(&format!("python/lib/{}/lib-dynload", self.library));
        let needs = |item: &Item| {
            let ItemKind::File { content, .. } = &item.kind else { return false };
            let needs = Needs::read(content).ok().flatten();
            needs.is_some_and(|needs| needs.needed.iter().any(|one| one.starts_with("libpython3")))
        };
        needs(&items[self.program])
            || items.iter().any(|item| item.path.starts_with(&dynload) && needs(item))
    }
}

/// `python3.12` or `python3.13t`.
fn series(name: &[u8]) -> Option<(u32, u32)> {
    let name = str::from_utf8(name).ok()?.strip_prefix("python3.")?;
    let minor = name.strip_suffix('t').unwrap_or(name);
    Some((3, minor.parse().ok().filter(|_| minor.bytes().all(|b| b.is_ascii_digit()))?))
}

/// Where a link leads, as its text says; links on the way are links of the archive, which do not lead out.
fn leads_out(link: &RootPath, target: &[u8]) -> bool {
    if target.first() == Some(&b'/') {
        return true;
    }
    let mut depth = link.components().count().saturating_sub(1);
    for part in target.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => match depth.checked_sub(1) {
                // `python` itself is the top.
                Some(up) if up > 0 => depth = up,
                _ => return true,
            },
            _ => depth += 1,
        }
    }
    false
}

/// As the interpreter's own header has it: `#define PY_VERSION "3.12.4"`.
fn version(items: &[Item], library: &str) -> Option<String> {
    let header = path(&format!("python/include/{library}/patchlevel.h"));
    let item = items.iter().find(|item| item.path == header)?;
    let ItemKind::File { content, .. } = &item.kind else { return None };
    let text = content.read(MOST_BYTES).ok()?;
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().find_map(|line| line.trim().strip_prefix("#define PY_VERSION"))?;
    let version = line.trim().trim_matches('"').trim_end_matches('+').to_owned();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'.';
    (!version.is_empty() && version.len() < 32 && version.bytes().all(plain)).then_some(version)
}
