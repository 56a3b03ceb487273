//! The reader of Python's imports over mutations of valid source: always the same ones, so that a
//! failure here is everybody's failure. The search for new inputs is `fuzz/fuzz_targets/python.rs`.

use std::fs;
use std::path::Path;

use lightship_audit::imports::{SourceFile, is_module_name, of_files};
use lightship_testkit::fuzz::Mutator;

#[test]
fn source_that_is_nearly_valid_is_read_or_refused() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut seeds: Vec<_> =
        fs::read_dir(root.join("fuzz/seeds/python")).unwrap().map(|e| e.unwrap().path()).collect();
    // What people really write, beside what the grammar allows.
    seeds.push(root.join("examples/churn-pipeline/job.py"));
    seeds.sort();
    let seeds: Vec<Vec<u8>> = seeds.iter().map(|path| fs::read(path).unwrap()).collect();
    assert!(!seeds.is_empty());
    let mut mutator = Mutator::new(0x5eed);
    let (mut read, mut refused) = (0, 0);
    for number in 0..1_000 {
        let seed = &seeds[number % seeds.len()];
        let bytes = mutator.mutate(seed, &seeds[number / seeds.len() % seeds.len()]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let imports = of_files(&[SourceFile { path: "input.py".to_owned(), text }]).unwrap();
        let names = imports.found.iter().map(|import| &import.module);
        assert_eq!(names.into_iter().find(|name| !is_module_name(name)), None);
        if imports.unread.is_empty() { read += 1 } else { refused += 1 }
    }
    // Both happen, or the mutations prove nothing.
    assert!(read > 50 && refused > 50, "{read} read, {refused} refused");
}
