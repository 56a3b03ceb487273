//! What a path says about a file.

use lightship_codec::tar::{RootPath, display_path};

use super::Category;

/// A path's components below the folder that modules are found in.
pub(super) fn parts(path: &RootPath) -> Vec<&[u8]> {
    let all: Vec<&[u8]> = path.components().collect();
    let site = all.iter().rposition(|part| {
        *part == b"site-packages" || *part == b"dist-packages" || part.starts_with(b"python3.")
    });
    match site {
        Some(at) => all[at + 1..].to_vec(),
        None => all,
    }
}

/// The same for people.
pub(super) fn shown(path: &RootPath) -> String {
    display_path(&parts(path).join(&b'/'))
}

/// The package that a module is in: the names of its folders.
pub(super) fn package_of(path: &RootPath) -> Vec<String> {
    let mut parts: Vec<String> =
        parts(path).iter().map(|part| String::from_utf8_lossy(part).into_owned()).collect();
    parts.pop();
    parts
}

/// The category of a file by its name alone; `None` for what runs, what nobody knows, and what needs a
/// closer look (test suites, native code).
pub(super) fn by_name(path: &RootPath) -> Option<Category> {
    let name = path.file_name().unwrap_or_default();
    let parts = parts(path);
    if parts.iter().any(|part| part.ends_with(b".dist-info") || part.ends_with(b".egg-info")) {
        return None;
    }
    if [&b".js.map"[..], b".mjs.map", b".cjs.map", b".css.map"]
        .iter()
        .any(|end| name.ends_with(end))
    {
        return Some(Category::SourceMaps);
    }
    let dot = name.iter().rposition(|byte| *byte == b'.')?;
    match &name[dot + 1..] {
        b"pyi" => Some(Category::Stubs),
        b"h" | b"hh" | b"hpp" | b"hxx" | b"cuh" | b"inl" | b"ipp" => Some(Category::Headers),
        b"a" | b"lib" => Some(Category::StaticLibraries),
        b"pyx" | b"pxd" | b"pxi" => Some(Category::Cython),
        b"dll" | b"dylib" | b"exe" | b"pyd" => Some(Category::OtherPlatforms),
        _ => None,
    }
}

/// Whether a file is documentation: a manual page, or below a data folder's `doc` or `info`.
pub(super) fn is_documentation(path: &RootPath) -> bool {
    let parts: Vec<&[u8]> = path.components().collect();
    let share = parts
        .windows(2)
        .any(|two| two[0] == b"share" && matches!(two[1], b"doc" | b"man" | b"info"));
    // Licences live there as well, and have to ship.
    let is_licence = parts.last().is_some_and(|name| {
        let name = name.to_ascii_lowercase();
        [&b"licen"[..], b"copying", b"notice", b"copyright", b"author"]
            .iter()
            .any(|word| memchr::memmem::find(&name, word).is_some())
    });
    share && !is_licence
}
