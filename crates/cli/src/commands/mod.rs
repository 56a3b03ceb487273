//! From a parsed command line to the work. Each command is one module: it takes its arguments and the
//! [`Context`], calls the libraries, and renders what they return.

mod audit;
mod build;
mod completions;
mod doctor;
mod error;
mod image;
mod init;
mod lock;
mod locked;
mod man;
mod pipeline;
mod sbom;
mod start;
mod store;
mod vendor;
mod verify;
mod welcome;
mod whole;

use std::io::Write as _;
use std::sync::Arc;

use lightship_base::Progress;

use crate::args::{Command, Format, GlobalArgs};
use crate::exit_code::ExitCode;
use crate::progress::{self, Trace};
use crate::render::json::{self, Document};
use crate::settings::{Environment, Settings};
use crate::terminal::Terminal;

pub use error::Error;
pub use pipeline::PipelineError;
pub use verify::CheckError;

/// What every command is handed.
#[derive(Debug)]
pub struct Context<'a> {
    /// Options that every command takes.
    pub global: GlobalArgs,
    /// What the process inherited; commands use [`Context::settings`].
    pub environment: &'a Environment,
    /// Where output goes.
    pub terminal: &'a mut Terminal,
}

/// How a command that did its work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing to object to.
    Fine,
    /// There is a verdict or finding at the asked level.
    Findings,
    /// A program ran to its end; this is its exit code.
    Program(u8),
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Fine => Self::Fine,
            Outcome::Findings => Self::Findings,
            Outcome::Program(code) => Self::Program(code),
        }
    }
}

impl Context<'_> {
    /// What the environment decides; called by commands that touch a store, a registry or an image, so
    /// that the others work without a home folder. Sets up the worker threads, so once per process.
    /// With `--verbose` says what is in force.
    pub fn settings(&mut self) -> Result<Settings, Error> {
        let settings = Settings::read(self.environment, self.global.home.as_deref())?;
        if let Some(jobs) = settings.jobs {
            rayon::ThreadPoolBuilder::new()
                .num_threads(jobs.get())
                .build_global()
                .map_err(|source| Error::Threads { jobs, source })?;
        }
        if self.global.verbose {
            let notes = crate::settings::notes(&settings);
            self.terminal.complain(&notes);
        }
        Ok(settings)
    }

    /// Writes a result: as JSON for programs, else what `text` makes of it.
    pub fn emit<T: Document>(
        &mut self,
        format: Format,
        document: &T,
        text: impl FnOnce() -> String,
    ) -> Result<(), Error> {
        match format {
            Format::Json => json::write(&mut self.terminal.out.exact(), document)?,
            Format::Text => self.terminal.out.write_all(text().as_bytes())?,
        }
        Ok(())
    }

    /// Who watches bytes move; a line stays of each transfer.
    pub fn progress(&self) -> Arc<dyn Progress> {
        progress::watcher(&self.terminal.err.look, self.global.quiet, Trace::Line)
    }

    /// Who watches while something is read; nothing stays of it.
    pub fn reading(&self) -> Arc<dyn Progress> {
        progress::watcher(&self.terminal.err.look, self.global.quiet, Trace::Nothing)
    }
}

/// Does what was asked; without a command, shows the first screen.
pub fn run(command: Option<Command>, context: &mut Context<'_>) -> Result<Outcome, Error> {
    match command {
        None => welcome::run(context),
        Some(Command::Build(arguments)) => build::run(&arguments, context),
        Some(Command::Bake(arguments)) => pipeline::bake::run(&arguments, context),
        Some(Command::Run(arguments)) => pipeline::run::run(&arguments, context),
        Some(Command::Runs(command)) => pipeline::runs::run(&command, context),
        Some(Command::Artifacts(command)) => pipeline::artifacts::run(&command, context),
        Some(Command::Cache(command)) => pipeline::cache::run(&command, context),
        Some(Command::Lock(arguments)) => lock::run(&arguments, context),
        Some(Command::Vendor(arguments)) => vendor::run(&arguments, context),
        Some(Command::Init(arguments)) => init::run(&arguments, context),
        Some(Command::Verify(arguments)) => verify::run(&arguments, context),
        Some(Command::Audit(arguments)) => audit::run(&arguments, context),
        Some(Command::Sbom(arguments)) => sbom::run(&arguments, context),
        Some(Command::Image(command)) => image::run(&command, context),
        Some(Command::Store(command)) => store::run(&command, context),
        Some(Command::Doctor(arguments)) => doctor::run(&arguments, context),
        Some(Command::Completions(arguments)) => completions::run(&arguments, context),
        Some(Command::Man(arguments)) => man::run(&arguments, context),
    }
}
