//! What holds for the reader of pylock.toml: whatever the text, it answers, and no file's
//! name leads out of a folder.

use lightship_packages::pylock::{FILE_NAME, Pylock, Source};

pub(crate) fn check(input: &[u8]) {
    let Ok(input) = std::str::from_utf8(input) else { return };
    let Ok(lock) = Pylock::parse(input, FILE_NAME) else { return };
    for package in lock.packages {
        let files = match package.source {
            Source::Index { wheels, sdist } => wheels.into_iter().chain(sdist).collect(),
            Source::Archive(file) => vec![*file],
            Source::Directory { .. } | Source::Vcs { .. } => Vec::new(),
        };
        for file in files {
            assert!(!file.name.contains('/') && file.name != ".." && !file.name.is_empty());
        }
    }
}
