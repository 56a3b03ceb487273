//! `lightship init`: what was inferred about a project, as a file to change.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};

use lightship_build::project::{self, Project};

use super::{Context, Error, Outcome};
use crate::args::InitArgs;
use crate::settings::project::{FILE_NAME, Project as ProjectFile};

pub(super) fn run(args: &InitArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    if !args.folder.is_dir() {
        return Err(Error::NoProject { path: args.folder.clone() });
    }
    let path = args.folder.join(FILE_NAME);
    if !args.print && path.exists() {
        return Err(Error::WouldOverwrite { path });
    }
    let folder = std::path::absolute(&args.folder).map_err(Error::io("find", &args.folder))?;
    let settings = ProjectFile::of_folder(&folder)?.settings;
    let text = project::init(&Project::read(&folder, settings, None)?);
    if args.print {
        context.terminal.out.write_all(text.as_bytes())?;
        return Ok(Outcome::Fine);
    }
    let mut file = match OpenOptions::new().write(true).create_new(true).open(&path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(Error::WouldOverwrite { path });
        }
        opened => opened.map_err(Error::io("create", &path))?,
    };
    file.write_all(text.as_bytes()).map_err(Error::io("write", &path))?;
    if !context.global.quiet {
        writeln!(context.terminal.out, "wrote {}", path.display())?;
    }
    Ok(Outcome::Fine)
}
