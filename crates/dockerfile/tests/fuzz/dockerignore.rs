//! What holds for the patterns of `.dockerignore`: the first line is a path, the rest the
//! file. A folder that need not be entered hides nothing that is not left out.

use lightship_dockerfile::ignore::{Patterns, Verdict};

pub(crate) fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (path, file) = text.split_once('\n').unwrap_or((&text, ""));
    let Ok(patterns) = Patterns::parse(file) else { return };
    let excluded = patterns.excludes(path);
    let mut folder = Verdict::default();
    for (end, _) in path.match_indices('/') {
        folder = patterns.judge(&path[..end], &folder);
        if folder.excluded_by.is_some() && !patterns.may_return_below(&path[..end]) {
            assert!(excluded, "{path:?} in {:?}", &path[..end]);
        }
    }
}
