//! `kill -9` in the middle of fifty sandboxes leaves a clean machine.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "helpers of tests are tests too")]

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Bench, again};
use lightship_base::ByteSize;
use lightship_sandbox::{Sandbox, Streams};

const SANDBOXES: usize = 50;

/// Not a test: the program that is killed. It starts sandboxes, says so, and waits for ever.
#[test]
fn victim() {
    #[expect(clippy::disallowed_methods, reason = "the test that starts this one says where")]
    let Some(folder) = std::env::var_os("LIGHTSHIP_TEST_VICTIM") else { return };
    let bench = Bench::in_folder(Path::new(&folder));
    let start = |number: usize| -> Sandbox {
        let mark = format!("{}/{number}", folder.display());
        let mut spec = common::spec(&[
            "sh",
            "-c",
            "echo x > /tmp/x; (setsid sleep 1000 &); sleep 1000; true",
            &mark,
        ]);
        if number.is_multiple_of(2) {
            spec.limits.memory = Some(ByteSize(1 << 30));
        }
        bench.launcher.start(&bench.root, spec, Streams::default()).unwrap()
    };
    let running: Vec<_> = (0..SANDBOXES).map(start).collect();
    eprintln!("victim: {} are running", running.len());
    std::thread::sleep(Duration::from_mins(10));
}

#[test]
fn killing_the_caller_ends_everything() {
    let folder = tempfile::tempdir().unwrap();
    let mut victim = start_victim(folder.path());
    assert!(processes_of(folder.path()).len() >= SANDBOXES);
    victim.0.kill().unwrap();
    victim.0.wait().unwrap();
    wait_until(|| processes_of(folder.path()).is_empty());
    wait_until(|| sandboxes(folder.path()).is_empty());
    assert_eq!(groups(&victim), Vec::<PathBuf>::new());
}

#[test]
fn killing_the_helpers_as_well_is_cleared_up_by_the_next_caller() {
    let folder = tempfile::tempdir().unwrap();
    let mut victim = start_victim(folder.path());
    let helpers = children_of(victim.0.id());
    assert_eq!(helpers.len(), SANDBOXES);
    // All at once, as the kernel does when it runs out of memory; none gets to clear up.
    let ids: Vec<String> = helpers.iter().chain([&victim.0.id()]).map(u32::to_string).collect();
    assert!(Command::new("kill").arg("-9").args(&ids).status().unwrap().success());
    victim.0.wait().unwrap();
    wait_until(|| processes_of(folder.path()).is_empty());
    assert!(!sandboxes(folder.path()).is_empty(), "nothing was left to clear up");
    // A group stays until somebody has waited for its dead, which is the machine's own process 1 here:
    // the next caller may be too early, but not one of those after it.
    wait_until(|| {
        common::launcher(&folder.path().join("sandboxes"));
        sandboxes(folder.path()).is_empty()
    });
    assert_eq!(groups(&victim), Vec::<PathBuf>::new());
}

/// The victim, which dies also where its test fails.
struct Victim(Child);

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start_victim(folder: &Path) -> Victim {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "victim", "--nocapture"])
        .env("LIGHTSHIP_TEST_VICTIM", folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stderr.take().unwrap()).lines();
    let said: Vec<String> =
        lines.map(Result::unwrap).take_while(|l| !l.starts_with("victim: ")).collect();
    assert!(victim.try_wait().unwrap().is_none(), "{said:?}");
    Victim(victim)
}

/// Everything that runs with the folder's name in its arguments, the victim aside.
fn processes_of(folder: &Path) -> Vec<u32> {
    let mark = folder.display().to_string();
    let of_process = |id: u32| {
        let words = fs::read(format!("/proc/{id}/cmdline")).ok()?;
        String::from_utf8_lossy(&words).contains(&mark).then_some(id)
    };
    all_processes().into_iter().filter_map(of_process).collect()
}

fn children_of(parent: u32) -> Vec<u32> {
    let of_parent = |id: &u32| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        after_name.split_whitespace().nth(1) == Some(&parent.to_string())
    };
    all_processes().into_iter().filter(of_parent).collect()
}

fn all_processes() -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

fn sandboxes(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("sandboxes")).unwrap();
    entries.map(|entry| entry.unwrap().path()).filter(|path| !path.ends_with("gate")).collect()
}

/// Control groups of the victim's sandboxes.
fn groups(victim: &Victim) -> Vec<PathBuf> {
    let prefix = format!("lightship-{}-", victim.0.id());
    let mut found = Vec::new();
    let mut folders = vec![(PathBuf::from("/sys/fs/cgroup"), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                found.push(entry.path());
            } else if depth < 5 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push((entry.path(), depth + 1));
            }
        }
    }
    found
}

fn wait_until(done: impl Fn() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < Duration::from_mins(1), "something stays");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn again_as_an_ordinary_user() {
    again::as_ordinary_user("again_as");
}
