//! What the rules say, and what following them saves.

use std::fmt::Write as _;

use lightship_audit::ImageReport;
use lightship_base::ByteSize;
use lightship_policy::{Finding, Severity};

use crate::args::Top;
use crate::render::section::{heading, remark};
use crate::render::text::{cut_middle, printable};
use crate::render::{Cell, Column, Look, Table, style};
use crate::views::{count, size_or_dash};

/// These have a section of their own.
const TOLD_ELSEWHERE: [&str; 3] = ["shadowed-files", "deleted-files", "duplicate-files"];

/// How many paths stand below a finding.
const PATHS_SHOWN: usize = 3;

/// Columns before what is said about a finding: as wide as the longest severity.
const INDENT: usize = 11;

pub(super) fn findings(report: &ImageReport, top: Top, look: &Look) -> String {
    let own = |finding: &&Finding| !TOLD_ELSEWHERE.contains(&finding.code.0);
    let findings: String =
        report.findings.iter().filter(own).map(|finding| one(finding, top, look)).collect();
    if findings.is_empty() {
        return findings;
    }
    heading("Findings: what a running service rarely needs") + &findings
}

fn one(finding: &Finding, top: Top, look: &Look) -> String {
    let code = style::CODE;
    let severity = match finding.severity {
        Severity::Error => style::ERROR,
        Severity::Warning => style::WARNING,
        Severity::Info => style::DIM,
    };
    let cost = match finding.bytes.disk {
        ByteSize::ZERO => String::new(),
        bytes => format!(", {bytes}"),
    };
    let mut text = format!(
        "  {severity}{:7}{severity:#}  {code}{}{code:#}: {}{cost} in {}\n",
        finding.severity,
        finding.code,
        finding.title,
        count(finding.path_count, "file", "files"),
    );
    text += &paths(finding, top, look);
    text + &remark(INDENT, "why:", &finding.evidence, look)
        + &remark(INDENT, "fix:", &finding.fix, look)
}

fn paths(finding: &Finding, top: Top, look: &Look) -> String {
    let most = match top {
        Top::All => finding.paths.len(),
        Top::Rows(rows) => rows.get().min(PATHS_SHOWN),
    };
    let room = look.width.map_or(usize::MAX, |width| width.saturating_sub(INDENT).max(20));
    let mut text = String::new();
    for (number, path) in finding.paths.iter().enumerate().take(most) {
        let note = finding.notes.get(number).map_or_else(String::new, |note| format!(" ({note})"));
        let safe = printable(path).into_owned() + &printable(&note);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:INDENT$}{}", "", cut_middle(&safe, room, look.glyphs));
    }
    match finding.path_count.saturating_sub(most as u64) {
        0 => text,
        more => text + &format!("{:INDENT$}and {}\n", "", count(more, "more", "more")),
    }
}

/// What to do about a finding, where there is one with this code.
pub(super) fn fix(report: &ImageReport, code: &str, label: &str, look: &Look) -> String {
    let found = report.findings.iter().find(|finding| finding.code.0 == code);
    found.map_or_else(String::new, |finding| remark(2, label, &finding.fix, look))
}

/// The closing table.
pub(super) fn savings(report: &ImageReport, look: &Look) -> String {
    let savings = &report.savings;
    if savings.lines.is_empty() {
        return String::new();
    }
    let mut table = Table::new([
        Column::number("on disk"),
        Column::number("compressed"),
        Column::words("finding"),
        Column::sentence("fix"),
    ]);
    for line in &savings.lines {
        table.row([
            line.disk_bytes.into(),
            size_or_dash(line.compressed_bytes_estimate),
            Cell::styled(line.code.0, style::CODE),
            line.fix.as_str().into(),
        ]);
    }
    table.total([savings.disk_bytes.into(), savings.compressed_bytes_estimate.into()]);
    let dim = style::DIM;
    heading("What each fix saves")
        + &table.render(look)
        + &format!(
            "  {dim}on disk: exact, and no byte counts twice; compressed: an estimate{dim:#}\n"
        )
}
