//! Invariant 6 of ARCHITECTURE.md: `unsafe` lives in `sandbox` alone. The compiler forbids it wherever
//! a crate takes the workspace's lints, so that is checked; and the word itself is looked for, because
//! code behind a disabled feature or platform is never compiled.

use super::Violation;
use super::code::blanked;
use super::tree::Tree;
use super::workspace::Workspace;

const SANDBOX: &str = "crates/sandbox/";

/// No keyword outside `sandbox`, and every crate but `sandbox` under the workspace's lints.
pub(super) fn check(tree: &Tree, workspace: &Workspace) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, text) in tree.texts_ending(".rs").filter(|(path, _)| !path.starts_with(SANDBOX)) {
        let lines = (1..).zip(blanked(text).lines().map(has_keyword).collect::<Vec<_>>());
        let found = lines.filter(|(_, found)| *found).map(|(line, _)| {
            let remedy = "find a safe way (rustix has one for most system calls), or move it to crates/sandbox";
            Violation::new(path, line, "`unsafe` outside crates/sandbox", remedy)
        });
        violations.extend(found);
    }
    let root = tree.text("Cargo.toml").unwrap_or_default();
    if !root.lines().any(|line| line.starts_with("unsafe_code = \"forbid\"")) {
        let remedy = "put `unsafe_code = \"forbid\"` under [workspace.lints.rust]";
        violations.push(Violation::new("Cargo.toml", 1, "the workspace allows `unsafe`", remedy));
    }
    for package in workspace.packages.iter().filter(|p| !p.manifest.starts_with(SANDBOX)) {
        if !takes_lints(tree.text(&package.manifest).unwrap_or_default()) {
            let wrong = format!("{} does not take the workspace's lints", package.name);
            let remedy = "add `workspace = true` under [lints]";
            violations.push(Violation::new(&package.manifest, 1, wrong, remedy));
        }
    }
    violations
}

fn has_keyword(code: &str) -> bool {
    code.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == "unsafe")
}

fn takes_lints(manifest: &str) -> bool {
    let mut lines = manifest.lines().map(str::trim).skip_while(|line| *line != "[lints]").skip(1);
    lines.find(|line| !line.is_empty()).is_some_and(|line| line == "workspace = true")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: (&str, &str) = ("Cargo.toml", "[workspace.lints.rust]\nunsafe_code = \"forbid\"\n");
    const LINTS: &str = "[lints]\nworkspace = true\n";

    #[test]
    fn the_keyword_is_found_and_the_word_is_not() {
        let tree = Tree::of(&[
            ROOT,
            (
                "crates/a/src/lib.rs",
                "//! Not unsafe.\n#![forbid(unsafe_code)]\nfn a() { unsafe { b() } }\n",
            ),
            ("crates/a/src/text.rs", "//! Text.\nconst A: &str = \"unsafe\";\n"),
            ("crates/sandbox/src/lib.rs", "unsafe fn c() {}\n"),
        ]);
        let found = check(&tree, &Workspace::of(&[]));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].path.as_str(), found[0].line), ("crates/a/src/lib.rs", 3));
    }

    #[test]
    fn a_crate_that_shuns_the_lints_is_found() {
        let tree = Tree::of(&[
            ROOT,
            ("crates/a/Cargo.toml", LINTS),
            ("crates/b/Cargo.toml", "[lints.rust]\nunsafe_code = \"allow\"\n"),
        ]);
        let crates = [("lightship-a", &[][..]), ("lightship-b", &[]), ("lightship-sandbox", &[])];
        let found = check(&tree, &Workspace::of(&crates));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].path, "crates/b/Cargo.toml");
    }

    #[test]
    fn a_workspace_that_allows_it_is_found() {
        let found = check(&Tree::of(&[("Cargo.toml", "[workspace]\n")]), &Workspace::of(&[]));
        assert_eq!(found.len(), 1);
    }
}
