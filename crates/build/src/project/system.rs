//! Which of a Dockerfile's distribution packages an image needs that is not built inside itself.

use std::collections::BTreeMap;

use lightship_dockerfile::{Apt, At};

use super::evidence::{Evidence, Inferred, Note};

/// What only builds, fetches or helps a person at a prompt.
const BUILD_TIME: [&str; 52] = [
    "build-essential",
    "gcc",
    "g++",
    "cpp",
    "gfortran",
    "clang",
    "llvm",
    "make",
    "cmake",
    "ninja-build",
    "meson",
    "pkg-config",
    "pkgconf",
    "autoconf",
    "automake",
    "libtool",
    "patch",
    "bison",
    "flex",
    "swig",
    "cython3",
    "rustc",
    "cargo",
    "golang",
    "git",
    "git-lfs",
    "curl",
    "wget",
    "gnupg",
    "gnupg2",
    "gpg",
    "dirmngr",
    "apt-utils",
    "apt-transport-https",
    "software-properties-common",
    "lsb-release",
    "vim",
    "nano",
    "less",
    "htop",
    "man-db",
    "tree",
    "unzip",
    "zip",
    "xz-utils",
    "bzip2",
    "sudo",
    "strace",
    "gdb",
    "jq",
    "telnet",
    "net-tools",
];

/// What every base has anyway.
const IN_EVERY_BASE: [&str; 3] = ["ca-certificates", "tzdata", "netbase"];

/// Sorts a Dockerfile's packages into those that the image gets and notes about the others.
pub(super) fn needed(
    file: &str,
    packages: &[At<Apt>],
    notes: &mut Vec<Note>,
) -> Vec<Inferred<Apt>> {
    let mut needed = Vec::new();
    // One note for all of a line that stay out for one reason.
    let mut left: BTreeMap<(u32, &str), Vec<&str>> = BTreeMap::new();
    for package in packages {
        if let Some(reason) = reason_against(&package.value.name) {
            left.entry((package.line, reason)).or_default().push(&package.value.name);
        } else {
            let from = Evidence::line(file, package.line);
            needed.push(Inferred::new(package.value.clone(), from));
        }
    }
    notes.extend(left.into_iter().map(|((line, reason), names)| Note {
        from: Evidence::line(file, line),
        text: format!("not taken: {} ({reason})", names.join(", ")),
    }));
    needed
}

fn reason_against(name: &str) -> Option<&'static str> {
    if IN_EVERY_BASE.contains(&name) {
        return Some("every base has that");
    }
    if name.starts_with("python3") || name == "python" || name.starts_with("pypy") {
        return Some("the base brings its own Python");
    }
    if name.ends_with("-dev") && name.starts_with("lib") {
        return Some("for compilers; libraries themselves are found by what native code needs");
    }
    let compiler = ["gcc-", "g++-", "clang-", "llvm-"].iter().any(|stem| name.starts_with(stem));
    if BUILD_TIME.contains(&name) || compiler || name.ends_with("-dev") {
        return Some(
            "for building and people, not for the program; [base] packages brings it back",
        );
    }
    None
}
