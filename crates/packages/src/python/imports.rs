//! What one can import from a distribution, as deep as needed to tell distributions apart.

use std::collections::BTreeSet;

use crate::path::MAX_DEPTH;

/// The shallowest modules and packages of a distribution, dotted, from the paths of its RECORD
/// (relative, as written there).
///
/// A folder without an `__init__.py` of its own in this distribution is a namespace that others
/// share: the way leads on into it (*PEP 420*). So `kfp/kubernetes/__init__.py` alone gives
/// `kfp.kubernetes`, where `top_level.txt` says just `kfp`.
pub fn import_roots<'p>(paths: impl IntoIterator<Item = &'p [u8]>) -> Vec<String> {
    let mut packages = BTreeSet::new();
    let mut modules = BTreeSet::new();
    for path in paths {
        let Some(module) = module_of(path) else { continue };
        match module.strip_suffix(".__init__") {
            Some(package) => packages.insert(package.to_owned()),
            None => modules.insert(module),
        };
    }
    let inside_a_package =
        |module: &str| module.match_indices('.').any(|(dot, _)| packages.contains(&module[..dot]));
    let mut roots: BTreeSet<&String> = BTreeSet::new();
    roots.extend(packages.iter().filter(|p| !inside_a_package(p)));
    roots.extend(modules.iter().filter(|m| !inside_a_package(m)));
    roots.into_iter().cloned().collect()
}

/// `a/b.py` and `a/b.cpython-311-x86_64-linux-gnu.so` are `a.b`. `None` for what cannot be
/// imported: data, folders whose name is no identifier, files outside.
fn module_of(path: &[u8]) -> Option<String> {
    let path = std::str::from_utf8(path).ok()?;
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = match file.split_once('.')? {
        (stem, "py") => stem,
        // The tag between name and suffix is the interpreter's: `abi3`, `cpython-311-…`.
        (stem, rest) if rest.split('.').next_back() == Some("so") => stem,
        _ => return None,
    };
    if folder.split('/').nth(MAX_DEPTH).is_some() {
        return None;
    }
    let mut dotted = String::new();
    for part in folder.split('/').filter(|part| !part.is_empty()).chain([stem]) {
        if !is_identifier(part) || part == "__pycache__" {
            return None;
        }
        if !dotted.is_empty() {
            dotted.push('.');
        }
        dotted.push_str(part);
    }
    // A bare `__init__.py` beside the packages makes nothing importable.
    (dotted != "__init__").then_some(dotted)
}

fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c == '_' || c.is_alphabetic())
        && text.chars().all(|c| c == '_' || c.is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots(paths: &[&str]) -> Vec<String> {
        import_roots(paths.iter().map(|p| p.as_bytes()))
    }

    #[test]
    fn namespaces_are_entered_and_packages_are_not() {
        assert_eq!(
            roots(&[
                "kfp/kubernetes/__init__.py",
                "kfp/kubernetes/pod.py",
                "kfp_kubernetes-1.dist-info/RECORD"
            ]),
            ["kfp.kubernetes"]
        );
        assert_eq!(
            roots(&[
                "google/cloud/storage/__init__.py",
                "google/cloud/storage/blob.py",
                "google/cloud/x.py"
            ]),
            ["google.cloud.storage", "google.cloud.x"]
        );
        assert_eq!(
            roots(&[
                "numpy/__init__.py",
                "numpy/core/__init__.py",
                "numpy.libs/libx.so",
                "../../bin/f2py",
                "six.py",
                "_cffi.cpython-311-x86_64-linux-gnu.so",
                "a/_rust.abi3.so",
                "numpy/__pycache__/x.py",
                "data.json"
            ]),
            ["_cffi", "a._rust", "numpy", "six"]
        );
        assert!(roots(&["__init__.py", "1x/a.py", ""]).is_empty());
    }
}
