//! Pipelines in Python: compiled by the real SDK, run, and compared with the SDK's own local runner.
//!
//! The pipelines are in `pipelines.py`. The SDK is in an environment that `scripts/setup.sh` makes; where that is
//! missing, the tests say that they are skipped.

mod compared;
mod constructs;
mod ended;
mod refused;
mod sandboxed;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lightship_testkit::docker_registry::skip;

use self::ended::Ended;
use crate::build::stock::machine;
use crate::common::{Run, TestEnvironment};

/// A Python with the SDK; `scripts/setup.sh` makes it.
const PYTHON: &str = "kfp-python";

/// What is beside the tests, and in the working folder of each.
const FILES: [&str; 7] = [
    "pipelines.py",
    "helpers.py",
    "local.py",
    "broken.py",
    "single.py",
    "notebook.py",
    "square.ipynb",
];

/// What steps ask for as `TOOLS`: an image with a shell.
const TOOLS: &str = "[base]\nshell = true\n\n[image]\nuser = \"root\"\n";

/// A machine with the SDK, the pipelines in its working folder, and a home in which their images are built already.
struct Sdk {
    environment: TestEnvironment,
    home: PathBuf,
}

impl Sdk {
    /// All tests share the home, as commands of one user do; nothing where there is no SDK.
    fn open() -> Option<Self> {
        let mut environment = machine()?;
        if !environment.shell(&format!("command -v {PYTHON}")).status.success() {
            skip("no Python with the Kubeflow SDK (scripts/setup.sh makes one)");
            return None;
        }
        environment.allow(Duration::from_mins(5));
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sdk-tests");
        let home = folder.join("home");
        fs::create_dir_all(&home).unwrap();
        environment.set("LIGHTSHIP_HOME", home.to_str().unwrap());
        let sdk = Self { environment, home };
        sdk.copy_pipelines();
        let turn = File::create(folder.join("turn")).unwrap();
        turn.lock().unwrap();
        sdk.fill();
        drop(turn);
        Some(sdk)
    }

    fn copy_pipelines(&self) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk");
        for name in FILES {
            fs::copy(folder.join(name), self.environment.work().join(name)).unwrap();
        }
    }

    /// Builds what the steps run in. A second time there is nothing to do.
    fn fill(&self) {
        let tools = self.environment.work().join("tools");
        fs::create_dir(&tools).unwrap();
        fs::write(tools.join("lightship.toml"), TOOLS).unwrap();
        fs::write(tools.join("hello.py"), "print('hello')\n").unwrap();
        let built = self.environment.run("--quiet build tools -t tools:v1");
        assert_eq!((built.code(), built.stderr.as_str()), (0, ""));
        for function in ["artifacts", "own_environment"] {
            let run = self.bake(function);
            assert_eq!(run.code(), 0, "{}{}", run.stdout, run.stderr);
        }
    }

    /// Bakes a pipeline of `pipelines.py` into `baked.yaml`.
    fn bake(&self, function: &str) -> Run {
        self.environment.run(&format!(
            "--quiet bake pipelines.py:{function} --python {PYTHON} -o baked.yaml --format json"
        ))
    }

    /// Runs a pipeline of `pipelines.py` and says what came of it. Only what failed may be told as a failure.
    fn run(&self, function: &str, parameters: &[(&str, &str)]) -> Ended {
        self.run_with(function, parameters, "--no-cache")
    }

    /// The same with further options.
    fn run_with(&self, function: &str, parameters: &[(&str, &str)], options: &str) -> Ended {
        let name = format!("{function}-{}", self.environment.work().display());
        self.run_file(&format!("pipelines.py:{function}"), &name, parameters, options)
    }

    /// The same for a pipeline of any file.
    fn run_file(
        &self,
        file: &str,
        name: &str,
        parameters: &[(&str, &str)],
        options: &str,
    ) -> Ended {
        let mut line = format!("run {file} --python {PYTHON} --name {name} {options}");
        for (key, value) in parameters {
            line += &format!(" -p {key}={value}");
        }
        let run = self.environment.run(&line);
        let ended = Ended::read(&self.home, name, &run);
        let expected = i32::from(!ended.succeeded());
        assert_eq!(run.code(), expected, "{line}: {}{}", run.stdout, run.stderr);
        ended
    }
}
