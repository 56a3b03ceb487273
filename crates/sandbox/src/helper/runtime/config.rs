//! The runtime's instructions: `config.json` (*OCI runtime-spec 1.0, config.md, config-linux.md*).

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Resource;
use rustix::thread::CapabilitySet;
use serde_json::{Value, json};

use crate::failure::{Attempt as _, Failure};
use crate::helper::cgroup::{self, Limited};
use crate::helper::user::Person;
use crate::helper::{dev, disk, inside, protect, seccomp, system};
use crate::identity::Identity;
use crate::wire::Job;
use crate::{Network, RootAccess};

/// The version that all runtimes in use understand, and that has all we need.
const VERSION: &str = "1.0.2";

/// Something of the outside that is seen inside. It is a mount already, with the rights that it shall
/// have: not all runtimes set those of what they bind.
pub(super) struct Bind {
    pub(super) source: PathBuf,
    pub(super) target: PathBuf,
}

/// All that the runtime has to know.
pub(super) struct Bundle<'a> {
    pub(super) job: &'a Job,
    pub(super) person: &'a Person,
    pub(super) limited: Limited,
    pub(super) binds: &'a [Bind],
}

impl Bundle<'_> {
    /// Writes `config.json` into the bundle's folder.
    pub(super) fn write(&self, folder: &Path) -> Result<(), Failure> {
        let file = folder.join("config.json");
        let config = self.config()?;
        fs::write(&file, config.to_string()).attempt(|| format!("write {}", file.display()))
    }

    fn config(&self) -> Result<Value, Failure> {
        let spec = &self.job.spec;
        Ok(json!({
            "ociVersion": VERSION,
            "process": self.process()?,
            "root": {
                "path": text(self.job.scratch.join("root"))?,
                "readonly": spec.root == RootAccess::ReadOnly,
            },
            "hostname": spec.host_name,
            "mounts": self.mounts()?,
            "linux": self.linux()?,
        }))
    }

    fn process(&self) -> Result<Value, Failure> {
        let mut spec = self.job.spec.clone();
        spec.complete_environment(&self.person.home);
        let variables = spec
            .environment
            .iter()
            .map(|(name, value)| Ok(format!("{}={}", text(name)?, text(value)?)));
        let variables: Vec<String> = variables.collect::<Result<_, Failure>>()?;
        let words: Vec<String> = spec.command.iter().map(text).collect::<Result<_, _>>()?;
        let limits: Vec<Value> = self
            .limited
            .of_each_process(&spec.limits)
            .into_iter()
            .chain(disk::of_each_file(&spec.limits))
            .map(|(kind, most)| json!({ "type": limit_name(kind), "hard": most, "soft": most }))
            .collect();
        let mut user = json!({ "uid": self.person.uid, "gid": self.person.gid, "umask": 0o022 });
        if self.job.identity.keeps_owners() {
            user["additionalGids"] = json!(self.person.groups);
        }
        Ok(json!({
            "terminal": false,
            "user": user,
            "args": words,
            "env": variables,
            "cwd": text(inside::cleaned(&spec.folder))?,
            "capabilities": self.capabilities()?,
            "rlimits": limits,
            "noNewPrivileges": true,
        }))
    }

    /// As in [`protect`]: few for root, none for anybody else.
    fn capabilities(&self) -> Result<Value, Failure> {
        let held =
            rustix::thread::capabilities(None).attempt(|| "look at own rights".to_owned())?;
        let kept = names(protect::KEPT & held.permitted);
        let own = if self.person.uid == 0 { kept.clone() } else { Vec::new() };
        Ok(json!({ "bounding": kept, "effective": own, "permitted": own }))
    }

    /// The same file systems that [`dev`] and [`system`] mount, and then the binds.
    fn mounts(&self) -> Result<Vec<Value>, Failure> {
        const QUIET: [&str; 3] = ["nosuid", "nodev", "noexec"];
        let new = |kind: &str, target: &str, options: &[&str]| json!({ "destination": target, "type": kind, "source": kind, "options": options });
        let with = |options: &[&'static str]| [&QUIET[..], options].concat();
        let memory = format!("size={}", dev::SHARED_MEMORY);
        let group = format!("gid={}", dev::TTY_GROUP);
        let mut terminals = vec!["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"];
        if self.job.identity.keeps_owners() {
            terminals.push(&group);
        }
        let device_folder = ["nosuid", "noexec", "mode=0755", "size=65536"];
        let mut mounts = vec![
            new("proc", "/proc", &QUIET),
            new("tmpfs", "/dev", &device_folder),
            new("devpts", "/dev/pts", &terminals),
            new("tmpfs", "/dev/shm", &[&QUIET[..], &["mode=1777", &memory]].concat()),
            new("mqueue", "/dev/mqueue", &QUIET),
        ];
        if self.job.spec.network == Network::None {
            mounts.push(new("sysfs", "/sys", &with(&["ro"])));
        }
        for Bind { source, target } in self.binds {
            mounts.push(json!({
                "destination": text(inside::cleaned(target))?,
                "type": "bind",
                "source": text(source)?,
                "options": ["rbind"],
            }));
        }
        Ok(mounts)
    }

    fn linux(&self) -> Result<Value, Failure> {
        let mut namespaces = vec!["pid", "ipc", "uts", "mount", "cgroup"];
        if self.job.spec.network == Network::None {
            namespaces.push("network");
        }
        let mut linux = json!({
            "resources": self.resources(),
            "seccomp": seccomp(),
            "maskedPaths": system::HIDDEN,
            "readonlyPaths": system::READ_ONLY,
        });
        if let Some(group) = cgroup::for_runtime(&self.job.id) {
            // A runtime that may make no groups does without, unless it is told where.
            linux["cgroupsPath"] = json!(text(group)?);
        }
        if self.job.identity.needs_namespace() {
            namespaces.push("user");
            let own = |name: &str| {
                fs::read_to_string(format!("/proc/self/{name}"))
                    .attempt(|| "read own ids".to_owned())
            };
            // Whoever is root here: as root of the machine, and as the one user of an ordinary one.
            let (users, groups) = Identity::Root.maps(&own("uid_map")?, &own("gid_map")?);
            let lines = |map: Vec<[u32; 3]>| -> Vec<Value> {
                let line = |[inside, outside, count]: [u32; 3]| json!({ "containerID": inside, "hostID": outside, "size": count });
                map.into_iter().map(line).collect()
            };
            linux["uidMappings"] = json!(lines(users));
            linux["gidMappings"] = json!(lines(groups));
        }
        linux["namespaces"] = namespaces.into_iter().map(|kind| json!({ "type": kind })).collect();
        Ok(linux)
    }

    /// Only what groups can enforce here: runtimes refuse to begin where they cannot.
    fn resources(&self) -> Value {
        let limits = &self.job.spec.limits;
        let mut resources = json!({});
        if let Some(cpus) = limits.cpus.filter(|_| self.limited.cpu) {
            #[expect(clippy::cast_possible_truncation, reason = "saturates, and both are whole")]
            let (quota, period) = (cgroup::quota(cpus) as i64, cgroup::PERIOD as i64);
            resources["cpu"] = json!({ "quota": quota, "period": period });
        }
        if let Some(memory) = limits.memory.filter(|_| self.limited.memory) {
            resources["memory"] = json!({ "limit": memory.0 });
        }
        if let Some(processes) = limits.processes.filter(|_| self.limited.processes) {
            resources["pids"] = json!({ "limit": processes });
        }
        resources
    }
}

/// The policy of [`seccomp`] by names. It cannot say which calls are newer than it, hence lets them
/// through; `clone3` is one that has to seem so.
fn seccomp() -> Value {
    let refuse = |names: Vec<&str>, error: i32, arguments: Vec<Value>| {
        let action = "SCMP_ACT_ERRNO";
        json!({ "names": names, "action": action, "errnoRet": error, "args": arguments })
    };
    let mut calls = vec![
        refuse(seccomp::refused_names().collect(), libc::EPERM, Vec::new()),
        refuse(vec!["clone3"], libc::ENOSYS, Vec::new()),
    ];
    calls.extend(seccomp::rules().into_iter().map(|rule| {
        let condition = json!({
            "index": rule.argument,
            "op": "SCMP_CMP_MASKED_EQ",
            "value": rule.mask,
            "valueTwo": rule.value,
        });
        refuse(vec![seccomp::name(rule.call)], libc::EPERM, vec![condition])
    }));
    json!({ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": calls })
}

fn names(capabilities: CapabilitySet) -> Vec<String> {
    capabilities.iter_names().map(|(name, _)| format!("CAP_{name}")).collect()
}

fn limit_name(kind: Resource) -> String {
    format!("RLIMIT_{}", format!("{kind:?}").to_uppercase())
}

/// JSON has text only.
fn text(bytes: impl AsRef<OsStr>) -> Result<String, Failure> {
    let bytes = bytes.as_ref();
    bytes.to_str().map(str::to_owned).ok_or_else(|| {
        let attempt = format!("tell the runtime `{}`", bytes.to_string_lossy());
        Failure::request(attempt, "it is not UTF-8")
            .hint("lightship's own launcher takes any bytes: choose no runtime")
    })
}
