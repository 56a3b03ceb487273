//! What the tests of building share: one store with all packages that they need, filled once.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lightship_testkit::docker_registry::skip;
use serde_json::Value;

use super::{REQUIREMENTS, write_project};
use crate::common::{LIGHTSHIP, TestEnvironment};

/// A machine with a filled store (`home`), and a project with its lock (`project`), which was built there.
pub(super) struct Stocked {
    pub(super) environment: TestEnvironment,
    /// What the build of the project reported.
    pub(super) report: Value,
}

impl Stocked {
    /// A copy of the stock; nothing, and a line on standard error, where none can be made.
    pub(super) fn open() -> Option<Self> {
        let environment = machine()?;
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("build-tests");
        fs::create_dir_all(&folder).unwrap();
        // Whoever comes first fills it; processes of all other tests wait here.
        let turn = File::create(folder.join("turn")).unwrap();
        turn.lock().unwrap();
        let report = filled(&environment, &folder);
        for name in ["home", "project"] {
            let copy = environment.work().join(name);
            let (from, to) = (folder.join(name), copy.display().to_string());
            environment.peer("cp", &["-a", "--reflink=auto", from.to_str().unwrap(), &to]);
        }
        drop(turn);
        Some(Self { environment, report })
    }

    pub(super) fn home(&self) -> PathBuf {
        self.environment.work().join("home")
    }

    pub(super) fn project(&self) -> PathBuf {
        self.environment.work().join("project")
    }

    /// Makes the store forget what became of packages: the next build makes everything anew.
    pub(super) fn forget_results(&self) {
        for kind in ["layers", "recipes", "bytecode", "workbenches"] {
            fs::remove_dir_all(self.home().join("store/refs").join(kind)).unwrap();
        }
        fs::remove_dir_all(self.home().join("facts")).unwrap();
    }
}

/// A machine whose store has the distribution's lists, and packages for web files and for programs; nothing
/// was made of them yet. They are fetched once, and stay in the target folder.
pub(super) fn with_packages() -> Option<TestEnvironment> {
    let mut environment = machine()?;
    environment.allow(Duration::from_mins(2));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kinds-tests");
    fs::create_dir_all(&folder).unwrap();
    let turn = File::create(folder.join("turn")).unwrap();
    turn.lock().unwrap();
    let (home, filled) = (folder.join("home"), folder.join("filled"));
    if !filled.exists() {
        let site = environment.work().join("filling");
        fs::create_dir_all(site.join("dist")).unwrap();
        fs::write(site.join("dist/index.html"), "x").unwrap();
        let settings =
            "[app]\nstatic = \"dist\"\n[base]\npackages = [\"tzdata\", \"ca-certificates\"]\n";
        fs::write(site.join("lightship.toml"), settings).unwrap();
        let line = format!("--quiet --home {} vendor vendored --project filling", home.display());
        let run = environment.run(&line);
        assert_eq!((run.code(), run.stderr.as_str()), (0, ""));
        fs::remove_dir_all(site).unwrap();
        fs::remove_dir_all(environment.work().join("vendored")).unwrap();
        fs::write(filled, "").unwrap();
    }
    let copy = environment.work().join("home").display().to_string();
    environment.peer("cp", &["-a", "--reflink=auto", home.to_str().unwrap(), &copy]);
    drop(turn);
    Some(environment)
}

/// Variables of this machine that say where packages are, and how they are fetched.
const CONFIGURATION: [&str; 19] = [
    "PATH",
    "LIGHTSHIP_APT",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NETRC",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_CERT",
    "PIP_CONFIG_FILE",
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "XDG_CONFIG_HOME",
];

/// A variable of this machine itself.
#[expect(clippy::disallowed_methods, reason = "where packages are, only this machine's user knows")]
pub(super) fn own_variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// An environment in which packages can be fetched as this machine fetches them; its store is `home`.
pub(crate) fn machine() -> Option<TestEnvironment> {
    let mut environment = TestEnvironment::new();
    for name in CONFIGURATION {
        if let Some(value) = own_variable(name) {
            environment.set(name, &value);
        }
    }
    if let (Some(home), None) = (own_variable("HOME"), own_variable("XDG_CONFIG_HOME")) {
        environment.set("XDG_CONFIG_HOME", &format!("{home}/.config"));
    }
    environment.set("LIGHTSHIP_HOME", environment.work().join("home").to_str().unwrap());
    if !environment.shell("command -v uv").status.success() {
        skip("no uv along PATH (scripts/setup.sh has it)");
        return None;
    }
    let sources = environment.shell(
        "cd ${LIGHTSHIP_APT:-/etc/apt} && cat sources.list sources.list.d/*.list sources.list.d/*.sources",
    );
    if !sources.stdout.lines().any(|line| line.starts_with("deb ") || line.starts_with("URIs:")) {
        skip("apt has no archives here");
        return None;
    }
    Some(environment)
}

/// Builds the project with the store in `folder/home`, unless this very binary has done so, and keeps it
/// with its lock and the report. It is built where no repository is around it, whose revision would be noted
/// in the image. What an older binary left in the store is used as a user's is; if that fails, nothing is.
fn filled(environment: &TestEnvironment, folder: &Path) -> Value {
    let binary = fs::metadata(LIGHTSHIP).unwrap();
    let stamp = format!("{} {:?}", binary.len(), binary.modified().unwrap());
    let (made_by, report) = (folder.join("made-by"), folder.join("report.json"));
    if fs::read_to_string(&made_by).ok().as_ref() != Some(&stamp) {
        let _ = fs::remove_file(&made_by);
        let (home, project) = (folder.join("home"), environment.work().join("project"));
        let line =
            format!("--quiet --home {} build project -t app:v1 --format json", home.display());
        write_project(&project, REQUIREMENTS);
        let mut run = environment.run(&line);
        if !run.status.success() {
            let _ = fs::remove_dir_all(&home);
            run = environment.run(&line);
        }
        assert_eq!((run.code(), run.stderr.as_str()), (0, ""));
        let _ = fs::remove_dir_all(folder.join("project"));
        let (from, to) = (project.display().to_string(), folder.display().to_string());
        environment.peer("cp", &["-a", &from, &to]);
        fs::remove_dir_all(project).unwrap();
        fs::write(&report, run.stdout).unwrap();
        fs::write(&made_by, stamp).unwrap();
    }
    serde_json::from_str(&fs::read_to_string(report).unwrap()).unwrap()
}
