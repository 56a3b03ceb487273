//! What an attempt wrote.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use lightship_engine::{Failure, Outcome, Reason};
use lightship_ir::exchange::{Written, collect as put_together};

use super::Attempt;

/// No parameter has more bytes, and no account of outputs: they are texts in a database.
const MOST: u64 = 16 << 20;

/// The name of a task's account of its outputs, in the folder of its artifacts.
const ACCOUNT: &str = "output_metadata.json";

/// What a task gave that ended well.
pub(crate) fn collect(attempt: &Attempt<'_>) -> Outcome {
    match written(attempt) {
        Err(failure) => Outcome::Failed(failure),
        Ok(written) => {
            match put_together(&attempt.component().outputs, &attempt.exchange, &written) {
                Ok(produced) => Outcome::Succeeded(produced),
                Err(errors) => {
                    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
                    Outcome::Failed(Failure::new(Reason::Outputs, errors.join("; ")))
                }
            }
        }
    }
}

fn written(attempt: &Attempt<'_>) -> Result<Written, Failure> {
    let folders = &attempt.folders;
    let mut written = Written {
        account: read(&folders.root.join(ACCOUNT), "its account")?,
        ..Written::default()
    };
    for name in attempt.exchange.outputs.parameters.keys() {
        let what = format!("output parameter `{name}`");
        if let Some(bytes) = read(&folders.parameters.join(name), &what)? {
            written.parameters.insert(name.clone(), bytes);
        }
    }
    Ok(written)
}

/// A file that a task wrote; none where it wrote none. A link is none: it could lead out of the sandbox.
fn read(path: &Path, what: &str) -> Result<Option<Vec<u8>>, Failure> {
    let failed =
        |why: String| Failure::new(Reason::Outputs, format!("{what} cannot be read: {why}"));
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error.to_string())),
        Ok(about) if !about.is_file() => return Err(failed("it is no file".to_owned())),
        Ok(_) => {}
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    file.take(MOST + 1).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
    if bytes.len() as u64 > MOST {
        return Err(failed(format!(
            "it has more than {MOST} bytes; a large output is an artifact"
        )));
    }
    Ok(Some(bytes))
}
