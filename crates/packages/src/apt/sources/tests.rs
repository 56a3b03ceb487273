//! Entries of both forms, good and bad.

use super::*;

fn one(file: &str, text: &str) -> Source {
    let mut sources = Sources::parse([(file, text)]);
    assert!(sources.problems.is_empty(), "{:?}", sources.problems);
    assert_eq!(sources.entries.len(), 1);
    sources.entries.remove(0)
}

fn named(name: &str, components: &[&str]) -> Suite {
    let components = components.iter().map(|part| (*part).to_owned()).collect();
    Suite::Named { name: name.to_owned(), components }
}

#[test]
fn a_line_with_options() {
    let source = one(
        "sources.list",
        "# a comment\n\ndeb [ arch=amd64,arm64 signed-by=/usr/share/k.gpg,/etc/k.asc check-valid-until=no ] http://mirror.invalid/debian bookworm main contrib # more\n",
    );
    assert_eq!(source.base.as_str(), "http://mirror.invalid/debian/");
    assert_eq!(source.suite, named("bookworm", &["main", "contrib"]));
    assert_eq!(source.place.to_string(), "sources.list:3");
    assert!(source.is_for("arm64") && !source.is_for("i386"));
    assert!(!source.check_valid_until);
    assert_eq!(source.trust, Trust::Signature);
    let files = ["/usr/share/k.gpg", "/etc/k.asc"].map(|file| SignedBy::File(file.into()));
    assert_eq!(source.signed_by, files);
    assert_eq!(source.folder("amd64"), "dists/bookworm/");
}

#[test]
fn paragraphs_multiply() {
    let text = "\
Types: deb deb-src
# where from
URIs: http://mirror.invalid/a http://mirror.invalid/b/
Suites: bookworm
# within a field
 bookworm-updates
Components: main

Enabled: no
Types: deb
URIs: nonsense

Types: deb-src
URIs: http://mirror.invalid/a
Suites: bookworm
Components: main
";
    let sources = Sources::parse([("debian.sources", text)]);
    assert!(sources.problems.is_empty(), "{:?}", sources.problems);
    let read: Vec<_> =
        sources.entries.iter().map(|entry| (entry.base.path(), entry.suite_name())).collect();
    assert_eq!(
        read,
        [
            ("/a/", "bookworm"),
            ("/a/", "bookworm-updates"),
            ("/b/", "bookworm"),
            ("/b/", "bookworm-updates")
        ]
    );
    assert!(sources.entries.iter().all(|entry| entry.place.line == 1));
}

#[test]
fn keys_within_an_entry() {
    let text = "Types: deb\nURIs: https://mirror.invalid\nSuites: ./\nTrusted: yes\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mQ==\n -----END PGP PUBLIC KEY BLOCK-----\n";
    let source = one("a.sources", text);
    let key =
        "\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQ==\n-----END PGP PUBLIC KEY BLOCK-----\n";
    assert_eq!(source.signed_by, [SignedBy::Embedded(key.to_owned())]);
    assert_eq!(source.trust, Trust::Blind);
    assert_eq!(source.suite, Suite::Flat("./".to_owned()));
    assert_eq!(source.folder("amd64"), "");
}

#[test]
fn fingerprints() {
    let hex = "0123456789abcdef0123456789ABCDEF01234567";
    let source = one("s.list", &format!("deb [signed-by={hex}!] http://mirror.invalid sid main"));
    let fingerprint = hex.to_ascii_uppercase();
    assert_eq!(source.signed_by, [SignedBy::Key { fingerprint, exact: true }]);
}

#[test]
fn a_bad_entry_leaves_the_others_alone() {
    let text = "\
rpm http://mirror.invalid x main
deb mirror://mirror.invalid/list x main
deb mirror+file:/etc/mirrors x main
deb [arch] http://mirror.invalid x main
deb [trusted=perhaps] http://mirror.invalid x main
deb [signed-by=key.gpg] http://mirror.invalid x main
deb http://mirror.invalid x
deb http://mirror.invalid
deb http://mirror.invalid x/ main
deb http://mirror.invalid ../x main
deb http://user:secret@ x main
deb http://mirror.invalid good main
";
    let sources = Sources::parse([("l", text)]);
    assert_eq!(sources.entries.len(), 1);
    let told: Vec<String> = sources.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "l:1: `rpm` is no type of archive (`deb` is)",
            "l:2: addresses that begin with `mirror:` are not supported, only http and https",
            "l:3: addresses that begin with `mirror+file:` are not supported, only http and https",
            "l:4: its options are not `[name=value …]`",
            "l:5: `trusted` is `perhaps`, which is neither yes nor no",
            "l:6: `Signed-By` names `key.gpg`, which is neither an absolute path nor a fingerprint",
            "l:7: it does not name a component",
            "l:8: it does not name a suite",
            "l:9: a suite that ends in a slash has no components",
            "l:10: `../x` is no name of a suite or component",
            "l:11: its address is no URL",
        ]
    );
    let text = "Types: deb\nnonsense\n\nURIs: http://mirror.invalid\n";
    let sources = Sources::parse([("b.sources", text)]);
    let told: Vec<String> = sources.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "b.sources:2: this line is no `Name: value`",
            "b.sources:4: it does not name its type (`Types: deb`)"
        ]
    );
}

#[test]
fn no_password_in_messages() {
    let source = one("l", "deb http://user:secret@mirror.invalid x main");
    assert!(!format!("{source:?}").contains("secret"));
    assert_eq!(source.base.password(), Some("secret"));
}
