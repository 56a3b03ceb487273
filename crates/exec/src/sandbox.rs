//! Attempts in sandboxes.

use std::io::PipeWriter;
use std::os::fd::OwnedFd;

use lightship_base::Diagnose as _;
use lightship_engine::{Failure, Reason};
use lightship_ir::Container;
use lightship_ir::exchange::Produced;
use lightship_sandbox::{Error, Fault, Held, Launcher, Sandbox, Stream, Streams};

use crate::attempt::{Attempt, spec};
use crate::images::Opened;
use crate::running::{Running, failure, gather};
use crate::volumes::Volumes;

/// Starts an attempt.
pub(crate) fn start(
    launcher: &Launcher,
    (attempt, container, image): (&Attempt, &Container, &Opened),
    volumes: &Volumes,
    printed: PipeWriter,
) -> Result<Running, Failure> {
    let mut spec = spec(attempt, container, &image.config, volumes)?;
    spec.mounts.splice(..0, attempt.mounts());
    let copy = printed.try_clone().map_err(|error| {
        Failure::new(Reason::Executor, format!("cannot hand over its log: {error}"))
    })?;
    let streams = Streams {
        input: Stream::Null,
        output: Stream::To(OwnedFd::from(copy)),
        error: Stream::To(OwnedFd::from(printed)),
    };
    let started = launcher.start(&image.root, spec, streams);
    started.map(Box::new).map(Running::Sandbox).map_err(|error| not_started(&error))
}

fn not_started(error: &Error) -> Failure {
    let mut message = lightship_base::with_causes(error);
    for hint in error.hints() {
        message += &format!("; {hint}");
    }
    if matches!(error, Error::Start(failure) if failure.fault == Fault::Machine) {
        message += "; where no sandbox can be had, `--executor process` runs steps without one, and \
                    `lightship doctor` says what is missing";
    }
    Failure::new(Reason::Start, message)
}

/// Waits for the end of an attempt, and takes what it made while its files are still there. To remove these takes longer
/// than a small task, and nobody has to wait for it: they come with it where it ended well.
pub(crate) fn wait(
    sandbox: Sandbox,
    attempt: &Attempt,
) -> Result<(Produced, Option<Held>), Failure> {
    let broken = |error: Error| Failure::new(Reason::Executor, lightship_base::with_causes(&error));
    let held = sandbox.wait_held().map_err(broken)?;
    if let Some(root) = held.root() {
        return Ok((gather(attempt, Some(root))?, Some(held)));
    }
    let ended = held.release().map_err(broken)?.end;
    if !ended.is_success() {
        return Err(failure(ended));
    }
    Ok((gather(attempt, None)?, None))
}
