//! Locks of other tools.

use lightship_build::resolve::{Error, Source, Upgrade};
use lightship_packages::lock::Inputs;

use crate::make::{Bench, address, file_name, told};

#[test]
fn a_pylock_is_taken_as_it_is() {
    let Some(bench) = Bench::new() else { return };
    let allowed = bench.wheel("one", "1.0", "py3-none-any", &["unlocked"]);
    bench.wheel("two", "1.0", "py3-none-any", &[]);
    // Better, newer, and not in the lock.
    bench.wheel("one", "1.0", "py310-none-any", &[]);
    bench.wheel("one", "2.0", "py3-none-any", &[]);
    let wheel =
        |name: &str| bench.path(&format!("wheels/{}", file_name(name, "1.0", "py3-none-any")));
    let text = |digest: &str| {
        format!(
            "lock-version = \"1.0\"\ncreated-by = \"test\"\n\
             [[packages]]\nname = \"one\"\nversion = \"1.0\"\ndependencies = [{{ name = \"two\" }}]\n\
             wheels = [{{ url = \"{}\", hashes = {{ sha256 = \"{digest}\" }} }}]\n\
             [[packages]]\nname = \"two\"\nversion = \"1.0\"\nmarker = \"sys_platform == 'win32'\"\n\
             wheels = [{{ path = \"../wheels/{}\", hashes = {{ sha256 = \"{digest}\" }} }}]\n",
            address(&wheel("one")),
            file_name("two", "1.0", "py3-none-any"),
        )
    };
    let file = bench.write("project/pylock.toml", &text(&allowed.hex()));
    let source = Source::Pylock { file, extras: Vec::new(), groups: Vec::new() };
    let resolution = bench.resolve(&source, None, &Upgrade::Keep, &bench.native).unwrap();
    assert_eq!(told(&resolution), ["one 1.0 [] wheelhouse"]);
    assert_eq!(resolution.wheels[0].file.sha256, allowed);
    bench.write(
        "project/pylock.toml",
        "lock-version = \"1.0\"\n[[packages]]\nname = \"x\"\n[packages.vcs]\ntype = \"git\"\n",
    );
    let error = bench.resolve(&source, None, &Upgrade::Keep, &bench.native).unwrap_err();
    assert_eq!(error.to_string(), "x comes from a git repository, which is not supported yet");
}

#[test]
fn the_groups_of_a_pylock_are_chosen() {
    let Some(bench) = Bench::new() else { return };
    let names = ["one", "two", "three"];
    let digests = names.map(|name| bench.wheel(name, "1.0", "py3-none-any", &[]));
    let package = |at: usize, marker: &str| {
        let (name, file) = (names[at], file_name(names[at], "1.0", "py3-none-any"));
        format!(
            "[[packages]]\nname = \"{name}\"\nversion = \"1.0\"\nmarker = '{marker}'\n\
             wheels = [{{ path = \"../wheels/{file}\", url = \"{}\", hashes = {{ sha256 = \"{}\" }} }}]\n",
            address(&bench.path(&format!("wheels/{file}"))),
            digests[at].hex(),
        )
    };
    let text = "lock-version = \"1.0\"\nrequires-python = \">=3.9\"\nextras = [\"more\"]\n\
                dependency-groups = [\"default\", \"dev\"]\ndefault-groups = [\"default\"]\n"
        .to_owned()
        + &package(0, "\"default\" in dependency_groups")
        + &package(1, "\"dev\" in dependency_groups")
        + &package(2, "\"more\" in extras");
    let file = bench.write("project/pylock.toml", &text);
    let resolve = |extras: &[&str], groups: &[&str]| {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let source =
            Source::Pylock { file: file.clone(), extras: owned(extras), groups: owned(groups) };
        bench.resolve(&source, None, &Upgrade::Keep, &bench.native)
    };
    assert_eq!(told(&resolve(&[], &[]).unwrap()), ["one 1.0 [] wheelhouse"]);
    let [one, two, three] = names.map(|name| format!("{name} 1.0 [] wheelhouse"));
    assert_eq!(told(&resolve(&["more"], &["dev"]).unwrap()), [one, three, two]);
    bench.write("project/pylock.toml", &text.replace(">=3.9", "<3"));
    let error = resolve(&[], &[]).unwrap_err();
    assert!(matches!(error, Error::Lock { .. }), "{error:?}");
    let python = &bench.native.python;
    let told = format!("it is for Python <3, and the image has Python {python}");
    assert!(error.to_string().ends_with(&told), "{error}");
}

#[test]
fn a_poetry_lock_allows_its_own_files_only() {
    let Some(bench) = Bench::new() else { return };
    let digest = bench.wheel("one", "1.0", "py3-none-any", &[]);
    bench.wheel("one", "2.0", "py3-none-any", &[]);
    bench.wheel("two", "1.0", "py3-none-any", &[]);
    let text = |hex: &str| {
        format!(
            "[[package]]\nname = \"one\"\nversion = \"1.0\"\ngroups = [\"main\"]\n\
             files = [{{ file = \"x\", hash = \"sha256:{hex}\" }}]\n[package.dependencies]\ntwo = \"*\"\n\
             [[package]]\nname = \"two\"\nversion = \"1.0\"\ngroups = [\"main\"]\nmarkers = \"sys_platform == 'win32'\"\nfiles = []\n"
        )
    };
    let file = bench.write("project/poetry.lock", &text(&digest.hex()));
    let source = Source::Poetry { file, groups: Vec::new() };
    let resolve = || bench.resolve(&source, None, &Upgrade::Keep, &bench.native);
    assert_eq!(told(&resolve().unwrap()), ["one 1.0 [] wheelhouse"]);
    // Somebody adds a file that would fit better; the lock still means the one that it was made with.
    let tag = format!("py3{}-none-any", bench.native.kind.minor);
    bench.wheel("one", "1.0", &tag, &["later"]);
    let resolution = resolve().unwrap();
    assert_eq!(resolution.wheels[0].file.sha256, digest);
    bench.write("project/poetry.lock", &text(&"0".repeat(64)));
    let error = resolve().unwrap_err();
    assert!(matches!(error, Error::NotAllowed { .. }), "{error:?}");
}

#[test]
fn a_pipfile_lock_is_read() {
    let Some(bench) = Bench::new() else { return };
    let digest = bench.wheel("one", "1.0", "py3-none-any", &[]);
    bench.wheel("one", "2.0", "py3-none-any", &[]);
    let text = format!(
        r#"{{"default": {{"one": {{"hashes": ["{digest}"], "version": "==1.0"}}}}, "develop": {{"two": {{"version": "==1.0"}}}}}}"#
    );
    let file = bench.write("project/Pipfile.lock", &text);
    let source = Source::Pipfile { file, develop: false };
    let resolution = bench.resolve(&source, None, &Upgrade::Keep, &bench.native).unwrap();
    assert_eq!(told(&resolution), ["one 1.0 [] wheelhouse"]);
}

#[test]
fn a_uv_lock_that_lacks_a_dependency_is_no_input() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let project = |more: &str| {
        format!("[project]\nname = \"demo\"\nversion = \"1\"\ndependencies = [\"six\"{more}]\n")
    };
    write(
        "uv.lock",
        "version = 1\n[[package]]\nname = \"demo\"\nversion = \"1\"\nsource = { virtual = \".\" }\n\
         dependencies = [{ name = \"six\" }]\n",
    );
    write("pyproject.toml", &project(""));
    let folder = folder.path().to_owned();
    let source = Source::UvLock { folder, extras: Vec::new(), groups: Vec::new() };
    source.inputs(&mut Inputs::new()).unwrap();
    write("pyproject.toml", &project(", \"idna>=3\""));
    let error = source.inputs(&mut Inputs::new()).unwrap_err();
    assert!(error.to_string().contains("uv.lock does not have idna yet"), "{error}");
}
