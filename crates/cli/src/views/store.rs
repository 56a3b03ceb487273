//! The local store as a whole.

use lightship_cas::{GcReport, Problem, Tally, Usage, VerifyReport};
use serde::Serialize;

use super::count;
use crate::render::json::{Document, Schema};
use crate::render::text::printable;
use crate::render::{Column, Look, Table, style};

/// `lightship store df --format json`.
#[derive(Debug, Serialize)]
pub struct UsageDocument {
    /// Where the store is.
    pub home: String,
    /// What its bytes are for.
    #[serde(flatten)]
    pub usage: Usage,
}

impl Document for UsageDocument {
    const SCHEMA: Schema = Schema { command: "store.df", version: 1 };
}

impl UsageDocument {
    /// The same for a terminal.
    pub fn text(&self, look: &Look) -> String {
        let usage = &self.usage;
        let mut table = Table::new([
            Column::words("what"),
            Column::number("names"),
            Column::number("pieces"),
            Column::number("bytes"),
        ]);
        let mut row = |what: &str, names: Option<u64>, tally: Tally| {
            let names = names.map_or_else(String::new, super::grouped);
            table.row([
                what.into(),
                names.into(),
                super::grouped(tally.count).into(),
                tally.bytes.into(),
            ]);
        };
        for (kind, of_kind) in &usage.kinds {
            row(kind, Some(of_kind.names), of_kind.blobs);
        }
        row("in use", None, usage.reachable);
        row("unused", None, usage.unreachable);
        row("interrupted downloads", None, usage.partial);
        row("temporary", None, usage.temporary);
        let hint = if usage.unreachable.count > 0 {
            format!("  `lightship store gc` frees {}\n", usage.unreachable.bytes)
        } else {
            String::new()
        };
        format!("{}\n", printable(&self.home)) + &table.render(look) + &hint
    }
}

/// `lightship store gc --format json`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct GcDocument(pub GcReport);

impl Document for GcDocument {
    const SCHEMA: Schema = Schema { command: "store.gc", version: 1 };
}

impl GcDocument {
    /// The same for a terminal.
    pub fn text(&self) -> String {
        let report = &self.0;
        let verb = if report.dry_run { "would free" } else { "freed" };
        let rest = report.temporary.bytes + report.partial.bytes;
        let line = |blobs: Tally, trees: Tally| {
            format!(
                "{} in {} and {}",
                blobs.bytes + trees.bytes,
                count(blobs.count, "blob", "blobs"),
                count(trees.count, "unpacked layer", "unpacked layers"),
            )
        };
        let unused = match report.unused {
            0 => String::new(),
            unused => format!(
                "; {} no build had used",
                count(unused, "package or result", "packages and results")
            ),
        };
        format!(
            "{verb} {}, and {rest} of left-overs; kept {}{unused}\n",
            line(report.freed, report.freed_trees),
            line(report.kept, report.kept_trees),
        )
    }
}

/// `lightship store verify --format json`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct VerifyDocument(pub VerifyReport);

impl Document for VerifyDocument {
    const SCHEMA: Schema = Schema { command: "store.verify", version: 1 };
}

impl VerifyDocument {
    /// The same for a terminal.
    pub fn text(&self) -> String {
        let report = &self.0;
        let error = style::ERROR;
        let mut text = String::new();
        for blob in &report.corrupt {
            let what = match &blob.problem {
                Problem::OtherDigest(actual) => format!("its bytes are {actual}"),
                Problem::Unreadable(reason) => format!("cannot be read: {reason}"),
            };
            let removed = if blob.removed { ", removed" } else { "" };
            text += &format!(
                "{error}corrupt{error:#} {} ({}): {}{removed}\n",
                blob.digest,
                blob.size,
                printable(&what)
            );
        }
        for blob in &report.missing {
            let names = blob.needed_by.join(", ");
            text += &format!(
                "{error}missing{error:#} {}, needed by {}\n",
                blob.digest,
                printable(&names)
            );
        }
        for path in &report.strays {
            text += &format!("{error}stray{error:#} {}\n", printable(&path.display().to_string()));
        }
        let checked = format!(
            "{} ({}) read",
            count(report.checked.count, "blob", "blobs"),
            report.checked.bytes
        );
        let good = style::GOOD;
        let verdict = if report.is_clean() {
            format!("{good}all is well{good:#}: {checked}\n")
        } else {
            format!(
                "{checked}; `lightship store verify --remove-corrupt` removes what is corrupt, pulling again brings it back\n"
            )
        };
        text + &verdict
    }
}
