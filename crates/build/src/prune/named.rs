//! Categories that are known by a file's name: stubs, headers, static libraries, Cython, documentation,
//! source maps, bytecode.

use std::collections::{BTreeMap, BTreeSet};

use lightship_codec::tar::RootPath;
use lightship_packages::parcel::{Item, ItemKind, Parcel};

use super::clues::Source;
use super::{Category, Place, Verdicts, is_pruned, kinds};

/// Judges all of them.
pub(super) fn judge(parcels: &[Parcel], sources: &[Source], verdicts: &mut Verdicts) {
    let compiler = compiler(parcels);
    // What a test suite that is left out opens does not count.
    let sources: Vec<&Source> =
        sources.iter().filter(|source| !verdicts.fates.contains_key(&source.place)).collect();
    for (at, parcel) in parcels.iter().enumerate().filter(|(_, parcel)| is_pruned(parcel)) {
        for (category, files) in by_category(at, parcel) {
            let why = match category {
                Category::Stubs => reads_stubs(at, &sources),
                Category::Headers | Category::StaticLibraries | Category::Cython => {
                    compiler.clone().or_else(|| opened(at, parcel, &files, &sources))
                }
                Category::SourceMaps => opened(at, parcel, &files, &sources),
                Category::Docs
                | Category::Bytecode
                | Category::Tests
                | Category::OtherPlatforms
                | Category::Debug => None,
            };
            verdicts.decide(parcels, category, &files, why);
        }
    }
}

fn by_category(at: usize, parcel: &Parcel) -> BTreeMap<Category, Vec<Place>> {
    let names: BTreeSet<&RootPath> = parcel.items.iter().map(|item| &item.path).collect();
    let modules: BTreeSet<RootPath> = parcel.items.iter().filter_map(stem).collect();
    let mut found: BTreeMap<Category, Vec<Place>> = BTreeMap::new();
    for (n, item) in parcel.items.iter().enumerate() {
        if !matches!(item.kind, ItemKind::File { .. }) {
            continue;
        }
        let category = kinds::by_name(&item.path)
            .filter(|category| *category != Category::OtherPlatforms)
            .or_else(|| kinds::is_documentation(&item.path).then_some(Category::Docs))
            .or_else(|| is_compiled(&item.path, &names).then_some(Category::Bytecode))
            .or_else(|| is_generated(&item.path, &modules).then_some(Category::Cython));
        if let Some(category) = category {
            found.entry(category).or_default().push((at, n));
        }
    }
    found
}

/// `folder/name` of `folder/name.cpython-311-x86_64-linux-gnu.so` and of `folder/name.pyx`.
fn stem(item: &Item) -> Option<RootPath> {
    let (folder, name) = item.path.split_last()?;
    let is_module = name.ends_with(b".so") || name.ends_with(b".pyx");
    let end = memchr::memchr(b'.', name).filter(|_| is_module)?;
    folder.join(&name[..end]).ok()
}

/// C code beside the module that was made of it.
fn is_generated(path: &RootPath, modules: &BTreeSet<RootPath>) -> bool {
    let bytes = path.as_bytes();
    [&b".c"[..], b".cpp", b".cc", b".cxx"].iter().any(|end| {
        let stem = bytes.strip_suffix(*end).and_then(|stem| RootPath::parse(stem).ok());
        stem.is_some_and(|stem| modules.contains(&stem))
    })
}

/// Bytecode whose source is there. Without its source it is what runs.
fn is_compiled(path: &RootPath, names: &BTreeSet<&RootPath>) -> bool {
    let Some((folder, name)) = path.split_last().filter(|(_, name)| name.ends_with(b".pyc")) else {
        return false;
    };
    let end = memchr::memchr(b'.', name).unwrap_or(name.len());
    let source = [&name[..end], b".py"].concat();
    let home = match folder.file_name() {
        Some(b"__pycache__") => folder.parent().unwrap_or_default(),
        _ => folder,
    };
    home.join(&source).is_ok_and(|source| names.contains(&source))
}

/// A compiler in the image: whoever has one may compile with anything.
fn compiler(parcels: &[Parcel]) -> Option<String> {
    const NAMES: [&[u8]; 8] =
        [b"cc", b"gcc", b"g++", b"c++", b"clang", b"clang++", b"tcc", b"nvcc"];
    let is_one = |name: &[u8]| {
        // `x86_64-linux-gnu-gcc-12` is `gcc`.
        let words: Vec<&[u8]> = name.split(|byte| *byte == b'-').collect();
        let version = words.last().is_some_and(|word| word.iter().all(u8::is_ascii_digit));
        let word = if version { words.len().checked_sub(2) } else { words.len().checked_sub(1) };
        word.is_some_and(|at| NAMES.contains(&words[at]))
    };
    let found = parcels.iter().flat_map(|parcel| &parcel.items).find(|item| {
        let parts: Vec<&[u8]> = item.path.components().collect();
        matches!(parts[..], [.., b"bin", name] if is_one(name))
            && !matches!(item.kind, ItemKind::Folder { .. })
    });
    found.map(|item| format!("the image has a compiler, {}", item.path))
}

/// A package reads its own stubs: it loads its modules by them, or it checks types.
fn reads_stubs(at: usize, sources: &[&Source]) -> Option<String> {
    sources.iter().filter(|source| source.place.0 == at).find_map(|source| {
        let named = source.clues.files.iter().find(|(name, _)| name.as_bytes().ends_with(b".pyi"));
        let line = source.clues.loads_stubs.or_else(|| named.map(|(_, line)| *line))?;
        Some(format!("{} reads stubs", source.at(line)))
    })
}

/// Somebody names one of these files: the package itself by name or by extension, another one with the
/// folder.
fn opened(at: usize, parcel: &Parcel, files: &[Place], sources: &[&Source]) -> Option<String> {
    let paths: Vec<&[u8]> = files.iter().map(|(_, n)| parcel.items[*n].path.as_bytes()).collect();
    let ends: BTreeSet<&[u8]> = paths
        .iter()
        .flat_map(|path| {
            path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(n, _)| &path[n + 1..])
        })
        .collect();
    let extensions: BTreeSet<&[u8]> = paths
        .iter()
        .filter_map(|path| Some(&path[path.iter().rposition(|b| *b == b'.')?..]))
        .collect();
    sources.iter().filter(|source| !only_compiles(&source.path)).find_map(|source| {
        let own = source.place.0 == at;
        let (name, line) = source.clues.files.iter().find(|(name, _)| {
            let plain = name.trim_start_matches('*').as_bytes();
            let path = name.trim_start_matches(['.', '/']).as_bytes();
            (own && extensions.contains(plain))
                || ((own || path.contains(&b'/')) && ends.contains(path))
        })?;
        Some(format!("{} names {name}", source.at(*line)))
    })
}

/// Code that is of no use without a compiler, which the image has not: build systems that packages carry
/// along, and examples of how to build on them.
fn only_compiles(path: &RootPath) -> bool {
    kinds::parts(path).iter().any(|part| {
        matches!(
            *part,
            b"distutils" | b"f2py" | b"_build_utils" | b"setup.py" | b"setuptools" | b"_examples"
        )
    })
}
