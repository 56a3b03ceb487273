//! Feeds libFuzzer's inputs to the reader of Dockerfiles: it keeps every byte, and what it tells of the
//! last stage ends.
#![no_main]

use lightship_dockerfile::{Dockerfile, facts};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    if let Ok(file) = Dockerfile::parse(&text) {
        let whole: String = file.parts().iter().map(|part| &text[part.span.clone()]).collect();
        assert_eq!(whole, text);
        for copied in facts(&file).copies {
            assert!(copied.value.destination.starts_with('/'));
            assert!(!copied.value.destination.split('/').any(|part| part == ".."));
        }
    }
});
