//! The helper: a process of one thread that starts one command and sees to its end.
//!
//! Four processes, each with one duty:
//!
//! ```text
//! caller   any program with threads     asks, over a socket, and may pass on signals
//! helper   this module, outside          control groups, id maps, time limit, clearing up
//! init     `init`, process 1 inside      file system, terminal, reaping, disk limit; or `runtime`, which
//!                                        has an OCI runtime do it
//! command  `command`, inside             gives up its rights and becomes the program
//! ```
//!
//! Whoever loses the other side ends: the helper kills init when the caller's end of the socket closes,
//! init dies with the helper (`PR_SET_PDEATHSIG`), and with process 1 the kernel ends everything
//! inside, daemons included. Mounts go with their namespace. What is left, folders and control groups,
//! the helper clears; had it been killed as well, the next caller does (`crate::folder`).

mod bounds;
mod cgroup;
mod command;
mod connect;
mod dev;
mod disk;
mod init;
mod inside;
mod maps;
mod mounts;
mod probe;
mod program;
mod protect;
mod root;
mod runtime;
mod seccomp;
mod supervise;
mod system;
mod user;

use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use crate::failure::{Attempt as _, Failure};
use crate::identity::Identity;
use crate::sys::{self, Fork};
use crate::wire::{self, Event, Job};
use crate::{Engine, Network, Note};

pub(crate) use cgroup::remove_leftovers as remove_group_leftovers;

/// The command's standard streams.
pub(crate) type Streams = [OwnedFd; 3];

/// The first argument that makes a program of ours a helper.
pub const ARGUMENT: &str = "__sandbox-helper";

/// Does what the caller on the other end of standard input asks, and ends the process. Call it first
/// thing in `main`, while there is one thread.
pub fn main() -> ! {
    let mut words = std::env::args_os().skip_while(|word| word != crate::probe::ARGUMENT).skip(1);
    if let Some(folder) = words.next() {
        probe::main(Path::new(&folder));
    }
    // What the caller left open for its children is not the sandbox's business.
    sys::close_others();
    let Ok(socket) = take_standard_input() else { sys::exit_now(2) };
    let outcome = match wire::receive::<Job>(&socket) {
        Ok(Some((job, fds))) => work(&job, fds, &socket),
        // Somebody typed the argument by hand, or the caller is gone already.
        Ok(None) | Err(_) => sys::exit_now(2),
    };
    let last = outcome.unwrap_or_else(Event::Failed);
    // A caller that is gone does not need the answer.
    let _ = wire::send(&socket, &last, &[]);
    sys::exit_now(0)
}

fn take_standard_input() -> rustix::io::Result<OwnedFd> {
    let socket = rustix::io::fcntl_dupfd_cloexec(std::io::stdin(), 3)?;
    let null = rustix::fs::open("/dev/null", rustix::fs::OFlags::RDWR, rustix::fs::Mode::empty())?;
    rustix::stdio::dup2_stdin(&null)?;
    Ok(socket)
}

fn work(job: &Job, fds: Vec<OwnedFd>, socket: &OwnedFd) -> Result<Event, Failure> {
    // Away from the caller's terminal: its signals reach the caller, who passes on what it wants.
    let _ = rustix::process::setsid();
    let [input, output, error, _lock] = <[OwnedFd; 4]>::try_from(fds)
        .map_err(|_| Failure::machine("take over the streams", "they did not arrive"))?;
    run(job, [input, output, error], socket)
}

/// Starts the command, waits for its end, clears up.
fn run(job: &Job, streams: Streams, socket: &OwnedFd) -> Result<Event, Failure> {
    let mut notes = Vec::new();
    let groups = cgroup::Groups::make(&job.id, &job.spec.limits, &mut notes);
    if job.identity == Identity::RootWithoutNamespace {
        notes.push(Note(
            "this kernel grants no user namespaces: root inside is root outside, with few rights"
                .to_owned(),
        ));
    }
    for note in notes {
        let _ = wire::send(socket, &Event::Note(note), &[]);
    }
    let result = start(job, streams, &groups, socket);
    groups.remove();
    if matches!(job.engine, Engine::Runtime(_)) {
        // A runtime makes more groups than those with limits, and may have been killed before it
        // removed them.
        remove_group_leftovers(&job.id);
    }
    let cleared = lightship_cas::remove_tree(&job.scratch)
        .attempt(|| format!("delete what the sandbox wrote in {}", job.scratch.display()));
    match cleared {
        Ok(()) => {
            // Held by us and by the caller; whoever sees none has nothing to clear up.
            let _ = std::fs::remove_file(job.scratch.with_extension("lock"));
        }
        // How the command ended matters more; the next caller tries again.
        Err(failure) => {
            let _ = wire::send(socket, &Event::Note(Note(failure.to_string())), &[]);
        }
    }
    result
}

fn start(
    job: &Job,
    streams: Streams,
    groups: &cgroup::Groups,
    socket: &OwnedFd,
) -> Result<Event, Failure> {
    let (ours, theirs) =
        socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
            .attempt(|| "make a socket pair".to_owned())?;
    match sys::clone_into(namespaces(job)).map_err(|error| Failure::no_namespaces(&error))? {
        Fork::Child => {
            drop(ours);
            match &job.engine {
                Engine::Own => init::main(job, streams, &theirs, groups.limited()),
                Engine::Runtime(program) => runtime::main(program, job, streams, &theirs, groups),
            }
        }
        Fork::Parent(init) => {
            drop(theirs);
            // The command's end of a pipe must be the last one, or its readers never see the end.
            drop(streams);
            let ready = match job.engine {
                Engine::Own => maps::write(job.identity, init).and_then(|()| groups.add(init)),
                Engine::Runtime(_) => runtime::admit(job.identity, init),
            };
            supervise::Supervisor { init, inner: ours, caller: socket.as_fd(), groups, job }
                .watch(ready)
        }
    }
}

fn namespaces(job: &Job) -> sys::Namespaces {
    if matches!(job.engine, Engine::Runtime(_)) {
        return runtime::namespaces(job.identity);
    }
    let mut flags =
        libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
    if job.identity.needs_namespace() {
        flags |= libc::CLONE_NEWUSER;
    }
    match job.spec.network {
        Network::None => flags | libc::CLONE_NEWNET,
        Network::Host => flags,
    }
}
