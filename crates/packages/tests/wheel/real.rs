//! Wheels from the index that this machine's pip is set up for, installed by us and by pip.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use lightship_base::Digest;
use lightship_packages::wheel::{InstallOptions, Installed, Scripts, Wheel, WheelName, install};

use crate::make::{printed, python, scheme, unpack};
use crate::support::skip;

/// Small ones of every kind: one module, a package, compiled code, programs, data files.
const CASES: [&str; 6] =
    ["six", "packaging", "markupsafe", "pyyaml", "wheel", "jupyterlab-widgets"];

/// Fetches the wheels; none where this machine has no index.
fn download(folder: &Path) -> Vec<PathBuf> {
    let fetched = Command::new("python3")
        .args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"])
        .args(["--disable-pip-version-check", "--retries", "1", "--timeout", "20", "--dest"])
        .arg(folder)
        .args(CASES)
        .output();
    if !fetched.is_ok_and(|output| output.status.success()) {
        return Vec::new();
    }
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn open(file: &Path) -> Wheel {
    let name: WheelName = file.file_name().unwrap().to_str().unwrap().parse().unwrap();
    Wheel::open(file, &name).unwrap()
}

fn installed(wheel: &Wheel, scripts: Scripts) -> Installed {
    install(wheel, &scheme(), &InstallOptions { scripts, requested: true }).unwrap()
}

/// Every file below a folder with its bytes' digest and whether it may be executed.
fn listing(root: &Path) -> BTreeMap<String, (Digest, bool)> {
    let mut found = BTreeMap::new();
    let mut todo = vec![root.to_owned()];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
                continue;
            }
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            let executable = fs::metadata(&path).unwrap().permissions().mode() & 0o111 != 0;
            found.insert(name, (Digest::of(&fs::read(&path).unwrap()), executable));
        }
    }
    found
}

/// Installs with pip into a prefix of Debian's shape.
fn pip_install(file: &Path, prefix: &Path) {
    let output = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--no-index"])
        .args(["--disable-pip-version-check", "--root-user-action", "ignore"])
        .args(["--ignore-installed", "--prefix"])
        .arg(prefix)
        .arg(file)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Asks `importlib.metadata` about every distribution of a folder, and checks every row of RECORD.
const CHECK: &str = r"
import base64, hashlib, importlib.metadata as m, pathlib, sys
site = pathlib.Path(sys.argv[1])
for dist in m.distributions(path=[str(site)]):
    files = dist.files
    recorded = set()
    for f in files:
        there = (site / f).resolve()
        recorded.add(there)
        data = there.read_bytes()
        if f.hash is None:
            assert f.name == 'RECORD', f
            continue
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()
        assert (f.hash.mode, f.hash.value, f.size) == ('sha256', digest, len(data)), f
    root = site.parents[int(sys.argv[2])]
    there = {p.resolve() for p in root.rglob('*') if p.is_file()}
    assert there == recorded, there ^ recorded
    assert dist.read_text('INSTALLER') == 'lightship\n'
    assert dist.read_text('REQUESTED') == ''
    assert dist.read_text('direct_url.json') is None
    print(m.version(dist.metadata['Name']), len(dist.entry_points), sep='\t')
";

#[test]
fn installs_what_pip_installs() {
    let folder = tempfile::tempdir().unwrap();
    let files = download(&folder.path().join("wheels"));
    if files.is_empty() {
        return skip("no package index, or one without the wheels");
    }
    assert_eq!(files.len(), CASES.len());
    for file in files {
        let stem = file.file_name().unwrap().to_str().unwrap();
        let [ours, theirs] = ["ours", "pip"].map(|who| folder.path().join(who).join(stem));
        let wheel = open(&file);
        let all = installed(&wheel, Scripts::All);
        assert!(all.left_out.is_empty());
        unpack(&all.into_parcel(), &ours);
        pip_install(&file, &theirs.join("usr/local"));
        compare(&listing(&ours), &listing(&theirs));

        let site = ours.join("usr/local/lib/python3.11/dist-packages");
        let answer = printed(&python(CHECK, &[&site, Path::new("4")], Some(&site)));
        let version = answer.split('\t').next().unwrap();
        assert_eq!(version, wheel.metadata().version, "{stem}");
    }
}

/// The same names, bytes and modes, but for what each installer writes itself.
fn compare(ours: &BTreeMap<String, (Digest, bool)>, theirs: &BTreeMap<String, (Digest, bool)>) {
    let site = |name: &str| name.replace("/site-packages/", "/dist-packages/");
    let theirs: BTreeMap<String, (Digest, bool)> = theirs
        .iter()
        .filter(|(name, _)| !name.ends_with("/direct_url.json"))
        .map(|(name, what)| (site(name), *what))
        .collect();
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    for (name, what) in ours {
        let own = ["/RECORD", "/INSTALLER", "/REQUESTED"].iter().any(|end| name.ends_with(end));
        let program = name.starts_with("usr/local/bin/");
        if own {
            continue;
        }
        assert_eq!(what.1, theirs[name].1, "mode of {name}");
        assert!(program || what.0 == theirs[name].0, "bytes of {name}");
    }
}
