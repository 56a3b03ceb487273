//! Projects as setuptools knows them: requirements in `setup.cfg`, packages below `src/`.

use std::fs;

use lightship_testkit::docker_registry::skip;

use super::stock::Stocked;
use super::{refusal, text};

#[test]
fn packages_below_src_are_imported_from_anywhere_and_setup_cfg_is_read() {
    let Some(stocked) = Stocked::open() else { return };
    let environment = &stocked.environment;
    let folder = environment.work().join("own");
    fs::create_dir_all(folder.join("src/greeting")).unwrap();
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    write("setup.py", "raise SystemExit('nobody runs this')\n");
    write(
        "setup.cfg",
        "[metadata]\nname = own\n\n[options]\ninstall_requires =\n    six\n\n[options.extras_require]\nsafe = markupsafe\n",
    );
    write("src/greeting/__init__.py", "import markupsafe, six\n\ntext = f'hello {six.PY3}'\n");
    write(
        "pyproject.toml",
        "[tool.lightship.python]\nextras = [\"safe\"]\n\n[tool.lightship.image]\nname = \"own\"\n\n\
         [tool.lightship.verify]\nimage = \"own:latest\"\n\n[[tool.lightship.verify.check]]\nimport = \"greeting\"\n",
    );
    environment.json(0, "build own");
    let program = "import os; os.chdir('/'); import greeting; print(greeting.text)";
    let arguments = ["--quiet", "image", "run", "own:latest", "--", "python3", "-c", program];
    assert_eq!(environment.peer(crate::common::LIGHTSHIP, &arguments), "hello True\n");

    let verdict = environment.json(0, "verify own");
    assert_eq!(verdict["verdicts"].as_array().unwrap().len(), 1, "{verdict}");

    // With a folder of packages, the lock is to blame, and not that nothing may be fetched.
    fs::create_dir(environment.work().join("vendored")).unwrap();
    write(
        "setup.cfg",
        "[options]\ninstall_requires = six\n[options.extras_require]\nsafe = packaging\n",
    );
    let said = refusal(environment, 3, "build own --vendor vendored");
    assert!(said.contains("`requirements` has changed") && said.contains("vendor"), "{said}");
    assert!(!said.contains("--offline"), "{said}");
}

#[test]
fn native_code_that_is_added_has_to_find_its_libraries() {
    let Some(stocked) = Stocked::open() else { return };
    let environment = &stocked.environment;
    let script = "
        echo 'int zzz(void) { return 1; }' > zzz.c
        echo 'int zzz(void); int ext(void) { return zzz(); }' > ext.c
        cc -shared -fPIC -Wl,-soname,libzzz.so.1 -o libzzz.so zzz.c && cc -shared -fPIC -o project/ext.so ext.c -L. -lzzz";
    if !environment.shell(script).status.success() {
        return skip("no C compiler here");
    }
    // What an earlier build found for the same lock does not answer for it.
    let said = refusal(environment, 3, "build project --locked --offline -t app:v2");
    assert!(said.contains("libzzz.so.1") && said.contains("ext.so"), "{said}");
    fs::remove_file(stocked.project().join("ext.so")).unwrap();
    let again = environment.json(0, "build project --locked --offline -t app:v3");
    assert_eq!(text(&again, "digest"), text(&stocked.report, "digest"));
}
