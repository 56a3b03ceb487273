//! A task that failed: what it ran, what it said last, and what to do next.

use lightship_engine::{Failure, NodeId, Reason, RunId};
use lightship_ir::{Container, ExecutorKind, Plan};

use super::tree::RunTree;
use crate::render::style;
use crate::render::text::printable;

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
                command: container_at(plan, &node.path)
                    .map(|it| (it.image.text().to_owned(), in_short(&words(it)))),
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
            // Rounds have brackets in their paths, which mean something to a shell.
            let path = shlex::try_quote(&self.path).unwrap_or_default();
            let path = printable(&path);
            text += &format!("  all of it: {code}lightship runs logs {run} {path}{code:#}\n");
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

/// The container of the task of a path: rounds of a loop are all the same one.
pub fn container_at<'p>(plan: &'p Plan, path: &str) -> Option<&'p Container> {
    let (mut dag, mut found) = (Some(plan.root_dag().0), None);
    for name in path.split('/') {
        let name = name.split_once('[').map_or(name, |(name, _)| name);
        let tasks = &plan.dags[dag?].tasks;
        let task = *tasks.iter().find(|task| plan.tasks[**task].name == name)?;
        (dag, found) = (plan.dag_of(task), Some(task));
    }
    match &plan.executor_of(found?)?.kind {
        ExecutorKind::Container(container) => Some(container),
        ExecutorKind::Importer(_)
        | ExecutorKind::CreateVolume(_)
        | ExecutorKind::DeleteVolume(_) => None,
    }
}

/// The words of a command, as the pipeline says them.
pub fn words(container: &Container) -> Vec<String> {
    let words = container.command.iter().chain(&container.args);
    words.map(|word| word.source().to_owned()).collect()
}

/// A command in one line, as far as it says what runs: sources of functions are whole programs.
pub fn in_short(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| short(word)).collect();
    shlex::try_join(words.iter().map(String::as_str)).unwrap_or_default()
}

/// The first line of a text, and not too much of it.
pub fn short(text: &str) -> String {
    const MOST: usize = 60;
    let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let cut: String = first.chars().take(MOST).collect();
    if cut.len() < text.trim().len() { format!("{cut}...") } else { cut }
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
