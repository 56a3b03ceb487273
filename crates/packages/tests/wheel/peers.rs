//! Tags, markers and versions, held against `packaging` as pip brings it, and against the shared corpus.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use lightship_packages::wheel::{
    Interpreter, Libc, Machine, MarkerEnvironment, Requirement, Tags, compare_versions,
};

use crate::support::skip;

/// What a Python with pip prints for some code; none where this machine has no such thing.
fn ask(code: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new("python3").args(["-c", code]).args(arguments).output().ok()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("ModuleNotFoundError") {
        return None;
    }
    assert!(output.status.success(), "{errors}");
    Some(String::from_utf8(output.stdout).unwrap())
}

const TAGS: &str = r"
import sys
from pip._vendor.packaging import tags
minor, glibc, musl, machine = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
from pip._vendor.packaging import _manylinux, _musllinux
_manylinux._get_glibc_version = lambda: (2, glibc) if glibc else (-1, -1)
_manylinux._is_compatible = lambda *a: True
_manylinux._have_compatible_abi = lambda *a: bool(glibc)
_musllinux._get_musl_version = lambda _: _musllinux._MuslVersion(1, musl) if musl else None
tags.sysconfig.get_platform = lambda: 'linux-' + machine
platforms = list(tags._linux_platforms())
for tag in tags.cpython_tags((3, minor), [f'cp3{minor}'], platforms):
    print(tag)
for tag in tags.compatible_tags((3, minor), f'cp3{minor}', platforms):
    print(tag)
";

#[test]
fn tags_are_those_of_packaging_in_their_order() {
    let cases = [
        (11, Libc::Glibc(36), Machine::X86_64),
        (13, Libc::Glibc(41), Machine::Aarch64),
        (9, Libc::Glibc(17), Machine::X86_64),
        (12, Libc::Musl(2), Machine::X86_64),
    ];
    for (minor, libc, machine) in cases {
        let (glibc, musl) = match libc {
            Libc::Glibc(version) => (version, 0),
            Libc::Musl(version) => (0, version),
        };
        let arguments = [minor.to_string(), glibc.to_string(), musl.to_string()];
        let [minor_text, glibc, musl] = &arguments;
        let Some(theirs) = ask(TAGS, &[minor_text, glibc, musl, machine.as_str()]) else {
            return skip("no Python with pip");
        };
        let tags = Tags::of(Interpreter { minor, free_threaded: false, libc, machine });
        let ours: Vec<String> = tags.as_slice().iter().map(ToString::to_string).collect();
        assert_eq!(ours, theirs.lines().collect::<Vec<_>>(), "{minor} {libc:?} {machine:?}");
    }
}

const MARKERS: &str = r"
import sys
from pip._vendor.packaging.markers import Marker
full, machine, extra = sys.argv[1:4]
environment = {
    'python_version': '.'.join(full.split('.')[:2]), 'python_full_version': full,
    'implementation_version': full, 'platform_machine': machine, 'os_name': 'posix',
    'sys_platform': 'linux', 'platform_system': 'Linux', 'platform_release': '',
    'platform_version': '', 'platform_python_implementation': 'CPython',
    'implementation_name': 'cpython', 'extra': extra,
}
for marker in sys.argv[4:]:
    print(Marker(marker).evaluate(environment))
";

const CONDITIONS: [&str; 28] = [
    "python_version >= '3.8'",
    "python_version < '3.10'",
    "python_version == '3.*'",
    "python_version != '3.11.*'",
    "python_version ~= '3.9'",
    "python_version in '2.7, 3.11'",
    "python_version not in '3.1 3.12'",
    "'3.9' <= python_version",
    "'3.9' > python_version",
    "python_full_version < '3.11.3'",
    "python_full_version === '3.11.2'",
    "python_version >= '3.10' and python_version < '4'",
    "python_version < '3' or sys_platform == 'linux' and os_name != 'nt'",
    "(python_version < '3' or sys_platform == 'linux') and os_name == 'nt'",
    "platform_machine == 'aarch64' or platform_machine == 'x86_64'",
    "platform_machine in 'x86_64 amd64'",
    "platform_python_implementation != 'PyPy'",
    "implementation_name == 'cpython'",
    "implementation_version >= '3.11'",
    "platform_system == \"Linux\" and sys_platform not in 'win32 darwin'",
    "extra == 'fast'",
    "extra != 'fast'",
    "'fast' == extra",
    "extra == 'fast' and python_version >= '3.8'",
    "extra == 'slow' or extra == 'fast'",
    "os.name == 'posix'",
    "python_implementation == 'CPython'",
    "sys_platform >= 'darwin'",
];

#[test]
fn markers_mean_what_packaging_says() {
    for (full, machine, extra) in [
        ("3.11.2", Machine::X86_64, "fast"),
        ("3.9.0", Machine::Aarch64, ""),
        ("3.14.0", Machine::X86_64, "slow"),
    ] {
        let mut arguments = vec![full, machine.as_str(), extra];
        arguments.extend(CONDITIONS);
        let Some(theirs) = ask(MARKERS, &arguments) else {
            return skip("no Python with pip");
        };
        let environment = MarkerEnvironment::linux(full, machine);
        let extras: BTreeSet<String> =
            Some(extra).filter(|extra| !extra.is_empty()).map(str::to_owned).into_iter().collect();
        assert_eq!(theirs.lines().count(), CONDITIONS.len());
        for (condition, theirs) in CONDITIONS.iter().zip(theirs.lines()) {
            let requirement: Requirement = format!("x; {condition}").parse().unwrap();
            let ours = requirement.marker.unwrap().holds(&environment, &extras);
            assert_eq!(ours, theirs == "True", "{condition} on {full} {extra}");
        }
    }
}

#[test]
fn versions_of_the_corpus_are_in_order() {
    let file = "../../../shared/corpus/versions/pypi-versions.txt";
    let Ok(text) = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)) else {
        return skip("no shared corpus beside the project");
    };
    let mut compared = 0;
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with("//")) {
        let parts: Vec<&str> = line.split(' ').collect();
        let [one, sign, other] = parts[..] else { panic!("{line}") };
        let ours = match compare_versions(one, other) {
            std::cmp::Ordering::Less => "<",
            std::cmp::Ordering::Equal => "=",
            std::cmp::Ordering::Greater => ">",
        };
        assert_eq!(ours, sign, "{line}");
        compared += 1;
    }
    assert!(compared > 0, "the corpus holds no case");
}
