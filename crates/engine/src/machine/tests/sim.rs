//! A run without a driver: attempts end as a script says, in the order in which somebody picks them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use lightship_base::Timestamp;
use lightship_ir::bind::{self, Given};
use lightship_ir::exchange::{self, Exchange, Produced};
use lightship_ir::template::Facts;
use lightship_ir::{Package, Plan};
use serde_json::{Value, json};

use crate::machine::{Command, Illegal, Outstanding, State};
use crate::testing::some;
use crate::{
    AttemptNumber, Change, Event, Failure, Header, NodeId, Outputs, Reason, Recorded, RunOptions,
    RunState, Seq, TaskState,
};

/// How attempts end: by the place's path, and how often it has failed before.
pub(super) type Script<'s> = dyn Fn(&str, u32) -> Option<Failure> + 's;

pub(super) struct Sim {
    pub(super) header: Header,
    pub(super) state: State,
    pub(super) events: Vec<Recorded>,
    /// What could happen next.
    pub(super) todo: Vec<Todo>,
    pub(super) outputs: BTreeMap<String, Value>,
    pub(super) log: String,
    /// How often what is at a path has failed. A place that begins anew has a new number, so paths count.
    failures: BTreeMap<String, u32>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Todo {
    Start(NodeId),
    End(NodeId, AttemptNumber),
    Wait(NodeId),
}

pub(super) fn plan_of(package: &Package) -> Arc<Plan> {
    Arc::new(Plan::compile(package).unwrap_or_else(|error| panic!("{error}")))
}

pub(super) fn header(plan: Arc<Plan>, given: &[(&str, Value)]) -> Header {
    let json = |(name, value): &(&str, Value)| ((*name).to_owned(), Given::Json(value.clone()));
    let mut given: Vec<(String, Given)> = given.iter().map(json).collect();
    for (name, declared) in &plan.components[plan.root].inputs.parameters {
        let missing = declared.default.is_none() && given.iter().all(|(known, _)| known != name);
        if missing && !declared.optional {
            given.push((name.clone(), Given::Json(some(declared.kind))));
        }
    }
    for name in plan.components[plan.root].inputs.artifacts.keys() {
        given.push((name.clone(), Given::Text(format!("mem://{name}"))));
    }
    let inputs = bind::run(&plan, &given).unwrap_or_else(|error| panic!("{error}"));
    Header {
        id: "run-1".parse().unwrap(),
        name: "Run 1".to_owned(),
        experiment: "Default".to_owned(),
        created: Timestamp::UNIX_EPOCH,
        plan,
        inputs,
        facts: Facts { job_resource_name: "p-1".to_owned(), ..Facts::default() },
        options: RunOptions::default(),
    }
}

impl Sim {
    pub(super) fn new(header: Header) -> Self {
        let state = State::new(&header);
        let (events, todo, log) = (Vec::new(), Vec::new(), String::new());
        let (outputs, failures) = (BTreeMap::new(), BTreeMap::new());
        Self { header, state, events, todo, outputs, log, failures }
    }

    /// Lets something happen.
    #[expect(clippy::needless_pass_by_value, reason = "it reads better where events are made")]
    pub(super) fn feed(&mut self, event: Event) -> Result<(), Illegal> {
        let seq = Seq(self.events.len() as u64 + 1);
        let at = Timestamp::from_second(i64::try_from(seq.0).unwrap()).unwrap();
        let effects = self.state.step(at, &event)?;
        self.note(&effects.changes);
        // What is kept is text, so that is what must say it all.
        let event = Event::from_json(crate::EVENT_VERSION, &event.to_json()).unwrap();
        self.events.push(Recorded { seq, at, event });
        for command in effects.commands {
            match command {
                Command::Start(node) => self.todo.push(Todo::Start(node)),
                Command::Wait(node, _) => self.todo.push(Todo::Wait(node)),
                Command::Stop(_, _) | Command::Finished(_) => {}
            }
        }
        Ok(())
    }

    fn note(&mut self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::State { node, state } => {
                    let path = self.state.path(*node);
                    writeln!(self.log, "{state:<10} {path}").unwrap();
                }
                Change::Failed { node, failure } => {
                    let path = self.state.path(*node);
                    writeln!(self.log, "{:<10} {path}: {failure}", TaskState::Failed).unwrap();
                }
                Change::Run(state) => writeln!(self.log, "run {state}").unwrap(),
                Change::Created { .. } | Change::Dropped { .. } => {}
            }
        }
    }

    /// One thing of all that could happen.
    pub(super) fn happen(&mut self, at: usize, script: &Script<'_>) {
        let todo = self.todo.remove(at);
        match todo {
            Todo::Start(node) => {
                // It was cancelled meanwhile, or its graph began anew.
                if self.state.task_state(node) != Some(TaskState::Ready) || !self.state.may_start()
                {
                    return;
                }
                let attempt = self.state.next_attempt(node);
                self.feed(Event::Starting { node, attempt, lookup: None }).unwrap();
                self.todo.push(Todo::End(node, attempt));
            }
            Todo::Wait(node) => {
                if self.state.task_state(node) == Some(TaskState::Backoff) {
                    self.feed(Event::Waited { node }).unwrap();
                }
            }
            Todo::End(node, attempt) => {
                let path = self.state.path(node);
                let event = if self.state.is_stopping(node) {
                    Event::Stopped { node, attempt }
                } else if let Some(failure) =
                    script(&path, self.failures.get(&path).copied().unwrap_or(0))
                {
                    *self.failures.entry(path).or_default() += 1;
                    Event::Failed { node, attempt, failure }
                } else {
                    let outputs = Arc::new(self.produce(node, &path));
                    Event::Succeeded { node, attempt, outputs }
                };
                self.feed(event).unwrap();
            }
        }
    }

    /// To the end, one after the other.
    pub(super) fn finish(&mut self, script: &Script<'_>) -> RunState {
        self.finish_by(&mut |_| 0, script)
    }

    pub(super) fn finish_by(
        &mut self,
        pick: &mut dyn FnMut(usize) -> usize,
        script: &Script<'_>,
    ) -> RunState {
        while !self.todo.is_empty() {
            let at = pick(self.todo.len());
            self.happen(at, script);
        }
        self.state.run_state()
    }

    /// Lightship dies and starts again: what ran is lost.
    pub(super) fn crash(&mut self) {
        let mut state = State::new(&self.header);
        for recorded in &self.events {
            state.step(recorded.at, &recorded.event).unwrap();
        }
        self.state = state;
        self.todo.clear();
        for outstanding in self.state.outstanding() {
            match outstanding {
                Outstanding::Start(node) => self.todo.push(Todo::Start(node)),
                Outstanding::Wait(node, _) => self.todo.push(Todo::Wait(node)),
                Outstanding::Attempt(node, attempt) => {
                    self.feed(Event::Lost { node, attempt }).unwrap();
                }
            }
        }
    }

    fn produce(&self, node: NodeId, path: &str) -> Outputs {
        let component = self.state.plan().component_of(self.state.task(node).unwrap());
        let outputs = exchange::Outputs::below(&format!("mem://{path}"), &component.outputs);
        let exchange = Exchange { outputs, ..Exchange::default() };
        let mut produced = Produced::default();
        for (name, kind) in &component.outputs.parameters {
            let task = path.rsplit('/').next().unwrap();
            let given = self.outputs.get(path).or_else(|| self.outputs.get(task));
            let value = given.cloned().unwrap_or_else(|| some(*kind));
            produced.parameters.insert(name.clone(), value);
        }
        for (name, artifact) in exchange.outputs.artifacts {
            produced.artifacts.insert(name, vec![artifact]);
        }
        Outputs { produced, ..Outputs::default() }
    }

    /// All places with what became of them.
    pub(super) fn ends(&self) -> BTreeMap<String, TaskState> {
        let end = |node| (self.state.path(node), self.state.task_state(node).unwrap());
        self.state.nodes().map(end).collect()
    }

    /// What a task was given, as JSON.
    pub(super) fn given(&self, path: &str) -> Value {
        let node = self.state.find(path).unwrap_or_else(|| panic!("no {path}"));
        let inputs = self.state.inputs(node).unwrap();
        let uris = |(name, list): (&String, &Vec<exchange::Artifact>)| {
            (name.clone(), list.iter().map(|artifact| artifact.uri.clone()).collect::<Value>())
        };
        let artifacts: serde_json::Map<_, _> = inputs.artifacts.iter().map(uris).collect();
        json!({ "parameters": inputs.parameters, "artifacts": artifacts })
    }
}

#[expect(clippy::unnecessary_wraps, reason = "a script, like those that do not always fail")]
pub(super) fn exit_one(_: &str, _: u32) -> Option<Failure> {
    Some(Failure::new(Reason::Exit(1), "it ended with status 1"))
}

pub(super) fn well(_: &str, _: u32) -> Option<Failure> {
    None
}
