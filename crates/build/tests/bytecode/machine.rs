//! A root file system with this machine's own Python, and sandboxes to run it in.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::Command;

use lightship_base::{Digest, Quiet, Transfer, Watched};
use lightship_build::bytecode::{Compiler, Error, Limits, Source, Verdicts};
use lightship_cas::{Cas, Lease};
use lightship_codec::tar::{Mtime, RootPath};
use lightship_oci::spec::RunConfig;
use lightship_packages::parcel::Content;
use lightship_sandbox::snapshot::{FolderMeta, Ownership, Prepared};
use lightship_sandbox::{Helper, Identity, Launcher, Spec, Stream, Streams};

/// Where the tests' packages are.
pub(crate) const PACKAGES: &str = "usr/lib/python3/dist-packages";

pub(crate) struct Machine {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) launcher: Launcher,
    pub(crate) root: Prepared,
    pub(crate) lease: Lease,
    /// As it is called inside.
    pub(crate) program: String,
    /// The standard library, on this machine and inside.
    pub(crate) library: PathBuf,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (program, library) = installed();
        let layer = folder.path().join("layer");
        python_root(&layer, &program, &library);
        let cas = Cas::open(&folder.path().join("store")).unwrap();
        let helper = env!("CARGO_BIN_EXE_lightship-build-helper").into();
        let helper = Helper { program: helper, arguments: Vec::new() };
        let sandboxes = folder.path().join("sandboxes");
        let identity = Identity::detect(Path::new("/"));
        let launcher = Launcher::new(helper, &sandboxes, identity).unwrap();
        let root = FolderMeta {
            mode: 0o755,
            uid: 0,
            gid: 0,
            mtime: Mtime::default(),
            xattrs: BTreeMap::new(),
        };
        let lease = cas.lease().unwrap();
        let root = Prepared {
            layers: vec![layer],
            root,
            flat: false,
            ownership: Ownership::Real,
            lease: lease.clone(),
        };
        let program = program.to_str().unwrap().to_owned();
        Self { folder, launcher, root, lease, program, library }
    }

    pub(crate) fn compiler(&self, workers: usize) -> Compiler<'_> {
        Compiler {
            launcher: &self.launcher,
            root: &self.root,
            program: &self.program,
            identity: Digest::of(b"this machine's Python"),
            workers: NonZeroUsize::new(workers).unwrap(),
            limits: Limits::default(),
        }
    }

    /// Files of the standard library: these folders' own.
    pub(crate) fn sources(&self, folders: &[&str]) -> Vec<Source> {
        let mut paths: Vec<PathBuf> = Vec::new();
        for folder in folders {
            let entries = fs::read_dir(self.library.join(folder)).unwrap();
            paths.extend(entries.map(|entry| entry.unwrap().path()).filter(|path| is_python(path)));
        }
        paths.sort();
        let source = |path: &PathBuf| {
            let bytes = fs::read(path).unwrap();
            Source { path: root_path(path.to_str().unwrap()), content: Content::bytes(bytes) }
        };
        paths.iter().map(source).collect()
    }

    /// What Python says to a script, where these files lie over the root: standard output and error.
    pub(crate) fn python(&self, words: &[&str], files: &[(RootPath, Vec<u8>)]) -> (String, String) {
        let layer = self.folder.path().join("more");
        for (path, bytes) in files {
            write(&layer, path.as_bytes(), bytes);
        }
        let mut root = self.root.clone();
        root.layers.push(layer);
        let words: Vec<_> = [self.program.as_str()].iter().chain(words).map(Into::into).collect();
        let spec = Spec::of_image(&RunConfig::default(), &words);
        let streams = Streams { input: Stream::Null, output: Stream::Pipe, error: Stream::Pipe };
        let mut sandbox = self.launcher.start(&root, spec, streams).unwrap();
        let (mut output, mut error) = (String::new(), String::new());
        let mut complaints = sandbox.error.take().unwrap();
        let reader = std::thread::spawn(move || {
            complaints.read_to_string(&mut error).unwrap();
            error
        });
        sandbox.output.take().unwrap().read_to_string(&mut output).unwrap();
        let error = reader.join().unwrap();
        let end = sandbox.wait().unwrap().end;
        assert!(end.is_success(), "{end}: {output}{error}");
        (output, error)
    }
}

/// Compiles the files of one package, and nobody watches.
pub(crate) fn compile(compiler: &Compiler<'_>, sources: &[Source]) -> Result<Verdicts, Error> {
    let transfer = Transfer { what: "byte code".to_owned(), digest: None, total: None };
    compiler.compile(&[sources], &Watched::begin(&Quiet, transfer))
}

pub(crate) fn root_path(text: &str) -> RootPath {
    RootPath::parse(text.as_bytes()).unwrap()
}

pub(crate) fn source(path: &str, bytes: &[u8]) -> Source {
    Source { path: root_path(path), content: Content::bytes(bytes) }
}

/// The machine's interpreter and its standard library.
pub(crate) fn installed() -> (PathBuf, PathBuf) {
    let script = "import os, sys, sysconfig\n\
                  print(os.path.realpath(sys.executable)); print(sysconfig.get_path('stdlib'))";
    let output = Command::new("/usr/bin/python3").args(["-c", script]).output();
    let text = String::from_utf8(output.expect("install Debian's python3").stdout).unwrap();
    let mut lines = text.lines().map(PathBuf::from);
    (lines.next().unwrap(), lines.next().unwrap())
}

pub(crate) fn is_python(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "py") && path.is_file()
}

pub(crate) fn write(layer: &Path, path: &[u8], bytes: &[u8]) {
    let path = layer.join(std::str::from_utf8(path).unwrap());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn python_root(layer: &Path, program: &Path, library: &Path) {
    let output = Command::new("ldd").arg(program).output().expect("libc-bin has ldd");
    let text = String::from_utf8(output.stdout).unwrap();
    let libraries = text.split_whitespace().filter(|word| word.starts_with('/'));
    let mut files: Vec<PathBuf> = libraries.map(PathBuf::from).collect();
    files.push(program.to_owned());
    modules(library, 0, &mut files);
    for file in &files {
        copy(file, layer);
    }
}

/// All modules of a folder, compiled ones too, and of the folders in it that are packages.
fn modules(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let package = path.join("__init__.py").exists() || path.ends_with("lib-dynload");
        if path.is_dir() && package && depth < 3 {
            modules(&path, depth + 1, files);
        } else if is_python(&path) || path.extension().is_some_and(|ending| ending == "so") {
            files.push(path);
        }
    }
}

fn copy(file: &Path, layer: &Path) {
    let target = layer.join(file.strip_prefix("/").unwrap());
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    fs::copy(file, target).unwrap();
}
