//! What a Dockerfile tells about the image that its last stage makes: its base, its packages, its
//! command, and what of the context ends up where. Nothing runs: what only running would show (what a
//! script installs) is not in here.

mod copies;
#[cfg(test)]
mod hostile;
mod image;
mod install;
mod shell;
mod stage;
#[cfg(test)]
mod tests;
mod untaken;

use std::collections::BTreeMap;

pub use image::{BaseImage, PythonSeries};
pub use install::{Apt, Requirement};

use crate::{Dockerfile, Form};

/// Something that a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At<T> {
    /// What.
    pub value: T,
    /// Where, from 1: the first line of its instruction.
    pub line: u32,
}

/// What the last stage is. Where several lines say something about one thing, the last one counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The image that the chain of stages begins with.
    pub base: Option<At<BaseImage>>,
    /// Packages of the distribution, in order, each once.
    pub apt: Vec<At<Apt>>,
    /// What `pip` and its relatives install, in stages that the image takes files from too.
    pub python: Vec<At<Requirement>>,
    /// Variables, their own variables replaced.
    pub env: BTreeMap<String, At<String>>,
    /// Where commands start. Absolute.
    pub workdir: Option<At<String>>,
    /// Who runs.
    pub user: Option<At<String>>,
    /// Ports: `8080/tcp`.
    pub expose: Vec<At<String>>,
    /// What always runs.
    pub entrypoint: Option<At<Form>>,
    /// What runs, or the entry point's arguments.
    pub cmd: Option<At<Form>>,
    /// Labels.
    pub labels: BTreeMap<String, At<String>>,
    /// The signal that ends the program.
    pub stop_signal: Option<At<String>>,
    /// Volumes.
    pub volumes: Vec<At<String>>,
    /// What is copied from the context, in order.
    pub copies: Vec<At<Copied>>,
    /// What could not be understood, or is not taken over, for people.
    pub notes: Vec<At<String>>,
}

/// Files of the context, and where they end up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// Paths or patterns, from the context's folder.
    pub sources: Vec<String>,
    /// Where they go. Absolute.
    pub destination: String,
    /// Whether a single file goes into a folder of that name.
    pub into_folder: bool,
}

/// What a Dockerfile tells. Its build arguments have their defaults.
pub fn facts(file: &Dockerfile) -> Facts {
    stage::Reader::new(file).last_stage()
}
