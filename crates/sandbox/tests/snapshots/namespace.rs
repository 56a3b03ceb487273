//! This program once more, as somebody else, somewhere else.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Root's own mount namespace.
pub(crate) const MOUNTS: &[&str] = &["unshare", "--mount"];

/// An ordinary user's, who is root in it.
pub(crate) const OWN_ROOT: &[&str] = &["unshare", "--user", "--map-root-user", "--mount"];

/// An ordinary user.
pub(crate) const NOBODY: &[&str] = &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

/// Whether this machine lets us do that.
pub(crate) fn possible(prefix: &[&str]) -> bool {
    let mut command = Command::new(prefix[0]);
    let possible = command.args(&prefix[1..]).arg("true").status().is_ok_and(|s| s.success());
    if !possible {
        eprintln!("skipped: this machine does not let us `{}`", prefix.join(" "));
    }
    possible
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Runs an ignored test of this program behind `prefix`, with a folder to work in.
pub(crate) fn run(prefix: &[&str], test: &str, folder: &Path) {
    // Somebody else may not look into the build's folder.
    let open = tempfile::tempdir().unwrap();
    fs::set_permissions(open.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = open.path().join("test");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let program = program.to_str().unwrap();
    let words: Vec<&str> = prefix.iter().copied().chain([program]).collect();
    let mut process = Command::new(words[0])
        .args(&words[1..])
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = process.stdin.take().unwrap();
    stdin.write_all(folder.to_str().unwrap().as_bytes()).unwrap();
    drop(stdin);
    assert!(process.wait().unwrap().success(), "{test} failed (see above)");
}

/// Lets this thread and those it starts make no character device any more.
pub(crate) fn forbid_character_devices() {
    use seccompiler::{
        SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    };
    let kind = SeccompCmpOp::MaskedEq(u64::from(libc::S_IFMT));
    let is_device =
        SeccompCondition::new(2, SeccompCmpArgLen::Dword, kind, libc::S_IFCHR.into()).unwrap();
    let rules = [(libc::SYS_mknodat, vec![SeccompRule::new(vec![is_device]).unwrap()])];
    let refuse = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let architecture = std::env::consts::ARCH.try_into().unwrap();
    let filter =
        SeccompFilter::new(rules.into(), SeccompAction::Allow, refuse, architecture).unwrap();
    let program: seccompiler::BpfProgram = filter.try_into().unwrap();
    seccompiler::apply_filter(&program).unwrap();
}

/// The folder that [`run`] gave; none where somebody runs all ignored tests.
pub(crate) fn folder() -> Option<std::path::PathBuf> {
    let mut folder = String::new();
    std::io::stdin().read_to_string(&mut folder).unwrap();
    (!folder.is_empty()).then(|| folder.into())
}
