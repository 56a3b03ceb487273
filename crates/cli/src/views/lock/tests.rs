//! Two locks side by side, and what is said of them.

use lightship_packages::lock::{Deb, LockedFile, Wheel};

use super::*;

const LOOK: Look = Look { width: None, glyphs: Glyphs::Unicode, live: false };

fn deb(name: &str, version: &str) -> Deb {
    Deb {
        name: name.to_owned(),
        version: version.to_owned(),
        architecture: "amd64".to_owned(),
        file: format!("pool/{name}_{version}_amd64.deb"),
        size: 1,
        sha256: Digest::of(format!("{name} {version}").as_bytes()),
        archive: "Debian".to_owned(),
        depends: Vec::new(),
        reason: "a test".to_owned(),
        platforms: Vec::new(),
    }
}

fn wheel(name: &str, version: &str, content: &str) -> Wheel {
    Wheel {
        name: name.to_owned(),
        version: version.to_owned(),
        file: LockedFile {
            name: format!("{name}-{version}-py3-none-any.whl"),
            sha256: Digest::of(content.as_bytes()),
            size: None,
        },
        index: "default".to_owned(),
        depends: Vec::new(),
        platforms: Vec::new(),
    }
}

fn before() -> Lock {
    Lock {
        platforms: vec!["linux/amd64".parse().unwrap()],
        debs: vec![deb("libc6", "2.36-9"), deb("libold", "1"), deb("zlib1g", "1:1.2.13~rc1")],
        wheels: vec![wheel("idna", "3.10", "a"), wheel("six", "1.9", "b"), wheel("x", "1", "c")],
        ..Lock::default()
    }
}

fn told(after: &Lock, top: Top) -> String {
    changes("lightship.lock", Some(&before()), after, top, &LOOK)
}

#[test]
fn every_fate_has_its_word_and_versions_are_compared_as_their_kind_does() {
    let after = Lock {
        platforms: vec!["linux/amd64".parse().unwrap(), "linux/arm64".parse().unwrap()],
        debs: vec![deb("libc6", "2.36-9"), deb("libnew", "3"), deb("zlib1g", "1:1.2.13")],
        wheels: vec![wheel("idna", "3.9", "d"), wheel("six", "1.16", "e"), wheel("x", "1", "f")],
        ..Lock::default()
    };
    let expected = "\
lightship.lock: 1 added, 1 removed, 2 upgraded, 1 downgraded, 1 replaced; 3 packages of the \
distribution, 3 of Python now
  platforms   linux/amd64 → linux/amd64, linux/arm64
  added       libnew 3
  removed     libold 1
  upgraded    zlib1g 1:1.2.13~rc1 → 1:1.2.13
  upgraded    six 1.9 → 1.16
  downgraded  idna 3.10 → 3.9
  replaced    x 1 by another file
";
    assert_eq!(told(&after, Top::default()), expected);
}

#[test]
fn platforms_may_have_versions_of_their_own() {
    let mut after = before();
    after.wheels.push(wheel("six", "1.10", "g"));
    let text = told(&after, Top::default());
    assert!(text.contains("replaced    six 1.9 → 1.10, 1.9\n"), "{text}");
}

#[test]
fn no_change_and_many_changes_are_said_in_few_words() {
    let same =
        "lightship.lock: no package has changed; 3 packages of the distribution, 3 of Python now\n";
    assert_eq!(told(&before(), Top::default()), same);
    let mut after = before();
    after.debs.extend((0..13).map(|n| deb(&format!("n{n}"), "1")));
    let text = told(&after, Top::default());
    assert_eq!(text.lines().count(), 12, "{text}");
    assert!(text.contains("and 3 more; `--verbose` shows them"), "{text}");
    assert_eq!(told(&after, Top::All).lines().count(), 14);
}

#[test]
fn a_lock_is_made_missing_up_to_date_or_not() {
    let lock = before();
    let made = changes("lightship.lock", None, &lock, Top::default(), &LOOK);
    assert_eq!(made, "lightship.lock is made: 3 packages of the distribution, 3 of Python\n");
    assert_eq!(verdict("l", None, &["there is none".to_owned()]), "l is missing\n");
    let fine = "l is up to date: 3 packages of the distribution, 3 of Python\n";
    assert_eq!(verdict("l", Some(&lock), &[]), fine);
    let reasons = ["`python` was 3.11 and is 3.12".to_owned(), "`a` is new".to_owned()];
    let text = "l is out of date: `python` was 3.11 and is 3.12; `a` is new\n";
    assert_eq!(verdict("l", Some(&lock), &reasons), text);
}

#[test]
fn what_a_lock_says_does_not_steer_a_terminal() {
    let mut after = before();
    after.debs.push(deb("evil\u{1b}[2J", "1\u{7}"));
    assert!(!told(&after, Top::default()).contains(['\u{1b}', '\u{7}']));
}
