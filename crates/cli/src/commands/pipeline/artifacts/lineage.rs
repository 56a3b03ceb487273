//! `lightship artifacts lineage`.

use std::num::NonZeroU32;

use lightship_base::{Clock as _, SystemClock};
use lightship_store::Direction;

use super::find::{failed, find};
use crate::args::{Format, LineageArgs, LineageFormat};
use crate::commands::pipeline::record::Record;
use crate::commands::{Context, Error, Outcome};
use crate::views::artifacts::lineage::{LineageDocument, Point, dot, mermaid};

pub(super) fn run(args: &LineageArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let record = Record::open(&settings)?;
    let uri = find(&record, &args.artifact.reference)?.entry.uri;
    let depth = args.depth.map(NonZeroU32::get);
    let follow = |wanted: bool, direction| -> Result<Option<Point>, Error> {
        let follow = || record.wait(record.store.lineage(&uri, direction, depth)).map_err(failed);
        wanted.then(|| follow().map(Point::from)).transpose()
    };
    let document = LineageDocument {
        up: follow(!args.down, Direction::Up)?,
        down: follow(!args.up, Direction::Down)?,
    };
    let (now, look) = (SystemClock.now(), context.terminal.out.look);
    match args.format {
        LineageFormat::Text => {
            context.emit(Format::Text, &document, || document.text(now, &look))?;
        }
        LineageFormat::Json => context.emit(Format::Json, &document, String::new)?,
        LineageFormat::Dot => context.terminal.out.exact().write_all(dot(&document).as_bytes())?,
        LineageFormat::Mermaid => {
            context.terminal.out.exact().write_all(mermaid(&document).as_bytes())?;
        }
    }
    Ok(Outcome::Fine)
}
