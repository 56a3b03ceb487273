//! Entries that hide what lower layers have.

use crate::tar::path::RootPath;

const PREFIX: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
const META: &[u8] = b".wh..wh.";

/// What an entry's name asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// An ordinary entry.
    Adds,
    /// Hides this path of lower layers.
    Whiteout(RootPath),
    /// Hides everything that lower layers have in this folder.
    Opaque(RootPath),
    /// Bookkeeping of the AUFS file system (`.wh..wh.plnk`); runtimes skip it.
    Ignored,
    /// `.wh.` with nothing behind it: it would hide the folder itself, or its parent.
    Malformed,
}

/// Tells the role from the last component of the path
/// (*OCI image-spec 1.1, layer.md, Whiteouts*).
pub fn classify(path: &RootPath) -> Role {
    let Some((parent, name)) = path.split_last() else { return Role::Adds };
    if name == OPAQUE {
        return Role::Opaque(parent);
    }
    if name.starts_with(META) {
        return Role::Ignored;
    }
    match name.strip_prefix(PREFIX) {
        None => Role::Adds,
        Some(b"" | b"." | b"..") => Role::Malformed,
        Some(hidden) => Role::Whiteout(sibling(&parent, hidden)),
    }
}

/// The path of the entry that hides `path`.
pub fn whiteout_of(path: &RootPath) -> Option<RootPath> {
    let (parent, name) = path.split_last()?;
    Some(sibling(&parent, &[PREFIX, name].concat()))
}

fn sibling(folder: &RootPath, name: &[u8]) -> RootPath {
    RootPath::from_components(folder.components().chain([name]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(path: &str) -> Role {
        classify(&RootPath::parse(path.as_bytes()).unwrap())
    }

    #[test]
    fn names_tell_roles() {
        let path = |text: &str| RootPath::parse(text.as_bytes()).unwrap();
        assert_eq!(role("a/b"), Role::Adds);
        assert_eq!(role("a/.wh.b"), Role::Whiteout(path("a/b")));
        assert_eq!(role(".wh.b"), Role::Whiteout(path("b")));
        assert_eq!(role("a/.wh..wh..opq"), Role::Opaque(path("a")));
        assert_eq!(role(".wh..wh..opq"), Role::Opaque(path("")));
        assert_eq!(role(".wh..wh.plnk"), Role::Ignored);
        assert_eq!(role("a/.wh."), Role::Malformed);
        assert_eq!(role("a/.wh..."), Role::Malformed);
        assert_eq!(whiteout_of(&path("a/b")), Some(path("a/.wh.b")));
    }
}
