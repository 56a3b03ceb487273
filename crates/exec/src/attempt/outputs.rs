//! What an attempt wrote.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use lightship_engine::{Failure, Reason};
use lightship_ir::exchange::{Produced, Written, collect as put_together};

use super::Attempt;
use crate::beneath::Folder;

/// No parameter has more bytes, and no account of outputs: they are texts in a database.
const MOST: u64 = 16 << 20;

/// The name of a task's account of its outputs, in the folder of its artifacts.
const ACCOUNT: &str = "output_metadata.json";

/// What a task gave that ended well, by its own word.
pub(crate) fn collect(attempt: &Attempt) -> Result<Produced, Failure> {
    let written = written(attempt)?;
    put_together(&attempt.component().outputs, &attempt.exchange, &written).map_err(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Failure::new(Reason::Outputs, errors.join("; "))
    })
}

fn written(attempt: &Attempt) -> Result<Written, Failure> {
    let account = attempt.root()?.file(Path::new(ACCOUNT));
    let what = format!("its account of its outputs ({ACCOUNT})");
    let mut written = Written { account: bytes(account, &what)?, ..Written::default() };
    let folder = Folder::open(&attempt.folders.parameters);
    let folder = folder.map_err(|error| unreadable("its output parameters", &error))?;
    for name in attempt.exchange.outputs.parameters.keys() {
        let what = format!("output parameter `{name}`");
        if let Some(bytes) = bytes(folder.file(Path::new(name)), &what)? {
            written.parameters.insert(name.clone(), bytes);
        }
    }
    Ok(written)
}

/// The bytes of a file that a task wrote; none where it wrote none.
fn bytes(file: io::Result<Option<File>>, what: &str) -> Result<Option<Vec<u8>>, Failure> {
    let Some(file) = file.map_err(|error| unreadable(what, &error))? else { return Ok(None) };
    let mut bytes = Vec::new();
    let read = file.take(MOST + 1).read_to_end(&mut bytes);
    read.map_err(|error| unreadable(what, &error))?;
    if bytes.len() as u64 > MOST {
        let message =
            format!("{what} has more than {} MiB; a large output is an artifact", MOST >> 20);
        return Err(Failure::new(Reason::Outputs, message));
    }
    Ok(Some(bytes))
}

fn unreadable(what: &str, error: &io::Error) -> Failure {
    Failure::new(Reason::Outputs, format!("{what} cannot be read: {error}"))
}
