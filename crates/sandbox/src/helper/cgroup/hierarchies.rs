//! Where control groups are mounted, where this process is among them, and how a group is made there, in
//! either version (`cgroups(7)`).

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// One limit: its controller, and what to write where in either version.
pub(super) struct Setting {
    pub(super) controller: &'static str,
    pub(super) v1: Vec<(&'static str, String)>,
    pub(super) v2: Vec<(&'static str, String)>,
}

/// Where this process is in the hierarchies of control groups.
pub(super) struct Hierarchies {
    /// Controller, and its folder for this process, in version 1.
    pub(super) v1: Vec<(String, PathBuf)>,
    /// The folder for this process in version 2.
    pub(super) v2: Option<PathBuf>,
}

impl Hierarchies {
    /// Reads `/proc/self/cgroup` and `/proc/self/mountinfo`.
    pub(super) fn read(root: &Path) -> Self {
        let text = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
        Self::parse(&text("proc/self/cgroup"), &text("proc/self/mountinfo"))
    }

    fn parse(memberships: &str, mounts: &str) -> Self {
        let mut hierarchies = Self { v1: Vec::new(), v2: None };
        for line in memberships.lines() {
            let mut fields = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
            if controllers.is_empty() {
                hierarchies.v2 = mounted(mounts, "cgroup2", None, path);
                continue;
            }
            for controller in controllers.split(',') {
                if let Some(folder) = mounted(mounts, "cgroup", Some(controller), path) {
                    hierarchies.v1.push((controller.to_owned(), folder));
                }
            }
        }
        hierarchies
    }

    /// Every folder below which groups of ours may be.
    pub(super) fn places(&self) -> impl Iterator<Item = PathBuf> {
        let v2 = self.v2.iter().flat_map(|own| own.ancestors().take(2));
        self.v1.iter().map(|(_, folder)| folder.clone()).chain(v2.map(Path::to_owned))
    }

    /// Makes the group for one setting, in whichever version has its controller.
    pub(super) fn make(&self, name: &str, setting: &Setting) -> io::Result<PathBuf> {
        let v1 = self.v1.iter().find(|(controller, _)| controller == setting.controller);
        if let Some((_, folder)) = v1 {
            return make_in(folder, name, &setting.v1);
        }
        let own = self.v2.as_deref().ok_or_else(|| io::Error::other("none is mounted"))?;
        // Version 2 lets a group have either processes or limited children, and we are a process in our
        // own group: unless that is the root, our group's sibling is the place.
        let mut last =
            io::Error::other(format!("the controller `{}` is not here", setting.controller));
        for place in own.ancestors().take(2) {
            match delegate(place, setting.controller)
                .and_then(|()| make_in(place, name, &setting.v2))
            {
                Ok(folder) => return Ok(folder),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// Lets children of a group have a controller.
fn delegate(place: &Path, controller: &str) -> io::Result<()> {
    let has = |file: &str| -> io::Result<bool> {
        let text = fs::read_to_string(place.join(file))?;
        Ok(text.split_whitespace().any(|word| word == controller))
    };
    if has("cgroup.subtree_control")? {
        return Ok(());
    }
    if !has("cgroup.controllers")? {
        return Err(io::Error::other(format!("the controller `{controller}` is not here")));
    }
    set(&place.join("cgroup.subtree_control"), &format!("+{controller}"))
}

/// Writes into a file of the kernel's. One that is not there is not made: then no control group is
/// mounted here, whatever the mount table says.
fn set(file: &Path, value: &str) -> io::Result<()> {
    OpenOptions::new().write(true).open(file)?.write_all(value.as_bytes())
}

fn make_in(place: &Path, name: &str, values: &[(&str, String)]) -> io::Result<PathBuf> {
    let folder = place.join(name);
    match fs::create_dir(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    for (file, value) in values {
        let written = match file.strip_prefix('?') {
            // Kernels without swap accounting lack the file.
            Some(optional) => set(&folder.join(optional), value).or(Ok(())),
            None => set(&folder.join(file), value),
        };
        if let Err(error) = written {
            let _ = fs::remove_dir(&folder);
            return Err(error);
        }
    }
    Ok(folder)
}

/// The folder that shows a group, by the mount table (`proc_pid_mountinfo(5)`).
fn mounted(mounts: &str, kind: &str, controller: Option<&str>, group: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let (mount, source) = line.split_once(" - ")?;
        let mut source = source.split(' ');
        if source.next()? != kind {
            return None;
        }
        let options = source.nth(1)?;
        if controller.is_some_and(|wanted| options.split(',').all(|option| option != wanted)) {
            return None;
        }
        let mut mount = mount.split(' ').skip(3);
        let (shown, point) = (mount.next()?, mount.next()?);
        let below = Path::new(group).strip_prefix(shown).ok()?;
        Some(Path::new(point).join(below))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: &str = "\
30 24 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
31 30 0:27 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
32 30 0:28 /docker/ab /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct
33 30 0:29 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

    #[test]
    fn both_versions_are_found_where_they_are_mounted() {
        let member = "5:cpu,cpuacct:/docker/ab/c\n4:memory:/\n3:pids:/x\n0::/user.slice/a.scope\n";
        let found = Hierarchies::parse(member, BOTH);
        let v1: Vec<_> = found.v1.iter().map(|(c, f)| (c.as_str(), f.to_str().unwrap())).collect();
        assert_eq!(
            v1,
            [
                ("cpu", "/sys/fs/cgroup/cpu/c"),
                ("cpuacct", "/sys/fs/cgroup/cpu/c"),
                ("memory", "/sys/fs/cgroup/memory/"),
            ]
        );
        let v2 = found.v2.unwrap();
        assert_eq!(v2, Path::new("/sys/fs/cgroup/unified/user.slice/a.scope"));
    }

    #[test]
    fn a_machine_without_groups_has_none() {
        let found = Hierarchies::parse("", "");
        assert!(found.v1.is_empty() && found.v2.is_none());
        let setting = Setting { controller: "pids", v1: vec![], v2: vec![] };
        assert_eq!(found.make("x", &setting).unwrap_err().to_string(), "none is mounted");
    }
}
