//! Commands on the names in the local store: `ls`, `rm`, `tag`.

use super::super::{Context, Error, Outcome};
use crate::args::{ListArgs, RemoveArgs, TagArgs};
use crate::images::Images;
use crate::views::names::{ListDocument, RemoveDocument, TagDocument};

pub(super) fn list(args: &ListArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let images = Images::new(&settings, false);
    let document = ListDocument::new(&images.store()?.images.list()?);
    let look = context.terminal.out.look;
    context.emit(args.output.format, &document, || document.text(&look))?;
    Ok(Outcome::Fine)
}

/// All names are looked up before the first is removed: a typing error removes nothing.
pub(super) fn remove(args: &RemoveArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let images = Images::new(&settings, false);
    let store = &images.store()?.images;
    for name in &args.names {
        store.find(name)?;
    }
    let removed = args.names.iter().map(|name| Ok(store.remove(name)?.to_string()));
    let document = RemoveDocument { removed: removed.collect::<Result<_, Error>>()? };
    context.emit(args.output.format, &document, || document.text())?;
    Ok(Outcome::Fine)
}

pub(super) fn tag(args: &TagArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let images = Images::new(&settings, false);
    let store = &images.store()?.images;
    store.tag(&args.name, &args.new)?;
    let document = TagDocument { image: args.name.to_string(), name: args.new.to_string() };
    context.emit(args.output.format, &document, || document.text())?;
    Ok(Outcome::Fine)
}
