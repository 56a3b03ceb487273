//! Paths as bytes, relative to an image's root: what the parsers and the inventories share.

/// Paths of more components than this are taken literally or passed over: work on one path grows with
/// the square of its depth, and no real filesystem is so deep.
pub(crate) const MAX_DEPTH: usize = 256;

/// The folder a path lies in; the root is the empty path.
pub(crate) fn parent(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|b| *b == b'/') {
        Some(slash) => &path[..slash],
        None => b"",
    }
}

/// The last component.
pub(crate) fn file_name(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|b| *b == b'/') {
        Some(slash) => &path[slash + 1..],
        None => path,
    }
}

/// `folder/name`, where the root has no slash.
pub(crate) fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(folder.len() + 1 + name.len());
    path.extend_from_slice(folder);
    if !path.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

/// `relative` as seen from `folder`, without empty, `.` and `..` components. An absolute path starts
/// at the root; `..` never climbs above the root.
pub(crate) fn normalise(folder: &[u8], relative: &[u8]) -> Vec<u8> {
    let mut path = if relative.first() == Some(&b'/') { Vec::new() } else { folder.to_vec() };
    for component in relative.split(|b| *b == b'/') {
        match component {
            b"" | b"." => {}
            b".." => path.truncate(parent(&path).len()),
            name => {
                if !path.is_empty() {
                    path.push(b'/');
                }
                path.extend_from_slice(name);
            }
        }
    }
    path
}

/// A path for people: bytes that are not UTF-8 become replacement characters.
pub(crate) fn display(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_resolved_and_the_root_holds() {
        let site = b"usr/lib/python3.11/site-packages";
        assert_eq!(normalise(site, b"../../../bin/pip"), b"usr/bin/pip");
        assert_eq!(normalise(site, b"./a//b.py"), b"usr/lib/python3.11/site-packages/a/b.py");
        assert_eq!(normalise(site, b"/etc/x"), b"etc/x");
        assert_eq!(normalise(b"a", b"../../../etc/passwd"), b"etc/passwd");
        assert_eq!(normalise(b"", b".."), b"");
    }

    #[test]
    fn parents_and_names() {
        assert_eq!((parent(b"a/b/c"), file_name(b"a/b/c")), (&b"a/b"[..], &b"c"[..]));
        assert_eq!((parent(b"c"), file_name(b"c")), (&b""[..], &b"c"[..]));
        assert_eq!(join(b"", b"c"), b"c");
    }
}
