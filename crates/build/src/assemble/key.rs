//! What a layer's bytes follow from, as one digest.

use lightship_base::{Digest, Key};
use lightship_codec::compression::CompressionLevel;
use lightship_packages::parcel::ItemKind;

use super::{Bundle, Error, Existing, Group, layer};

/// Changes whenever the same parcels would be written as other bytes: layers made before are then made
/// again.
const RULES: u32 = 7;

/// The key of a group's layer.
pub fn key(group: &Group, compression: CompressionLevel) -> Result<Digest, Error> {
    onto(&Existing::default(), group, compression)
}

/// The same of a layer that goes onto others.
pub(super) fn onto(
    existing: &Existing,
    group: &Group,
    compression: CompressionLevel,
) -> Result<Digest, Error> {
    let mut key = Key::of("layer");
    key.number(RULES);
    key.add(compression.to_string());
    for bundle in &group.bundles {
        add(&mut key, bundle)?;
    }
    if !existing.is_empty() {
        for path in layer::folders(group)?.keys() {
            let Some(there) = existing.get(path) else { continue };
            key.add(path.as_bytes());
            key.number(there.mode);
            key.number(there.uid);
            key.number(there.gid);
        }
    }
    Ok(key.finish())
}

fn add(key: &mut Key, bundle: &Bundle) -> Result<(), Error> {
    let package = &bundle.parcel.package;
    key.add(&package.name);
    key.add(&package.version);
    key.add(bundle.digest.map(|digest| digest.to_string()).unwrap_or_default());
    key.add(bundle.last.as_ref().map(|last| last.path().to_string()).unwrap_or_default());
    key.number(bundle.shared.len() as u64);
    for shared in &bundle.shared {
        key.add(shared.path.as_bytes());
        key.add(shared.digest.to_string());
    }
    let mut items: Vec<_> = bundle.parcel.items.iter().collect();
    items.sort_by(|a, b| a.path.cmp(&b.path));
    key.number(items.len() as u64);
    for item in items {
        key.add(item.path.as_bytes());
        match &item.kind {
            ItemKind::Folder { mode } => {
                key.add("folder");
                key.number(*mode);
            }
            ItemKind::Symlink(target) => {
                key.add("link");
                key.add(target);
            }
            ItemKind::File { mode, content } => {
                key.add("file");
                key.number(*mode);
                key.number(content.size());
                // Mostly it is known what bytes follow from: a package's digest, what was cut of it,
                // which first line a script got.
                if let Some(identity) = content.identity() {
                    key.add(identity.to_string());
                } else {
                    let digest =
                        super::layer::digest(content).map_err(|source| Error::Content {
                            path: item.path.to_string(),
                            package: package.name.clone(),
                            source,
                        })?;
                    key.add(digest.to_string());
                }
            }
        }
    }
    Ok(())
}
