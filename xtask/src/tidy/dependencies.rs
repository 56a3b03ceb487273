//! Dependencies from outside: each is declared once, in the workspace's manifest, on one line that ends
//! with the reason why it is here; and a crate uses it.

use std::collections::BTreeSet;

use super::Violation;
use super::tree::Tree;
use super::workspace::{Package, Workspace};

const MANIFEST: &str = "Cargo.toml";

/// One line of `[workspace.dependencies]`.
struct Declared<'a> {
    line: usize,
    key: &'a str,
    reason: &'a str,
    /// One of our own crates: ARCHITECTURE.md says why that is here.
    own: bool,
}

/// Every line has a reason and a user, and nobody declares a version elsewhere.
pub(super) fn check(tree: &Tree, workspace: &Workspace) -> Vec<Violation> {
    let mut violations = Vec::new();
    let declared = declared(tree.text(MANIFEST).unwrap_or_default(), &mut violations);
    let used: BTreeSet<&str> =
        workspace.packages.iter().flat_map(|p| &p.dependencies).map(|d| d.key.as_str()).collect();
    for dependency in &declared {
        let Declared { line, key, .. } = *dependency;
        if !dependency.own && dependency.reason.is_empty() {
            let remedy = "end the line with `# why it is here`";
            violations.push(Violation::new(MANIFEST, line, format!("{key} has no reason"), remedy));
        }
        if !used.contains(key) {
            let wrong = format!("no crate uses {key}");
            violations.push(Violation::new(MANIFEST, line, wrong, "remove the line"));
        }
    }
    let keys: BTreeSet<&str> = declared.iter().map(|dependency| dependency.key).collect();
    violations.extend(workspace.packages.iter().flat_map(|p| elsewhere(tree, p, &keys)));
    violations
}

/// Dependencies that a crate declares on its own instead of taking the workspace's.
fn elsewhere(tree: &Tree, package: &Package, keys: &BTreeSet<&str>) -> Vec<Violation> {
    let alone = package.dependencies.iter().filter(|d| !keys.contains(d.key.as_str()));
    let violations = alone.map(|dependency| {
        let key = &dependency.key;
        let wrong = format!("{key} is not in the workspace's manifest");
        let remedy = format!(
            "declare it with its reason under [workspace.dependencies], and write `{key}.workspace = true` here"
        );
        let line = tree.line_declaring(&package.manifest, key);
        Violation::new(&package.manifest, line, wrong, remedy)
    });
    violations.collect()
}

fn declared<'a>(manifest: &'a str, violations: &mut Vec<Violation>) -> Vec<Declared<'a>> {
    let mut declared = Vec::new();
    let mut inside = false;
    for (number, line) in (1..).zip(manifest.lines()) {
        if line.starts_with('[') {
            inside = line.starts_with("[workspace.dependencies]");
            if line.starts_with("[workspace.dependencies.") {
                violations.push(spread(number, line));
            }
        } else if inside && !line.trim().is_empty() && !line.starts_with('#') {
            match parse(number, line) {
                Some(dependency) => declared.push(dependency),
                None => violations.push(spread(number, line)),
            }
        }
    }
    declared
}

fn spread(number: usize, line: &str) -> Violation {
    let wrong = format!("`{}` is no dependency on one line", line.trim());
    Violation::new(MANIFEST, number, wrong, "write it as `name = … # why it is here`, on one line")
}

/// `name = "1"  # why`, where the value is closed on the same line.
fn parse(number: usize, line: &str) -> Option<Declared<'_>> {
    let (key, value) = line.split_once('=')?;
    let key = key.trim();
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let (value, reason) = value.split_at(comment(value));
    let value = value.trim();
    let closed = value.len() > 1 && (value.ends_with('"') || value.ends_with('}'));
    (!key.is_empty() && key.chars().all(bare) && closed).then(|| Declared {
        line: number,
        key,
        reason: reason.trim_start_matches('#').trim(),
        own: key.starts_with("lightship-"),
    })
}

/// Where a comment begins: at the first `#` outside quotes, or at the end.
fn comment(value: &str) -> usize {
    let mut quoted = false;
    let at = value.find(|c| {
        quoted ^= c == '"';
        c == '#' && !quoted
    });
    at.unwrap_or(value.len())
}

#[cfg(test)]
mod tests {
    use super::super::workspace::Kind;
    use super::*;

    const GOOD: &str = "[workspace]\nmembers = []\n\n[workspace.dependencies]\n# ours\nlightship-base = { path = \"crates/base\" }\n\nserde = { version = \"1\", features = [\"derive\"] } # JSON\nodd = \"=1.0.0#2\" # a hash in quotes\n\n[profile.dev]\ndebug = 1\n";

    fn wrongs(manifest: &str, used: &[(&str, Kind)]) -> Vec<(usize, String)> {
        let tree = Tree::of(&[(MANIFEST, manifest)]);
        let found = check(&tree, &Workspace::of(&[("lightship-a", used)]));
        found.into_iter().map(|violation| (violation.line, violation.wrong)).collect()
    }

    const USED: &[(&str, Kind)] =
        &[("lightship-base", Kind::Normal), ("serde", Kind::Dev), ("odd", Kind::Build)];

    #[test]
    fn reasons_and_users_satisfy() {
        assert_eq!(wrongs(GOOD, USED), []);
    }

    #[test]
    fn a_missing_reason_is_found() {
        let manifest = GOOD.replace(" # a hash in quotes", "").replace("# JSON", "#");
        let expected = [(8, "serde has no reason".to_owned()), (9, "odd has no reason".to_owned())];
        assert_eq!(wrongs(&manifest, USED), expected);
    }

    #[test]
    fn an_unused_line_is_found() {
        assert_eq!(wrongs(GOOD, &USED[..2]), [(9, "no crate uses odd".to_owned())]);
    }

    #[test]
    fn a_version_of_a_crates_own_is_found() {
        let used = [USED, &[("tar", Kind::Normal)]].concat();
        assert_eq!(wrongs(GOOD, &used), [(1, "tar is not in the workspace's manifest".to_owned())]);
    }

    #[test]
    fn a_dependency_over_several_lines_is_found() {
        let spread = GOOD.replace("serde = {", "serde = {\n");
        assert_eq!(wrongs(&spread, USED)[0].0, 8);
        let table = format!("{GOOD}\n[workspace.dependencies.tar]\nversion = \"1\"\n");
        assert_eq!(wrongs(&table, USED)[0].0, 14);
    }
}
