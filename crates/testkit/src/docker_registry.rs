//! The real registry, as Debian packages it: started on loopback in a temporary folder, ended when
//! dropped.

use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// How the registry is configured. The default lets everybody in, over plain HTTP.
#[derive(Debug, Clone, Default)]
pub struct RegistryOptions {
    /// Lines of an `htpasswd` file (bcrypt only): Basic authentication.
    pub htpasswd: Option<String>,
    /// Tokens from somebody else's server.
    pub token: Option<TokenOptions>,
    /// Certificate and key, in PEM: HTTPS.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Whether `Location` headers are relative.
    pub relative_urls: bool,
}

/// Whose tokens the registry takes.
#[derive(Debug, Clone)]
pub struct TokenOptions {
    /// The token server's address.
    pub realm: String,
    /// The audience of tokens.
    pub service: String,
    /// Their issuer.
    pub issuer: String,
    /// The certificate (PEM) whose key signs them.
    pub certificate: PathBuf,
}

/// A running registry.
#[derive(Debug)]
pub struct DockerRegistry {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

/// Starting takes a fraction of a second; this is for a machine under load.
const LONGEST_START: Duration = Duration::from_secs(30);

impl DockerRegistry {
    /// Starts one. `None`, and a line on standard error, where it is not installed: the test then has
    /// nothing to test against. Any other trouble is a panic, which is how a test's setup fails.
    pub fn start(options: &RegistryOptions) -> Option<Self> {
        let folder = TempDir::new().expect("a temporary folder can be made");
        let config = folder.path().join("config.yml");
        fs::write(&config, configuration(folder.path(), options)).expect("it can be written to");
        let started = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = match started {
            Ok(child) => child,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                skip("docker-registry is not installed (scripts/setup.sh installs it)");
                return None;
            }
            Err(error) => panic!("docker-registry cannot be started: {error}"),
        };
        match listening_at(&mut child) {
            Ok(address) => Some(Self { child, address, folder }),
            Err(log) => {
                let _ = child.kill();
                let _ = child.wait();
                panic!("docker-registry did not come up; it says:\n{log}");
            }
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `127.0.0.1:<port>`, as references name it.
    pub fn name(&self) -> String {
        self.address.to_string()
    }

    /// The folder that it stores into.
    pub fn storage(&self) -> PathBuf {
        self.folder.path().join("storage")
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says why a test does nothing.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
pub fn skip(reason: &str) {
    eprintln!("skipped: {reason}");
}

/// Waits for the line of the log that names the address: the registry chose the port itself, so that
/// no other process can take it in between. The log is read to its end in the background, lest the
/// pipe fills up.
fn listening_at(child: &mut Child) -> Result<SocketAddr, String> {
    let log = child.stderr.take().ok_or_else(|| "no standard error".to_owned())?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut seen = String::new();
        let mut found = false;
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            if found {
                continue;
            }
            if let Some(address) = address_in(&line) {
                found = true;
                let _ = sender.send(Ok(address));
            }
            seen.push_str(&line);
            seen.push('\n');
        }
        let _ = sender.send(Err(seen));
    });
    receiver.recv_timeout(LONGEST_START).unwrap_or_else(|_| Err("(nothing in time)".to_owned()))
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("listening on ")?;
    let end = rest.find(|c: char| !(c.is_ascii_digit() || ".:".contains(c))).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

fn configuration(folder: &Path, options: &RegistryOptions) -> String {
    let mut parts = vec![format!(
        "version: 0.1\n\
         log: {{level: info, accesslog: {{disabled: true}}}}\n\
         storage:\n  filesystem: {{rootdirectory: {}}}\n  delete: {{enabled: true}}\n\
         http:\n  addr: 127.0.0.1:0\n  secret: for-tests-only\n  relativeurls: {}\n",
        folder.join("storage").display(),
        options.relative_urls,
    )];
    if let Some((certificate, key)) = &options.tls {
        let (certificate, key) = (certificate.display(), key.display());
        parts.push(format!("  tls: {{certificate: {certificate}, key: {key}}}\n"));
    }
    if let Some(lines) = &options.htpasswd {
        let file = folder.join("htpasswd");
        fs::write(&file, lines).expect("the temporary folder can be written to");
        parts.push(format!("auth:\n  htpasswd: {{realm: tests, path: {}}}\n", file.display()));
    }
    if let Some(token) = &options.token {
        parts.push(format!(
            "auth:\n  token:\n    realm: {}\n    service: {}\n    issuer: {}\n    rootcertbundle: {}\n",
            token.realm,
            token.service,
            token.issuer,
            token.certificate.display()
        ));
    }
    parts.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_the_log() {
        let line =
            r#"time="2024" level=info msg="listening on 127.0.0.1:40123, tls" go.version=go1"#;
        assert_eq!(address_in(line), Some("127.0.0.1:40123".parse().unwrap()));
        assert_eq!(address_in("nothing of the kind"), None);
    }

    #[test]
    fn it_starts_and_ends() {
        let Some(registry) = DockerRegistry::start(&RegistryOptions::default()) else { return };
        let address = registry.address();
        assert!(std::net::TcpStream::connect(address).is_ok());
        drop(registry);
        assert!(std::net::TcpStream::connect(address).is_err());
    }
}
