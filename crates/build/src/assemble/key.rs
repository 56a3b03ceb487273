//! What a layer's bytes follow from, as one digest.

use lightship_base::{Digest, Sha256};
use lightship_codec::compression::CompressionLevel;
use lightship_packages::parcel::ItemKind;

use super::{Bundle, Error, Existing, Group, layer};

/// Changes whenever the same parcels would be written as other bytes: layers made before are then made
/// again.
const RULES: u32 = 5;

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
    let mut key = Key(Sha256::new());
    key.text("lightship layer");
    key.number(RULES.into());
    key.text(&compression.to_string());
    for bundle in &group.bundles {
        key.bundle(bundle)?;
    }
    if !existing.is_empty() {
        for path in layer::folders(group)?.keys() {
            let Some(there) = existing.get(path) else { continue };
            key.bytes(path.as_bytes());
            key.number(there.mode.into());
            key.number(there.uid);
            key.number(there.gid);
        }
    }
    Ok(key.0.finish())
}

/// Every part says how long it is, so that no two lists of parts read the same.
struct Key(Sha256);

impl Key {
    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.update(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }

    fn bundle(&mut self, bundle: &Bundle) -> Result<(), Error> {
        let package = &bundle.parcel.package;
        self.text(&package.name);
        self.text(&package.version);
        self.text(&bundle.digest.map(|digest| digest.to_string()).unwrap_or_default());
        self.text(&bundle.last.as_ref().map(|last| last.path().to_string()).unwrap_or_default());
        for shared in &bundle.shared {
            self.bytes(shared.path.as_bytes());
            self.text(&shared.digest.to_string());
        }
        let mut items: Vec<_> = bundle.parcel.items.iter().collect();
        items.sort_by(|a, b| a.path.cmp(&b.path));
        self.number(items.len() as u64);
        for item in items {
            self.bytes(item.path.as_bytes());
            match &item.kind {
                ItemKind::Folder { mode } => {
                    self.text("folder");
                    self.number((*mode).into());
                }
                ItemKind::Symlink(target) => {
                    self.text("link");
                    self.bytes(target);
                }
                ItemKind::File { mode, content } => {
                    self.text("file");
                    self.number((*mode).into());
                    self.number(content.size());
                    // Mostly it is known what bytes follow from: a package's digest, what was cut of it,
                    // which first line a script got.
                    if let Some(identity) = content.identity() {
                        self.text(&identity.to_string());
                    } else {
                        let digest =
                            super::layer::digest(content).map_err(|source| Error::Content {
                                path: item.path.to_string(),
                                package: package.name.clone(),
                                source,
                            })?;
                        self.text(&digest.to_string());
                    }
                }
            }
        }
        Ok(())
    }
}
