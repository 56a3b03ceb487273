//! What the tests share: a scheme, a Python to ask, and parcels as files on disk.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use lightship_codec::tar::RootPath;
use lightship_packages::parcel::{ItemKind, Parcel};
use lightship_packages::wheel::Scheme;

pub(crate) fn path(text: &str) -> RootPath {
    RootPath::parse(text.as_bytes()).unwrap()
}

/// Debian's folders.
pub(crate) fn scheme() -> Scheme {
    Scheme {
        purelib: path("usr/local/lib/python3.11/dist-packages"),
        platlib: path("usr/local/lib/python3.11/dist-packages"),
        scripts: path("usr/local/bin"),
        headers: path("usr/local/include/python3.11"),
        data: path("usr/local"),
        interpreter: "/usr/bin/python3.11".to_owned(),
    }
}

/// Writes a parcel's files below a folder, as an image would have them.
pub(crate) fn unpack(parcel: &Parcel, root: &Path) {
    for item in &parcel.items {
        let ItemKind::File { mode, content } = &item.kind else { panic!("{item:?}") };
        let place = root.join(std::str::from_utf8(item.path.as_bytes()).unwrap());
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        let mut file = fs::File::create_new(&place).unwrap();
        let copied = io::copy(&mut content.open().unwrap(), &mut file).unwrap();
        assert_eq!(copied, content.size(), "{}", item.path);
        fs::set_permissions(&place, fs::Permissions::from_mode(*mode)).unwrap();
    }
}

/// Runs Python, apart from the user's own packages and settings.
pub(crate) fn python(code: &str, arguments: &[&Path], path: Option<&Path>) -> Output {
    let mut command = Command::new("python3");
    command.args(["-s", "-c", code]).args(arguments);
    if let Some(path) = path {
        command.env("PYTHONPATH", path);
    }
    command.env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap()
}

/// What it printed; fails where it failed.
pub(crate) fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}
