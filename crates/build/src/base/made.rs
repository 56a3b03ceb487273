//! What is made instead of what scripts would have made: links, accounts, folders, the bundle.

use std::collections::{BTreeMap, HashMap};

use lightship_codec::tar::RootPath;
use lightship_packages::deb::Deb;
use lightship_packages::parcel::{Content, Item, ItemKind, Origin, PackageId, Parcel};

use crate::web;

use super::accounts::accounts;
use super::place::{MERGED, MOVED};
use super::purpose::Purpose;
use super::python::Python;

/// What the parts of a base are to its making.
pub(super) struct Ground<'a> {
    /// What packages brought.
    pub(super) places: HashMap<RootPath, ItemKind>,
    pub(super) python: Option<&'a Python>,
    pub(super) base_passwd: Option<&'a Deb>,
    /// All certificates of authorities; empty where no package has any.
    pub(super) bundle: Vec<u8>,
    /// Links of alternatives.
    pub(super) alternatives: Vec<Item>,
    pub(super) purpose: Purpose,
}

/// Folders that every image has, with their modes. Whoever runs it may be any user, and everything
/// belongs to root: the home is everybody's, as `/tmp` is. The kernel's folders are where a runtime
/// mounts; on a root that cannot be written it could not make them.
const FOLDERS: [(&str, u32); 20] = [
    ("dev", 0o755),
    ("etc", 0o755),
    ("home", 0o755),
    ("home/nonroot", 0o1777),
    ("opt", 0o755),
    ("proc", 0o755),
    ("root", 0o700),
    ("run", 0o755),
    ("run/lock", 0o1777),
    ("srv", 0o755),
    ("sys", 0o755),
    ("tmp", 0o1777),
    ("usr/bin", 0o755),
    ("usr/lib", 0o755),
    ("usr/local/bin", 0o755),
    ("usr/local/lib", 0o755),
    ("usr/sbin", 0o755),
    ("var/cache", 0o755),
    ("var/log", 0o755),
    ("var/tmp", 0o1777),
];

/// *nsswitch.conf(5)*, with the two services that the C library needs no other package for.
const NSSWITCH: &str = "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n\
    networks: files\nprotocols: files\nservices: files\nethers: files\nrpc: files\n";

pub(super) const BUNDLE: &str = "etc/ssl/certs/ca-certificates.crt";

/// Makes it all. A name that a package brought is left alone.
pub(super) fn made(ground: Ground<'_>) -> Parcel {
    let mut making = Making { places: &ground.places, items: BTreeMap::new() };
    making.folders();
    making.merge();
    making.accounts(ground.base_passwd);
    making.file("etc/nsswitch.conf", NSSWITCH);
    making.link("etc/os-release", b"../usr/lib/os-release", "usr/lib/os-release");
    if making.has("usr/share/zoneinfo/Etc/UTC") {
        making.link("etc/localtime", b"/usr/share/zoneinfo/Etc/UTC", "usr/share/zoneinfo/Etc/UTC");
        making.file("etc/timezone", "Etc/UTC\n");
    }
    if !ground.bundle.is_empty() {
        making.certificates(&ground.bundle);
    }
    if ground.purpose == Purpose::Web {
        making.server();
    }
    if let Some(python) = ground.python {
        making.add(python.scheme.purelib.clone(), ItemKind::Folder { mode: 0o755 });
    }
    for (name, target) in program_links(&ground.places, ground.python) {
        making.add(path(name), ItemKind::Symlink(target));
    }
    for item in ground.alternatives {
        making.add(item.path, item.kind);
    }
    let package =
        PackageId { origin: Origin::Lightship, name: "base".to_owned(), version: String::new() };
    let items = making.items.into_iter().map(|(path, kind)| Item { path, kind });
    Parcel { package, items: items.collect() }
}

/// The shell that the image has, as accounts name it.
pub(super) fn shell(places: &HashMap<RootPath, ItemKind>) -> Option<&'static str> {
    let has = |name: &str| places.contains_key(&path(name));
    match (has("usr/bin/bash"), has("usr/bin/dash") || has("usr/bin/sh")) {
        (true, _) => Some("/bin/bash"),
        (false, true) => Some("/bin/sh"),
        (false, false) => None,
    }
}

/// Links that will be in `usr/bin`, besides those of alternatives: name and target.
pub(super) fn program_links(
    places: &HashMap<RootPath, ItemKind>,
    python: Option<&Python>,
) -> Vec<(&'static str, Vec<u8>)> {
    let mut links = Vec::new();
    if let Some(name) = python.and_then(|python| python.executable.file_name()) {
        links.push(("usr/bin/python3", name.to_vec()));
        links.push(("usr/bin/python", b"python3".to_vec()));
    }
    for shell in ["dash", "bash"] {
        if places.contains_key(&path(&format!("usr/bin/{shell}"))) {
            links.push(("usr/bin/sh", shell.as_bytes().to_vec()));
            break;
        }
    }
    links.retain(|(name, _)| !places.contains_key(&path(name)));
    links
}

struct Making<'a> {
    places: &'a HashMap<RootPath, ItemKind>,
    items: BTreeMap<RootPath, ItemKind>,
}

impl Making<'_> {
    fn has(&self, name: &str) -> bool {
        self.places.contains_key(&path(name))
    }

    fn add(&mut self, path: RootPath, kind: ItemKind) {
        if !self.places.contains_key(&path) {
            self.items.entry(path).or_insert(kind);
        }
    }

    fn file(&mut self, name: &str, bytes: impl Into<Vec<u8>>) {
        self.add(path(name), ItemKind::File { mode: 0o644, content: Content::bytes(bytes) });
    }

    /// What the server opens before it reads where its messages should go; and the folders that it makes
    /// where they are missing, which it cannot where the root may not be written.
    fn server(&mut self) {
        self.add(path("var/log/nginx/error.log"), ItemKind::Symlink(b"/dev/stderr".to_vec()));
        for name in web::TEMPORARY {
            self.add(path(&format!("tmp/{name}")), ItemKind::Folder { mode: 0o1777 });
        }
    }

    /// A link, where what it leads to is there.
    fn link(&mut self, name: &str, target: &[u8], needs: &str) {
        if self.has(needs) {
            self.add(path(name), ItemKind::Symlink(target.to_vec()));
        }
    }

    fn folders(&mut self) {
        for (name, mode) in FOLDERS {
            self.add(path(name), ItemKind::Folder { mode });
        }
    }

    /// The links of the merge: those of folders that are there, and the three that every system has.
    fn merge(&mut self) {
        for name in MERGED {
            let target = path(&format!("usr/{name}"));
            let is_there = ["bin", "sbin", "lib"].contains(&name)
                || self.places.keys().any(|path| path.starts_with(&target));
            if is_there {
                self.add(path(name), ItemKind::Symlink(target.as_bytes().to_vec()));
            }
        }
        for (name, target) in MOVED {
            self.add(path(name), ItemKind::Symlink(format!("/{target}").into_bytes()));
        }
    }

    fn accounts(&mut self, base_passwd: Option<&Deb>) {
        let accounts = accounts(base_passwd, shell(self.places));
        self.file("etc/passwd", accounts.passwd);
        self.file("etc/group", accounts.group);
    }

    /// The bundle, and the three names under which OpenSSL looks for what it should trust and do
    /// (Debian's package `openssl` has them, beside the program). Links by the hash of a certificate
    /// are not made: they are for programs that are told to look into the folder only, and the bundle
    /// is what every library reads that is told nothing.
    fn certificates(&mut self, bundle: &[u8]) {
        self.file(BUNDLE, bundle);
        self.add(path("usr/lib/ssl/cert.pem"), ItemKind::Symlink(format!("/{BUNDLE}").into()));
        self.add(path("usr/lib/ssl/certs"), ItemKind::Symlink(b"/etc/ssl/certs".to_vec()));
        self.link("usr/lib/ssl/openssl.cnf", b"/etc/ssl/openssl.cnf", "etc/ssl/openssl.cnf");
    }
}

/// A path of this file's own, without dots.
pub(super) fn path(text: &str) -> RootPath {
    RootPath::from_components(text.split('/').map(str::as_bytes))
}
