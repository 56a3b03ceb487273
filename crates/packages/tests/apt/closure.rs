//! Closures against apt's own, on this machine's lists: the same names in the same versions.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use lightship_packages::apt::{
    ArchiveId, Archives, Dependency, Index, IndexBuilder, Package, ResolveOptions, closure,
};
use rayon::prelude::*;

/// What is asked for, each line at once. Each costs apt a second of a processor.
const ASKED: &[&str] = &[
    "python3-venv",
    "python3-numpy",
    "nginx",
    "git",
    "ffmpeg",
    "openssh-server",
    "postgresql",
    "exim4",
    "nodejs",
    "build-essential",
    "imagemagick",
    "systemd",
    "bsd-mailx",
    "mawk gawk",
    "python3 libgomp1 libpq5 ca-certificates",
    "nginx curl postgresql-client",
    "r-base-core default-jre-headless",
    "postfix mailutils",
    "apt dpkg bash coreutils",
];

#[test]
fn the_same_sets_as_apt() {
    let Some(index) = this_machines_index() else {
        crate::skip("apt has no lists here");
        return;
    };
    // A cache of its own: the machine's is not to be touched.
    let cache = tempfile::tempdir().unwrap();
    // The first question fills the cache for the others.
    apts_set(&["base-files"], cache.path());
    let compared: Vec<Result<(), String>> =
        ASKED.par_iter().filter_map(|asked| compare(&index, asked, cache.path())).collect();
    let wrong: Vec<String> = compared.iter().filter_map(|one| one.clone().err()).collect();
    println!("{} sets compared", compared.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared.len() >= 14, "only {} sets could be compared", compared.len());
}

/// Nothing where apt has no answer; else what differs, if anything does.
fn compare(index: &Index, asked: &str, cache: &Path) -> Option<Result<(), String>> {
    let names: Vec<&str> = asked.split(' ').collect();
    let Some(theirs) = apts_set(&names, cache) else {
        println!("apt cannot install {asked} from these lists");
        return None;
    };
    let roots: Vec<Dependency> = names.iter().map(|name| Dependency::on(*name)).collect();
    let begun = Instant::now();
    let ours = match closure(index, &roots, ResolveOptions::default()) {
        Ok(closure) => closure,
        Err(error) => return Some(Err(format!("{asked}: {error}"))),
    };
    println!("{asked}: {} packages in {:?}", ours.packages.len(), begun.elapsed());
    let shown = |package: Package<'_>| format!("{}={}", package.name(), package.version());
    let ours: BTreeSet<String> = ours.packages.iter().map(|one| shown(one.package)).collect();
    let more: Vec<_> = ours.difference(&theirs).collect();
    let less: Vec<_> = theirs.difference(&ours).collect();
    if more.is_empty() && less.is_empty() {
        return Some(Ok(()));
    }
    Some(Err(format!("{asked}: only ours {more:?}, only apt's {less:?}")))
}

/// The indexes that apt itself reads, in its order.
fn this_machines_index() -> Option<Index> {
    let files =
        output("apt-get", &["indextargets", "--format", "$(FILENAME)", "Created-By: Packages"])?;
    let architecture = output("dpkg", &["--print-architecture"])?;
    let mut builder = IndexBuilder::new(architecture.trim(), Archives::default());
    let mut bytes = 0;
    for file in files.lines() {
        if let Some(text) = output("/usr/lib/apt/apt-helper", &["cat-file", file]) {
            bytes += text.len();
            builder.add(text.into_bytes(), ArchiveId(0));
        }
    }
    let begun = Instant::now();
    let index = builder.finish();
    println!("{} packages in {bytes} bytes: {:?}", index.len(), begun.elapsed());
    (!index.is_empty()).then_some(index)
}

fn apts_set(names: &[&str], cache: &Path) -> Option<BTreeSet<String>> {
    let cache = format!("Dir::Cache={}/", cache.display());
    let mut arguments = vec![
        "-s",
        "install",
        "--no-install-recommends",
        "-o",
        "Dir::State::status=/dev/null",
        "-o",
        "Dir::State::extended_states=/dev/null",
        "-o",
        &cache,
        // Images of containers switch caches off, which makes each question take seconds.
        "-o",
        "Dir::Cache::pkgcache=pkgcache.bin",
        "-o",
        "Dir::Cache::srcpkgcache=srcpkgcache.bin",
        "-o",
        "Debug::NoLocking=true",
    ];
    arguments.extend(names);
    let text = output("apt-get", &arguments)?;
    let set = text.lines().filter_map(|line| line.strip_prefix("Inst ")).map(|line| {
        let (name, rest) = line.split_once(' ').unwrap();
        let version = rest.trim_start_matches('(').split(' ').next().unwrap();
        format!("{name}={version}")
    });
    Some(set.collect())
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let done = Command::new(program).args(arguments).env("LC_ALL", "C.UTF-8").output().ok()?;
    done.status.success().then(|| String::from_utf8_lossy(&done.stdout).into_owned())
}
