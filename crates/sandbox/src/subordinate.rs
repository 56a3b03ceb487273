//! Subordinate ids (`subuid(5)`): how an ordinary user gets more than one id to give away.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::Command;

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, WaitOptions, getegid, geteuid, getpid, waitpid};

use crate::failure::{Attempt as _, Failure};
use crate::sys::{self, Fork};
use crate::wire::Stream;

/// Ids in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdRange {
    /// The first.
    pub first: u32,
    /// How many.
    pub count: u32,
}

/// The ids that this user may give away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubordinateIds {
    /// User ids.
    pub users: IdRange,
    /// Group ids.
    pub groups: IdRange,
}

/// The tools that may map them: set-uid root, from Debian's `uidmap`.
const TOOLS: [&str; 2] = ["usr/bin/newuidmap", "usr/bin/newgidmap"];

impl SubordinateIds {
    /// Those that this machine grants the caller, where the tools that map them are there. Root needs
    /// none. `root` is where the machine's files are: `/`, but for tests.
    pub fn detect(root: &Path) -> Option<Self> {
        if geteuid().is_root() || TOOLS.iter().any(|tool| !root.join(tool).exists()) {
            return None;
        }
        let names = own_names(root);
        let users = range(&root.join("etc/subuid"), &names)?;
        let groups = range(&root.join("etc/subgid"), &names)?;
        Some(Self { users, groups })
    }

    /// Makes this process root of a user namespace with these ids: root inside is the caller, all
    /// others are from the range. Whatever it starts afterwards is there as well. To be called while the
    /// process has one thread: a namespace is a thread's, and the kernel refuses it to one of several.
    pub fn enter(self) -> Result<(), Failure> {
        let attempt = || "enter a user namespace".to_owned();
        let process = getpid();
        let (user, group) = (geteuid().as_raw(), getegid().as_raw());
        let (go, ready) = pipe_with(PipeFlags::CLOEXEC).attempt(attempt)?;
        let (told, teller) = pipe_with(PipeFlags::CLOEXEC).attempt(attempt)?;
        match sys::fork().attempt(attempt)? {
            // The tools must run outside, on a process that is inside.
            Fork::Child => {
                drop((ready, told));
                let mut byte = [0];
                if !matches!(Stream(go.as_fd()).read(&mut byte), Ok(1)) {
                    sys::exit_now(1);
                }
                let users = [[0, user, 1], [1, self.users.first, self.users.count]];
                let groups = [[0, group, 1], [1, self.groups.first, self.groups.count]];
                let done = map("newuidmap", process, users)
                    .and_then(|()| map("newgidmap", process, groups));
                let text = serde_json::to_vec(&done).unwrap_or_default();
                let _ = Stream(teller.as_fd()).write_all(&text);
                sys::exit_now(0)
            }
            Fork::Parent(mapper) => {
                drop((go, teller));
                let entered = sys::new_user_namespace().attempt(attempt);
                if entered.is_ok() {
                    let _ = Stream(ready.as_fd()).write_all(b".");
                }
                drop(ready);
                let mut text = Vec::new();
                let heard = Stream(told.as_fd()).read_to_end(&mut text);
                let _ = rustix::io::retry_on_intr(|| waitpid(Some(mapper), WaitOptions::empty()));
                entered?;
                heard.attempt(attempt)?;
                let answer: Result<Result<(), Failure>, _> = serde_json::from_slice(&text);
                answer.map_err(io::Error::other).attempt(attempt)??;
                become_root().attempt(attempt)
            }
        }
    }
}

/// Mapping does not change who a process is; it already is the id that became 0 inside, but its groups
/// are still the caller's.
fn become_root() -> rustix::io::Result<()> {
    rustix::thread::set_thread_groups(&[])
}

fn map(tool: &str, process: Pid, maps: [[u32; 3]; 2]) -> Result<(), Failure> {
    let output = Command::new(tool)
        .env("PATH", "/usr/bin:/bin:/usr/local/bin")
        .arg(process.as_raw_nonzero().to_string())
        .args(maps.iter().flatten().map(u32::to_string))
        .output()
        .attempt(|| format!("run {tool}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Failure::machine(format!("map subordinate ids with {tool}"), said).hint(
        "look at /etc/subuid and /etc/subgid, and whether newuidmap and newgidmap are set-uid root",
    ))
}

/// How the files of subordinate ids may call this user: by number, or by name.
fn own_names(root: &Path) -> Vec<String> {
    let number = geteuid().as_raw().to_string();
    let users = fs::read_to_string(root.join("etc/passwd")).unwrap_or_default();
    let named = users.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == number).then(|| name.to_owned())
    });
    named.chain([number.clone()]).collect()
}

/// The largest range that the file grants. Less than 65,536 ids do not hold `nobody`; they are still
/// better than one.
fn range(file: &Path, names: &[String]) -> Option<IdRange> {
    let text = fs::read_to_string(file).ok()?;
    let ranges = text.lines().filter_map(|line| {
        let mut fields = line.trim().split(':');
        let owner = fields.next()?;
        let range =
            IdRange { first: fields.next()?.parse().ok()?, count: fields.next()?.parse().ok()? };
        names.iter().any(|name| name == owner).then_some(range)
    });
    ranges.max_by_key(|range| range.count)
}
