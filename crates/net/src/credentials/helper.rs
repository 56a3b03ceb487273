//! Credential helpers: `docker-credential-NAME get`, the registry on its standard input, a JSON object
//! on its standard output (*docker/docker-credential-helpers, README, Development*).

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde::Deserialize;

use super::{Credential, Helpers};
use crate::{Error, Secret};

/// More than any answer has.
const LARGEST_ANSWER: u64 = 1024 * 1024;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    username: String,
    secret: String,
}

/// Asks a helper; `None` where it has nothing for `server`. What it printed is never part of an error:
/// it may be the secret.
pub(super) fn get(
    name: &str,
    server: &str,
    helpers: &Helpers,
) -> Result<Option<Credential>, Error> {
    let program = format!("docker-credential-{name}");
    let fail = |reason: &str| Error::Helper { program: program.clone(), reason: reason.to_owned() };
    // The name becomes part of a path.
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if !plain || name.is_empty() {
        return Err(Error::Helper {
            program: "with an unusual name".to_owned(),
            reason: "a name has letters, digits, `.`, `_` and `-` only".to_owned(),
        });
    }
    let path = find(&program, helpers).ok_or_else(|| fail("there is no such program in PATH"))?;
    let mut child = start(path).map_err(|error| fail(&error.to_string()))?;
    let output = converse(&mut child, server, helpers.time_limit);
    let Some(output) = output else {
        // Only now: a helper that closed its output may take a moment to end by itself.
        let _ = child.kill();
        let _ = child.wait();
        return Err(fail(&format!("it did not answer within {:?}", helpers.time_limit)));
    };
    let status = child.wait().map_err(|error| fail(&error.to_string()))?;
    if !status.success() {
        let nothing = String::from_utf8_lossy(&output).contains("credentials not found");
        return if nothing { Ok(None) } else { Err(fail(&format!("it ended with {status}"))) };
    }
    let answer: Answer =
        serde_json::from_slice(&output).map_err(|_| fail("its answer is not the expected JSON"))?;
    Ok(credential(answer))
}

fn credential(answer: Answer) -> Option<Credential> {
    let secret = Secret::new(answer.secret);
    match answer.username.as_str() {
        _ if secret.is_empty() => None,
        "<token>" => Some(Credential::IdentityToken(secret)),
        _ => Some(Credential::Basic { username: answer.username, password: secret }),
    }
}

fn find(program: &str, helpers: &Helpers) -> Option<PathBuf> {
    helpers.search.iter().map(|folder| folder.join(program)).find(|path| path.is_file())
}

fn start(path: PathBuf) -> std::io::Result<Child> {
    Command::new(path)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
}

/// Sends the question and reads the answer to its end. `None` when the time is over.
fn converse(child: &mut Child, server: &str, limit: Duration) -> Option<Vec<u8>> {
    let stdin = child.stdin.take();
    let stdout = child.stdout.take();
    let question = server.to_owned();
    let (sender, receiver) = mpsc::channel();
    // A helper may neither read nor write: both ends are worked from another thread, which ends when
    // the pipes do.
    thread::spawn(move || {
        if let Some(mut stdin) = stdin {
            // One that answers without listening is welcome to.
            let _ = stdin.write_all(question.as_bytes());
        }
        let mut output = Vec::new();
        if let Some(stdout) = stdout {
            let _ = stdout.take(LARGEST_ANSWER).read_to_end(&mut output);
        }
        let _ = sender.send(output);
    });
    receiver.recv_timeout(limit).ok()
}
