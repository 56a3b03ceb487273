//! For which Python and machine distributions are chosen.

use std::time::Duration;

use lightship_packages::wheel::{Interpreter as Kind, Libc, Machine, MarkerEnvironment};
use serde::{Deserialize, Serialize};

use super::Error;
use super::interpreter::{Interpreter, Job, Word};

/// For which Python and machine distributions are chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Its Python: `3.11.2`.
    pub python: String,
    /// What wheels have to fit.
    pub kind: Kind,
    /// The machine of the Python that is run while resolving, where that is another: then uv is told in words
    /// what it is for.
    pub beside: Option<Machine>,
}

/// A Python answers in five lines what it is.
const QUESTION: &str = "\
import os, platform, sys, sysconfig
print(sys.implementation.name)
print('.'.join(map(str, sys.version_info[:3])))
print(platform.machine())
print(os.confstr('CS_GNU_LIBC_VERSION') if 'CS_GNU_LIBC_VERSION' in os.confstr_names else '')
print(sysconfig.get_config_var('Py_GIL_DISABLED') or 0)
";

impl Target {
    /// Asks an interpreter's Python what it is.
    pub fn of(interpreter: &dyn Interpreter) -> Result<Self, Error> {
        let attempt = "ask the image's Python what it is";
        let job = Job {
            attempt,
            command: vec![Word::Python, "-I".into(), "-c".into(), QUESTION.into()],
            environment: vec![("LC_ALL".to_owned(), "C.UTF-8".into())],
            shared: Vec::new(),
            network: false,
            time: Duration::from_mins(1),
        };
        let ran = interpreter.run(&job)?;
        if !ran.success {
            let reason = super::explain::cleaned(&ran.stderr, &[]);
            return Err(Error::Python { reason: format!("it {}\n{reason}", ran.end) });
        }
        Self::understand(&ran.stdout).map_err(|reason| Error::Python { reason })
    }

    fn understand(answer: &str) -> Result<Self, String> {
        let lines: Vec<&str> = answer.lines().map(str::trim).collect();
        let [name, python, machine, libc, free_threaded] = lines[..] else {
            return Err(format!("it answered `{}`", lightship_net::printable(answer, 200)));
        };
        if name != "cpython" {
            return Err(format!("it is {name}, and wheels are chosen for CPython only"));
        }
        let machine = match machine {
            "x86_64" => Machine::X86_64,
            "aarch64" => Machine::Aarch64,
            other => return Err(format!("it runs on {other}, for which no wheels are chosen yet")),
        };
        let glibc =
            libc.strip_prefix("glibc 2.").and_then(|minor| minor.split('.').next()?.parse().ok());
        let glibc = glibc
            .ok_or("it does not run on the GNU C library, for which alone wheels are chosen yet")?;
        let mut parts = python.split('.');
        let (Some("3"), Some(Ok(minor))) = (parts.next(), parts.next().map(str::parse)) else {
            return Err(format!("it is Python {python}, and only Python 3 is supported"));
        };
        let libc = Libc::Glibc(glibc);
        let kind = Kind { minor, free_threaded: free_threaded == "1", libc, machine };
        Ok(Self { python: python.to_owned(), kind, beside: None })
    }

    /// The same Python on another machine, while the one that was asked is run beside it.
    #[must_use]
    pub fn on(mut self, machine: Machine) -> Self {
        if self.kind.machine != machine {
            self.beside = Some(self.kind.machine);
            self.kind.machine = machine;
        }
        self
    }

    /// The Python that is run: what sources are built with.
    pub(super) fn runs(&self) -> Self {
        let mut own = self.clone();
        if let Some(machine) = own.beside.take() {
            own.kind.machine = machine;
        }
        own
    }

    /// What markers are told about it.
    pub(super) fn markers(&self) -> MarkerEnvironment {
        MarkerEnvironment::linux(&self.python, self.kind.machine)
    }

    /// What uv is told about a target that it cannot ask.
    pub(super) fn words(&self) -> Vec<Word> {
        if self.beside.is_none() {
            return Vec::new();
        }
        let machine = self.kind.machine.as_str();
        let platform = match self.kind.libc {
            Libc::Glibc(minor) => format!("{machine}-manylinux_2_{}", known_glibc(minor)),
            Libc::Musl(_) => format!("{machine}-unknown-linux-musl"),
        };
        let mut python = self.python.clone();
        if self.kind.free_threaded {
            python.push('t');
        }
        let words = ["--python-version".into(), Word::Text(python)];
        words.into_iter().chain(["--python-platform".into(), Word::Text(platform)]).collect()
    }
}

/// The newest glibc that uv has a word for and that is no newer than this one: what was made for an
/// older one runs.
fn known_glibc(minor: u8) -> u8 {
    let known = [40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 28];
    known.into_iter().find(|known| *known <= minor).unwrap_or(17)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_becomes_a_target() {
        let answer = "cpython\n3.13.5\naarch64\nglibc 2.41\n0\n";
        let target = Target::understand(answer).unwrap();
        assert_eq!((target.kind.minor, target.kind.libc), (13, Libc::Glibc(41)));
        assert!(target.words().is_empty());
        assert_eq!(target.clone().on(Machine::Aarch64), target);
        let other = target.clone().on(Machine::X86_64);
        let words = ["--python-version", "3.13.5", "--python-platform", "x86_64-manylinux_2_40"];
        assert_eq!(other.words(), words.map(Word::from));
        assert_eq!(other.runs(), target);
        for (from, to) in [
            ("cpython", "pypy"),
            ("aarch64", "vax"),
            ("glibc 2.41", ""),
            ("3.13.5", "2.7.18"),
            ("\n0", ""),
        ] {
            assert!(Target::understand(&answer.replace(from, to)).is_err(), "{to}");
        }
    }
}
