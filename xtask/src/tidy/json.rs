//! JSON in the repository is JSON, unless it is broken on purpose for a test.

use super::Violation;
use super::tree::Tree;

/// Folders of deliberately odd documents.
const ODD: &[&str] = &["tests", "fixtures", "seeds", "corpus", "snapshots", "node_modules"];

/// Every `.json` outside those folders parses.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let odd = |path: &str| path.split('/').any(|part| ODD.contains(&part));
    let documents = tree.texts_ending(".json").filter(|(path, _)| !odd(path));
    let broken = documents.filter_map(|(path, text)| {
        let error = serde_json::from_str::<serde_json::Value>(text).err()?;
        let wrong = format!("is not valid JSON ({error})");
        Some(Violation::new(path, error.line().max(1), wrong, "mend it"))
    });
    broken.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_json_is_found_but_not_among_fixtures() {
        let tree = Tree::of(&[
            ("docs/schema.json", "{\n  \"a\": 1,\n}\n"),
            ("docs/fine.json", "{}"),
            ("crates/a/tests/odd.json", "{"),
        ]);
        let found = check(&tree);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].path.as_str(), found[0].line), ("docs/schema.json", 3));
    }
}
