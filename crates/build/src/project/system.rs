//! Which of a Dockerfile's distribution packages an image needs that is not built inside itself.

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
    for package in packages {
        let from = Evidence::line(file, package.line);
        match reason_against(&package.value.name) {
            Some(reason) => {
                let text = format!("{} is not taken: {reason}", package.value.name);
                notes.push(Note { from, text });
            }
            None => needed.push(Inferred::new(package.value.clone(), from)),
        }
    }
    needed
}

fn reason_against(name: &str) -> Option<&'static str> {
    if IN_EVERY_BASE.contains(&name) {
        return Some("every base has it");
    }
    if name.starts_with("python3") || name == "python" || name.starts_with("pypy") {
        return Some("the base brings its own Python");
    }
    if name.ends_with("-dev") && name.starts_with("lib") {
        return Some("it serves compilers; the library itself is found by what native code needs");
    }
    let compiler = ["gcc-", "g++-", "clang-", "llvm-"].iter().any(|stem| name.starts_with(stem));
    if BUILD_TIME.contains(&name) || compiler || name.ends_with("-dev") {
        return Some(
            "it serves building and people, not the program; [base] packages brings it back",
        );
    }
    None
}
