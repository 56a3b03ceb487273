//! What pruning leaves out, and what keeps it from doing so: packages made up of a few files.

#![allow(clippy::unwrap_used, reason = "helpers of tests panic like tests do")]

use std::collections::BTreeSet;

use lightship_build::prune::{Category, Options, Pruned, influence, prune};
use lightship_codec::tar::RootPath;
use lightship_packages::parcel::{Item, Origin, PackageId, Parcel};

const SITE: &str = "usr/local/lib/python3.11/dist-packages";

fn parcel(origin: Origin, name: &str, files: &[(&str, &str)]) -> Parcel {
    let package = PackageId { origin, name: name.to_owned(), version: "1".to_owned() };
    let item = |(path, text): &(&str, &str)| {
        let whole = match path.strip_prefix('/') {
            Some(whole) => whole.to_owned(),
            None => format!("{SITE}/{path}"),
        };
        Item::made(RootPath::parse(whole.as_bytes()).unwrap(), text.as_bytes())
    };
    Parcel { package, items: files.iter().map(item).collect() }
}

fn wheel(name: &str, files: &[(&str, &str)]) -> Parcel {
    parcel(Origin::Python, name, files)
}

fn pruned(parcels: Vec<Parcel>) -> Pruned {
    prune(parcels, &Options::default()).unwrap()
}

/// What is left of all parcels, below the site folder.
fn left(pruned: &Pruned) -> Vec<String> {
    let items = pruned.parcels.iter().flat_map(|parcel| &parcel.items);
    let site = format!("/{SITE}/");
    items.map(|item| item.path.to_string().replace(&site, "")).collect()
}

fn reasons(pruned: &Pruned) -> Vec<String> {
    pruned.kept_on.iter().map(|kept| format!("{} {}", kept.category, kept.why)).collect()
}

const SUITE: [(&str, &str); 4] = [
    ("a/__init__.py", "'''Run the tests: from a.tests import x'''\n# from .tests import y\n"),
    ("a/tests/__init__.py", ""),
    ("a/tests/test_a.py", "from a.tests import data\n"),
    ("a/tests/data/x.csv", "1"),
];

#[test]
fn a_suite_goes_though_documentation_and_itself_name_it() {
    let pruned = pruned(vec![wheel("a", &SUITE)]);
    assert_eq!(left(&pruned), ["a/__init__.py"]);
    assert_eq!(pruned.report[0].category, Category::Tests);
    assert_eq!(pruned.report[0].files, 3);
    assert!(pruned.kept_on.is_empty());
}

#[test]
fn what_several_packages_bring_is_counted_once() {
    let stub = [("a.pyi", "12345678")];
    let pruned = pruned(vec![wheel("a", &stub), wheel("a-skinny", &stub)]);
    assert_eq!(left(&pruned), [""; 0]);
    assert_eq!((pruned.report[0].files, pruned.report[0].size.0), (1, 8));
    assert_eq!(pruned.report[0].packages.len(), 1);
}

#[test]
fn a_suite_stays_where_code_uses_it() {
    let users = [
        ("b/m.py", "if x:\n    from a import tests\n", "tests b/m.py:2 imports it"),
        ("b/m.py", "import a.tests.common as c\n", "tests b/m.py:1 imports it"),
        ("b/m.py", "load('a.tests.data')\n", "tests b/m.py:1 names it"),
        ("a/m.py", "\nfrom . import (\n  tests,\n)\n", "tests a/m.py:2 imports it"),
        ("a/m.py", "p = os.path.join(here, 'tests', 'data')\n", "tests a/m.py:1 names it"),
        ("a/m.py", "p = HERE / 'a/tests/data'\n", "tests a/m.py:1 names it"),
        (
            "b.dist-info/entry_points.txt",
            "[x]\ny = a.tests.run:main\n",
            "tests b.dist-info/entry_points.txt:2 imports it",
        ),
    ];
    for (path, text, why) in users {
        let owner = if path.starts_with("a/") { "a" } else { "b" };
        let mut a = wheel("a", &SUITE);
        let user = wheel(owner, &[(path, text)]);
        let parcels = if owner == "a" {
            a.items.extend(user.items);
            vec![a]
        } else {
            vec![a, user]
        };
        let pruned = pruned(parcels);
        assert!(pruned.report.is_empty(), "{text}");
        assert_eq!(reasons(&pruned), [why]);
        assert_eq!(pruned.kept_on[0].files, 3);
    }
}

#[test]
fn the_users_own_code_counts_and_is_not_touched() {
    let project = parcel(
        Origin::Project,
        "app",
        &[
            ("/app/main.py", "import a.tests\n"),
            ("/app/tests/test_main.py", ""),
            ("/app/x.pyi", ""),
        ],
    );
    let pruned = pruned(vec![wheel("a", &SUITE), project]);
    assert_eq!(left(&pruned).len(), 4 + 3);
    assert_eq!(reasons(&pruned), ["tests /app/main.py:1 imports it".replace("/app", "app")]);
}

#[test]
fn a_library_for_tests_is_no_suite() {
    let django = wheel(
        "django",
        &[
            ("django/test/__init__.py", ""),
            ("django/test/client.py", ""),
            ("django/test/utils.py", ""),
            ("django/test/testcases.py", ""),
        ],
    );
    assert_eq!(left(&pruned(vec![django])).len(), 4);
}

#[test]
fn suites_that_use_each_other_go_together() {
    let a = wheel(
        "a",
        &[
            ("a/x/tests/test_x.py", "from a.y.tests import test_y\n"),
            ("a/y/tests/test_y.py", "from a.x.tests import test_x\n"),
            ("a/z/tests/test_z.py", ""),
        ],
    );
    assert!(left(&pruned(vec![a.clone()])).is_empty());
    let b = wheel("b", &[("b.py", "import a.x.tests.test_x\n")]);
    let pruned = pruned(vec![a, b]);
    assert_eq!(left(&pruned), ["a/x/tests/test_x.py", "a/y/tests/test_y.py", "b.py"]);
}

#[test]
fn stubs_stay_where_a_package_reads_its_own() {
    let lazy =
        ("a/__init__.py", "import lazy_loader as l\n_ = l.attach_stub(__name__, __file__)\n");
    let parcels = vec![
        wheel("a", &[lazy, ("a/__init__.pyi", "from . import x")]),
        wheel("b", &[("b/__init__.py", ""), ("b/__init__.pyi", ""), ("b/py.typed", "")]),
        wheel("mypy", &[("mypy/build.py", "x = path + '.pyi'\n"), ("mypy/typeshed/os.pyi", "")]),
    ];
    let pruned = pruned(parcels);
    assert_eq!(
        left(&pruned),
        [
            "a/__init__.py",
            "a/__init__.pyi",
            "b/__init__.py",
            "b/py.typed",
            "mypy/build.py",
            "mypy/typeshed/os.pyi"
        ]
    );
    assert_eq!(
        reasons(&pruned),
        ["stubs a/__init__.py:2 reads stubs", "stubs mypy/build.py:1 reads stubs"]
    );
}

const SOURCES: [(&str, &str); 6] = [
    ("n/include/n/array.h", ""),
    ("n/lib/libn.a", "!<arch>\n"),
    ("n/_x.pyx", ""),
    ("n/_x.c", ""),
    ("n/_x.cpython-311-x86_64-linux-gnu.so", ""),
    ("n/data.c", ""),
];

#[test]
fn what_only_compilers_read_goes_where_none_is() {
    let n = wheel("n", &SOURCES);
    let gone = pruned(vec![n.clone()]);
    assert_eq!(left(&gone), ["n/_x.cpython-311-x86_64-linux-gnu.so", "n/data.c"]);
    let categories: Vec<_> = gone.report.iter().map(|part| (part.category, part.files)).collect();
    assert_eq!(
        categories,
        [(Category::Headers, 1), (Category::StaticLibraries, 1), (Category::Cython, 2)]
    );

    let compiler = parcel(Origin::Debian, "gcc", &[("/usr/bin/x86_64-linux-gnu-gcc-12", "")]);
    assert_eq!(left(&pruned(vec![n.clone(), compiler])).len(), 7);

    let user = wheel("t", &[("t.py", "code = '''\n#include <n/array.h>\n'''\n")]);
    let kept = pruned(vec![n.clone(), user]);
    assert_eq!(reasons(&kept), ["headers t.py:1 names n/array.h"]);

    let other =
        wheel("t", &[("t.py", "code = 'include/array.h'\n"), ("u.py", "'/* array.h */'\n")]);
    assert!(pruned(vec![n, other]).kept_on.is_empty());
}

#[test]
fn bytecode_goes_unless_it_is_the_program() {
    let a = wheel(
        "a",
        &[
            ("a/x.py", ""),
            ("a/__pycache__/x.cpython-311.pyc", ""),
            ("a/y.pyc", ""),
            ("a/x.pyc", ""),
        ],
    );
    assert_eq!(left(&pruned(vec![a])), ["a/x.py", "a/y.pyc"]);
}

#[test]
fn what_the_user_keeps_stays_without_a_word() {
    let options = Options { keep: BTreeSet::from([Category::Tests]), ..Options::default() };
    let pruned = prune(vec![wheel("a", &SUITE)], &options).unwrap();
    assert_eq!(left(&pruned).len(), 4);
    assert!(pruned.report.is_empty() && pruned.kept_on.is_empty());
}

#[test]
fn windows_binaries_go_but_not_what_runs_on_dotnet() {
    let mut managed = vec![0; 512];
    managed[..2].copy_from_slice(b"MZ");
    managed[0x3c] = 0x80;
    managed[0x80 + 24] = 0x0b;
    managed[0x80 + 25] = 0x02;
    managed[0x80 + 24 + 112 + 14 * 8] = 1;
    let mut a = wheel("a", &[("a/t64.exe", "MZ"), ("a/x.dylib", "")]);
    let path = RootPath::parse(format!("{SITE}/a/Runtime.dll").as_bytes()).unwrap();
    a.items.push(Item::made(path, managed));
    assert_eq!(left(&pruned(vec![a])), ["a/Runtime.dll"]);
}

#[test]
fn every_category_has_a_name_that_is_understood() {
    for category in Category::ALL {
        assert_eq!(category.name().parse(), Ok(category));
    }
    assert!("everything".parse::<Category>().is_err());
}

#[test]
fn where_something_is_named_has_no_influence_and_what_is_named_has() {
    let of = |files: &[(&str, &str)]| influence(&parcel(Origin::Project, "app", files)).unwrap();
    let code =
        "import os\nfrom a.tests import data\npath = os.path.join(x, 'tests', 'y')\nz = 'b/c.h'\n";
    let before = of(&[("/app/other.py", "x = 1\n"), ("/app/job.py", code)]);
    let commented = format!("# why\n\n{code}# again: from a.tests import data\n");
    assert_eq!(of(&[("/app/job.py", &commented)]), before);
    assert_eq!(of(&[("/app/job.py", &format!("{code}from a.tests import data\n"))]), before);
    for (path, code) in [
        ("/app/job2.py", code),
        ("/app/job.py", &code.replace("a.tests", "b.tests")),
        ("/app/job.py", &code.replace(", 'y'", "")),
        ("/app/job.py", &code.replace("c.h", "d.h")),
        ("/app/job.py", &format!("{code}attach_stub()\n")),
    ] {
        assert_ne!(of(&[(path, code)]), before, "{path}: {code}");
    }
}
