//! Projects as setuptools knows them: requirements in `setup.cfg`, packages below `src/`.

use std::fs;

use super::refusal;
use super::stock::Stocked;

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
