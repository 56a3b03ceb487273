//! `lightship`: the composition root.
//!
//! The only crate that reads the environment, the clock and the working folder, that prints, and
//! that ends the process. Arguments become checked values (`args`), the environment becomes settings
//! (`settings`), commands call the libraries and hand what they return to `render`; every way out
//! goes through the one table of exit codes (`exit_code`).

pub mod args;
pub mod bug;
pub mod commands;
pub mod exit_code;
pub mod images;
pub mod lean;
pub mod progress;
pub mod render;
pub mod sandboxes;
pub mod settings;
pub mod terminal;
pub mod views;

use std::ffi::OsString;
use std::io::{self, Write as _};

use commands::{Context, Error};
use exit_code::ExitCode;
use lightship_exec::process::supervisor;
use settings::Environment;
use terminal::Terminal;

fn main() -> std::process::ExitCode {
    // A helper of a sandbox is this program once more. It forks, so nothing may run before it.
    if std::env::args_os().nth(1).is_some_and(|word| word == lightship_sandbox::helper::ARGUMENT) {
        lightship_sandbox::helper::main();
    }
    if std::env::args_os().nth(1).is_some_and(|word| word == supervisor::ARGUMENT) {
        return supervisor::main();
    }
    bug::install_hook();
    let environment = Environment::of_process();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let color = args::color_wish(&arguments);
    let mut terminal = Terminal::of_process(&environment, color);
    let code = run(arguments, &environment, &mut terminal);
    finish(&mut terminal, code).into()
}

/// Parses, dispatches, and reports what went wrong.
fn run(arguments: Vec<OsString>, environment: &Environment, terminal: &mut Terminal) -> ExitCode {
    let cli = match args::parse(arguments, terminal.help_width()) {
        Ok(cli) => cli,
        Err(stop) => return show(&stop, terminal),
    };
    let mut context = Context { global: cli.global, environment, terminal };
    match commands::run(cli.command, &mut context) {
        Ok(outcome) => outcome.into(),
        Err(error) => fail(&error, context.terminal),
    }
}

/// Help and version are asked for and go to standard output; complaints go to standard error.
fn show(stop: &clap::Error, terminal: &mut Terminal) -> ExitCode {
    let text = stop.render().ansi().to_string();
    if stop.use_stderr() {
        terminal.complain(&text);
        return ExitCode::Usage;
    }
    match terminal.out.write_all(text.as_bytes()) {
        Ok(()) => ExitCode::Fine,
        Err(error) => fail(&Error::Output(error), terminal),
    }
}

fn fail(error: &Error, terminal: &mut Terminal) -> ExitCode {
    let text = render::failure(error, &terminal.err.look);
    terminal.complain(&text);
    error.exit_code()
}

/// Nothing was said until it was flushed: a full disk behind `> report.json` must not end in 0.
fn finish(terminal: &mut Terminal, code: ExitCode) -> ExitCode {
    let flushed: io::Result<()> = terminal.out.flush();
    match flushed {
        Err(error) if code == ExitCode::Fine || code == ExitCode::Findings => {
            fail(&Error::Output(error), terminal)
        }
        // What failed first has been told already.
        Ok(()) | Err(_) => code,
    }
}
