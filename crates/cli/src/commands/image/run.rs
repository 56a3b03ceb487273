//! `lightship image run`: a command in an image.

use std::ffi::OsString;

use lightship_oci::spec::RunConfig;
use lightship_sandbox::{
    End, Grace, Limits, RootAccess, Sandbox, Spec, Stream, Streams, TerminalSize, User,
};
use signal_hook::iterator::Signals;

use super::super::{Context, Error, Outcome};
use crate::args::RunArgs;
use crate::images::Images;
use crate::sandboxes::{self, Sandboxes};
use crate::terminal::raw::RawTerminal;

/// Signals that are meant for the command when this program gets them.
const PASSED_ON: [i32; 6] = {
    use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
    [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2]
};

pub(super) fn run(args: &RunArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    try_run(args, context).map_err(Error::of_running)
}

fn try_run(args: &RunArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    sandboxes::enter_subordinate_ids()?;
    let settings = context.settings()?;
    let images = Images::new(&settings, args.registry.plain_http);
    let image = images.image(&args.reference, args.platform.platform.as_ref())?;
    let sandboxes = match &args.runtime {
        None => Sandboxes::open(&settings)?,
        Some(runtime) => Sandboxes::open(&settings)?.with_runtime(runtime, &settings)?,
    };
    let prepared = sandboxes.prepare(&images, &image, context.reading().as_ref())?;
    let spec = spec(args, &image.config().config, context);
    let terminal = spec.terminal.is_some();
    let streams = if terminal {
        Streams::default()
    } else {
        let input = if args.interactive { Stream::Inherit } else { Stream::Null };
        Streams { input, output: Stream::Inherit, error: Stream::Inherit }
    };
    let sandbox = sandboxes.launcher().start(&prepared, spec, streams)?;
    if !context.global.quiet {
        for note in &sandbox.notes {
            context.terminal.complain(&format!("note: {note}\n"));
        }
    }
    if context.global.verbose {
        let time = sandbox.start_time().as_secs_f64() * 1000.0;
        context.terminal.complain(&format!("note: started in {time:.1} ms\n"));
    }
    let outcome = attend(sandbox, args.interactive)?;
    if is_news(outcome.end) && !context.global.quiet {
        context.terminal.complain(&format!("note: the command {}\n", outcome.end));
    }
    Ok(Outcome::Program(outcome.end.exit_code()))
}

/// Whether an end says more than its exit code. A reader who has seen enough (SIGPIPE) and a person who
/// wants it to end know already.
fn is_news(end: End) -> bool {
    use signal_hook::consts::signal::{SIGHUP, SIGINT, SIGPIPE, SIGTERM};
    match end {
        End::Exited(_) => false,
        End::Signalled(signal) => ![SIGHUP, SIGINT, SIGPIPE, SIGTERM].contains(&i32::from(signal)),
        End::OutOfTime(_) | End::OutOfMemory | End::OutOfDisk(_) | End::OutOfProcesses(_) => true,
    }
}

/// What the image says, and what the command line says instead.
fn spec(args: &RunArgs, config: &RunConfig, context: &Context<'_>) -> Spec {
    let mut config = config.clone();
    if args.entrypoint.is_some() {
        // As with `docker run --entrypoint`: the image's arguments were meant for its own.
        config.entrypoint = None;
        config.cmd = None;
    }
    let arguments: Vec<OsString> = args.entrypoint.iter().chain(&args.command).cloned().collect();
    let mut spec = Spec::of_image(&config, &arguments);
    for variable in &args.variables {
        match variable.split_once('=') {
            Some((name, value)) => spec.set_variable(name, value),
            None => {
                if let Some(value) = context.environment.named(variable) {
                    spec.set_variable(variable, value);
                }
            }
        }
    }
    if let Some(folder) = &args.workdir {
        spec.folder = std::path::Path::new("/").join(folder);
    }
    if let Some(user) = &args.user {
        spec.user = User(user.clone());
    }
    if let Some(name) = &args.hostname {
        spec.host_name.clone_from(name);
    }
    spec.network = args.network.into();
    spec.mounts = args.mounts(context.environment);
    if args.read_only {
        spec.root = RootAccess::ReadOnly;
    }
    spec.limits = Limits {
        cpus: args.cpus,
        memory: args.memory.map(|size| size.0),
        processes: args.pids_limit,
        disk: args.disk.map(|size| size.0),
        time: args.time(),
        grace: Grace(args.stop_timeout.0),
    };
    spec.terminal = args.tty.then(terminal_size);
    spec
}

fn terminal_size() -> TerminalSize {
    let size = rustix::termios::tcgetwinsize(std::io::stdout());
    size.map_or(TerminalSize { rows: 24, columns: 80 }, |size| TerminalSize {
        rows: size.ws_row,
        columns: size.ws_col,
    })
}

/// Passes signals on and waits; with a terminal, also carries what is typed in and what is shown out.
fn attend(mut sandbox: Sandbox, interactive: bool) -> Result<lightship_sandbox::Outcome, Error> {
    let mut signals = Signals::new(PASSED_ON).map_err(Error::Output)?;
    let handle = signals.handle();
    let signaller = sandbox.signaller();
    let passing = std::thread::spawn(move || {
        for signal in signals.forever() {
            signaller.send(signal);
        }
    });
    let carried = match sandbox.terminal.take() {
        Some(terminal) => Some(RawTerminal::carry(terminal, interactive)?),
        None => None,
    };
    let outcome = sandbox.wait();
    if let Some(carried) = carried {
        carried.finish();
    }
    handle.close();
    let _ = passing.join();
    Ok(outcome?)
}
