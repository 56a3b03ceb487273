//! Indexes over HTTP, whose lists of files uv keeps for a while.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use lightship_build::resolve::{Requirements, Source, Upgrade};
use lightship_packages::index::{Index, Place, Role};

use crate::make::{Bench, told};

/// Python's own server, which says nothing about how long its answers are good for.
struct Served(Child, Index);

impl Served {
    fn of(bench: &Bench, repository: &str) -> Self {
        let folder = bench.path(repository);
        let mut child = Command::new("python3")
            .args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory"])
            .arg(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.split_whitespace().skip_while(|word| *word != "port").nth(1).unwrap();
        let url = format!("http://127.0.0.1:{port}/").parse().unwrap();
        Self(child, Index::new("house", Place::Repository(url), Role::Default))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn lists_of_files_are_kept_until_something_newer_is_wanted() {
    let Some(bench) = Bench::new() else { return };
    bench.listed("house", "demo", "1.0", &[]);
    let served = Served::of(&bench, "house");
    let version = |requirement: &str, upgrade: &Upgrade| {
        let file = bench.write("project/requirements.txt", requirement);
        let requirements = Requirements::read(&[file], &|_| None).unwrap();
        let source = Source::Requirements { requirements, project: None };
        let indexes = std::slice::from_ref(&served.1);
        let resolution = bench.resolve_now(indexes, &source, upgrade).unwrap();
        resolution.wheels[0].version.clone()
    };
    assert_eq!(version("demo", &Upgrade::Keep), "1.0");
    bench.listed("house", "demo", "1.1", &[]);
    assert_eq!(version("demo", &Upgrade::Keep), "1.0", "the list of before is good enough");
    assert_eq!(version("demo==1.1", &Upgrade::Keep), "1.1");
    bench.listed("house", "demo", "1.2", &[]);
    assert_eq!(version("demo", &Upgrade::All), "1.2");
}

#[test]
fn an_index_that_has_no_digests_is_asked_twice() {
    let Some(bench) = Bench::new() else { return };
    for (name, needs) in [("demo", &["needed"][..]), ("needed", &[])] {
        bench.listed("house", name, "1.0", needs);
        let page = bench.path(&format!("house/{name}/index.html"));
        let text = std::fs::read_to_string(&page).unwrap();
        let (link, rest) = text.split_once("#sha256=").unwrap();
        std::fs::write(&page, format!("{link}{}", &rest[64..])).unwrap();
    }
    let served = Served::of(&bench, "house");
    let file = bench.write("project/requirements.txt", "demo\n");
    let requirements = Requirements::read(&[file], &|_| None).unwrap();
    let source = Source::Requirements { requirements, project: None };
    let resolution = bench.resolve_from(std::slice::from_ref(&served.1), &source).unwrap();
    assert_eq!(told(&resolution), ["demo 1.0 [needed] house", "needed 1.0 [] house"]);
    // uv has computed them.
    let bytes = std::fs::read(bench.path("house/demo/demo-1.0-py3-none-any.whl")).unwrap();
    assert_eq!(resolution.wheels[0].file.sha256, lightship_base::Digest::of(&bytes));
}
