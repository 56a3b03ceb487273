//! The store as its users see it: writing, resuming, naming, collecting, verifying.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use lightship_base::{Digest, Progress, Quiet, Timestamp, Transfer, TransferId, TransferOutcome};
use lightship_cas::{Cas, Error, GcOptions, Problem, RefKind, RefValue, Unused, VerifyOptions};

const THINGS: RefKind = RefKind::new("things");
const OTHERS: RefKind = RefKind::new("others");

struct Store {
    folder: tempfile::TempDir,
    cas: Cas,
}

impl Store {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let cas = Cas::open(&folder.path().join("store")).unwrap();
        Self { folder, cas }
    }

    fn path(&self, part: &str) -> PathBuf {
        self.folder.path().join("store").join(part)
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.path("blobs/sha256").join(&digest.hex()[..2]).join(digest.hex())
    }

    /// Stores bytes that nothing protects any more.
    fn loose(&self, bytes: &[u8]) -> Digest {
        self.cas.lease().unwrap().put(bytes).unwrap()
    }

    fn count(&self, part: &str) -> usize {
        fs::read_dir(self.path(part)).unwrap().count()
    }

    fn gc(&self) -> lightship_cas::GcReport {
        self.cas.gc(&none, GcOptions::default()).unwrap()
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of `Children`")]
fn none(_: &Digest) -> Result<Vec<Digest>, Error> {
    Ok(Vec::new())
}

fn value(roots: &[Digest]) -> RefValue {
    RefValue { roots: roots.to_vec(), data: serde_json::json!({"note": "ours"}) }
}

#[test]
fn a_blob_appears_whole_verified_and_read_only() {
    let store = Store::new();
    let lease = store.cas.lease().unwrap();
    let mut writer = lease.writer().unwrap();
    writer.write_all(b"hello ").unwrap();
    writer.write_all(b"world").unwrap();
    let digest = Digest::of(b"hello world");
    assert!(!store.cas.contains(&digest).unwrap());
    let stored = writer.commit(Some(digest), Some(11)).unwrap();
    assert_eq!((stored.digest, stored.size), (digest, 11));
    assert_eq!(store.cas.size(&digest).unwrap(), Some(11));
    let mut blob = store.cas.open_blob(&digest).unwrap();
    blob.seek(SeekFrom::Start(6)).unwrap();
    let mut text = String::new();
    blob.read_to_string(&mut text).unwrap();
    assert_eq!((text.as_str(), blob.size()), ("world", 11));
    let mode = fs::metadata(store.blob_path(&digest)).unwrap().permissions().mode();
    assert_eq!(mode & 0o222, 0);
    assert_eq!(store.count("tmp"), 0);
}

#[test]
fn what_was_not_announced_is_not_stored() {
    let store = Store::new();
    let lease = store.cas.lease().unwrap();
    let wrong = Digest::of(b"something else");
    for (expected, size) in [(Some(wrong), None), (None, Some(3))] {
        let mut writer = lease.writer().unwrap();
        writer.write_all(b"four").unwrap();
        let error = writer.commit(expected, size).unwrap_err();
        assert!(
            matches!(error, Error::DigestMismatch { .. } | Error::SizeMismatch { .. }),
            "{error}"
        );
    }
    drop(lease.writer().unwrap());
    assert_eq!(store.count("tmp"), 0);
    assert!(!store.cas.contains(&Digest::of(b"four")).unwrap());
    assert!(matches!(store.cas.open_blob(&wrong), Err(Error::NoSuchBlob { .. })));
}

#[test]
fn several_writers_of_one_blob_agree() {
    let store = Store::new();
    let bytes = vec![7; 300_000];
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| store.cas.lease().unwrap().put(&bytes).unwrap());
        }
    });
    let lease = store.cas.lease().unwrap();
    let (mut a, mut b) = (lease.writer().unwrap(), lease.writer().unwrap());
    a.append(&bytes).unwrap();
    b.append(&bytes).unwrap();
    assert_eq!(a.commit(None, None).unwrap(), b.commit(None, None).unwrap());
    assert_eq!(store.cas.read(&Digest::of(&bytes), 1 << 20).unwrap(), bytes);
    assert_eq!(store.count("tmp"), 0);
}

#[test]
fn an_interrupted_download_goes_on() {
    let store = Store::new();
    let digest = Digest::of(b"first second");
    let first = store.cas.lease().unwrap();
    let mut writer = first.partial(&digest).unwrap();
    assert!(writer.is_empty());
    writer.append(b"first ").unwrap();
    let second = store.cas.lease().unwrap();
    let busy = second.partial(&digest).unwrap();
    assert_eq!(busy.len(), 0, "somebody else has it: an ordinary writer");
    drop((busy, writer));
    assert_eq!((store.count("tmp"), store.count("partial")), (0, 1));

    let mut writer = second.partial(&digest).unwrap();
    assert_eq!(writer.len(), 6);
    writer.append(b"second").unwrap();
    writer.commit(None, Some(12)).unwrap();
    assert_eq!(store.count("partial"), 0);
    assert_eq!(store.cas.read(&digest, 99).unwrap(), b"first second");
}

#[test]
fn a_bad_prefix_is_thrown_away() {
    let store = Store::new();
    let lease = store.cas.lease().unwrap();
    let digest = Digest::of(b"right");
    let path = store.path("partial").join(digest.hex());
    fs::write(&path, b"wr").unwrap();
    // As a process killed just before its rename leaves it.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    let mut writer = lease.partial(&digest).unwrap();
    assert_eq!(writer.len(), 2);
    writer.append(b"ong").unwrap();
    assert!(matches!(writer.commit(None, None), Err(Error::DigestMismatch { .. })));
    assert_eq!(store.count("partial"), 0);

    fs::write(&path, b"wrong and longer").unwrap();
    let mut writer = lease.partial(&digest).unwrap();
    writer.append(b", buffered").unwrap();
    writer.restart().unwrap();
    writer.append(b"right").unwrap();
    assert_eq!(writer.commit(None, None).unwrap().size, 5);
    assert_eq!(store.count("partial"), 0);
}

/// Whoever opens a partial download while its owner (or a collection) removes it must not lock the removed file and
/// believe that it has the one of that name.
#[test]
fn a_partial_download_that_vanishes_while_it_is_opened_is_made_again() {
    let store = Store::new();
    for round in 0..60_u32 {
        let bytes = round.to_be_bytes();
        let digest = Digest::of(&bytes);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let lease = store.cas.lease().unwrap();
                    while !done.load(Ordering::Relaxed) {
                        drop(lease.partial(&digest).unwrap());
                    }
                });
            }
            scope.spawn(|| {
                let options =
                    GcOptions { partials_before: Some(Timestamp::MAX), ..GcOptions::default() };
                while !done.load(Ordering::Relaxed) {
                    store.cas.gc(&none, options).unwrap();
                }
            });
            // No panic before the others are told to end.
            let write = || {
                let lease = store.cas.lease()?;
                let mut writer = lease.partial(&digest)?;
                writer.append(&bytes)?;
                writer.commit(None, None)
            };
            let committed = write();
            done.store(true, Ordering::Relaxed);
            committed.unwrap();
        });
    }
    assert_eq!(store.count("tmp"), 0);
}

#[test]
fn a_truncated_blob_is_replaced() {
    let store = Store::new();
    let digest = store.loose(b"whole");
    let path = store.blob_path(&digest);
    fs::remove_file(&path).unwrap();
    fs::write(&path, b"who").unwrap();
    let lease = store.cas.lease().unwrap();
    let mut writer = lease.writer().unwrap();
    writer.append(b"whole").unwrap();
    writer.commit(Some(digest), None).unwrap();
    assert_eq!(store.cas.read(&digest, 9).unwrap(), b"whole");
}

#[test]
fn reading_whole_is_limited_and_verified() {
    let store = Store::new();
    let digest = store.loose(b"small");
    assert!(matches!(store.cas.read(&digest, 4), Err(Error::TooLarge { size: 5, .. })));
    let path = store.blob_path(&digest);
    fs::remove_file(&path).unwrap();
    fs::write(&path, b"smell").unwrap();
    assert!(matches!(store.cas.read(&digest, 9), Err(Error::CorruptBlob { .. })));
}

#[test]
fn names_are_set_listed_moved_and_removed() {
    let store = Store::new();
    let lease = store.cas.lease().unwrap();
    let [a, b] = [b"a", b"b"].map(|bytes| lease.put(bytes).unwrap());
    let odd = "../ein Name: Ü\n";
    store.cas.set_ref(THINGS, odd, &value(&[a])).unwrap();
    store.cas.set_ref(OTHERS, odd, &value(&[])).unwrap();
    store.cas.set_ref(THINGS, "zwei", &value(&[a])).unwrap();
    store.cas.set_ref(THINGS, odd, &value(&[b])).unwrap();
    assert_eq!(store.cas.get_ref(THINGS, odd).unwrap(), Some(value(&[b])));
    let names: Vec<String> =
        store.cas.list_refs(THINGS).unwrap().into_iter().map(|entry| entry.name).collect();
    assert_eq!(names, [odd, "zwei"]);
    assert!(store.cas.remove_ref(THINGS, odd).unwrap());
    assert!(!store.cas.remove_ref(THINGS, odd).unwrap());
    assert_eq!(store.cas.get_ref(THINGS, odd).unwrap(), None);
    assert!(lease.pin(THINGS, odd).unwrap().is_none());
    assert!(matches!(
        store.cas.set_ref(THINGS, "x", &value(&[Digest::of(b"absent")])),
        Err(Error::MissingRoot { .. })
    ));
    assert!(matches!(
        store.cas.set_ref(THINGS, &"x".repeat(256), &value(&[])),
        Err(Error::RefNameTooLong { .. })
    ));
}

#[test]
fn a_damaged_name_stops_the_collection_and_can_be_removed() {
    let store = Store::new();
    let digest = store.loose(b"precious");
    store.cas.set_ref(THINGS, "a", &value(&[digest])).unwrap();
    fs::write(store.path("refs/things/a"), "{\"roots\":").unwrap();
    let error = store.cas.gc(&none, GcOptions::default()).unwrap_err();
    assert!(matches!(error, Error::CorruptRef { .. }), "{error}");
    assert!(store.cas.contains(&digest).unwrap());
    assert!(store.cas.remove_ref(THINGS, "a").unwrap());
    assert_eq!(store.gc().freed.count, 1);
}

#[test]
fn gc_keeps_what_names_and_leases_lead_to() {
    let store = Store::new();
    let lease = store.cas.lease().unwrap();
    let [root, child, leased] = [&b"root"[..], b"child", b"leased child"].map(|b| store.loose(b));
    let garbage = store.loose(b"garbage!");
    let parent = lease.put(b"leased root").unwrap();
    store.cas.set_ref(THINGS, "a", &value(&[root])).unwrap();
    let children = |digest: &Digest| {
        Ok(if *digest == root {
            vec![child, Digest::of(b"absent")]
        } else if *digest == parent {
            vec![leased]
        } else {
            vec![]
        })
    };
    let usage = store.cas.usage(&children).unwrap();
    assert_eq!((usage.reachable.count, usage.reachable.bytes.0), (4, 4 + 5 + 11 + 12));
    assert_eq!((usage.unreachable.count, usage.unreachable.bytes.0), (1, 8));
    assert_eq!((usage.kinds["things"].names, usage.kinds["things"].blobs.bytes.0), (1, 9));
    assert_eq!((usage.live_leases, usage.dead_leases), (1, 0));

    let dry = store.cas.gc(&children, GcOptions { dry_run: true, ..Default::default() }).unwrap();
    assert!(store.cas.contains(&garbage).unwrap());
    let report = store.cas.gc(&children, GcOptions::default()).unwrap();
    assert_eq!(lightship_cas::GcReport { dry_run: true, ..report }, dry);
    assert_eq!((report.freed.count, report.freed.bytes.0, report.kept.count), (1, 8, 4));
    assert!(!store.cas.contains(&garbage).unwrap());

    drop(lease);
    assert_eq!(store.cas.gc(&children, GcOptions::default()).unwrap().freed.count, 2);
    store.cas.remove_ref(THINGS, "a").unwrap();
    assert_eq!(store.cas.gc(&children, GcOptions::default()).unwrap().kept.count, 0);
}

#[test]
fn a_pinned_tree_outlives_its_name() {
    let store = Store::new();
    let digest = store.loose(b"tree");
    store.cas.set_ref(THINGS, "a", &value(&[digest])).unwrap();
    let lease = store.cas.lease().unwrap();
    assert_eq!(lease.pin(THINGS, "a").unwrap(), Some(value(&[digest])));
    store.cas.remove_ref(THINGS, "a").unwrap();
    assert_eq!(store.gc().kept.count, 1);
    drop(lease);
    assert_eq!(store.gc().freed.count, 1);
}

#[test]
fn a_tracer_that_fails_deletes_nothing() {
    let store = Store::new();
    let root = store.loose(b"root");
    store.loose(b"garbage");
    store.cas.set_ref(THINGS, "a", &value(&[root])).unwrap();
    let fails = |digest: &Digest| {
        Err(Error::NoSuchBlob { digest: *digest, root: PathBuf::from("/nowhere") })
    };
    store.cas.gc(&fails, GcOptions::default()).unwrap_err();
    assert!(store.cas.contains(&Digest::of(b"garbage")).unwrap());
}

#[test]
fn leftovers_of_the_dead_go_and_those_of_the_living_stay() {
    let store = Store::new();
    let lease = store.cas.lease().unwrap();
    let mut writer = lease.writer().unwrap();
    writer.append(b"mine").unwrap();
    writer.flush().unwrap();
    let partial = Digest::of(b"partial");
    fs::write(store.path("tmp/99999-0.99999-1"), "dead").unwrap();
    fs::write(store.path("tmp/file-99999-2"), "half a ref").unwrap();
    fs::write(store.path("leases/99999-0"), Digest::of(b"x").hex()).unwrap();
    fs::write(store.path("partial").join(partial.hex()), "par").unwrap();
    let report = store.gc();
    assert_eq!((report.temporary.count, report.dead_leases, report.partial.count), (2, 1, 0));
    assert_eq!((store.count("tmp"), store.count("leases"), store.count("partial")), (1, 1, 1));

    let at = |partials_before| GcOptions {
        partials_before: Some(partials_before),
        ..GcOptions::default()
    };
    let ago = store.cas.gc(&none, at(Timestamp::UNIX_EPOCH)).unwrap();
    assert_eq!(ago.partial.count, 0);
    let held = lease.partial(&partial).unwrap();
    assert_eq!(store.cas.gc(&none, at(Timestamp::MAX)).unwrap().partial.count, 0);
    drop(held);
    assert_eq!(store.cas.gc(&none, at(Timestamp::MAX)).unwrap().partial.count, 1);
    writer.commit(None, Some(4)).unwrap();
}

#[derive(Default)]
struct Watch(Mutex<(u64, u64)>);

impl Progress for Watch {
    fn begin(&self, transfer: Transfer) -> TransferId {
        self.0.lock().unwrap().0 = transfer.total.unwrap().0;
        TransferId(1)
    }
    fn advance(&self, _: TransferId, bytes: u64) {
        self.0.lock().unwrap().1 += bytes;
    }
    fn end(&self, _: TransferId, outcome: TransferOutcome) {
        assert_eq!(outcome, TransferOutcome::Done);
    }
}

#[test]
fn verify_finds_corrupt_missing_and_stray() {
    let store = Store::new();
    let [good, bad, gone] = [&b"good"[..], b"bad", b"gone"].map(|bytes| store.loose(bytes));
    store.cas.set_ref(THINGS, "a", &value(&[good, bad, gone])).unwrap();
    let watch = Watch::default();
    let clean = store.cas.verify(&none, VerifyOptions::default(), &watch).unwrap();
    assert!(clean.is_clean());
    assert_eq!(*watch.0.lock().unwrap(), (11, 11));

    fs::remove_file(store.blob_path(&gone)).unwrap();
    fs::remove_file(store.blob_path(&bad)).unwrap();
    fs::write(store.blob_path(&bad), "BAD").unwrap();
    fs::write(store.path("blobs/sha256/README"), "hi").unwrap();
    let report = store.cas.verify(&none, VerifyOptions::default(), &Quiet).unwrap();
    assert_eq!(report.corrupt.len(), 1);
    assert_eq!(report.corrupt[0].problem, Problem::OtherDigest(Digest::of(b"BAD")));
    assert!(!report.corrupt[0].removed && store.cas.contains(&bad).unwrap());
    assert_eq!(report.missing.len(), 1);
    assert_eq!(report.missing[0].needed_by, ["things/a"]);
    assert_eq!(report.strays, [store.path("blobs/sha256/README")]);

    let remove = VerifyOptions { remove_corrupt: true };
    let report = store.cas.verify(&none, remove, &Quiet).unwrap();
    assert!(report.corrupt[0].removed && !store.cas.contains(&bad).unwrap());
    assert_eq!(report.missing.len(), 2);
    assert_eq!(store.gc().kept.count, 1, "strays and missing blobs do not stop a collection");
}

#[test]
fn two_stores_opened_on_one_folder_are_one() {
    let store = Store::new();
    let again = Cas::open(store.cas.root()).unwrap();
    let lease = again.lease().unwrap();
    let digest = lease.put(b"shared").unwrap();
    assert_eq!(store.gc().freed.count, 0);
    assert!(store.cas.contains(&digest).unwrap());
}

#[test]
fn names_that_nobody_uses_are_let_go_of() {
    let store = Store::new();
    let (old, used, other) = (store.loose(b"old"), store.loose(b"used"), store.loose(b"other"));
    store.cas.set_ref(THINGS, "old", &value(&[old])).unwrap();
    store.cas.set_ref(THINGS, "used", &value(&[used])).unwrap();
    store.cas.set_ref(OTHERS, "other", &value(&[other])).unwrap();
    let long_ago = std::time::SystemTime::UNIX_EPOCH;
    for name in ["things/old", "things/used", "others/other"] {
        let file = fs::File::options().write(true).open(store.path("refs").join(name)).unwrap();
        file.set_modified(long_ago).unwrap();
    }
    drop(store.cas.lease().unwrap().pin(THINGS, "used").unwrap());

    let before = Timestamp::from_second(3600).unwrap();
    let unused = Some(Unused { kinds: &[THINGS], before });
    let dry = store.cas.gc(&none, GcOptions { dry_run: true, partials_before: None, unused });
    let report = dry.unwrap();
    assert_eq!((report.unused, report.freed.count, report.kept.count), (1, 1, 2));
    assert!(store.cas.get_ref(THINGS, "old").unwrap().is_some());

    let report = store.cas.gc(&none, GcOptions { unused, ..GcOptions::default() }).unwrap();
    assert_eq!((report.unused, report.freed.count, report.kept.count), (1, 1, 2));
    assert!(store.cas.get_ref(THINGS, "old").unwrap().is_none());
    assert!(store.cas.contains(&used).unwrap() && store.cas.contains(&other).unwrap());
}
