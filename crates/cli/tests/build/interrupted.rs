//! A build that is killed in the middle.

use std::fs::{self, File};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use super::layers;
use super::stock::Stocked;
use crate::common::LIGHTSHIP;

/// Of a build in a debug binary on a busy machine.
const LONGEST: Duration = Duration::from_mins(1);

#[test]
fn a_killed_build_leaves_a_store_that_the_next_one_uses() {
    let Some(stocked) = Stocked::open() else { return };
    let environment = &stocked.environment;
    let log = environment.work().join("log");
    let words = ["build", "project", "--locked", "--compression", "zstd:3", "-t", "killed:v1"];
    let mut child = environment
        .command(LIGHTSHIP)
        .args(words)
        .stdout(Stdio::null())
        .stderr(File::create(&log).unwrap())
        .spawn()
        .unwrap();
    // The first layers are done; the base, which is by far the largest, is not.
    let end = Instant::now() + LONGEST;
    while !fs::read_to_string(&log).unwrap().contains("  layer ") {
        assert!(child.try_wait().unwrap().is_none(), "{}", fs::read_to_string(&log).unwrap());
        assert!(Instant::now() < end, "no layer after {LONGEST:?}");
        thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), None, "it was killed before its end");
    let said = fs::read_to_string(&log).unwrap();
    assert!(!said.contains("layer base"), "{said}");
    assert_eq!(environment.run("image validate killed:v1").code(), 3, "no image of half a build");

    let line = "build project --locked --compression zstd:3 -t killed:v1";
    let built = environment.json(0, line);
    assert!(layers(&built).iter().any(|(title, _, kept)| *title == "base" && !kept));
    assert_eq!(environment.run("image validate killed:v1").code(), 0);
    let run = environment.run("store verify");
    assert_eq!(run.code(), 0, "{}{}", run.stdout, run.stderr);
    environment.json(0, "store gc");
    assert_eq!(environment.run("--quiet image run killed:v1 -- python3 /app/report.py").code(), 0);
}
