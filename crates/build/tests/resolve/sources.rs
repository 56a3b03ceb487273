//! A distribution that comes as source only: asked what it needs and built in a sandbox, twice, to the
//! same bytes. Needs the sandbox's helper beside the tests, Debian's python3, and a machine that allows
//! sandboxes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;

use lightship_base::Quiet;
use lightship_build::resolve::{
    Access, Error, Interpreter, Job, Ran, Requirements, Sandboxed, Shared, Source, Target, Upgrade,
};
use lightship_cas::Cas;
use lightship_codec::compression::{CompressionLevel, encoder};
use lightship_codec::tar::{Entry, EntryKind, Mtime, TarWriter};
use lightship_packages::fetch::{Fetcher, NoLogins};
use lightship_packages::index::Finder;
use lightship_packages::wheel::{Wheel, WheelName};
use lightship_sandbox::snapshot::{FolderMeta, Ownership, Prepared};
use lightship_sandbox::{Helper, Identity, Launcher};

use crate::make::{Bench, skip};

/// Builds a wheel with members in another order and of other times each time, and fails where it sees
/// what it should not.
const BACKEND: &str = r#"
import base64, hashlib, os, random, socket, time, zipfile

def get_requires_for_build_wheel(config_settings=None):
    print("what is printed is no answer")
    return ["asked-of-builds >=1"]

def build_wheel(folder, config_settings=None, metadata_directory=None):
    import importlib.metadata
    importlib.metadata.version("asked-of-builds"), importlib.metadata.version("helper-of-builds")
    if os.environ.get("SOURCE_DATE_EPOCH"):
        assert [name for _, name in socket.if_nameindex()] in (["lo"], []), "a network"
        assert not os.path.exists("/lightship/cache"), "the cache"
    assert "NETRC" not in os.environ and not os.path.exists("/lightship/netrc"), "logins"
    assert not os.path.exists("/root/.netrc") and not os.path.exists("/home"), "the machine"
    info = "sourced-1.0.dist-info"
    members = {
        "sourced/__init__.py": b"value = 42\n",
        "sourced/data.txt": b"x" * 1000,
        info + "/METADATA": b"Metadata-Version: 2.1\nName: sourced\nVersion: 1.0\nRequires-Dist: needed>=1\n",
        info + "/WHEEL": b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for name, data in members.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(data)}\n"
    members[info + "/RECORD"] = (record + info + "/RECORD,,\n").encode()
    names = list(members)
    random.SystemRandom().shuffle(names)
    with zipfile.ZipFile(os.path.join(folder, "sourced-1.0-py3-none-any.whl"), "w") as archive:
        for name in names:
            stamp = (2020 + random.SystemRandom().randrange(9), 1, 1, 0, 0, 0)
            archive.writestr(zipfile.ZipInfo(name, stamp), members[name])
    return "sourced-1.0-py3-none-any.whl"
"#;

const PROJECT: &str = "[build-system]\nrequires = [\"helper-of-builds\"]\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n\
    [project]\nname = \"sourced\"\nversion = \"1.0\"\ndynamic = [\"dependencies\"]\n";

fn write_sdist(path: &Path) {
    let level = CompressionLevel::Gzip(6);
    let mut tar = TarWriter::new(encoder(File::create(path).unwrap(), level, 1).unwrap());
    let info = "Metadata-Version: 2.1\nName: sourced\nVersion: 1.0\n";
    for (name, text) in [("backend.py", BACKEND), ("pyproject.toml", PROJECT), ("PKG-INFO", info)] {
        let mut entry = Entry::new(format!("sourced-1.0/{name}"), EntryKind::File);
        (entry.mode, entry.size, entry.real_size) = (0o644, text.len() as u64, text.len() as u64);
        tar.append(&entry, &mut text.as_bytes()).unwrap();
    }
    tar.finish().unwrap().finish().unwrap();
}

/// A sandbox whose root is this machine's `/usr`.
struct Usr {
    launcher: Launcher,
    root: Prepared,
}

impl Usr {
    fn new(bench: &Bench) -> Option<Self> {
        let folder = std::env::current_exe().unwrap();
        let program = folder.parent()?.parent()?.join("lightship-sandbox-helper");
        if !program.is_file() || !Path::new("/usr/bin/python3").is_file() {
            skip("no helper beside the tests, or no /usr/bin/python3");
            return None;
        }
        let layer = bench.path("layer");
        fs::create_dir_all(layer.join("tmp")).unwrap();
        for name in ["bin", "lib", "lib64", "sbin"] {
            symlink(format!("usr/{name}"), layer.join(name)).unwrap();
        }
        let helper = Helper { program, arguments: Vec::new() };
        let identity = Identity::detect(Path::new("/"));
        let launcher = Launcher::new(helper, &bench.path("sandboxes"), identity).unwrap();
        let cas = Cas::open(&bench.path("store")).unwrap();
        let meta = FolderMeta {
            mode: 0o755,
            uid: 0,
            gid: 0,
            mtime: Mtime::EPOCH,
            xattrs: BTreeMap::new(),
        };
        let root = Prepared {
            layers: vec![layer],
            root: meta,
            flat: false,
            ownership: Ownership::Mapped,
            lease: cas.lease().unwrap(),
        };
        let usr = Self { launcher, root };
        if let Err(error) = Target::of(&usr) {
            skip(&format!("no sandbox here: {error}"));
            return None;
        }
        Some(usr)
    }
}

impl Interpreter for Usr {
    fn run(&self, job: &Job) -> Result<Ran, Error> {
        let mut job = job.clone();
        let usr =
            Shared { outside: "/usr".into(), inside: "/usr".to_owned(), access: Access::Read };
        job.shared.insert(0, usr);
        let sandboxed = Sandboxed {
            launcher: &self.launcher,
            root: &self.root,
            python: "/usr/bin/python3".into(),
            disk: None,
        };
        sandboxed.run(&job)
    }

    fn path(&self, _: &[Shared], inside: &str) -> String {
        inside.to_owned()
    }

    fn is_isolated(&self) -> bool {
        true
    }
}

#[test]
fn what_comes_as_source_is_built_to_the_same_bytes() {
    let Some(bench) = Bench::new() else { return };
    let Some(usr) = Usr::new(&bench) else { return };
    bench.wheel("needed", "1.0", "py3-none-any", &[]);
    bench.wheel("helper-of-builds", "3.0", "py3-none-any", &[]);
    bench.wheel("asked-of-builds", "1.5", "py3-none-any", &[]);
    write_sdist(&bench.path("wheels/sourced-1.0.tar.gz"));
    let target = Target::of(&usr).unwrap();

    let file = bench.write("project/requirements.txt", "sourced\n");
    let requirements = Requirements::read(&[file], &|_| None).unwrap();
    let source = Source::Requirements { requirements, project: None };
    let resolution = bench.resolve_in(&usr, &source, None, &Upgrade::Keep, &target).unwrap();
    let [sdist] = &resolution.sdists[..] else { panic!("{resolution:?}") };
    assert_eq!((sdist.name.as_str(), &sdist.depends[..]), ("sourced", &["needed".to_owned()][..]));

    let build = |store: &str, locked| {
        let cas = Cas::open(&bench.path(store)).unwrap();
        let lease = Arc::new(cas.lease().unwrap());
        let fetcher = Fetcher::new(None, lease, Arc::new(NoLogins));
        let finder = Finder::new(fetcher, vec![bench.wheels()]);
        let made =
            bench.with_resolver(&usr, |resolver| resolver.build(locked, &target, &finder, &Quiet));
        (made.unwrap(), cas)
    };
    let (first, cas) = build("store-1", sdist);
    let names: Vec<&str> = first.build.iter().map(|required| required.name.as_str()).collect();
    assert_eq!(names, ["asked-of-builds", "helper-of-builds"]);
    let made = first.built.clone().unwrap();
    let name: WheelName = made.name.parse().unwrap();
    let wheel = Wheel::open(&cas.blob_path(&made.sha256), &name).unwrap();
    assert_eq!(wheel.metadata().requires, ["needed>=1"]);
    let (again, _) = build("store-2", &first);
    assert_eq!(again, first, "another store, other times, another order: the same wheel");
}

#[test]
fn nothing_is_built_outside_a_sandbox() {
    let Some(bench) = Bench::new() else { return };
    fs::create_dir_all(bench.path("wheels")).unwrap();
    write_sdist(&bench.path("wheels/sourced-1.0.tar.gz"));
    let told = bench.requirements("sourced\n").unwrap_err().to_string();
    assert!(
        told.contains("building source distributions is disabled")
            || told.contains("no usable wheels"),
        "{told}"
    );
}
