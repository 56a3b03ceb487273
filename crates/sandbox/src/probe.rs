//! What this machine lets sandboxes do, found out by trying.

use std::path::Path;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::{Error, Helper};

/// One thing that a sandbox needs or would like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ability {
    /// Namespaces of its own. Without them there are no sandboxes.
    Namespaces,
    /// Layers joined by the kernel; without it they are copied.
    Overlay,
    /// A `/proc` of its own. Without it there are no sandboxes.
    Processes,
    /// A network of its own. Without it there are no sandboxes.
    Network,
    /// Filters for system calls. Without them there are no sandboxes.
    Filters,
    /// A limit on processor time that holds for all of a sandbox.
    CpuLimit,
    /// The same for memory.
    MemoryLimit,
    /// The same for the number of processes.
    ProcessLimit,
}

/// What happened when it was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// What was tried.
    pub ability: Ability,
    /// How it works, or why it does not.
    pub outcome: Result<String, String>,
}

/// The argument after the helper's own that makes it try things instead.
pub(crate) const ARGUMENT: &str = "probe";

/// Tries everything, in a process of its own. `folder` is where sandboxes have their folders; it must
/// exist.
pub fn probe(helper: &Helper, folder: &Path) -> Result<Vec<Trial>, Error> {
    let failed =
        |source| Error::Helper { attempt: "start", program: helper.program.clone(), source };
    let output = Command::new(&helper.program)
        .args(&helper.arguments)
        .arg(ARGUMENT)
        .arg(folder)
        .env_clear()
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .map_err(failed)?;
    serde_json::from_slice(&output.stdout).map_err(|error| failed(error.into()))
}
