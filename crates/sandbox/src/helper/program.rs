//! Finding a program, and saying why it cannot be executed better than the kernel does.

use std::ffi::{CStr, CString, OsStr};
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::Spec;
use crate::failure::{Failure, Fault};
use crate::spec::DEFAULT_PATH;

/// The program's path inside. Without a slash it is looked for along the command's own `PATH`.
pub(super) fn find(spec: &Spec) -> Result<CString, Failure> {
    let name = spec.command.first().filter(|name| !name.is_empty()).ok_or_else(|| {
        Failure::request("run the image", "it names no program").hint("give a command after `--`")
    })?;
    let found = if name.as_bytes().contains(&b'/') {
        PathBuf::from(name)
    } else {
        search(spec, name).ok_or_else(|| {
            let path = path_of(spec).to_string_lossy().into_owned();
            missing(Path::new(name), &format!("no folder of PATH has it ({path})"))
        })?
    };
    CString::new(found.as_os_str().as_bytes())
        .map_err(|_| Failure::request("run the program", "its name contains a zero byte"))
}

fn path_of(spec: &Spec) -> &OsStr {
    let given = spec.environment.iter().rev().find(|(name, _)| name == "PATH");
    given.map_or(OsStr::new(DEFAULT_PATH), |(_, value)| value)
}

fn search(spec: &Spec, name: &OsStr) -> Option<PathBuf> {
    let candidates = std::env::split_paths(path_of(spec)).map(|folder| folder.join(name));
    let present: Vec<PathBuf> = candidates.filter(|path| path.is_file()).collect();
    let executable = |path: &&PathBuf| {
        fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o111 != 0)
    };
    // One that cannot be executed is still the better answer than none.
    present.iter().find(executable).or(present.first()).cloned()
}

fn missing(path: &Path, why: &str) -> Failure {
    Failure::new(Fault::NoSuchProgram, format!("run {}", path.display()), why)
}

/// Says why the program cannot run, as far as its file tells, for somebody else who will execute it. What
/// only the kernel knows (which processors' programs it takes) is left to the kernel.
pub(super) fn check(spec: &Spec, architecture: &str) -> Result<(), Failure> {
    let found = find(spec)?;
    let path = Path::new(OsStr::from_bytes(found.to_bytes()));
    match refusal(path) {
        None => Ok(()),
        Some(number) => Err(explain(&found, &io::Error::from_raw_os_error(number), architecture)),
    }
}

/// The error with which the kernel will refuse it, whoever asks.
fn refusal(path: &Path) -> Option<i32> {
    let Ok(about) = fs::metadata(path) else { return Some(libc::ENOENT) };
    if !about.is_file() || about.permissions().mode() & 0o111 == 0 {
        return Some(libc::EACCES);
    }
    let is_script = head(path)?.starts_with(b"#!");
    let interpreter = interpreter(path).filter(|_| is_script)?;
    fs::metadata(interpreter).is_err().then_some(libc::ENOENT)
}

/// Why the kernel did not execute it.
pub(super) fn explain(path: &CStr, error: &io::Error, architecture: &str) -> Failure {
    let path = Path::new(OsStr::from_bytes(path.to_bytes()));
    let attempt = format!("run {}", path.display());
    let not_executable = |why: String| Failure::new(Fault::NotExecutable, attempt.clone(), why);
    match error.raw_os_error() {
        Some(libc::ENOENT) if fs::symlink_metadata(path).is_err() => {
            missing(path, "the image has no such file")
        }
        Some(libc::ENOENT) if fs::metadata(path).is_err() => {
            missing(path, "it is a link that leads nowhere")
        }
        Some(libc::ENOENT) => match interpreter(path) {
            Some(interpreter) => {
                missing(path, &format!("it needs {interpreter}, which the image does not have"))
            }
            None => missing(path, "the image lacks something that it needs"),
        },
        Some(libc::EACCES) if path.is_dir() => not_executable("it is a folder".to_owned()),
        Some(libc::EACCES) if path.exists() && !path.is_file() => {
            not_executable("it is a device, a pipe or a socket".to_owned())
        }
        Some(libc::EACCES) => not_executable(
            "it is not executable for this user, or lies where nothing is".to_owned(),
        ),
        Some(libc::ENOEXEC) => not_executable(foreign(path, architecture)),
        _ => Failure::machine(attempt, error),
    }
}

/// What `#!` or an ELF header names; neither shows in the kernel's answer.
fn interpreter(path: &Path) -> Option<String> {
    let head = head(path)?;
    if let Some(line) = head.strip_prefix(b"#!") {
        let line = line.split(|byte| *byte == b'\n').next()?;
        let text = String::from_utf8_lossy(line);
        return text.split_whitespace().next().map(str::to_owned);
    }
    // The interpreter's path is a string near the beginning; reading the header's tables for it would
    // not make the message better.
    let begins = head.windows(5).position(|window| window == b"/lib/" || window == b"/lib6")?;
    let path = head[begins..].split(|byte| *byte == 0).next()?;
    Some(String::from_utf8_lossy(path).into_owned())
}

/// A file that no kernel here understands.
fn foreign(path: &Path, architecture: &str) -> String {
    let Some(head) = head(path) else { return "it cannot be read".to_owned() };
    if head.starts_with(b"\x7fELF") && head.len() > 19 {
        let machine = u16::from_le_bytes([head[18], head[19]]);
        let made_for = match machine {
            3 => "386",
            40 => "arm",
            62 => "amd64",
            183 => "arm64",
            243 => "riscv64",
            21 => "ppc64le",
            22 => "s390x",
            _ => "another processor",
        };
        return format!("it is made for {made_for}, and this machine is {architecture}");
    }
    "it is neither a program nor a script that begins with `#!`".to_owned()
}

/// How a file begins. Opening anything else may wait for ever, for somebody at a pipe's other end.
fn head(path: &Path) -> Option<Vec<u8>> {
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
    file.metadata().ok()?.is_file().then_some(())?;
    let mut head = Vec::new();
    file.take(4096).read_to_end(&mut head).ok()?;
    Some(head)
}
