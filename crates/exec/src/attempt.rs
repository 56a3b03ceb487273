//! One attempt: what it is told, what it sees, and what it wrote.

mod kubernetes;
mod outputs;
mod produced;
mod spec;

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use lightship_engine::{AttemptId, Failure, Launch, Reason};
use lightship_ir::exchange::{Exchange, Outputs, PARAMETER_FOLDER, local_path};
use lightship_ir::template::Context;
use lightship_ir::{Component, Container, WORKSPACE_PATH};
use lightship_sandbox::{Mount, MountContent};

use crate::artifacts::place;
use crate::beneath::Folder;
use crate::volumes;

pub(crate) use outputs::collect;
pub(crate) use produced::settle;
pub(crate) use spec::{room, spec};

/// The folders of an attempt on this machine.
#[derive(Debug, Clone)]
pub(crate) struct Folders {
    /// Where all of the following are that are its own.
    pub(crate) own: PathBuf,
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
pub(crate) struct Attempt {
    pub(crate) launch: Launch,
    pub(crate) exchange: Exchange,
    pub(crate) folders: Folders,
}

/// The folder of an attempt, in the one of its run.
pub(crate) fn own_folder(run: &Path, id: &AttemptId) -> PathBuf {
    run.join(format!("{}-{}", id.node, id.attempt))
}

/// The file of what an attempt prints, in its folder.
pub(crate) const LOG: &str = "log";

impl Attempt {
    /// Says what it will be given. Nothing is made yet.
    pub(crate) fn new(launch: Launch, run: &Path) -> Result<Self, Failure> {
        let declared = &launch.plan.component_of(launch.task).outputs;
        for name in declared.parameters.keys().chain(declared.artifacts.keys()) {
            check_name(name)?;
        }
        let outputs = Outputs::below(&launch.root, declared);
        let own = own_folder(run, &launch.id);
        let root = place(&launch.root).ok_or_else(|| {
            let message = format!("artifacts cannot be kept at {} here", launch.root);
            Failure::new(Reason::Start, message)
        })?;
        let folders = Folders {
            log: own.join(LOG),
            parameters: own.join("parameters"),
            own,
            root: root.to_owned(),
            workspace: run.join("workspace"),
        };
        let exchange = Exchange { inputs: launch.inputs.clone(), outputs };
        Ok(Self { launch, exchange, folders })
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

    /// Makes its folders, below the one of its run.
    pub(crate) fn make_folders(&self) -> Result<(), Failure> {
        let Folders { own, parameters, root, workspace, .. } = &self.folders;
        // Secrets may be in it: it is nobody else's.
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(own);
        made.map_err(|error| cannot_make(own, &error))?;
        let open =
            |folder: &Path| volumes::make(folder).map_err(|error| cannot_make(folder, &error));
        open(parameters)?;
        open(root)?;
        if self.has_workspace() {
            open(workspace)?;
        }
        Ok(())
    }

    pub(crate) fn has_workspace(&self) -> bool {
        self.launch.plan.config.workspace.is_some()
    }

    /// Its own folders, and the artifacts that it takes.
    pub(crate) fn mounts(&self) -> Vec<Mount> {
        let Folders { parameters, root, workspace, .. } = &self.folders;
        let mount = |target: &str, content: MountContent| Mount { target: target.into(), content };
        let mut mounts = vec![
            mount(PARAMETER_FOLDER, MountContent::Counted(parameters.clone())),
            mount(&local_path(&self.launch.root), MountContent::Counted(root.clone())),
        ];
        if self.has_workspace() {
            mounts.push(mount(WORKSPACE_PATH, MountContent::Writable(workspace.clone())));
        }
        for artifact in self.exchange.inputs.artifacts.values().flatten() {
            // What is in the workspace is seen there as well. Releases of the SDK that do not know of it look for it
            // where its URI says.
            let target =
                if artifact.in_workspace() { local_path(&artifact.uri) } else { artifact.path() };
            let target = PathBuf::from(target);
            let known = mounts.iter().any(|mount| mount.target == target);
            let place = place(&artifact.uri).filter(|_| !known);
            // Not `exists`, which follows a link that a task may have put there.
            let place = place.filter(|path| {
                path.symlink_metadata().is_ok_and(|about| about.is_file() || about.is_dir())
            });
            if let Some(path) = place {
                mounts.push(Mount { target, content: MountContent::CopyOnWrite(path.to_owned()) });
            }
        }
        mounts
    }

    /// Removes the files that only this attempt needed; its log and artifacts stay.
    pub(crate) fn clean_up(&self) {
        for entry in fs::read_dir(&self.folders.own).into_iter().flatten().flatten() {
            // What cannot be removed now is removed with the run.
            let _ = match entry.file_type() {
                Ok(kind) if kind.is_dir() => fs::remove_dir_all(entry.path()),
                _ if entry.file_name() != LOG => fs::remove_file(entry.path()),
                _ => Ok(()),
            };
        }
    }

    /// The folder of its artifacts, in which no link of the task's is followed.
    pub(crate) fn root(&self) -> Result<Folder, Failure> {
        let root = &self.folders.root;
        Folder::open(root).map_err(|error| {
            let message = format!("cannot open {}: {error}", root.display());
            Failure::new(Reason::Outputs, message)
        })
    }
}

/// An output is a file of its name: one that is none would lead out of its folder.
fn check_name(name: &str) -> Result<(), Failure> {
    let fits = !name.is_empty()
        && name != "."
        && name != ".."
        && name.len() <= 255
        && !name.contains(['/', '\0']);
    if fits {
        return Ok(());
    }
    let message = format!("its output `{}` has a name that no file can have", name.escape_debug());
    Err(Failure::new(Reason::Start, message))
}

/// A text of the pipeline that cannot be completed.
pub(crate) fn text(what: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Reason::Inputs, format!("its {what} cannot be completed: {error}"))
}

fn cannot_make(folder: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Reason::Start, format!("cannot make {}: {error}", folder.display()))
}
