//! Why a file cannot be the program of an image.

use std::io;
use std::path::{Path, PathBuf};

use lightship_base::{Category, Diagnose, Hint};
use lightship_packages::elf::ElfError;

/// Why a file cannot be the program of an image.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It is not there.
    #[error("`binary` under `[app]` names {}, which is not there", path.display())]
    Missing {
        /// Which file.
        path: PathBuf,
    },
    /// It is a folder, a link or a device.
    #[error("`binary` under `[app]` names {}, which is {}", path.display(), if *is_link { "a link" } else { "no file" })]
    NoFile {
        /// Which.
        path: PathBuf,
        /// Whether it is a link.
        is_link: bool,
    },
    /// The operating system refused.
    #[error("cannot read {}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is a script, or something else.
    #[error(
        "{} is no program that the kernel starts by itself: it is {}",
        path.display(),
        if *is_script { "a script" } else { "no ELF file" }
    )]
    NotElf {
        /// Which file.
        path: PathBuf,
        /// Whether it names an interpreter.
        is_script: bool,
    },
    /// It is a library or an object file.
    #[error("{} is an ELF file, but a library or an object file and no program", path.display())]
    NoProgram {
        /// Which file.
        path: PathBuf,
    },
    /// It cannot be understood.
    #[error("cannot understand {}", path.display())]
    Broken {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: ElfError,
    },
    /// It is for other machines.
    #[error("{} is for {found}, and the image is for {wanted}", path.display())]
    OtherProcessor {
        /// Which file.
        path: PathBuf,
        /// What it is for.
        found: String,
        /// What the image is for.
        wanted: String,
    },
    /// A pattern keeps it out of the image.
    #[error("`exclude` under `[app]` leaves out {}, the image's own program", path.display())]
    LeftOut {
        /// Which file.
        path: PathBuf,
    },
    /// The suite's C library is older than the one that it was linked with.
    #[error("{} needs version {needed} of the GNU C library, and the suite has {found}", path.display())]
    NewerGlibc {
        /// Which file.
        path: PathBuf,
        /// What its symbols ask for.
        needed: String,
        /// What the image would have.
        found: String,
    },
}

impl ProgramError {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

impl Diagnose for ProgramError {
    fn category(&self) -> Category {
        match self {
            Self::Io { source, .. } => Category::of_io(source),
            Self::Broken { source, .. } => source.category(),
            Self::Missing { .. } | Self::NoFile { .. } | Self::LeftOut { .. } => Category::Usage,
            Self::NotElf { .. }
            | Self::NoProgram { .. }
            | Self::OtherProcessor { .. }
            | Self::NewerGlibc { .. } => Category::BadInput,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        let hint = match self {
            Self::Missing { .. } => "build it first, or mend `binary`",
            Self::NoFile { is_link: true, .. } => "name the file that the link leads to",
            Self::NotElf { is_script: true, .. } => {
                "leave `binary` out, and name the script as `entrypoint` under `[image]`"
            }
            Self::OtherProcessor { .. } => {
                "build it for that processor, or choose its platform with `--platform`"
            }
            Self::LeftOut { .. } => "mend `exclude`",
            Self::NewerGlibc { .. } => {
                "link it statically, build it on that suite, or name a newer one as `suite` under `[base]`"
            }
            Self::NoFile { .. }
            | Self::Io { .. }
            | Self::NotElf { .. }
            | Self::NoProgram { .. }
            | Self::Broken { .. } => return Vec::new(),
        };
        vec![Hint::new(hint)]
    }
}
