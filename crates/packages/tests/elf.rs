//! ELF files of this machine: what they need, what can be cut off them, and the loader's cache.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

use lightship_packages::elf::Needs;
use lightship_packages::elf::cache::{self, Abi, CacheEntry};
use lightship_packages::elf::cut::{self, Verdict};
use lightship_packages::parcel::{Content, ContentSource};

struct OnDisk(PathBuf);

impl ContentSource for OnDisk {
    fn size(&self) -> u64 {
        fs::metadata(&self.0).map_or(0, |metadata| metadata.len())
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(fs::File::open(&self.0)?))
    }
}

fn content(path: &Path) -> Content {
    Content::new(OnDisk(path.to_owned()))
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).env("LC_ALL", "C").output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Python's extension modules on this machine.
fn modules() -> Vec<PathBuf> {
    let script = "import _ctypes, os; print(os.path.dirname(_ctypes.__file__))";
    let folder = output("python3", &["-c", script]).unwrap_or_default();
    let files = fs::read_dir(folder.trim()).into_iter().flatten();
    let paths = files.filter_map(|entry| Some(entry.ok()?.path()));
    let mut modules: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "so")).collect();
    modules.sort();
    modules
}

#[test]
fn needs_are_those_that_readelf_shows() {
    let mut compared = 0;
    for module in modules().iter().chain(&[PathBuf::from("/bin/sh"), PathBuf::from("/bin/ls")]) {
        let Some(shown) = output("readelf", &["-dVl", "-W", &module.to_string_lossy()]) else {
            return eprintln!("no readelf here: not compared");
        };
        let bracketed = |line: &str| Some(line.split_once('[')?.1.split_once(']')?.0.to_owned());
        let wanted: Vec<_> =
            shown.lines().filter(|line| line.contains("(NEEDED)")).filter_map(bracketed).collect();
        let needs = Needs::read(&content(module)).unwrap().unwrap();
        assert_eq!(needs.needed, wanted, "{}", module.display());
        assert_eq!(needs.interpreter.is_some(), shown.contains("INTERP"));
        for name in needs.versions.iter().flat_map(|need| &need.versions) {
            assert!(shown.contains(&format!("Name: {name} ")), "{name} of {}", module.display());
        }
        let versions: usize = needs.versions.iter().map(|need| need.versions.len()).sum();
        assert_eq!(versions, shown.matches("Name: ").count() - rev_names(&shown));
        compared += 1;
    }
    assert!(compared >= 2);
}

/// Names of versions that a file defines itself.
fn rev_names(shown: &str) -> usize {
    let defined = shown.split("Version definition section").nth(1).unwrap_or_default();
    let defined = defined.split("Version needs section").next().unwrap_or_default();
    defined.matches("Name: ").count()
}

#[test]
fn modules_work_when_cut_and_need_the_same() {
    let modules = modules();
    let folder = tempfile::tempdir().unwrap();
    let mut names = Vec::new();
    let (mut before, mut after) = (0, 0);
    for module in &modules {
        let whole = content(module);
        let small = match cut::plan(&whole).unwrap() {
            Verdict::Cut(plan) => plan.apply(whole.clone()),
            Verdict::Lean | Verdict::Whole(_) => whole.clone(),
            Verdict::NotLoaded => panic!("{}", module.display()),
        };
        before += whole.size();
        after += small.size();
        assert_eq!(Needs::read(&small).unwrap(), Needs::read(&whole).unwrap());
        assert!(matches!(cut::plan(&small).unwrap(), Verdict::Lean | Verdict::Whole(_)));
        let bytes = small.read(1 << 30).unwrap();
        assert_eq!(bytes.len() as u64, small.size());
        let name = module.file_name().unwrap().to_str().unwrap();
        fs::write(folder.path().join(name), bytes).unwrap();
        names.push(name.split('.').next().unwrap().to_owned());
    }
    if modules.is_empty() {
        return eprintln!("Python's modules are built into it here: none cut");
    }
    assert!(after < before, "{after} of {before} bytes");
    // The folder stands first, so that each is loaded from there. Tests of the interpreter itself are not
    // for importing, and Tk's libraries may be missing on this machine.
    let script = r"
import importlib, sys
folder = sys.argv[1]
sys.path.insert(0, folder)
for name in sys.argv[2:]:
    sys.modules.pop(name, None)
    assert importlib.import_module(name).__file__.startswith(folder), name
";
    let mut arguments = vec!["-c", script, folder.path().to_str().unwrap()];
    let tested = names.iter().filter(|name| !name.starts_with("_test") && *name != "_tkinter");
    arguments.extend(tested.map(String::as_str));
    let output = Command::new("python3").args(&arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_cache_is_what_ldconfig_reads() {
    let Some(listed) = output("/sbin/ldconfig", &["-p"]) else {
        return eprintln!("no ldconfig here: not compared");
    };
    let mut entries = Vec::new();
    for line in listed.lines().skip(1) {
        let Some((name, rest)) = line.trim().split_once(" (") else { continue };
        let Some((kind, path)) = rest.split_once(" => ") else { continue };
        let plain = kind == "libc6,x86-64)" || kind == "libc6,AArch64)";
        let Some(needs) = Needs::read(&content(Path::new(path))).ok().flatten().filter(|_| plain)
        else {
            continue;
        };
        let abi = Abi::of(needs.class, needs.byte_order, needs.machine).unwrap();
        entries.push(CacheEntry { name: name.to_owned(), path: path.to_owned(), abi });
    }
    assert!(!entries.is_empty());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ld.so.cache");
    // Whatever the order they come in, ldconfig's is what is read back.
    entries.reverse();
    fs::write(&file, cache::write(&entries).unwrap()).unwrap();
    let read = output("/sbin/ldconfig", &["-p", "-C", file.to_str().unwrap()]).unwrap();
    let lines = |text: &str, plain: bool| -> Vec<String> {
        let lines = text.lines().filter(|line| line.contains(" => "));
        let lines = lines.filter(|line| {
            !plain || line.contains("(libc6,x86-64)") || line.contains("(libc6,AArch64)")
        });
        lines.map(|line| line.trim().to_owned()).collect()
    };
    assert_eq!(lines(&read, false), lines(&listed, true));
}
