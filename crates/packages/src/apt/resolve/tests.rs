//! apt's choices on small archives.

use super::*;
use crate::apt::archives::{ArchiveId, Archives};
use crate::apt::index::IndexBuilder;

/// Each line is a package: `name version; Field: value; …`.
fn index(lines: &str) -> Index {
    let mut text = String::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut parts = line.split(';').map(str::trim);
        let (name, version) = parts.next().unwrap().split_once(' ').unwrap();
        text += &format!("Package: {name}\nVersion: {version}\nArchitecture: amd64\n");
        for field in parts {
            text += &format!("{field}\n");
        }
        text += "\n";
    }
    let mut builder = IndexBuilder::new("amd64", Archives::default());
    builder.add(text.into_bytes(), ArchiveId(0));
    builder.finish()
}

fn roots(text: &str) -> Vec<Dependency> {
    crate::apt::relation::parse_dependencies(text).unwrap()
}

fn names(index: &Index, asked: &str) -> Vec<String> {
    let closure = closure(index, &roots(asked), ResolveOptions::default()).unwrap();
    closure.packages.iter().map(|chosen| chosen.package.name().to_owned()).collect()
}

fn told(index: &Index, asked: &str) -> String {
    closure(index, &roots(asked), ResolveOptions::default()).unwrap_err().to_string()
}

#[test]
fn needs_come_in_and_say_why() {
    let index = index(
        "a 1; Depends: b (>= 2), c | d; Recommends: r
         b 2; Pre-Depends: e
         c 1
         d 1
         e 1; Depends: a
         r 1
         z 1; Essential: yes",
    );
    assert_eq!(names(&index, "a"), ["a", "b", "c", "e"]);
    let closure = closure(&index, &roots("a"), ResolveOptions::default()).unwrap();
    assert_eq!(closure.chain("e"), ["a", "b", "e"]);
    assert_eq!(closure.get("a").unwrap().depends, ["b", "c"]);
    assert_eq!(closure.get("a").unwrap().reason, Reason::Asked(Dependency::on("a")));
    let relation = roots("e").remove(0);
    assert_eq!(closure.get("e").unwrap().reason, Reason::Needed { by: "b", relation });
    let all = super::closure(
        &index,
        &roots("a"),
        ResolveOptions { recommends: true, ..ResolveOptions::default() },
    )
    .unwrap();
    assert!(all.get("r").is_some());
}

#[test]
fn the_first_alternative_that_works() {
    let index = index(
        "a 1; Depends: gone | old (>= 2) | deep | good | other
         old 1
         deep 1; Depends: middle
         middle 1; Depends: nothing
         good 1
         other 1
         b 1; Depends: good | other",
    );
    assert_eq!(names(&index, "a"), ["a", "good"]);
    assert_eq!(names(&index, "other, b"), ["b", "other"]);
    assert_eq!(names(&index, "b, other"), ["b", "other"]);
}

#[test]
fn what_provides_a_name() {
    let index = index(
        "a 1; Depends: awk
         gawk 1; Provides: awk; Priority: optional
         mawk 1; Provides: awk; Priority: required
         b 1; Depends: mail (>= 2)
         m1 9; Provides: mail
         m2 9; Provides: mail (= 1)
         m3 9; Provides: mail (= 3)
         c 1; Depends: real
         fake 1; Provides: real; Priority: required
         real 1; Priority: extra",
    );
    assert_eq!(names(&index, "a"), ["a", "mawk"]);
    assert_eq!(names(&index, "b"), ["b", "m3"]);
    assert_eq!(names(&index, "c"), ["c", "real"]);
    assert_eq!(names(&index, "awk"), ["mawk"]);
}

#[test]
fn among_equals_the_one_met_last() {
    let first = index(
        "a 1; Depends: x
         p 1; Provides: x
         q 1; Provides: x",
    );
    assert_eq!(names(&first, "a"), ["a", "q"]);
    let second = index(
        "a 1; Depends: x; Suggests: other-q, q
         p 1; Provides: x
         q 1; Provides: x",
    );
    assert_eq!(names(&second, "a"), ["a", "p"]);
}

#[test]
fn who_cannot_be_beside_another_is_not_chosen() {
    let index = index(
        "a 1; Depends: b | c; Conflicts: b
         b 1
         c 1
         d 1; Breaks: e (<< 2)
         e 1
         f 1; Conflicts: f-api; Provides: f-api",
    );
    assert_eq!(names(&index, "a"), ["a", "c"]);
    assert_eq!(names(&index, "f"), ["f"]);
    let told = told(&index, "d, e");
    assert!(told.contains("d 1 and e 1 cannot be installed together"), "{told}");
}

#[test]
fn what_a_failed_choice_left_behind_is_not_kept() {
    let index = index(
        "a 1; Depends: b | c
         b 1; Depends: helper, dead
         helper 1
         dead 1; Depends: worse
         worse 1; Depends: nothing
         c 1",
    );
    assert_eq!(names(&index, "a"), ["a", "c"]);
}

#[test]
fn a_version_that_is_asked_for_is_taken() {
    let index = index(
        "a 1; Depends: b, api
         b 2
         b 1; Provides: api; Depends: c (= 1)
         c 2
         c 1",
    );
    let with = |versions: &[(&str, &str)]| {
        let versions: Vec<(String, String)> =
            versions.iter().map(|(name, version)| ((*name).into(), (*version).into())).collect();
        let options = ResolveOptions { versions: &versions, ..ResolveOptions::default() };
        closure(&index, &roots("a"), options).map_err(|error| error.to_string()).map(|closure| {
            let shown =
                |one: &Chosen<'_>| format!("{} {}", one.package.name(), one.package.version());
            closure.packages.iter().map(shown).collect::<Vec<_>>()
        })
    };
    assert_eq!(with(&[("b", "1"), ("c", "1")]).unwrap(), ["a 1", "b 1", "c 1"]);
    let told = with(&[("b", "1")]).unwrap_err();
    assert!(told.contains("b 1 needs `c (= 1)`, and the configured archives have 2"), "{told}");
    let told = with(&[("b", "3"), ("z", "1")]).unwrap_err();
    assert!(told.contains("`b=3` is asked for, and the configured archives have 2, 1"), "{told}");
    assert!(told.contains("`z=1` is asked for, which no configured archive has"), "{told}");
}

#[test]
fn what_is_pinned_away_is_told() {
    let pins = "Package: b\nPin: release *\nPin-Priority: -1\n";
    let pins = crate::apt::Pins::parse([("pins", pins)], &mut Vec::new());
    let archive = crate::apt::Archive {
        label: "Debian".to_owned(),
        suite: "stable".to_owned(),
        version: None,
        codename: None,
        class: None,
        origin: None,
        automatic: crate::apt::Automatic::Always,
        base: "http://mirror.invalid/".parse().unwrap(),
    };
    let mut builder = IndexBuilder::new("amd64", Archives::new(vec![archive])).pinned(pins);
    let text = "Package: a\nVersion: 1\nArchitecture: all\nDepends: b\n\nPackage: b\nVersion: 1\nArchitecture: all\nProvides: c\n";
    builder.add(text.as_bytes().to_vec(), ArchiveId(0));
    let index = builder.finish();
    assert_eq!(index.providers("c").count(), 0);
    let told = told(&index, "a");
    assert!(told.contains("a 1 needs `b`, and the preferences of apt keep"), "{told}");
}

#[test]
fn no_solution_is_explained() {
    let index = index(
        "python3 3.11; Depends: python3-minimal (= 3.11)
         python3-minimal 3.12
         lib 1; Depends: nothing-here | python3 (>= 4)
         bad 1; Depends: )(",
    );
    assert_eq!(
        told(&index, "pyhton3"),
        "no set of packages meets what is asked for\n  `pyhton3` is asked for, which no configured archive has (there is python3)"
    );
    assert_eq!(
        told(&index, "python3"),
        "no set of packages meets what is asked for\n  python3 3.11 needs `python3-minimal (= 3.11)`, and the configured archives have 3.12"
    );
    let both = told(&index, "lib");
    assert!(
        both.contains("lib 1 needs `nothing-here | python3 (>= 4)`, which no configured"),
        "{both}"
    );
    assert!(both.contains("and the configured archives have 3.11"), "{both}");
    assert!(told(&index, "bad").contains("gives a Depends for bad 1 that cannot be read"));
}

#[test]
fn long_chains_and_rings_end() {
    let mut lines = String::new();
    for at in 0..900 {
        lines += &format!("p{at} 1; Depends: p{}\n", (at + 1) % 900);
    }
    assert_eq!(names(&index(&lines), "p0").len(), 900);
    let mut lines = String::new();
    for at in 0..5_000 {
        lines += &format!("p{at} 1; Depends: p{}\n", at + 1);
    }
    lines += "p5000 1\n";
    let told = told(&index(&lines), "p0");
    assert!(told.contains("needs `p"), "{told}");
}

#[test]
fn architectures_count() {
    let index =
        index("a 1; Depends: b:any, c:amd64\nb 1; Multi-Arch: allowed\nc 1\nd 1; Depends: c:i386");
    assert_eq!(names(&index, "a, b [arm64]"), ["a", "b", "c"]);
    assert!(names(&index, "gone [arm64]").is_empty());
    assert!(told(&index, "d").contains("c:i386"));
}
