//! Trees: what keeps them, what takes them away, and what a killed process leaves of them.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use lightship_base::Digest;
use lightship_cas::{
    Cas, Error, GcOptions, GcReport, Lease, RefKind, RefValue, Trace, Tree, TreeKind, remove_tree,
};

const THINGS: RefKind = RefKind::new("things");
const SNAPSHOTS: TreeKind = TreeKind::new("snapshot");
const DRY: GcOptions = GcOptions { dry_run: true, partials_before: None, unused: None };

/// A store in which blob `b` leads to the trees of digest `t`.
struct Store {
    _folder: tempfile::TempDir,
    cas: Cas,
    blob: Digest,
    tree: Digest,
}

impl Store {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cas = Cas::open(&folder.path().join("store")).unwrap();
        Self { _folder: folder, cas, blob: Digest::of(b"b"), tree: Digest::of(b"t") }
    }

    fn gc(&self, options: GcOptions) -> GcReport {
        let trees =
            |digest: &Digest| Ok(if *digest == self.blob { vec![self.tree] } else { Vec::new() });
        let trace = Trace { blobs: &|_| Ok(Vec::new()), trees: &trees };
        self.cas.gc_with(trace, &remove_tree, options).unwrap()
    }

    fn temporary(&self) -> usize {
        fs::read_dir(self.cas.root().join("tmp")).unwrap().count()
    }
}

fn make(lease: &Lease, digest: &Digest) -> Tree {
    let writer = lease.tree_writer().unwrap();
    fs::create_dir(writer.path().join("fs")).unwrap();
    fs::write(writer.path().join("fs/file"), [7; 70]).unwrap();
    fs::set_permissions(writer.path().join("fs"), fs::Permissions::from_mode(0o0)).unwrap();
    writer.publish(SNAPSHOTS, digest, 70).unwrap()
}

#[test]
fn leases_and_names_keep_trees_and_nothing_else_does() {
    let store = Store::new();
    let lease = store.cas.lease().unwrap();
    let tree = make(&lease, &store.tree);
    assert_eq!(store.gc(GcOptions::default()).kept_trees.count, 1, "leased");

    lease.put(b"b").unwrap();
    let value = RefValue { roots: vec![store.blob], data: "x".into() };
    store.cas.set_ref(THINGS, "b", &value).unwrap();
    drop(lease);
    let report = store.gc(GcOptions::default());
    assert_eq!((report.kept_trees.count, report.kept_trees.bytes.0), (1, 70), "named");

    store.cas.remove_ref(THINGS, "b").unwrap();
    let planned = store.gc(DRY);
    assert_eq!((planned.freed_trees.count, planned.freed_trees.bytes.0), (1, 70));
    assert!(tree.path().exists(), "a dry run only looks");
    let report = store.gc(GcOptions::default());
    assert_eq!((report.freed_trees, report.kept_trees.count), (planned.freed_trees, 0));
    assert!(!tree.path().exists());
    assert_eq!(store.temporary(), 0);
}

#[test]
fn usage_counts_trees_by_kind() {
    let store = Store::new();
    let lease = store.cas.lease().unwrap();
    make(&lease, &store.tree);
    let none = |_: &Digest| Ok(Vec::new());
    let usage = store.cas.usage(&none).unwrap();
    let of_kind = usage.kinds["snapshot"];
    assert_eq!((of_kind.names, of_kind.blobs.count, of_kind.blobs.bytes.0), (1, 1, 70));
    assert_eq!((usage.reachable.bytes.0, usage.unreachable.bytes.0), (70, 0));
    drop(lease);
    let usage = store.cas.usage(&none).unwrap();
    assert_eq!((usage.kinds["snapshot"].names, usage.unreachable.bytes.0), (0, 70));
}

#[test]
fn a_tree_that_cannot_be_removed_is_told_and_tried_again() {
    let store = Store::new();
    let tree = make(&store.cas.lease().unwrap(), &store.tree);
    let loose = store.cas.lease().unwrap().put(b"loose").unwrap();
    let none = |_: &Digest| Ok(Vec::new());
    let trace = Trace { blobs: &none, trees: &none };
    let refuse = |_: &Path| Err(std::io::Error::from_raw_os_error(1));
    let failed = store.cas.gc_with(trace, &refuse, GcOptions::default());
    assert!(matches!(failed, Err(Error::Io { action: "delete", .. })));
    assert!(!store.cas.contains(&loose).unwrap(), "everything else was done");
    assert!(!tree.path().exists(), "out of sight");
    assert_eq!(store.temporary(), 1);
    assert_eq!(store.cas.gc(&none, GcOptions::default()).unwrap().temporary.bytes.0, 72);
    assert_eq!(store.temporary(), 0);
}

#[test]
fn leftovers_of_the_dead_go_and_those_of_the_living_stay() {
    let store = Store::new();
    let lease = store.cas.lease().unwrap();
    let writer = lease.tree_writer().unwrap();
    fs::create_dir_all(store.cas.root().join("tmp/99-9.99-9/fs/deep")).unwrap();
    fs::write(store.cas.root().join("tmp/99-9.99-9/fs/deep/file"), "x").unwrap();
    let report = store.gc(GcOptions::default());
    assert_eq!((report.temporary.count, report.temporary.bytes.0), (1, 1));
    assert!(writer.path().exists());
    assert_eq!(store.temporary(), 1);
}

#[test]
#[ignore = "a process of the test below; does nothing without a place"]
fn maker() {
    let mut place = String::new();
    std::io::stdin().read_to_string(&mut place).unwrap();
    if place.is_empty() {
        return;
    }
    let cas = Cas::open(&PathBuf::from(place)).unwrap();
    let number = std::process::id();
    // The parent kills long before.
    for round in 0..100_000_u32 {
        let lease = cas.lease().unwrap();
        let digest = Digest::of(&[u8::try_from((round ^ number) % 5).unwrap()]);
        let found = lease.tree(SNAPSHOTS, &digest).unwrap();
        let tree = found.unwrap_or_else(|| make(&lease, &digest));
        assert_whole(&tree);
        if round % 7 == 0 {
            cas.gc(&|_| Ok(Vec::new()), GcOptions::default()).unwrap();
            assert_whole(&tree);
        }
        if round % 11 == 0 {
            lease.discard_tree(&tree).unwrap();
        }
    }
}

/// Another process may discard the tree at any moment; what may not be is a tree without its file.
fn assert_whole(tree: &Tree) {
    let Ok(folder) = fs::File::open(tree.path()) else { return };
    let itself = format!("/proc/self/fd/{}", folder.as_raw_fd());
    let names = fs::read_dir(itself).unwrap().count();
    let is_named = fs::metadata(tree.path())
        .is_ok_and(|found| found.ino() == folder.metadata().unwrap().ino());
    assert!(names == 2 || !is_named, "{names} names");
}

#[test]
fn kills_leave_whole_trees_and_garbage_that_goes() {
    let store = Store::new();
    for round in 0..12_u64 {
        let mut makers: Vec<_> = (0..3)
            .map(|_| {
                let mut process = Command::new(std::env::current_exe().unwrap())
                    .args(["--exact", "maker", "--ignored", "--nocapture", "--test-threads=1"])
                    .stdin(Stdio::piped())
                    .stdout(Stdio::null())
                    .spawn()
                    .unwrap();
                let mut stdin = process.stdin.take().unwrap();
                let place = store.cas.root().to_str().unwrap();
                std::io::Write::write_all(&mut stdin, place.as_bytes()).unwrap();
                process
            })
            .collect();
        std::thread::sleep(Duration::from_millis(60 + round * 13));
        for maker in &mut makers {
            assert!(maker.try_wait().unwrap().is_none(), "a maker failed by itself (see above)");
            maker.kill().unwrap();
            maker.wait().unwrap();
        }
        let lease = store.cas.lease().unwrap();
        for digest in (0..5).map(|byte| Digest::of(&[byte])) {
            if let Some(tree) = lease.tree(SNAPSHOTS, &digest).unwrap() {
                assert_eq!(fs::read_dir(tree.path()).unwrap().count(), 2);
                let inner = tree.path().join("fs");
                fs::set_permissions(&inner, fs::Permissions::from_mode(0o700)).unwrap();
                assert_eq!(fs::read(inner.join("file")).unwrap(), [7; 70]);
            }
        }
    }
    let report = store.gc(GcOptions::default());
    assert_eq!(report.kept_trees.count, 0);
    assert_eq!(store.temporary(), 0);
    let usage = store.cas.usage(&|_| Ok(Vec::new())).unwrap();
    assert_eq!((usage.temporary.count, usage.unreachable.count, usage.live_leases), (0, 0, 0));
}
