//! Running `uv` in the root that the image will have.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lightship_base::ByteSize;
use lightship_oci::spec::RunConfig;
use lightship_sandbox::snapshot::Prepared;
use lightship_sandbox::{
    Grace, Launcher, Limits, Mount, MountContent, Network, Spec, Stream, Streams,
};

use super::Error;
use super::interpreter::{Access, Interpreter, Job, Ran, Shared};
use crate::verify::capture::{KEPT, Reading};

/// So many processes may a build have: compilers start a few each.
const MOST_PROCESSES: u32 = 2048;

/// Runs commands in a root with a Python in it, in a sandbox.
#[derive(Debug, Clone)]
pub struct Sandboxed<'a> {
    /// Starts sandboxes.
    pub launcher: &'a Launcher,
    /// The root.
    pub root: &'a Prepared,
    /// Where its Python is: `/usr/bin/python3`.
    pub python: PathBuf,
    /// How much may be written into the root; it is thrown away afterwards.
    pub disk: Option<ByteSize>,
}

impl Interpreter for Sandboxed<'_> {
    fn run(&self, job: &Job) -> Result<Ran, Error> {
        let failed = |source| Error::Sandbox { attempt: job.attempt, source: Box::new(source) };
        let streams = Streams { input: Stream::Null, output: Stream::Pipe, error: Stream::Pipe };
        let mut sandbox =
            self.launcher.start(self.root, self.spec(job), streams).map_err(failed)?;
        let stdout = Reading::of(sandbox.output.take(), KEPT);
        let stderr = Reading::of(sandbox.error.take(), KEPT);
        let end = sandbox.wait().map_err(failed)?.end;
        Ok(Ran::new(end.is_success(), &end.to_string(), &stdout.finish(), &stderr.finish()))
    }

    fn path(&self, _: &[Shared], inside: &str) -> String {
        inside.to_owned()
    }

    fn is_isolated(&self) -> bool {
        true
    }
}

impl Sandboxed<'_> {
    fn spec(&self, job: &Job) -> Spec {
        let word = |word: &super::Word| OsString::from(word.resolve(&self.python, str::to_owned));
        let mut spec = Spec::of_image(&RunConfig::default(), &[]);
        spec.command = job.command.iter().map(word).collect();
        for (name, value) in &job.environment {
            spec.set_variable(name, word(value));
        }
        spec.network = if job.network { Network::Host } else { Network::None };
        spec.mounts = job.shared.iter().map(mount).collect();
        spec.limits = Limits {
            processes: Some(MOST_PROCESSES),
            disk: self.disk,
            time: Some(job.time),
            grace: Grace(Duration::from_secs(2)),
            ..Limits::default()
        };
        spec
    }
}

fn mount(shared: &Shared) -> Mount {
    let outside = shared.outside.clone();
    Mount {
        target: Path::new(&shared.inside).to_owned(),
        content: match shared.access {
            Access::Read => MountContent::ReadOnly(outside),
            Access::Write => MountContent::Writable(outside),
            Access::Scratch => MountContent::CopyOnWrite(outside),
        },
    }
}
