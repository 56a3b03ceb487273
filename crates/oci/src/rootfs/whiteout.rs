//! Entries that hide what lower layers have.

use crate::tar::path::{PathError, RootPath};

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
    /// `.wh.` with nothing behind it, which would hide the folder itself or its parent, or something
    /// in a folder whose own name is a whiteout's: such names are reserved.
    Malformed,
}

/// Normalises an entry's path as it was written, and tells its role.
///
/// The limit on the length of names is one on names in a filesystem, and a whiteout is never created
/// in one: what it hides may be as long as any name.
pub fn read_name(raw: &[u8]) -> Result<(RootPath, Role), PathError> {
    let error = match RootPath::parse(raw) {
        Ok(path) => {
            let role = classify(&path);
            return Ok((path, role));
        }
        Err(error @ PathError::ComponentTooLong(_)) => error,
        Err(error) => return Err(error),
    };
    let name_at = raw.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    let (folder, name) = raw.split_at(name_at);
    let hidden = name.strip_prefix(PREFIX).filter(|hidden| !hidden.starts_with(PREFIX));
    let path = RootPath::parse(&[folder, hidden.ok_or(error)?].concat())?;
    let role = match classify(&path) {
        Role::Adds => Role::Whiteout(path.clone()),
        other => other,
    };
    Ok((path, role))
}

/// Tells the role from the last component of the path
/// (*OCI image-spec 1.1, layer.md, Whiteouts*).
pub fn classify(path: &RootPath) -> Role {
    let Some((parent, name)) = path.split_last() else { return Role::Adds };
    if parent.components().any(|folder| folder.starts_with(META)) {
        return Role::Ignored;
    }
    if parent.components().any(|folder| folder.starts_with(PREFIX)) {
        return Role::Malformed;
    }
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
        assert_eq!(role("a/.wh.b/c"), Role::Malformed);
        assert_eq!(role(".wh..wh.plnk/7.9"), Role::Ignored);
        assert_eq!(whiteout_of(&path("a/b")), Some(path("a/.wh.b")));
    }
    #[test]
    fn the_longest_name_can_be_hidden() {
        let read = |name: &str| read_name(format!("./a/{name}").as_bytes());
        let longest = "x".repeat(255);
        let hidden = RootPath::parse(format!("a/{longest}").as_bytes()).unwrap();
        let whiteout = (hidden.clone(), Role::Whiteout(hidden));
        assert_eq!(read(&format!(".wh.{longest}")), Ok(whiteout));
        for bad in [format!("{longest}x"), format!(".wh.{longest}x"), format!(".wh.{longest}/y")] {
            assert!(matches!(read(&bad), Err(PathError::ComponentTooLong(_))), "{bad}");
        }
    }
}
