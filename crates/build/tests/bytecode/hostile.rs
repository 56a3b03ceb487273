//! Sources that nobody vouches for, and interpreters that do not do as they are told.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use lightship_base::{Digest, Quiet, Transfer, Watched};
use lightship_build::assemble::{Bundle, Stage};
use lightship_build::bytecode::{Compiled, Compiler, Error, Limits, Reason, Source, make};
use lightship_codec::tar::RootPath;
use lightship_packages::parcel::{Content, Item, Origin, PackageId, Parcel};

use crate::machine::{Machine, compile, root_path, source, write};

/// A shown verdict: bytes, or why there are none.
fn shown(compiled: &[Compiled]) -> Vec<&'static str> {
    let one = |compiled: &Compiled| match compiled {
        Compiled::Code(_) => "code",
        Compiled::Not(Reason::Unfit) => "unfit",
        Compiled::Not(Reason::TooLarge) => "too large",
        Compiled::Not(Reason::Failed) => "failed",
    };
    compiled.iter().map(one).collect()
}

#[test]
fn what_is_no_source_for_this_python_has_no_code_and_harms_nobody() {
    let machine = Machine::new();
    let deep = "(".repeat(100_000);
    let calls = format!("f{}\n", "()".repeat(100_000));
    let cases: [(&str, &[u8], &str); 15] = [
        ("good", b"x = 1\n", "code"),
        ("python2", b"print 'hello'\n", "unfit"),
        ("template", b"import {{ name }}\n", "unfit"),
        ("zero", b"x = 1\0\n", "unfit"),
        ("bytes", b"x = '\xff\xfe'\n", "unfit"),
        ("latin", b"# coding: latin-1\nx = '\xe9'\n", "code"),
        // Whoever compiles may be nobody, and still has to find the library's codecs.
        ("cp1252", b"# coding: cp1252\nx = '\x80'\n", "code"),
        ("codec", b"# coding: ../../etc/passwd\nx = 1\n", "unfit"),
        ("codec2", b"# coding: no_such\nx = 1\n", "unfit"),
        ("deep", deep.as_bytes(), "unfit"),
        ("calls", calls.as_bytes(), "unfit"),
        ("large", b"x = 1 << 9999999999\n", "code"),
        ("escape", b"x = '\\d'\n", "code"),
        ("empty", b"", "code"),
        ("last", b"x = 1\n", "code"),
    ];
    let sources: Vec<_> = cases.iter().map(|(name, text, _)| source(name, text)).collect();
    let verdicts = compile(&machine.compiler(1), &sources).unwrap();
    for ((name, _, expected), actual) in cases.iter().zip(shown(&verdicts.compiled)) {
        assert_eq!(actual, *expected, "{name}");
    }
    let alone = compile(&machine.compiler(1), &sources[14..]).unwrap();
    assert_eq!(verdicts.compiled[14], alone.compiled[0]);
}

#[test]
fn what_takes_too_long_is_given_up_and_not_remembered() {
    let machine = Machine::new();
    let slow = "x = [a.b.c(d, e=f) for g in h]\n".repeat(300_000);
    let bundle = Bundle {
        parcel: Parcel {
            package: PackageId {
                origin: Origin::Python,
                name: "slow".to_owned(),
                version: "1".to_owned(),
            },
            items: vec![
                Item::made(root_path("lib/a.py"), "x = 1\n"),
                Item::made(root_path("lib/slow.py"), slow),
                Item::made(root_path("lib/z.py"), "x = 1\n"),
            ],
        },
        digest: Some(Digest::of(b"slow")),
        stage: Stage::Packages,
        last: None,
        shared: Vec::new(),
    };
    let limits = Limits { file: Duration::from_secs(1), ..Limits::default() };
    let compiler = Compiler { limits, ..machine.compiler(1) };
    let wanted = bundle.parcel.items.iter().map(|item| item.path.clone()).collect();
    for _ in 0..2 {
        let bundles = std::slice::from_ref(&bundle);
        let made = make(bundles, &wanted, &compiler, &machine.lease, &Quiet).unwrap();
        assert_eq!((made.files, made.compiled), (2, 3));
        assert_eq!(made.skipped[0].reason, Reason::Failed);
    }
    let limits = Limits { all: Duration::from_secs(2), ..Limits::default() };
    let compiler = Compiler { limits, ..machine.compiler(1) };
    let sources = vec![source("lib/slow.py", bundle_text(&bundle).as_slice()); 3];
    let error = compile(&compiler, &sources).unwrap_err();
    assert_eq!(error.to_string(), "compiling took longer than 2 s");
}

fn bundle_text(bundle: &Bundle) -> Vec<u8> {
    match &bundle.parcel.items[1].kind {
        lightship_packages::parcel::ItemKind::File { content, .. } => {
            content.read(1 << 30).unwrap()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn that_memory_ran_out_is_not_remembered() {
    let machine = Machine::new();
    // Python tells of some source that is too deep for its parser as it tells of memory that ran out; what newer
    // ones say in words is no such thing.
    let deep = format!("{}1\n", "-".repeat(20_000));
    let script = "try:\n  compile('-' * 20000 + '1', 'x', 'exec')\n\
                  except MemoryError as error:\n  print('words' if error.args else 'memory')\nexcept Exception:\n  print('other')";
    let (said, _) = machine.python(&["-c", script], &[(root_path("empty"), Vec::new())]);
    let expected = if said.trim() == "memory" { "failed" } else { "unfit" };
    let sources = [source("before", b"x = 1\n"), source("deep", deep.as_bytes())];
    let after = source("after", b"x = 2\n");
    let sources = [&sources[..], &[after]].concat();
    let verdicts = compile(&machine.compiler(1), &sources).unwrap();
    assert_eq!(shown(&verdicts.compiled), ["code", expected, "code"]);
}

/// Says of each file whether it came to a process that had seen others: `unfit` of a new one, `failed` of the
/// same. Its name is one whose code can be settled.
const TELLER: &str = "
import os, sys
def number(n): return n.to_bytes(8, 'little')
os.write(1, b'@' + number(11) + b'cpython-311')
read = sys.stdin.buffer.read
while head := read(17):
    read(int.from_bytes(head[1:9], 'little')), read(int.from_bytes(head[9:], 'little'))
    os.write(1, (b'-' if head[:1] == b'n' else b'!') + number(0))
";

#[test]
fn files_of_two_packages_never_meet_in_a_process() {
    let machine = Machine::new();
    let layer = &machine.root.layers[0];
    write(layer, b"teller", format!("#!{}\n{TELLER}", machine.program).as_bytes());
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(layer.join("teller"), mode).unwrap();
    let compiler = Compiler { program: "/teller", ..machine.compiler(1) };
    // Of the second package, the first file never gets to a process.
    let nameless = Source {
        path: RootPath::parse(b"b/\xff.py").unwrap(),
        content: Content::bytes(&b"x = 1\n"[..]),
    };
    let first = [source("a/one.py", b"x"), source("a/two.py", b"x")];
    let second = [nameless, source("b/one.py", b"x"), source("b/two.py", b"x")];
    let transfer = Transfer { what: "byte code".to_owned(), digest: None, total: None };
    let watched = Watched::begin(&Quiet, transfer);
    let verdicts = compiler.compile(&[&first, &second], &watched).unwrap();
    assert_eq!(shown(&verdicts.compiled), ["unfit", "failed", "unfit", "unfit", "failed"]);
}

/// Answers of an interpreter that somebody took over: to each file one of these, then the next.
const LIAR: &str = "
import os, sys
def number(n): return n.to_bytes(8, 'little')
os.write(1, b'@' + number(3) + b'tag')
head = sys.stdin.buffer.read(17)[1:]
path = sys.stdin.buffer.read(head[0])
sys.stdin.buffer.read(head[8])
if path == b'/huge': os.write(1, b'+' + number(1 << 60))
if path == b'/short': os.write(1, b'+' + number(100) + b'x')
if path == b'/odd': os.write(1, b'?' + number(0))
if path == b'/good': os.write(1, b'+' + number(4) + b'code'); sys.stdin.buffer.read()
";

#[test]
fn an_interpreter_that_lies_costs_its_own_file_its_code() {
    let machine = Machine::new();
    let liar = format!("#!{}\n{LIAR}", machine.program);
    let layer = &machine.root.layers[0];
    let program = |name: &str, text: &str| {
        write(layer, name.as_bytes(), text.as_bytes());
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(layer.join(name), mode).unwrap();
    };
    program("liar", &liar);
    let compiler = Compiler { program: "/liar", ..machine.compiler(1) };
    let sources = ["huge", "short", "odd", "silent", "good"].map(|name| source(name, b"x"));
    let verdicts = compile(&compiler, &sources).unwrap();
    assert_eq!(verdicts.tag, "tag");
    assert_eq!(shown(&verdicts.compiled), ["failed", "failed", "failed", "failed", "code"]);

    let failure = |name: &str, script: &str| {
        program(name, &format!("#!{}\n{script}", machine.program));
        let path = format!("/{name}");
        compile(&Compiler { program: &path, ..machine.compiler(1) }, &sources).unwrap_err()
    };
    insta::assert_snapshot!(failure("ends", "raise SystemExit(7)"), @"the image's /ends ended with code 7 before it compiled anything");
    let tag = "import os; os.write(1, b'@' + (9).to_bytes(8, 'little') + b'../../etc')";
    insta::assert_snapshot!(failure("climbs", tag), @"the image's /climbs has no names for files of byte code, and stopped before it compiled anything");
    let missing = compile(&Compiler { program: "/missing", ..machine.compiler(1) }, &sources);
    assert!(matches!(missing, Err(Error::Sandbox { .. })));
}
