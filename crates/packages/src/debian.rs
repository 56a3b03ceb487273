//! dpkg's records: which packages are installed and which files they brought
//! (*deb-control(5)*, *dpkg-query(1)*, *dpkg-divert(1)*).

use std::collections::HashMap;

/// One paragraph of `status` or `status.d/<name>`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DebianPackage {
    /// `Package`.
    pub name: String,
    /// `Version`, with epoch and revision.
    pub version: String,
    /// `Architecture`: `amd64`, `all`.
    pub architecture: String,
    /// The state; packages of `status.d` carry none and are installed.
    pub state: State,
    /// The source package where it is not called the same: its name, and its version where that
    /// differs. A binary rebuild (`+b1`) is a version that its source does not have.
    pub source: Option<(String, Option<String>)>,
}

/// How far dpkg got with a package: the third word of `Status`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum State {
    /// Installed, perhaps with triggers still to run; its files are there.
    #[default]
    Installed,
    /// Unpacked or half way in or out: some files are there.
    Partial,
    /// Removed, its configuration files kept; or never there.
    Absent,
}

/// Reads every paragraph that names a package, up to [`crate::MOST_PACKAGES`]. Others are passed over.
pub fn parse_status(bytes: &[u8]) -> Vec<DebianPackage> {
    let mut packages = Vec::new();
    let mut current = DebianPackage::default();
    for line in bytes.split(|b| *b == b'\n') {
        if packages.len() == crate::MOST_PACKAGES {
            return packages;
        }
        if line.trim_ascii().is_empty() {
            finish(&mut current, &mut packages);
        } else if !line[0].is_ascii_whitespace() {
            // A line that begins with a space continues a field; none of those we read spans lines.
            read_field(line, &mut current);
        }
    }
    finish(&mut current, &mut packages);
    packages
}

fn finish(current: &mut DebianPackage, packages: &mut Vec<DebianPackage>) {
    let package = std::mem::take(current);
    if !package.name.is_empty() {
        packages.push(package);
    }
}

fn read_field(line: &[u8], package: &mut DebianPackage) {
    let Some(colon) = line.iter().position(|b| *b == b':') else { return };
    let value = || String::from_utf8_lossy(line[colon + 1..].trim_ascii()).into_owned();
    match line[..colon].to_ascii_lowercase().as_slice() {
        b"package" => package.name = value(),
        b"version" => package.version = value(),
        b"architecture" => package.architecture = value(),
        b"status" => package.state = parse_state(&value()),
        b"source" => package.source = Some(parse_source(&value())),
        _ => {}
    }
}

/// `install ok installed`: what is wanted, an error flag, what is.
fn parse_state(status: &str) -> State {
    match status.split_ascii_whitespace().nth(2) {
        Some("installed" | "triggers-awaited" | "triggers-pending") => State::Installed,
        Some("half-installed" | "unpacked" | "half-configured") => State::Partial,
        _ => State::Absent,
    }
}

/// `glibc` or `glibc (2.36-9)`.
fn parse_source(source: &str) -> (String, Option<String>) {
    match source.split_once('(') {
        Some((name, version)) => {
            (name.trim().to_owned(), Some(version.trim().trim_end_matches(')').trim().to_owned()))
        }
        None => (source.to_owned(), None),
    }
}

/// The files of an `info/*.list`: one absolute path a line, folders among them. Given back relative
/// to the root.
pub fn parse_list(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes
        .split(|b| *b == b'\n')
        .filter_map(|line| line.strip_prefix(b"/"))
        .filter(|path| !path.is_empty() && *path != b".")
}

/// The files of a `*.md5sums`: a checksum, two spaces, a relative path. Configuration files are not
/// in it.
pub fn parse_md5sums(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|b| *b == b'\n').filter_map(|line| {
        let space = line.iter().position(|b| *b == b' ')?;
        let path = line[space..].trim_ascii_start();
        let path = path.strip_prefix(b"./").unwrap_or(path);
        (!path.is_empty()).then_some(path)
    })
}

/// Where diverted files really lie.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diversions(HashMap<Vec<u8>, (Vec<u8>, Vec<u8>)>);

impl Diversions {
    /// Reads groups of three lines: the path, where it went, the package that has the path now (`:`
    /// for the administrator).
    pub fn parse(bytes: &[u8]) -> Self {
        let lines: Vec<&[u8]> = bytes.split(|b| *b == b'\n').collect();
        let relative = |path: &[u8]| path.strip_prefix(b"/").unwrap_or(path).to_vec();
        Self(
            lines
                .chunks_exact(3)
                .filter(|group| group.iter().all(|line| !line.is_empty()))
                .map(|group| (relative(group[0]), (relative(group[1]), group[2].to_vec())))
                .collect(),
        )
    }

    /// Where `package` put a file that its list names `path`.
    pub fn place<'a>(&'a self, package: &[u8], path: &'a [u8]) -> &'a [u8] {
        match self.0.get(path) {
            Some((elsewhere, holder)) if holder != package => elsewhere,
            _ => path,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &[u8] = b"Package: libc6
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Source: glibc
Version: 2.36-9+deb12u10
Description: GNU C Library: Shared libraries
 Contains the standard libraries.
 .
 Version: not a field

Package: attr
Status: hold ok triggers-pending
Architecture: amd64
Source: attr (1:2.4.47-2)
Version: 1:2.4.47-2+b1

Package: gone
Status: deinstall ok config-files
Version: 1

package: broken
STATUS: install reinstreq half-installed
Version: 2";

    #[test]
    fn paragraphs_states_and_sources() {
        let packages = parse_status(STATUS);
        assert_eq!(packages.len(), 4);
        assert_eq!(packages[0].version, "2.36-9+deb12u10");
        assert_eq!(packages[0].source, Some(("glibc".into(), None)));
        assert_eq!(packages[1].source, Some(("attr".into(), Some("1:2.4.47-2".into()))));
        let states: Vec<State> = packages.iter().map(|p| p.state).collect();
        assert_eq!(states, [State::Installed, State::Installed, State::Absent, State::Partial]);
    }

    #[test]
    fn lists_name_files_relative_to_the_root() {
        let list: Vec<&[u8]> = parse_list(b"/.\n/usr\n/usr/bin/a b\n\njunk\n").collect();
        assert_eq!(list, [&b"usr"[..], b"usr/bin/a b"]);
        let sums: Vec<&[u8]> =
            parse_md5sums(b"d41d8  usr/share/x\nd41d8  ./etc/y\nbad\n").collect();
        assert_eq!(sums, [&b"usr/share/x"[..], b"etc/y"]);
    }

    #[test]
    fn a_diverted_file_lies_elsewhere_for_all_but_the_holder() {
        let diversions = Diversions::parse(b"/bin/sh\n/bin/sh.distrib\ndash\n/x\n/y\n:\n");
        assert_eq!(diversions.place(b"dash", b"bin/sh"), b"bin/sh");
        assert_eq!(diversions.place(b"bash", b"bin/sh"), b"bin/sh.distrib");
        assert_eq!(diversions.place(b"any", b"x"), b"y");
        assert_eq!(diversions.place(b"any", b"z"), b"z");
    }
}
