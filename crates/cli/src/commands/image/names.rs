//! Commands on the names in the local store: `ls`, `rm`, `tag`.

use std::collections::BTreeSet;

use lightship_oci::reference::StoreReference;

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

/// All names are looked up before the first is removed: a typing error removes nothing. What was named
/// twice, once by its digest perhaps, is removed once.
pub(super) fn remove(args: &RemoveArgs, context: &mut Context<'_>) -> Result<Outcome, Error> {
    let settings = context.settings()?;
    let images = Images::new(&settings, false);
    let store = &images.store()?.images;
    let mut names = BTreeSet::new();
    for name in &args.names {
        store.find(name)?;
        names.insert(store.only_name(name)?);
    }
    let removed = names
        .into_iter()
        .map(|name| store.remove(&StoreReference::Name(name)).map(|gone| gone.to_string()));
    let document = RemoveDocument { removed: removed.collect::<Result<_, _>>()? };
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
