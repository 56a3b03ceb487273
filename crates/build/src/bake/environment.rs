//! What an image for steps must have.

use std::collections::BTreeSet;

use lightship_base::{Digest, Key};
use lightship_ir::lightweight::{Lightweight, PipInstall};

use super::Base;

/// Everything that decides an image for steps: those with the same share one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// What it is built on.
    pub base: Base,
    /// What is installed, in order.
    pub installs: Vec<PipInstall>,
    /// Whether its steps install into a virtual environment of their own, on top of what the image has. There is none
    /// in the image that is built: what it would have added is simply there.
    pub venv: bool,
    /// Whether its steps start a shell.
    pub shell: bool,
}

/// Names an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvironmentKey(Digest);

impl EnvironmentKey {
    /// Twelve letters and digits: enough for a name.
    pub fn short(&self) -> String {
        self.0.hex().chars().take(12).collect()
    }
}

impl Environment {
    /// What a step needs.
    pub(super) fn of(base: Base, step: &Lightweight) -> Self {
        Self {
            base,
            installs: step.installs.clone(),
            venv: step.venv,
            shell: step.starts_shell() || !step.shell_uses().is_empty(),
        }
    }

    /// What takes an image's place for steps that install nothing: with a shell, as nobody knows what they start.
    pub(super) fn plain(base: Base) -> Self {
        Self { base, installs: Vec::new(), venv: false, shell: true }
    }

    /// What it follows from.
    pub fn key(&self) -> EnvironmentKey {
        EnvironmentKey(Key::of("environment of steps").with(format!("{self:?}")).finish())
    }

    /// A name for people, which no other environment has: `pandas-2.3.3-six-0123456789ab`.
    pub fn tag(&self) -> String {
        let named = match &self.packages()[..] {
            [] => self.requirements(),
            packages => packages.to_vec(),
        };
        let exact = |line: &&str| {
            let requirement = line.split(';').next().unwrap_or_default();
            match requirement.split_once("==") {
                Some((_, version)) => format!("{}-{}", name(requirement), version.trim()),
                None => name(requirement),
            }
        };
        let words: Vec<String> = named.iter().map(exact).collect();
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
        let text: String = words.join("-").chars().map(plain).take(MOST_LETTERS).collect();
        format!("{}-{}", text.trim_matches(['-', '.']), self.key().short())
            .trim_start_matches('-')
            .to_owned()
    }

    /// The requirements that hold, in order, as pip's sequence leaves them: a later installation of the SDK replaces
    /// an earlier one.
    pub fn requirements(&self) -> Vec<&str> {
        let mut lines: Vec<&str> = Vec::new();
        for install in &self.installs {
            for line in install.requirements.iter().map(String::as_str) {
                if name(line) == SDK {
                    lines.retain(|known| name(known) != SDK);
                }
                if !lines.contains(&line) {
                    lines.push(line);
                }
            }
        }
        lines
    }

    /// Distributions that come without what they require, by normalised name.
    pub fn alone(&self) -> BTreeSet<String> {
        let of = |wanted: bool| -> BTreeSet<String> {
            let installs = self.installs.iter().filter(|install| install.no_deps == wanted);
            installs.flat_map(|install| &install.requirements).map(|line| name(line)).collect()
        };
        // Whoever asks for the whole of it elsewhere gets the whole.
        &of(true) - &of(false)
    }

    /// Packages that a person would name: all but the SDK and what goes with it.
    pub fn packages(&self) -> Vec<&str> {
        let alone = self.alone();
        self.requirements().into_iter().filter(|line| !alone.contains(&name(line))).collect()
    }
}

/// A tag has at most 128 letters (*OCI distribution-spec 1.1, Pulling manifests*), and people read fewer.
const MOST_LETTERS: usize = 60;

/// The SDK's distribution.
const SDK: &str = "kfp";

/// The distribution that a requirement names (*PEP 508*), normalised.
fn name(requirement: &str) -> String {
    let end = requirement.find(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c));
    lightship_packages::python::normalise_name(
        requirement[..end.unwrap_or(requirement.len())].trim(),
    )
}
