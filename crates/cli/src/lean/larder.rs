//! What the builds of one command share: opened or found out once, whoever asks first.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use lightship_build::lean::{Lists, Opened};
use lightship_build::notebooks::Notebooks;
use lightship_build::resolve::Uv;

use super::workbench::Bench;

/// What the builds of one command share.
pub struct Larder {
    /// What earlier runs found out about files.
    pub notebooks: Notebooks,
    /// Lists of the distribution's packages.
    pub(super) lists: Arc<Lists>,
    /// Packages that were opened.
    pub(super) opened: Arc<Opened>,
    /// The machine's uv.
    pub(super) uv: OnceLock<Uv>,
    benches: Mutex<HashMap<String, Bench>>,
}

impl Larder {
    /// With what earlier runs noted in a folder.
    pub(super) fn at(facts: PathBuf) -> Self {
        Self {
            notebooks: Notebooks::at(facts),
            lists: Arc::default(),
            opened: Arc::default(),
            uv: OnceLock::new(),
            benches: Mutex::default(),
        }
    }

    /// A root that somebody made.
    pub(super) fn bench(&self, key: &str) -> Option<Bench> {
        self.benches().get(key).cloned()
    }

    /// Leaves a root to whoever needs the same.
    pub(super) fn leave_bench(&self, key: &str, bench: Bench) {
        self.benches().insert(key.to_owned(), bench);
    }

    fn benches(&self) -> MutexGuard<'_, HashMap<String, Bench>> {
        self.benches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
