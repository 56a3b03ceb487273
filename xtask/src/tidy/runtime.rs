//! Invariant 2 of ARCHITECTURE.md: the asynchronous runtime lives where waiting happens and nowhere
//! else, tests included. Processor work uses rayon.

use super::Violation;
use super::tree::Tree;
use super::workspace::Workspace;

/// Crates that may depend on tokio directly.
const WAITING_ROOMS: &[&str] = &["net", "engine", "exec", "store", "server", "cli"];

/// No other crate declares tokio, of whatever kind.
pub(super) fn check(tree: &Tree, workspace: &Workspace) -> Vec<Violation> {
    let others = workspace.packages.iter().filter(|package| {
        !package.name.strip_prefix("lightship-").is_some_and(|name| WAITING_ROOMS.contains(&name))
    });
    let offending = others.filter_map(|package| {
        let tokio = package.dependencies.iter().find(|d| d.package == "tokio")?;
        let line = tree.line_declaring(&package.manifest, &tokio.key);
        let wrong = format!("{} may not use tokio", package.name);
        let remedy =
            format!("use rayon or threads here; tokio is for {}", WAITING_ROOMS.join(", "));
        Some(Violation::new(&package.manifest, line, wrong, remedy))
    });
    offending.collect()
}

#[cfg(test)]
mod tests {
    use super::super::workspace::Kind;
    use super::*;

    #[test]
    fn tokio_outside_its_rooms_is_found() {
        let workspace = Workspace::of(&[
            ("lightship-net", &[("tokio", Kind::Normal)]),
            ("lightship-oci", &[("tokio", Kind::Dev)]),
            ("lightship-cas", &[("tokio-util", Kind::Normal)]),
        ]);
        let manifest = "[dev-dependencies]\ntokio.workspace = true\n";
        let found = check(&Tree::of(&[("crates/oci/Cargo.toml", manifest)]), &workspace);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].path.as_str(), found[0].line), ("crates/oci/Cargo.toml", 2));
    }
}
