//! The loader's search (*ld.so(8)*): `DT_RPATH`, `LD_LIBRARY_PATH`, `DT_RUNPATH`, the cache and its
//! folders, the default folders.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use lightship_codec::tar::RootPath;
use lightship_packages::elf::{Class, Machine, Needs};

use super::Options;
use super::facts::Native;
use super::tree::Tree;

/// What was found for one file.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    pub(super) libraries: BTreeMap<String, RootPath>,
    pub(super) assumed: Vec<(String, RootPath)>,
    pub(super) missing: Vec<String>,
    /// Indexes of the files that it loads.
    pub(super) loads: BTreeSet<usize>,
}

/// Finds everything; the answers are in the order of `natives`.
pub(super) fn find(tree: &Tree, natives: &[Native], options: &Options) -> Vec<Found> {
    let search = Search {
        tree,
        natives,
        by_path: natives.iter().enumerate().map(|(n, native)| (&native.path, n)).collect(),
        library_path: options.library_path.clone().unwrap_or_default(),
        configured: super::cache::configured_folders(tree),
    };
    let mut found: Vec<Found> = natives.iter().map(|native| search.by_itself(native)).collect();
    search.by_others(&mut found);
    search.by_python(&mut found);
    search.by_assumption(&mut found);
    found
}

struct Search<'a> {
    tree: &'a Tree,
    natives: &'a [Native],
    by_path: HashMap<&'a RootPath, usize>,
    library_path: String,
    /// The folders of `/etc/ld.so.conf`.
    configured: Vec<String>,
}

impl Search<'_> {
    /// What a file finds with its own folders and everybody's.
    fn by_itself(&self, native: &Native) -> Found {
        let mut found = Found::default();
        if let Some(loader) = &native.needs.interpreter {
            match self.tree.real(loader.as_bytes()) {
                Some(real) => found.add(loader, real, self.by_path_of(loader.as_bytes())),
                None => found.missing.push(loader.clone()),
            }
        }
        let folders = self.folders(native);
        for library in &native.needs.needed {
            match self.look(native, library, &folders) {
                Some(at) => found.add(library, self.natives[at].path.clone(), Some(at)),
                None => found.missing.push(library.clone()),
            }
        }
        found
    }

    fn by_path_of(&self, path: &[u8]) -> Option<usize> {
        self.by_path.get(&self.tree.real(path)?).copied()
    }

    /// All folders for a file's needs, in the loader's order.
    fn folders(&self, native: &Native) -> Vec<String> {
        let needs = &native.needs;
        let mut folders = Vec::new();
        if needs.runpath.is_none() {
            folders.extend(own_folders(native, needs.rpath.as_deref()));
        }
        folders.extend(expand(native, &self.library_path));
        folders.extend(own_folders(native, needs.runpath.as_deref()));
        folders.extend(self.configured.iter().cloned());
        if !needs.without_default_folders {
            folders.extend(default_folders(needs.class, needs.machine));
        }
        folders
    }

    /// The first file of this name that this file could be linked with.
    fn look(&self, native: &Native, library: &str, folders: &[String]) -> Option<usize> {
        let fits = |at: &usize| fit(&self.natives[*at].needs, &native.needs);
        if library.contains('/') {
            // Relative to wherever the program is started: nowhere.
            let absolute = library.starts_with('/');
            return absolute.then(|| self.by_path_of(library.as_bytes()))?.filter(fits);
        }
        folders.iter().find_map(|folder| {
            self.by_path_of(format!("{folder}/{library}").as_bytes()).filter(fits)
        })
    }

    /// What is still missing and was loaded, or is looked for, by those who load the file.
    fn by_others(&self, found: &mut [Found]) {
        loop {
            let loaders = loaders(found);
            let loads: Vec<BTreeSet<usize>> = found.iter().map(|one| one.loads.clone()).collect();
            let mut changed = false;
            for (at, found) in found.iter_mut().enumerate() {
                if found.missing.is_empty() {
                    continue;
                }
                let above = closure(at, &loaders);
                for library in found.missing.clone() {
                    if let Some(place) = self.through(&above, &loads, at, &library) {
                        found.meet(&library, self.natives[place].path.clone(), Some(place));
                        changed = true;
                    }
                }
            }
            if !changed {
                return;
            }
        }
    }

    /// A library that one of the files above `at`, or what these load, has or finds under this name.
    fn through(
        &self,
        above: &BTreeSet<usize>,
        loads: &[BTreeSet<usize>],
        at: usize,
        library: &str,
    ) -> Option<usize> {
        let native = &self.natives[at];
        let inherits = native.needs.runpath.is_none();
        for loader in above {
            let loader = &self.natives[*loader];
            if inherits && loader.needs.runpath.is_none() {
                let folders: Vec<String> =
                    own_folders(loader, loader.needs.rpath.as_deref()).collect();
                if let Some(place) = self.look(native, library, &folders) {
                    return Some(place);
                }
            }
        }
        above.iter().find_map(|loader| {
            let fits = |place: &usize| {
                self.is_called(*place, library) && fit(&self.natives[*place].needs, &native.needs)
            };
            closure(*loader, loads).into_iter().find(fits)
        })
    }

    fn is_called(&self, at: usize, library: &str) -> bool {
        let native = &self.natives[at];
        native.needs.soname.as_deref() == Some(library)
            || native.path.file_name() == Some(library.as_bytes())
    }

    /// What Python itself has loaded is there for extension modules, wherever it came from.
    fn by_python(&self, found: &mut [Found]) {
        let loads: Vec<BTreeSet<usize>> = found.iter().map(|found| found.loads.clone()).collect();
        let mut there = BTreeSet::new();
        for (at, native) in self.natives.iter().enumerate() {
            let name = native.path.file_name().unwrap_or_default();
            if native.needs.interpreter.is_some() && name.starts_with(b"python") {
                there.extend(closure(at, &loads));
            }
        }
        for (native, found) in self.natives.iter().zip(found) {
            // A program brings its own libraries along.
            if native.needs.interpreter.is_some() {
                continue;
            }
            for library in found.missing.clone() {
                let fits = |place: &&usize| {
                    self.is_called(**place, &library)
                        && fit(&self.natives[**place].needs, &native.needs)
                };
                if let Some(place) = there.iter().find(fits) {
                    found.meet(&library, self.natives[*place].path.clone(), Some(*place));
                }
            }
        }
    }

    /// What is somewhere in the image, in a folder that this file does not look into.
    fn by_assumption(&self, found: &mut [Found]) {
        for (native, found) in self.natives.iter().zip(found) {
            if native.needs.interpreter.is_some() {
                continue;
            }
            for library in found.missing.clone() {
                let place = self.natives.iter().position(|other| {
                    other.path.file_name() == Some(library.as_bytes())
                        && other.parcel != native.parcel
                        && fit(&other.needs, &native.needs)
                });
                if let Some(place) = place {
                    let path = self.natives[place].path.clone();
                    found.missing.retain(|one| *one != library);
                    found.loads.insert(place);
                    found.assumed.push((library, path));
                }
            }
        }
    }
}

impl Found {
    fn add(&mut self, library: &str, path: RootPath, at: Option<usize>) {
        self.libraries.insert(library.to_owned(), path);
        self.loads.extend(at);
    }

    fn meet(&mut self, library: &str, path: RootPath, at: Option<usize>) {
        self.missing.retain(|one| one != library);
        self.add(library, path, at);
    }
}

/// Whether a program of one kind can load the other.
fn fit(one: &Needs, other: &Needs) -> bool {
    one.class == other.class && one.machine == other.machine && one.byte_order == other.byte_order
}

/// Who loads each file directly.
fn loaders(found: &[Found]) -> Vec<BTreeSet<usize>> {
    let mut loaders = vec![BTreeSet::new(); found.len()];
    for (at, found) in found.iter().enumerate() {
        for loaded in &found.loads {
            loaders[*loaded].insert(at);
        }
    }
    loaders
}

/// Everything that can be reached from a file, itself left out unless it is reached again.
pub(super) fn closure(from: usize, next: &[BTreeSet<usize>]) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut left: Vec<usize> = next[from].iter().copied().collect();
    while let Some(at) = left.pop() {
        if reached.insert(at) {
            left.extend(&next[at]);
        }
    }
    reached
}

fn own_folders<'a>(
    native: &'a Native,
    paths: Option<&'a str>,
) -> impl Iterator<Item = String> + 'a {
    expand(native, paths.unwrap_or_default())
}

/// Folders of a list, with the loader's words replaced. Relative and empty ones mean the folder where the
/// program is started, which nobody knows.
fn expand<'a>(native: &'a Native, paths: &'a str) -> impl Iterator<Item = String> + 'a {
    paths.split([':', ';']).filter(|path| path.starts_with(['/', '$'])).map(|path| {
        let origin = native.path.parent().unwrap_or_default();
        let origin = format!("/{}", String::from_utf8_lossy(origin.as_bytes()));
        let machine = native.needs.machine;
        let library = triplet(native.needs.class, machine)
            .map_or_else(|| "lib".to_owned(), |triplet| format!("lib/{triplet}"));
        let mut path = path.to_owned();
        for (word, value) in
            [("ORIGIN", origin.as_str()), ("LIB", &library), ("PLATFORM", platform(machine))]
        {
            path = path.replace(&format!("${{{word}}}"), value);
            path = path.replace(&format!("${word}"), value);
        }
        path
    })
}

/// The folders that Debian's loader was built with, then those of distributions that tell word sizes
/// apart by `lib64`.
pub(super) fn default_folders(class: Class, machine: Machine) -> Vec<String> {
    let mut folders = Vec::new();
    if let Some(triplet) = triplet(class, machine) {
        folders.push(format!("/lib/{triplet}"));
        folders.push(format!("/usr/lib/{triplet}"));
    }
    folders.extend(["/lib", "/usr/lib"].map(str::to_owned));
    if class == Class::Elf64 {
        folders.extend(["/lib64", "/usr/lib64"].map(str::to_owned));
    }
    folders
}

/// Debian's name for an architecture's folders (*Debian Policy 9.1.1*, *Multiarch/Tuples*).
fn triplet(class: Class, machine: Machine) -> Option<&'static str> {
    Some(match (machine.0, class) {
        (62, Class::Elf64) => "x86_64-linux-gnu",
        (183, Class::Elf64) => "aarch64-linux-gnu",
        (3, Class::Elf32) => "i386-linux-gnu",
        (40, Class::Elf32) => "arm-linux-gnueabihf",
        (21, Class::Elf64) => "powerpc64le-linux-gnu",
        (22, Class::Elf64) => "s390x-linux-gnu",
        (243, Class::Elf64) => "riscv64-linux-gnu",
        _ => return None,
    })
}

/// What the kernel calls the machine.
fn platform(machine: Machine) -> &'static str {
    match machine.0 {
        62 => "x86_64",
        183 => "aarch64",
        3 => "i686",
        _ => "unknown",
    }
}
