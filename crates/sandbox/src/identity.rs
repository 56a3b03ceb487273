//! Who a sandbox's users are outside: how ids inside map to ids of this machine.

use std::fs;
use std::path::Path;

use rustix::process::{getegid, geteuid};
use serde::{Deserialize, Serialize};

/// How ids inside a sandbox map to ids outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// Root of this machine, of the container this runs in, or of a range of subordinate ids
    /// ([`crate::subordinate`]): every id is itself, in a user namespace of the sandbox's own, so that
    /// its rights end at its walls.
    Root,
    /// Root, where the kernel grants no user namespace: an ordinary container.
    RootWithoutNamespace,
    /// An ordinary user: all of the image belongs to the caller, and whoever runs inside is the caller.
    Single,
}

/// Inside, outside, how many: a line of `uid_map` (`user_namespaces(7)`).
pub(crate) type IdMap = Vec<[u32; 3]>;

impl Identity {
    /// What this process can have. `root` is where the machine's files are: `/`, but for tests.
    pub fn detect(root: &Path) -> Self {
        // Root of a namespace with one id is an ordinary user by another name.
        if !geteuid().is_root() || !has_other_ids(root) {
            Self::Single
        } else if user_namespaces_forbidden(root) {
            Self::RootWithoutNamespace
        } else {
            Self::Root
        }
    }

    /// Whether files can belong to the image's own users, or all belong to the caller.
    pub fn keeps_owners(self) -> bool {
        !matches!(self, Self::Single)
    }

    /// Whether a user namespace is needed.
    pub(crate) fn needs_namespace(self) -> bool {
        !matches!(self, Self::RootWithoutNamespace)
    }

    /// The maps of users and groups. The arguments are this process's own maps.
    pub(crate) fn maps(self, own_users: &str, own_groups: &str) -> (IdMap, IdMap) {
        match self {
            Self::Root | Self::RootWithoutNamespace => (itself(own_users), itself(own_groups)),
            Self::Single => (vec![[0, geteuid().as_raw(), 1]], vec![[0, getegid().as_raw(), 1]]),
        }
    }
}

/// Every id that this namespace has, mapped to itself. `map` is `/proc/self/uid_map` or its sibling.
fn itself(map: &str) -> IdMap {
    let numbers = |line: &str| {
        let mut words = line.split_whitespace().map(str::parse::<u32>);
        Some([words.next()?.ok()?, words.next()?.ok()?, words.next()?.ok()?])
    };
    map.lines().filter_map(numbers).map(|[inside, _, count]| [inside, inside, count]).collect()
}

/// A machine that cannot say has no namespaces, hence all ids.
fn has_other_ids(root: &Path) -> bool {
    let map = fs::read_to_string(root.join("proc/self/uid_map"));
    map.map_or(true, |map| {
        itself(&map).iter().map(|[.., count]| u64::from(*count)).sum::<u64>() > 1
    })
}

fn user_namespaces_forbidden(root: &Path) -> bool {
    let no_kernel_support = !root.join("proc/self/ns/user").exists();
    let limit = fs::read_to_string(root.join("proc/sys/user/max_user_namespaces"));
    no_kernel_support || limit.is_ok_and(|limit| limit.trim() == "0")
}
