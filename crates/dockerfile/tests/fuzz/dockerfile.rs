//! What holds for the reader of Dockerfiles: it keeps every byte, and what it tells of the
//! last stage ends.

use lightship_dockerfile::{Dockerfile, facts};

pub(crate) fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(file) = Dockerfile::parse(&text) {
        let whole: String = file.parts().iter().map(|part| &text[part.span.clone()]).collect();
        assert_eq!(whole, text);
        for copied in facts(&file).copies {
            assert!(copied.value.destination.starts_with('/'));
            assert!(!copied.value.destination.split('/').any(|part| part == ".."));
        }
    }
}
