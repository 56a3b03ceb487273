//! Programs that can run, and those that cannot.

use std::collections::HashSet;
use std::fmt;
use std::io;

use lightship_codec::tar::RootPath;
use lightship_packages::parcel::{Item, ItemKind};

use super::place::merged;

/// Packages that a base has for their data. Their programs administer it.
const DATA_ONLY: [&str; 6] =
    ["base-files", "ca-certificates", "libc-bin", "netbase", "readline-common", "tzdata"];

/// What Python's `ctypes.util.find_library` asks for the names of libraries.
const LDCONFIG: &str = "usr/sbin/ldconfig";

/// Where programs lie.
const FOLDERS: [&str; 4] = ["usr/bin", "usr/sbin", "usr/games", "usr/local/bin"];

/// Whether something lies where programs lie.
pub(super) fn is_program(item: &Item) -> bool {
    let folder = item.path.parent().unwrap_or_default();
    !matches!(item.kind, ItemKind::Folder { .. })
        && FOLDERS.iter().any(|known| known.as_bytes() == folder.as_bytes())
}

/// Whether something is a program of a package that is there for its data.
pub(super) fn administers(package: &str, item: &Item, has_python: bool) -> bool {
    DATA_ONLY.contains(&package)
        && is_program(item)
        && !(has_python && item.path.as_bytes() == LDCONFIG.as_bytes())
}

/// The interpreter that a file names in its first line, if it is a script.
pub(super) fn interpreter(item: &Item) -> io::Result<Option<Interpreter>> {
    let ItemKind::File { content, .. } = &item.kind else { return Ok(None) };
    // Linux reads so much of the line (*execve(2)*).
    let head = content.head(255)?;
    let Some(line) = head.strip_prefix(b"#!").and_then(|rest| rest.split(|b| *b == b'\n').next())
    else {
        return Ok(None);
    };
    let line = String::from_utf8_lossy(line).into_owned();
    let mut words = line.split_ascii_whitespace();
    let Some(program) = words.next() else { return Ok(None) };
    if !program.ends_with("/env") {
        return Ok(RootPath::parse(program.as_bytes()).ok().map(|p| Interpreter::At(merged(&p))));
    }
    let name = words.find(|word| !word.starts_with('-') && !word.contains('='));
    Ok(name.map(|name| Interpreter::Named(name.to_owned())))
}

/// How a script names its interpreter.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Interpreter {
    /// By its place.
    At(RootPath),
    /// By its name, for `env` to find.
    Named(String),
}

impl fmt::Display for Interpreter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(path) => path.fmt(f),
            Self::Named(name) => write!(f, "env and {name}"),
        }
    }
}

impl Interpreter {
    /// Whether the image has it. A script that `env` starts needs that as well.
    pub(super) fn is_there(&self, places: &HashSet<RootPath>) -> bool {
        match self {
            Self::At(path) => places.contains(path),
            Self::Named(name) => {
                let has = |name: &str| {
                    FOLDERS.iter().any(|folder| {
                        let path = format!("{folder}/{name}");
                        RootPath::parse(path.as_bytes()).is_ok_and(|path| places.contains(&path))
                    })
                };
                has("env") && has(name)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RootPath {
        RootPath::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn the_first_line_names_the_interpreter() {
        let of = |text: &str| interpreter(&Item::made(path("usr/bin/x"), text)).unwrap();
        assert_eq!(of("#!/bin/sh -e\nx"), Some(Interpreter::At(path("usr/bin/sh"))));
        assert_eq!(of("#! /usr/bin/python3.11"), Some(Interpreter::At(path("usr/bin/python3.11"))));
        let env = Interpreter::Named("python3".into());
        assert_eq!(of("#!/usr/bin/env -S A=1 python3 -I\n"), Some(env));
        assert_eq!(of("#!\n"), None);
        assert_eq!(of("\x7fELF"), None);
        assert_eq!(of("#!/usr/../x\n"), None, "no image has it at such a place");
    }

    #[test]
    fn env_is_needed_to_find_a_name() {
        let python = Interpreter::Named("python3".into());
        let mut places = HashSet::from([path("usr/bin/python3")]);
        assert!(!python.is_there(&places));
        places.insert(path("usr/bin/env"));
        assert!(python.is_there(&places));
        assert!(!Interpreter::At(path("usr/bin/sh")).is_there(&places));
    }
}
