//! From process 1's copy to the program: gives up every right on the way.

use std::ffi::CString;
use std::io::Read as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{DumpableBehavior, Pid, set_dumpable_behavior};

use super::cgroup::Limited;
use super::user::Person;
use super::{Streams, disk, inside, maps, program, protect, seccomp};
use crate::failure::{Attempt as _, Failure};
use crate::identity::Identity;
use crate::sys::{self, Fork};
use crate::wire::{Job, Stream};

/// Starts the program and returns once it is loaded, or says why it is not.
pub(super) fn start(
    job: &Job,
    person: &Person,
    streams: Streams,
    limited: Limited,
) -> Result<Pid, Failure> {
    // Closed by a successful exec, and then there is nothing to read.
    let (news, teller) = pipe_with(PipeFlags::CLOEXEC).attempt(|| "make a pipe".to_owned())?;
    match sys::fork().attempt(|| "start a process".to_owned())? {
        Fork::Child => {
            drop(news);
            let failure = become_program(job, person, streams, limited);
            let text = serde_json::to_vec(&failure).unwrap_or_default();
            let _ = std::io::Write::write_all(&mut Stream(teller.as_fd()), &text);
            sys::exit_now(1)
        }
        Fork::Parent(child) => {
            drop((teller, streams));
            hear(&news).map_or(Ok(child), Err)
        }
    }
}

fn hear(news: &OwnedFd) -> Option<Failure> {
    let mut text = Vec::new();
    let read = Stream(news.as_fd()).read_to_end(&mut text);
    match (read, text.is_empty()) {
        (Ok(_), true) => None,
        (Ok(_), false) => Some(
            serde_json::from_slice(&text)
                .unwrap_or_else(|error| Failure::machine("start the program", error)),
        ),
        (Err(error), _) => Some(Failure::machine("start the program", error)),
    }
}

/// Never returns but with a failure.
fn become_program(job: &Job, person: &Person, streams: Streams, limited: Limited) -> Failure {
    let prepared = prepare(job, person, &streams, limited);
    drop(streams);
    match prepared {
        Ok((found, arguments, environment)) => {
            let error = sys::execute(&found, &arguments, &environment);
            program::explain(&found, &error, &job.architecture)
        }
        Err(failure) => failure,
    }
}

/// A program's path, arguments and variables, as the kernel wants them.
type Image = (CString, Vec<CString>, Vec<CString>);

fn prepare(
    job: &Job,
    person: &Person,
    streams: &Streams,
    limited: Limited,
) -> Result<Image, Failure> {
    let mut spec = job.spec.clone();
    spec.complete_environment(&person.home);
    take_streams(streams, spec.terminal.is_some())?;
    rustix::process::umask(rustix::fs::Mode::from(0o022));
    limited.apply(&spec.limits)?;
    disk::limit_files(&spec.limits)?;
    rustix::process::chdir(inside::cleaned(&spec.folder))
        .attempt(|| format!("go to the folder {} inside", spec.folder.display()))?;
    if job.identity == Identity::Single && (person.uid, person.gid) != (0, 0) {
        // The files of a process that may not be looked at are root's, and it has to write its own. Exec
        // makes it so anyway, and nobody else is inside yet.
        set_dumpable_behavior(DumpableBehavior::Dumpable)
            .attempt(|| "write own files".to_owned())?;
        sys::new_user_namespace().attempt(|| format!("become user {}", person.uid))?;
        maps::rename_self(person.uid, person.gid)?;
    }
    protect::drop_rights(job.identity, person)?;
    let found = program::find(&spec)?;
    let strings = |words: &mut dyn Iterator<Item = Vec<u8>>| -> Result<Vec<CString>, Failure> {
        words.map(CString::new).collect::<Result<_, _>>().map_err(|_| {
            Failure::request("pass arguments and variables", "one of them contains a zero byte")
        })
    };
    let arguments = strings(&mut spec.command.iter().map(|word| word.as_bytes().to_vec()))?;
    let environment = strings(
        &mut spec
            .environment
            .iter()
            .map(|(name, value)| [name.as_bytes(), b"=", value.as_bytes()].concat()),
    )?;
    sys::close_others_on_exec().attempt(|| "close descriptors".to_owned())?;
    sys::reset_signals().attempt(|| "reset signals".to_owned())?;
    // Last: what the filter forbids is what the steps above were made of.
    seccomp::install()?;
    Ok((found, arguments, environment))
}

fn take_streams([input, output, error]: &Streams, terminal: bool) -> Result<(), Failure> {
    let attempt = || "take over the streams".to_owned();
    rustix::process::setsid().attempt(attempt)?;
    rustix::stdio::dup2_stdin(input).attempt(attempt)?;
    rustix::stdio::dup2_stdout(output).attempt(attempt)?;
    rustix::stdio::dup2_stderr(error).attempt(attempt)?;
    if terminal {
        rustix::process::ioctl_tiocsctty(input).attempt(attempt)?;
    }
    Ok(())
}
