//! A pipeline's file, read and checked.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use lightship_ir::{MAX_BYTES, Package, Plan};

use super::{PipelineError, compile};
use crate::args::CompileArgs;
use crate::commands::{Context, Error};
use crate::settings::Settings;

/// A pipeline as it is written, and what it means.
pub(super) struct Pipeline {
    pub(super) package: Package,
    pub(super) plan: Plan,
}

impl Pipeline {
    /// Reads a compiled pipeline, or compiles one that is written in Python.
    pub(super) fn open(
        path: &Path,
        args: &CompileArgs,
        (settings, offline): (&Settings, bool),
        context: &Context<'_>,
    ) -> Result<Self, Error> {
        match compile::compiled(path, args, (settings, offline), context)? {
            Some(bytes) => Self::understand(path, &bytes),
            None => Self::read(path),
        }
    }

    /// Reads a compiled pipeline.
    pub(super) fn read(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io("read", path))?;
        let mut bytes = Vec::new();
        // One more than there may be: the reader of packages says that it is too much.
        let most = MAX_BYTES as u64 + 1;
        file.take(most).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
        Self::understand(path, &bytes)
    }

    fn understand(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let package = Package::read(bytes)
            .map_err(|source| PipelineError::Package { path: path.to_owned(), source })?;
        let plan = Plan::compile(&package)
            .map_err(|source| PipelineError::Problems { path: path.to_owned(), source })?;
        Ok(Self { package, plan })
    }
}
