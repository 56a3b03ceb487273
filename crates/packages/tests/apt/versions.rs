//! The order of versions, against comparisons that others collected.

use std::cmp::Ordering;
use std::fs;
use std::path::Path;

use lightship_packages::apt::DebVersion;

#[test]
fn debian_versions() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/corpus/versions/debian-versions.txt");
    let Ok(text) = fs::read_to_string(&file) else {
        crate::skip("no shared corpus beside the project");
        return;
    };
    let mut compared = 0;
    for line in text.lines().map(str::trim) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [one, sign, other] = words[..] else {
            assert!(line.is_empty() || line.starts_with('#'), "{line}");
            continue;
        };
        let expected = match sign {
            "<" => Ordering::Less,
            "=" => Ordering::Equal,
            ">" => Ordering::Greater,
            _ => panic!("{line}"),
        };
        let version = |text: &str| text.parse::<DebVersion>().unwrap();
        assert_eq!(version(one).cmp(&version(other)), expected, "{line}");
        assert_eq!(version(other).cmp(&version(one)), expected.reverse(), "{line}");
        compared += 1;
    }
    assert!(compared > 0, "the corpus holds no comparison");
}
