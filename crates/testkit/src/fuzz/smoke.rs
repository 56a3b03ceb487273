//! A fuzz function as an ordinary test: the same inputs every time, so that a failure is everybody's failure.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests are tests too")]

use std::fs;
use std::panic::catch_unwind;
use std::path::Path;
use std::time::{Duration, Instant};

use super::Mutator;

/// On a slow machine fewer mutations are tried, but never fewer than one for each seed.
const ENOUGH: Duration = Duration::from_secs(10);

/// No single input of a few kilobytes may keep a parser longer.
const TOO_LONG: Duration = Duration::from_secs(10);

/// Tries every seed in `fuzz/seeds/TARGET` and this many mutations of them.
///
/// # Panics
///
/// Where one of them breaks a promise, or there are no seeds.
pub fn smoke(target: &str, mutations: usize, check: fn(&[u8])) {
    let seeds = seeds(target);
    for (name, seed) in &seeds {
        try_one(check, seed, &format!("seed {name} of {target}"));
    }
    let started = Instant::now();
    let mut mutator = Mutator::new(0x5eed);
    for number in 0..mutations {
        if number >= seeds.len() && started.elapsed() > ENOUGH {
            println!("{target}: stopped after {number} mutations");
            break;
        }
        let (name, seed) = &seeds[number % seeds.len()];
        let (_, other) = &seeds[(number / seeds.len()) % seeds.len()];
        let input = mutator.mutate(seed, other);
        try_one(check, &input, &format!("mutation {number} of {target}, from seed {name}"));
    }
}

fn try_one(check: fn(&[u8]), input: &[u8], name: &str) {
    let started = Instant::now();
    // The panic's own message is printed above; this adds which input it was.
    if catch_unwind(|| check(input)).is_err() {
        let path = std::env::temp_dir().join(format!("{}.fuzz", name.replace([' ', ','], "-")));
        fs::write(&path, input).unwrap();
        panic!("{name} breaks a promise; the input is in {}", path.display());
    }
    let took = started.elapsed();
    assert!(took < TOO_LONG, "{name} took {took:?}");
}

fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let mut seeds: Vec<_> = (fs::read_dir(&folder).unwrap())
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    seeds.sort();
    assert!(!seeds.is_empty(), "there are no seeds in {}", folder.display());
    seeds
}
