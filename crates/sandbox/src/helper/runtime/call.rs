//! Calling the runtime: the commands that all of them have (*OCI runtime-spec, runtime.md,
//! Operations*), and finding out what they complain about.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, WaitOptions, WaitStatus, waitpid};
use serde_json::Value;

use crate::failure::{Attempt as _, Failure, Fault};
use crate::helper::Streams;
use crate::sys::{self, Fork};
use crate::wire::Stream;

/// Where a runtime finds the tools that it may want itself; it sees nothing of the caller's variables.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A runtime and the one container that it has here.
pub(super) struct Runtime<'a> {
    pub(super) program: &'a Path,
    /// The bundle's folder. Beside its `config.json` are the runtime's own state and words.
    pub(super) bundle: &'a Path,
    pub(super) id: &'a str,
}

impl Runtime<'_> {
    /// Makes everything but the start of the command. Returns the process that will become it.
    pub(super) fn create(&self, [input, output, error]: Streams) -> Result<Pid, Failure> {
        let number = self.bundle.join("pid");
        let mut command = self.command("create");
        command.arg("--bundle").arg(self.bundle).arg("--pid-file").arg(&number).arg(self.id);
        command.stdin(input).stdout(output).stderr(error);
        self.check("create the container", run(command))?;
        let text = fs::read_to_string(&number).attempt(|| format!("read {}", number.display()))?;
        text.trim().parse().ok().and_then(Pid::from_raw).ok_or_else(|| {
            Failure::machine(format!("read {}", number.display()), "that is no process id")
        })
    }

    /// Lets the command begin.
    pub(super) fn start(&self) -> Result<(), Failure> {
        let mut command = self.command("start");
        command.arg(self.id);
        self.check("start the command", run(command))
    }

    /// Clears up, whatever state it is in. Best effort: the kernel does the rest with the namespaces'
    /// end, and the helper with the folder's and the groups'.
    pub(super) fn delete(&self) {
        let mut command = self.command("delete");
        command.args(["--force", self.id]);
        let _ = run(command);
    }

    fn command(&self, operation: &str) -> Command {
        let mut command = Command::new(self.program);
        command.env_clear().env("PATH", PATH);
        command.arg("--root").arg(self.bundle.join("state"));
        command.arg("--log").arg(self.log()).args(["--log-format", "json", operation]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn log(&self) -> PathBuf {
        self.bundle.join("log")
    }

    fn check(&self, what: &str, status: io::Result<WaitStatus>) -> Result<(), Failure> {
        let attempt = format!("{what} with {}", self.program.display());
        let status = status.map_err(|error| {
            Failure::machine(&attempt, error).hint("install the runtime, or name its path")
        })?;
        let how = match (status.exit_status(), status.terminating_signal()) {
            (Some(0), _) => return Ok(()),
            (Some(code), _) => format!("with code {code}"),
            (None, signal) => format!("by signal {}", signal.unwrap_or_default()),
        };
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let reason = last_words(&log).unwrap_or_else(|| {
            format!("it ended {how} and logged nothing; see the command's own complaints")
        });
        Err(Failure::new(fault(&reason), attempt, reason)
            .hint("lightship's own launcher may do: choose no runtime"))
    }
}

/// Runs a program to its end. Not by the library's quick way, which leaves signals ignored that the
/// program would hand on, nor with what is blocked here. Afterwards nobody here has its streams any more:
/// the command shall be the last.
fn run(mut command: Command) -> io::Result<WaitStatus> {
    let (news, teller) = pipe_with(PipeFlags::CLOEXEC)?;
    match sys::fork()? {
        Fork::Child => {
            let error = match sys::reset_signals() {
                Ok(()) => command.exec(),
                Err(error) => error,
            };
            let number = error.raw_os_error().unwrap_or(libc::EIO);
            let _ = Stream(teller.as_fd()).write_all(&number.to_le_bytes());
            sys::exit_now(127)
        }
        Fork::Parent(child) => {
            drop((teller, command));
            let mut number = [0; 4];
            let failed = Stream(news.as_fd()).read_exact(&mut number).is_ok();
            let ended = rustix::io::retry_on_intr(|| waitpid(Some(child), WaitOptions::empty()))?;
            let (_, status) = ended.ok_or(io::ErrorKind::UnexpectedEof)?;
            if failed {
                return Err(io::Error::from_raw_os_error(i32::from_le_bytes(number)));
            }
            Ok(status)
        }
    }
}

/// The last message of a log: one JSON object in each line (`msg` with runc and crun, `fields.message`
/// with youki), or plain text.
fn last_words(log: &str) -> Option<String> {
    let line = log.lines().rfind(|line| !line.trim().is_empty())?;
    let text = |value: &Value| {
        let message = value.get("msg").or_else(|| value.pointer("/fields/message"))?;
        Some(message.as_str()?.to_owned())
    };
    let entry: Option<Value> = serde_json::from_str(line).ok();
    entry.as_ref().and_then(text).or_else(|| Some(line.to_owned()))
}

/// Whose fault it is, by a runtime's words for what we could not see before.
fn fault(words: &str) -> Fault {
    let exec = words.contains("exec: ") || words.contains("executable");
    match words {
        _ if exec && (words.contains("not found") || words.contains("no such file")) => {
            Fault::NoSuchProgram
        }
        _ if exec && words.contains("permission denied") => Fault::NotExecutable,
        _ => Fault::Machine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_message_is_found_in_each_runtimes_log() {
        let runc = "{\"level\":\"warning\",\"msg\":\"w\"}\n{\"level\":\"error\",\"msg\":\"runc create failed: x\"}\n";
        assert_eq!(last_words(runc).unwrap(), "runc create failed: x");
        let youki = "{\"level\":\"ERROR\",\"fields\":{\"message\":\"failed to create\"}}";
        assert_eq!(last_words(youki).unwrap(), "failed to create");
        assert_eq!(last_words("plain\n\n").unwrap(), "plain");
        assert_eq!(last_words("\n"), None);
    }

    #[test]
    fn a_missing_program_is_told_from_a_refusal() {
        let missing = "exec: \"x\": executable file not found in $PATH";
        assert_eq!(fault(missing), Fault::NoSuchProgram);
        assert_eq!(fault("exec: \"/etc\": permission denied"), Fault::NotExecutable);
        assert_eq!(fault("mkdir /sys/fs/cgroup/x: permission denied"), Fault::Machine);
    }
}
