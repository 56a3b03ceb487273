//! A command's standard streams, and what may be handed to it as one.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;
use std::thread::JoinHandle;

use rustix::fs::{FileType, Mode, OFlags, fstat};
use rustix::pipe::{PipeFlags, pipe_with};

use crate::Error;
use crate::failure::Failure;

/// Where one of a command's standard streams leads.
#[derive(Debug, Default)]
pub enum Stream {
    /// Nowhere: nothing to read, and what is written vanishes.
    #[default]
    Null,
    /// Where this process's own leads.
    Inherit,
    /// To a pipe, whose other end is in [`Sandbox`].
    Pipe,
    /// There.
    To(OwnedFd),
}

/// A command's standard streams. Not used where it has a terminal.
#[derive(Debug, Default)]
pub struct Streams {
    /// What it reads.
    pub input: Stream,
    /// What it writes.
    pub output: Stream,
    /// What it complains.
    pub error: Stream,
}

/// Carries bytes between a file of the machine and a pipe of the sandbox.
pub(crate) type Carrier = JoinHandle<()>;

/// Both ends of a command's streams.
pub(crate) struct Ends {
    inner: [OwnedFd; 3],
    outer: [Option<File>; 3],
    /// Those that carry what the command writes; they end with it.
    carriers: Vec<Carrier>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    In,
    Out,
}

impl Ends {
    pub(crate) fn open(streams: Streams) -> Result<Self, Error> {
        let (input, outer_input) = open(streams.input, std::io::stdin().as_fd(), Way::In)?;
        let (output, outer_output) = open(streams.output, std::io::stdout().as_fd(), Way::Out)?;
        let (error, outer_error) = open(streams.error, std::io::stderr().as_fd(), Way::Out)?;
        let mut carriers = Vec::new();
        // `> file 2>&1` is one stream, in one order.
        let (output, error) = if is_same(&output, &error) {
            let one = guard(output, Way::Out, &mut carriers)?;
            let copy = one.try_clone().map_err(Error::io("copy", Path::new("a stream")))?;
            (one, copy)
        } else {
            (guard(output, Way::Out, &mut carriers)?, guard(error, Way::Out, &mut carriers)?)
        };
        // Whoever carries input may wait for a reader that is gone; nobody waits for them.
        let input = guard(input, Way::In, &mut Vec::new())?;
        let outer = [outer_input, outer_output, outer_error];
        Ok(Self { inner: [input, output, error], outer, carriers })
    }

    pub(crate) fn inner(&self) -> Vec<BorrowedFd<'_>> {
        self.inner.iter().map(OwnedFd::as_fd).collect()
    }

    /// The outer ends and the carriers, to whoever holds the sandbox; the inner ends are closed here, so
    /// that the command has the last.
    pub(crate) fn hand_over(self) -> ([Option<File>; 3], Vec<Carrier>) {
        (self.outer, self.carriers)
    }
}

/// A stream's inner end, and its outer one where that is a pipe.
fn open(stream: Stream, own: BorrowedFd<'_>, way: Way) -> Result<(OwnedFd, Option<File>), Error> {
    match stream {
        Stream::To(fd) => Ok((fd, None)),
        Stream::Inherit => {
            let copy = own.try_clone_to_owned();
            Ok((copy.map_err(Error::io("open", Path::new("a standard stream")))?, None))
        }
        Stream::Null => {
            let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty());
            let failed =
                |error: rustix::io::Errno| Error::io("open", Path::new("/dev/null"))(error.into());
            Ok((null.map_err(failed)?, None))
        }
        Stream::Pipe => {
            let (reader, writer) = pipe()?;
            Ok(match way {
                Way::In => (reader, Some(File::from(writer))),
                Way::Out => (writer, Some(File::from(reader))),
            })
        }
    }
}

/// What may be handed to a command: not a file of this machine. Through `/proc/self/fd` a descriptor
/// becomes a path, and a path is opened anew, with the caller's rights: a file that was opened for
/// reading could be overwritten, and a folder is a way out. A file's bytes are carried through a pipe
/// instead.
fn guard(fd: OwnedFd, way: Way, carriers: &mut Vec<Carrier>) -> Result<OwnedFd, Error> {
    let about =
        fstat(&fd).map_err(|error| Error::io("look at", Path::new("a stream"))(error.into()))?;
    match FileType::from_raw_mode(about.st_mode) {
        FileType::RegularFile | FileType::BlockDevice => {}
        FileType::Directory => {
            return Err(Error::Start(Failure::request(
                "use a folder as a stream",
                "a command could leave its sandbox through it",
            )));
        }
        _ => return Ok(fd),
    }
    let (reader, writer) = pipe()?;
    let (inner, mut from, mut to) = match way {
        Way::In => (reader, File::from(fd), File::from(writer)),
        Way::Out => (writer, File::from(reader), File::from(fd)),
    };
    let carry = std::thread::Builder::new().name("stream".to_owned()).spawn(move || {
        // A full disk, or a reader that is gone: the other end sees a closed pipe, as from any program.
        let _ = io::copy(&mut from, &mut to);
    });
    carriers.push(carry.map_err(Error::io("carry", Path::new("a stream")))?);
    Ok(inner)
}

fn is_same(one: &OwnedFd, other: &OwnedFd) -> bool {
    let identity = |fd: &OwnedFd| fstat(fd).ok().map(|about| (about.st_dev, about.st_ino));
    identity(one).is_some() && identity(one) == identity(other)
}

fn pipe() -> Result<(OwnedFd, OwnedFd), Error> {
    pipe_with(PipeFlags::CLOEXEC)
        .map_err(|error| Error::io("make", Path::new("a pipe"))(error.into()))
}
