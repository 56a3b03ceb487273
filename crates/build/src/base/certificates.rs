//! The bundle of certificate authorities, as `update-ca-certificates(8)` makes it on a new system.

use lightship_codec::tar::RootPath;
use lightship_packages::parcel::{Item, ItemKind};

use super::Error;

/// Where packages put single certificates.
const SINGLE: &str = "usr/share/ca-certificates";

/// Larger than any certificate.
const LARGEST: u64 = 1 << 20;

/// All certificates of these items one after another, ordered by path; empty where there are none.
/// `package` is for messages.
pub(super) fn bundle<'a>(
    items: impl Iterator<Item = (&'a str, &'a Item)>,
) -> Result<Vec<u8>, Error> {
    let folder = RootPath::from_components(SINGLE.split('/').map(str::as_bytes));
    let is_one = |(_, item): &(&str, &Item)| {
        item.path.starts_with(&folder) && item.path.as_bytes().ends_with(b".crt")
    };
    let mut single: Vec<(&str, &Item)> = items.filter(is_one).collect();
    single.sort_by(|(_, a), (_, b)| a.path.cmp(&b.path));
    let mut bundle = Vec::new();
    for (package, item) in single {
        let ItemKind::File { content, .. } = &item.kind else { continue };
        let bytes = content.read(LARGEST).map_err(|source| Error::Read {
            package: package.to_owned(),
            path: item.path.clone(),
            source,
        })?;
        bundle.extend_from_slice(&bytes);
        if !bytes.ends_with(b"\n") {
            bundle.push(b'\n');
        }
    }
    Ok(bundle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_certificate_ends_its_last_line() {
        let item =
            |path: &str, text: &str| Item::made(RootPath::parse(path.as_bytes()).unwrap(), text);
        let items = [
            item("usr/share/ca-certificates/mozilla/b.crt", "B"),
            item("usr/share/ca-certificates/mozilla/a.crt", "A\n"),
            item("usr/share/ca-certificates/mozilla/README", "no"),
            item("usr/share/ca-certificates-java/c.crt", "no"),
        ];
        let all = bundle(items.iter().map(|item| ("ca-certificates", item))).unwrap();
        assert_eq!(all, b"A\nB\n");
    }
}
