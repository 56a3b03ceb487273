//! Where package managers keep what they know: one table, read while layers stream by (what to
//! keep) and again when the inventory is built (what was found), so that the two cannot drift.

use crate::path;

/// A file that says something about what is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'p> {
    /// *os-release(5)*.
    OsRelease,
    /// dpkg's list of packages, *dpkg-query(1)*.
    DpkgStatus,
    /// *dpkg-divert(1)*: files that lie elsewhere than their package says.
    DpkgDiversions,
    /// `info/<package>[:arch].<suffix>`.
    DpkgInfo {
        /// `libc6:amd64`.
        package: &'p [u8],
        /// `list`, `md5sums`, `postinst`, …
        suffix: &'p [u8],
    },
    /// `status.d/<name>`: one package of an image made without dpkg, or its checksums.
    DpkgStatusFolder,
    /// apk's list of packages.
    ApkInstalled,
    /// An RPM database in one of its formats; recognised, not read.
    RpmDatabase,
    /// A file in a `*.dist-info` folder (*Recording installed projects*, the `PyPA` specification).
    DistInfo {
        /// The folder.
        folder: &'p [u8],
        /// The file's name.
        file: &'p [u8],
    },
    /// A file in a `*.egg-info` folder, or in the `EGG-INFO` folder of an `*.egg`.
    EggInfo {
        /// The folder.
        folder: &'p [u8],
        /// The file's name.
        file: &'p [u8],
    },
    /// A `*.egg-info` that is one file: distutils wrote it.
    EggInfoFile,
    /// `node_modules/<name>/package.json` or `node_modules/@scope/<name>/package.json`.
    NodePackage {
        /// The package's folder.
        folder: &'p [u8],
    },
}

const DPKG: &[u8] = b"var/lib/dpkg/";

/// Which of the places a path is.
pub(crate) fn place(path: &[u8]) -> Option<Place<'_>> {
    if let Some(inside) = path.strip_prefix(DPKG) {
        return dpkg_place(inside);
    }
    match path {
        b"etc/os-release" | b"usr/lib/os-release" => return Some(Place::OsRelease),
        // apk-tools moved the database below /usr where the folders were merged.
        b"lib/apk/db/installed" | b"usr/lib/apk/db/installed" => return Some(Place::ApkInstalled),
        _ => {}
    }
    if is_rpm_database(path) {
        return Some(Place::RpmDatabase);
    }
    let folder = path::parent(path);
    let file = path::file_name(path);
    if file == b"package.json" {
        return is_node_package(folder).then_some(Place::NodePackage { folder });
    }
    if folder.ends_with(b".dist-info") {
        return Some(Place::DistInfo { folder, file });
    }
    if folder.ends_with(b".egg-info") || folder.ends_with(b".egg/EGG-INFO") {
        return Some(Place::EggInfo { folder, file });
    }
    file.ends_with(b".egg-info").then_some(Place::EggInfoFile)
}

fn dpkg_place(inside: &[u8]) -> Option<Place<'_>> {
    if let Some(name) = inside.strip_prefix(b"info/") {
        let dot = name.iter().rposition(|b| *b == b'.')?;
        return Some(Place::DpkgInfo { package: &name[..dot], suffix: &name[dot + 1..] });
    }
    match inside {
        b"status" => Some(Place::DpkgStatus),
        b"diversions" => Some(Place::DpkgDiversions),
        _ => {
            let name = inside.strip_prefix(b"status.d/")?;
            (!name.is_empty() && !name.contains(&b'/')).then_some(Place::DpkgStatusFolder)
        }
    }
}

/// Berkeley DB, NDB and `SQLite`, at the old and the new place.
fn is_rpm_database(path: &[u8]) -> bool {
    let folder = path::parent(path);
    let known_folder = folder == b"var/lib/rpm" || folder == b"usr/lib/sysimage/rpm";
    known_folder && matches!(path::file_name(path), b"Packages" | b"Packages.db" | b"rpmdb.sqlite")
}

/// `…/node_modules/name` or `…/node_modules/@scope/name`.
fn is_node_package(folder: &[u8]) -> bool {
    let above = path::parent(folder);
    let name = path::file_name(folder);
    let in_modules = |folder: &[u8]| path::file_name(folder) == b"node_modules";
    if name.is_empty() || name.starts_with(b".") || name.starts_with(b"@") {
        return false;
    }
    in_modules(above)
        || (path::file_name(above).starts_with(b"@") && in_modules(path::parent(above)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_exact() {
        let info = |p| place(p).unwrap();
        assert_eq!(
            info(b"var/lib/dpkg/info/libc6:amd64.list"),
            Place::DpkgInfo { package: b"libc6:amd64", suffix: b"list" }
        );
        assert_eq!(
            info(b"var/lib/dpkg/info/python3.11-minimal.postinst"),
            Place::DpkgInfo { package: b"python3.11-minimal", suffix: b"postinst" }
        );
        assert_eq!(info(b"var/lib/dpkg/status.d/base"), Place::DpkgStatusFolder);
        assert_eq!(info(b"usr/lib/sysimage/rpm/rpmdb.sqlite"), Place::RpmDatabase);
        assert_eq!(
            info(b"s/a-1.dist-info/RECORD"),
            Place::DistInfo { folder: b"s/a-1.dist-info", file: b"RECORD" }
        );
        assert_eq!(
            info(b"s/a-1-py3.8.egg/EGG-INFO/PKG-INFO"),
            Place::EggInfo { folder: b"s/a-1-py3.8.egg/EGG-INFO", file: b"PKG-INFO" }
        );
        assert_eq!(info(b"s/a-1.egg-info"), Place::EggInfoFile);
        assert_eq!(
            info(b"app/node_modules/@s/n/package.json"),
            Place::NodePackage { folder: b"app/node_modules/@s/n" }
        );
        for other in [
            &b"app/package.json"[..],
            b"node_modules/n/dist/package.json",
            b"node_modules/@s/package.json",
            b"node_modules/.bin/package.json",
            b"var/lib/dpkg/status-old",
            b"home/var/lib/dpkg/status",
            b"",
        ] {
            assert_eq!(place(other), None, "{}", path::display(other));
        }
    }
}
