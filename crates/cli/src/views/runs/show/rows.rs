//! The table of a run's tasks. A loop of thousands of rounds is one line, and one for each round that failed.

use lightship_engine::{NodeId, TaskState};
use lightship_ir::value::text_of;

use super::super::task_word;
use super::super::time::span;
use super::super::tree::{Place, Tree};
use super::{RunDocument, TaskEntry, took};
use crate::render::{Cell, Column, Table, style};
use crate::views::run::short;
use crate::views::{count, grouped};

/// Loops with more rounds than this are one line.
const ROUNDS: usize = 8;

/// Rounds that failed, of a loop that is one line, which have lines of their own.
const FAILED: usize = 10;

/// A line of the table.
pub(super) struct Line {
    /// The place.
    pub(super) node: NodeId,
    depth: usize,
    /// What stands for the rounds that have no line.
    folded: Option<String>,
}

/// The places that have lines, in order.
pub(super) fn lines(tree: &Tree, all: bool) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut open: Vec<(NodeId, usize)> = children(tree, NodeId::ROOT, 0);
    while let Some((node, depth)) = open.pop() {
        let Some(place) = tree.place(node) else { continue };
        let folded = !all && tree.is_loop(place) && place.children.len() > ROUNDS;
        if folded {
            let failed = rounds_that_failed(tree, place);
            open.extend(failed.iter().take(FAILED).rev().map(|round| (*round, depth + 1)));
            lines.push(Line { node, depth, folded: Some(summary(tree, place, failed.len())) });
        } else {
            lines.push(Line { node, depth, folded: None });
            open.extend(children(tree, node, depth + 1));
        }
    }
    lines
}

/// The last first: they are taken from the end.
fn children(tree: &Tree, node: NodeId, depth: usize) -> Vec<(NodeId, usize)> {
    let children = tree.place(node).map(|place| place.children.as_slice()).unwrap_or_default();
    children.iter().rev().map(|child| (*child, depth)).collect()
}

fn rounds_that_failed(tree: &Tree, place: &Place) -> Vec<NodeId> {
    let failed = |round: &&NodeId| {
        tree.place(**round).is_some_and(|round| round.row.state == TaskState::Failed)
    };
    place.children.iter().filter(failed).copied().collect()
}

/// `10,000 rounds: 9,998 done, 2 failed`.
fn summary(tree: &Tree, place: &Place, failed: usize) -> String {
    let mut words: Vec<(&'static str, u64)> = Vec::new();
    for round in place.children.iter().filter_map(|round| tree.place(*round)) {
        // What a round took from the cache is as good as what it did.
        let word = task_word(round.row.state, false).0;
        match words.iter_mut().find(|(known, _)| *known == word) {
            Some((_, number)) => *number += 1,
            None => words.push((word, 1)),
        }
    }
    let words: Vec<String> =
        words.into_iter().map(|(word, number)| format!("{} {word}", grouped(number))).collect();
    let more = match failed.saturating_sub(FAILED) {
        0 => String::new(),
        more => format!(" ({} of them not shown)", grouped(more as u64)),
    };
    let rounds = count(place.children.len() as u64, "round", "rounds");
    format!("{rounds}: {}{more}", words.join(", "))
}

pub(super) fn table(document: &RunDocument, all: bool) -> Table {
    let mut table = Table::new([
        Column::path("task"),
        Column::words("state"),
        Column::number("took"),
        Column::sentence("attempts"),
        Column::sentence("gave"),
    ]);
    let tree = &document.facts.tree;
    for line in lines(tree, all) {
        let Some(place) = tree.place(line.node) else { continue };
        // The root has no entry.
        let entry = document.tasks.get(tree.position(line.node).saturating_sub(1));
        let (word, look) = task_word(place.row.state, Tree::is_cached(place));
        let took = took(place).map(span).unwrap_or_default();
        let gave = line.folded.unwrap_or_else(|| entry.map(gave).unwrap_or_default());
        table.row([
            Cell::styled(format!("{}{}", "  ".repeat(line.depth), name(place)), style::PLAIN),
            Cell::styled(word, look),
            took.into(),
            entry.map(attempts).unwrap_or_default().into(),
            gave.into(),
        ]);
    }
    table
}

/// The last part of its path.
fn name(place: &Place) -> String {
    match place.row.round {
        Some(round) => format!("[{round}]"),
        None => place.row.name.clone(),
    }
}

/// Only where there is more to say than that there was one.
fn attempts(entry: &TaskEntry) -> String {
    match (entry.attempts, entry.lost) {
        (0 | 1, 0) => String::new(),
        (attempts, 0) => attempts.to_string(),
        (attempts, lost) => format!("{attempts}, {lost} lost"),
    }
}

fn gave(entry: &TaskEntry) -> String {
    if let (Some(from), "SUCCEEDED") = (&entry.cached_from, entry.state) {
        return format!("as in run {from}");
    }
    let parameters = entry.outputs.iter();
    let parameters = parameters.map(|(name, value)| short(&format!("{name} = {}", text_of(value))));
    let artifacts = entry.artifacts.keys().cloned();
    parameters.chain(artifacts).collect::<Vec<String>>().join(", ")
}
