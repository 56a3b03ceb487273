//! What holds for the readers of sources, relations and versions: whatever the text, they
//! answer; what they read, they write so that it reads the same.

use lightship_packages::apt::relation::parse_dependencies;
use lightship_packages::apt::{DebVersion, Dependency, Sources};

pub(crate) fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    for file in ["input.list", "input.sources"] {
        for source in Sources::parse([(file, &*text)]).entries {
            assert!(source.base.path().ends_with('/'));
            assert!(source.folder("amd64").split('/').all(|part| part != ".."));
        }
    }
    for dependency in parse_dependencies(&text).unwrap_or_default() {
        let again: Dependency = dependency.to_string().parse().unwrap();
        assert_eq!(again, dependency);
    }
    if let Ok(version) = text.parse::<DebVersion>() {
        assert_eq!(version.to_string().parse::<DebVersion>(), Ok(version));
    }
}
