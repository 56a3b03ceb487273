//! What holds for what reads and cuts ELF files: whatever the bytes, a cut keeps the front of
//! the file but for zeros, and what the file needs stays the same.

use lightship_packages::elf::Needs;
use lightship_packages::elf::cut::{self, Verdict};
use lightship_packages::parcel::Content;

pub(crate) fn check(input: &[u8]) {
    let whole = Content::bytes(input);
    let needs = Needs::read(&whole);
    if let Ok(Verdict::Cut(plan)) = cut::plan(&whole) {
        let small = plan.apply(whole.clone());
        let bytes = small.read(1 << 30).unwrap();
        assert_eq!(bytes.len() as u64, small.size());
        assert!(bytes.iter().zip(input).all(|(after, before)| after == before || *after == 0));
        if let (Ok(before), Ok(after)) = (needs, Needs::read(&small)) {
            assert_eq!(before, after);
        }
    }
}
