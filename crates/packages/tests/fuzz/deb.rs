//! What holds for the reader of Debian packages: whatever the bytes, it answers, names
//! nothing outside the root and gives every file the size that it promised.

use lightship_packages::deb::Deb;
use lightship_packages::parcel::ItemKind;

pub(crate) fn check(input: &[u8]) {
    let Ok(deb) = Deb::read(input, &std::env::temp_dir()) else { return };
    for item in deb.items {
        assert!(!item.path.is_root() && item.path.components().all(|part| part != b".."));
        if let ItemKind::File { content, mode } = item.kind {
            assert_eq!(content.read(1 << 32).unwrap().len() as u64, content.size());
            assert_eq!(mode & !0o777, 0);
        }
    }
}
