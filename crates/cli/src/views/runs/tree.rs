//! The places of a run as a tree, with their paths.

use std::collections::HashMap;

use lightship_engine::{NodeId, TaskState};
use lightship_store::TaskRow;

/// All places of a run.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    places: Vec<Place>,
    by_node: HashMap<NodeId, usize>,
}

/// One place.
#[derive(Debug, Clone)]
pub struct Place {
    /// What the record says of it.
    pub row: TaskRow,
    /// Where it is: `for-loop-1[3]/train`; empty for the root.
    pub path: String,
    /// The places in it, in their order.
    pub children: Vec<NodeId>,
}

impl Place {
    /// Whether it is a task, and no graph, loop or round with tasks in it.
    pub fn is_task(&self) -> bool {
        self.children.is_empty() && self.row.node != NodeId::ROOT
    }

    /// Whether it is a loop that has begun.
    fn has_rounds(&self, tree: &Tree) -> bool {
        let first = self.children.first().and_then(|child| tree.place(*child));
        first.is_some_and(|child| child.row.round.is_some())
    }
}

/// Which places a person means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meant {
    /// This one.
    One(NodeId),
    /// Nothing is called so.
    Nothing,
    /// Any of these paths.
    Several(Vec<String>),
}

impl Tree {
    /// Of the rows of a run, which come in the order in which places came into being.
    pub fn new(rows: Vec<TaskRow>) -> Self {
        let mut tree = Self::default();
        for row in rows {
            let above = row.parent.and_then(|parent| tree.by_node.get(&parent)).copied();
            let path = match (above.map(|above| &tree.places[above]), row.round) {
                (None, _) => String::new(),
                (Some(above), Some(round)) => format!("{}[{round}]", above.path),
                (Some(above), None) if above.path.is_empty() => row.name.clone(),
                (Some(above), None) => format!("{}/{}", above.path, row.name),
            };
            if let Some(above) = above {
                tree.places[above].children.push(row.node);
            }
            tree.by_node.insert(row.node, tree.places.len());
            tree.places.push(Place { row, path, children: Vec::new() });
        }
        tree
    }

    /// A place; none where there is none.
    pub fn place(&self, node: NodeId) -> Option<&Place> {
        self.by_node.get(&node).map(|at| &self.places[*at])
    }

    /// Where among [`Tree::places`] a place is; the end, if it is not there.
    pub fn position(&self, node: NodeId) -> usize {
        self.by_node.get(&node).copied().unwrap_or(self.places.len())
    }

    /// All of them, in the order in which they came into being; the root is the first.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// All tasks.
    pub fn tasks(&self) -> impl Iterator<Item = &Place> {
        self.places.iter().filter(|place| place.is_task())
    }

    /// All tasks in a place; itself, if it is one.
    pub fn tasks_in(&self, node: NodeId) -> Vec<&Place> {
        let mut found = Vec::new();
        let mut open = vec![node];
        while let Some(place) = open.pop().and_then(|node| self.place(node)) {
            if place.is_task() {
                found.push(place);
            }
            open.extend(place.children.iter().rev());
        }
        found
    }

    /// Whether a place is a loop that has begun.
    pub fn is_loop(&self, place: &Place) -> bool {
        place.has_rounds(self)
    }

    /// How a place ended, for people: one whose result was taken from an earlier run is cached.
    pub fn is_cached(place: &Place) -> bool {
        place.row.cached_from.is_some() && place.row.state == TaskState::Succeeded
    }

    /// The place that somebody means: by its path, or the end of one.
    pub fn find(&self, words: &str) -> Meant {
        let words = words.trim_matches('/');
        if let Some(exact) = self.places.iter().find(|place| place.path == words) {
            if exact.row.node != NodeId::ROOT {
                return Meant::One(exact.row.node);
            }
            return Meant::Nothing;
        }
        let tail = format!("/{words}");
        let ends = |place: &&Place| {
            // `[3]/train` and `[3]` are ends, too.
            place.path.ends_with(&tail) || (words.starts_with('[') && place.path.ends_with(words))
        };
        let found: Vec<&Place> = self.places.iter().filter(ends).collect();
        match &found[..] {
            [] => Meant::Nothing,
            [only] => Meant::One(only.row.node),
            several => Meant::Several(several.iter().map(|place| place.path.clone()).collect()),
        }
    }

    /// The paths that are most like these words.
    pub fn alike(&self, words: &str) -> Vec<String> {
        let mut near: Vec<(f64, &str)> = Vec::new();
        for place in &self.places[1.min(self.places.len())..] {
            let last = place.path.rsplit('/').next().unwrap_or_default();
            let likeness = strsim::jaro_winkler(last, words);
            if likeness > 0.75 {
                near.push((likeness, &place.path));
            }
        }
        near.sort_by(|a, b| b.0.total_cmp(&a.0));
        near.into_iter().take(3).map(|(_, path)| path.to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `(node, parent, name, round, state)`.
    type Short = (u32, Option<u32>, &'static str, Option<u32>, TaskState);

    fn row((node, parent, name, round, state): Short) -> TaskRow {
        TaskRow {
            node: NodeId::of_number(node),
            parent: parent.map(NodeId::of_number),
            name: name.to_owned(),
            round,
            state,
            attempts: 1,
            started: None,
            ended: None,
            failure: None,
            cached_from: None,
        }
    }

    #[test]
    fn a_place_is_found_by_its_path_or_the_end_of_it() {
        use TaskState::Succeeded as Done;
        let rows: [Short; 8] = [
            (0, None, "p", None, Done),
            (1, Some(0), "load", None, Done),
            (2, Some(0), "for-loop-1", None, Done),
            (3, Some(2), "for-loop-1", Some(0), Done),
            (4, Some(2), "for-loop-1", Some(1), Done),
            (5, Some(3), "train", None, Done),
            (6, Some(4), "train", None, Done),
            (7, Some(4), "report", None, Done),
        ];
        let tree = Tree::new(rows.into_iter().map(row).collect());
        let one = |node| Meant::One(NodeId::of_number(node));
        assert_eq!(tree.find("load"), one(1));
        assert_eq!(tree.find("for-loop-1[1]/train"), one(6));
        assert_eq!(tree.find("[0]/train"), one(5));
        assert_eq!(tree.find("report"), one(7));
        assert_eq!(tree.find("port"), Meant::Nothing, "a whole part");
        let both = ["for-loop-1[0]/train", "for-loop-1[1]/train"].map(str::to_owned);
        assert_eq!(tree.find("train"), Meant::Several(both.to_vec()));
        assert_eq!(tree.find(""), Meant::Nothing);
        assert_eq!(tree.alike("repotr"), ["for-loop-1[1]/report"]);
        let inner = tree.tasks_in(NodeId::of_number(2));
        assert_eq!(inner.len(), 3);
        assert_eq!(tree.tasks().count(), 4);
    }
}
