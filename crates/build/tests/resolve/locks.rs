//! Locks of other tools.

use lightship_build::resolve::{Error, Source, Upgrade};

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
    let source = Source::Pylock { file: file.clone() };
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
