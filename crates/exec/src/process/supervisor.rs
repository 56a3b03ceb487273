//! A process of one thread that starts one command, and sees to it that nothing of it is left: not when it ends, not
//! when it is told to, and not when whoever started it is gone.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, kill_process, kill_process_group, pidfd_open,
    set_child_subreaper, setsid, wait,
};

use super::told::{ASK, Ended, Job};

/// The first argument that makes a program of ours a supervisor.
pub const ARGUMENT: &str = "__process-supervisor";

/// Does what whoever started it says on standard input, prints how it ended on standard output, and gives the command
/// its standard error for all that it prints. Call it first thing in `main`.
pub fn main() -> ExitCode {
    let ended = match Job::receive(io::stdin().lock()) {
        Ok(job) => supervise(&job).unwrap_or_else(|error| Ended::NotStarted(error.to_string())),
        // Somebody typed the argument by hand, or the caller is gone already.
        Err(_) => return ExitCode::from(2),
    };
    // Whoever is gone needs no answer.
    let _ = ended.send(io::stdout().lock());
    ExitCode::SUCCESS
}

fn supervise(job: &Job) -> io::Result<Ended> {
    // Away from the caller's terminal, whose signals are the caller's to pass on.
    let _ = setsid();
    // Whoever loses its parent inside becomes a child of this process, which can end it.
    set_child_subreaper(Some(rustix::process::getpid()))?;
    let printed = || -> io::Result<Stdio> {
        Ok(Stdio::from(rustix::io::fcntl_dupfd_cloexec(io::stderr(), 3)?))
    };
    let started = Command::new(&job.program)
        .arg0(&job.name)
        .args(&job.arguments)
        .env_clear()
        .envs(job.environment.iter().map(|(name, value): &(OsString, OsString)| (name, value)))
        .current_dir(&job.folder)
        .stdin(Stdio::null())
        .stdout(printed()?)
        .stderr(printed()?)
        .process_group(0)
        .spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => {
            let program = job.program.display();
            return Ok(Ended::NotStarted(format!("cannot start {program}: {error}")));
        }
    };
    let ended = attend(&mut child, job);
    end_all(&child);
    ended
}

/// Waits for the command's end, or makes it end.
fn attend(child: &mut Child, job: &Job) -> io::Result<Ended> {
    let group = Pid::from_child(child);
    let command = pidfd_open(group, PidfdFlags::empty())?;
    let stdin = io::stdin();
    let mut until = job.time.and_then(|limit| Instant::now().checked_add(limit));
    let (mut asked, mut overtime) = (false, None);
    loop {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        // A little later rather than too early, which would be a busy loop.
        let patience =
            left.and_then(|left| Timespec::try_from(left + Duration::from_millis(1)).ok());
        let mut fds = [PollFd::new(&stdin, PollFlags::IN), PollFd::new(&command, PollFlags::IN)];
        match poll(&mut fds, patience.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ready = fds.map(|fd| !fd.revents().is_empty());
        if ready[1] {
            let status = child.wait()?;
            return Ok(overtime.map_or_else(|| ended(status), Ended::OutOfTime));
        }
        if ready[0] {
            let mut word = [0];
            let read = rustix::io::read(&stdin, &mut word).unwrap_or(0);
            if read == 0 || word[0] != ASK {
                let _ = kill_process_group(group, Signal::KILL);
                return Ok(Ended::Signalled(9));
            }
            ask(group, job, &mut until);
            asked = true;
        } else if until.is_some_and(|until| until <= Instant::now()) {
            if asked || overtime.is_some() {
                let _ = kill_process_group(group, Signal::KILL);
                until = None;
                continue;
            }
            overtime = job.time;
            ask(group, job, &mut until);
        }
    }
}

/// Tells the command to end, and sets the moment at which it is killed.
fn ask(group: Pid, job: &Job, until: &mut Option<Instant>) {
    let _ = kill_process_group(group, Signal::TERM);
    *until = Instant::now().checked_add(job.grace);
}

fn ended(status: ExitStatus) -> Ended {
    let byte = |number: i32| u8::try_from(number).unwrap_or(u8::MAX);
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Exited(byte(code)),
        (None, signal) => Ended::Signalled(byte(signal.unwrap_or(9))),
    }
}

/// Kills whatever is left below this process. Children of the killed become its own children, until there are none.
fn end_all(child: &Child) {
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    loop {
        for pid in children() {
            let _ = kill_process(pid, Signal::KILL);
        }
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => break,
                // No child is left.
                Err(_) => return,
            }
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// This process's children. A kernel without the list (`CONFIG_PROC_CHILDREN`) has them among all processes.
fn children() -> Vec<Pid> {
    let own = rustix::process::getpid();
    let pid = |text: &str| text.parse().ok().and_then(Pid::from_raw);
    if let Ok(list) = fs::read_to_string(format!("/proc/self/task/{own}/children")) {
        return list.split_whitespace().filter_map(pid).collect();
    }
    let is_ours = |pid: &Pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name before it may have any character, also a bracket (*proc_pid_stat(5)*).
        let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
        after.split_whitespace().nth(1) == Some(own.to_string().as_str())
    };
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| pid(entry.file_name().to_str()?)).filter(is_ours).collect()
}
