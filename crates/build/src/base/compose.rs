//! Puts a base together.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use lightship_base::ByteSize;
use lightship_codec::tar::RootPath;
use lightship_packages::deb::Deb;
use lightship_packages::parcel::{Item, ItemKind, Parcel};

use crate::native;

use super::alternatives::{self, Alternative, registered};
use super::category::{self, Category};
use super::certificates;
use super::made::{self, Ground, made, program_links};
use super::needs::{self, Needs};
use super::place::{Part, merged, placed, settle};
use super::programs::{administers, interpreter, is_program};
use super::python::{self, Python, PythonWish};
use super::scripts::judge;
use super::select::{Selection, Set, select};
use super::status;
use super::{Dropped, Error, LeftOut, NativeBase, NotRun, Options, Purpose, WithoutInterpreter};

/// Makes a base of packages: all that it will have, also those for wheels, because what is made here
/// (the loader's cache, alternatives) is made for this very set.
pub fn compose(mut debs: Vec<Deb>, options: &Options) -> Result<NativeBase, Error> {
    debs.sort_by(|a, b| a.control.package().cmp(b.control.package()));
    let set = Set::new(&debs)?;
    let mut choice = Choice {
        selection: select(&set, options)?,
        keep: options.keep_categories.clone(),
        needs: HashMap::new(),
    };
    let mut draft = Draft::of(&debs, &choice, options)?;
    while choice.amend(&debs, &draft)? {
        draft = Draft::of(&debs, &choice, options)?;
    }
    settle(&mut draft.parts)?;
    draft.finish(&debs, &set, &choice, options.purpose)
}

/// Packages that import `iconv_open` and call it only where a program asks for a conversion by name: the C
/// library itself, and C++'s, whose `codecvt` has an extension for it.
const CALLED_BY_NOBODY: [&str; 2] = ["libc6", "libstdc++6"];

/// What was decided so far. Reading native code may show that more has to stay.
struct Choice {
    selection: Selection,
    keep: BTreeSet<Category>,
    /// Needs of files, by package and place: read once.
    needs: HashMap<(String, RootPath), Needs>,
}

impl Choice {
    /// Takes back what native code of the draft turns out to need; `false` where nothing was.
    fn amend(&mut self, debs: &[Deb], draft: &Draft<'_>) -> Result<bool, Error> {
        let (mut wanted, mut character_sets) = (BTreeSet::new(), false);
        for part in &draft.parts {
            let package = part.deb.control.package();
            for item in &part.items {
                let needs = self.needs_of(package, item)?;
                // Libraries of languages have the function for programs that convert; by itself none does.
                character_sets |= needs.character_sets && !CALLED_BY_NOBODY.contains(&package);
                wanted.extend(needs.libraries.iter().cloned());
            }
        }
        let there: HashSet<&[u8]> = draft
            .parts
            .iter()
            .flat_map(|part| part.items.iter().filter_map(|item| item.path.file_name()))
            .collect();
        wanted.retain(|name| !there.contains(name.as_bytes()));
        let mut changed = character_sets && self.keep.insert(Category::CharacterSets);
        if wanted.is_empty() {
            return Ok(changed);
        }
        // The first package by name that has a library is the one that comes back.
        for deb in debs {
            let package = deb.control.package();
            if !self.selection.dropped.contains_key(package) {
                continue;
            }
            let items = placed(deb);
            let libraries = items.iter().filter_map(needs::library_name);
            let has: Vec<String> =
                libraries.map(|name| String::from_utf8_lossy(name).into_owned()).collect();
            if has.iter().any(|name| wanted.contains(name)) {
                wanted.retain(|name| !has.contains(name));
                self.selection.dropped.remove(package);
                changed |= self.selection.kept.insert(package.to_owned());
            }
        }
        Ok(changed)
    }

    fn needs_of(&mut self, package: &str, item: &Item) -> Result<&Needs, Error> {
        let key = (package.to_owned(), item.path.clone());
        if !self.needs.contains_key(&key) {
            let needs = match &item.kind {
                ItemKind::File { content, .. } => needs::read(content).map_err(|source| {
                    Error::Read { package: package.to_owned(), path: item.path.clone(), source }
                })?,
                ItemKind::Folder { .. } | ItemKind::Symlink(_) => Needs::default(),
            };
            self.needs.insert(key.clone(), needs);
        }
        Ok(&self.needs[&key])
    }
}

/// Links that the kernel follows in one path; a longer chain leads nowhere.
const MOST_LINKS: u32 = 40;

/// Interpreters that may be scripts themselves (*execve(2)*).
const MOST_INTERPRETERS: u32 = 5;

/// Packages that stay, with the items that stay.
struct Draft<'a> {
    parts: Vec<Part<'a>>,
    left: BTreeMap<RootPath, (Category, ByteSize)>,
    python: Option<Python>,
    alternatives: Vec<Alternative>,
}

impl<'a> Draft<'a> {
    fn of(debs: &'a [Deb], choice: &Choice, options: &Options) -> Result<Self, Error> {
        let kept = debs.iter().filter(|deb| choice.selection.kept.contains(deb.control.package()));
        let parts: Vec<Part<'_>> = kept.map(|deb| Part { deb, items: placed(deb) }).collect();
        let python = python::find(&parts, debs, options)?;
        let scripts = parts.iter().flat_map(|part| &part.deb.scripts);
        let alternatives = scripts.flat_map(|script| registered(&script.text).literal).collect();
        let has_python = python.is_some() || options.python == PythonWish::Elsewhere;
        let mut draft = Self { parts, left: BTreeMap::new(), python, alternatives };
        draft.leave_out(|package, item| {
            let asked = choice.selection.asked.contains(package);
            let kind = category::of_place(&item.path, &item.kind, asked).or_else(|| {
                (!asked && administers(package, item, has_python)).then_some(Category::Programs)
            });
            Ok(kind.filter(|category| !choice.keep.contains(category)))
        })?;
        if !choice.keep.contains(&Category::Scripts) {
            draft.leave_out_scripts()?;
        }
        draft.leave_out_dangling()?;
        draft.tidy_folders();
        Ok(draft)
    }

    /// Leaves out what the judge names a category for.
    fn leave_out(
        &mut self,
        mut judge: impl FnMut(&str, &Item) -> Result<Option<Category>, Error>,
    ) -> Result<bool, Error> {
        let before = self.left.len();
        for part in &mut self.parts {
            let package = part.deb.control.package();
            let mut staying = Vec::with_capacity(part.items.len());
            for item in std::mem::take(&mut part.items) {
                match judge(package, &item)? {
                    None => staying.push(item),
                    Some(_) if matches!(item.kind, ItemKind::Folder { .. }) => {}
                    Some(category) => {
                        let size = ByteSize(item.size());
                        self.left.insert(item.path, (category, size));
                    }
                }
            }
            part.items = staying;
        }
        Ok(self.left.len() > before)
    }

    /// Programs whose interpreter is not there. One may be the interpreter of another.
    fn leave_out_scripts(&mut self) -> Result<(), Error> {
        for _ in 0..MOST_INTERPRETERS {
            let places = self.places();
            let mut there: HashSet<RootPath> = places.keys().cloned().collect();
            let links = program_links(&places, self.python.as_ref());
            there.extend(links.iter().map(|(name, _)| made::path(name)));
            let alternatives = alternatives::links(&self.alternatives, &there);
            there.extend(alternatives.into_iter().map(|item| item.path));
            let changed = self.leave_out(|package, item| {
                if !is_program(item) {
                    return Ok(None);
                }
                let interpreter = interpreter(item).map_err(|source| Error::Read {
                    package: package.to_owned(),
                    path: item.path.clone(),
                    source,
                })?;
                let lost = interpreter.is_some_and(|interpreter| !interpreter.is_there(&there));
                Ok(lost.then_some(Category::Scripts))
            })?;
            if !changed {
                break;
            }
        }
        Ok(())
    }

    /// Links to what was left out go with it.
    fn leave_out_dangling(&mut self) -> Result<(), Error> {
        for _ in 0..MOST_LINKS {
            let left = self.left.clone();
            let places = self.places();
            let changed = self.leave_out(|_, item| {
                let ItemKind::Symlink(target) = &item.kind else { return Ok(None) };
                let target = destination(&item.path, target);
                let lost = target.filter(|target| !places.contains_key(target));
                Ok(lost.and_then(|target| left.get(&target)).map(|(category, _)| *category))
            })?;
            if !changed {
                break;
            }
        }
        Ok(())
    }

    /// Folders that held only what was left out; those that were empty before have a purpose.
    fn tidy_folders(&mut self) {
        for part in &mut self.parts {
            let filled: HashSet<RootPath> =
                placed(part.deb).iter().filter_map(|item| item.path.parent()).collect();
            let is_folder = |item: &Item| matches!(item.kind, ItemKind::Folder { .. });
            let mut alive = HashSet::new();
            for item in &part.items {
                if !is_folder(item) || !filled.contains(&item.path) {
                    alive.extend(item.path.ancestors());
                }
            }
            part.items.retain(|item| {
                !is_folder(item) || !filled.contains(&item.path) || alive.contains(&item.path)
            });
        }
    }

    fn places(&self) -> HashMap<RootPath, ItemKind> {
        let items = self.parts.iter().flat_map(|part| &part.items);
        items.map(|item| (item.path.clone(), item.kind.clone())).collect()
    }

    fn finish(
        mut self,
        debs: &[Deb],
        set: &Set<'_>,
        choice: &Choice,
        purpose: Purpose,
    ) -> Result<NativeBase, Error> {
        let places = self.places();
        let mut there: HashSet<RootPath> = places.keys().cloned().collect();
        let links = program_links(&places, self.python.as_ref());
        there.extend(links.into_iter().map(|(name, _)| made::path(name)));
        let without_set_id = self.without_set_id(&places);
        let ground = Ground {
            places,
            python: self.python.as_ref(),
            base_passwd: set.get("base-passwd"),
            bundle: self.bundle()?,
            alternatives: alternatives::links(&self.alternatives, &there),
            purpose,
        };
        let environment = environment(!ground.bundle.is_empty(), purpose);
        let without_interpreter = self.without_interpreter(&there, &choice.selection)?;
        let made = made(ground);
        for part in &mut self.parts {
            part.items.sort_by(|a, b| a.path.cmp(&b.path));
            let records = status::records(part)?;
            part.items.extend(records);
        }
        let scripts_not_run = self.scripts_not_run();
        let left_out = self.left_out();
        let parts = self.parts.into_iter();
        let parcels = parts.map(|part| Parcel { package: part.deb.id(), items: part.items });
        let mut parcels: Vec<Parcel> = parcels.chain([made]).collect();
        add_loader_cache(&mut parcels)?;
        Ok(NativeBase {
            parcels,
            dropped: dropped(debs, &choice.selection),
            left_out,
            scripts_not_run,
            python: self.python,
            environment,
            without_set_id,
            without_interpreter,
        })
    }

    /// Single certificates may have been left out: the packages' own items count.
    fn bundle(&self) -> Result<Vec<u8>, Error> {
        let items = self
            .parts
            .iter()
            .flat_map(|part| part.deb.items.iter().map(|item| (part.deb.control.package(), item)));
        certificates::bundle(items)
    }

    fn without_set_id(&self, places: &HashMap<RootPath, ItemKind>) -> u64 {
        let names = self.parts.iter().flat_map(|part| &part.deb.without_set_id);
        names.filter(|path| places.contains_key(&merged(path))).count() as u64
    }

    /// Of packages that were asked for: which of their programs, wherever they lie, cannot run.
    fn without_interpreter(
        &self,
        there: &HashSet<RootPath>,
        selection: &Selection,
    ) -> Result<Vec<WithoutInterpreter>, Error> {
        let mut lost: BTreeMap<(String, String), u64> = BTreeMap::new();
        for part in &self.parts {
            let package = part.deb.control.package();
            if !selection.asked.contains(package) {
                continue;
            }
            for item in placed(part.deb) {
                let is_executable =
                    matches!(item.kind, ItemKind::File { mode, .. } if mode & 0o111 != 0);
                if !is_executable || category::of_place(&item.path, &item.kind, true).is_some() {
                    continue;
                }
                let interpreter = interpreter(&item).map_err(|source| Error::Read {
                    package: package.to_owned(),
                    path: item.path.clone(),
                    source,
                })?;
                if let Some(interpreter) = interpreter.filter(|i| !i.is_there(there)) {
                    let key = (package.to_owned(), interpreter.to_string());
                    *lost.entry(key).or_default() += 1;
                }
            }
        }
        let lost = lost.into_iter().map(|((package, interpreter), programs)| WithoutInterpreter {
            package,
            interpreter,
            programs,
        });
        Ok(lost.collect())
    }

    fn scripts_not_run(&self) -> Vec<NotRun> {
        let judged = self.parts.iter().flat_map(|part| {
            let package = part.deb.control.package();
            part.deb.scripts.iter().filter_map(move |script| judge(package, script))
        });
        judged.collect()
    }

    fn left_out(&self) -> Vec<LeftOut> {
        let sum = |category: Category| {
            let of_it = self.left.values().filter(|(other, _)| *other == category);
            let (files, bytes) = of_it
                .fold((0, ByteSize::ZERO), |(files, sum), (_, bytes)| (files + 1, sum + *bytes));
            LeftOut { category, files, bytes }
        };
        Category::ALL.into_iter().map(sum).filter(|left| left.files > 0).collect()
    }
}

/// The loader's cache goes to what was made here. It is for the libraries in everybody's folders, which
/// all come from these packages: those of wheels lie in folders of their own.
fn add_loader_cache(parcels: &mut [Parcel]) -> Result<(), Error> {
    let links = native::resolve(parcels, &native::Options::default());
    if links.files.is_empty() {
        return Ok(());
    }
    let cache = native::loader_cache(parcels, &links)?;
    if let Some(made) = parcels.last_mut() {
        made.items.extend(cache.items);
    }
    Ok(())
}

/// Makes the loader's cache once more, for parcels that others were added to. The last is what was made.
pub fn renew_loader_cache(parcels: &mut [Parcel]) -> Result<(), Error> {
    if let Some(made) = parcels.last_mut() {
        made.items.retain(|item| item.path.as_bytes() != LOADER_CACHE);
    }
    add_loader_cache(parcels)
}

/// *ld.so(8)*.
const LOADER_CACHE: &[u8] = b"etc/ld.so.cache";

/// Where a link leads, as its text says: links on the way are not followed.
fn destination(link: &RootPath, target: &[u8]) -> Option<RootPath> {
    let mut parts: Vec<&[u8]> = Vec::new();
    let folder = link.parent().unwrap_or_default();
    if target.first() != Some(&b'/') {
        parts.extend(folder.components());
    }
    for part in target.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    RootPath::parse(&parts.join(&b'/')).ok().map(|path| merged(&path))
}

fn dropped(debs: &[Deb], selection: &Selection) -> Vec<Dropped> {
    let of_deb = |deb: &Deb| {
        let reason = selection.dropped.get(deb.control.package())?.clone();
        let bytes = deb.items.iter().map(|item| ByteSize(item.size())).sum();
        Some(Dropped { package: deb.id(), reason, bytes })
    };
    debs.iter().filter_map(of_deb).collect()
}

fn environment(has_bundle: bool, purpose: Purpose) -> Vec<(String, String)> {
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let mut variables = vec![("PATH", path.to_owned())];
    if !purpose.is_only_data() {
        variables.insert(0, ("LANG", "C.UTF-8".to_owned()));
    }
    if has_bundle {
        // Wheels bring OpenSSL built to look elsewhere.
        variables.push(("SSL_CERT_FILE", format!("/{}", made::BUNDLE)));
    }
    variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
