//! Feeds libFuzzer's inputs to the reader of Python's imports: whatever the text, it answers, and it
//! names no module that could not be one.
#![no_main]

use lightship_audit::imports::{SourceFile, is_module_name, of_files};

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input).into_owned();
    let imports = of_files(&[SourceFile { path: "input.py".to_owned(), text }]).unwrap();
    for import in imports.found {
        assert!(is_module_name(&import.module), "{}", import.module);
    }
});
