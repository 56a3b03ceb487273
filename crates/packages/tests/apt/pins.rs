//! What is preferred, against apt's own choices: an archive of files with backports and an experimental
//! suite, and preferences such as users write.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use lightship_base::Digest;
use lightship_packages::apt::{
    Archive, ArchiveId, Archives, Dependency, Index, IndexBuilder, Pins, Release, ResolveOptions,
    closure,
};

/// Suite, what its `Release` says besides, and its packages: `name version; Field: value`.
const SUITES: [(&str, &str, &[&str]); 3] = [
    (
        "bookworm",
        "Suite: stable\nVersion: 12.11\n",
        &["app 1; Depends: lib", "lib 1", "kit 1; Source: tools"],
    ),
    (
        "bookworm-backports",
        "Suite: stable-backports\nVersion: 12\nNotAutomatic: yes\nButAutomaticUpgrades: yes\n",
        &["app 2; Depends: lib (>= 2)", "lib 2", "new 2; Depends: lib", "kit 2; Source: tools"],
    ),
    ("experimental", "Suite: rc\nNotAutomatic: yes\n", &["lib 3", "new 3", "odd 3; Depends: lib"]),
];

/// Preferences, and what is asked for with them.
const CASES: &[(&str, &str)] = &[
    ("", "app new odd kit"),
    ("", "app lib=3"),
    ("", "app=2"),
    ("", "app=2 lib=2"),
    ("", "new=3 kit=2"),
    ("", "lib=4"),
    ("Package: *\nPin: release n=bookworm-backports\nPin-Priority: 600\n", "app new odd kit"),
    ("Package: *\nPin: release a=stable-backports\nPin-Priority: 500\n", "app new odd kit"),
    ("Package: l*\nPin: release a=rc\nPin-Priority: 990\n", "app kit"),
    ("Package: lib\nPin: version 2*\nPin-Priority: 501\n", "app"),
    ("Package: odd\nPin: release n=experimental\nPin-Priority: -1\n", "odd"),
    ("Package: *\nPin: release n=experimental\nPin-Priority: -1\n", "new"),
    ("Package: src:tools\nPin: release o=Ours, c=main, v=12\nPin-Priority: 900\n", "app kit"),
    ("Package: *\nPin: release c=contrib\nPin-Priority: 900\n", "app kit"),
    ("Package: *\nPin: release l=Of*\nPin-Priority: 700\n", "app kit new"),
    (
        "Package: lib\nPin: release n=experimental\nPin-Priority: 800\n\n\
         # Named packages go before all, and the first record counts.\n\
         Package: *\nPin: release bookworm\nPin-Priority: 900\n\n\
         Explanation: of more\n lines\nPackage: app lib\nPin: release 12\nPin-Priority: 950\n",
        "app kit",
    ),
];

#[test]
fn the_same_choices_as_apt() {
    let folder = tempfile::tempdir().unwrap();
    let Some(architecture) = of_apt(folder.path(), "dpkg", &["--print-architecture"]) else {
        crate::skip("there is no apt here");
        return;
    };
    let architecture = String::from_utf8(architecture.stdout).unwrap();
    publish(folder.path(), architecture.trim());
    let update = of_apt(folder.path(), "apt-get", &["update"]).unwrap();
    assert!(update.status.success(), "{}", String::from_utf8_lossy(&update.stderr));
    let mut refused = Vec::new();
    for (preferences, asked) in CASES {
        fs::write(folder.path().join("etc/apt/preferences"), preferences).unwrap();
        let theirs = apts_set(folder.path(), asked);
        let ours = our_set(folder.path(), architecture.trim(), preferences, asked);
        assert_eq!(ours, theirs, "{asked} with\n{preferences}");
        if theirs.is_none() {
            refused.push(*asked);
        }
    }
    // What apt cannot do says little of what it chooses.
    assert_eq!(refused, ["app=2", "lib=4", "odd"]);
}

/// Writes the archive, and apt's settings, which name nothing of this machine's.
fn publish(root: &Path, architecture: &str) {
    for folder in ["etc/apt/preferences.d", "etc/apt/apt.conf.d", "etc/apt/sources.list.d"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    for folder in ["var/lib/apt/lists/partial", "var/cache/apt/archives/partial"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    let place = root.display();
    let settings = format!(
        "Dir \"{place}/\";\nDir::State::status \"/dev/null\";\nAPT::Sandbox::User \"root\";\n"
    );
    fs::write(root.join("apt.conf"), settings).unwrap();
    let mut sources = String::new();
    for (suite, says, packages) in SUITES {
        writeln!(sources, "deb [trusted=yes] file:{place} {suite} main").unwrap();
        let packages: String = packages.iter().map(|line| paragraph(line, architecture)).collect();
        let main = root.join(format!("dists/{suite}/main/binary-{architecture}"));
        fs::create_dir_all(&main).unwrap();
        fs::write(main.join("Packages"), &packages).unwrap();
        let (digest, size) = (Digest::of(packages.as_bytes()), packages.len());
        let release = format!(
            "Origin: Ours\nLabel: Of {suite}\nCodename: {suite}\n{says}Date: Sat, 11 Jul 2020 10:16:37 UTC\n\
             Architectures: {architecture}\nComponents: main\n\
             SHA256:\n {} {size} main/binary-{architecture}/Packages\n",
            digest.hex()
        );
        fs::write(root.join(format!("dists/{suite}/Release")), release).unwrap();
    }
    fs::write(root.join("etc/apt/sources.list"), sources).unwrap();
}

fn paragraph(line: &str, architecture: &str) -> String {
    let mut parts = line.split(';').map(str::trim);
    let (name, version) = parts.next().unwrap().split_once(' ').unwrap();
    let fields: String = parts.map(|field| format!("{field}\n")).collect();
    format!(
        "Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n{fields}\
         Filename: pool/{name}_{version}.deb\nSize: 1\nSHA256: {}\n\n",
        Digest::of(line.as_bytes()).hex()
    )
}

/// Nothing where apt refuses.
fn apts_set(root: &Path, asked: &str) -> Option<BTreeSet<String>> {
    let mut arguments = vec!["-s", "install", "--no-install-recommends"];
    arguments.extend(asked.split(' '));
    let done = of_apt(root, "apt-get", &arguments).unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    let set = text.lines().filter_map(|line| line.strip_prefix("Inst ")).map(|line| {
        let (name, rest) = line.split_once(' ').unwrap();
        format!("{name}={}", rest.trim_start_matches('(').split(' ').next().unwrap())
    });
    done.status.success().then(|| set.collect())
}

fn our_set(
    root: &Path,
    architecture: &str,
    preferences: &str,
    asked: &str,
) -> Option<BTreeSet<String>> {
    let index = index(root, architecture, preferences);
    let (mut roots, mut versions) = (Vec::new(), Vec::new());
    for one in asked.split(' ') {
        let (name, version) = one.split_once('=').unwrap_or((one, ""));
        roots.push(Dependency::on(name));
        if !version.is_empty() {
            versions.push((name.to_owned(), version.to_owned()));
        }
    }
    let options = ResolveOptions { versions: &versions, ..ResolveOptions::default() };
    let closure = closure(&index, &roots, options).ok()?;
    let chosen = closure.packages.iter().map(|one| one.package);
    Some(chosen.map(|package| format!("{}={}", package.name(), package.version())).collect())
}

fn index(root: &Path, architecture: &str, preferences: &str) -> Index {
    let archives = SUITES.map(|(suite, ..)| {
        let text = fs::read_to_string(root.join(format!("dists/{suite}/Release"))).unwrap();
        let release = Release::parse(&text).unwrap();
        Archive {
            label: release.label().unwrap().to_owned(),
            suite: suite.to_owned(),
            version: release.version,
            codename: release.codename,
            class: release.suite,
            origin: release.origin,
            automatic: release.automatic,
            base: "http://mirror.invalid/".parse().unwrap(),
        }
    });
    let mut problems = Vec::new();
    let pins = Pins::parse([("preferences", preferences)], &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    let mut builder =
        IndexBuilder::new(architecture, Archives::new(archives.to_vec())).pinned(pins);
    for (at, (suite, ..)) in (0..).zip(SUITES) {
        let text = root.join(format!("dists/{suite}/main/binary-{architecture}/Packages"));
        builder.add_component(fs::read(text).unwrap(), ArchiveId(at), "main");
    }
    builder.finish()
}

/// `None` where there is no such program.
fn of_apt(root: &Path, program: &str, arguments: &[&str]) -> Option<Output> {
    let mut command = Command::new(program);
    command.args(arguments).env("APT_CONFIG", root.join("apt.conf")).env("LC_ALL", "C.UTF-8");
    command.output().ok()
}
