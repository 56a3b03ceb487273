//! Which ids a new user namespace has. `user_namespaces(7)`.

use std::fs;

use rustix::process::Pid;

use crate::failure::{Attempt as _, Failure};
use crate::identity::Identity;

/// Gives the namespace of `process` its ids.
pub(super) fn write(identity: Identity, process: Pid) -> Result<(), Failure> {
    if !identity.needs_namespace() {
        return Ok(());
    }
    let own = |name: &str| fs::read_to_string(format!("/proc/self/{name}"));
    let users = own("uid_map").attempt(|| "read the user ids of this machine".to_owned())?;
    let groups = own("gid_map").attempt(|| "read the group ids of this machine".to_owned())?;
    let (users, groups) = identity.maps(&users, &groups);
    let process = process.as_raw_nonzero().get();
    if identity == Identity::Single {
        // Without it an ordinary user could leave a group that denies them something.
        write_file(process, "setgroups", "deny")?;
    }
    write_file(process, "uid_map", &lines(&users))?;
    write_file(process, "gid_map", &lines(&groups))
}

/// In a namespace of the caller's own single id, maps that id to another one, for a command that is not
/// root. The caller is the only process that may write it: it has one id and no rights outside.
pub(super) fn rename_self(user: u32, group: u32) -> Result<(), Failure> {
    let write = |name: &str, text: String| {
        fs::write(format!("/proc/self/{name}"), text)
            .attempt(|| format!("become user {user} (by {name})"))
    };
    write("setgroups", "deny".to_owned())?;
    write("uid_map", format!("{user} 0 1\n"))?;
    write("gid_map", format!("{group} 0 1\n"))
}

fn lines(maps: &[[u32; 3]]) -> String {
    maps.iter().map(|[inside, outside, count]| format!("{inside} {outside} {count}\n")).collect()
}

fn write_file(process: i32, name: &str, text: &str) -> Result<(), Failure> {
    fs::write(format!("/proc/{process}/{name}"), text)
        .attempt(|| format!("give the user namespace its ids (by {name})"))
}
