//! apk's records (*apk-tools, the installed database, version 2*; version 3 keeps the format).

/// One package of `lib/apk/db/installed`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlpinePackage {
    /// `P`.
    pub name: String,
    /// `V`, with its `-r` revision.
    pub version: String,
    /// `A`: `x86_64`.
    pub architecture: String,
    /// `o`: the package whose recipe built this one.
    pub origin: Option<String>,
    /// `F` and `R`: regular files and links, relative to the root.
    pub files: Vec<Vec<u8>>,
}

/// Reads every paragraph that names a package, up to [`crate::MOST_PACKAGES`]. A line is one letter, a colon and a value; `F` names
/// the folder of the files (`R`) that follow.
pub fn parse_installed(bytes: &[u8]) -> Vec<AlpinePackage> {
    let mut packages = Vec::new();
    let mut current = AlpinePackage::default();
    let mut folder: &[u8] = b"";
    // An empty line ends a paragraph; the one added here ends the last.
    for line in bytes.split(|b| *b == b'\n').chain([&b""[..]]) {
        if packages.len() == crate::MOST_PACKAGES {
            break;
        }
        let [key, b':', value @ ..] = line else {
            if line.is_empty() {
                let package = std::mem::take(&mut current);
                folder = b"";
                if !package.name.is_empty() {
                    packages.push(package);
                }
            }
            continue;
        };
        let text = || String::from_utf8_lossy(value).into_owned();
        match key {
            b'P' => current.name = text(),
            b'V' => current.version = text(),
            b'A' => current.architecture = text(),
            b'o' => current.origin = Some(text()),
            b'F' => folder = value,
            b'R' => current.files.push(crate::path::normalise(folder, value)),
            _ => {}
        }
    }
    packages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_follow_their_folder() {
        let packages = parse_installed(
            b"C:Q1abc=\nP:musl\nV:1.2.5-r0\nA:x86_64\no:musl\nF:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\nZ:Q1x=\nR:libc.musl-x86_64.so.1\nF:\nR:at-root\n\nV:9\n\nP:busybox\nV:1.36.1-r29\nF:bin\nR:busybox",
        );
        assert_eq!(packages.len(), 2);
        assert_eq!(packages[0].origin.as_deref(), Some("musl"));
        let files: Vec<&[u8]> = packages[0].files.iter().map(Vec::as_slice).collect();
        assert_eq!(
            files,
            [&b"lib/ld-musl-x86_64.so.1"[..], b"lib/libc.musl-x86_64.so.1", b"at-root"]
        );
        assert_eq!(packages[1].files, [b"bin/busybox"]);
    }
}
