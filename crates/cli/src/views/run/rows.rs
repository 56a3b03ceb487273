//! Which lines of the tree are shown when not all of them fit.

use lightship_engine::{NodeId, TaskState};

use super::tree::{Node, RunTree};

/// Alike neighbours that are shown before the rest of them is only counted.
const ALIKE: usize = 3;

/// A line of the tree.
pub(super) enum Row<'t> {
    /// A place, with how deep it is and what is in it. A round with a single task is shown as one line with it.
    Place { depth: usize, id: NodeId, round: Option<&'t str>, node: &'t Node, inside: Tally },
    /// Neighbours in the same state.
    More { depth: usize, state: TaskState, count: usize },
}

/// How many tasks have ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) ended: usize,
    pub(super) failed: usize,
    pub(super) all: usize,
}

/// How much is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fold {
    /// Rows of neighbours that are alike.
    Alike,
    /// And what is in graphs in which nothing happens any more, or yet.
    Quiet,
    /// And every place in which nothing happens.
    Idle,
    /// And what says how many of these there are.
    Bare,
}

/// The lines of a run: at most so many.
pub(super) fn rows(tree: &RunTree, most: usize) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for fold in [Fold::Alike, Fold::Quiet, Fold::Idle, Fold::Bare] {
        rows = folded(tree, fold);
        if rows.len() <= most {
            break;
        }
    }
    rows.truncate(most);
    rows
}

/// The tasks of a place, and how many of them have ended.
pub(super) fn tally(tree: &RunTree, places: &[NodeId]) -> Tally {
    places.iter().filter_map(|place| tree.node(*place)).fold(Tally::default(), |sum, node| {
        let inside = if node.is_task() {
            Tally {
                ended: usize::from(node.state.is_final()),
                failed: usize::from(node.state == TaskState::Failed),
                all: 1,
            }
        } else {
            tally(tree, &node.children)
        };
        Tally {
            ended: sum.ended + inside.ended,
            failed: sum.failed + inside.failed,
            all: sum.all + inside.all,
        }
    })
}

fn folded(tree: &RunTree, fold: Fold) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    list(tree, tree.top(), 0, fold, &mut rows);
    rows
}

fn list<'t>(
    tree: &'t RunTree,
    places: &[NodeId],
    depth: usize,
    fold: Fold,
    rows: &mut Vec<Row<'t>>,
) {
    let known: Vec<(NodeId, &Node)> =
        places.iter().filter_map(|id| Some((*id, tree.node(*id)?))).collect();
    for alike in known.chunk_by(|(_, one), (_, other)| one.state == other.state) {
        let state = alike[0].1.state;
        let shown = match fold {
            _ if is_busy(state) => alike.len(),
            Fold::Alike | Fold::Quiet => ALIKE,
            Fold::Idle | Fold::Bare => 0,
        };
        // A line that says `1 more` takes as much room as what it stands for.
        let shown =
            if alike.len() <= shown + 1 && fold != Fold::Bare { alike.len() } else { shown };
        for (id, node) in &alike[..shown] {
            place(tree, (*id, node), depth, fold, rows);
        }
        if shown < alike.len() && fold != Fold::Bare {
            rows.push(Row::More { depth, state, count: alike.len() - shown });
        }
    }
}

fn place<'t>(
    tree: &'t RunTree,
    (id, node): (NodeId, &'t Node),
    depth: usize,
    fold: Fold,
    rows: &mut Vec<Row<'t>>,
) {
    if let (true, [task]) = (node.is_round, node.children.as_slice())
        && let Some(only) = tree.node(*task).filter(|only| only.is_task())
    {
        let (round, inside) = (Some(node.name.as_str()), Tally::default());
        rows.push(Row::Place { depth, id: *task, round, node: only, inside });
        return;
    }
    let inside = tally(tree, &node.children);
    rows.push(Row::Place { depth, id, round: None, node, inside });
    if is_busy(node.state) || fold == Fold::Alike {
        list(tree, &node.children, depth + 1, fold, rows);
    }
}

/// Whether somebody who looks on wants to see it whatever there is besides.
fn is_busy(state: TaskState) -> bool {
    match state {
        TaskState::Running | TaskState::Backoff | TaskState::Failed => true,
        TaskState::Waiting
        | TaskState::Ready
        | TaskState::Succeeded
        | TaskState::Skipped
        | TaskState::Omitted
        | TaskState::Canceled => false,
    }
}
