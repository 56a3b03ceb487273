//! The way to a service inside: sockets that belong to the sandbox's own network, made by a short-lived
//! process that joins it, and handed to the caller, who connects them. A socket stays in the network
//! that it was made in, whoever holds it (`network_namespaces(7)`).

use std::fs::File;
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use rustix::process::Pid;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::failure::{Attempt as _, Failure};
use crate::wire::Job;
use crate::{Engine, Network, errand};

/// The namespaces that a socket for inside is made in; none where they are the helper's own.
pub(super) struct Doorway {
    user: Option<OwnedFd>,
    network: Option<OwnedFd>,
}

impl Doorway {
    /// To be opened while process 1 can still be looked at: it hides itself when it begins.
    pub(super) fn open(job: &Job, init: Pid) -> Result<Self, Failure> {
        let own_network = job.spec.network == Network::None;
        let name = |which: &str| {
            let path = format!("/proc/{}/ns/{which}", init.as_raw_nonzero());
            File::open(&path).map(OwnedFd::from).attempt(|| format!("open {path}"))
        };
        let user = own_network && job.identity.needs_namespace();
        Ok(Self {
            user: user.then(|| name("user")).transpose()?,
            network: own_network.then(|| name("net")).transpose()?,
        })
    }

    /// TCP sockets, for IPv4 and, where the kernel has it, IPv6; bound and connected to nothing.
    pub(super) fn sockets(&self, job: &Job) -> Result<Vec<OwnedFd>, Failure> {
        if matches!(job.engine, Engine::Runtime(_)) {
            let reason = "an OCI runtime keeps its network to itself";
            return Err(Failure::request("reach into the sandbox", reason));
        }
        let made = errand::run("make a socket in the sandbox's network", || {
            self.enter()?;
            Ok(((), make()?))
        });
        made.map(|((), sockets)| sockets)
    }

    fn enter(&self) -> Result<(), Failure> {
        let spaces =
            [(&self.user, LinkNameSpaceType::User), (&self.network, LinkNameSpaceType::Network)];
        for (space, kind) in spaces {
            if let Some(space) = space {
                move_into_link_name_space(space.as_fd(), Some(kind))
                    .attempt(|| "join the sandbox's network".to_owned())?;
            }
        }
        Ok(())
    }
}

fn make() -> Result<Vec<OwnedFd>, Failure> {
    let make = |family| socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None);
    let first = make(AddressFamily::INET).attempt(|| "make a TCP socket".to_owned())?;
    Ok(std::iter::once(first).chain(make(AddressFamily::INET6)).collect())
}
