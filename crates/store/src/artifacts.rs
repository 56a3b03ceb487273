//! Artifacts, and who made them.

use lightship_base::{ByteSize, Digest, Timestamp};
use lightship_engine::{Content, NodeId, Pending, RunId, StoreError, StoreFault};
use rusqlite::{Connection, Params, Row, params};
use serde_json::{Map, Value};

use crate::path::Paths;
use crate::time::moment;
use crate::{SqliteStore, fault, read};

/// An artifact and who made it.
#[derive(Debug, Clone, PartialEq)]
pub struct ArtifactRow {
    /// The run that made it.
    pub run: RunId,
    /// The pipeline of that run.
    pub pipeline: String,
    /// The task that made it.
    pub node: NodeId,
    /// That task's name in its graph.
    pub task: String,
    /// Where that task is in its run: `for-loop-1[3]/train`.
    pub path: String,
    /// Which attempt of it, from 1.
    pub attempt: u32,
    /// When that task ended.
    pub made: Option<Timestamp>,
    /// The output that it is.
    pub output: String,
    /// Which of that output's artifacts it is, from 0.
    pub position: u32,
    /// Its name.
    pub name: String,
    /// Its type: `system.Model`; empty for one without a name.
    pub kind: String,
    /// Where it is.
    pub uri: String,
    /// What was there when its task succeeded; none if nothing was.
    pub content: Option<Content>,
    /// What is known about it.
    pub metadata: Map<String, Value>,
}

/// Which artifacts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArtifactQuery {
    /// Made by this run.
    pub run: Option<RunId>,
    /// Of this type: `system.Model`, or `model` without its prefix; upper and lower case count as one.
    pub kind: Option<String>,
    /// Made by runs of this pipeline.
    pub pipeline: Option<String>,
    /// With this in their name, their output's or their task's.
    pub text: Option<String>,
    /// At most so many, the newest; all, if none.
    pub limit: Option<u32>,
}

const SELECT: &str = "SELECT r.id, r.pipeline, a.node, t.name, t.attempts, t.ended, a.output,
        a.position, a.name, a.type, a.uri, a.digest, a.size, a.metadata, a.run
    FROM artifacts a JOIN runs r ON r.number = a.run
    JOIN tasks t ON t.run = a.run AND t.node = a.node";

impl SqliteStore {
    /// Artifacts that the tasks of a run made; those of all runs, if none is named. Of one type, if one is named.
    pub fn artifacts<'a>(
        &'a self,
        run: Option<&'a RunId>,
        kind: Option<&'a str>,
    ) -> Pending<'a, Result<Vec<ArtifactRow>, StoreError>> {
        let (run, kind) = (run.map(RunId::to_string), kind.map(str::to_owned));
        self.read("list artifacts", move |db| {
            let rest = "WHERE (?1 IS NULL OR r.id = ?1) AND (?2 IS NULL OR a.type = ?2)
                        ORDER BY a.run, a.node, a.output, a.position";
            rows(db, rest, params![run, kind])
        })
    }

    /// Artifacts that fit, the newest first.
    pub fn find_artifacts<'a>(
        &'a self,
        query: &'a ArtifactQuery,
    ) -> Pending<'a, Result<Vec<ArtifactRow>, StoreError>> {
        let query = query.clone();
        self.read("list artifacts", move |db| find(db, &query))
    }

    /// Who made what is at a URI. Usually one; several if somebody imported it.
    pub fn producers<'a>(
        &'a self,
        uri: &'a str,
    ) -> Pending<'a, Result<Vec<ArtifactRow>, StoreError>> {
        let uri = uri.to_owned();
        self.read("look for an artifact", move |db| producers(db, &uri))
    }

    /// Artifacts with this content, wherever they are.
    pub fn with_content(
        &self,
        digest: Digest,
    ) -> Pending<'_, Result<Vec<ArtifactRow>, StoreError>> {
        self.read("look for an artifact", move |db| with_content(db, &digest.to_string()))
    }

    /// Artifacts whose digest begins with these hex digits, the newest first; at most so many.
    pub fn with_digest_like<'a>(
        &'a self,
        digits: &'a str,
        limit: u32,
    ) -> Pending<'a, Result<Vec<ArtifactRow>, StoreError>> {
        let (first, digits) = (format!("sha256:{digits}"), digits.to_owned());
        self.read("look for an artifact", move |db| {
            // The last digest that begins like this, so that the index is of use.
            let last = format!("sha256:{digits}~");
            let rest = "WHERE a.digest >= ?1 AND a.digest <= ?2
                        ORDER BY a.run DESC, a.node DESC, a.output, a.position LIMIT ?3";
            rows(db, rest, params![first, last, limit])
        })
    }
}

fn find(db: &Connection, query: &ArtifactQuery) -> Result<Vec<ArtifactRow>, StoreFault> {
    let rest = "WHERE (?1 IS NULL OR r.id = ?1)
          AND (?2 IS NULL OR lower(a.type) = ?2 OR lower(a.type) = 'system.' || ?2)
          AND (?3 IS NULL OR r.pipeline = ?3)
          AND (?4 IS NULL OR instr(a.name, ?4) > 0 OR instr(a.output, ?4) > 0
               OR instr(t.name, ?4) > 0)
        ORDER BY t.ended DESC, a.run DESC, a.node DESC, a.output, a.position LIMIT ?5";
    let run = query.run.as_ref().map(RunId::as_str);
    let kind = query.kind.as_ref().map(|kind| kind.to_lowercase());
    let limit = query.limit.map_or(-1, i64::from);
    rows(db, rest, params![run, kind, query.pipeline, query.text, limit])
}

pub(crate) fn producers(db: &Connection, uri: &str) -> Result<Vec<ArtifactRow>, StoreFault> {
    rows(db, "WHERE a.uri = ?1 ORDER BY a.run, a.node", params![uri])
}

pub(crate) fn with_content(db: &Connection, digest: &str) -> Result<Vec<ArtifactRow>, StoreFault> {
    rows(db, "WHERE a.digest = ?1 ORDER BY a.run, a.node", params![digest])
}

/// What a place of a run made.
pub(crate) fn made_by(
    db: &Connection,
    run: &RunId,
    node: NodeId,
) -> Result<Vec<ArtifactRow>, StoreFault> {
    let rest = "WHERE r.id = ?1 AND a.node = ?2 ORDER BY a.output, a.position";
    rows(db, rest, params![run.as_str(), node.number()])
}

fn rows(db: &Connection, rest: &str, values: impl Params) -> Result<Vec<ArtifactRow>, StoreFault> {
    let paths = Paths::of(db);
    read::all(db, &format!("{SELECT} {rest}"), values, |row| artifact(row, &paths))
}

fn artifact(row: &Row<'_>, paths: &Paths<'_>) -> Result<ArtifactRow, StoreFault> {
    let text = |at: usize| row.get::<_, String>(at).map_err(fault::of);
    let number = |at: usize| row.get::<_, u32>(at).map_err(fault::of);
    let ended: Option<i64> = row.get(5).map_err(fault::of)?;
    let digest: Option<String> = row.get(11).map_err(fault::of)?;
    let size: Option<i64> = row.get(12).map_err(fault::of)?;
    let content = match (digest, size) {
        (Some(digest), Some(size)) => Some(Content {
            digest: digest.parse().map_err(fault::damaged)?,
            size: ByteSize(u64::try_from(size).unwrap_or(0)),
        }),
        (None, _) | (_, None) => None,
    };
    Ok(ArtifactRow {
        run: RunId::try_from(text(0)?).map_err(fault::damaged)?,
        pipeline: text(1)?,
        node: NodeId::of_number(number(2)?),
        task: text(3)?,
        path: paths.path(row.get(14).map_err(fault::of)?, number(2)?)?,
        attempt: number(4)?,
        made: ended.map(moment),
        output: text(6)?,
        position: number(7)?,
        name: text(8)?,
        kind: text(9)?,
        uri: text(10)?,
        content,
        metadata: serde_json::from_str(&text(13)?).map_err(fault::damaged)?,
    })
}
