//! Pages as indexes write them, and files found through a server of our own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use lightship_base::{Digest, Quiet};
use lightship_cas::Cas;
use lightship_net::{Client, Jitter, Pacer, RetryPolicy, Settings, ThreadSleeper};

use super::*;
use crate::fetch::{Fetcher, NoLogins};
use crate::lock::LockedFile;

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

#[test]
fn a_page_in_json_is_read() {
    let digest = Digest::of(b"x");
    let page = format!(
        r#"{{"meta": {{"api-version": "1.4"}}, "name": "six", "files": [
            {{"filename": "six-1.tar.gz", "url": "../files/six-1.tar.gz", "hashes": {{"sha256": "{hex}"}},
              "size": 7, "yanked": "broken", "core-metadata": {{"sha256": "{hex}"}}, "requires-python": ">=3"}},
            {{"filename": "six-2.tar.gz", "url": "http://u:p@other.invalid/six-2.tar.gz", "hashes": {{}}, "yanked": false}},
            {{"filename": "../six-3.tar.gz", "url": "six-3.tar.gz", "hashes": {{}}}},
            {{"filename": "six-4.tar.gz", "url": "file:///etc/passwd", "hashes": {{}}}},
            {{"filename": 5}}, 6]}}"#,
        hex = digest.hex()
    );
    let listing = parse_json(page.as_bytes(), &url("http://mirror.invalid/simple/six/?a")).unwrap();
    assert_eq!(listing.files.len(), 2, "{listing:?}");
    let first = listing.find("six-1.tar.gz", &digest).unwrap();
    assert_eq!(first.url.as_str(), "http://mirror.invalid/simple/files/six-1.tar.gz");
    assert_eq!(first.yanked, Yanked::Yes(Some("broken".to_owned())));
    assert_eq!((first.size, first.core_metadata), (Some(7), true));
    assert_eq!(listing.find("six-1.tar.gz", &Digest::of(b"y")), None);
    assert_eq!(listing.files[1].url.as_str(), "http://other.invalid/six-2.tar.gz");
    for senseless in ["", "[]", "{}", r#"{"meta": {"api-version": "2.0"}, "files": []}"#] {
        assert!(parse_json(senseless.as_bytes(), &url("http://mirror.invalid/")).is_err());
    }
}

#[test]
fn a_page_in_html_is_read() {
    let digest = Digest::of(b"x");
    let page = format!(
        "<!DOCTYPE html><!-- <a href=no>no</a> --><base href='/files/'><address>x</address>\
         <A class=x\n HREF=\"a/six-1%2Bcpu.whl#egg=x&amp;sha256={hex}\" data-requires-python='&gt;=3.9&#44;&lt;4' \
         data-yanked data-core-metadata=\"sha256={hex}\">six</A>\
         <a href=six-2.zip>2</a><a href='file:///etc/passwd'>3</a><a>4</a><a href=\"..\">up</a><a href='x",
        hex = digest.hex()
    );
    let listing = parse_html(page.as_bytes(), &url("http://mirror.invalid/simple/six/")).unwrap();
    let names: Vec<&str> = listing.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["six-1+cpu.whl", "six-2.zip", "x"]);
    let first = &listing.files[0];
    assert_eq!(first.url.as_str(), "http://mirror.invalid/files/a/six-1%2Bcpu.whl");
    assert_eq!(first.sha256, Some(digest));
    assert_eq!(first.requires_python.as_deref(), Some(">=3.9,<4"));
    assert_eq!((&first.yanked, first.core_metadata), (&Yanked::Yes(None), true));
    assert!(listing.find("six-2.zip", &digest).is_some(), "no digest known: its bytes will tell");
}

/// Answers `GET path` from a list of paths, types and bodies; 404 for others. Says what was asked.
fn serve(answers: Vec<(&'static str, &'static str, Vec<u8>)>) -> (Url, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let root = url(&format!("http://{}/", listener.local_addr().unwrap()));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let first = lines.next().unwrap().unwrap();
            lines
                .take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty()))
                .for_each(drop);
            let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
            let found = answers.iter().find(|(known, _, _)| *known == path);
            let (status, kind, body) = match found {
                Some((_, kind, body)) => ("200 OK", *kind, &body[..]),
                None => ("404 Not Found", "text/plain", &b"no"[..]),
            };
            log.lock().unwrap().push(path);
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes());
            let _ = stream.write_all(body);
        }
    });
    (root, asked)
}

fn finder(cas: &Cas, indexes: Vec<Index>) -> Finder {
    let pacer = Pacer::new(RetryPolicy::default(), Arc::new(ThreadSleeper), Jitter::seeded(1));
    let client = Client::new(Settings::new("test", Vec::new()), pacer).unwrap();
    let lease = Arc::new(cas.lease().unwrap());
    Finder::new(Fetcher::new(Some(client), lease, Arc::new(NoLogins)), indexes)
}

fn locked(name: &str, bytes: &[u8]) -> LockedFile {
    LockedFile { name: name.to_owned(), sha256: Digest::of(bytes), size: Some(bytes.len() as u64) }
}

#[test]
fn files_are_found_wherever_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let cas = Cas::open(&folder.path().join("store")).unwrap();
    let links = folder.path().join("links");
    std::fs::create_dir(&links).unwrap();
    std::fs::write(links.join("local-1.whl"), b"local").unwrap();
    std::fs::write(links.join("six-1.whl"), b"another file of this name").unwrap();
    let (root, asked) = serve(vec![
        (
            "/corp/simple/six-pack/",
            "text/html",
            b"<a href='../../../files/six-1.whl'>six</a>".to_vec(),
        ),
        ("/files/six-1.whl", "application/octet-stream", b"six".to_vec()),
    ]);
    let repository = |label: &str, path: &str, role| {
        Index::new(label, Place::Repository(root.join(path).unwrap()), role)
    };
    let indexes = vec![
        Index::new("links-1", Place::Folder(links), Role::Extra),
        repository("default", "empty/simple", Role::Default),
        repository("corp", "corp/simple/", Role::Extra),
    ];
    let finder = finder(&cas, indexes);

    let local = locked("local-1.whl", b"local");
    let wanted = Wanted { project: "local", index: "links-1", file: &local };
    assert_eq!(std::fs::read(finder.fetch(&wanted, &Quiet).unwrap()).unwrap(), b"local");
    assert!(asked.lock().unwrap().is_empty());

    let mut stale = Addresses::default();
    stale.note(&Digest::of(b"six"), &root.join("moved/six-1.whl").unwrap());
    stale.remember(&cas, "default").unwrap();
    let six = locked("six-1.whl", b"six");
    let wanted = Wanted { project: "Six_Pack", index: "default", file: &six };
    assert_eq!(std::fs::read(finder.fetch(&wanted, &Quiet).unwrap()).unwrap(), b"six");
    finder.fetch(&wanted, &Quiet).unwrap();
    assert_eq!(
        *asked.lock().unwrap(),
        [
            "/moved/six-1.whl",
            "/empty/simple/six-pack/",
            "/corp/simple/six-pack/",
            "/files/six-1.whl"
        ],
        "each page once; nothing again for what is in the store"
    );

    let none = locked("none-1.whl", b"none");
    let wanted = Wanted { project: "none", index: "gpu", file: &none };
    let error = finder.fetch(&wanted, &Quiet).unwrap_err();
    assert!(matches!(&error, Error::NowhereFound { asked, .. } if asked.len() == 3), "{error}");
}

#[test]
fn a_place_with_something_else_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let cas = Cas::open(&folder.path().join("store")).unwrap();
    let page = |href: &str| format!("<a href='{href}'>six</a>").into_bytes();
    let (root, asked) = serve(vec![
        ("/login/six-1.whl", "text/html", b"who are you?".to_vec()),
        ("/own/six/", "text/html", page("/bad/six-1.whl")),
        ("/bad/six-1.whl", "application/octet-stream", b"evil".to_vec()),
        ("/other/six/", "text/html", page("/good/six-1.whl")),
        ("/good/six-1.whl", "application/octet-stream", b"six".to_vec()),
    ]);
    let repository =
        |label: &str| Index::new(label, Place::Repository(root.join(label).unwrap()), Role::Extra);
    let mut seen = Addresses::default();
    seen.note(&Digest::of(b"six"), &root.join("login/six-1.whl").unwrap());
    seen.remember(&cas, "own").unwrap();
    // Locks that do not know sizes have only the digest to tell by.
    let six = LockedFile { size: None, ..locked("six-1.whl", b"six") };
    let wanted = Wanted { project: "six", index: "own", file: &six };
    let without = finder(&cas, vec![repository("own")]).fetch(&wanted, &Quiet).unwrap_err();
    assert!(matches!(&without, Error::Fetch(error) if !error.is_final()), "{without:?}");
    asked.lock().unwrap().clear();
    let finder = finder(&cas, vec![repository("other"), repository("own")]);
    assert_eq!(std::fs::read(finder.fetch(&wanted, &Quiet).unwrap()).unwrap(), b"six");
    assert_eq!(
        *asked.lock().unwrap(),
        ["/login/six-1.whl", "/own/six/", "/bad/six-1.whl", "/other/six/", "/good/six-1.whl"]
    );
}

#[test]
fn pages_that_are_made_to_cost_much() {
    let base = url("http://mirror.invalid/");
    let page = format!("<a href='x.whl?{}'>x</a>", "&".repeat(8 << 20));
    let begun = std::time::Instant::now();
    assert_eq!(parse_html(page.as_bytes(), &base).unwrap().files.len(), 1);
    // Searched to the end for each, it would take hours.
    assert!(begun.elapsed() < std::time::Duration::from_mins(1), "{:?}", begun.elapsed());
    let many = format!(r#"{{"files": [{}0]}}"#, "0,".repeat(200_000));
    let error = parse_json(many.as_bytes(), &base).unwrap_err();
    assert!(error.contains("more than 200000 files"), "{error}");
    // What is of another kind than the specification's is not said.
    let odd = r#"{"meta": 1, "files": [{"filename": "x.whl", "url": "x.whl", "size": "7", "hashes": [],
        "yanked": {}, "core-metadata": false, "requires-python": 3}]}"#;
    let odd = &parse_json(odd.as_bytes(), &base).unwrap().files[0];
    assert_eq!((odd.size, odd.sha256, &odd.yanked), (None, None, &Yanked::No));
    assert_eq!((odd.core_metadata, &odd.requires_python), (false, &None));
}

#[test]
fn addresses_are_remembered_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let cas = Cas::open(folder.path()).unwrap();
    let (a, b, c) = (Digest::of(b"a"), Digest::of(b"b"), Digest::of(b"c"));
    let mut addresses = Addresses::default();
    addresses.note(&a, &url("https://user:hunter2@mirror.invalid/a.whl"));
    addresses.note(&b, &url("https://mirror.invalid/b.whl?token=hunter2"));
    addresses.remember(&cas, "a label/with a slash").unwrap();
    let mut more = Addresses::default();
    more.note(&c, &url("https://mirror.invalid/c.whl"));
    more.remember(&cas, "a label/with a slash").unwrap();
    let loaded = Addresses::load(&cas, "a label/with a slash").unwrap();
    assert_eq!(loaded.get(&a), Some(url("https://mirror.invalid/a.whl")));
    assert_eq!((loaded.get(&b), loaded.get(&c).is_some()), (None, true));
    assert_eq!(Addresses::load(&cas, "other").unwrap(), Addresses::default());
}
