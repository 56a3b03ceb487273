//! Writers, readers and collectors in processes of their own, killed at random moments. Afterwards
//! nothing may be wrong and nothing that was promised may be missing.
//!
//! The test executes itself: `worker` is a test that is ignored unless asked for, and that takes its
//! orders from standard input.
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests")]

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lightship_base::{Digest, Quiet, Timestamp};
use lightship_cas::{Cas, Error, GcOptions, Lease, RefKind, RefValue, VerifyOptions};
use serde::{Deserialize, Serialize};

const TREES: RefKind = RefKind::new("trees");

/// Few enough that processes often want the same blob, and that a collection often deletes what
/// somebody is about to want.
const LEAVES: u64 = 24;

/// Names of one writer.
const NAMES: u64 = 4;

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Role {
    Writer,
    Reader,
    Collector,
    Verifier,
}

#[derive(Debug, Serialize, Deserialize)]
struct Orders {
    role: Role,
    store: PathBuf,
    /// Where a writer notes what it was promised; one line per event.
    journal: PathBuf,
    seed: u64,
}

/// xorshift64*: enough to mix things up, and the same on every machine.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % limit
    }
}

/// The bytes of a leaf: up to 200 KB, so that a kill hits the middle of some.
fn leaf(number: u64) -> Vec<u8> {
    let mut dice = Dice(number * 7919 + 1);
    let length = 1 + dice.below(if number.is_multiple_of(3) { 200_000 } else { 2_000 });
    let mut bytes = format!("leaf {number}\n").into_bytes();
    bytes.extend((0..length).map(|at| u8::try_from((at * (number + 3)) % 251).unwrap()));
    bytes
}

/// A tree is a JSON list of digests; a leaf is not.
fn children(cas: &Cas, digest: &Digest) -> Result<Vec<Digest>, Error> {
    let mut blob = cas.open_blob(digest)?;
    let mut first = [0];
    if blob.size() > 10_000 || blob.read(&mut first).unwrap() == 0 || first != *b"[" {
        return Ok(Vec::new());
    }
    Ok(serde_json::from_slice(&cas.read(digest, 10_000)?).unwrap())
}

#[test]
#[ignore = "a process of the test below; does nothing without orders"]
fn worker() {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).unwrap();
    if text.is_empty() {
        return;
    }
    let orders: Orders = serde_json::from_str(&text).unwrap();
    let cas = Cas::open(&orders.store).unwrap();
    let mut dice = Dice(orders.seed);
    // The parent kills long before.
    let end = Instant::now() + Duration::from_mins(1);
    while Instant::now() < end {
        match orders.role {
            Role::Writer => write_tree(&cas, &orders, &mut dice),
            Role::Reader => read_trees(&cas),
            Role::Collector => collect(&cas, &mut dice),
            Role::Verifier => verify(&cas),
        }
    }
}

/// Sets or removes one of the writer's names, noting `?` before and `+` after.
fn write_tree(cas: &Cas, orders: &Orders, dice: &mut Dice) {
    let name = format!("{}/{}", orders.journal.file_name().unwrap().display(), dice.below(NAMES));
    if dice.below(3) == 0 {
        note(orders, &format!("? {name}"));
        cas.remove_ref(TREES, &name).unwrap();
        note(orders, &format!("+ {name}"));
        return;
    }
    let lease = cas.lease().unwrap();
    let leaves: Vec<Digest> =
        (0..=dice.below(5)).map(|_| put_leaf(&lease, dice.below(LEAVES), dice)).collect();
    let tree = lease.put(&serde_json::to_vec(&leaves).unwrap()).unwrap();
    note(orders, &format!("? {name} {tree}"));
    cas.set_ref(TREES, &name, &RefValue { roots: vec![tree], data: orders.seed.into() }).unwrap();
    note(orders, &format!("+ {name} {tree}"));
}

fn put_leaf(lease: &Lease, number: u64, dice: &mut Dice) -> Digest {
    let bytes = leaf(number);
    let digest = Digest::of(&bytes);
    if lease.protect(&digest).unwrap() {
        return digest;
    }
    let resumable = dice.below(2) == 0;
    let mut writer =
        if resumable { lease.partial(&digest).unwrap() } else { lease.writer().unwrap() };
    let from = usize::try_from(writer.len()).unwrap();
    for chunk in bytes[from..].chunks(16_384) {
        writer.write_all(chunk).unwrap();
        writer.flush().unwrap();
    }
    writer.commit(Some(digest), Some(bytes.len() as u64)).unwrap().digest
}

/// One `write` of one line: whole or not at all, also when killed.
fn note(orders: &Orders, line: &str) {
    let mut journal = OpenOptions::new().append(true).create(true).open(&orders.journal).unwrap();
    journal.write_all(format!("{line}\n").as_bytes()).unwrap();
}

fn read_trees(cas: &Cas) {
    for entry in cas.list_refs(TREES).unwrap() {
        let lease = cas.lease().unwrap();
        // Removed since it was listed.
        let Some(value) = lease.pin(TREES, &entry.name).unwrap() else { continue };
        for tree in value.roots {
            // Gives collectors time to take away what the lease does not protect.
            std::thread::sleep(Duration::from_millis(1));
            for digest in children(cas, &tree).unwrap() {
                let bytes = cas.read(&digest, 1 << 20).unwrap();
                assert!(bytes.starts_with(b"leaf "));
            }
        }
    }
}

fn collect(cas: &Cas, dice: &mut Dice) {
    let partials_before = (dice.below(4) == 0).then_some(Timestamp::MAX);
    let options = GcOptions { dry_run: dice.below(5) == 0, partials_before, unused: None };
    cas.gc(&|digest| children(cas, digest), options).unwrap();
    cas.usage(&|digest| children(cas, digest)).unwrap();
    std::thread::sleep(Duration::from_millis(dice.below(6)));
}

fn verify(cas: &Cas) {
    let options = VerifyOptions { remove_corrupt: true };
    let report = cas.verify(&|digest| children(cas, digest), options, &Quiet).unwrap();
    assert!(report.is_clean(), "{report:?}");
}

/// A worker process and the orders to start it again.
struct Worker {
    orders: Orders,
    process: Child,
}

impl Worker {
    fn start(orders: Orders) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "worker", "--ignored", "--nocapture", "--test-threads=1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdin = process.stdin.take().unwrap();
        stdin.write_all(&serde_json::to_vec(&orders).unwrap()).unwrap();
        Self { orders, process }
    }

    fn kill_and_restart(&mut self, seed: u64) {
        self.kill();
        let Orders { role, store, journal, .. } = &self.orders;
        let (role, store, journal) = (*role, store.clone(), journal.clone());
        *self = Self::start(Orders { role, store, journal, seed });
    }

    /// `SIGKILL`, unless it ended by itself: that is what a failed assertion looks like.
    fn kill(&mut self) {
        let ended = self.process.try_wait().unwrap();
        assert!(ended.is_none(), "a {:?} failed by itself (see above)", self.orders.role);
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn kills_at_random_moments_lose_and_break_nothing() {
    use Role::{Collector, Reader, Verifier, Writer};
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let mut dice = Dice(20_240_229);
    let roles = [Writer, Writer, Writer, Reader, Reader, Collector, Collector, Verifier];
    let mut workers: Vec<Worker> = (0u64..)
        .zip(roles)
        .map(|(number, role)| {
            let journal = folder.path().join(format!("journal-{number}"));
            Worker::start(Orders { role, store: store.clone(), journal, seed: number + 1 })
        })
        .collect();
    let end = Instant::now() + Duration::from_secs(6);
    let mut kills = 0;
    while Instant::now() < end {
        std::thread::sleep(Duration::from_millis(10 + dice.below(60)));
        let at = usize::try_from(dice.below(workers.len() as u64)).unwrap();
        workers[at].kill_and_restart(dice.below(1 << 30) + 1);
        kills += 1;
    }
    workers.iter_mut().for_each(Worker::kill);
    let journals: Vec<PathBuf> = workers.iter().map(|w| w.orders.journal.clone()).collect();

    let cas = Cas::open(&store).unwrap();
    let trace = |digest: &Digest| children(&cas, digest);
    let report = cas.verify(&trace, VerifyOptions::default(), &Quiet).unwrap();
    assert!(report.is_clean(), "{report:?}");
    let kept: u64 = journals.iter().map(|journal| check_promises(&cas, journal)).sum();
    cas.gc(
        &trace,
        GcOptions { dry_run: false, partials_before: Some(Timestamp::MAX), unused: None },
    )
    .unwrap();
    let usage = cas.usage(&trace).unwrap();
    assert_eq!((usage.unreachable.count, usage.temporary.count, usage.partial.count), (0, 0, 0));
    assert_eq!((usage.live_leases, usage.dead_leases), (0, 0));
    assert!(cas.verify(&trace, VerifyOptions::default(), &Quiet).unwrap().is_clean());
    for journal in &journals {
        check_promises(&cas, journal);
    }
    let trees: usize = journals.iter().map(|journal| lines(journal).len()).sum();
    eprintln!("{kills} kills, {trees} events, {kept} names at the end");
    assert!(kills > 20 && trees > 50 && kept > 0, "the machine was too busy to prove anything");
}

fn lines(journal: &Path) -> Vec<String> {
    fs::read_to_string(journal).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// The last thing a writer noted about each name decides what must be there now. Returns how many
/// names were certain to exist.
fn check_promises(cas: &Cas, journal: &Path) -> u64 {
    let mut certain = 0;
    for number in 0..NAMES {
        let name = format!("{}/{number}", journal.file_name().unwrap().display());
        let about: Vec<Vec<String>> = lines(journal)
            .iter()
            .map(|line| line.split(' ').map(str::to_owned).collect::<Vec<_>>())
            .filter(|words| words[1] == name)
            .collect();
        let now = cas.get_ref(TREES, &name).unwrap().map(|value| value.roots[0].to_string());
        let Some(last) = about.last() else {
            assert_eq!(now, None, "{name}");
            continue;
        };
        // Killed between `?` and `+`: it happened or it did not, nothing else.
        let possible = possible_now(&about);
        assert!(possible.contains(&now), "{name}: {now:?} not in {possible:?}");
        certain += u64::from(last[0] == "+" && now.is_some());
    }
    certain
}

/// What a name may stand for: the last event that was confirmed, and those announced since.
fn possible_now(about: &[Vec<String>]) -> Vec<Option<String>> {
    let mut possible = Vec::new();
    for words in about.iter().rev() {
        possible.push(words.get(2).cloned());
        if words[0] == "+" {
            return possible;
        }
    }
    possible.push(None);
    possible
}
