//! The documented cases, and a naive model of the same rules.

use proptest::prelude::*;

use super::*;

fn excludes(patterns: &[&str], path: &str) -> bool {
    Patterns::of(patterns).unwrap().excludes(path)
}

#[test]
fn single_patterns_match_as_documented() {
    for (pattern, path, matches) in [
        // Docker's reference, ".dockerignore files"
        ("*/temp*", "somedir/temporary.txt", true),
        ("*/temp*", "somedir/temp", true),
        ("*/temp*", "somedir/sub/temp", false),
        ("*/*/temp*", "somedir/sub/temporary.txt", true),
        ("temp?", "tempa", true),
        ("temp?", "temp", false),
        ("temp?", "a/tempa", false),
        ("**/*.go", "main.go", true),
        ("**/*.go", "a/b/main.go", true),
        ("*.md", "README.md", true),
        ("*.md", "docs/README.md", false),
        ("/foo/bar", "foo/bar", true),
        ("foo/bar", "foo/bar", true),
        ("foo/bar/", "foo/bar", true),
        ("/foo/bar/", "foo/bar/deep/file", true),
        ("foo/../bar", "bar", true),
        ("./foo", "foo", true),
        ("foo//bar", "foo/bar", true),
        (".", "foo", false),
        ("/", "foo", false),
        ("..", "foo", false),
        ("  foo  ", "foo", true),
        // folders match what is in them
        ("docs", "docs/a/b", true),
        ("docs", "docsx", false),
        ("docs", "a/docs", false),
        ("a*", "ab/c", true),
        // two stars
        ("**", "dir/file", true),
        ("**/", "file", true),
        ("**/**", "dir/file", true),
        ("dir/**", "dir/dir2/file", true),
        ("dir/**", "dir", false),
        ("**/dir", "dir", true),
        ("**/dir", "dir/file", true),
        ("**/dir", "xdir", false),
        ("**dir", "xdir", true),
        ("**/dir2/*", "dir/dir2/file", true),
        ("**/dir2/**", "dir/dir2/dir3/file", true),
        ("**/dir2/**", "dir/dir2", false),
        ("**/file*txt", "dir/dir/file.txt", true),
        ("**/**/*.txt", "file.txt", true),
        ("**/**/*.txt2", "dir/file.txt", false),
        ("a**/*.txt", "a/dir/dir/file.txt", true),
        ("a/*.txt", "a/dir/file.txt", false),
        ("a/*.txt**", "a/file.txt", true),
        ("foo**", "foobar", true),
        ("foo/**/bar", "foo/bar", true),
        ("foo/**/bar", "foo/x/y/bar", true),
        // classes and escapes
        ("a[b-d]e", "ace", true),
        ("a[b-d]e", "aae", false),
        ("a[^b-d]e", "aze", true),
        ("a?b", "a☺b", true),
        ("a?b", "a/b", false),
        ("a*b", "a/b", false),
        ("[a-ζ]*", "α", true),
        ("[\\]a]", "]", true),
        ("[x\\-]", "-", true),
        ("[\\-x]", "a", false),
        ("a\\*b", "a*b", true),
        ("a\\*b", "axb", false),
        ("a\\\\", "a\\", true),
        // characters that a regular expression would mind
        (".*", ".foo", true),
        (".*", "foo", false),
        ("abc.def", "abcZdef", false),
        ("a(b)c/def", "a(b)c/def", true),
        ("a.|)$(}+{bc", "a.|)$(}+{bc", true),
        ("dist/*.whl", "dist/proxy.py-2.4.0rc3.dev36+g08acad9-py3-none-any.whl", true),
        ("^a", "^a", true),
        ("^a*", "ab", true),
        ("a^*", "a^b", false),
        ("a*b?c*x", "abxbbxdbxebxczzx", true),
        ("a*b?c*x", "abxbbxdbxebxczzy", false),
    ] {
        assert_eq!(excludes(&[pattern], path), matches, "{pattern} on {path}");
    }
}

#[test]
fn the_last_match_decides() {
    for (patterns, path, excluded) in [
        (&["*.md", "!README.md"][..], "README.md", false),
        (&["*.md", "!README*.md", "README-secret.md"], "README-secret.md", true),
        (&["*.md", "README-secret.md", "!README*.md"], "README-secret.md", false),
        (&["!fileutils.go", "*.go"], "fileutils.go", true),
        (&["docs", "!docs/README.md"], "docs/README.md", false),
        (&["docs/", "! /docs/README.md"], "docs/README.md", false),
        (&["docs/*", "!docs/README.md"], "docs/other.md", true),
        (&["**", "!util/docker/web"], "util/docker/web/foo", false),
        (&["**", "!util/docker/web", "util/docker/web/foo"], "util/docker/web/foo", true),
        (&["*", "!src"], "src/a/b.py", false),
        // BuildKit does not ask a pattern about a folder that is out already, so that the third
        // pattern says nothing about what is in it. Docker's own older builder differs here.
        (&["a", "!a/b", "a"], "a/b", false),
        (&["a/**", "!a"], "a/b", true),
    ] {
        assert_eq!(excludes(patterns, path), excluded, "{patterns:?} on {path}");
    }
}

#[test]
fn files_have_comments_and_marks() {
    let patterns =
        Patterns::parse("\u{feff}# comment\r\n\r\n*.log\r\n !keep.log \n #no comment\n").unwrap();
    let list: Vec<_> = patterns.list().iter().map(|p| (p.line, p.text.as_str())).collect();
    assert_eq!(list, [(3, "*.log"), (4, "!keep.log"), (5, "#no comment")]);
    assert!(patterns.excludes("a.log") && !patterns.excludes("keep.log"));
    assert_eq!(
        file_names("docker/Dockerfile.dev"),
        ["docker/Dockerfile.dev.dockerignore", ".dockerignore"]
    );
}

#[test]
fn malformed_patterns_are_told() {
    let texts = ["!", "[", "[^bc", "a[", "[]a]", "[-]", "[x-]", "[a-b-c]", "[b-a]", "a\\"];
    let told: String =
        texts.map(|text| Patterns::parse(text).expect_err(text).to_string() + "\n").concat();
    insta::assert_snapshot!(told);
}

#[test]
fn a_folder_is_entered_where_something_may_return() {
    for (exception, folder, may) in [
        ("!a/b/c", "a", true),
        ("!a/b/c", "a/b", true),
        ("!a/b/c", "a/bc", false),
        ("!a/b/c", "b", false),
        ("!a/b", "a/b", true),
        ("!a", "a/b", true),
        ("!a/*/c", "a/x", true),
        ("!a/*/c", "b", false),
        ("!**/c", "anything", true),
        ("!ab*", "abc", true),
        ("!ab*", "a", false),
    ] {
        let patterns = Patterns::of(&["*", exception]).unwrap();
        assert_eq!(patterns.may_return_below(folder), may, "{exception} below {folder}");
    }
}

/// Backtracking over the grammar, as one would write it on a blackboard.
fn naive(pattern: &[char], path: &[char]) -> bool {
    match pattern {
        [] => path.is_empty(),
        ['*', '*', rest @ ..] => {
            let rest = rest.strip_prefix(&['/']).unwrap_or(rest);
            if rest.is_empty() {
                return true;
            }
            let folders = (0..path.len()).filter(|at| path[*at] == '/');
            naive(rest, path) || folders.into_iter().any(|at| naive(rest, &path[at + 1..]))
        }
        ['*', rest @ ..] => {
            let end = path.iter().position(|c| *c == '/').unwrap_or(path.len());
            (0..=end).any(|at| naive(rest, &path[at..]))
        }
        ['?', rest @ ..] => path.first().is_some_and(|c| *c != '/') && naive(rest, &path[1..]),
        [c, rest @ ..] => path.first() == Some(c) && naive(rest, &path[1..]),
    }
}

/// A pattern without the corners in which moby compares plain text instead (`**text`).
fn patterns() -> impl Strategy<Value = String> {
    let piece =
        prop_oneof!["[ab]{1,2}", Just("*".to_owned()), Just("?".to_owned()), Just("a*".to_owned())];
    let component = prop_oneof![4 => piece, 1 => Just("**".to_owned())];
    prop::collection::vec(component, 1..4).prop_map(|parts| parts.join("/"))
}

fn signed() -> impl Strategy<Value = String> {
    patterns().prop_flat_map(|p| prop_oneof![Just(p.clone()), Just(format!("!{p}"))])
}

/// `BuildKit`'s rule, by recursion: whether the path is out, and which patterns matched it. A pattern
/// is asked only where its answer would change something; what matched a folder matches what is in it.
fn naive_list(list: &[String], path: &str) -> (bool, Vec<bool>) {
    let above = match path.rsplit_once('/') {
        Some((folder, _)) => naive_list(list, folder).1,
        None => vec![false; list.len()],
    };
    let path: Vec<char> = path.chars().collect();
    let mut out = false;
    let matched = list.iter().zip(above).map(|(pattern, above)| {
        let exception = pattern.starts_with('!');
        let wide: Vec<char> = pattern.trim_start_matches('!').chars().collect();
        let matched = above || (exception == out && naive(&wide, &path));
        out = if matched { !exception } else { out };
        matched
    });
    let matched = matched.collect();
    (out, matched)
}

proptest! {
    #[test]
    fn globs_agree_with_the_naive_model(pattern in patterns(), path in "[ab]{1,2}(/[ab]{1,2}){0,3}") {
        let wide: Vec<char> = pattern.chars().collect();
        let chars: Vec<char> = path.chars().collect();
        let expected = naive(&wide, &chars);
        prop_assert_eq!(Glob::new(&pattern).unwrap().matches(&path), expected, "{} {}", pattern, path);
    }

    #[test]
    fn lists_agree_with_the_naive_model(
        list in prop::collection::vec(signed(), 0..5),
        path in "[ab]{1,2}(/[ab]{1,2}){0,3}",
    ) {
        let (excluded, _) = naive_list(&list, &path);
        prop_assert_eq!(Patterns::of(&list).unwrap().excludes(&path), excluded, "{:?} {}", list, path);
    }

    /// What the documentation says, which holds where there are no exceptions: some pattern matches the
    /// path or a folder above it.
    #[test]
    fn lists_without_exceptions_agree_with_the_documentation(
        list in prop::collection::vec(patterns(), 0..4),
        path in "[ab]{1,2}(/[ab]{1,2}){0,3}",
    ) {
        let hits = |pattern: &String| {
            let wide: Vec<char> = pattern.chars().collect();
            let mut ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
            ends.any(|end| naive(&wide, &path[..end].chars().collect::<Vec<_>>()))
        };
        prop_assert_eq!(Patterns::of(&list).unwrap().excludes(&path), list.iter().any(hits));
    }

    #[test]
    fn a_folder_that_is_not_entered_hides_nothing(
        list in prop::collection::vec(signed(), 0..4),
        path in "[ab]{1,2}(/[ab]{1,2}){1,3}",
    ) {
        let patterns = Patterns::of(&list).unwrap();
        let ends = path.match_indices('/').map(|(at, _)| at);
        let mut folder = Verdict::default();
        for end in ends {
            folder = patterns.judge(&path[..end], &folder);
            if folder.excluded_by.is_some() && !patterns.may_return_below(&path[..end]) {
                prop_assert!(patterns.excludes(&path), "{:?} {}", list, path);
            }
        }
    }

    #[test]
    fn no_text_breaks_it(text in "\\PC*", path in "\\PC{0,40}") {
        if let Ok(patterns) = Patterns::parse(&text) {
            patterns.excludes(&path);
        }
    }
}
