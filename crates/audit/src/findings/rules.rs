//! The rules: what a running service rarely needs, how sure that is, and what to do about it.

use lightship_policy::{Code, Confidence, Severity};

/// A rule's fixed part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Its stable name.
    pub code: Code,
    /// What it finds, for a heading.
    pub title: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// How sure it is.
    pub confidence: Confidence,
    /// Why it says so.
    pub evidence: &'static str,
    /// What to do.
    pub fix: &'static str,
}

const fn rule(
    code: &'static str,
    title: &'static str,
    (severity, confidence): (Severity, Confidence),
    evidence: &'static str,
    fix: &'static str,
) -> Rule {
    Rule { code: Code(code), title, severity, confidence, evidence, fix }
}

use Confidence::{Certain, Likely, Possible};
use Severity::{Error, Info, Warning};

/// Content that a later layer wrote again.
pub const SHADOWED: Rule = rule(
    "shadowed-files",
    "files written again by a later layer",
    (Warning, Certain),
    "the earlier copy is in a layer but cannot be seen in the filesystem",
    "write each file once, or merge the layers with `lightship image squash`",
);
/// Content that a later layer removed.
pub const DELETED: Rule = rule(
    "deleted-files",
    "files removed by a later layer",
    (Warning, Certain),
    "the bytes stay in the layer that wrote them; removing only hides them",
    "remove them in the same RUN that makes them, use a build stage, or `lightship image squash`",
);
/// One content at several paths.
pub const DUPLICATE: Rule = rule(
    "duplicate-files",
    "the same content at several paths",
    (Info, Certain),
    "contents are equal byte by byte and the paths are no hard links of each other",
    "keep one and link to it",
);
/// Keys and credentials.
pub const SECRET: Rule = rule(
    "secret",
    "keys and credentials",
    (Error, Likely),
    "the path or the first bytes are those of a secret (contents are never shown)",
    "remove it from every layer, replace the secret, and mount it at build or run time instead",
);
/// Version control.
pub const VCS: Rule = rule(
    "version-control",
    "version-control folders",
    (Warning, Certain),
    "a `.git`, `.hg` or `.svn` folder holds the project's whole past",
    "add it to `.dockerignore`",
);
/// A virtual environment that nothing uses.
pub const VIRTUALENV: Rule = rule(
    "virtualenv",
    "virtual environments copied in",
    (Warning, Likely),
    "a folder with `pyvenv.cfg` that neither PATH, VIRTUAL_ENV nor the start command names",
    "add it to `.dockerignore`",
);
/// pip's cache.
pub const PIP_CACHE: Rule = cache(
    "pip-cache",
    "pip's download cache",
    "use `pip install --no-cache-dir`, or a cache mount",
);
/// uv's cache.
pub const UV_CACHE: Rule = cache(
    "uv-cache",
    "uv's cache",
    "use a cache mount with `UV_LINK_MODE=copy`, or `uv --no-cache`",
);
/// Poetry's cache.
pub const POETRY_CACHE: Rule =
    cache("poetry-cache", "Poetry's cache", "use a cache mount, or `poetry install --no-cache`");
/// conda's package folder.
pub const CONDA_CACHE: Rule =
    cache("conda-cache", "conda's package cache", "run `conda clean --all --yes` in the same RUN");
/// apt's lists and archives.
pub const APT_CACHE: Rule = cache(
    "apt-cache",
    "apt's lists and archives",
    "end the RUN with `rm -rf /var/lib/apt/lists/*`, or use cache mounts",
);
/// apk's, dnf's and yum's caches.
pub const OS_CACHE: Rule = cache(
    "os-package-cache",
    "the distribution's package cache",
    "use `apk add --no-cache`, or `dnf clean all` in the same RUN",
);
/// npm's, yarn's and pnpm's caches.
pub const NPM_CACHE: Rule = cache(
    "npm-cache",
    "the caches of npm, yarn and pnpm",
    "use a cache mount, or `npm cache clean --force` in the same RUN",
);
/// cargo's registry.
pub const CARGO_CACHE: Rule = cache(
    "cargo-cache",
    "cargo's registry and checkouts",
    "build in a stage of its own and copy the binary",
);
/// Go's caches.
pub const GO_CACHE: Rule = cache(
    "go-cache",
    "Go's build and module caches",
    "build in a stage of its own and copy the binary",
);

const fn cache(code: &'static str, title: &'static str, fix: &'static str) -> Rule {
    rule(
        code,
        title,
        (Warning, Certain),
        "the folder is a package manager's cache; nothing reads it at run time",
        fix,
    )
}

/// Compilers and their like.
pub const BUILD_TOOLS: Rule = rule(
    "build-tools",
    "compilers and build tools",
    (Warning, Likely),
    "the files belong to packages that compile or link, or lie in a compiler's folder",
    "build in a stage of its own and copy the result",
);
/// CUDA libraries at two places.
pub const CUDA_TWICE: Rule = rule(
    "cuda-twice",
    "CUDA libraries present twice",
    (Warning, Possible),
    "the same library is in the system's CUDA folder and in Python packages, which use their own copy",
    "start from a base without CUDA, or use wheels that link to the system's",
);
/// Test suites of installed packages.
pub const TESTS: Rule = rule(
    "package-tests",
    "test suites of Python packages",
    (Info, Likely),
    "folders named `tests` below site-packages, or the standard library's own",
    "remove them in the RUN that installs the packages, where no installed code imports them",
);
/// Bytecode.
pub const BYTECODE: Rule = rule(
    "bytecode",
    "Python bytecode",
    (Info, Possible),
    "`__pycache__` can be made again from the source; without it every start compiles what it imports",
    "weigh size against start time; `PYTHONDONTWRITEBYTECODE=1` or `pip install --no-compile` leaves it out",
);
/// Headers and static libraries.
pub const HEADERS: Rule = rule(
    "headers",
    "headers and static libraries",
    (Info, Likely),
    "needed to compile, not to run (except by packages that compile at run time, such as Triton)",
    "leave -dev packages to a build stage",
);
/// Documentation.
pub const DOCS: Rule = rule(
    "documentation",
    "documentation",
    (Info, Likely),
    "files below share/doc and share/info, without the licences",
    "`path-exclude=/usr/share/doc/*` in dpkg's settings, or a slimmer base",
);
/// Manual pages.
pub const MAN: Rule = rule(
    "manual-pages",
    "manual pages",
    (Info, Likely),
    "files below share/man",
    "`path-exclude=/usr/share/man/*` in dpkg's settings, or a slimmer base",
);
/// Translations.
pub const LOCALES: Rule = rule(
    "locales",
    "translations",
    (Info, Likely),
    "message catalogues and locale sources; a service answers in one language",
    "`path-exclude=/usr/share/locale/*` in dpkg's settings, or a slimmer base",
);
/// Debug sections.
pub const DEBUG: Rule = rule(
    "elf-debug",
    "debug sections in binaries",
    (Info, Likely),
    "`.debug_*` sections in ELF files, or files below lib/debug; only debuggers read them",
    "`strip --strip-debug`, except for wheels that patchelf changed: those break",
);
/// Left-overs.
pub const TEMPORARY: Rule = rule(
    "temporary-files",
    "temporary files and logs",
    (Info, Possible),
    "files below /tmp, /var/tmp and /var/log",
    "remove them in the RUN that makes them",
);

/// All rules. A byte counts for one of them only, so that savings add up: for the first whose place it
/// is at, else as a copy, else as a debug section.
pub const ALL: [&Rule; 25] = [
    &SHADOWED,
    &DELETED,
    &SECRET,
    &VCS,
    &VIRTUALENV,
    &PIP_CACHE,
    &UV_CACHE,
    &POETRY_CACHE,
    &CONDA_CACHE,
    &APT_CACHE,
    &OS_CACHE,
    &NPM_CACHE,
    &CARGO_CACHE,
    &GO_CACHE,
    &BUILD_TOOLS,
    &CUDA_TWICE,
    &TESTS,
    &BYTECODE,
    &HEADERS,
    &DOCS,
    &MAN,
    &LOCALES,
    &TEMPORARY,
    &DUPLICATE,
    &DEBUG,
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_fit_a_command_line() {
        let codes: HashSet<&str> = ALL.iter().map(|rule| rule.code.0).collect();
        assert_eq!(codes.len(), ALL.len());
        let plain = |code: &str| code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        assert!(codes.into_iter().all(plain));
    }
}
