//! A machine on which pipelines of one step run: a root file system of a static busybox, a store of runs in memory,
//! the real driver.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lightship_base::{ByteSize, Digest, SystemClock};
use lightship_cas::Cas;
use lightship_engine::driver::{Driver, RunHandle, Settings as Room, World};
use lightship_engine::testing::{MemoryStore, header};
use lightship_engine::{Event, Failure, Outputs, RunState};
use lightship_exec::process::supervisor;
use lightship_exec::{
    Images, LocalArtifacts, LocalExecutor, Opened, Settings, Supervisors, Volumes, Walls,
};
use lightship_ir::quantity::Cpu;
use lightship_ir::{Package, Plan};
use lightship_oci::spec::RunConfig;
use lightship_oci::tar::Mtime;
use lightship_sandbox::snapshot::{FolderMeta, Ownership, Prepared};
use lightship_sandbox::{Helper, Identity, Launcher};
use serde_json::{Value, json};

pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    driver: Driver,
}

/// What became of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) state: RunState,
    /// Failures of attempts, in order.
    pub(crate) failures: Vec<Failure>,
    /// What tasks gave, in order.
    pub(crate) outputs: Vec<Arc<Outputs>>,
    /// What the first task's first attempt printed.
    pub(crate) log: Vec<u8>,
}

/// One image, whatever it is called.
struct OneImage(Prepared);

impl Images for OneImage {
    fn open(&self, reference: &str) -> Result<Opened, Failure> {
        let config = RunConfig::default();
        Ok(Opened { digest: Digest::of(reference.as_bytes()), config, root: self.0.clone() })
    }
}

const HELPER: &str = env!("CARGO_BIN_EXE_lightship-exec-helper");

impl Bench {
    /// One with sandboxes.
    pub(crate) fn new() -> Self {
        Self::with(Volumes::default(), |folder| {
            let helper = Helper { program: HELPER.into(), arguments: Vec::new() };
            let identity = Identity::detect(Path::new("/"));
            let launcher = Launcher::new(helper, &folder.join("sandboxes"), identity);
            Walls::Sandbox(launcher.unwrap())
        })
    }

    /// One without.
    pub(crate) fn without_walls() -> Self {
        Self::with(Volumes::default(), |_| {
            Walls::None(Supervisors {
                program: HELPER.into(),
                arguments: vec![supervisor::ARGUMENT.into()],
                search_path: "/usr/bin:/bin".into(),
            })
        })
    }

    fn with(volumes: Volumes, walls: impl FnOnce(&Path) -> Walls) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        busybox_root(&place("layer"));
        let cas = Cas::open(&place("store")).unwrap();
        let settings = Settings {
            walls: walls(folder.path()),
            images: Box::new(OneImage(prepared(vec![place("layer")], &cas))),
            volumes: Volumes { folder: place("volumes"), ..volumes },
            runs: place("runs"),
            artifacts: place("artifacts"),
        };
        let world = World {
            store: Arc::new(MemoryStore::default()),
            executor: Arc::new(LocalExecutor::new(settings)),
            artifacts: Arc::new(LocalArtifacts::new(place("artifacts"))),
            clock: Arc::new(SystemClock),
            probe: None,
        };
        let room = Room {
            cpu: Cpu(2000),
            memory: ByteSize(1 << 40),
            attempts: 2,
            grace: Duration::from_millis(300),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        Self { folder, runtime, driver: Driver::new(world, room) }
    }

    /// Runs a pipeline to its end.
    pub(crate) fn run(&self, documents: Vec<Value>) -> Ran {
        self.run_while(documents, |_| async {})
    }

    /// Runs a pipeline while something else is done.
    pub(crate) fn run_while<F: Future<Output = ()>>(
        &self,
        documents: Vec<Value>,
        meanwhile: impl FnOnce(Arc<RunHandle>) -> F,
    ) -> Ran {
        let package = Package::of_values(documents).unwrap();
        let plan = Plan::compile(&package).unwrap_or_else(|error| panic!("{error:?}"));
        let (mut failures, mut outputs) = (Vec::new(), Vec::new());
        let state = self.runtime.block_on(async {
            let handle = Arc::new(self.driver.submit(header("run", plan)).await.unwrap());
            meanwhile(Arc::clone(&handle)).await;
            let mut follower = handle.follow();
            while let Some(notice) = follower.next().await.unwrap() {
                match &notice.recorded.event {
                    Event::Failed { failure, .. } => failures.push(failure.clone()),
                    Event::Succeeded { outputs: gave, .. } => outputs.push(Arc::clone(gave)),
                    _ => {}
                }
            }
            Arc::into_inner(handle).unwrap().wait().await.unwrap()
        });
        let folders = fs::read_dir(self.folder.path().join("runs/run"));
        let mut logs: Vec<PathBuf> =
            folders.into_iter().flatten().map(|entry| entry.unwrap().path().join("log")).collect();
        logs.sort();
        let log = logs.first().and_then(|path| fs::read(path).ok()).unwrap_or_default();
        Ran { state, failures, outputs, log }
    }

    /// Runs one step: a shell's script.
    pub(crate) fn step(&self, script: &str, outputs: &Value) -> Ran {
        self.run(vec![pipeline(&[("a", step(script), json!({}), outputs.clone())])])
    }

    /// What a run left beside logs and what is shared.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        let mut left = Vec::new();
        for attempt in fs::read_dir(self.folder.path().join("runs/run")).into_iter().flatten() {
            let attempt = attempt.unwrap().path();
            for entry in fs::read_dir(&attempt).into_iter().flatten() {
                left.push(entry.unwrap().file_name().into_string().unwrap());
            }
        }
        left.retain(|name| name != "log");
        left
    }
}

impl Ran {
    /// The one failure.
    pub(crate) fn failure(&self) -> &Failure {
        assert_eq!(self.state, RunState::Failed, "{self:?}");
        assert_eq!(self.failures.len(), 1, "{self:?}");
        &self.failures[0]
    }
}

/// A container that runs a shell's script.
pub(crate) fn step(script: &str) -> Value {
    json!({"image": "busybox", "command": ["sh", "-c", script]})
}

/// An output artifact that a script writes to `$0`, and the parameter that it writes to `$1`.
pub(crate) fn with_outputs(script: &str) -> Value {
    json!({
        "image": "busybox",
        "command": ["sh", "-c", script],
        "args": ["{{$.outputs.artifacts['data'].path}}", "{{$.outputs.parameters['text'].output_file}}"],
    })
}

pub(crate) fn both_outputs() -> Value {
    json!({
        "artifacts": {"data": {"artifactType": {"schemaTitle": "system.Dataset"}}},
        "parameters": {"text": {"parameterType": "STRING"}},
    })
}

pub(crate) fn an_artifact() -> Value {
    json!({"artifacts": {"data": {"artifactType": {"schemaTitle": "system.Dataset"}}}})
}

/// A pipeline of tasks: name, container, what the task is given, outputs.
pub(crate) fn pipeline(tasks: &[(&str, Value, Value, Value)]) -> Value {
    let (mut all, mut components, mut executors) =
        (serde_json::Map::new(), serde_json::Map::new(), serde_json::Map::new());
    for (name, container, inputs, outputs) in tasks {
        let mut definitions = serde_json::Map::new();
        let mut needs = Vec::new();
        for (input, source) in inputs["artifacts"].as_object().into_iter().flatten() {
            definitions
                .insert(input.clone(), json!({"artifactType": {"schemaTitle": "system.Dataset"}}));
            needs.push(source["taskOutputArtifact"]["producerTask"].clone());
        }
        all.insert(
            (*name).to_owned(),
            json!({
                "taskInfo": {"name": name},
                "componentRef": {"name": name},
                "inputs": inputs,
                "dependentTasks": needs,
            }),
        );
        components.insert(
            (*name).to_owned(),
            json!({
                "executorLabel": name,
                "inputDefinitions": {"artifacts": definitions},
                "outputDefinitions": outputs,
            }),
        );
        executors.insert((*name).to_owned(), json!({"container": container}));
    }
    json!({
        "pipelineInfo": {"name": "p"},
        "root": {"dag": {"tasks": all}},
        "components": components,
        "deploymentSpec": {"executors": executors},
    })
}

/// What Kubernetes is told of a task.
pub(crate) fn kubernetes(task: &str, wishes: &Value) -> Value {
    let executors = json!({ task: wishes });
    json!({"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}})
}

fn prepared(layers: Vec<PathBuf>, cas: &Cas) -> Prepared {
    let root = FolderMeta {
        mode: 0o755,
        uid: 0,
        gid: 0,
        mtime: Mtime::default(),
        xattrs: BTreeMap::new(),
    };
    let lease = cas.lease().unwrap();
    Prepared { layers, root, flat: false, ownership: Ownership::Real, lease }
}

const APPLETS: [&str; 26] = [
    "sh", "cat", "echo", "id", "ls", "sleep", "true", "env", "kill", "ps", "touch", "mkdir", "rm",
    "ln", "dd", "head", "yes", "stat", "grep", "wc", "mkfifo", "chmod", "setsid", "cp", "tail",
    "mknod",
];

/// A root file system of a static busybox and nothing else.
fn busybox_root(folder: &Path) {
    for name in ["bin", "etc", "tmp", "root"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    fs::set_permissions(folder.join("tmp"), fs::Permissions::from_mode(0o1777)).unwrap();
    fs::copy(busybox(), folder.join("bin/busybox")).unwrap();
    for applet in APPLETS {
        symlink("busybox", folder.join("bin").join(applet)).unwrap();
    }
    fs::write(folder.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\n").unwrap();
    fs::write(folder.join("etc/group"), "root:x:0:\n").unwrap();
}

fn busybox() -> PathBuf {
    let places = ["/bin/busybox", "/usr/bin/busybox"].map(PathBuf::from);
    places.into_iter().find(|path| path.exists()).expect("install Debian's busybox-static")
}
