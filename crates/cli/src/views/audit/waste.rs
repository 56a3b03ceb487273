//! What ships although nobody sees it, and what ships twice.

use std::collections::BTreeMap;

use lightship_audit::{Culprit, ImageReport, Waste, WastedPath};
use lightship_base::ByteSize;

use crate::args::Top;
use crate::render::section::heading;
use crate::render::text::{cut_end, printable};
use crate::render::{Column, Look, Table, style};
use crate::views::{count, grouped};

/// Paths with the same fate: written by one instruction and lost to another.
struct Fate<'a> {
    bytes: ByteSize,
    paths: Vec<&'a WastedPath>,
}

/// How many paths stand below a fate, unless all are asked for.
const PATHS_SHOWN: usize = 5;

const TITLE: &str = "Waste: in a layer, but not in the filesystem";

/// By who is to blame: one package removed in a later layer may be thousands of paths.
pub(super) fn wasted(report: &ImageReport, top: Top, look: &Look) -> String {
    if report.wasted_paths.is_empty() {
        return String::new();
    }
    let all = fates(&report.wasted_paths);
    let (shown, hidden) = weighty(&all, |fate| fate.bytes, report, top);
    let fates: String = shown.iter().map(|fate| one_fate(fate, top, look)).collect();
    let hidden = left_out(hidden, shown.len(), |fate| fate.bytes);
    if shown.is_empty() {
        return heading(TITLE) + &hidden;
    }
    let fixes: String = [("deleted-files", "if deleted:"), ("shadowed-files", "if shadowed:")]
        .into_iter()
        .map(|(code, label)| super::findings::fix(report, code, label, look))
        .collect();
    heading(TITLE) + &fates + &hidden + &fixes
}

/// Rows to show, which are sorted by their weight, and rows to leave out: those beyond the asked number,
/// and those that weigh less than a thousandth of the image, unless all were asked for.
fn weighty<'r, T>(
    rows: &'r [T],
    weight: impl Fn(&T) -> ByteSize,
    report: &ImageReport,
    top: Top,
) -> (&'r [T], &'r [T]) {
    let least = match top {
        Top::All => 0,
        Top::Rows(_) => report.totals.stored_bytes.bytes() / 1_000,
    };
    let (shown, _) = top.of(rows);
    let heavy = shown.iter().take_while(|row| weight(row).bytes() >= least).count();
    rows.split_at(heavy)
}

/// The remark about rows that are not shown, below so many that are.
fn left_out<T>(rows: &[T], shown: usize, weight: impl Fn(&T) -> ByteSize) -> String {
    let (dim, number) = (style::DIM, grouped(rows.len() as u64));
    let bytes: ByteSize = rows.iter().map(weight).sum();
    let words = match (rows.len(), shown) {
        (0, _) => return String::new(),
        (1, 0) => "one small case".to_owned(),
        (_, 0) => format!("{number} small cases"),
        _ => format!("and {number} more"),
    };
    format!("  {dim}{words}, {bytes} in all; `--top all` shows them{dim:#}\n")
}

/// Heaviest first; so are the paths of each.
fn fates(paths: &[WastedPath]) -> Vec<Fate<'_>> {
    let mut fates = BTreeMap::new();
    for path in paths {
        let key = (path.written_by.layer, path.removed_by.layer, path.kind);
        let fate = fates.entry(key).or_insert(Fate { bytes: ByteSize::ZERO, paths: Vec::new() });
        fate.bytes += path.bytes;
        fate.paths.push(path);
    }
    let mut fates: Vec<Fate<'_>> = fates.into_values().collect();
    fates.sort_by_key(|fate| std::cmp::Reverse(fate.bytes));
    fates
}

fn one_fate(fate: &Fate<'_>, top: Top, look: &Look) -> String {
    let first = fate.paths[0];
    let (word, verb) = match first.kind {
        Waste::Shadowed => ("shadowed", "overwritten by"),
        Waste::Deleted => ("deleted", "removed by"),
    };
    let warning = style::WARNING;
    let files = count(fate.paths.len() as u64, "file", "files");
    let mut text = format!("  {warning}{} {word}{warning:#} in {files}\n", fate.bytes)
        + &culprit("written by", &first.written_by, look)
        + &culprit(verb, &first.removed_by, look);
    let most = match top {
        Top::All => fate.paths.len(),
        Top::Rows(rows) => rows.get().min(PATHS_SHOWN),
    };
    for path in fate.paths.iter().take(most) {
        let bytes = path.bytes.to_string();
        text += &line(&format!("      {bytes:>9}  "), &path.path, look);
    }
    match fate.paths.len().saturating_sub(most) {
        0 => text,
        more => text + &format!("      and {}\n", count(more as u64, "more file", "more files")),
    }
}

fn culprit(verb: &str, culprit: &Culprit, look: &Look) -> String {
    line(&format!("    {verb:14} {}: ", culprit.layer), &culprit.instruction, look)
}

/// A stranger's text behind a label, cut where the terminal ends.
fn line(label: &str, words: &str, look: &Look) -> String {
    let room = look.width.map_or(usize::MAX, |width| width.saturating_sub(label.len()).max(20));
    format!("{label}{}\n", cut_end(&printable(words), room, look.glyphs))
}

/// The same content at several paths.
pub(super) fn duplicates(report: &ImageReport, top: Top, look: &Look) -> String {
    if report.duplicates.is_empty() {
        return String::new();
    }
    let mut table = Table::new([
        Column::number("bytes"),
        Column::number("copies"),
        Column::path("one of them"),
        Column::path("another"),
    ]);
    let (shown, hidden) =
        weighty(&report.duplicates, |duplicate| duplicate.wasted_bytes, report, top);
    for duplicate in shown {
        table.row([
            duplicate.wasted_bytes.into(),
            duplicate.copies.into(),
            duplicate.paths[0].as_str().into(),
            duplicate.paths[1].as_str().into(),
        ]);
    }
    heading("Duplicates: the same content at several paths")
        + &if table.is_empty() { String::new() } else { table.render(look) }
        + &left_out(hidden, shown.len(), |duplicate| duplicate.wasted_bytes)
        + &super::findings::fix(report, "duplicate-files", "fix:", look)
}
