//! What tells scanners which packages are there: `/var/lib/dpkg/status.d`, as images without dpkg have
//! it, one file with the control paragraph of each package and one with checksums.

use std::collections::BTreeMap;

use lightship_codec::tar::RootPath;
use lightship_packages::parcel::{Content, Item, ItemKind};
use md5::{Digest as _, Md5};

use super::Error;
use super::place::{Part, merged};

const FOLDER: &str = "var/lib/dpkg/status.d";

/// The two files about one package. Checksums are those of the package where it has them; its
/// configuration files, for which packages have none, are summed up here, so that every file of the
/// package is in the list.
pub(super) fn records(part: &Part<'_>) -> Result<[Item; 2], Error> {
    let package = part.deb.control.package();
    let known = known_sums(&part.deb.md5sums);
    let mut sums = BTreeMap::new();
    for item in &part.items {
        let ItemKind::File { content, .. } = &item.kind else { continue };
        let sum = match known.get(&item.path) {
            Some(sum) => sum.clone(),
            None => sum_of(content).map_err(|source| Error::Read {
                package: package.to_owned(),
                path: item.path.clone(),
                source,
            })?,
        };
        sums.insert(item.path.clone(), sum);
    }
    let mut list = Vec::new();
    for (path, sum) in sums {
        list.extend_from_slice(sum.as_bytes());
        list.extend_from_slice(b"  ");
        list.extend_from_slice(path.as_bytes());
        list.push(b'\n');
    }
    let place = |ending: &str| {
        let name = format!("{package}{ending}");
        RootPath::from_components(FOLDER.split('/').chain([name.as_str()]).map(str::as_bytes))
    };
    Ok([Item::made(place(""), part.deb.control.text()), Item::made(place(".md5sums"), list)])
}

/// Lines of `md5sums` by where the files really are.
fn known_sums(md5sums: &[u8]) -> BTreeMap<RootPath, String> {
    let line = |line: &[u8]| {
        let (sum, path) = line.split_at_checked(32)?;
        let sum = str::from_utf8(sum).ok().filter(|s| s.bytes().all(|b| b.is_ascii_hexdigit()))?;
        let path = path.strip_prefix(b"  ")?;
        Some((merged(&RootPath::parse(path).ok()?), sum.to_owned()))
    };
    md5sums.split(|byte| *byte == b'\n').filter_map(line).collect()
}

fn sum_of(content: &Content) -> std::io::Result<String> {
    let mut hasher = Md5::new();
    let mut reader = content.open()?;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = reader.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_read_and_made() {
        let sums = known_sums(
            b"d41d8cd98f00b204e9800998ecf8427e  lib/x\nzz\n\n0000  short\nd41d8cd98f00b204e9800998ecf8427e  ../y\n",
        );
        let paths: Vec<String> = sums.keys().map(ToString::to_string).collect();
        assert_eq!(paths, ["/usr/lib/x"]);
        let sum = sum_of(&Content::bytes("abc")).unwrap();
        assert_eq!(sum, "900150983cd24fb0d6963f7d28e17f72");
    }
}
