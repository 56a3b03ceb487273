//! Where artifacts come from and what became of them, across runs: by where they are, and by what they contain.

use std::collections::{HashMap, HashSet};

use lightship_base::Timestamp;
use lightship_engine::{NodeId, Pending, RunId, StoreError, StoreFault, TaskState};
use rusqlite::{Connection, params};

use crate::artifacts::{ArtifactRow, made_by, producers, with_content};
use crate::lineage::consumers;
use crate::taken::{Taken, taken};
use crate::{SqliteStore, fault, read};

/// Which way to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To what it was made of.
    Up,
    /// To what was made of it.
    Down,
}

/// An artifact, and what is behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct ArtifactPoint {
    /// Where it is.
    pub uri: String,
    /// What is known about it; none where no run that is kept made it.
    pub row: Option<ArtifactRow>,
    /// What made it, or what used it.
    pub steps: Vec<StepPoint>,
    /// Whether all of this is told elsewhere already.
    pub repeated: bool,
    /// Whether there is more behind it that was not looked at.
    pub cut: bool,
}

/// A task between artifacts.
#[derive(Debug, Clone, PartialEq)]
pub struct StepPoint {
    /// What it has to do with the artifact before it.
    pub relation: Relation,
    /// The artifacts behind it, with the names of its inputs or outputs that they are.
    pub artifacts: Vec<(String, ArtifactPoint)>,
}

/// What an artifact has to do with what is behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relation {
    /// A task made it.
    MadeBy {
        /// The run.
        run: RunId,
        /// The task.
        node: NodeId,
        /// Where that is in its run.
        path: String,
        /// The output that it was.
        output: String,
        /// When the task ended.
        at: Option<Timestamp>,
    },
    /// A task used it.
    UsedBy {
        /// The run.
        run: RunId,
        /// The task.
        node: NodeId,
        /// Where that is in its run.
        path: String,
        /// The input that it was.
        input: String,
        /// What became of the task.
        state: TaskState,
        /// The run whose result it took instead of running.
        cached_from: Option<RunId>,
    },
    /// Another one has the same content.
    SameContent,
}

/// No more tasks are looked at: a person reads this.
const MOST_STEPS: usize = 5_000;

/// Nothing is followed further than this.
const DEEPEST: u32 = 200;

/// Other places of one content that are told at most.
const MOST_COPIES: usize = 8;

impl SqliteStore {
    /// What an artifact was made of, or what was made of it. Outputs that a task took from the cache are those of the
    /// task that made them. Looks past so many tasks at most.
    pub fn lineage<'a>(
        &'a self,
        uri: &'a str,
        direction: Direction,
        depth: Option<u32>,
    ) -> Pending<'a, Result<ArtifactPoint, StoreError>> {
        let uri = uri.to_owned();
        self.read("follow an artifact", move |db| {
            let (seen, steps, known) = (HashSet::new(), 0, HashMap::new());
            let mut walk = Walk { db, direction, seen, steps, taken: known };
            let mut point = walk.artifact(&uri, depth.unwrap_or(DEEPEST).min(DEEPEST))?;
            if direction == Direction::Down {
                walk.copies(&mut point, depth.unwrap_or(DEEPEST).min(DEEPEST))?;
            }
            Ok(point)
        })
    }
}

struct Walk<'d> {
    db: &'d Connection,
    direction: Direction,
    seen: HashSet<String>,
    steps: usize,
    taken: HashMap<RunId, Vec<Taken>>,
}

impl Walk<'_> {
    fn artifact(&mut self, uri: &str, depth: u32) -> Result<ArtifactPoint, StoreFault> {
        let rows = producers(self.db, uri)?;
        let mut point = ArtifactPoint {
            uri: uri.to_owned(),
            row: rows.first().cloned(),
            steps: Vec::new(),
            repeated: !self.seen.insert(uri.to_owned()),
            cut: false,
        };
        if point.repeated {
            return Ok(point);
        }
        match self.direction {
            Direction::Up => self.up(rows, &mut point, depth)?,
            Direction::Down => self.down(&mut point, depth)?,
        }
        Ok(point)
    }

    /// Whether another step may be taken.
    fn may_go_on(&mut self, depth: u32) -> bool {
        self.steps += 1;
        depth > 0 && self.steps <= MOST_STEPS
    }

    fn up(
        &mut self,
        rows: Vec<ArtifactRow>,
        point: &mut ArtifactPoint,
        depth: u32,
    ) -> Result<(), StoreFault> {
        for row in rows {
            if !self.may_go_on(depth) {
                point.cut = true;
                return Ok(());
            }
            let mut artifacts = Vec::new();
            for (input, uri) in used_by(self.db, &row.run, row.node)? {
                artifacts.push((input, self.artifact(&uri, depth - 1)?));
            }
            let is_source = artifacts.is_empty();
            let older = if is_source { self.older(&row)? } else { None };
            let ArtifactRow { run, node, path, output, made: at, .. } = row;
            let relation = Relation::MadeBy { run, node, path, output, at };
            point.steps.push(StepPoint { relation, artifacts });
            if let Some(older) = older {
                let same = (older.output.clone(), self.artifact(&older.uri, depth - 1)?);
                let relation = Relation::SameContent;
                point.steps.push(StepPoint { relation, artifacts: vec![same] });
            }
        }
        Ok(())
    }

    /// The first artifact with the content of this one, if that is another one and older: what an importer took, say.
    fn older(&self, row: &ArtifactRow) -> Result<Option<ArtifactRow>, StoreFault> {
        let content = row.content.filter(|content| content.size.bytes() > 0);
        let Some(content) = content else { return Ok(None) };
        let first = with_content(self.db, &content.digest.to_string())?.into_iter().next();
        // Two outputs of one task may well be alike.
        Ok(first.filter(|first| (&first.run, first.node) != (&row.run, row.node)))
    }

    fn down(&mut self, point: &mut ArtifactPoint, depth: u32) -> Result<(), StoreFault> {
        for user in consumers(self.db, &point.uri)? {
            if !self.may_go_on(depth) {
                point.cut = true;
                return Ok(());
            }
            let mut artifacts = Vec::new();
            for (output, uri) in self.outputs(&user.run, user.node, user.cached_from.is_some())? {
                artifacts.push((output, self.artifact(&uri, depth - 1)?));
            }
            let (run, node, path, input) = (user.run, user.node, user.path, user.input);
            let (state, cached_from) = (user.state, user.cached_from);
            let relation = Relation::UsedBy { run, node, path, input, state, cached_from };
            point.steps.push(StepPoint { relation, artifacts });
        }
        Ok(())
    }

    fn outputs(
        &mut self,
        run: &RunId,
        node: NodeId,
        cached: bool,
    ) -> Result<Vec<(String, String)>, StoreFault> {
        if !cached {
            let made = made_by(self.db, run, node)?;
            return Ok(made.into_iter().map(|row| (row.output, row.uri)).collect());
        }
        if !self.taken.contains_key(run) {
            self.taken.insert(run.clone(), taken(self.db, run)?);
        }
        let known = self.taken.get(run).into_iter().flatten().find(|taken| taken.node == node);
        let outputs = known.iter().flat_map(|taken| &taken.outputs.produced.artifacts);
        let named = outputs.flat_map(|(output, list)| list.iter().map(move |one| (output, one)));
        Ok(named.map(|(output, artifact)| (output.clone(), artifact.uri.clone())).collect())
    }

    /// What was made of other artifacts with the same content: a later run that made it again, an import.
    fn copies(&mut self, point: &mut ArtifactPoint, depth: u32) -> Result<(), StoreFault> {
        let content = point.row.as_ref().and_then(|row| row.content);
        let Some(content) = content.filter(|content| content.size.bytes() > 0) else {
            return Ok(());
        };
        let made = point.row.as_ref().map(|row| (row.run.clone(), row.node));
        let mut told = HashSet::from([point.uri.clone()]);
        for row in with_content(self.db, &content.digest.to_string())? {
            if made.as_ref() == Some(&(row.run.clone(), row.node)) {
                continue;
            }
            if told.len() <= MOST_COPIES && told.insert(row.uri.clone()) {
                let same = (row.output, self.artifact(&row.uri, depth)?);
                let relation = Relation::SameContent;
                point.steps.push(StepPoint { relation, artifacts: vec![same] });
            }
        }
        Ok(())
    }
}

/// The artifacts that a task used.
fn used_by(
    db: &Connection,
    run: &RunId,
    node: NodeId,
) -> Result<Vec<(String, String)>, StoreFault> {
    let select = "SELECT u.input, u.uri FROM uses u JOIN runs r ON r.number = u.run
                  WHERE r.id = ?1 AND u.node = ?2 ORDER BY u.input, u.uri";
    read::all(db, select, params![run.as_str(), node.number()], |row| {
        Ok((row.get(0).map_err(fault::of)?, row.get(1).map_err(fault::of)?))
    })
}
