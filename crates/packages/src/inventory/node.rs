//! npm packages.

use super::Found;
use super::builder::Builder;
use super::model::{Ecosystem, InventoryNote};
use crate::npm::{parse_package_json, split_scope};
use crate::path;
use crate::purl::Purl;

/// Reads every package below a `node_modules`. Each owns its folder, without the packages nested in
/// it.
pub(super) fn read(builder: &mut Builder<'_>, found: &Found) {
    for evidence in &found.node {
        let Some(content) = builder.content(evidence) else { continue };
        let folder = path::parent(evidence);
        let document = match parse_package_json(content.bytes) {
            Ok(document) => document,
            Err(error) => {
                let (path, reason) = (path::display(evidence), error.to_string());
                builder.notes.push(InventoryNote::MetadataUnread { path, reason });
                continue;
            }
        };
        let name = document.name.unwrap_or_else(|| name_of_folder(folder));
        let (scope, bare) = split_scope(&name);
        let purl = Purl::new("npm", bare)
            .with_namespace(scope.unwrap_or_default())
            .with_version(document.version.as_deref().unwrap_or_default());
        let mut package = Builder::blank(Ecosystem::Npm, &name, evidence);
        package.purl = Some(purl.to_string());
        package.version = document.version;
        package.layer = Some(content.layer);
        let index = builder.add(package);
        builder.claim_folder(folder, index);
    }
}

/// `node_modules/@scope/name` is `@scope/name`.
fn name_of_folder(folder: &[u8]) -> String {
    let name = path::display(path::file_name(folder));
    let above = path::display(path::file_name(path::parent(folder)));
    if above.starts_with('@') { format!("{above}/{name}") } else { name }
}
