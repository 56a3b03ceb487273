//! One attempt: what it is told, what it sees, and what it wrote.

mod kubernetes;
mod outputs;
mod spec;

use std::fs;
use std::path::{Path, PathBuf};

use lightship_engine::{Failure, Launch, Reason};
use lightship_ir::exchange::{Exchange, Outputs, PARAMETER_FOLDER, local_path};
use lightship_ir::template::Context;
use lightship_ir::{Component, Container, WORKSPACE_PATH};
use lightship_sandbox::{Mount, MountContent};

use crate::artifacts::place;
use crate::volumes;

pub(crate) use outputs::collect;
pub(crate) use spec::spec;

/// The folders of an attempt on this machine.
#[derive(Debug, Clone)]
pub(crate) struct Folders {
    /// What it prints.
    pub(crate) log: PathBuf,
    /// The files of its output parameters.
    pub(crate) parameters: PathBuf,
    /// Its output artifacts, and its account of them.
    pub(crate) root: PathBuf,
    /// What all tasks of the run share.
    pub(crate) workspace: PathBuf,
}

/// What an attempt is given.
pub(crate) struct Attempt<'l> {
    pub(crate) launch: &'l Launch,
    pub(crate) exchange: Exchange,
    pub(crate) folders: Folders,
}

impl<'l> Attempt<'l> {
    /// Makes its folders, below the one of its run.
    pub(crate) fn new(launch: &'l Launch, run: &Path) -> Result<Self, Failure> {
        let outputs = Outputs::below(&launch.root, &launch.plan.component_of(launch.task).outputs);
        let own = run.join(format!("{}-{}", launch.id.node, launch.id.attempt));
        let root = place(&launch.root).ok_or_else(|| {
            let message = format!("artifacts cannot be kept at {} here", launch.root);
            Failure::new(Reason::Start, message)
        })?;
        let folders = Folders {
            log: own.join("log"),
            parameters: own.join("parameters"),
            root: root.to_owned(),
            workspace: run.join("workspace"),
        };
        let exchange = Exchange { inputs: launch.inputs.clone(), outputs };
        let attempt = Self { launch, exchange, folders };
        attempt.make_folders()?;
        Ok(attempt)
    }

    pub(crate) fn component(&self) -> &Component {
        self.launch.plan.component_of(self.launch.task)
    }

    /// What its texts are completed with.
    pub(crate) fn context(&self) -> Context<'_> {
        let declared = &self.component().inputs;
        Context { exchange: &self.exchange, facts: &self.launch.facts, declared }
    }

    /// What it runs, where it is a container.
    pub(crate) fn image(&self, container: &Container) -> Result<String, Failure> {
        container.image.render(&self.context()).map_err(|error| text("image", &error))
    }

    fn make_folders(&self) -> Result<(), Failure> {
        let Folders { parameters, root, workspace, .. } = &self.folders;
        let mut folders = vec![parameters.clone(), root.clone()];
        if self.launch.plan.config.workspace.is_some() {
            folders.push(workspace.clone());
        }
        // A parent of each output, as upstream's launcher makes it.
        folders.extend(self.exchange.outputs.folders().iter().filter_map(|folder| {
            Path::new(folder)
                .strip_prefix(local_path(&self.launch.root))
                .ok()
                .map(|it| root.join(it))
        }));
        for folder in folders {
            volumes::make(&folder).map_err(|error| {
                let message = format!("cannot make {}: {error}", folder.display());
                Failure::new(Reason::Start, message)
            })?;
        }
        Ok(())
    }

    /// Its own folders, and the artifacts that it takes.
    pub(crate) fn mounts(&self) -> Vec<Mount> {
        let Folders { parameters, root, workspace, .. } = &self.folders;
        let writable = |target: &str, folder: &Path| Mount {
            target: target.into(),
            content: MountContent::Writable(folder.to_owned()),
        };
        let mut mounts = vec![
            writable(PARAMETER_FOLDER, parameters),
            writable(&local_path(&self.launch.root), root),
        ];
        if self.launch.plan.config.workspace.is_some() {
            mounts.push(writable(WORKSPACE_PATH, workspace));
        }
        for artifact in self.exchange.inputs.artifacts.values().flatten() {
            let target = PathBuf::from(artifact.path());
            let known = mounts.iter().any(|mount| mount.target == target);
            if let Some(path) = place(&artifact.uri).filter(|path| path.exists() && !known) {
                mounts.push(Mount { target, content: MountContent::CopyOnWrite(path.to_owned()) });
            }
        }
        mounts
    }

    /// Removes the files that only this attempt needed; its log and artifacts stay.
    pub(crate) fn clean_up(&self) {
        // What cannot be removed now is removed with the run.
        let _ = fs::remove_dir_all(&self.folders.parameters);
    }
}

/// A text of the pipeline that cannot be completed.
pub(crate) fn text(what: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Reason::Inputs, format!("its {what} cannot be completed: {error}"))
}
