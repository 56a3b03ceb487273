//! Reaching services inside, from outside.

#![allow(
    clippy::unwrap_used,
    reason = "helpers, too, end the test where its world is not as needed"
)]

mod common;

use std::io::Read as _;
use std::time::{Duration, Instant};

use common::Bench;
use lightship_sandbox::{Connection, End, Sandbox, Streams};

const PATIENCE: Duration = Duration::from_secs(5);

fn start(bench: &Bench, script: &str) -> Sandbox {
    bench
        .launcher
        .start(&bench.root, common::spec(&["sh", "-c", script]), Streams::default())
        .unwrap()
}

/// Tries until somebody listens, and hands back what is said.
fn heard(sandbox: &mut Sandbox, port: u16) -> String {
    let begin = Instant::now();
    loop {
        match sandbox.connect(port, PATIENCE).unwrap() {
            Connection::Open(mut stream) => {
                let mut text = String::new();
                stream.read_to_string(&mut text).unwrap();
                return text;
            }
            Connection::Refused(_) if begin.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(10));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn every_sandbox_has_ports_of_its_own() {
    let bench = Bench::new();
    let serve = |word: &str| start(&bench, &format!("nc -ll -p 7000 -e echo {word}"));
    let (mut one, mut two) = (serve("one"), serve("two"));
    assert_eq!(heard(&mut one, 7000), "one\n");
    assert_eq!(heard(&mut two, 7000), "two\n");
    assert_eq!(heard(&mut one, 7000), "one\n");
    assert!(matches!(one.connect(7001, PATIENCE).unwrap(), Connection::Refused(_)));
    // The machine's own port is another one.
    let refused = std::net::TcpStream::connect("127.0.0.1:7000").is_err();
    assert!(refused, "nothing of a sandbox listens outside");
}

#[test]
fn the_end_is_not_lost_to_whoever_asks_too_late() {
    let bench = Bench::new();
    let mut sandbox = start(&bench, "exit 6");
    let begin = Instant::now();
    while !matches!(sandbox.connect(7000, PATIENCE).unwrap(), Connection::Ended) {
        assert!(begin.elapsed() < PATIENCE);
    }
    assert!(matches!(sandbox.connect(7000, PATIENCE).unwrap(), Connection::Ended));
    assert_eq!(sandbox.wait().unwrap().end, End::Exited(6));
    assert_eq!(bench.leftovers(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn again_as_an_ordinary_user() {
    common::again::as_ordinary_user("again_as");
}

#[test]
fn again_as_root_of_subordinate_ids() {
    common::again::as_root_of_subordinate_ids("again_as");
}
