//! `lightship run` and `lightship runs …` from the outside: the real binary, real sandboxes, and several processes at
//! one run. Steps are shell scripts that write down that they ran, into a volume that all runs share.

mod control;
mod killed;
mod remove;
mod view;

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::common::{LIGHTSHIP, Run, TestEnvironment};
use crate::run::busybox;

/// Nothing that is waited for takes longer unless it never comes.
const LIMIT: Duration = Duration::from_secs(50);

/// A machine with a store that has one small image, `box`, and a volume `data`.
struct Machine {
    environment: TestEnvironment,
}

/// A process that drives a run.
struct Process {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Machine {
    fn new() -> Self {
        let mut environment = TestEnvironment::new();
        let home = environment.work().join("home").display().to_string();
        environment.set("LIGHTSHIP_HOME", &home);
        environment.put("box", &*busybox());
        let machine = Self { environment };
        machine.run(0, "image copy oci:box store:box");
        fs::create_dir_all(machine.data("")).unwrap();
        // Steps run as a user of their own.
        fs::set_permissions(machine.data(""), fs::Permissions::from_mode(0o777)).unwrap();
        machine
    }

    /// Runs `lightship` to its end, which must have this code.
    fn run(&self, code: i32, line: &str) -> Run {
        let run = self.environment.run(line);
        assert_eq!(run.code(), code, "{line}: {}{}", run.stdout, run.stderr);
        run
    }

    /// A document that a command writes.
    fn json(&self, line: &str) -> Value {
        self.environment.json(0, line)
    }

    /// Starts `lightship`, and lets it run.
    fn start(&self, line: &str) -> Process {
        let at = |name: &str| self.environment.work().join(name);
        let names = (0..).map(|number| format!("out-{number}"));
        let out = names.map(|name| at(&name)).find(|path| !path.exists()).unwrap();
        let err = out.with_extension("err");
        let mut command = self.environment.command(LIGHTSHIP);
        command.args(line.split_whitespace());
        command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        Process { child: command.spawn().unwrap(), out, err }
    }

    /// A file of the volume.
    fn data(&self, name: &str) -> PathBuf {
        self.environment.work().join("home/volumes/data").join(name)
    }

    /// The lines that steps wrote into a file of the volume.
    fn lines(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.data(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Lets a step go on that waits.
    fn go(&self) {
        fs::write(self.data("go"), "").unwrap();
    }

    /// Waits until a step has written a line.
    fn until(&self, name: &str, line: &str) {
        until(|| self.lines(name).iter().any(|known| known == line), line);
    }

    /// What `runs show` says of a run.
    fn show(&self, run: &str) -> Value {
        self.json(&format!("runs show {run}"))
    }

    fn state(&self, run: &str) -> String {
        self.show(run)["state"].as_str().unwrap().to_owned()
    }

    /// The id of the newest run.
    fn latest(&self) -> String {
        self.json("runs ls")["runs"][0]["id"].as_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, pipeline: &Pipeline) {
        fs::write(self.environment.work().join(name), pipeline.text()).unwrap();
    }
}

impl Process {
    /// Sends it a signal.
    fn signal(&self, machine: &Machine, name: &str) {
        machine.environment.shell(&format!("kill -{name} {}", self.child.id()));
    }

    fn stderr(&self) -> String {
        fs::read_to_string(&self.err).unwrap()
    }

    /// Ends it so that it can do nothing about it. What it had started ends some moments later.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end, which must have this code.
    fn ends(mut self, code: i32) -> String {
        let end = Instant::now() + LIMIT;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > end {
                self.child.kill().unwrap();
                panic!("it does not end: {}", self.stderr());
            }
            thread::sleep(Duration::from_millis(10));
        };
        let said = fs::read_to_string(&self.out).unwrap() + &self.stderr();
        assert_eq!(status.code(), Some(code), "{said}");
        said
    }
}

fn until(is: impl Fn() -> bool, what: &str) {
    let end = Instant::now() + LIMIT;
    while !is() {
        assert!(Instant::now() < end, "`{what}` does not come");
        thread::sleep(Duration::from_millis(10));
    }
}

/// A pipeline whose steps are scripts of `box`, and see the volume at `/data`.
struct Pipeline {
    name: &'static str,
    tasks: Map<String, Value>,
    components: Map<String, Value>,
    executors: Map<String, Value>,
    image: String,
}

impl Pipeline {
    fn new(name: &'static str) -> Self {
        let (tasks, components, executors) = (Map::new(), Map::new(), Map::new());
        Self { name, tasks, components, executors, image: "box".to_owned() }
    }

    /// A step that comes after others.
    fn step(mut self, name: &str, after: &[&str], script: &str) -> Self {
        self.component(name, script);
        self.tasks.insert(name.to_owned(), task(name, after));
        self
    }

    /// The same where results are kept, and are taken from earlier runs.
    fn cached(mut self, name: &str, after: &[&str], script: &str) -> Self {
        self = self.step(name, after, script);
        self.tasks[name]["cachingOptions"] = json!({"enableCache": true});
        self
    }

    /// Puts all steps that there are into an exit handler, with a step that runs whatever becomes of them.
    fn exit(mut self, name: &str, script: &str) -> Self {
        let inner = std::mem::take(&mut self.tasks);
        let handler = "exit-handler-1";
        self.components.insert(format!("comp-{handler}"), json!({"dag": {"tasks": inner}}));
        self.tasks.insert(handler.to_owned(), task(handler, &[]));
        self = self.step(name, &[handler], script);
        self.tasks[name]["triggerPolicy"] = json!({"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"});
        self
    }

    /// Puts all steps that there are into a loop; their scripts find the item in `$1`.
    fn for_each(mut self, items: usize) -> Self {
        let item = json!({"parameters": {"item": {"parameterType": "NUMBER_INTEGER"}}});
        let mut inner = std::mem::take(&mut self.tasks);
        for (name, task) in &mut inner {
            task["inputs"] = json!({"parameters": {"item": {"componentInputParameter": "item"}}});
            self.components[&format!("comp-{name}")]["inputDefinitions"] = item.clone();
            let args = json!(["{{$.inputs.parameters['item']}}"]);
            self.executors[&format!("exec-{name}")]["container"]["args"] = json!(["sh", args[0]]);
        }
        let body = json!({"dag": {"tasks": inner}, "inputDefinitions": item});
        self.components.insert("comp-for-loop-1".to_owned(), body);
        let mut around = task("for-loop-1", &[]);
        let raw = json!((0..items).collect::<Vec<usize>>()).to_string();
        around["parameterIterator"] = json!({"items": {"raw": raw}, "itemInput": "item"});
        self.tasks.insert("for-loop-1".to_owned(), around);
        self
    }

    /// Gives a step an artifact to make: its script finds the place in `$1`.
    fn model(mut self, name: &str) -> Self {
        let kind = json!({"schemaTitle": "system.Model", "schemaVersion": "0.0.1"});
        self.components[&format!("comp-{name}")]["outputDefinitions"] =
            json!({"artifacts": {"model": {"artifactType": kind}}});
        self.executors[&format!("exec-{name}")]["container"]["args"] =
            json!(["sh", "{{$.outputs.artifacts['model'].path}}"]);
        self
    }

    fn component(&mut self, name: &str, script: &str) {
        let (component, executor) = (format!("comp-{name}"), format!("exec-{name}"));
        self.components.insert(component, json!({"executorLabel": executor}));
        let container = json!({"image": self.image, "command": ["sh", "-c", script]});
        self.executors.insert(executor, json!({"container": container}));
    }

    fn text(&self) -> String {
        let mount = json!({"pvcMount": [{"constant": "data", "mountPath": "/data"}]});
        let mounts: Map<String, Value> =
            self.executors.keys().map(|name| (name.clone(), mount.clone())).collect();
        let pipeline = json!({
            "pipelineInfo": {"name": self.name},
            "schemaVersion": "2.1.0",
            "sdkVersion": "kfp-2.17.0",
            "root": {"dag": {"tasks": self.tasks}},
            "components": self.components,
            "deploymentSpec": {"executors": self.executors},
        });
        let platform = json!({"deploymentSpec": {"executors": mounts}});
        // What is JSON is YAML as well.
        format!("{pipeline}\n---\n{}\n", json!({"platforms": {"kubernetes": platform}}))
    }
}

fn task(name: &str, after: &[&str]) -> Value {
    json!({
        "taskInfo": {"name": name},
        "componentRef": {"name": format!("comp-{name}")},
        "dependentTasks": after,
    })
}

/// A step that says that it began, and waits until it may go on.
const WAITS: &str = "echo second >> /data/begun; echo second begins; \
                     while [ ! -e /data/go ]; do sleep 0.02; done; echo second >> /data/done";

/// Three steps, one after another, of which the second waits; and one that cleans up.
fn three() -> Pipeline {
    Pipeline::new("three")
        .step("first", &[], "echo first >> /data/begun; echo first >> /data/done")
        .step("second", &["first"], WAITS)
        .step("third", &["second"], "echo third >> /data/begun; echo third >> /data/done")
        .exit("cleanup", "echo cleanup >> /data/done")
}
