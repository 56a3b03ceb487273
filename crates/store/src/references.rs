//! What is still needed of the artifacts of a run that goes.

use std::collections::BTreeSet;

use lightship_engine::{EVENT_VERSION, Event, Outputs, Pending, RunId, StoreError, StoreFault};
use rusqlite::{Connection, Params, params};

use crate::{SqliteStore, fault, read};

impl SqliteStore {
    /// The URIs below `prefix` that runs other than these speak of, and results that the cache keeps: without those of
    /// these runs, if they are `forgotten`.
    pub fn referred_to<'a>(
        &'a self,
        prefix: &'a str,
        except: &'a [RunId],
        forgotten: bool,
    ) -> Pending<'a, Result<BTreeSet<String>, StoreError>> {
        let (prefix, except) = (prefix.to_owned(), except.to_vec());
        self.read("look who uses artifacts", move |db| {
            let others = Others { prefix: &prefix, except: &except };
            let mut found = others.cache(db, forgotten)?;
            found.extend(others.lineage(db, "uses")?);
            found.extend(others.lineage(db, "artifacts")?);
            found.extend(others.taken(db)?);
            found.retain(|uri| uri.starts_with(&prefix));
            Ok(found)
        })
    }

    /// Lets the cache forget what a run found out. Says how many results those were.
    pub fn forget_results<'a>(&'a self, run: &'a RunId) -> Pending<'a, Result<u64, StoreError>> {
        let run = run.clone();
        self.write("forget results of a run", move |db| {
            let removed = db.execute("DELETE FROM cache WHERE run = ?1", [run.as_str()]);
            removed.map(|removed| removed as u64).map_err(fault::of)
        })
    }
}

/// All but some runs, and what they say of one place.
struct Others<'o> {
    prefix: &'o str,
    except: &'o [RunId],
}

impl Others<'_> {
    fn is_other(&self, id: &str) -> bool {
        !self.except.iter().any(|run| run.as_str() == id)
    }

    /// A text that has the prefix may have it elsewhere; who looks at the URIs sees.
    fn cache(&self, db: &Connection, forgotten: bool) -> Result<BTreeSet<String>, StoreFault> {
        let select = "SELECT run, outputs FROM cache WHERE instr(outputs, ?1) > 0";
        let mut found = BTreeSet::new();
        for (id, text) in pairs(db, select, params![self.prefix])? {
            if !forgotten || self.is_other(&id) {
                let outputs: Outputs = serde_json::from_str(&text).map_err(fault::damaged)?;
                found.extend(uris(&outputs));
            }
        }
        Ok(found)
    }

    fn lineage(&self, db: &Connection, table: &str) -> Result<Vec<String>, StoreFault> {
        let select = format!(
            "SELECT r.id, t.uri FROM {table} t JOIN runs r ON r.number = t.run
             WHERE t.uri >= ?1 AND t.uri < ?2"
        );
        // Behind all that begin so.
        let end = format!("{}\u{10ffff}", self.prefix);
        let rows = pairs(db, &select, params![self.prefix, end])?;
        Ok(rows.into_iter().filter(|(id, _)| self.is_other(id)).map(|(_, uri)| uri).collect())
    }

    /// What other runs took from the cache: it is part of what they gave.
    fn taken(&self, db: &Connection) -> Result<Vec<String>, StoreFault> {
        let select = "SELECT r.id, e.event FROM runs r JOIN events e ON e.run = r.number
            WHERE r.number IN (SELECT DISTINCT run FROM tasks WHERE cached_from IS NOT NULL)
            AND e.event LIKE '{\"cached\"%' AND instr(e.event, ?1) > 0";
        let mut found = Vec::new();
        for (id, text) in pairs(db, select, params![self.prefix])? {
            if !self.is_other(&id) {
                continue;
            }
            let event = Event::from_json(EVENT_VERSION, &text).map_err(fault::damaged)?;
            if let Event::Cached { outputs, .. } = event {
                found.extend(uris(&outputs));
            }
        }
        Ok(found)
    }
}

fn uris(outputs: &Outputs) -> Vec<String> {
    outputs.produced.artifacts.values().flatten().map(|artifact| artifact.uri.clone()).collect()
}

fn pairs(
    db: &Connection,
    select: &str,
    values: impl Params,
) -> Result<Vec<(String, String)>, StoreFault> {
    read::all(db, select, values, |row| {
        let text = |at: usize| row.get::<_, String>(at).map_err(fault::of);
        Ok((text(0)?, text(1)?))
    })
}
