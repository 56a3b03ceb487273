//! `lightship runs graph`.

use std::path::Path;

use super::super::read::Pipeline;
use super::super::record::Record;
use crate::args::{Format, GraphFormat, RunsGraphArgs};
use crate::commands::{Context, Error, Outcome};
use crate::views::runs::graph::GraphDocument;

pub(super) fn run(args: &RunsGraphArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let document = document(&args.what, context)?;
    let look = context.terminal.out.look;
    match args.format {
        GraphFormat::Text => context.emit(Format::Text, &document, || document.text(&look))?,
        GraphFormat::Json => context.emit(Format::Json, &document, String::new)?,
        GraphFormat::Dot => context.terminal.out.exact().write_all(document.dot().as_bytes())?,
        GraphFormat::Mermaid => {
            context.terminal.out.exact().write_all(document.mermaid().as_bytes())?;
        }
    }
    Ok(Outcome::Fine)
}

/// A file, where there is one or it is called like one; else a run.
fn document(what: &str, context: &mut Context<'_>) -> Result<GraphDocument, Error> {
    let path = Path::new(what);
    let endings = ["yaml", "yml", "json", "zip", "gz"];
    let ending = path.extension().and_then(|ending| ending.to_str());
    if path.is_file() || ending.is_some_and(|ending| endings.contains(&ending)) {
        return Ok(GraphDocument::new(&Pipeline::read(path)?.plan, None));
    }
    let settings = context.settings()?;
    let record = Record::open(&settings)?;
    let run = record.named(what)?;
    let (plan, tree) = (record.plan(&run)?, record.tree(&run)?);
    Ok(GraphDocument::new(&plan, Some((run.as_str(), &tree))))
}
