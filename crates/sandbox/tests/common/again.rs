//! The same tests once more, as somebody else.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Says where the helper is to tests that run as somebody who cannot look into the build's folder.
const HELPER: &str = "LIGHTSHIP_TEST_HELPER";

/// The id of an ordinary user, whom no machine's files belong to.
const ORDINARY: &str = "64999";

/// Where the helper is.
pub(crate) fn helper() -> PathBuf {
    #[expect(clippy::disallowed_methods, reason = "a test tells its copy where the helper is")]
    let copy = std::env::var_os(HELPER);
    copy.map_or_else(|| env!("CARGO_BIN_EXE_lightship-sandbox-helper").into(), PathBuf::from)
}

/// Whether this is root; of what, is another question.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs all tests of this file but `except` as an ordinary user. Who is one already has run them.
pub(crate) fn as_ordinary_user(except: &str) {
    if is_root() {
        let copy = Copies::new();
        let mut command = Command::new("setpriv");
        command.args(["--reuid", ORDINARY, "--regid", ORDINARY, "--clear-groups", "--"]);
        copy.finish(command.arg(copy.test()), except);
    }
}

/// Runs them as root of an ordinary user's subordinate ids, granted in a mount namespace only.
pub(crate) fn as_root_of_subordinate_ids(except: &str) {
    in_subordinate_ids(&[], except);
}

/// The same, by way of another program.
fn in_subordinate_ids(by: &[&str], except: &str) {
    if !is_root() || owns_few_ids() {
        return;
    }
    let copy = Copies::new();
    let grant = copy.folder.path().join("ids");
    fs::write(&grant, format!("{ORDINARY}:200000:65536\n")).unwrap();
    let users = copy.folder.path().join("users");
    let known = fs::read_to_string("/etc/passwd").unwrap();
    // The tools insist on a name.
    fs::write(&users, format!("{known}ordinary:x:{ORDINARY}:{ORDINARY}::/:/bin/sh\n")).unwrap();
    let (grant, users) = (grant.display(), users.display());
    let script = format!(
        "touch /etc/subuid /etc/subgid && mount --bind {grant} /etc/subuid && \
         mount --bind {grant} /etc/subgid && mount --bind {users} /etc/passwd && \
         exec setpriv --reuid {ORDINARY} --regid {ORDINARY} --clear-groups -- \"$@\""
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script, "sh"]);
    copy.finish(command.arg(copy.helper()).args(by).arg(copy.test()), except);
}

/// Runs them as root of a machine that grants no user namespaces: a namespace without room for another.
pub(crate) fn without_user_namespaces(except: &str) {
    let script = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"";
    in_subordinate_ids(&["sh", "-c", script, "sh"], except);
}

/// Runs them where no control groups are mounted.
pub(crate) fn without_control_groups(except: &str) {
    if !is_root() || owns_few_ids() {
        return;
    }
    let copy = Copies::new();
    let script = "mount -t tmpfs tmpfs /sys/fs/cgroup && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh"]);
    copy.finish(command.arg(copy.test()), except);
}

/// Runs one test with a single id, like an ordinary user, where no namespaces are granted.
pub(crate) fn alone_without_namespaces(only: &str) {
    let copy = Copies::new();
    let script = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "sh", "-c", script, "sh"]);
    copy.finish(command.arg(copy.test()).args(["--exact", only]), "again_as");
}

/// Runs them with everything on an overlayfs, as in a container: the kernel refuses another one on top,
/// and images are copied.
pub(crate) fn on_overlayfs(except: &str) {
    if !is_root() || owns_few_ids() {
        return;
    }
    let copy = Copies::new();
    let script = "mount -t tmpfs tmpfs \"$0\" && cd \"$0\" && mkdir lower upper work joined && \
         mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work joined && \
         TMPDIR=$0/joined exec \"$@\"";
    let place = copy.folder.path().join("place");
    fs::create_dir(&place).unwrap();
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script]).arg(&place);
    copy.finish(command.arg(copy.test()), except);
}

/// Whether there is another id than one's own here.
pub(crate) fn has_other_ids() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap();
    map.lines().count() > 1 || !map.trim().ends_with(" 1")
}

/// Whether this is root of a part of the ids only.
pub(crate) fn owns_few_ids() -> bool {
    !fs::read_to_string("/proc/self/uid_map").unwrap().contains("4294967295")
}

/// Whether nothing but counting would hold a fork bomb back here, so that it could take its neighbours'
/// process numbers as well: real root, no control groups, and a kernel before 6.14, which has one
/// `kernel.pid_max` for all.
pub(crate) fn is_unbounded() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(['.', '-']).map(|number| number.parse().unwrap_or(0));
    let version: (u32, u32) = (numbers.next().unwrap(), numbers.next().unwrap());
    let has_groups = fs::read_dir("/sys/fs/cgroup").is_ok_and(|mut groups| groups.next().is_some());
    is_root() && !owns_few_ids() && !has_groups && version < (6, 14)
}

/// Test and helper where everybody may execute them.
struct Copies {
    folder: tempfile::TempDir,
}

impl Copies {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let copies = Self { folder };
        let copy = |from: &Path, to: &Path| {
            fs::copy(from, to).unwrap();
            fs::set_permissions(to, fs::Permissions::from_mode(0o755)).unwrap();
        };
        copy(&std::env::current_exe().unwrap(), &copies.test());
        copy(&helper(), &copies.helper());
        copies
    }

    fn test(&self) -> PathBuf {
        self.folder.path().join("test")
    }

    fn helper(&self) -> PathBuf {
        self.folder.path().join("helper")
    }

    fn finish(&self, command: &mut Command, except: &str) {
        // One after another, as with nextest: some tests count what is left of them.
        let command = command.args(["--test-threads=1", "--skip", except]);
        command.env(HELPER, self.helper());
        let output = command.current_dir("/").env_remove("TMPDIR").output().unwrap();
        let (out, err) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{out}{err}");
        assert!(out.contains("test result: ok. ") && !out.contains(" 0 passed"), "{out}{err}");
    }
}
