//! Keys and signatures by `GnuPG`, in a home of its own.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A home with its own keys and agent.
pub(crate) struct Gpg(TempDir);

impl Gpg {
    /// `None` where there is no gpg.
    pub(crate) fn new() -> Option<Self> {
        Command::new("gpg").arg("--version").output().ok()?;
        // Its sockets lie in it, whose paths must be short.
        Some(Self(tempfile::Builder::new().prefix("g").tempdir().unwrap()))
    }

    fn command(&self) -> Command {
        let mut command = Command::new("gpg");
        command.args(["--batch", "--no-tty", "--quiet", "--pinentry-mode", "loopback"]);
        command.args(["--passphrase", ""]).arg("--homedir").arg(self.0.path());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut child = self
            .command()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "gpg {arguments:?}: {told}");
        output.stdout
    }

    /// A new key for signing. `kind` is `ed25519` or `rsa3072`; more options may come first.
    pub(crate) fn key(&self, name: &str, kind: &str, options: &[&str]) -> String {
        let user = format!("{name} <{name}@example.invalid>");
        let mut arguments = options.to_vec();
        arguments.extend(["--quick-generate-key", &user, kind, "sign,cert", "0"]);
        self.run(&arguments, b"");
        let list = self.run(&["--with-colons", "--list-keys", &user], b"");
        let list = String::from_utf8(list).unwrap();
        let line = list.lines().find(|line| line.starts_with("fpr:")).unwrap();
        line.split(':').nth(9).unwrap().to_owned()
    }

    pub(crate) fn export(&self, key: &str) -> Vec<u8> {
        self.run(&["--export", key], b"")
    }

    pub(crate) fn clear_sign(&self, key: &str, text: &str, options: &[&str]) -> Vec<u8> {
        let mut arguments = options.to_vec();
        arguments.extend(["--local-user", key, "--clear-sign"]);
        self.run(&arguments, text.as_bytes())
    }

    pub(crate) fn home(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let home = self.0.path();
        let _ = Command::new("gpgconf").arg("--homedir").arg(home).args(["--kill", "all"]).output();
    }
}
