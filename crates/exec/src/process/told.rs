//! What is said to a supervisor, and what it says.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Tell the command to end.
pub(super) const ASK: u8 = b'a';
/// End it. So does the end of the pipe.
pub(super) const KILL: u8 = b'k';

/// No job is larger.
const MOST: u64 = 64 << 20;

/// What to run.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) program: PathBuf,
    /// What the program is told that it is called.
    pub(super) name: OsString,
    pub(super) arguments: Vec<OsString>,
    /// All variables.
    pub(super) environment: Vec<(OsString, OsString)>,
    pub(super) folder: PathBuf,
    pub(super) time: Option<Duration>,
    pub(super) grace: Duration,
}

/// How it ended. Nothing of it is left then.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Ended {
    Exited(u8),
    Signalled(u8),
    OutOfTime(Duration),
    NotStarted(String),
}

impl Job {
    pub(super) fn send(&self, mut to: impl Write) -> io::Result<()> {
        let text = serde_json::to_vec(self)?;
        to.write_all(&(text.len() as u64).to_le_bytes())?;
        to.write_all(&text)?;
        to.flush()
    }

    pub(super) fn receive(mut from: impl Read) -> io::Result<Self> {
        let mut length = [0; 8];
        from.read_exact(&mut length)?;
        let length = u64::from_le_bytes(length);
        if length > MOST {
            return Err(io::Error::from(io::ErrorKind::InvalidData));
        }
        let mut text = Vec::new();
        from.take(length).read_to_end(&mut text)?;
        Ok(serde_json::from_slice(&text)?)
    }
}

impl Ended {
    pub(super) fn send(&self, mut to: impl Write) -> io::Result<()> {
        to.write_all(&serde_json::to_vec(self)?)?;
        to.flush()
    }

    pub(super) fn receive(from: impl Read) -> io::Result<Self> {
        let mut text = Vec::new();
        from.take(MOST).read_to_end(&mut text)?;
        Ok(serde_json::from_slice(&text)?)
    }
}
