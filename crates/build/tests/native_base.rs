//! A base of the distribution's real packages: Python runs in it.
//!
//! Needs `apt-get` with a configured mirror, and root for `chroot`; where one is missing the test says
//! so and proves as much as it can.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "sizes are for people to read")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use lightship_base::ByteSize;
use lightship_build::base::{NativeBase, Options, PythonWish, compose, roots};
use lightship_packages::deb::Deb;
use lightship_packages::elf::{ElfFacts, ElfProbe};
use lightship_packages::parcel::{Item, ItemKind, Parcel};
use lightship_packages::{
    Ecosystem, Entry, EntryKind, FileEntry, OwnedFiles, Tree, Want, inventory, wanted,
};

const PROGRAM: &str = r#"
import bz2, ctypes, ctypes.util, curses, dbm.ndbm, decimal, hashlib, lzma, multiprocessing, zlib
import datetime, locale, mimetypes, os, pwd, readline, socket, sqlite3, ssl, sys, uuid, zoneinfo
print("version", sys.version.split()[0])
print("authorities", ssl.create_default_context().cert_store_stats()["x509_ca"])
print("libraries", *[ctypes.util.find_library(name) for name in ("c", "ssl", "sqlite3")])
print("nonroot", pwd.getpwuid(65532).pw_name, pwd.getpwuid(65532).pw_dir)
print("zone", datetime.datetime(2026, 7, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")).utcoffset())
print("sqlite", sqlite3.connect(":memory:").execute("select 6 * 7").fetchone()[0])
print("locale", locale.setlocale(locale.LC_ALL, ""), sys.getfilesystemencoding())
print("type", mimetypes.guess_type("x.csv")[0])
print("service", socket.getservbyname("https"))
print("path", [p for p in sys.path if p.endswith("dist-packages")])
print("tmp", oct(os.stat("/tmp").st_mode), oct(os.stat("/home/nonroot").st_mode))
"#;

/// Names of a closure by apt's own rules, for a machine that has nothing yet.
fn closure(names: &[String]) -> Option<Vec<String>> {
    let output = Command::new("apt-get")
        .args(["-s", "install", "--no-install-recommends", "-o", "Dir::State::status=/dev/null"])
        .args(names)
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = |line: &str| Some(line.strip_prefix("Inst ")?.split(' ').next()?.to_owned());
    let names: Vec<String> = text.lines().filter_map(line).collect();
    (output.status.success() && !names.is_empty()).then_some(names)
}

fn fetch(options: &Options, folder: &Path) -> Option<Vec<Deb>> {
    let mut names = closure(&roots(options).required)?;
    for name in roots(options).if_available {
        names.extend(closure(&[name]).unwrap_or_default());
    }
    names.sort();
    names.dedup();
    let fetched = Command::new("apt-get")
        .args(["download", "-q"])
        .args(&names)
        .current_dir(folder)
        .output()
        .ok()?;
    if !fetched.status.success() {
        return None;
    }
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let debs = files.filter(|path| path.extension().is_some_and(|ending| ending == "deb"));
    Some(debs.map(|path| Deb::open(&path, folder).unwrap()).collect())
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

fn items(base: &NativeBase) -> impl Iterator<Item = &Item> {
    base.parcels.iter().flat_map(|parcel| &parcel.items)
}

fn write(base: &NativeBase, root: &Path) {
    let mut folders = BTreeMap::new();
    for item in items(base) {
        let path = root.join(text(item.path.as_bytes()));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match &item.kind {
            ItemKind::Folder { mode } => {
                fs::create_dir_all(&path).unwrap();
                let earlier = folders.insert(path, *mode);
                assert!(earlier.is_none_or(|earlier| earlier == *mode), "{}", item.path);
            }
            ItemKind::Symlink(target) => symlink(text(target), path).unwrap(),
            ItemKind::File { mode, content } => {
                let mut file = fs::File::create_new(&path).unwrap();
                std::io::copy(&mut content.open().unwrap(), &mut file).unwrap();
                fs::set_permissions(path, fs::Permissions::from_mode(*mode)).unwrap();
            }
        }
    }
    for (path, mode) in folders {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

/// Everything that decides an image's bytes.
fn listing(base: &NativeBase) -> Vec<String> {
    let show = |item: &Item| match &item.kind {
        ItemKind::Folder { mode } => format!("{} {mode:o}", item.path),
        ItemKind::Symlink(target) => format!("{} -> {}", item.path, target.escape_ascii()),
        ItemKind::File { mode, content } => {
            let bytes = content.read(u64::MAX).unwrap();
            format!("{} {mode:o} {}", item.path, lightship_base::Digest::of(&bytes))
        }
    };
    items(base).map(show).collect()
}

fn report(base: &NativeBase) -> u64 {
    let size = |parcel: &Parcel| parcel.items.iter().map(|item| ByteSize(item.size())).sum();
    let mut sizes: Vec<(ByteSize, &str)> =
        base.parcels.iter().map(|parcel| (size(parcel), parcel.package.name.as_str())).collect();
    sizes.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
    let total: ByteSize = sizes.iter().map(|(size, _)| *size).sum();
    println!("{} packages, {total}", base.parcels.len() - 1);
    for (size, name) in sizes.iter().take(12) {
        println!("  {size:>9}  {name}");
    }
    for left in &base.left_out {
        println!("  left out {}: {} files, {}", left.category, left.files, left.bytes);
    }
    for dropped in &base.dropped {
        println!("  without {} ({}): {}", dropped.package.name, dropped.bytes, dropped.reason);
    }
    for script in &base.scripts_not_run {
        println!("  {} {}: {}", script.package, script.script.name(), script.effect);
    }
    total.bytes()
}

fn run(root: &Path, base: &NativeBase, command: &[&str]) -> String {
    // Whoever runs an image gives it its devices.
    let null = root.join("dev/null");
    let made = Command::new("mknod").args(["-m", "666"]).arg(&null).args(["c", "1", "3"]).status();
    assert!(made.unwrap().success());
    let output = Command::new("chroot")
        .args(["--userspec=65532:65532".as_ref(), root.as_os_str()])
        .args(command)
        .env_clear()
        .envs(base.environment.iter().map(|(name, value)| (name, value)))
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{error}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn python_runs_in_a_base_of_real_packages() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { python: PythonWish::Any, ..Options::default() };
    let Some(debs) = fetch(&options, folder.path()) else {
        println!("skipped: apt-get has no mirror here");
        return;
    };
    let mut backwards = debs.clone();
    backwards.reverse();
    let base = compose(debs, &options).unwrap();
    let again = compose(backwards, &options).unwrap();
    assert!(listing(&base) == listing(&again), "the order of packages shows");
    let total = report(&base);
    assert!((20 << 20..90 << 20).contains(&total), "{total} bytes");

    let gone: Vec<&str> = base.dropped.iter().map(|d| d.package.name.as_str()).collect();
    for name in ["dpkg", "tar", "debconf", "openssl", "libacl1", "libselinux1"] {
        assert!(gone.contains(&name), "{name} stayed");
    }
    scanners_see_every_package(&base);

    let root = tempfile::tempdir().unwrap();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
    write(&base, root.path());
    let release = fs::read_to_string(root.path().join("etc/os-release")).unwrap();
    assert!(release.contains("ID=debian"), "{release}");
    for gone in ["usr/bin/sh", "usr/bin/perl", "usr/bin/dpkg", "usr/bin/getent"] {
        assert!(!root.path().join(gone).exists(), "{gone}");
    }
    if !is_root() {
        println!("skipped: only root may chroot");
        return;
    }
    let answer = run(root.path(), &base, &["/usr/bin/python", "-c", PROGRAM]);
    println!("{answer}");
    check_answer(&answer, &base.python.unwrap().full_version);
}

#[test]
fn what_a_user_asks_for_runs_with_a_shell() {
    let folder = tempfile::tempdir().unwrap();
    let keep = ["curl", "less"].map(str::to_owned).to_vec();
    let options = Options { keep, shell: true, ..Options::default() };
    let Some(debs) = fetch(&options, folder.path()) else {
        println!("skipped: apt-get has no mirror here");
        return;
    };
    let base = compose(debs, &options).unwrap();
    report(&base);
    assert!(base.without_interpreter.is_empty(), "{:?}", base.without_interpreter);
    let root = tempfile::tempdir().unwrap();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
    write(&base, root.path());
    if !is_root() {
        println!("skipped: only root may chroot");
        return;
    }
    let script = "curl --version; readlink /usr/bin/pager; id -un; echo a b | sed s/b/c/";
    let answer = run(root.path(), &base, &["/bin/sh", "-ec", script]);
    let lines: Vec<&str> = answer.lines().collect();
    assert!(lines[0].starts_with("curl ") && lines[0].contains("OpenSSL"), "{answer}");
    assert_eq!(lines[lines.len() - 3..], ["/usr/bin/less", "nonroot", "a c"], "{answer}");
}

fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    status.lines().any(|line| line.starts_with("Uid:\t0\t"))
}

fn check_answer(answer: &str, version: &str) {
    let line = |name: &str| {
        let line = answer.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("no line `{name}`")).to_owned()
    };
    assert_eq!(line("version"), version);
    assert!(line("authorities").parse::<u32>().unwrap() > 100);
    let libraries = line("libraries");
    assert!(libraries.starts_with("libc.so.6 libssl.so."), "{libraries}");
    assert!(libraries.ends_with(" libsqlite3.so.0"), "{libraries}");
    assert_eq!(line("nonroot"), "nonroot /home/nonroot");
    assert_eq!(line("zone"), "2:00:00");
    assert_eq!(line("sqlite"), "42");
    assert_eq!(line("locale"), "C.UTF-8 utf-8");
    assert_eq!(line("type"), "text/csv");
    assert_eq!(line("service"), "443");
    assert!(line("path").contains("/usr/local/lib/python3."));
    assert_eq!(line("tmp"), "0o41777 0o41777");
}

/// The base as an audit would see it.
#[derive(Default)]
struct Seen(BTreeMap<Vec<u8>, Node>);

enum Node {
    Folder,
    Link(Vec<u8>),
    File(u64, Option<Vec<u8>>, Option<Box<ElfFacts>>),
}

impl Seen {
    fn of(base: &NativeBase) -> Self {
        let node = |item: &Item| match &item.kind {
            ItemKind::Folder { .. } => Node::Folder,
            ItemKind::Symlink(target) => Node::Link(target.clone()),
            ItemKind::File { content, .. } => {
                let (bytes, size) = (content.read(u64::MAX).unwrap(), content.size());
                match wanted(item.path.as_bytes(), size) {
                    Want::Nothing => Node::File(size, None, None),
                    Want::Content { at_most } => {
                        assert!(size <= at_most);
                        Node::File(size, Some(bytes), None)
                    }
                    Want::ElfProbe => {
                        let mut probe = ElfProbe::new(size);
                        probe.feed(&bytes);
                        Node::File(size, None, probe.finish().map(Box::new))
                    }
                }
            }
        };
        Self(items(base).map(|item| (item.path.as_bytes().to_vec(), node(item))).collect())
    }

    fn show(node: &Node) -> Entry<'_> {
        let kind = match node {
            Node::Folder => EntryKind::Directory,
            Node::Link(target) => EntryKind::Symlink(target),
            Node::File(size, content, elf) => EntryKind::File(FileEntry {
                size: *size,
                hard_links: None,
                content: content.as_deref(),
                elf: elf.as_deref(),
            }),
        };
        Entry { kind, layer: 0 }
    }
}

impl Tree for Seen {
    fn entry(&self, path: &[u8]) -> Option<Entry<'_>> {
        self.0.get(path).map(Self::show)
    }

    fn visit(&self, visitor: &mut dyn FnMut(&[u8], &Entry<'_>)) {
        self.0.iter().for_each(|(path, node)| visitor(path, &Self::show(node)));
    }
}

fn scanners_see_every_package(base: &NativeBase) {
    let inventory = inventory(&Seen::of(base), OwnedFiles::List);
    for parcel in &base.parcels[..base.parcels.len() - 1] {
        let name = &parcel.package.name;
        let is_it = |package: &&lightship_packages::Package| {
            package.ecosystem == Ecosystem::Deb && package.name == *name
        };
        let package = inventory.packages.iter().find(is_it);
        let package = package.unwrap_or_else(|| panic!("{name} is not seen"));
        assert_eq!(package.version.as_ref(), Some(&parcel.package.version));
        let purl = package.purl.clone().unwrap();
        let start = format!("pkg:deb/debian/{}@", name.replace('+', "%2B"));
        assert!(purl.starts_with(&start) && purl.contains("distro=debian-"), "{purl}");
        let files = parcel.items.iter().filter(|item| matches!(item.kind, ItemKind::File { .. }));
        assert_eq!(package.files.len(), files.count(), "{name}");
    }
    let unowned: Vec<&str> =
        inventory.unowned.largest.iter().map(|file| file.path.as_str()).collect();
    println!("made here: {unowned:?}");
    assert!(unowned.contains(&"etc/passwd") && unowned.len() <= 8, "{unowned:?}");
}
