//! An image for one program of the user's: what the program is, and what it reads of a system.

mod error;
mod mentions;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use lightship_codec::tar::RootPath;
use lightship_packages::elf::{Kind, Needs};
use lightship_packages::parcel::{Content, Item, ItemKind};

use crate::app::{Collected, content_of};
use crate::base::{Data, Purpose};
use crate::lean;

pub use error::ProgramError;
use mentions::Mentions;

/// An executable of the user's.
#[derive(Debug, Clone)]
pub struct Program {
    /// Where it is on this machine.
    pub path: PathBuf,
    /// What it asks of the loader.
    pub needs: Needs,
    mentions: Mentions,
}

/// Whether data gets into the image, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The setting that it is about: `zones`.
    pub key: &'static str,
    /// Which data that is: `time zones`.
    pub what: &'static str,
    /// Whether it gets in.
    pub wanted: bool,
    /// Who says so, as half a sentence: "because the program mentions `/etc/ssl/certs`".
    pub because: String,
}

/// What the user says about data; `None` leaves it to what the program mentions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wish {
    /// The certificate authorities.
    pub certificates: Option<bool>,
    /// The time zones.
    pub zones: Option<bool>,
}

impl Program {
    /// Looks at a file, which has to be a program for this processor (`amd64`, as Debian calls it).
    pub fn read(path: &Path, architecture: &str) -> Result<Self, ProgramError> {
        let metadata = std::fs::symlink_metadata(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => ProgramError::Missing { path: path.to_owned() },
            _ => ProgramError::io(path)(error),
        })?;
        if !metadata.is_file() {
            return Err(ProgramError::NoFile {
                path: path.to_owned(),
                is_link: metadata.is_symlink(),
            });
        }
        let content = content_of(path.to_owned(), &metadata);
        let needs = Needs::read(&content)
            .map_err(|source| ProgramError::Broken { path: path.to_owned(), source })?;
        let Some(needs) = needs else {
            let is_script = content.head(2).map_err(ProgramError::io(path))? == b"#!";
            return Err(ProgramError::NotElf { path: path.to_owned(), is_script });
        };
        Self::check(path, &needs, architecture)?;
        let mentions = Mentions::read(&content).map_err(ProgramError::io(path))?;
        Ok(Self { path: path.to_owned(), needs, mentions })
    }

    fn check(path: &Path, needs: &Needs, architecture: &str) -> Result<(), ProgramError> {
        // A library that can be started as well is rare; one that is named by mistake is not.
        let is_library = needs.kind == Kind::Dynamic
            && needs.interpreter.is_none()
            && (needs.soname.is_some() || !needs.needed.is_empty());
        if is_library || !matches!(needs.kind, Kind::Executable | Kind::Dynamic) {
            return Err(ProgramError::NoProgram { path: path.to_owned() });
        }
        match lean::machine(architecture) {
            Some(wanted) if wanted != (needs.class, needs.machine) => {
                Err(ProgramError::OtherProcessor {
                    path: path.to_owned(),
                    found: needs.machine.to_string(),
                    wanted: architecture.to_owned(),
                })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether it runs without a loader and libraries.
    pub fn is_static(&self) -> bool {
        self.needs.interpreter.is_none() && self.needs.needed.is_empty()
    }

    /// What data its image gets.
    pub fn decide(&self, wish: Wish) -> [Decision; 2] {
        let one = |key, what, wish: Option<bool>, mention: Option<&str>| {
            let (wanted, because) = match (wish, mention) {
                (Some(wanted), _) => (wanted, "because the settings say so".to_owned()),
                (None, Some(text)) => (true, format!("because the program mentions `{text}`")),
                (None, None) if !self.is_static() => {
                    (true, "because the program's libraries may read them".to_owned())
                }
                (None, None) => {
                    (false, "because the program mentions no place where they are".to_owned())
                }
            };
            Decision { key, what, wanted, because }
        };
        [
            one("certificates", "certificates", wish.certificates, self.mentions.certificates),
            one("zones", "time zones", wish.zones, self.mentions.zones),
        ]
    }

    /// What its image is for. `further`: whether other programs are wanted in it.
    pub fn purpose(&self, decisions: &[Decision; 2], further: bool) -> Purpose {
        let [certificates, zones] = decisions;
        let data = Data { certificates: certificates.wanted, zones: zones.wanted };
        if self.is_static() && !further { Purpose::Bare(data) } else { Purpose::Program(data) }
    }

    /// What a lock depends on of it: its loader and its libraries. `None` for one that needs neither.
    pub fn natives(&self) -> Option<String> {
        let loader = self.needs.interpreter.iter();
        let words: Vec<&str> = loader.chain(&self.needs.needed).map(String::as_str).collect();
        (!words.is_empty()).then(|| words.join(" "))
    }

    /// Makes sure that the program is among the files for an image, and may be executed there.
    pub fn place(
        &self,
        mut collected: Collected,
        at: &RootPath,
    ) -> Result<Collected, ProgramError> {
        let item = collected.parcel.items.iter_mut().find(|item| item.path == *at);
        match item {
            Some(Item { kind: ItemKind::File { mode, .. }, .. }) => {
                *mode = 0o755;
                Ok(collected)
            }
            Some(_) | None => Err(ProgramError::LeftOut { path: self.path.clone() }),
        }
    }

    /// The error for a program that was linked with a newer C library than the image's; `version` is
    /// that of the package `libc6`.
    pub fn check_glibc(&self, version: &str) -> Result<(), ProgramError> {
        let Some(needed) = self.needs.oldest_glibc() else { return Ok(()) };
        let mut numbers = version.split(|c: char| !c.is_ascii_digit());
        let (major, minor) = (numbers.next(), numbers.next());
        let number = |text: Option<&str>| text.and_then(|text| text.parse::<u16>().ok());
        let (Some(major), Some(minor)) = (number(major), number(minor)) else { return Ok(()) };
        if (needed.major, needed.minor) <= (major, minor) {
            return Ok(());
        }
        Err(ProgramError::NewerGlibc {
            path: self.path.clone(),
            needed: needed.to_string(),
            found: format!("{major}.{minor}"),
        })
    }
}

/// The place of a program in an image.
pub fn place(destination: &RootPath, path: &str) -> RootPath {
    let name = path.rsplit('/').next().unwrap_or(path);
    destination.join(name.as_bytes()).unwrap_or_else(|_| destination.clone())
}

/// The bytes of a program, for whoever looks through native code.
pub fn item(program: &Program, at: &RootPath) -> io::Result<Item> {
    let metadata = std::fs::symlink_metadata(&program.path)?;
    let content: Content = content_of(program.path.clone(), &metadata);
    Ok(Item { path: at.clone(), kind: ItemKind::File { mode: 0o755, content } })
}
