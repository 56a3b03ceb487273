//! Files that are none, damaged, newer, or somebody else's.

use std::fs;

use lightship_base::Diagnose;
use lightship_engine::{Seq, Store, StoreFault};
use lightship_store::SqliteStore;

use crate::block_on;

fn error(path: &std::path::Path) -> String {
    let error = SqliteStore::open(path).err().unwrap();
    assert!(!error.hints().is_empty() || matches!(error.fault, StoreFault::Io(_)));
    error.to_string().replace(path.to_str().unwrap(), "FILE")
}

#[test]
fn what_is_no_store_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    fs::write(&path, "This is no database at all, but a text that is long enough.".repeat(20))
        .unwrap();
    assert_eq!(error(&path), "cannot open runs in FILE: it is damaged: file is not a database");

    fs::remove_file(&path).unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE cats (name TEXT)").unwrap();
    drop(other);
    let text = error(&path);
    assert_eq!(
        text,
        "cannot open runs in FILE: it is damaged: it is the database of another program"
    );

    let missing = folder.path().join("no/runs.db");
    assert!(error(&missing).starts_with("cannot open runs in FILE: unable to open"));
}

#[test]
fn a_newer_store_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs.db");
    drop(SqliteStore::open(&path).unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(connection);
    let text = error(&path);
    assert_eq!(
        text,
        "cannot open runs in FILE: it has version 99; only versions up to 2 are known here"
    );
}

#[test]
fn pages_that_are_damaged_are_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let scene = crate::Scene::new(folder.path(), |_| lightship_engine::testing::Step::Succeed);
    let plan = lightship_engine::testing::loops(&[50]);
    let header = lightship_engine::testing::header("run-1", plan);
    let id = header.id.clone();
    block_on(async { scene.driver().submit(header).await.unwrap().wait().await.unwrap() });
    drop(scene);
    let path = folder.path().join("runs.db");
    let mut bytes = fs::read(&path).unwrap();
    for page in bytes.chunks_mut(4096).skip(1) {
        page.fill(0x5a);
    }
    fs::write(&path, bytes).unwrap();
    let found = SqliteStore::open(&path).and_then(|store| {
        block_on(async { store.events(&id, Seq::default(), 10).await.map(|_| ()) })
    });
    let error = found.unwrap_err();
    assert!(matches!(error.fault, StoreFault::Damaged(_)), "{error}");
    assert!(error.to_string().contains("runs.db"), "{error}");
}
