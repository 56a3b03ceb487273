//! A program of an image, started where its file lies: by its own loader, with its own libraries.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use lightship_engine::Failure;
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

use super::loader::Kind;
use super::{Own, start_failure};

/// The files of an image, in a folder of this machine.
pub(super) struct Tree<'a> {
    pub(super) root: &'a Path,
    /// A folder for programs that start those of the image.
    pub(super) own: &'a Path,
}

/// A program, the name that it is told, and its first arguments. One file may be many programs, by their names.
type Start = (PathBuf, OsString, Vec<OsString>);

/// Folders of libraries, from the image's root, as far as an image has them.
const LIBRARIES: [&str; 8] = [
    "usr/local/lib/x86_64-linux-gnu",
    "usr/local/lib/aarch64-linux-gnu",
    "usr/local/lib",
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/aarch64-linux-gnu",
    "usr/lib64",
    "usr/lib",
    "lib",
];

/// How often scripts may be started by scripts.
const SCRIPTS: u32 = 4;

impl Tree<'_> {
    /// What starts a command of the image.
    pub(super) fn command(
        &self,
        words: &[OsString],
        environment: &[(OsString, OsString)],
    ) -> Result<Start, Failure> {
        let (name, rest) = words.split_first().ok_or_else(|| start_failure("it runs nothing"))?;
        let file = self.find(name, environment)?;
        let (program, name, mut arguments) = self.start(&file, name, SCRIPTS)?;
        arguments.extend(rest.iter().cloned());
        Ok((program, name, arguments))
    }

    /// The variables of a command: those of its image, and what leads it to the image's files.
    pub(super) fn environment(
        &self,
        mut environment: Vec<(OsString, OsString)>,
        own: &Own,
        search_path: &OsStr,
    ) -> Vec<(OsString, OsString)> {
        let mut set = |name: &str, value: &OsStr, always: bool| {
            let known = environment.iter().any(|(known, _)| known == name);
            if always || !known {
                environment.retain(|(known, _)| known != name);
                environment.push((name.into(), value.to_owned()));
            }
        };
        let mut path = own.programs.clone().into_os_string();
        path.push(":");
        path.push(search_path);
        set("PATH", &path, true);
        set("HOME", own.home.as_os_str(), true);
        set("TMPDIR", own.temporary.as_os_str(), true);
        // Nothing is written beside the sources, which are the store's.
        set("PYTHONDONTWRITEBYTECODE", OsStr::new("1"), true);
        let certificates = self.root.join("etc/ssl/certs/ca-certificates.crt");
        if certificates.is_file() {
            set("SSL_CERT_FILE", certificates.as_os_str(), false);
        }
        let zones = self.root.join("usr/share/zoneinfo");
        if zones.is_dir() {
            set("PYTHONTZPATH", zones.as_os_str(), false);
        }
        environment.retain(|(name, _)| name != "LD_LIBRARY_PATH");
        environment
    }

    /// A program of the image, by its name or path there.
    fn find(&self, name: &OsStr, environment: &[(OsString, OsString)]) -> Result<PathBuf, Failure> {
        if Path::new(name).components().count() > 1 {
            return self.place(Path::new(name)).ok_or_else(|| missing(name));
        }
        let path = environment.iter().find(|(known, _)| known == "PATH").map(|(_, path)| path);
        let path =
            path.map_or_else(|| OsStr::new(lightship_sandbox::DEFAULT_PATH), OsString::as_os_str);
        let mut found =
            std::env::split_paths(path).filter_map(|folder| self.place(&folder.join(name)));
        found.find(|path| path.is_file()).ok_or_else(|| missing(name))
    }

    /// What starts a file of the image.
    fn start(&self, file: &Path, name: &OsStr, scripts: u32) -> Result<Start, Failure> {
        let failed = |why: &dyn std::fmt::Display| {
            start_failure(&format!("cannot start {}: {why}", file.display()))
        };
        let kind = File::open(file).and_then(|mut file| Kind::of(&mut file));
        match kind.map_err(|error| failed(&error))? {
            Kind::Static => Ok((file.to_owned(), name.to_owned(), Vec::new())),
            Kind::Dynamic(loader) => {
                let loader = self.place(Path::new(&loader));
                let loader = loader.ok_or_else(|| failed(&"its image has no loader for it"))?;
                self.by_loader(file, name, loader)
            }
            Kind::Script { interpreter, argument } => {
                let left =
                    scripts.checked_sub(1).ok_or_else(|| failed(&"scripts start scripts"))?;
                let place = self.place(Path::new(&interpreter));
                let place = place.ok_or_else(|| failed(&"its image has not what runs it"))?;
                let (program, name, mut arguments) =
                    self.start(&place, OsStr::new(&interpreter), left)?;
                arguments.extend(argument.map(OsString::from));
                arguments.push(file.into());
                Ok((program, name, arguments))
            }
            Kind::Unknown => Err(failed(&"it is no program for this machine")),
        }
    }

    fn by_loader(&self, file: &Path, name: &OsStr, loader: PathBuf) -> Result<Start, Failure> {
        let mut arguments: Vec<OsString> = Vec::new();
        if !loader.to_string_lossy().contains("musl") {
            // What this machine's own cache knows is not the image's.
            arguments.push("--inhibit-cache".into());
        }
        let folders = LIBRARIES.iter().filter_map(|folder| self.place(Path::new(folder)));
        let mut folders: Vec<PathBuf> = folders.filter(|folder| folder.is_dir()).collect();
        folders.dedup();
        let folders = std::env::join_paths(folders);
        let folders = folders.map_err(|error| start_failure(&error.to_string()))?;
        arguments.extend(["--library-path".into(), folders]);
        if let Some(home) = python_home(file) {
            return self.python(file, &loader, &arguments, &home);
        }
        if takes_name(&loader) {
            arguments.extend(["--argv0".into(), name.to_owned()]);
        }
        arguments.push(file.into());
        Ok((loader, name.to_owned(), arguments))
    }

    /// A Python looks for its library beside itself, and starts itself again by its name: it gets a name of its own.
    fn python(
        &self,
        file: &Path,
        loader: &Path,
        arguments: &[OsString],
        home: &Path,
    ) -> Result<Start, Failure> {
        let mut script = "#!/bin/sh\nexport PYTHONHOME=".to_owned();
        quote(&mut script, home.as_os_str())?;
        script += "\nexec ";
        quote(&mut script, loader.as_os_str())?;
        for argument in arguments {
            script.push(' ');
            quote(&mut script, argument)?;
        }
        script += if takes_name(loader) { " --argv0 \"$0\" " } else { " " };
        quote(&mut script, file.as_os_str())?;
        script += " \"$@\"\n";
        let name = file.file_name().unwrap_or(OsStr::new("python3"));
        for name in [name, OsStr::new("python3"), OsStr::new("python")] {
            let path = self.own.join(name);
            let written = fs::write(&path, &script)
                .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)));
            written.map_err(|error| {
                start_failure(&format!("cannot write {}: {error}", path.display()))
            })?;
        }
        Ok((self.own.join(name), name.to_owned(), Vec::new()))
    }

    /// Where a path of the image is on this machine, links followed within the image.
    fn place(&self, path: &Path) -> Option<PathBuf> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let root = File::open(self.root).ok()?;
        let found = openat2(&root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT).ok()?;
        fs::read_link(format!("/proc/self/fd/{}", found.as_raw_fd())).ok()
    }
}

/// Whether a loader can tell a program another name than its file's: that of glibc can since 2.33.
fn takes_name(loader: &Path) -> bool {
    let option = b"--argv0";
    fs::read(loader).is_ok_and(|bytes| bytes.windows(option.len()).any(|at| at == option))
}

/// Where a Python has its library: `/usr` of `/usr/bin/python3.11`.
fn python_home(file: &Path) -> Option<PathBuf> {
    let name = file.file_name()?.to_str()?;
    let home = file.parent()?.parent()?;
    let version = name.strip_prefix("python")?;
    home.join(format!("lib/python{version}")).is_dir().then(|| home.to_owned())
}

/// A word of a shell.
fn quote(script: &mut String, word: &OsStr) -> Result<(), Failure> {
    let word = word.to_str().ok_or_else(|| start_failure("a path of its image is no text"))?;
    let written = write!(script, "'{}'", word.replace('\'', "'\\''"));
    written.map_err(|error| start_failure(&error.to_string()))
}

fn missing(name: &OsStr) -> Failure {
    start_failure(&format!("its image has no program `{}`", name.display()))
}
