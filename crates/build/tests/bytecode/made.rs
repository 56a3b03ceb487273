//! The same source is the same code, and an interpreter takes it.

use std::collections::BTreeSet;

use lightship_base::{Digest, Quiet};
use lightship_build::assemble::{Bundle, Stage};
use lightship_build::bytecode::{Compiled, Compiler, Made, make};
use lightship_codec::tar::RootPath;
use lightship_packages::parcel::{Item, ItemKind, Origin, PackageId, Parcel};

use crate::machine::{Machine, PACKAGES, compile, root_path, source};

#[test]
fn the_same_source_is_the_same_code_in_any_order_on_any_number_of_workers() {
    let machine = Machine::new();
    let mut sources =
        machine.sources(&["", "asyncio", "collections", "email", "encodings", "json"]);
    let begin = std::time::Instant::now();
    let one = compile(&machine.compiler(1), &sources).unwrap();
    let time = begin.elapsed();
    println!(
        "{} files in {time:?}: {:.0} a second with one worker",
        sources.len(),
        sources.len() as f64 / time.as_secs_f64()
    );
    assert!(one.compiled.iter().all(|one| matches!(one, Compiled::Code(_))));

    let alone = compile(&machine.compiler(1), &sources[7..8]).unwrap();
    assert_eq!(alone.compiled[0], one.compiled[7]);

    sources.reverse();
    let begin = std::time::Instant::now();
    let mut four = compile(&machine.compiler(4), &sources).unwrap();
    println!("the same in {:?} with four workers", begin.elapsed());
    four.compiled.reverse();
    assert!(one == four);
}

#[test]
fn what_other_files_have_made_of_a_character_changes_nothing() {
    let machine = Machine::new();
    // Whoever reads the first has `*` as a name from then on, and sets are written in an order that shows it.
    let star = source("star", b"from json import *\n");
    let sets = source("sets", b"def f(x): return x in {'%', '*', 'ab', ''} or x in {'', '*'}\n");
    let both = compile(&machine.compiler(1), &[star, sets.clone()]).unwrap();
    let alone = compile(&machine.compiler(1), &[sets]).unwrap();
    assert!(matches!(alone.compiled[0], Compiled::Code(_)));
    assert_eq!(both.compiled[1], alone.compiled[0]);
}

fn bundle(name: &str, digest: &[u8], files: &[(&str, &str)]) -> Bundle {
    let items = files
        .iter()
        .map(|(path, text)| Item::made(root_path(&format!("{PACKAGES}/{path}")), text.as_bytes()));
    let package =
        PackageId { origin: Origin::Python, name: name.to_owned(), version: "1".to_owned() };
    Bundle {
        parcel: Parcel { package, items: items.collect() },
        digest: Some(Digest::of(digest)),
        stage: Stage::Packages,
        last: None,
        shared: Vec::new(),
    }
}

fn sample() -> Vec<Bundle> {
    vec![
        bundle(
            "good",
            b"1",
            &[
                ("good/__init__.py", "from .inner import VALUE, where\n"),
                ("good/inner.py", "VALUE = {'a', None, 3} and 42\ndef where(): pass\n"),
                ("good/unused.py", "VALUE = 1\n"),
                ("good/data.txt", "text\n"),
            ],
        ),
        bundle("old", b"2", &[("old.py", "print 'hello'\n"), ("new.py", "match = 1\n")]),
        bundle("none", b"3", &[("none.py", "")]),
    ]
}

fn wanted() -> BTreeSet<RootPath> {
    let paths = ["good/__init__.py", "good/inner.py", "good/data.txt", "old.py", "new.py", "no.py"];
    paths.iter().map(|path| root_path(&format!("{PACKAGES}/{path}"))).collect()
}

fn made(machine: &Machine, bundles: &[Bundle], compiler: &Compiler<'_>) -> Made {
    make(bundles, &wanted(), compiler, &machine.lease, &Quiet).unwrap()
}

fn files(made: &Made) -> Vec<(RootPath, Vec<u8>)> {
    let items = made.bundles.iter().flat_map(|bundle| &bundle.parcel.items);
    let read = |item: &Item| match &item.kind {
        ItemKind::File { content, mode: 0o644 } => content.read(1 << 20).unwrap(),
        other => panic!("{other:?}"),
    };
    items.map(|item| (item.path.clone(), read(item))).collect()
}

#[test]
fn python_runs_the_code_whatever_its_sources_have_become() {
    let machine = Machine::new();
    let made = made(&machine, &sample(), &machine.compiler(1));
    assert_eq!((made.files, made.compiled), (3, 4));
    let skipped: Vec<String> = made.skipped.iter().map(|one| format!("{one:?}")).collect();
    insta::assert_snapshot!(skipped.join("\n"), @"Skipped { path: /usr/lib/python3/dist-packages/old.py, reason: Unfit }");
    let mut files = files(&made);
    let folder = format!("/{PACKAGES}/good");
    for name in ["__init__", "inner"] {
        files
            .push((root_path(&format!("{folder}/{name}.py")), b"raise Exception('read')".to_vec()));
    }
    let script = "\
import importlib.util, good.inner
print(good.VALUE, good.where.__code__.co_filename)
print(good.inner.__cached__ == importlib.util.cache_from_source(good.inner.__file__))
";
    let (output, complaints) = machine.python(&["-v", "-c", script], &files);
    assert_eq!(output, format!("42 {folder}/inner.py\nTrue\n"));
    for name in ["__init__", "inner"] {
        let loaded = format!("code object from '{folder}/__pycache__/{name}.cpython-");
        assert!(complaints.contains(&loaded), "{complaints}");
        assert!(!complaints.contains(&format!("code object from {folder}/{name}.py")));
    }
    assert!(!complaints.contains(&format!("wrote '{folder}")), "{complaints}");
}

#[test]
fn what_was_made_is_kept_for_the_same_package_and_the_same_python() {
    let machine = Machine::new();
    let first = made(&machine, &sample(), &machine.compiler(2));

    // Everything is kept: nobody asks for an interpreter.
    let no_python = Compiler { program: "/no/such/python", ..machine.compiler(1) };
    let second = made(&machine, &sample(), &no_python);
    assert_eq!((second.files, second.compiled), (3, 0));
    assert_eq!(files(&second), files(&first));
    assert_eq!(second.skipped, first.skipped);
    assert!(make(&sample()[2..], &wanted(), &no_python, &machine.lease, &Quiet).is_ok());

    let mut changed = sample();
    changed[1].digest = Some(Digest::of(b"another version"));
    assert_eq!(made(&machine, &changed, &machine.compiler(1)).compiled, 2);

    // Without a digest the sources count.
    changed[1].digest = None;
    assert_eq!(made(&machine, &changed, &machine.compiler(1)).compiled, 2);
    assert_eq!(made(&machine, &changed, &no_python).compiled, 0);
    changed[1].parcel.items[1] = Item::made(changed[1].parcel.items[1].path.clone(), "march = 1\n");
    assert_eq!(made(&machine, &changed, &machine.compiler(1)).compiled, 2);

    let upgraded = Compiler { identity: Digest::of(b"another Python"), ..machine.compiler(1) };
    assert_eq!(made(&machine, &sample(), &upgraded).compiled, 4);
}

#[test]
fn every_package_has_a_bundle_of_its_own_code() {
    let machine = Machine::new();
    let made = made(&machine, &sample(), &machine.compiler(1));
    let shown: Vec<String> = made
        .bundles
        .iter()
        .map(|bundle| {
            let paths: Vec<String> =
                bundle.parcel.items.iter().map(|item| item.path.to_string()).collect();
            let package = &bundle.parcel.package;
            format!("{} {} {:?} {}", package.name, package.version, bundle.stage, paths.join(" "))
        })
        .collect();
    let (_, library) = crate::machine::installed();
    let version = library.to_str().unwrap().rsplit('.').next().unwrap();
    let at = |name: &str| format!("/{PACKAGES}/{name}.cpython-3{version}.pyc");
    let (init, inner) = (at("good/__pycache__/__init__"), at("good/__pycache__/inner"));
    let new = at("__pycache__/new");
    assert_eq!(shown, [format!("good 1 Bytecode {init} {inner}"), format!("old 1 Bytecode {new}")]);
}
