//! What holds for the reader of wheels: whatever the bytes, it answers; what it installs
//! stays in its folders, and what is read from it is what RECORD says.

use lightship_base::Digest;
use lightship_codec::tar::RootPath;
use lightship_packages::wheel::{InstallOptions, Scheme, Scripts, Wheel, WheelName, install};

pub(crate) fn check(input: &[u8]) {
    let name: WheelName = "demo_pkg-1.0-py3-none-any.whl".parse().unwrap();
    let Ok(wheel) = Wheel::from_bytes(input, &name) else { return };
    for file in wheel.files() {
        if let Ok(bytes) = file.content.read(1 << 20) {
            assert_eq!(Digest::of(&bytes), file.digest, "{}", file.path);
        }
    }
    let path = |text: &str| RootPath::parse(text.as_bytes()).unwrap();
    let scheme = Scheme {
        purelib: path("usr/lib/pure"),
        platlib: path("usr/lib/plat"),
        scripts: path("usr/bin"),
        headers: path("usr/include"),
        data: path("usr"),
        interpreter: "/usr/bin/python3".to_owned(),
    };
    let options = InstallOptions { scripts: Scripts::All, requested: true };
    if let Ok(installed) = install(&wheel, &scheme, &options) {
        for item in installed.into_parcel().items {
            assert!(item.path.starts_with(&scheme.data), "{}", item.path);
            assert!(!item.path.components().any(|part| part == b".."), "{}", item.path);
        }
    }
}
