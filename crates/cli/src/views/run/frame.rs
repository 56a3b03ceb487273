//! The tree of a run as a terminal shows it, drawn anew several times a second.

use std::fmt::Write as _;

use anstyle::Style;
use lightship_base::Timestamp;
use lightship_engine::{NodeId, RunState, TaskState};

use super::rows::{Row, Tally, rows, tally};
use super::tree::{Node, RunTree};
use crate::render::text::{cut_end, printable, width};
use crate::render::{Glyphs, Look, style};
use crate::views::runs::time::{between, span};

/// Columns that names of tasks have at most; longer ones are cut.
const NAMES: usize = 44;

/// What a picture of a run is made of besides the run.
pub struct Frame<'f> {
    /// What time it is.
    pub now: Timestamp,
    /// What the terminal can show.
    pub look: Look,
    /// How many lines there is room for, the first one included.
    pub height: usize,
    /// The latest line that an attempt at a task printed.
    pub printed: &'f dyn Fn(NodeId, u32) -> Option<String>,
}

/// The lines, each as wide as the terminal at most.
pub fn frame(tree: &RunTree, frame: &Frame<'_>) -> Vec<String> {
    let room = frame.look.width.unwrap_or(usize::MAX);
    let rows = rows(tree, frame.height.saturating_sub(1));
    let names = rows.iter().map(|row| name(row, frame.look.glyphs).1).max().unwrap_or(0).min(NAMES);
    let mut lines = vec![heading(tree, frame)];
    lines.extend(rows.iter().map(|row| line(row, names, room, frame)));
    lines.into_iter().map(|line| fitting(line, room, frame.look.glyphs)).collect()
}

/// A line that does not fit would take up two: without its colours, as much of it as there is room for.
fn fitting(line: String, room: usize, glyphs: Glyphs) -> String {
    let plain = anstream::adapter::strip_str(&line).to_string();
    if width(&plain) <= room { line } else { cut_end(&plain, room, glyphs).into_owned() }
}

fn heading(tree: &RunTree, frame: &Frame<'_>) -> String {
    let look = look_of(tree.state);
    let done = tally(tree, tree.top());
    let mut line = format!("{}  {look}{}{look:#}", tree.run, tree.state);
    if let Some(begun) = tree.begun {
        line += &format!("  {}", seconds(begun, tree.ended.unwrap_or(frame.now)));
    }
    line += &format!("  {} of {} tasks", done.ended, done.all);
    match tree.state {
        RunState::Canceling => line += "  (Ctrl-C again leaves it at once)",
        RunState::Paused => line += "  (nothing more starts)",
        _ => {}
    }
    line
}

/// The colour of a state.
pub(super) fn look_of(state: RunState) -> Style {
    match state {
        RunState::Running => style::HEADING,
        RunState::Succeeded | RunState::Skipped => style::GOOD,
        RunState::Failed | RunState::Canceled => style::ERROR,
        RunState::Pending | RunState::Canceling | RunState::Paused => style::WARNING,
    }
}

/// A name with its sign and indentation, and its columns.
fn name(row: &Row<'_>, glyphs: Glyphs) -> (String, usize) {
    let (depth, text) = match row {
        Row::Place { depth, round, node, .. } => {
            let round = round.map(|round| format!("{round} ")).unwrap_or_default();
            (*depth, format!("{} {round}{}", sign(node.state, glyphs), printable(&node.name)))
        }
        Row::More { depth, count, .. } => (*depth, format!("{} {count} more", glyphs.ellipsis())),
    };
    let text = format!("{:1$}{text}", "", 2 + 2 * depth);
    let text = cut_end(&text, NAMES, glyphs).into_owned();
    let columns = width(&text);
    (text, columns)
}

fn line(row: &Row<'_>, names: usize, room: usize, frame: &Frame<'_>) -> String {
    let glyphs = frame.look.glyphs;
    let (text, columns) = name(row, glyphs);
    let (state, time, note) = match row {
        Row::Place { id, node, inside, .. } => {
            (node.state, time(node, frame.now), note(*id, node, *inside, frame))
        }
        Row::More { state, .. } => (*state, String::new(), word(*state).to_owned()),
    };
    let look = color(state);
    let left = room.saturating_sub(names + 12);
    let note = cut_end(&note, left, glyphs).into_owned();
    let dim = style::DIM;
    let mut line = format!("{look}{text}{look:#}{:1$}", "", names - columns.min(names));
    // Writing to a string cannot fail.
    let _ = write!(line, "  {time:>8}");
    if !note.is_empty() {
        let look = if state == TaskState::Failed { style::ERROR } else { dim };
        let _ = write!(line, "  {look}{note}{look:#}");
    }
    line.trim_end().to_owned()
}

fn sign(state: TaskState, glyphs: Glyphs) -> &'static str {
    let (unicode, ascii) = match state {
        TaskState::Waiting | TaskState::Ready => ("○", "."),
        TaskState::Running => ("●", ">"),
        TaskState::Backoff => ("↻", "~"),
        TaskState::Succeeded => ("✓", "+"),
        TaskState::Failed => ("✗", "x"),
        TaskState::Skipped | TaskState::Omitted | TaskState::Canceled => ("–", "-"),
    };
    match glyphs {
        Glyphs::Unicode => unicode,
        Glyphs::Ascii => ascii,
    }
}

fn color(state: TaskState) -> Style {
    match state {
        TaskState::Running => style::HEADING,
        TaskState::Succeeded => style::GOOD,
        TaskState::Failed => style::ERROR,
        TaskState::Backoff | TaskState::Canceled => style::WARNING,
        TaskState::Waiting | TaskState::Ready | TaskState::Skipped | TaskState::Omitted => {
            style::DIM
        }
    }
}

/// What became of a task, in a word.
pub(super) fn word(state: TaskState) -> &'static str {
    match state {
        TaskState::Waiting => "waiting",
        TaskState::Ready => "ready",
        TaskState::Running => "running",
        TaskState::Backoff => "retry",
        TaskState::Succeeded => "done",
        TaskState::Skipped => "skipped",
        TaskState::Failed => "failed",
        TaskState::Omitted => "not run",
        TaskState::Canceled => "canceled",
    }
}

fn time(node: &Node, now: Timestamp) -> String {
    let Some(started) = node.started else { return String::new() };
    match (node.ended, node.state) {
        (Some(ended), _) => seconds(started, ended),
        (None, TaskState::Running) => seconds(started, now),
        (None, _) => String::new(),
    }
}

fn note(id: NodeId, node: &Node, inside: Tally, frame: &Frame<'_>) -> String {
    let mut parts = Vec::new();
    if inside.all > 0 {
        parts.push(format!("{} of {}", inside.ended, inside.all));
        if inside.failed > 0 {
            parts.push(format!("{} failed", inside.failed));
        }
        return parts.join(", ");
    }
    if node.attempt > 1 {
        parts.push(format!("attempt {}", node.attempt));
    }
    match node.state {
        TaskState::Running => parts.extend((frame.printed)(id, node.attempt)),
        TaskState::Succeeded if node.cached => parts.push("cached".to_owned()),
        TaskState::Failed => parts.extend(node.failure.iter().map(|why| why.message.clone())),
        TaskState::Skipped | TaskState::Omitted | TaskState::Canceled | TaskState::Backoff => {
            parts.push(word(node.state).to_owned());
        }
        TaskState::Succeeded | TaskState::Waiting | TaskState::Ready => {}
    }
    if !node.outputs.is_empty() {
        parts.push(node.outputs.clone());
    }
    printable(&parts.join("  ")).into_owned()
}

/// From one moment to another.
pub(super) fn seconds(from: Timestamp, to: Timestamp) -> String {
    span(between(from, to))
}
