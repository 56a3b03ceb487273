//! Graphs in languages that other programs draw.
//!
//! An arrow between graphs begins at their first and ends at their last task, which is what both languages can show.

use std::fmt::Write as _;

use lightship_engine::TaskState;

use super::{GraphDocument, GraphTask};

/// *The DOT Language*: a cluster for each graph.
pub(super) fn dot(graph: &GraphDocument) -> String {
    let mut text = format!("digraph {} {{\n", quoted(&graph.pipeline));
    text += "  compound=true;\n  rankdir=TB;\n  node [shape=box, style=\"rounded,filled\", fillcolor=white];\n";
    dot_tasks(&graph.tasks, 1, &mut text);
    text + "}\n"
}

fn dot_tasks(tasks: &[GraphTask], depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    for task in tasks {
        let (id, label) = (quoted(&task.path), quoted(&label(task, "\n")));
        if task.tasks.is_empty() {
            let color = task.looks.map(|(state, _)| color(state));
            let color =
                color.map(|color| format!(", fillcolor={}", quoted(color))).unwrap_or_default();
            let _ = writeln!(text, "{indent}{id} [label={label}{color}];");
        } else {
            let cluster = quoted(&cluster(task));
            let _ = writeln!(text, "{indent}subgraph {cluster} {{\n{indent}  label={label};");
            dot_tasks(&task.tasks, depth + 1, text);
            let _ = writeln!(text, "{indent}}}");
        }
    }
    for task in tasks {
        for need in needs(tasks, task) {
            let mut ends = Vec::new();
            if !need.tasks.is_empty() {
                ends.push(format!("ltail={}", quoted(&cluster(need))));
            }
            if !task.tasks.is_empty() {
                ends.push(format!("lhead={}", quoted(&cluster(task))));
            }
            let ends =
                if ends.is_empty() { String::new() } else { format!(" [{}]", ends.join(", ")) };
            let (from, to) = (quoted(&end(need, true).path), quoted(&end(task, false).path));
            let _ = writeln!(text, "{indent}{from} -> {to}{ends};");
        }
    }
}

/// *Mermaid, Flowcharts*: a subgraph for each graph. Ids are numbers: names may be words of the language.
pub(super) fn mermaid(graph: &GraphDocument) -> String {
    let mut text = "flowchart TD\n".to_owned();
    let mut ids = Vec::new();
    mermaid_tasks(&graph.tasks, 1, &mut ids, &mut text);
    text
}

fn mermaid_tasks<'g>(
    tasks: &'g [GraphTask],
    depth: usize,
    ids: &mut Vec<&'g str>,
    text: &mut String,
) {
    let indent = "  ".repeat(depth);
    for task in tasks {
        let at = ids.len();
        ids.push(&task.path);
        let label = label(task, "<br/>").replace('"', "#quot;");
        if task.tasks.is_empty() {
            let _ = writeln!(text, "{indent}t{at}[\"{label}\"]");
            if let Some((state, _)) = task.looks {
                let _ = writeln!(text, "{indent}style t{at} fill:{}", color(state));
            }
        } else {
            let _ = writeln!(text, "{indent}subgraph t{at} [\"{label}\"]");
            mermaid_tasks(&task.tasks, depth + 1, ids, text);
            let _ = writeln!(text, "{indent}end");
        }
    }
    let id = |path: &str| ids.iter().position(|known| *known == path).unwrap_or(0);
    for task in tasks {
        for need in needs(tasks, task) {
            let _ = writeln!(text, "{indent}t{} --> t{}", id(&need.path), id(&task.path));
        }
    }
}

/// The tasks of the same graph that a task waits for.
fn needs<'g>(tasks: &'g [GraphTask], task: &'g GraphTask) -> impl Iterator<Item = &'g GraphTask> {
    task.after.iter().filter_map(|name| tasks.iter().find(|other| other.name == *name))
}

/// The last task in a graph, or the first; itself, where it is none.
fn end(task: &GraphTask, last: bool) -> &GraphTask {
    let inner = if last { task.tasks.last() } else { task.tasks.first() };
    inner.map_or(task, |inner| end(inner, last))
}

fn label(task: &GraphTask, newline: &str) -> String {
    let about = task.about(false);
    if about.is_empty() { task.name.clone() } else { format!("{}{newline}{about}", task.name) }
}

fn cluster(task: &GraphTask) -> String {
    format!("cluster_{}", task.path)
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn color(state: TaskState) -> &'static str {
    match state {
        TaskState::Succeeded => "#d7f0d7",
        TaskState::Failed => "#f6cfcf",
        TaskState::Running | TaskState::Backoff => "#cfe3f6",
        TaskState::Canceled => "#f6e8cf",
        TaskState::Skipped | TaskState::Omitted => "#e8e8e8",
        TaskState::Waiting | TaskState::Ready => "#ffffff",
    }
}
