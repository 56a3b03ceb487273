//! What is an import, what guards it, whose it is; and what hostile source may try.

use super::*;

fn file(path: &str, text: &str) -> SourceFile {
    SourceFile { path: path.to_owned(), text: text.to_owned() }
}

/// One line per import: place, module, names, guard.
fn shown(files: &[SourceFile]) -> String {
    let imports = of_files(files).unwrap();
    let found = imports.found.iter().map(|import| {
        let names = import.names.join(",");
        let guard = import.guard.map(|guard| format!(" {guard:?}")).unwrap_or_default();
        let inner = if import.in_function { " in a function" } else { "" };
        format!("{} {}:{names}{guard}{inner}\n", import.place, import.module)
    });
    let unread = imports.unread.iter().map(|unread| format!("{} {}\n", unread.file, unread.why));
    found.chain(unread).collect()
}

#[test]
fn imports_of_every_shape_with_their_places() {
    let text = r#"
from __future__ import annotations
import os, numpy as np
import sklearn.ensemble
from pandas import (
    DataFrame,
    Series as S,
)
from plots import *
text = "import nothing"
# import nothing
def late():
    import torch
    async def later():
        from torch.nn import Module
class A:
    import yaml
match os.name:
    case "nt":
        import winreg
for _ in []:
    importlib.import_module("plugins.one")
x = __import__("plugins")
y = importlib.import_module(name)
type Alias[T] = list[T]
z = f"{__import__('inner')}"
"#;
    insta::assert_snapshot!(shown(&[file("a.py", text)]), @r"
    a.py:3 os:
    a.py:3 numpy:
    a.py:4 sklearn.ensemble:
    a.py:5 pandas:DataFrame,Series
    a.py:9 plots:*
    a.py:13 torch: in a function
    a.py:15 torch.nn:Module in a function
    a.py:17 yaml:
    a.py:20 winreg:
    a.py:22 plugins.one:
    a.py:23 plugins:
    a.py:26 inner:
    ");
}

#[test]
fn guards_say_what_is_not_always_needed() {
    let text = r#"
try:
    import tomllib
except ModuleNotFoundError:
    import tomli as tomllib
else:
    import needed
try:
    import also_needed
except ValueError:
    pass
try:
    import caught
except (KeyError, ImportError):
    pass
with contextlib.suppress(ImportError):
    import suppressed
if TYPE_CHECKING:
    import types_only
else:
    import real
if typing.TYPE_CHECKING:
    try:
        import types_too
    except ImportError: ...
if sys.platform == "win32":
    import winreg
elif os.name == "posix":
    import fcntl
else:
    import other
if sys.version_info >= (3, 11) and True:
    import new
if importlib.util.find_spec("gpu"):
    import gpu
if debug:
    import debugger
@dsl.component(packages_to_install=["pandas"])
def step():
    import pandas
@component
def other():
    import numpy
"#;
    insta::assert_snapshot!(shown(&[file("a.py", text)]), @r"
    a.py:3 tomllib: Caught
    a.py:5 tomli: Caught
    a.py:7 needed:
    a.py:9 also_needed:
    a.py:13 caught: Caught
    a.py:17 suppressed: Caught
    a.py:19 types_only: TypeChecking
    a.py:21 real:
    a.py:24 types_too: TypeChecking
    a.py:27 winreg: Condition
    a.py:29 fcntl: Condition
    a.py:31 other: Condition
    a.py:33 new: Condition
    a.py:35 gpu: Condition
    a.py:37 debugger:
    a.py:40 pandas: Component in a function
    a.py:43 numpy: Component in a function
    ");
}

#[test]
fn a_project_does_not_import_itself() {
    let main = "import churn, churn.data, utils, jobs.train, jobs, lonely.inner, mlflow, helper\n\
                from . import churn\nfrom .x import y\nfrom ..z import w\n";
    let files = [
        file("app/main.py", main),
        file("app/utils.py", ""),
        file("src/churn/__init__.py", ""),
        file("jobs/train.py", "import helper, utils"),
        file("jobs/helper.py", ""),
        file("lonely/inner/deep.py", ""),
        // A folder of scripts about a package is not the package.
        file("mlflow/start.py", "import mlflow"),
    ];
    insta::assert_snapshot!(shown(&files), @r"
    app/main.py:1 jobs:
    app/main.py:1 mlflow:
    app/main.py:1 helper:
    jobs/train.py:1 utils:
    mlflow/start.py:1 mlflow:
    ");
}

#[test]
fn what_is_no_python_is_told_with_its_line() {
    let files = [
        file("old.py", "import a\nprint 'hello'\n"),
        file("large.py", &"#".repeat(1 << 21)),
        file("good.py", "import b"),
    ];
    insta::assert_snapshot!(shown(&files), @r"
    good.py:1 b:
    old.py line 2 is no Python 3: Simple statements must be separated by newlines or semicolons
    large.py it has more than 524288 bytes
    ");
}

#[test]
fn nesting_of_a_whole_file_ends_no_process() {
    let largest = usize::try_from(MAX_FILE_BYTES).unwrap();
    let fill = |head: &str, unit: &str, tail: &str| {
        head.to_owned() + &unit.repeat((largest - head.len() - tail.len()) / unit.len()) + tail
    };
    let files = [
        file("minus.py", &fill("", "-", "1\n")),
        file("not.py", &fill("", "not ", "1\n")),
        file("brackets.py", &fill("", "[", "")),
        file("braces.py", &fill("import a;", "{", "")),
        file("calls.py", &fill("f", "()", "\n")),
        file("attributes.py", &fill("f", ".a", "\n")),
        file("subscripts.py", &fill("f", "[0]", "\n")),
        file("lambdas.py", &fill("", "lambda:", "1\n")),
        file("choices.py", &fill("", "1 if 1 else ", "1\n")),
        file("powers.py", &fill("", "1**", "1\n")),
        file("sums.py", &fill("", "1+", "1\n")),
        file("awaits.py", &fill("", "await ", "1\n")),
        file("texts.py", &"f'{".repeat(2_900)),
        file("texts-and-spaces.py", &fill(&"f'{".repeat(2_900), " ", "")),
        file("texts-and-names.py", &fill(&"f'{".repeat(2_900), "a,", "")),
        file("texts-and-lines.py", &fill(&"f\"\"\"{".repeat(2_900), "a\n", "")),
        file("more-texts.py", &fill("", "f'{", "")),
        file("elifs.py", &fill("if 1: import b\n", "elif 1: pass\n", "")),
        file("decorators.py", &fill("", "@a\n", "def f(): import c\n")),
        file("blocks.py", &(0..1_400).map(|n| " ".repeat(n) + "if 1:\n").collect::<String>()),
    ];
    let imports = of_files(&files).unwrap();
    let found: Vec<&str> = imports.found.iter().map(|import| import.module.as_str()).collect();
    assert_eq!(found, ["b", "c"]);
}

#[test]
fn relative_imports_keep_their_dots() {
    let text =
        "from . import a, b\nfrom ..c.d import e\nimport f.g\ndef late():\n    from .h import *\n";
    let shown: Vec<String> = statements(text)
        .unwrap()
        .into_iter()
        .map(|s| format!("{} {}:{} {}", s.level, s.module, s.names.join(","), s.in_function))
        .collect();
    assert_eq!(shown, ["1 :a,b false", "2 c.d:e false", "0 f.g: false", "1 h:* true"]);
    assert!(statements("print 'hello'\n").unwrap_err().starts_with("line 1 is no Python 3"));
    assert!(statements(&"#".repeat(1 << 20)).is_err());
}

#[test]
fn folders_hold_what_runs() {
    let root = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &[u8]| {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let ours = ["app/main.py", "app/__init__.py", "train.py", "notes.txt"];
    let theirs = [
        ".venv/lib/x.py",
        "node_modules/a/b.py",
        "odd/pyvenv.cfg",
        "odd/lib/y.py",
        "tests/test_a.py",
        "app/a_test.py",
        "setup.py",
        "__pycache__/z.py",
    ];
    ours.iter().chain(&theirs).for_each(|path| put(path, b"import a\n"));
    put("latin.py", b"# caf\xe9");
    std::os::unix::fs::symlink("/", root.path().join("everything")).unwrap();
    let folder = Folder::read(root.path()).unwrap();
    let paths: Vec<&str> = folder.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["app/__init__.py", "app/main.py", "train.py"]);
    assert_eq!(folder.development, 3);
    assert_eq!(folder.unread[0].why, "it is not UTF-8");
    assert!(Folder::read(&root.path().join("nothing")).is_err());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]

    /// Pieces of Python in any order: the parser and the walk end, and what they find is in the text.
    #[test]
    fn pieces_of_python_in_any_order_are_survived(
        pieces in proptest::collection::vec(
            proptest::sample::select(PIECES), 0..60,
        )
    ) {
        let text: String = pieces.concat();
        let imports = of_files(&[file("a.py", &text)]).unwrap();
        let lines = text.lines().count();
        for import in imports.found {
            let top = import.module.split('.').next().unwrap().to_owned();
            assert!(text.contains(&top), "{top} in {text:?}");
            assert!((1..=lines).contains(&(import.place.line as usize)), "{import:?} in {text:?}");
        }
    }
}

const PIECES: &[&str] = &[
    "import a",
    "import a.b as c, d",
    "from e import ",
    "from . import f",
    "*",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "\n",
    "\n    ",
    "\n        ",
    "\\\n",
    "try",
    "except ImportError",
    "else",
    "if TYPE_CHECKING",
    "if sys.platform == 'x'",
    "with suppress(ImportError)",
    "def f()",
    "async ",
    "await ",
    "class A",
    "@component\n",
    "lambda ",
    "__import__('g')",
    "importlib.import_module(\"h\")",
    "f'{",
    "'",
    "\"\"\"",
    "#",
    " x",
    "=",
    "1",
    "\u{feff}",
    "é",
    "\0",
    "match x",
    "case _",
    ";",
    "\t",
];
