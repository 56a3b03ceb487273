//! Limits on all of a sandbox's processes together, by control groups of either version
//! (`cgroups(7)`); and on each of them where no group can be written.

mod hierarchies;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::Access;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde::{Deserialize, Serialize};

use hierarchies::{Hierarchies, Setting};

use crate::failure::{Attempt as _, Failure};
use crate::{Limits, Note};

/// The accounting period of processor time, in microseconds: the kernel's default.
pub(super) const PERIOD: f64 = 100_000.0;

/// The groups of one sandbox.
pub(super) struct Groups {
    folders: Vec<PathBuf>,
    limited: Limited,
}

/// Which limits groups enforce. The others are for each process to set on itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Limited {
    pub(super) cpu: bool,
    pub(super) memory: bool,
    pub(super) processes: bool,
}

impl Groups {
    /// Makes a group for each limit, as far as this process may.
    pub(super) fn make(id: &str, limits: &Limits, notes: &mut Vec<Note>) -> Self {
        let mut groups = Self { folders: Vec::new(), limited: Limited::default() };
        let hierarchies = Hierarchies::read(Path::new("/"));
        let name = name(id);
        for setting in settings(limits) {
            match hierarchies.make(&name, &setting) {
                Ok(folder) => {
                    groups.limited.mark(setting.controller);
                    if !groups.folders.contains(&folder) {
                        groups.folders.push(folder);
                    }
                }
                Err(error) => notes.push(without_group(setting.controller, &error)),
            }
        }
        groups
    }

    /// Moves a process in; all its children will be in.
    pub(super) fn add(&self, process: Pid) -> Result<(), Failure> {
        let process = process.as_raw_nonzero().to_string();
        self.folders.iter().try_for_each(|folder| {
            fs::write(folder.join("cgroup.procs"), &process)
                .attempt(|| format!("limit the sandbox by {}", folder.display()))
        })
    }

    /// Where the groups are, for people.
    pub(super) fn describe(&self) -> String {
        let version = |folder: &PathBuf| {
            if folder.join("cgroup.controllers").exists() { "version 2" } else { "version 1" }
        };
        let versions = self.folders.iter().map(version).next().unwrap_or("no version");
        format!("a control group of {versions} holds for all of a sandbox")
    }

    pub(super) fn limited(&self) -> Limited {
        self.limited
    }

    /// Whether the kernel killed something inside for want of memory.
    pub(super) fn ran_out_of_memory(&self) -> bool {
        let counts = |name: &str, text: String| {
            let mut lines = text.lines().filter_map(|line| line.strip_prefix(name));
            lines.any(|count| count.trim().parse::<u64>().is_ok_and(|count| count > 0))
        };
        self.folders.iter().any(|folder| {
            let v2 = fs::read_to_string(folder.join("memory.events")).unwrap_or_default();
            let v1 = fs::read_to_string(folder.join("memory.oom_control")).unwrap_or_default();
            counts("oom_kill ", v2) || counts("oom_kill ", v1)
        })
    }

    /// Removes the groups, which are empty now.
    pub(super) fn remove(&self) {
        for folder in &self.folders {
            remove(folder);
        }
    }
}

/// What the groups of a sandbox are called.
pub(super) fn name(id: &str) -> String {
    format!("lightship-{id}")
}

/// The group that an OCI runtime shall make for a sandbox: the one that [`Groups::make`] makes. `None` where
/// this process may not make groups everywhere, as a runtime would.
///
/// Runtimes agree on what an absolute path means, one below the hierarchies' roots, but not on a relative
/// one; `runc` takes that below its own group in each hierarchy. The latter is for where those differ.
pub(super) fn for_runtime(id: &str) -> Option<PathBuf> {
    let hierarchies = Hierarchies::read(Path::new("/"));
    let is_group = |folder: &Path| folder.join("cgroup.procs").exists();
    let places: Vec<&Path> = match (hierarchies.v1.as_slice(), &hierarchies.v2) {
        ([], None) => return None,
        // Beside our own group, which cannot have both processes and groups.
        ([], Some(own)) => vec![own.parent().filter(|parent| is_group(parent)).unwrap_or(own)],
        (v1, _) => v1.iter().map(|(_, folder)| folder.as_path()).collect(),
    };
    if places.iter().any(|place| rustix::fs::access(*place, Access::WRITE_OK).is_err()) {
        return None;
    }
    let mut below = places.iter().map(|place| {
        let root = place.ancestors().take_while(|folder| is_group(folder)).last();
        root.and_then(|root| place.strip_prefix(root).ok())
    });
    let first = below.next().flatten()?;
    let same = below.all(|other| other == Some(first));
    Some(if same { Path::new("/").join(first).join(name(id)) } else { name(id).into() })
}

/// The kernel lets go of a dead process's group a moment after its end was waited for. Whether the group
/// is gone.
fn remove(folder: &Path) -> bool {
    for _ in 0..50 {
        match fs::remove_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(error) => return error.kind() == io::ErrorKind::NotFound,
            Ok(()) => return true,
        }
    }
    false
}

/// Removes the groups of a sandbox whose helper is gone; `id` names it. Whether all are: a process that
/// was killed but that nobody has waited for yet keeps its group.
pub(crate) fn remove_leftovers(id: &str) -> bool {
    let name = name(id);
    let hierarchies = Hierarchies::read(Path::new("/"));
    let places = hierarchies.places().map(|place| place.join(&name)).filter(|path| path.exists());
    places.fold(true, |all, folder| {
        // `cgroup.kill` exists since 5.14, in version 2; elsewhere process 1 died with its helper.
        let _ = fs::write(folder.join("cgroup.kill"), "1");
        remove(&folder) && all
    })
}

impl Limited {
    fn mark(&mut self, controller: &str) {
        match controller {
            "cpu" => self.cpu = true,
            "memory" => self.memory = true,
            _ => self.processes = true,
        }
    }

    /// Sets what no group enforces on this process, which is about to become the command. Less exact:
    /// each process has the memory limit for itself, and processors are whole.
    pub(super) fn apply(self, limits: &Limits) -> Result<(), Failure> {
        let limit = |resource: Resource, most: u64| {
            // Only the mightiest may go above what is allowed already, and that is stricter anyway.
            let most = getrlimit(resource).maximum.map_or(most, |allowed| most.min(allowed));
            let limit = Rlimit { current: Some(most), maximum: Some(most) };
            setrlimit(resource, limit).attempt(|| format!("limit {resource:?} to {most}"))
        };
        self.of_each_process(limits).into_iter().try_for_each(|(kind, most)| limit(kind, most))?;
        self.choose_processors(limits)
    }

    /// The limits that each process has for itself, where no group enforces them.
    pub(super) fn of_each_process(self, limits: &Limits) -> Vec<(Resource, u64)> {
        // A crash must not write the memory of a command anywhere.
        let core = [(Resource::Core, 0)];
        let memory = limits.memory.filter(|_| !self.memory);
        let processes = limits.processes.filter(|_| !self.processes);
        let memory = memory.map(|most| (Resource::Data, most.0));
        let processes = processes.map(|most| (Resource::Nproc, most.into()));
        core.into_iter().chain(memory).chain(processes).collect()
    }

    /// Keeps this process, and all that it starts, on as many processors as it may use, where no group
    /// sees to that.
    pub(super) fn choose_processors(self, limits: &Limits) -> Result<(), Failure> {
        match limits.cpus {
            Some(cpus) if !self.cpu => stay_on(cpus).attempt(|| "limit processors".to_owned()),
            _ => Ok(()),
        }
    }
}

/// Keeps this process on so many of the processors it has now, rounded up.
fn stay_on(cpus: f64) -> rustix::io::Result<()> {
    let present = sched_getaffinity(None)?;
    let mut kept = CpuSet::new();
    let mut left = cpus.ceil();
    for number in (0..CpuSet::MAX_CPU).filter(|number| present.is_set(*number)) {
        if left < 1.0 {
            break;
        }
        kept.set(number);
        left -= 1.0;
    }
    sched_setaffinity(None, &kept)
}

fn settings(limits: &Limits) -> Vec<Setting> {
    let mut settings = Vec::new();
    if let Some(cpus) = limits.cpus {
        let quota = format!("{:.0}", quota(cpus));
        settings.push(Setting {
            controller: "cpu",
            v1: vec![("cpu.cfs_quota_us", quota.clone())],
            v2: vec![("cpu.max", format!("{quota} {PERIOD:.0}"))],
        });
    }
    if let Some(memory) = limits.memory {
        let bytes = memory.0.to_string();
        settings.push(Setting {
            controller: "memory",
            // Without the second the limit is on memory alone, and swap is free.
            v1: vec![
                ("memory.limit_in_bytes", bytes.clone()),
                ("?memory.memsw.limit_in_bytes", bytes.clone()),
            ],
            v2: vec![("memory.max", bytes), ("?memory.swap.max", "0".to_owned())],
        });
    }
    if let Some(processes) = limits.processes {
        let most = processes.to_string();
        settings.push(Setting {
            controller: "pids",
            v1: vec![("pids.max", most.clone())],
            v2: vec![("pids.max", most)],
        });
    }
    settings
}

/// Microseconds of processor time in each [`PERIOD`]; less than a thousandth of a second the kernel does
/// not take.
pub(super) fn quota(cpus: f64) -> f64 {
    (cpus * PERIOD).max(1_000.0)
}

fn without_group(controller: &str, why: &io::Error) -> Note {
    let instead = match controller {
        "cpu" => "the processor limit holds in whole processors",
        "memory" => "the memory limit holds for each process by itself",
        _ => "processes are counted now and then, and all are ended when they are too many",
    };
    Note(format!("no control group for {controller} ({why}): {instead}"))
}
