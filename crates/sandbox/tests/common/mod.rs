//! A small image on disk and a launcher for it, for the tests that start commands.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

pub(crate) mod again;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use lightship_cas::Cas;
use lightship_oci::spec::RunConfig;
use lightship_oci::tar::Mtime;
use lightship_sandbox::snapshot::{FolderMeta, Ownership, Prepared};
use lightship_sandbox::{Error, Helper, Identity, Launcher, Note, Outcome, Spec, Stream, Streams};

/// A machine for one test: a store, a root file system made of Debian's static busybox, a launcher.
pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) launcher: Launcher,
    pub(crate) root: Prepared,
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) outcome: Outcome,
    pub(crate) output: String,
    pub(crate) complaints: String,
    pub(crate) notes: Vec<Note>,
}

const APPLETS: [&str; 40] = [
    "sh", "cat", "echo", "id", "ls", "sleep", "true", "false", "env", "pwd", "hostname", "mount",
    "umount", "mknod", "chroot", "unshare", "kill", "ps", "touch", "mkdir", "rm", "ln", "dd",
    "head", "yes", "nc", "wget", "httpd", "ifconfig", "ip", "tty", "stat", "readlink", "grep",
    "wc", "chown", "chmod", "su", "setsid", "nproc",
];

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sandboxes = folder.path().join("sandboxes");
        Self::with(folder, &sandboxes)
    }

    /// One whose sandboxes have their folders in another's, which outlives it.
    pub(crate) fn in_folder(other: &Path) -> Self {
        Self::with(tempfile::tempdir().unwrap(), &other.join("sandboxes"))
    }

    fn with(folder: tempfile::TempDir, sandboxes: &Path) -> Self {
        // An ordinary user in a test must get in.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let layer = folder.path().join("layer");
        busybox_root(&layer);
        let cas = Cas::open(&folder.path().join("store")).unwrap();
        let root = prepared(vec![layer], &cas);
        Self { launcher: launcher(sandboxes), folder, root }
    }

    pub(crate) fn layer(&self) -> &Path {
        &self.root.layers[0]
    }

    pub(crate) fn sh(&self, script: &str) -> Run {
        self.run(spec(&["sh", "-c", script]))
    }

    pub(crate) fn run(&self, spec: Spec) -> Run {
        self.try_run(spec).unwrap()
    }

    pub(crate) fn try_run(&self, spec: Spec) -> Result<Run, Error> {
        let streams = Streams { input: Stream::Null, output: Stream::Pipe, error: Stream::Pipe };
        let mut sandbox = self.launcher.start(&self.root, spec, streams)?;
        let mut pipes = [sandbox.output.take().unwrap(), sandbox.error.take().unwrap()];
        let notes = std::mem::take(&mut sandbox.notes);
        let [output, complaints] = std::thread::scope(|scope| {
            pipes
                .each_mut()
                .map(|pipe| {
                    scope.spawn(|| {
                        let mut bytes = Vec::new();
                        pipe.read_to_end(&mut bytes).unwrap();
                        String::from_utf8_lossy(&bytes).into_owned()
                    })
                })
                .map(|reader| reader.join().unwrap())
        });
        Ok(Run { outcome: sandbox.wait()?, output, complaints, notes })
    }

    /// What is left of sandboxes: nothing but the gate, if all went well.
    pub(crate) fn leftovers(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.path().join("sandboxes")).unwrap();
        entries.map(|entry| entry.unwrap().path()).filter(|path| !path.ends_with("gate")).collect()
    }
}

pub(crate) fn launcher(folder: &Path) -> Launcher {
    let helper = Helper { program: again::helper(), arguments: Vec::new() };
    Launcher::new(helper, folder, Identity::detect(Path::new("/"))).unwrap()
}

pub(crate) fn spec(words: &[&str]) -> Spec {
    let words: Vec<_> = words.iter().map(Into::into).collect();
    Spec::of_image(&RunConfig::default(), &words)
}

pub(crate) fn prepared(layers: Vec<PathBuf>, cas: &Cas) -> Prepared {
    let root = FolderMeta {
        mode: 0o755,
        uid: 0,
        gid: 0,
        mtime: Mtime::default(),
        xattrs: BTreeMap::new(),
    };
    let lease = cas.lease().unwrap();
    Prepared { layers, root, flat: false, ownership: Ownership::Real, lease }
}

/// A root file system of a static busybox, two users, and nothing else.
pub(crate) fn busybox_root(folder: &Path) {
    for name in ["bin", "etc", "tmp", "root", "home/app"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    fs::set_permissions(folder.join("tmp"), fs::Permissions::from_mode(0o1777)).unwrap();
    fs::copy(busybox(), folder.join("bin/busybox")).unwrap();
    for applet in APPLETS {
        symlink("busybox", folder.join("bin").join(applet)).unwrap();
    }
    let users = "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n";
    fs::write(folder.join("etc/passwd"), users).unwrap();
    fs::write(folder.join("etc/group"), "root:x:0:\napp:x:1000:\nstaff:x:50:app\n").unwrap();
}

fn busybox() -> PathBuf {
    let places = ["/bin/busybox", "/usr/bin/busybox"].map(PathBuf::from);
    places.into_iter().find(|path| path.exists()).expect("install Debian's busybox-static")
}
