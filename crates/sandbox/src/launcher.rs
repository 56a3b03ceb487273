//! The caller's side: asks a helper to run a command, and hears how it ended.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use crate::failure::Failure;
use crate::folder::{Folder, Folders};
use crate::held::Held;
use crate::identity::Identity;
use crate::snapshot::Prepared;
use crate::streams::{Carrier, Ends, Streams};
use crate::wire::{self, Event, Job, Layers, Request, RootFolder};
use crate::{End, Engine, Error, Note, Outcome, Spec};

/// How to start the helper: a program of one thread whose `main` begins with
/// [`crate::helper::main`] when it sees these arguments.
#[derive(Debug, Clone)]
pub struct Helper {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// Starts commands in images. Safe to use from several threads at once.
#[derive(Debug, Clone)]
pub struct Launcher {
    helper: Helper,
    folders: Folders,
    identity: Identity,
    engine: Engine,
}

/// A command that runs. Dropped before its end, it is killed.
#[derive(Debug)]
pub struct Sandbox {
    /// What is not as it was asked.
    pub notes: Vec<Note>,
    /// The writing end of its input, where that is a pipe.
    pub input: Option<File>,
    /// The reading end of its output, where that is a pipe.
    pub output: Option<File>,
    /// The reading end of its complaints, where that is a pipe.
    pub error: Option<File>,
    /// The outer end of its terminal, where it has one.
    pub terminal: Option<File>,
    start_time: Duration,
    started: Instant,
    link: Link,
    /// The end of the story, where somebody came upon it while waiting for something else.
    last: Option<Event>,
    /// Those who carry what it writes into files of this machine.
    carriers: Vec<Carrier>,
}

/// What came of an attempt to reach a service inside.
#[derive(Debug)]
pub enum Connection {
    /// It is reached.
    Open(TcpStream),
    /// Nobody listens there, or does not answer.
    Refused(io::Error),
    /// The command has ended; [`Sandbox::wait`] says how.
    Ended,
}

/// The connection to one helper. Its end is the sandbox's.
#[derive(Debug)]
struct Link {
    /// `None` once the helper was told to end by closing it.
    socket: Option<Arc<OwnedFd>>,
    child: Child,
    program: PathBuf,
    folder: Folder,
}

/// Hands signals to a running command, also from another thread.
#[derive(Debug, Clone)]
pub struct Signaller(Arc<OwnedFd>);

impl Launcher {
    /// A launcher whose sandboxes have their folders in `folder`, on the disk that holds the snapshots
    /// or another. Clears up what killed sandboxes left there.
    pub fn new(helper: Helper, folder: &Path, identity: Identity) -> Result<Self, Error> {
        let folders = Folders::open(folder)?;
        let launcher = Self { helper, folders, identity, engine: Engine::Own };
        launcher.folders.sweep()?;
        Ok(launcher)
    }

    /// The same with somebody else to make the walls.
    #[must_use]
    pub fn with_engine(self, engine: Engine) -> Self {
        Self { engine, ..self }
    }

    /// Who a sandbox's users are outside.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// Starts a command, and returns when its program is loaded.
    pub fn start(&self, root: &Prepared, spec: Spec, streams: Streams) -> Result<Sandbox, Error> {
        let layers = Layers { folders: root.layers.clone(), root: RootFolder::of(root) };
        let begin = Instant::now();
        let ends = Ends::open(streams)?;
        let sandbox = self.attempt(layers, spec, &ends, begin, self.folders.make()?)?;
        let (outer, carriers) = ends.hand_over();
        let [input, output, error] = outer;
        Ok(Sandbox { input, output, error, carriers, ..sandbox })
    }

    fn attempt(
        &self,
        layers: Layers,
        spec: Spec,
        ends: &Ends,
        begin: Instant,
        folder: Folder,
    ) -> Result<Sandbox, Error> {
        let job = Job {
            spec,
            id: folder.id.clone(),
            layers,
            scratch: folder.path.clone(),
            identity: self.identity,
            engine: self.engine.clone(),
            architecture: lightship_oci::spec::Platform::host().architecture,
        };
        let link = self.link(folder)?;
        link.send(&job, &ends.inner())?;
        let mut sandbox = Sandbox {
            notes: Vec::new(),
            input: None,
            output: None,
            error: None,
            terminal: None,
            start_time: Duration::ZERO,
            started: begin,
            link,
            last: None,
            carriers: Vec::new(),
        };
        loop {
            let (event, mut fds) = sandbox.link.receive()?;
            match event {
                Event::Note(note) => sandbox.notes.push(note),
                Event::Terminal => sandbox.terminal = fds.pop().map(File::from),
                Event::Failed(failure) => return Err(Error::Start(failure)),
                Event::Started => break,
                Event::Ended { end, .. } => return Err(Error::Start(never_started(end))),
                Event::Sockets(_) | Event::Held(_) => return Err(Error::HelperGone),
            }
        }
        sandbox.started = Instant::now();
        sandbox.start_time = begin.elapsed();
        Ok(sandbox)
    }

    fn link(&self, folder: Folder) -> Result<Link, Error> {
        let failed = |source: io::Error| Error::Helper {
            attempt: "start",
            program: self.helper.program.clone(),
            source,
        };
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
                .map_err(|error| failed(error.into()))?;
        let child = Command::new(&self.helper.program)
            .args(&self.helper.arguments)
            .env_clear()
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            .spawn()
            .map_err(failed)?;
        let program = self.helper.program.clone();
        Ok(Link { socket: Some(Arc::new(ours)), child, program, folder })
    }
}

impl Sandbox {
    /// Waits for the command's end. Nothing of it is left then.
    pub fn wait(mut self) -> Result<Outcome, Error> {
        loop {
            let news = match self.last.take() {
                Some(last) => last,
                None => self.link.receive()?.0,
            };
            match news {
                Event::Ended { end, cpu_time, peak_memory } => {
                    for carrier in self.carriers.drain(..) {
                        let _ = carrier.join();
                    }
                    return Ok(Outcome {
                        end,
                        start_time: self.start_time,
                        run_time: self.started.elapsed(),
                        cpu_time,
                        peak_memory,
                    });
                }
                Event::Failed(failure) => return Err(Error::Start(failure)),
                // Nobody asks for its files.
                Event::Held(_) => self.link.release(),
                Event::Note(_) | Event::Terminal | Event::Started | Event::Sockets(_) => {}
            }
        }
    }

    /// Waits for the command's end. Where it ended well and [`Spec::hold`] was asked for, its files are there until
    /// [`Held::release`].
    pub fn wait_held(mut self) -> Result<Held, Error> {
        loop {
            let (news, mut fds) = match self.last.take() {
                Some(last) => (last, Vec::new()),
                None => self.link.receive()?,
            };
            match news {
                Event::Held(_) => return Ok(Held::new(fds.pop(), self)),
                last @ (Event::Ended { .. } | Event::Failed(_)) => {
                    self.last = Some(last);
                    return Ok(Held::new(None, self));
                }
                Event::Note(_) | Event::Terminal | Event::Started | Event::Sockets(_) => {}
            }
        }
    }

    /// Connects to a TCP port of the sandbox's own loopback interface: of IPv4, or else of IPv6. Gives
    /// up after `patience`.
    pub fn connect(&mut self, port: u16, patience: Duration) -> Result<Connection, Error> {
        if self.last.is_some() {
            return Ok(Connection::Ended);
        }
        // A helper that is gone has left its last word.
        let _ = wire::send(self.link.socket(), &Request::Sockets, &[]);
        let sockets = loop {
            match self.link.receive()? {
                (Event::Sockets(made), sockets) => break made.map(|()| sockets),
                (last @ (Event::Ended { .. } | Event::Failed(_)), _) => {
                    self.last = Some(last);
                    return Ok(Connection::Ended);
                }
                (Event::Held(_), _) => self.link.release(),
                (Event::Note(_) | Event::Terminal | Event::Started, _) => {}
            }
        };
        let addresses: [IpAddr; 2] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        let mut refusal = io::Error::from(io::ErrorKind::ConnectionRefused);
        for (socket, address) in sockets.map_err(Error::Start)?.into_iter().zip(addresses) {
            match connect(&socket, SocketAddr::new(address, port), patience) {
                Ok(()) => return Ok(Connection::Open(socket.into())),
                Err(error) => refusal = error.into(),
            }
        }
        Ok(Connection::Refused(refusal))
    }

    /// Lets go of the files of a command that has ended.
    pub(crate) fn release(&self) {
        self.link.release();
    }

    /// From the request to the moment the program was loaded.
    pub fn start_time(&self) -> Duration {
        self.start_time
    }

    /// Hands signals on while somebody waits.
    pub fn signaller(&self) -> Signaller {
        Signaller(Arc::clone(self.link.socket.as_ref().expect("closed only when dropped")))
    }
}

/// The sandbox has to fit into the limits, too, before there is a program.
fn never_started(end: End) -> Failure {
    Failure::machine("start the program", format!("its sandbox {end} before that"))
        .hint("allow more memory and processes; a few megabytes and a few processes are the sandbox's own")
}

/// Connects a socket within this time. `socket(7)`, `SO_SNDTIMEO`, bounds connecting, too.
fn connect(socket: &OwnedFd, to: SocketAddr, patience: Duration) -> rustix::io::Result<()> {
    set_socket_timeout(socket, Timeout::Send, Some(patience))?;
    rustix::io::retry_on_intr(|| rustix::net::connect(socket, &to))
}

impl Signaller {
    /// Hands a signal, by its number, to the command and its process group. One that has ended needs
    /// none.
    pub fn send(&self, signal: i32) {
        let _ = wire::send(&*self.0, &Request::Signal(signal), &[]);
    }
}

impl Link {
    fn send(&self, job: &Job, streams: &[BorrowedFd<'_>]) -> Result<(), Error> {
        let lock = self.folder.lock();
        let fds: Vec<BorrowedFd<'_>> = streams.iter().copied().chain([lock]).collect();
        wire::send(self.socket(), job, &fds).map_err(self.silent())
    }

    fn receive(&mut self) -> Result<(Event, Vec<OwnedFd>), Error> {
        let news = wire::receive(self.socket()).map_err(self.silent())?;
        news.ok_or(Error::HelperGone)
    }

    /// A helper that is gone holds nothing; whoever waits for its last word will see.
    fn release(&self) {
        let _ = wire::send(self.socket(), &Request::Release, &[]);
    }

    fn socket(&self) -> &OwnedFd {
        self.socket.as_ref().expect("closed only when dropped")
    }

    fn silent(&self) -> impl FnOnce(io::Error) -> Error {
        let program = self.program.clone();
        move |source| Error::Helper { attempt: "talk to", program, source }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // The helper sees the end and kills whatever still runs; its own end is the proof. A signaller
        // that somebody still holds must not keep the socket open: shut it for all.
        if let Some(socket) = self.socket.take() {
            let _ = rustix::net::shutdown(&*socket, rustix::net::Shutdown::Both);
        }
        let _ = self.child.wait();
    }
}
