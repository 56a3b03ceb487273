//! Requirements files and project files.

use lightship_build::resolve::{Error, Requirements, Source, Target, Upgrade};
use lightship_packages::index::Role;
use lightship_packages::lock::Lock;
use lightship_packages::wheel::{Interpreter, Libc, Machine};

use crate::make::{Bench, file_name, told};

#[test]
fn requirements_become_wheels_with_edges_and_labels() {
    let Some(bench) = Bench::new() else { return };
    let digest = bench.wheel(
        "top",
        "1.0",
        "py3-none-any",
        &["middle[more]>=1", "gone; sys_platform == 'win32'"],
    );
    bench.wheel("middle", "1.5", "py3-none-any", &["Bottom-Thing<3; extra == 'more'"]);
    bench.wheel("bottom-thing", "2.0", "py3-none-any", &[]);
    bench.wheel("bottom-thing", "3.0", "py3-none-any", &[]);
    let resolution = bench.requirements("top  # ours\n").unwrap();
    assert_eq!(
        told(&resolution),
        [
            "bottom-thing 2.0 [] wheelhouse",
            "middle 1.5 [bottom-thing] wheelhouse",
            "top 1.0 [middle] wheelhouse"
        ]
    );
    let top = resolution.wheels.iter().find(|wheel| wheel.name == "top").unwrap();
    assert_eq!(top.file.sha256, digest);
    assert_eq!(top.file.name, file_name("top", "1.0", "py3-none-any"));
    assert!(resolution.addresses.values().all(|known| known.get(&digest).is_none()));
}

#[test]
fn locked_versions_are_kept_until_they_are_to_be_renewed() {
    let Some(bench) = Bench::new() else { return };
    bench.wheel("one", "1.0", "py3-none-any", &[]);
    bench.wheel("two", "1.0", "py3-none-any", &[]);
    let lock = Lock { wheels: bench.requirements("one\ntwo").unwrap().wheels, ..Lock::default() };
    bench.wheel("one", "2.0", "py3-none-any", &[]);
    bench.wheel("two", "2.0", "py3-none-any", &[]);
    let file = bench.path("project/requirements.txt");
    let requirements = lightship_build::resolve::Requirements::read(&[file], &|_| None).unwrap();
    let source = Source::Requirements { requirements, project: None };
    let versions = |upgrade: &Upgrade| {
        let resolution = bench.resolve(&source, Some(&lock), upgrade, &bench.native).unwrap();
        let mut versions: Vec<_> =
            resolution.wheels.into_iter().map(|wheel| (wheel.name, wheel.version)).collect();
        versions.sort();
        versions.into_iter().map(|(_, version)| version).collect::<Vec<_>>()
    };
    assert_eq!(versions(&Upgrade::Keep), ["1.0", "1.0"]);
    assert_eq!(versions(&Upgrade::Only(vec!["Two".to_owned()])), ["1.0", "2.0"]);
    assert_eq!(versions(&Upgrade::All), ["2.0", "2.0"]);
}

#[test]
fn what_cannot_be_met_is_explained() {
    let Some(bench) = Bench::new() else { return };
    bench.wheel("one", "1.0", "py3-none-any", &["two>=2"]);
    bench.wheel("two", "1.0", "py3-none-any", &[]);
    let error = bench.requirements("one\n").unwrap_err();
    assert!(matches!(error, Error::Unsatisfiable { .. }), "{error:?}");
    let told = error.to_string();
    assert!(told.contains("all versions of one depend on two>=2"), "{told}");
    assert!(!told.contains(bench.folder.path().to_str().unwrap()), "{told}");
    bench.wheel("elsewhere", "1.0", "cp311-cp311-win_amd64", &[]);
    let told = bench.requirements("elsewhere\n").unwrap_err().to_string();
    assert!(told.contains("no wheels with a matching"), "{told}");
}

#[test]
fn another_machine_gets_its_own_wheels() {
    let Some(bench) = Bench::new() else { return };
    for machine in ["x86_64", "aarch64"] {
        bench.wheel("native", "1.0", &format!("cp312-cp312-manylinux_2_28_{machine}"), &[]);
    }
    bench.wheel("native", "1.0", "cp312-cp312-manylinux_2_39_aarch64", &[]);
    let requirements = bench.write("project/requirements.txt", "native\n");
    let requirements =
        lightship_build::resolve::Requirements::read(&[requirements], &|_| None).unwrap();
    let source = Source::Requirements { requirements, project: None };
    let file = |machine, glibc| {
        let kind =
            Interpreter { minor: 12, free_threaded: false, libc: Libc::Glibc(glibc), machine };
        let target = Target { python: "3.12.4".to_owned(), kind, beside: Some(Machine::X86_64) };
        let resolution = bench.resolve(&source, None, &Upgrade::Keep, &target).unwrap();
        resolution.wheels[0].file.name.clone()
    };
    assert!(file(Machine::Aarch64, 36).ends_with("manylinux_2_28_aarch64.whl"));
    assert!(file(Machine::Aarch64, 41).ends_with("manylinux_2_39_aarch64.whl"));
    assert!(file(Machine::X86_64, 36).ends_with("manylinux_2_28_x86_64.whl"));
}

#[test]
fn a_project_file_brings_extras_groups_and_indexes() {
    let Some(bench) = Bench::new() else { return };
    for name in ["always", "extra", "grouped"] {
        bench.wheel(name, "1.0", "py3-none-any", &[]);
    }
    bench.write(
        "project/pyproject.toml",
        "[project]\nname = \"demo\"\nversion = \"1\"\ndependencies = [\"always\"]\n\
         [project.optional-dependencies]\nx = [\"extra\"]\n[dependency-groups]\ng = [\"grouped\"]\n",
    );
    let resolve = |extras: &[&str], groups: &[&str]| {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let folder = bench.path("project");
        let source = Source::Pyproject {
            folder,
            extras: own(extras),
            groups: own(groups),
            alone: std::collections::BTreeSet::default(),
        };
        let resolution = bench.resolve(&source, None, &Upgrade::Keep, &bench.native).unwrap();
        resolution.wheels.into_iter().map(|wheel| wheel.name).collect::<Vec<_>>()
    };
    assert_eq!(resolve(&[], &[]), ["always"]);
    assert_eq!(resolve(&["x"], &["g"]), ["always", "extra", "grouped"]);

    bench.wheel("needs", "1.0", "py3-none-any", &["always"]);
    bench.write(
        "other/pyproject.toml",
        "[project]\nname = \"other\"\nversion = \"1\"\ndependencies = [\"needs\"]\n",
    );
    for alone in [&[][..], &["needs"]] {
        let source = Source::Pyproject {
            folder: bench.path("other"),
            extras: Vec::new(),
            groups: Vec::new(),
            alone: alone.iter().map(|name| (*name).to_owned()).collect(),
        };
        let found = bench.resolve(&source, None, &Upgrade::Keep, &bench.native).unwrap().wheels;
        assert_eq!(found.len(), if alone.is_empty() { 2 } else { 1 }, "{alone:?}");
    }
}

#[test]
fn packages_of_an_index_come_from_there_and_nothing_else_does() {
    let Some(bench) = Bench::new() else { return };
    let main = [("demo", "1.0", &[][..]), ("demo", "3.0", &[]), ("other", "1.0", &[])];
    for (name, version, needs) in main.into_iter().chain([("user", "1.0", &["demo", "other"][..])])
    {
        bench.listed("main", name, version, needs);
    }
    bench.listed("cpu", "demo", "2.0", &["later"]);
    bench.listed("cpu", "later", "2.0", &[]);
    bench.listed("cpu", "other", "9.0", &[]);
    bench.listed("main", "later", "1.0", &[]);
    let cpu = ["demo", "later", "unneeded"].map(str::to_owned).to_vec();
    let indexes = [
        bench.repository("cpu", Role::Named).with_packages(cpu),
        bench.repository("main", Role::Default),
    ];
    let resolve = |line: &str| {
        let file = bench.write("project/requirements.txt", line);
        let requirements = Requirements::read(&[file], &|_| None).unwrap();
        let source = Source::Requirements { requirements, project: None };
        bench.resolve_from(&indexes, &source).map(|resolution| told(&resolution))
    };
    let demo = "demo 2.0 [later] cpu";
    let later = "later 2.0 [] cpu";
    assert_eq!(resolve("demo\n").unwrap(), [demo, later]);
    // Somebody else's requirement is met from there, too.
    let (other, user) = ("other 1.0 [] main", "user 1.0 [demo other] main");
    assert_eq!(resolve("user\n").unwrap(), [demo, later, other, user]);
    assert_eq!(resolve("other\n").unwrap(), [other]);
    // The other index has it, but is not asked.
    let told = resolve("user\ndemo==3.0\n").unwrap_err().to_string();
    assert!(told.contains("cannot be met") && told.contains("demo==3.0"), "{told}");
}

#[test]
fn hashes_hold_the_files_that_have_them_and_all_where_that_is_required() {
    let Some(bench) = Bench::new() else { return };
    let top = bench.wheel("top", "1.0", "py3-none-any", &["needed"]).hex();
    let needed = bench.wheel("needed", "1.0", "py3-none-any", &[]).hex();
    let zeros = "0".repeat(64);
    let locked = told(&bench.requirements(&format!("top --hash=sha256:{top}\n")).unwrap());
    assert_eq!(locked, ["needed 1.0 [] wheelhouse", "top 1.0 [needed] wheelhouse"]);
    let both = format!("top --hash=sha256:{zeros} --hash=sha256:{top}\n");
    bench.requirements(&both).unwrap();

    let fails = |text: &str| bench.requirements(text).unwrap_err().to_string();
    let wrong = fails(&format!("top==1.0 --hash=sha256:{zeros}\n"));
    insta::assert_snapshot!(wrong, @"top-1.0-py3-none-any.whl has none of the hashes that the requirements have for top");
    let bare = fails(&format!("--require-hashes\ntop --hash=sha256:{top}\n"));
    insta::assert_snapshot!(bare, @"needed is needed and has no hash in the requirements, and `--require-hashes` wants one for everything");
    let all = format!("--require-hashes\ntop --hash=sha256:{top}\nneeded --hash=sha256:{needed}\n");
    assert_eq!(told(&bench.requirements(&all).unwrap()), locked);
}

#[test]
fn the_project_among_its_requirements_brings_its_extras() {
    let Some(bench) = Bench::new() else { return };
    for name in ["always", "extra", "listed"] {
        bench.wheel(name, "1.0", "py3-none-any", &[]);
    }
    bench.write(
        "project/pyproject.toml",
        "[project]\nname = \"demo\"\nversion = \"1\"\ndependencies = [\"always\"]\n\
         [project.optional-dependencies]\nweb = [\"extra\"]\n",
    );
    let names = |text: &str| {
        let file = bench.write("project/requirements.txt", text);
        let requirements = Requirements::read(&[file], &|_| None).unwrap();
        let source = Source::Requirements { requirements, project: Some(bench.path("project")) };
        let resolution = bench.resolve(&source, None, &Upgrade::Keep, &bench.native).unwrap();
        resolution.wheels.into_iter().map(|wheel| wheel.name).collect::<Vec<_>>()
    };
    assert_eq!(names("-e .\nlisted\n"), ["always", "listed"]);
    assert_eq!(names("-e .[web]\nlisted\n"), ["always", "extra", "listed"]);
}

#[test]
fn variables_lead_to_indexes() {
    let Some(bench) = Bench::new() else { return };
    bench.listed("house", "demo", "1.0", &[]);
    let url = lightship_net::Url::from_directory_path(bench.path("house")).unwrap().to_string();
    let file = bench.write("project/requirements.txt", "--index-url ${HOUSE}\n${WHICH}\n");
    let variable = |name: &str| match name {
        "HOUSE" => Some(url.clone()),
        "WHICH" => Some("demo".to_owned()),
        _ => None,
    };
    let requirements = Requirements::read(&[file], &variable).unwrap();
    let source = Source::Requirements { requirements, project: None };
    let resolution = bench.resolve_from(&[], &source).unwrap();
    assert_eq!(told(&resolution), ["demo 1.0 [] default"]);
    assert_eq!(source.indexes().len(), 1);
}
