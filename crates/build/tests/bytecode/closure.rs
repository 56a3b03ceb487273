//! Which modules are used.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use lightship_build::bytecode::{Modules, Seeds, used};
use lightship_build::notebooks::Notebooks;
use lightship_packages::parcel::{Item, Origin, PackageId, Parcel};

use crate::machine::{installed, is_python, root_path};

fn parcel(files: &[(String, Vec<u8>)]) -> Parcel {
    let package =
        PackageId { origin: Origin::Python, name: "a".to_owned(), version: "1".to_owned() };
    let items = files.iter().map(|(path, text)| Item::made(root_path(path), text.clone()));
    Parcel { package, items: items.collect() }
}

/// What is used of a library in `lib` and packages in `site`, without what is seldom of interest.
fn reached(files: &[(&str, &str)], seeds: &[&str]) -> Vec<String> {
    let owned: Vec<(String, Vec<u8>)> =
        files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    let parcel = parcel(&owned);
    let modules = Modules::new([&parcel], &[root_path("lib"), root_path("site")]);
    let mut all = Seeds::new();
    for seed in seeds {
        all.add(seed);
    }
    let used = used(&all, &modules, &Notebooks::default()).unwrap();
    used.files.iter().map(|path| path.to_string().trim_start_matches('/').to_owned()).collect()
}

#[test]
fn imports_that_run_when_a_module_is_loaded_are_followed_and_no_others() {
    let main = "\
import plain, deep.er.module
try:
    import tried
except ImportError:
    import otherwise
if flag:
    import conditional
with suppress(ImportError):
    import suppressed
class A:
    from klass import thing
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import typed
def f():
    import late
    class B:
        import later
importlib.import_module('literal')
";
    let names = [
        "plain",
        "tried",
        "otherwise",
        "conditional",
        "suppressed",
        "klass",
        "typed",
        "late",
        "later",
        "literal",
        "nobody",
    ];
    let mut files: Vec<(String, &str)> =
        names.iter().map(|name| (format!("lib/{name}.py"), "")).collect();
    files.push(("site/main.py".to_owned(), main));
    for path in ["deep/__init__.py", "deep/er/__init__.py", "deep/er/module.py", "deep/other.py"] {
        files.push((format!("site/{path}"), ""));
    }
    let files: Vec<(&str, &str)> =
        files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    assert_eq!(
        reached(&files, &["main"]),
        [
            "lib/conditional.py",
            "lib/klass.py",
            "lib/literal.py",
            "lib/otherwise.py",
            "lib/plain.py",
            "lib/suppressed.py",
            "lib/tried.py",
            "site/deep/__init__.py",
            "site/deep/er/__init__.py",
            "site/deep/er/module.py",
            "site/main.py",
        ]
    );
}

#[test]
fn names_lead_to_files_by_pythons_own_rules() {
    let files = [
        // Relative names, submodules that `from` names, parents.
        ("site/p/__init__.py", "from . import a, value\nfrom .sub import *"),
        ("site/p/a.py", "from .sub.b import c\nfrom .... import too_far"),
        ("site/p/value/x.txt", ""),
        ("site/p/sub/__init__.py", "from .. import z"),
        ("site/p/sub/b.py", "from ..q import name"),
        ("site/p/q.py", ""),
        ("site/p/z.py", ""),
        ("site/p/unused.py", ""),
        // The first folder of the search has it; a package goes before a module.
        ("lib/twice.py", ""),
        ("site/twice.py", "import p.unused"),
        ("site/both.py", "import p.unused"),
        ("site/both/__init__.py", ""),
        // What is compiled to machine code goes before its source.
        ("site/fast.py", "import p.unused"),
        ("site/fast.cpython-311-x86_64-linux-gnu.so", ""),
        ("site/fast.libs.so", ""),
        // Folders without a file of their own are a package together.
        ("lib/space/one.py", ""),
        ("site/space/two.py", "from . import one"),
        // What is no module of the search.
        ("elsewhere/lost.py", ""),
        ("site/start.pth", "import started; started.now()\n/elsewhere\n"),
        ("site/p/start.pth", "import p.unused\n"),
        ("site/started.py", ""),
    ];
    let seeds =
        ["p.a.Class.method", "twice", "both", "fast", "space.two", "lost", "no.where", "a b"];
    assert_eq!(
        reached(&files, &seeds),
        [
            "lib/space/one.py",
            "lib/twice.py",
            "site/both/__init__.py",
            "site/p/__init__.py",
            "site/p/a.py",
            "site/p/q.py",
            "site/p/sub/__init__.py",
            "site/p/sub/b.py",
            "site/p/z.py",
            "site/space/two.py",
            "site/started.py",
        ]
    );
}

#[test]
fn what_cannot_be_read_is_used_and_told() {
    let large = "#".repeat(600 << 10);
    let files = [
        ("site/main.py", "import old, large, ring"),
        ("site/old.py", "import plain\nprint 'hello'"),
        ("site/large.py", large.as_str()),
        ("site/ring.py", "import main"),
        ("site/plain.py", ""),
    ];
    let owned: Vec<(String, Vec<u8>)> =
        files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
    let parcel = parcel(&owned);
    let modules = Modules::new([&parcel], &[root_path("site")]);
    let mut seeds = Seeds::new();
    seeds.add("main");
    let used = used(&seeds, &modules, &Notebooks::default()).unwrap();
    let unread: Vec<String> =
        used.unread.iter().map(|unread| format!("{} {}", unread.path, unread.why)).collect();
    insta::assert_snapshot!(unread.join("\n"), @r"
    /site/large.py it has more than 524288 bytes
    /site/old.py line 2 is no Python 3: Simple statements must be separated by newlines or semicolons
    ");
    assert_eq!(used.files.len(), 4);
    assert_eq!(modules.files().len(), 5);
}

/// What an interpreter itself loads for these modules is what it says of itself.
#[test]
fn nothing_that_an_interpreter_loads_of_its_library_is_missed() {
    let (program, library) = installed();
    let wanted = [
        "asyncio",
        "json",
        "http.server",
        "sqlite3",
        "email.message",
        "concurrent.futures",
        "logging",
        "unittest",
        "xml.etree.ElementTree",
        "ctypes",
        "importlib.metadata",
        "multiprocessing",
    ];
    // What is frozen into the interpreter has no use for byte code.
    let script = format!(
        "import sys, {}\nfor m in list(sys.modules.values()):\n    spec = getattr(m, '__spec__', None)\n    \
         if spec and spec.origin != 'frozen': print(getattr(m, '__file__', None))",
        wanted.join(", ")
    );
    let output = Command::new(program).args(["-I", "-c", &script]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let is_ours = |path: &&str| Path::new(path).starts_with(&library) && is_python(Path::new(path));
    // Debian's library has links into its configuration, which are no part of the library.
    let is_file = |path: &&str| !Path::new(path).is_symlink();
    let loaded: BTreeSet<&str> = text.lines().filter(is_ours).filter(is_file).collect();
    assert!(loaded.len() > 100, "{text}");

    let mut files = Vec::new();
    read(&library, &mut files);
    let parcel = parcel(&files);
    let modules = Modules::new([&parcel], &[root_path(library.to_str().unwrap())]);
    let mut seeds = Seeds::new();
    for name in wanted {
        seeds.add(name);
    }
    let begin = std::time::Instant::now();
    let used = used(&seeds, &modules, &Notebooks::default()).unwrap();
    println!(
        "{} of {} files used, found in {:?}; an interpreter loads {}",
        used.files.len(),
        modules.files().len(),
        begin.elapsed(),
        loaded.len()
    );
    let missed: Vec<&&str> =
        loaded.iter().filter(|path| !used.files.contains(&root_path(path))).collect();
    assert!(missed.is_empty(), "{missed:?}");
}

fn read(folder: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() && !path.is_symlink() {
            read(&path, files);
        } else if is_python(&path) && !path.is_symlink() {
            files.push((path.to_str().unwrap().to_owned(), std::fs::read(&path).unwrap()));
        } else if path.extension().is_some_and(|ending| ending == "so") {
            files.push((path.to_str().unwrap().to_owned(), Vec::new()));
        }
    }
}
