//! What a failed build was missing.

/// What to do about a build that ended with these complaints.
pub(super) fn of(complaint: &str) -> Option<&'static str> {
    let has = |marks: &[&str]| marks.iter().any(|mark| complaint.contains(mark));
    if has(&["Python.h"]) {
        return Some(
            "it needs Python's headers: add \"gcc\" and \"python3-dev\" to `[build] packages`, or put a wheel of it into a `--find-links` folder",
        );
    }
    let compilers = [
        "'cc'",
        "'gcc'",
        "-gcc'",
        "'g++'",
        "-g++'",
        "'c++'",
        "Unknown compiler",
        "CMAKE_C_COMPILER",
    ];
    if has(&compilers) || has(&["command 'cc' failed", "command 'gcc' failed"]) {
        return Some(
            "it needs a compiler: add \"gcc\" and \"python3-dev\" to `[build] packages`, or put a wheel of it into a `--find-links` folder",
        );
    }
    if has(&["rustc", "cargo: not found", "'cargo'"]) {
        return Some(
            "it needs a Rust compiler, which images do not have: put a wheel of it into a `--find-links` folder",
        );
    }
    if has(&[
        "not found in the provided package locations",
        "network was disabled",
        "No solution found",
    ]) {
        return Some(
            "its build asks for more than its `pyproject.toml` says: put a wheel of it into a `--find-links` folder",
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_recognised() {
        for (complaint, expected) in [
            ("error: [Errno 2] No such file or directory: 'x86_64-linux-gnu-gcc'", "compiler"),
            ("fatal error: Python.h: No such file or directory", "headers"),
            ("wheel was not found in the provided package locations", "asks for more"),
        ] {
            assert!(of(complaint).unwrap().contains(expected), "{complaint}");
        }
        assert_eq!(of("SyntaxError: invalid syntax"), None);
    }
}
