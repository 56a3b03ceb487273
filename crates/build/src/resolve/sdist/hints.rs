//! What a failed build was missing.

/// What to do about a build that ended with these complaints.
pub(in super::super) fn of(complaint: &str) -> Option<&'static str> {
    let has = |marks: &[&str]| marks.iter().any(|mark| complaint.contains(mark));
    if has(&["rustc", "cargo: not found", "'cargo'"]) {
        return Some(
            "it needs a Rust compiler and crates, and builds have no network: put a wheel of it into a `--find-links` folder",
        );
    }
    // The root that native sources are built in has a compiler and Python's headers.
    if has(&["fatal error: ", "cannot find -l", "Dependency lookup for", "Package requirements"]) {
        return Some(
            "it needs headers or libraries: name the packages that have them below `[build] packages`, such as \"libpq-dev\"",
        );
    }
    let tools = [
        "'cc'",
        "'gcc'",
        "-gcc'",
        "'g++'",
        "-g++'",
        "'c++'",
        "Unknown compiler",
        "CMAKE_C_COMPILER",
        "No such file or directory: '",
        "command not found",
    ];
    if has(&tools) || has(&["command 'cc' failed", "command 'gcc' failed"]) {
        return Some(
            "it runs programs that are not there: name the packages that have them below `[build] packages`, such as \"gcc\"",
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
            ("error: [Errno 2] No such file or directory: 'x86_64-linux-gnu-gcc'", "programs"),
            ("x.c:1:10: fatal error: libpq-fe.h: No such file or directory", "headers"),
            ("error: command 'cargo' failed: No such file or directory: 'cargo'", "Rust"),
        ] {
            assert!(of(complaint).unwrap().contains(expected), "{complaint}");
        }
        assert_eq!(of("SyntaxError: invalid syntax"), None);
    }
}
