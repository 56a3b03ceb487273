//! Layering: a crate uses only what the house's table lets it use. The table is that of
//! ARCHITECTURE.md; change both in one commit, or neither. Rooms that no crate fills yet are in it too.

use super::Violation;
use super::tree::Tree;
use super::workspace::{Kind, Package, Workspace};

/// One row of the table.
struct Room {
    /// The crate without its `lightship-`.
    name: &'static str,
    /// 0 is the ground. Nobody uses a room of a higher floor.
    floor: u8,
    /// What it may use.
    uses: Uses,
}

/// What a room may use besides crates from outside.
enum Uses {
    /// These rooms and no others.
    Only(&'static [&'static str]),
    /// Every room on a lower floor.
    AllBelow,
}

use Uses::{AllBelow, Only};

const HOUSE: &[Room] = &[
    Room { name: "cli", floor: 6, uses: AllBelow },
    Room { name: "server", floor: 5, uses: AllBelow },
    Room { name: "report", floor: 5, uses: AllBelow },
    Room { name: "exec", floor: 4, uses: Only(&["base", "ir", "engine", "oci", "sandbox"]) },
    Room { name: "store", floor: 4, uses: Only(&["base", "engine"]) },
    Room { name: "engine", floor: 3, uses: Only(&["base", "ir", "policy"]) },
    Room { name: "build", floor: 3, uses: Only(BUILD) },
    Room { name: "audit", floor: 2, uses: Only(AUDIT) },
    Room { name: "sandbox", floor: 2, uses: Only(&["base", "oci", "cas"]) },
    Room { name: "oci", floor: 2, uses: Only(&["base", "cas", "codec", "net"]) },
    Room { name: "packages", floor: 2, uses: Only(&["base", "cas", "codec", "net"]) },
    Room { name: "cas", floor: 1, uses: Only(&["base"]) },
    Room { name: "codec", floor: 1, uses: Only(&["base"]) },
    Room { name: "net", floor: 1, uses: Only(&["base"]) },
    Room { name: "dockerfile", floor: 1, uses: Only(&["base", "policy"]) },
    Room { name: "ir", floor: 1, uses: Only(&["base"]) },
    Room { name: "cost", floor: 1, uses: Only(&["base"]) },
    Room { name: "tune", floor: 1, uses: Only(&["base"]) },
    Room { name: "policy", floor: 0, uses: Only(&["base"]) },
    Room { name: "base", floor: 0, uses: Only(&[]) },
];

const AUDIT: &[&str] = &["base", "oci", "packages", "dockerfile", "ir", "policy"];

const BUILD: &[&str] = &[
    "base",
    "oci",
    "packages",
    "dockerfile",
    "ir",
    "sandbox",
    "audit",
    "policy",
    "cas",
    "codec",
    "net",
];

/// Crates outside the house: nobody uses them but tests. `testkit` is for the tests of `oci` and of
/// what stands on it, so it may know what `oci` knows.
const SHEDS: &[(&str, &[&str])] =
    &[("testkit", &["base", "policy", "cas", "codec", "net", "oci"]), ("xtask", &[])];

/// Every arrow between our crates, but for those of tests, is in the table; so is every crate.
pub(super) fn check(tree: &Tree, workspace: &Workspace) -> Vec<Violation> {
    workspace.packages.iter().flat_map(|package| check_package(tree, package)).collect()
}

fn check_package(tree: &Tree, package: &Package) -> Vec<Violation> {
    let Some(name) = short(&package.name).filter(|name| is_known(name)) else {
        let wrong = format!("crate {} is not in the house's table", package.name);
        let remedy =
            "add its row to ARCHITECTURE.md and to xtask/src/tidy/layers.rs, and say why there";
        return vec![Violation::new(&package.manifest, 1, wrong, remedy)];
    };
    let used = package.dependencies.iter().filter(|dependency| dependency.kind != Kind::Dev);
    let forbidden = used.filter_map(|dependency| {
        let other = short(&dependency.package)?;
        (!may_use(name, other)).then(|| {
            let line = tree.line_declaring(&package.manifest, &dependency.key);
            let wrong = format!("{name} may not use {other}");
            Violation::new(&package.manifest, line, wrong, remedy(name, other))
        })
    });
    forbidden.collect()
}

fn remedy(name: &str, other: &str) -> String {
    if SHEDS.iter().any(|(shed, _)| *shed == other) {
        return format!("{other} is for tests: move it to [dev-dependencies]");
    }
    let allowed: Vec<&str> =
        HOUSE.iter().map(|room| room.name).filter(|candidate| may_use(name, candidate)).collect();
    format!(
        "take a trait or a value from above instead; the table (ARCHITECTURE.md) lets it use {}",
        if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") }
    )
}

/// Our name for one of our own crates; nothing for a crate from outside.
fn short(package: &str) -> Option<&str> {
    package.strip_prefix("lightship-").or((package == "xtask").then_some("xtask"))
}

fn is_known(name: &str) -> bool {
    room(name).is_some() || SHEDS.iter().any(|(shed, _)| *shed == name)
}

fn room(name: &str) -> Option<&'static Room> {
    HOUSE.iter().find(|room| room.name == name)
}

fn may_use(name: &str, other: &str) -> bool {
    if let Some((_, uses)) = SHEDS.iter().find(|(shed, _)| *shed == name) {
        return uses.contains(&other);
    }
    match (room(name), room(other)) {
        (Some(Room { uses: Only(names), .. }), Some(_)) => names.contains(&other),
        (Some(Room { uses: AllBelow, floor, .. }), Some(other)) => other.floor < *floor,
        (_, None) | (None, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrongs(crates: &[(&str, &[(&str, Kind)])]) -> Vec<String> {
        let found = check(&Tree::of(&[]), &Workspace::of(crates));
        found.into_iter().map(|violation| violation.wrong).collect()
    }

    #[test]
    fn an_arrow_outside_the_table_is_found() {
        let found = wrongs(&[
            ("lightship-base", &[("lightship-policy", Kind::Normal), ("serde", Kind::Normal)]),
            ("lightship-cas", &[("lightship-base", Kind::Normal), ("lightship-oci", Kind::Build)]),
            ("lightship-server", &[("lightship-cli", Kind::Normal)]),
            ("xtask", &[("lightship-base", Kind::Normal)]),
        ]);
        assert_eq!(
            found,
            [
                "base may not use policy",
                "cas may not use oci",
                "server may not use cli",
                "xtask may not use base"
            ]
        );
    }

    #[test]
    fn testkit_is_for_tests_only() {
        let crates: &[(&str, &[(&str, Kind)])] = &[
            ("lightship-cli", &[("lightship-testkit", Kind::Normal)]),
            ("lightship-oci", &[("lightship-testkit", Kind::Dev)]),
            (
                "lightship-testkit",
                &[("lightship-oci", Kind::Normal), ("lightship-audit", Kind::Normal)],
            ),
        ];
        assert_eq!(wrongs(crates), ["cli may not use testkit", "testkit may not use audit"]);
        let found = check(&Tree::of(&[]), &Workspace::of(&crates[..1]));
        assert!(found[0].remedy.contains("[dev-dependencies]"));
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        let found = wrongs(&[("lightship-attic", &[]), ("helper", &[]), ("lightship-tune", &[])]);
        assert_eq!(
            found,
            [
                "crate lightship-attic is not in the house's table",
                "crate helper is not in the house's table"
            ]
        );
    }

    #[test]
    fn what_the_house_does_today_is_allowed() {
        let normal = |names: &'static [&'static str]| names.iter().map(|n| (*n, Kind::Normal));
        let uses: Vec<_> =
            normal(&["lightship-base", "lightship-policy", "lightship-oci", "lightship-packages"])
                .collect();
        assert!(wrongs(&[("lightship-audit", &uses), ("lightship-cli", &uses)]).is_empty());
    }

    #[test]
    fn the_table_itself_never_points_upwards_nor_in_circles() {
        for room in HOUSE {
            let below: Vec<&Room> = HOUSE.iter().filter(|o| may_use(room.name, o.name)).collect();
            for other in below {
                assert!(other.floor <= room.floor, "{} uses {} above it", room.name, other.name);
                assert!(!reaches(other.name, room.name), "{} and {}", room.name, other.name);
            }
            if let Only(names) = room.uses {
                assert!(names.iter().all(|name| is_known(name)), "{}", room.name);
            }
        }
    }

    /// Whether `from` leads to `to`. Terminates because every arrow checked so far goes down or
    /// sideways, and a circle among neighbours is what the depth limit would show.
    fn reaches(from: &str, to: &str) -> bool {
        fn walk(from: &str, to: &str, depth: usize) -> bool {
            assert!(depth <= HOUSE.len(), "a circle through {from}");
            HOUSE
                .iter()
                .filter(|room| may_use(from, room.name))
                .any(|room| room.name == to || walk(room.name, to, depth + 1))
        }
        walk(from, to, 0)
    }
}
