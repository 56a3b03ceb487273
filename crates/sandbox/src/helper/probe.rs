//! Trying what a sandbox needs, one thing after another, and saying what happened: asking the kernel for
//! its version would not tell what the machine's owner forbids.

use std::io::Write as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use lightship_base::ByteSize;
use rustix::fs::statfs;

use super::cgroup::Groups;
use super::{inside, maps, root, system};
use crate::errand::Errand;
use crate::failure::{Attempt as _, Failure};
use crate::identity::Identity;
use crate::probe::{Ability, Trial};
use crate::sys;
use crate::wire::Stream;
use crate::{Limits, Note};

/// Tries everything in `folder`, which must be on the disk that sandboxes use, writes the trials to
/// standard output as JSON, and ends.
pub(super) fn main(folder: &Path) -> ! {
    let trials = all(folder);
    let text = serde_json::to_vec(&trials).unwrap_or_default();
    let told = Stream(std::io::stdout().as_fd()).write_all(&text);
    sys::exit_now(i32::from(told.is_err()))
}

fn all(folder: &Path) -> Vec<Trial> {
    let identity = Identity::detect(Path::new("/"));
    // Several may try at once. The number is taken here: inside it is 1 for each of them.
    let place = folder.join(format!("probe-{}", std::process::id()));
    let mut trials = inside_namespaces(identity, &place).unwrap_or_else(|failure| {
        vec![Trial { ability: Ability::Namespaces, outcome: Err(failure.to_string()) }]
    });
    trials.extend(limits());
    let actions = std::fs::read_to_string("/proc/sys/kernel/seccomp/actions_avail");
    let filters = match actions {
        Ok(actions) if actions.split_whitespace().any(|action| action == "errno") => {
            Ok("the kernel filters system calls".to_owned())
        }
        Ok(actions) => Err(format!("the kernel's filters only know {}", actions.trim())),
        Err(error) => Err(format!("this kernel has no filters for system calls: {error}")),
    };
    trials.push(Trial { ability: Ability::Filters, outcome: filters });
    trials
}

fn inside_namespaces(identity: Identity, folder: &Path) -> Result<Vec<Trial>, Failure> {
    let mut namespaces = libc::CLONE_NEWNS
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWNET;
    if identity.needs_namespace() {
        namespaces |= libc::CLONE_NEWUSER;
    }
    let look = || Ok((trials_inside(identity, folder), Vec::new()));
    let errand = Errand::begin("begin new namespaces", namespaces, look)?;
    let mapped = maps::write(identity, errand.process);
    errand.finish(mapped).map(|(trials, _)| trials)
}

fn trials_inside(identity: Identity, folder: &Path) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut note = |ability: Ability, outcome: Result<String, Failure>| {
        trials.push(Trial { ability, outcome: outcome.map_err(|failure| failure.reason) });
    };
    let walls = if identity.needs_namespace() {
        "users, mounts, processes, network: each sandbox has its own"
    } else {
        "mounts, processes, network: each sandbox has its own, but users are the machine's"
    };
    note(Ability::Namespaces, inside::cut_off().map(|()| walls.to_owned()));
    note(Ability::Overlay, overlay(folder));
    let quiet = rustix::mount::MountAttrFlags::MOUNT_ATTR_NOSUID;
    let proc = system::file_system("proc", &[], quiet).attempt(|| "mount /proc".to_owned());
    note(Ability::Processes, proc.map(|_| "a sandbox sees its own processes only".to_owned()));
    let network = sys::raise_loopback().attempt(|| "bring up loopback".to_owned());
    note(Ability::Network, network.map(|()| "loopback works without the machine's".to_owned()));
    trials
}

fn overlay(folder: &Path) -> Result<String, Failure> {
    let place = root::new_folder(folder)?;
    let tried = (|| {
        let make = |name: &str| root::new_folder(&place.join(name));
        let (lower, upper, work) = (make("lower")?, make("upper")?, make("work")?);
        let mounted: OwnedFd = root::overlay(&[lower], &upper, &work, &place)?;
        drop(mounted);
        Ok(format!("layers are joined, not copied ({})", file_system_name(&place)))
    })();
    let _ = lightship_cas::remove_tree(&place);
    tried
}

/// What people call the file system under a folder, by its magic number (`statfs(2)`).
fn file_system_name(folder: &Path) -> String {
    let Ok(about) = statfs(folder) else { return "unknown file system".to_owned() };
    match about.f_type {
        0xef53 => "ext4".to_owned(),
        0x5846_5342 => "xfs".to_owned(),
        0x9123_683e => "btrfs".to_owned(),
        0x0102_1994 => "tmpfs".to_owned(),
        0x794c_7630 => "overlayfs".to_owned(),
        0x2fc1_2fc1 => "zfs".to_owned(),
        0x6969 => "nfs".to_owned(),
        other => format!("file system {other:#x}"),
    }
}

/// Makes and removes a control group for each limit.
fn limits() -> Vec<Trial> {
    let some = Limits::default();
    let tries = [
        (Ability::CpuLimit, Limits { cpus: Some(1.0), ..some.clone() }),
        (Ability::MemoryLimit, Limits { memory: Some(ByteSize(1 << 30)), ..some.clone() }),
        (Ability::ProcessLimit, Limits { processes: Some(1000), ..some }),
    ];
    let id = format!("probe-{}", std::process::id());
    let trial = |(ability, limits): (Ability, Limits)| {
        let mut notes = Vec::new();
        let groups = Groups::make(&id, &limits, &mut notes);
        let outcome = match notes.into_iter().next() {
            Some(Note(why)) => Err(why),
            None => Ok(groups.describe()),
        };
        groups.remove();
        Trial { ability, outcome }
    };
    tries.into_iter().map(trial).collect()
}
