//! Who makes a sandbox's walls.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Who makes the namespaces, mounts and limits of a sandbox and starts the command in them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// Lightship's own launcher.
    #[default]
    Own,
    /// A program that obeys the *OCI runtime-spec*: `runc`, `crun`, `youki`; its path, with a slash.
    ///
    /// Lightship still joins the layers, keeps the time and disk limits and clears up. What differs for
    /// the command: it is process 1 itself, hence a signal that it does not handle does not end it; and
    /// the filter lets system calls through that are newer than it. There is no terminal. The times and
    /// peak memory of an [`Outcome`](crate::Outcome) contain the runtime's own.
    Runtime(PathBuf),
}
