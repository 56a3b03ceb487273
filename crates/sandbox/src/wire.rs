//! What caller and helper say to each other: JSON messages over a socket pair, each after its length.
//! Descriptors travel beside the bytes (`unix(7)`, `SCM_RIGHTS`), so none is ever inherited by accident.

use std::collections::BTreeMap;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lightship_base::ByteSize;
use lightship_oci::tar::Mtime;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::identity::Identity;
use crate::snapshot::{FolderMeta, Prepared};
use crate::{End, Engine, Note, Spec};

/// A message may have so many bytes. The largest is a job: layers' paths and variables.
const MAX_MESSAGE: u32 = 16 << 20;

/// So many descriptors travel with one message at most.
const MAX_FDS: usize = 4;

/// What the caller asks of a new helper: to run a command. Beside it travel the command's three streams,
/// and the lock on its folder.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) spec: Spec,
    /// The sandbox's name: that of its folder and of its control groups.
    pub(crate) id: String,
    pub(crate) layers: Layers,
    /// A folder of this sandbox alone, deleted by the helper in the end.
    pub(crate) scratch: PathBuf,
    pub(crate) identity: Identity,
    pub(crate) engine: Engine,
    /// Which processor this is, for a program that is made for another.
    pub(crate) architecture: String,
}

/// Where the root file system comes from.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Layers {
    /// Folders, bottom first, joined by the kernel.
    pub(crate) folders: Vec<PathBuf>,
    pub(crate) root: RootFolder,
}

/// What the root folder looks like: that of an overlay is its upper one, which is the sandbox's own.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct RootFolder {
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl RootFolder {
    /// What a folder of this machine looks like.
    pub(crate) fn of_folder(folder: &Path) -> rustix::io::Result<Self> {
        let stat = rustix::fs::stat(folder)?;
        Ok(Self { mode: stat.st_mode & 0o7777, uid: stat.st_uid, gid: stat.st_gid })
    }

    pub(crate) fn meta(self) -> FolderMeta {
        let Self { mode, uid, gid } = self;
        let (mtime, xattrs) = (Mtime::default(), BTreeMap::new());
        FolderMeta { mode, uid: uid.into(), gid: gid.into(), mtime, xattrs }
    }

    pub(crate) fn of(prepared: &Prepared) -> Self {
        // An id that no kernel knows is nobody's in particular.
        let id = |id: u64| u32::try_from(id).unwrap_or(0);
        let root = &prepared.root;
        Self { mode: root.mode, uid: id(root.uid), gid: id(root.gid) }
    }
}

/// What the caller may still say while a command runs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Hand a signal to the command.
    Signal(i32),
    /// Make sockets in the command's network.
    Sockets,
    /// Its files need not wait any longer.
    Release,
}

/// What the helper tells.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Event {
    /// Something is not as asked.
    Note(Note),
    /// The other end of the command's terminal comes along.
    Terminal,
    /// The program is loaded.
    Started,
    /// Sockets in its network come along: one for IPv4, and perhaps one for IPv6.
    Sockets(Result<(), Failure>),
    /// It ended well, and all that it started was killed. Its root comes along, and stays until it is released.
    Held(End),
    /// It ended. Nothing of it is left.
    Ended { end: End, cpu_time: Duration, peak_memory: ByteSize },
    /// It could not be started. Nothing is left either.
    Failed(Failure),
}

/// Sends a message, and descriptors beside it.
pub(crate) fn send<T: Serialize>(
    socket: impl AsFd,
    message: &T,
    fds: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let body = serde_json::to_vec(message)?;
    let length = u32::try_from(body.len()).map_err(io::Error::other)?;
    let bytes = [&length.to_le_bytes()[..], &body].concat();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !beside.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err(io::Error::other("too many descriptors for one message"));
    }
    // A helper that is gone must not kill its caller: NOSIGNAL.
    let sent = rustix::io::retry_on_intr(|| {
        sendmsg(&socket, &[IoSlice::new(&bytes)], &mut beside, SendFlags::NOSIGNAL)
    })?;
    let mut rest = &bytes[sent..];
    while !rest.is_empty() {
        let sent =
            rustix::io::retry_on_intr(|| rustix::net::send(&socket, rest, SendFlags::NOSIGNAL))?;
        rest = &rest[sent..];
    }
    Ok(())
}

/// Waits for a message, and the descriptors beside it. `None` when the other side is gone.
pub(crate) fn receive<T: DeserializeOwned>(
    socket: impl AsFd,
) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let mut head = [0; 4];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let got = rustix::io::retry_on_intr(|| {
        recvmsg(&socket, &mut [IoSliceMut::new(&mut head)], &mut beside, RecvFlags::CMSG_CLOEXEC)
    });
    let got = match got {
        Ok(message) if message.bytes > 0 => message.bytes,
        Ok(_) | Err(rustix::io::Errno::CONNRESET) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let fds = beside.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(fds) => Some(fds),
        _ => None, // no credentials were asked for, and the kernel may learn new kinds
    });
    let fds: Vec<OwnedFd> = fds.flatten().collect();
    let mut stream = Stream(socket.as_fd());
    stream.read_exact(&mut head[got..])?;
    let length = u32::from_le_bytes(head);
    if length > MAX_MESSAGE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a message of impossible length"));
    }
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body)?;
    Ok(Some((serde_json::from_slice(&body)?, fds)))
}

/// A descriptor as a stream of bytes.
pub(crate) struct Stream<'a>(pub(crate) BorrowedFd<'a>);

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(self.0, buffer)?)
    }
}

impl Write for Stream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(self.0, bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
