//! Which tasks follow which: as text, for Graphviz, for Mermaid, for programs.

mod languages;

use std::collections::HashMap;
use std::fmt::Write as _;

use lightship_engine::TaskState;
use lightship_ir::{DagId, ExecutorKind, Items, Plan, Strategy, TaskId};
use serde::Serialize;

use super::task_word;
use super::tree::Tree;
use crate::render::json::{Document, Schema};
use crate::render::text::printable;
use crate::render::{Glyphs, Look, style};

/// `lightship runs graph --format json`.
#[derive(Debug, Serialize)]
pub struct GraphDocument {
    /// The pipeline's name.
    pub pipeline: String,
    /// The run, where it is one's.
    pub run: Option<String>,
    /// Its tasks, each after all that it needs.
    pub tasks: Vec<GraphTask>,
}

/// A task of a graph.
#[derive(Debug, Serialize)]
pub struct GraphTask {
    /// Where it is, without rounds: `for-loop-1/train`.
    pub path: String,
    /// Its name in its graph.
    pub name: String,
    /// The image that it runs in; none where it runs none.
    pub image: Option<String>,
    /// The tasks of the same graph that it waits for, by name.
    pub after: Vec<String>,
    /// When it runs, as an expression of its inputs.
    pub condition: Option<String>,
    /// What it has a round for; none where it is no loop.
    pub for_each: Option<String>,
    /// How many rounds run at the same time at most.
    pub limit: Option<u32>,
    /// Whether it runs whatever became of what it waits for.
    pub always: bool,
    /// What became of it in the run; none in a loop, where it is at several places, and where there is no run.
    pub state: Option<&'static str>,
    /// The tasks in it.
    pub tasks: Vec<GraphTask>,
    #[serde(skip)]
    looks: Option<(TaskState, bool)>,
}

impl Document for GraphDocument {
    const SCHEMA: Schema = Schema { command: "runs.graph", version: 1 };
}

/// States of tasks by path.
type States = HashMap<String, (TaskState, bool)>;

impl GraphDocument {
    /// Of a plan, and of a run that goes by it.
    pub fn new(plan: &Plan, run: Option<(&str, &Tree)>) -> Self {
        let mut states = States::new();
        for place in run.iter().flat_map(|(_, tree)| tree.places()) {
            states.insert(place.path.clone(), (place.row.state, Tree::is_cached(place)));
        }
        Self {
            pipeline: plan.name.clone(),
            run: run.map(|(id, _)| id.to_owned()),
            tasks: tasks(plan, plan.root_dag().0, "", &states),
        }
    }

    /// The same for a terminal.
    pub fn text(&self, look: &Look) -> String {
        let bold = style::HEADING;
        let name = self.run.as_ref().unwrap_or(&self.pipeline);
        let mut text = format!("{bold}{}{bold:#}\n", printable(name));
        draw(&self.tasks, "", look.glyphs, &mut text);
        text
    }

    /// The same for Graphviz.
    pub fn dot(&self) -> String {
        languages::dot(self)
    }

    /// The same for Mermaid.
    pub fn mermaid(&self) -> String {
        languages::mermaid(self)
    }
}

fn tasks(plan: &Plan, dag: DagId, above: &str, states: &States) -> Vec<GraphTask> {
    let task = |task: &TaskId| {
        let known = &plan.tasks[*task];
        let path =
            if above.is_empty() { known.name.clone() } else { format!("{above}/{}", known.name) };
        let image = plan.executor_of(*task).and_then(|executor| match &executor.kind {
            ExecutorKind::Container(container) => Some(container.image.text().to_owned()),
            ExecutorKind::Importer(_)
            | ExecutorKind::CreateVolume(_)
            | ExecutorKind::DeleteVolume(_) => None,
        });
        let inner = plan.dag_of(*task);
        let looks = states.get(&path).copied();
        GraphTask {
            name: known.name.clone(),
            image,
            after: known.needs.iter().map(|need| plan.tasks[*need].name.clone()).collect(),
            condition: known.trigger.condition.as_ref().map(|it| it.source().to_owned()),
            for_each: known.iterator.as_ref().map(|iterator| items(&iterator.items)),
            limit: known.iterator.as_ref().and_then(|iterator| iterator.limit),
            always: known.trigger.strategy == Strategy::AllCompleted,
            state: looks.map(|(state, _)| state.name()),
            tasks: inner.map(|dag| tasks(plan, dag, &path, states)).unwrap_or_default(),
            looks,
            path,
        }
    };
    plan.dags[dag].tasks.iter().map(task).collect()
}

fn items(items: &Items) -> String {
    match items {
        Items::Raw(values) => format!("{} values", values.len()),
        Items::Parameter(name) | Items::Artifact(name) => {
            name.strip_prefix("pipelinechannel--").unwrap_or(name).to_owned()
        }
    }
}

fn draw(tasks: &[GraphTask], indent: &str, glyphs: Glyphs, text: &mut String) {
    let (branch, last, pipe) = match glyphs {
        Glyphs::Unicode => ("├─ ", "└─ ", "│  "),
        Glyphs::Ascii => ("|- ", "`- ", "|  "),
    };
    for (at, task) in tasks.iter().enumerate() {
        let (tick, deeper) = if at + 1 == tasks.len() { (last, "   ") } else { (branch, pipe) };
        let dim = style::DIM;
        let state = task.looks.map(|(state, cached)| task_word(state, cached));
        let state = state.map(|(word, look)| format!("  {look}{word}{look:#}")).unwrap_or_default();
        let about = match task.about(true) {
            about if about.is_empty() => about,
            about => format!("  {dim}{}{dim:#}", printable(&about)),
        };
        let _ = writeln!(text, "{indent}{dim}{tick}{dim:#}{}{state}{about}", printable(&task.name));
        draw(&task.tasks, &format!("{indent}{dim}{deeper}{dim:#}"), glyphs, text);
    }
}

impl GraphTask {
    /// When it runs, and how often; without what arrows say.
    fn about(&self, after: bool) -> String {
        let mut parts = Vec::new();
        if let Some(items) = &self.for_each {
            let limit = self.limit.map(|limit| format!(", {limit} at once")).unwrap_or_default();
            parts.push(format!("for each of {items}{limit}"));
        }
        if after && !self.after.is_empty() {
            parts.push(format!("after {}", self.after.join(", ")));
        }
        if self.always {
            parts.push("in any case".to_owned());
        }
        if let Some(condition) = &self.condition {
            parts.push(format!("if {}", plain(condition)));
        }
        parts.join("; ")
    }
}

/// `inputs.parameter_values['pipelinechannel--flip-Output'] == 'heads'` without what every condition has.
fn plain(condition: &str) -> String {
    let (mut text, mut rest) = (String::new(), condition);
    while let Some((before, after)) = rest.split_once("inputs.parameter_values['") {
        let Some((name, tail)) = after.split_once("']") else { break };
        text += before;
        text += name.strip_prefix("pipelinechannel--").unwrap_or(name);
        rest = tail;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read_without_what_all_have() {
        let condition = "int(inputs.parameter_values['pipelinechannel--flip-Output']) == 3 && \
                         inputs.parameter_values['go'] == 'inputs.parameter_values['";
        let expected = "int(flip-Output) == 3 && go == 'inputs.parameter_values['";
        assert_eq!(plain(condition), expected);
    }
}
