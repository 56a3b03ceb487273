//! What an attempt prints, on its way to a file that does not grow without bound.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, PipeReader, Read as _, Write as _};
use std::thread::{self, JoinHandle};

/// Of a log this much of the beginning is kept: more than anybody reads, and a thousandth of a disk.
const HEAD: u64 = 16 << 20;

/// And this much of the end, where it says why it failed.
const TAIL: usize = 1 << 20;

/// Carries what comes out of a pipe into a log, until nobody has the pipe's other end any more. What is left out
/// between beginning and end is counted in the log itself. Whoever prints never waits for a disk that is full.
pub(crate) fn carry(from: PipeReader, to: File) -> io::Result<JoinHandle<()>> {
    let carry = move || {
        let mut log = Bounded { to, room: HEAD, tail: VecDeque::new(), left_out: 0 };
        log.take_all(from);
        // There is nobody left to tell of a log that cannot be written.
        let _ = log.finish();
    };
    thread::Builder::new().name("log".to_owned()).spawn(carry)
}

struct Bounded {
    to: File,
    /// Bytes that the beginning may still have.
    room: u64,
    /// The latest bytes beyond the beginning.
    tail: VecDeque<u8>,
    left_out: u64,
}

impl Bounded {
    fn take_all(&mut self, mut from: PipeReader) {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match from.read(&mut buffer) {
                Ok(0) => return,
                Ok(read) => self.take(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let head = usize::try_from(self.room).unwrap_or(usize::MAX).min(bytes.len());
        let (now, later) = bytes.split_at(head);
        self.room -= head as u64;
        if !now.is_empty() && self.to.write_all(now).is_err() {
            // Nothing more fits, so what is left is a matter of the end.
            self.room = 0;
        }
        self.tail.extend(later);
        let excess = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..excess);
        self.left_out += excess as u64;
    }

    fn finish(mut self) -> io::Result<()> {
        if self.left_out > 0 {
            let text = format!("\n[lightship: {} bytes are left out here]\n", self.left_out);
            self.to.write_all(text.as_bytes())?;
        }
        let (first, second) = self.tail.as_slices();
        self.to.write_all(first)?;
        self.to.write_all(second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginning_and_end_stay_and_the_rest_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let (reader, mut writer) = io::pipe().unwrap();
        let carried = carry(reader, File::create(&path).unwrap()).unwrap();
        writer.write_all(b"the beginning\n").unwrap();
        for _ in 0..40 {
            writer.write_all(&vec![b'x'; 1 << 20]).unwrap();
        }
        writer.write_all(b"\nthe end\n").unwrap();
        drop(writer);
        carried.join().unwrap();
        let log = std::fs::read(&path).unwrap();
        let written = (40 << 20) + "the beginning\n\nthe end\n".len() as u64;
        let left_out = written - HEAD - TAIL as u64;
        let mark = format!("\n[lightship: {left_out} bytes are left out here]\n");
        assert!(log.starts_with(b"the beginning\nxxx") && log.ends_with(b"xxx\nthe end\n"));
        assert_eq!(log[usize::try_from(HEAD).unwrap()..][..mark.len()], *mark.as_bytes());
        assert_eq!(log.len() as u64, HEAD + mark.len() as u64 + TAIL as u64);
    }
}
