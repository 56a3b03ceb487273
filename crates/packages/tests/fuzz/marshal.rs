//! What holds for what settles byte code: whatever the bytes, there is one settled form of the same length,
//! and what cannot be read is left as it is.

use lightship_packages::python::marshal::Layout;

pub(crate) fn check(input: &[u8]) {
    for tag in ["cpython-310", "cpython-311"] {
        let layout = Layout::of_tag(tag).unwrap();
        let mut once = input.to_vec();
        if layout.settle(&mut once).is_err() {
            assert_eq!(once, input);
            continue;
        }
        let mut twice = once.clone();
        layout.settle(&mut twice).unwrap();
        assert_eq!(once, twice);
    }
}
