//! A task that failed: what it ran, what it said last, and what to do next.

use lightship_engine::{Failure, NodeId, Reason, RunId};
use lightship_ir::template::Argument;
use lightship_ir::{Container, ExecutorKind, Plan, TaskId};

use super::tree::RunTree;
use crate::render::style;
use crate::render::text::printable;

/// Characters of an argument that are shown.
const ARGUMENT: usize = 60;

/// A task that failed, with what there is to say about it.
#[derive(Debug)]
pub struct Trouble {
    /// Its path in the run.
    pub path: String,
    /// Why it failed.
    pub failure: Failure,
    /// The image that it ran in, and the command.
    pub command: Option<(String, String)>,
    /// The last lines that it printed.
    pub printed: Vec<String>,
}

impl Trouble {
    /// All tasks of a run that failed by themselves, in the order of the run.
    pub fn all(
        tree: &RunTree,
        plan: &Plan,
        printed: &dyn Fn(NodeId, u32) -> Vec<String>,
    ) -> Vec<Self> {
        let mut found = Vec::new();
        collect(tree, tree.top(), &mut |id, node| {
            let Some(failure) = &node.failure else { return };
            found.push(Self {
                path: node.path.clone(),
                failure: Failure::clone(failure),
                command: task(plan, &node.path).and_then(|task| command(plan, task)),
                printed: printed(id, node.attempt),
            });
        });
        found
    }

    /// For people.
    pub fn text(&self, run: &RunId) -> String {
        let (bad, dim, code) = (style::ERROR, style::DIM, style::CODE);
        let mut text = format!(
            "\n{bad}{}:{bad:#} {}\n",
            printable(&self.path),
            printable(&self.failure.message)
        );
        if let Some((image, command)) = &self.command {
            text += &format!("  {dim}image{dim:#}    {}\n", printable(image));
            if !command.is_empty() {
                text += &format!("  {dim}command{dim:#}  {}\n", printable(command));
            }
        }
        for line in &self.printed {
            text += &format!("  {dim}|{dim:#} {}\n", printable(line));
        }
        if !self.printed.is_empty() {
            text +=
                &format!("  all of it: {code}lightship runs logs {run} {}{code:#}\n", self.path);
        }
        text += &format!("  next: {}\n", next(self.failure.reason, run));
        text
    }
}

fn collect(tree: &RunTree, places: &[NodeId], found: &mut dyn FnMut(NodeId, &super::Node)) {
    for id in places {
        let Some(node) = tree.node(*id) else { continue };
        // A graph fails because of something in it, or for itself when there is nothing in it.
        if node.is_task() {
            found(*id, node);
        } else {
            collect(tree, &node.children, found);
        }
    }
}

/// The task of a path: rounds of a loop are all the same one.
fn task(plan: &Plan, path: &str) -> Option<TaskId> {
    let (mut dag, mut found) = (Some(plan.root_dag().0), None);
    for name in path.split('/') {
        let name = name.split_once('[').map_or(name, |(name, _)| name);
        let tasks = &plan.dags[dag?].tasks;
        let task = *tasks.iter().find(|task| plan.tasks[**task].name == name)?;
        (dag, found) = (plan.dag_of(task), Some(task));
    }
    found
}

fn command(plan: &Plan, task: TaskId) -> Option<(String, String)> {
    let ExecutorKind::Container(container) = &plan.executor_of(task)?.kind else { return None };
    Some((container.image.text().to_owned(), words(container)))
}

fn words(container: &Container) -> String {
    let words = container.command.iter().chain(&container.args).map(word);
    words.collect::<Vec<_>>().join(" ")
}

/// An argument, as far as it says what runs: sources of functions are whole programs.
fn word(argument: &Argument) -> String {
    let text = argument.source();
    let first = text.trim_start().lines().next().unwrap_or_default();
    let short: String = first.chars().take(ARGUMENT).collect();
    if short.len() < text.len() {
        format!("'{short}…'")
    } else {
        shlex::try_quote(&short).map_or(short.clone(), std::borrow::Cow::into_owned)
    }
}

/// What to do about it.
fn next(reason: Reason, run: &RunId) -> String {
    let code = style::CODE;
    let retry = format!("{code}lightship runs retry {run}{code:#}");
    match reason {
        Reason::Exit(_) | Reason::Signal(_) | Reason::Outputs => format!(
            "mend the step and run the pipeline again (what succeeded is taken from the cache), or, if it was a \
             matter of chance, {retry}"
        ),
        Reason::Inputs | Reason::Condition => {
            "mend the pipeline, or give other parameters, and run it again".to_owned()
        }
        Reason::Inside => {
            format!("{code}lightship runs show {run}{code:#} shows what failed inside")
        }
        Reason::Start => format!("make what is missing available, then {retry}"),
        Reason::Deadline => format!("give the step more time (`set_timeout`), or {retry}"),
        Reason::Memory => {
            "give the step more memory (`set_memory_limit`), or let it use less".to_owned()
        }
        Reason::Disk => format!("free some space, then {retry}"),
        Reason::Executor => format!(
            "see what this machine can do with {code}lightship doctor{code:#}, then {retry}"
        ),
    }
}
