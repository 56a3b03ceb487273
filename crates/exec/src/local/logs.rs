//! What attempts printed.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use lightship_engine::{AttemptId, LogChunk, LogError, Outcome};
use tokio::sync::watch;

use crate::attempt::{LOG, own_folder};

/// How often a log is looked at that does not grow.
const LOOK: Duration = Duration::from_millis(100);

/// Bytes of one piece.
const PIECE: u64 = 64 * 1024;

/// A piece of a log, from a byte on; waits until there is one or the attempt has ended.
pub(super) async fn read(
    run: PathBuf,
    attempt: &AttemptId,
    from: u64,
    ended: Option<watch::Receiver<Option<Outcome>>>,
) -> Result<LogChunk, LogError> {
    let path = own_folder(&run, attempt).join(LOG);
    loop {
        // Asked before the log is read: what is written after that is not missed.
        let end = ended.as_ref().is_none_or(|ended| ended.borrow().is_some());
        let bytes = piece(&path, from).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => LogError::Unknown(attempt.clone()),
            _ => LogError::Unreadable { attempt: attempt.clone(), why: error.to_string() },
        })?;
        let next = from + bytes.len() as u64;
        if !bytes.is_empty() || end {
            return Ok(LogChunk { end: end && bytes.is_empty(), bytes, next });
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn piece(path: &std::path::Path, from: u64) -> std::io::Result<Vec<u8>> {
    let mut file = std::fs::File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(PIECE).read_to_end(&mut bytes)?;
    Ok(bytes)
}
