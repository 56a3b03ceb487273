//! One digest of a parcel: names, modes and contents. Equal digests make equal layers.

use std::io::{self, Read as _};

use lightship_base::{Digest, Sha256};
use lightship_packages::parcel::{Content, Item, ItemKind, Parcel};
use rayon::prelude::*;

/// Digests everything that a parcel brings, whatever the order of its items. Reads every file.
pub fn fingerprint(parcel: &Parcel) -> io::Result<Digest> {
    let mut items: Vec<&Item> = parcel.items.iter().collect();
    items.sort_by(|a, b| a.path.cmp(&b.path));
    let described: Vec<Vec<u8>> =
        items.par_iter().map(|item| describe(item)).collect::<io::Result<_>>()?;
    let mut whole = Sha256::new();
    for item in &described {
        whole.update(item);
    }
    Ok(whole.finish())
}

/// An item in bytes that no other item has: every part has its length or a fixed one.
fn describe(item: &Item) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let text = |bytes: &mut Vec<u8>, text: &[u8]| {
        bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
        bytes.extend_from_slice(text);
    };
    text(&mut bytes, item.path.as_bytes());
    match &item.kind {
        ItemKind::Folder { mode } => {
            bytes.push(b'd');
            bytes.extend_from_slice(&mode.to_le_bytes());
        }
        ItemKind::File { mode, content } => {
            bytes.push(b'f');
            bytes.extend_from_slice(&mode.to_le_bytes());
            bytes.extend_from_slice(&content.size().to_le_bytes());
            bytes.extend_from_slice(digest(content)?.as_bytes());
        }
        ItemKind::Symlink(target) => {
            bytes.push(b'l');
            text(&mut bytes, target);
        }
    }
    Ok(bytes)
}

fn digest(content: &Content) -> io::Result<Digest> {
    let mut reader = content.open()?;
    let mut hasher = Sha256::new();
    let most = content.size().clamp(1, 1 << 17);
    let mut buffer = vec![0; usize::try_from(most).expect("it is at most 2^17")];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            read => hasher.update(&buffer[..read]),
        }
    }
}
