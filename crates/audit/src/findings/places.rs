//! Sorting a path into a rule by where it is.

use super::rules::{self, Rule};

/// The rule for a file at this path (relative to the root, no leading slash), if its place alone
/// decides.
pub(super) fn rule_for(path: &[u8]) -> Option<&'static Rule> {
    let folders = path.split(|b| *b == b'/').collect::<Vec<_>>();
    let (name, folders) = folders.split_last()?;
    let place = Place { path, folders, name };
    version_control(place)
        .or_else(|| caches(place))
        .or_else(|| build_tools(place))
        .or_else(|| python(place))
        .or_else(|| system(place))
}

#[derive(Clone, Copy)]
struct Place<'a> {
    path: &'a [u8],
    folders: &'a [&'a [u8]],
    name: &'a [u8],
}

impl Place<'_> {
    /// Whether it lies below a folder that the image's root has.
    fn below(self, folder: &str) -> bool {
        self.path.strip_prefix(folder.as_bytes()).is_some_and(|rest| rest.starts_with(b"/"))
    }

    /// Whether it lies below these folders, wherever they are: `.cache/pip`.
    fn inside(self, wanted: &str) -> bool {
        let wanted = || wanted.split('/').map(str::as_bytes);
        let count = wanted().count();
        self.folders.windows(count).any(|window| window.iter().copied().eq(wanted()))
    }

    fn any_below(self, folders: &[&str]) -> bool {
        folders.iter().any(|folder| self.below(folder))
    }

    fn any_inside(self, folders: &[&str]) -> bool {
        folders.iter().any(|folder| self.inside(folder))
    }

    fn has_ending(self, endings: &[&str]) -> bool {
        endings.iter().any(|ending| self.path.ends_with(ending.as_bytes()))
    }

    fn in_packages(self) -> bool {
        self.any_inside(&["site-packages", "dist-packages"])
    }
}

fn version_control(place: Place<'_>) -> Option<&'static Rule> {
    place.any_inside(&[".git", ".hg", ".svn"]).then_some(&rules::VCS)
}

fn caches(place: Place<'_>) -> Option<&'static Rule> {
    const INSIDE: [(&[&str], &Rule); 7] = [
        (&[".cache/pip"], &rules::PIP_CACHE),
        (&[".cache/uv"], &rules::UV_CACHE),
        (&[".cache/pypoetry"], &rules::POETRY_CACHE),
        (
            &[
                ".npm/_cacache",
                ".npm/_logs",
                ".cache/yarn",
                ".yarn/cache",
                ".local/share/pnpm/store",
            ],
            &rules::NPM_CACHE,
        ),
        (&[".cargo/registry", ".cargo/git", "cargo/registry", "cargo/git"], &rules::CARGO_CACHE),
        (&[".cache/go-build", "go/pkg/mod/cache"], &rules::GO_CACHE),
        (
            &[
                "conda/pkgs",
                "miniconda3/pkgs",
                "miniconda/pkgs",
                "anaconda3/pkgs",
                "miniforge3/pkgs",
                "mambaforge/pkgs",
            ],
            &rules::CONDA_CACHE,
        ),
    ];
    const BELOW: [(&[&str], &Rule); 2] = [
        (&["var/lib/apt/lists", "var/cache/apt", "var/cache/debconf"], &rules::APT_CACHE),
        (
            &["var/cache/apk", "etc/apk/cache", "var/cache/dnf", "var/cache/yum", "var/cache/zypp"],
            &rules::OS_CACHE,
        ),
    ];
    let inside = INSIDE.iter().find(|(folders, _)| place.any_inside(folders));
    let below = || BELOW.iter().find(|(folders, _)| place.any_below(folders));
    inside.or_else(below).map(|(_, rule)| *rule)
}

fn build_tools(place: Place<'_>) -> Option<&'static Rule> {
    const FOLDERS: [&str; 6] = [
        "usr/lib/gcc",
        "usr/libexec/gcc",
        "usr/lib/llvm",
        "usr/local/go",
        "usr/local/rustup",
        "root/.rustup",
    ];
    // libgcc_s and libstdc++ lie beside, not in these folders.
    place.any_below(&FOLDERS).then_some(&rules::BUILD_TOOLS)
}

fn python(place: Place<'_>) -> Option<&'static Rule> {
    let standard_library_tests = || {
        let libraries = ["usr/lib/python3", "usr/local/lib/python3", "opt/conda/lib/python3"];
        libraries.iter().any(|library| place.path.starts_with(library.as_bytes()))
            && place.any_inside(&["test", "idlelib/idle_test", "lib2to3/tests"])
            && !place.in_packages()
    };
    if (place.in_packages() && place.inside("tests")) || standard_library_tests() {
        return Some(&rules::TESTS);
    }
    let bytecode = place.inside("__pycache__") || place.has_ending(&[".pyc", ".pyo"]);
    bytecode.then_some(&rules::BYTECODE)
}

fn system(place: Place<'_>) -> Option<&'static Rule> {
    let headers = place.any_below(&["usr/include", "usr/local/include"])
        || (place.in_packages() && place.has_ending(&[".h", ".hpp", ".hh", ".cuh", ".pxd"]))
        || (place.has_ending(&[".a", ".la"]) && place.any_inside(&["lib", "lib64"]));
    let documents = place.any_below(&["usr/share/doc", "usr/share/info", "usr/share/gtk-doc", "usr/local/share/doc"])
        // Licences must travel with what they license.
        && !matches!(place.name, b"copyright" | b"LICENSE" | b"LICENSE.txt" | b"COPYING" | b"NOTICE");
    let locales =
        place.any_below(&["usr/share/locale", "usr/share/i18n", "usr/local/share/locale"])
            || (place.below("usr/lib/locale") && !place.path.starts_with(b"usr/lib/locale/C."))
            || (place.in_packages() && place.inside("LC_MESSAGES"));
    let by_place = [
        (headers, &rules::HEADERS),
        (documents, &rules::DOCS),
        (place.any_below(&["usr/share/man", "usr/local/share/man", "usr/local/man"]), &rules::MAN),
        (locales, &rules::LOCALES),
        (place.any_below(&["usr/lib/debug", "usr/local/lib/debug"]), &rules::DEBUG),
        (place.any_below(&["tmp", "var/tmp", "var/log"]), &rules::TEMPORARY),
    ];
    by_place.into_iter().find(|(matches, _)| *matches).map(|(_, rule)| rule)
}

/// Whether a distribution's package is for building, by its name.
pub(super) fn is_build_package(name: &str) -> bool {
    const NAMES: [&str; 28] = [
        "autoconf",
        "automake",
        "binutils",
        "bison",
        "build-base",
        "build-essential",
        "cargo",
        "clang",
        "cmake",
        "cpp",
        "dpkg-dev",
        "flex",
        "g++",
        "gcc",
        "gdb",
        "gfortran",
        "golang",
        "libtool",
        "lld",
        "llvm",
        "m4",
        "make",
        "meson",
        "nasm",
        "ninja-build",
        "patch",
        "pkgconf",
        "rustc",
    ];
    let versioned = |tool: &&str| {
        name.strip_prefix(*tool).is_some_and(|rest| {
            rest.is_empty()
                || rest.strip_prefix('-').is_some_and(|version| {
                    version.bytes().next().is_some_and(|b| b.is_ascii_digit())
                        || version.starts_with("x86-64-linux-gnu")
                        || version.starts_with("aarch64-linux-gnu")
                        || version.starts_with("common")
                })
        })
    };
    // `gcc-12-base` is a folder of changelogs that libgcc needs.
    !name.ends_with("-base") && (NAMES.iter().any(versioned) || name.ends_with("-dev"))
        || name == "build-base"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(path: &str) -> &'static str {
        rule_for(path.as_bytes()).map_or("-", |rule| rule.code.0)
    }

    #[test]
    fn places_tell_rules() {
        let cases = [
            ("root/.cache/pip/http/a", "pip-cache"),
            ("home/user/.cache/uv/wheels/x", "uv-cache"),
            ("var/lib/apt/lists/x_Packages", "apt-cache"),
            ("app/.git/objects/aa", "version-control"),
            ("app/.gitignore", "-"),
            ("usr/lib/gcc/x86_64-linux-gnu/12/cc1", "build-tools"),
            ("usr/lib/x86_64-linux-gnu/libgcc_s.so.1", "-"),
            ("usr/lib/python3/dist-packages/numpy/tests/test_a.py", "package-tests"),
            ("opt/v/lib/python3.11/site-packages/numpy/tests/__pycache__/t.pyc", "package-tests"),
            ("opt/v/lib/python3.11/site-packages/numpy/testing/x.py", "-"),
            ("opt/v/lib/python3.11/site-packages/django/test/client.py", "-"),
            ("usr/local/lib/python3.11/test/test_os.py", "package-tests"),
            ("app/tests/test_a.py", "-"),
            ("app/__pycache__/a.pyc", "bytecode"),
            ("usr/include/stdio.h", "headers"),
            ("usr/lib/x86_64-linux-gnu/libc.a", "headers"),
            ("usr/share/doc/bash/README", "documentation"),
            ("usr/share/doc/bash/copyright", "-"),
            ("usr/share/man/man1/ls.1.gz", "manual-pages"),
            ("usr/share/locale/de/LC_MESSAGES/x.mo", "locales"),
            ("usr/lib/locale/C.utf8/LC_CTYPE", "-"),
            ("tmp/leftover", "temporary-files"),
            ("tmpfile", "-"),
        ];
        for (path, expected) in cases {
            assert_eq!(code(path), expected, "{path}");
        }
    }

    #[test]
    fn build_packages_are_told_by_name() {
        for name in [
            "gcc",
            "gcc-12",
            "g++-12",
            "cpp-12",
            "make",
            "libc6-dev",
            "linux-libc-dev",
            "binutils-common",
            "binutils-x86-64-linux-gnu",
            "build-base",
        ] {
            assert!(is_build_package(name), "{name}");
        }
        for name in [
            "gcc-12-base",
            "libgcc-s1",
            "makedev",
            "patchutils",
            "git",
            "python3-minimal",
            "device-tree",
        ] {
            assert!(!is_build_package(name), "{name}");
        }
    }
}
