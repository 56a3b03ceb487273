//! Writing the merged layer.

use std::collections::HashMap;
use std::io::{self, Write};

use lightship_base::Progress;

use super::plan::{Names, Plan, hard_link, with_meta};
use crate::Error;
use crate::assembly::stream_error;
use crate::layer::Layer;
use crate::tar::{Entry, GlobalHeaders, TarReader, TarWriteError, TarWriter};

/// Folders, links, devices and whiteouts come first, so that whatever follows finds its folder.
pub(super) fn metadata<W: Write>(tar: &mut TarWriter<W>, plan: &Plan) -> Result<(), Error> {
    plan.metadata.values().try_for_each(|entry| append_empty(tar, entry))
}

/// Hard links to what stays in the base, and to links and devices.
pub(super) fn links<W: Write>(tar: &mut TarWriter<W>, plan: &Plan) -> Result<(), Error> {
    plan.links.values().try_for_each(|entry| append_empty(tar, entry))
}

/// Copies the contents that survive from one old layer, each followed by its further names.
pub(super) fn contents<W: Write>(
    tar: &mut TarWriter<W>,
    layer: &Layer,
    contents: &HashMap<u32, Names>,
    progress: &dyn Progress,
) -> Result<(), Error> {
    let broken = |source: io::Error| Error::Read { what: layer.name(), source };
    let what = format!("merge layer {}", layer.position() + 1);
    let layer_reader = layer.read_watched(what, progress)?;
    let mut reader = TarReader::new(layer_reader).global_headers(GlobalHeaders::Ignore);
    let mut number = 0;
    while let Some(entry) = reader.next_entry().map_err(|e| broken(e.into()))? {
        if let Some(names) = contents.get(&number) {
            let path = names.first.as_bytes().to_vec();
            let file = with_meta(Entry { path, ..entry }, &names.meta);
            tar.append(&file, &mut reader.data()).map_err(unwritable)?;
            for name in &names.links {
                append_empty(tar, &hard_link(name, &names.first, &names.meta))?;
            }
        }
        number += 1;
    }
    reader.drain().map_err(|e| broken(e.into()))?;
    // The first pass verified the layer; this one proves that nobody changed it in between.
    reader.into_inner().finish().map(drop)
}

fn append_empty<W: Write>(tar: &mut TarWriter<W>, entry: &Entry) -> Result<(), Error> {
    tar.append(entry, &mut io::empty()).map_err(unwritable)
}

/// Tells a full disk from a layer that cannot be read: both pass through the writer.
pub(super) fn unwritable(error: TarWriteError) -> Error {
    let what = "the merged layer".to_owned();
    match error {
        TarWriteError::Write { source, .. } => stream_error(what, source),
        other => Error::Read { what, source: other.into() },
    }
}
