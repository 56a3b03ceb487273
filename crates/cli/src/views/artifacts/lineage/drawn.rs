//! The same for programs that draw: Graphviz and Mermaid. Artifacts are round, tasks are boxes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{LineageDocument, Point, kind};
use crate::render::text::printable;

/// What is drawn.
#[derive(Default)]
struct Drawing {
    /// Where an artifact is, or a task's run and path; and what is written there.
    nodes: BTreeMap<Node, String>,
    edges: BTreeSet<(Node, Node, String)>,
    same: BTreeSet<(Node, Node)>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    Artifact(String),
    Task(String, String),
}

impl Drawing {
    fn of(document: &LineageDocument) -> Self {
        let mut drawing = Self::default();
        for point in document.up.iter().chain(&document.down) {
            drawing.add(point);
        }
        drawing
    }

    fn add(&mut self, point: &Point) -> Node {
        let node = Node::Artifact(point.uri.clone());
        let name = point.output.as_deref().unwrap_or(&point.uri);
        let title = point.kind.as_deref().map(|title| format!("\n{}", kind(title)));
        self.nodes.insert(node.clone(), format!("{name}{}", title.unwrap_or_default()));
        for step in &point.steps {
            let task = step.run.as_ref().zip(step.task.as_ref());
            let Some((run, path)) = task else {
                for link in &step.artifacts {
                    let other = self.add(&link.artifact);
                    self.same.insert((node.clone(), other));
                }
                continue;
            };
            let task = Node::Task(run.clone(), path.clone());
            self.nodes.insert(task.clone(), format!("{path}\n{run}"));
            let name = step.name.clone().unwrap_or_default();
            let is_use = step.relation == "used_by";
            let ends = if is_use { (&node, &task) } else { (&task, &node) };
            self.edges.insert((ends.0.clone(), ends.1.clone(), name));
            for link in &step.artifacts {
                let other = self.add(&link.artifact);
                let ends = if is_use { (&task, &other) } else { (&other, &task) };
                self.edges.insert((ends.0.clone(), ends.1.clone(), link.name.clone()));
            }
        }
        node
    }

    fn number(&self, node: &Node) -> usize {
        self.nodes.keys().position(|known| known == node).unwrap_or(0)
    }
}

/// For Graphviz: `dot -Tsvg`.
pub fn dot(document: &LineageDocument) -> String {
    let drawing = Drawing::of(document);
    let quoted = |text: &str| {
        let lines =
            text.lines().map(|line| printable(line).replace('\\', "\\\\").replace('"', "\\\""));
        format!("\"{}\"", lines.collect::<Vec<_>>().join("\\n"))
    };
    let mut text = "digraph lineage {\n  rankdir=LR;\n".to_owned();
    for (at, (node, label)) in drawing.nodes.iter().enumerate() {
        let shape = if matches!(node, Node::Artifact(_)) { "ellipse" } else { "box" };
        let _ = writeln!(text, "  n{at} [shape={shape}, label={}];", quoted(label));
    }
    for (from, to, name) in &drawing.edges {
        let (from, to) = (drawing.number(from), drawing.number(to));
        let _ = writeln!(text, "  n{from} -> n{to} [label={}];", quoted(name));
    }
    for (from, to) in &drawing.same {
        let (from, to) = (drawing.number(from), drawing.number(to));
        let _ = writeln!(text, "  n{from} -> n{to} [dir=none, style=dashed];");
    }
    text + "}\n"
}

/// For Mermaid, as pages of code hosts show it.
pub fn mermaid(document: &LineageDocument) -> String {
    let drawing = Drawing::of(document);
    let quoted = |text: &str| {
        let safe = |c: char| match c {
            '"' | '#' | '&' | '<' | '>' | '|' | '`' => format!("#{};", u32::from(c)),
            c => c.to_string(),
        };
        let lines = text.lines().map(|line| printable(line).chars().map(safe).collect::<String>());
        format!("\"{}\"", lines.collect::<Vec<_>>().join("<br/>"))
    };
    let mut text = "flowchart LR\n".to_owned();
    for (at, (node, label)) in drawing.nodes.iter().enumerate() {
        let _ = match node {
            Node::Artifact(_) => writeln!(text, "  n{at}([{}])", quoted(label)),
            Node::Task(..) => writeln!(text, "  n{at}[{}]", quoted(label)),
        };
    }
    for (from, to, name) in &drawing.edges {
        let (from, to) = (drawing.number(from), drawing.number(to));
        let _ = writeln!(text, "  n{from} -->|{}| n{to}", quoted(name));
    }
    for (from, to) in &drawing.same {
        let _ = writeln!(text, "  n{} -.- n{}", drawing.number(from), drawing.number(to));
    }
    text
}
