//! What a command wrote, within bounds: the beginning, the end, and how much there was.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::thread;

/// So much of the beginning is kept, and so much of the end: a program that prints a gigabyte says what
/// it is in its first lines and why it failed in its last.
pub(crate) const KEPT: usize = 64 << 10;

/// One stream of a command.
#[derive(Debug, Clone)]
pub(crate) struct Captured {
    kept: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
}

impl Captured {
    /// Nothing yet; of each end so many bytes will be kept.
    pub(crate) fn keeping(kept: usize) -> Self {
        Self { kept, head: Vec::new(), tail: VecDeque::new(), total: 0 }
    }

    /// The beginning.
    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Adds what came next.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let room = self.kept - self.head.len();
        if room > 0 {
            let (first, rest) = bytes.split_at(room.min(bytes.len()));
            self.head.extend_from_slice(first);
            bytes = rest;
        }
        let last = &bytes[bytes.len().saturating_sub(self.kept)..];
        let excess = (self.tail.len() + last.len()).saturating_sub(self.kept);
        self.tail.drain(..excess);
        self.tail.extend(last);
    }

    /// How many bytes there were.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// How many bytes between beginning and end were not kept.
    pub(crate) fn lost(&self) -> u64 {
        self.total - (self.head.len() + self.tail.len()) as u64
    }

    /// What was kept. Bytes that are no UTF-8 become replacement characters; control characters stay, so
    /// whoever shows it to a person makes it harmless.
    pub(crate) fn text(&self) -> String {
        let mut bytes = self.head.clone();
        let lost = self.lost();
        if lost > 0 {
            bytes.extend_from_slice(format!("\n[{lost} bytes left out]\n").as_bytes());
        }
        bytes.extend(&self.tail);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// A pipe that is read by a thread of its own until its last writer is gone.
pub(crate) struct Reading(Option<thread::JoinHandle<Captured>>);

impl Reading {
    /// Begins, where there is a pipe. Where the machine gives no thread, the pipe is closed instead: the
    /// command then meets a broken pipe, and its verdict says what it said about that.
    pub(crate) fn of(pipe: Option<File>, kept: usize) -> Self {
        let worker = thread::Builder::new().name("output".to_owned());
        Self(pipe.and_then(|pipe| worker.spawn(move || read(pipe, kept)).ok()))
    }

    /// Waits for the end.
    pub(crate) fn finish(self) -> Captured {
        let captured = self.0.map(thread::JoinHandle::join);
        captured
            .unwrap_or_else(|| Ok(Captured::keeping(0)))
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

fn read(mut pipe: File, kept: usize) -> Captured {
    let mut captured = Captured::keeping(kept);
    let mut buffer = vec![0; 64 << 10];
    loop {
        match pipe.read(&mut buffer) {
            Ok(0) => return captured,
            Ok(n) => captured.push(&buffer[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // A pipe whose other end is gone in an odd way has no more to say.
            Err(_) => return captured,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_kept_and_the_middle_is_counted() {
        let mut captured = Captured::keeping(KEPT);
        captured.push(b"first");
        for _ in 0..10 {
            captured.push(&vec![b'x'; 100_000]);
        }
        captured.push(b"last \xff");
        assert_eq!(captured.total(), 5 + 1_000_000 + 6);
        assert_eq!(captured.lost(), captured.total() - 2 * KEPT as u64);
        let text = captured.text();
        assert!(text.starts_with("firstxxx") && text.ends_with("xxxlast \u{fffd}"));
        assert!(text.contains("xxx\n[868939 bytes left out]\nxxx"), "{}", captured.lost());
    }

    #[test]
    fn what_fits_is_whole() {
        let mut captured = Captured::keeping(KEPT);
        (0..KEPT * 2).for_each(|n| captured.push(&[b'a' + u8::try_from(n % 26).unwrap()]));
        assert_eq!((captured.lost(), captured.text().len()), (0, KEPT * 2));
        assert!(captured.text().starts_with("abcdef"));
    }
}
