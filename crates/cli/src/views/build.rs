//! What a build made: the first screen after it, and the same for programs.

mod plan;
#[cfg(test)]
mod tests;

use lightship_base::ByteSize;
use lightship_build::assemble::Stage;
use lightship_build::report::{Before, Category, PackageWeight, Report};
use serde::Serialize;

use super::{count, grouped, percent};
use crate::args::Top;
use crate::render::json::{Document, Schema};
use crate::render::section::{heading, left_out, remark};
use crate::render::text::{cut_end, printable, width, wrap};
use crate::render::{Cell, Column, Glyphs, Look, Table, bar, style};

pub use plan::{PlanDocument, text as plan_text};

/// `lightship build --format json`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct BuildDocument<'a>(pub &'a Report);

impl Document for BuildDocument<'_> {
    const SCHEMA: Schema = Schema { command: "build", version: 1 };
}

/// The document of a build.
pub fn document(report: &Report) -> BuildDocument<'_> {
    BuildDocument(report)
}

/// The first screen after a build: what came of it, where the bytes are, what to do next. `runs_here`: whether
/// it is for a machine like this one.
pub fn text(report: &Report, runs_here: bool, look: &Look) -> String {
    let parts = [
        title(report, look),
        verdict(report, look),
        categories(report, look),
        asides(report, runs_here, look),
        notes(report, look),
        next(report, runs_here),
    ];
    parts.concat()
}

/// The same with its tables, for whoever wants to know more.
pub fn details(report: &Report, top: Top, look: &Look) -> String {
    let parts = [
        further_notes(report, look),
        packages(report, top, look),
        layers(report, top, look),
        left_out_files(report, look),
        kept_on(report, top, look),
        dropped(report, top, look),
        overlaps(report, top, look),
    ];
    parts.concat()
}

fn title(report: &Report, look: &Look) -> String {
    let (bold, dim) = (style::HEADING, style::DIM);
    let arrow = match look.glyphs {
        Glyphs::Unicode => "→",
        Glyphs::Ascii => "->",
    };
    let mut text = format!(
        "{bold}{}{bold:#}  {dim}{}  {}{dim:#}",
        printable(&report.project),
        printable(&report.platform),
        report.digest.short(),
    );
    if !report.names.is_empty() {
        text += &format!("  {arrow}  {bold}{}{bold:#}", printable(&report.names.join(", ")));
    }
    text + "\n"
}

/// The sentence that somebody in a hurry reads.
fn verdict(report: &Report, look: &Look) -> String {
    let after = &report.after;
    let sizes = format!("{} to pull, {} on disk", after.compressed_bytes, after.disk_bytes);
    let sizes = match report.start {
        Some(start) => {
            let modules = count(start.modules, "module", "modules");
            format!("{sizes}, {:.1} s to import the project's {modules}", start.seconds)
        }
        None => sizes,
    };
    let sentence = match report.before.as_ref().and_then(|before| less(before, report)) {
        Some(words) => format!("{sizes}: {words}"),
        None => sizes,
    };
    let room = look.width.map_or(usize::MAX, |columns| columns.saturating_sub(2).max(20));
    let good = style::GOOD;
    let lines = wrap(&printable(&sentence), room);
    lines.iter().map(|line| format!("  {good}{line}{good:#}\n")).collect::<String>() + "\n"
}

/// How it compares with what it replaces: by what is pulled, else by what is on disk.
fn less(before: &Before, report: &Report) -> Option<String> {
    let pairs = [
        (before.compressed_bytes, report.after.compressed_bytes, ""),
        (before.disk_bytes, report.after.disk_bytes, " on disk"),
    ];
    let (old, new, kind) =
        pairs.into_iter().find_map(|(old, new, kind)| Some((old?, new, kind)))?;
    if new == ByteSize::ZERO || old == ByteSize::ZERO {
        return None;
    }
    let what = format!("the {old}{kind} of {}", before.what);
    let ratio = old.bytes() as f64 / new.bytes() as f64;
    Some(match ratio {
        ratio if ratio >= 9.95 => format!("{ratio:.0} × less than {what}"),
        ratio if ratio >= 1.05 => format!("{ratio:.1} × less than {what}"),
        ratio if ratio > 0.95 => format!("as much as {what}"),
        _ => format!("more than {what}"),
    })
}

/// Columns of the label, and of the bar that shows a share.
const LABEL: usize = 16;
const BAR: usize = 8;

/// A line of the first screen: label, number, bar, words; the words end where the terminal does.
fn line(label: &str, number: &str, bar: &str, words: &str, look: &Look) -> String {
    let (dim, code) = (style::DIM, style::CODE);
    let used = 2 + LABEL + 2 + 9 + 2 + BAR + 2;
    let room = look.width.map_or(usize::MAX, |columns| columns.saturating_sub(used).max(12));
    let words = printable(words);
    let words = cut_end(&words, room, look.glyphs);
    let gap = BAR.saturating_sub(width(bar));
    let text = format!(
        "  {dim}{label:LABEL$}{dim:#}  {number:>9}  {code}{bar}{code:#}{:gap$}  {words}",
        ""
    );
    text.trim_end().to_owned() + "\n"
}

fn categories(report: &Report, look: &Look) -> String {
    let whole = report.after.compressed_bytes.bytes();
    let one = |category: &Category| {
        let bytes = category.weight.compressed_bytes;
        let bar = bar::bar(bytes.bytes(), whole, BAR, look.glyphs);
        line(label(category.stage), &bytes.to_string(), &bar, &words(category, report), look)
    };
    report.categories.iter().map(one).collect()
}

fn label(stage: Stage) -> &'static str {
    match stage {
        Stage::Base => "base",
        Stage::Replaced => "removed of base",
        Stage::System => "system packages",
        Stage::Packages => "python packages",
        Stage::Made => "caches, accounts",
        Stage::Bytecode => "byte code",
        Stage::Project => "project",
    }
}

fn words(category: &Category, report: &Report) -> String {
    let packages = |singular, plural| count(category.packages, singular, plural);
    match category.stage {
        Stage::Base => {
            // How many an image below has is its maker's to say.
            let own = (category.packages > 0).then(|| packages("package", "packages"));
            report.base.iter().cloned().chain(own).collect::<Vec<_>>().join(", ")
        }
        Stage::System => packages("package", "packages"),
        Stage::Packages => {
            let all = packages("distribution", "distributions");
            match category.own_layers {
                0 => all,
                own => format!("{all}, {} in own layers", grouped(own)),
            }
        }
        Stage::Bytecode => format!("{} on disk", category.weight.disk_bytes),
        Stage::Replaced | Stage::Made | Stage::Project => {
            count(category.weight.files, "file", "files")
        }
    }
}

/// The heaviest packages, what was left out, the layers, the time: a line each.
fn asides(report: &Report, runs_here: bool, look: &Look) -> String {
    let mut text = String::from("\n");
    text += &remark_of("heaviest", &heaviest(&report.packages), look);
    text += &remark_of("left out", &absent(report), look);
    let kept = report.layers.iter().filter(|layer| layer.kept).count() as u64;
    let layers = count(report.after.layers, "layer", "layers");
    let words = match kept {
        0 => layers,
        kept if kept == report.after.layers => format!("{layers}, all kept from earlier builds"),
        kept => format!("{layers}, {} kept from earlier builds", grouped(kept)),
    };
    text += &remark_of("layers", &words, look);
    let has_python = report.categories.iter().any(|one| one.stage == Stage::Packages);
    if has_python && runs_here && report.start.is_none() {
        text += &remark_of(
            "start",
            "not measured with these packages yet: `--measure`, or `lightship verify`",
            look,
        );
    }
    text + &remark_of("time", &time(report), look)
}

/// A label as wide as the others, and a sentence that may need several lines.
fn remark_of(label: &str, sentence: &str, look: &Look) -> String {
    if sentence.is_empty() {
        return String::new();
    }
    remark(2, &format!("{label:LABEL$} "), sentence, look)
}

/// How many packages the first screen names.
const HEAVIEST: usize = 5;

fn heaviest(packages: &[PackageWeight]) -> String {
    let mut sorted: Vec<&PackageWeight> = packages.iter().collect();
    sorted.sort_by_key(|package| (std::cmp::Reverse(compressed(package)), &package.name));
    let one = |package: &&PackageWeight| {
        let about = if package.compressed_bytes.is_some() { "" } else { "about " };
        format!("{} {about}{}", package.name, compressed(package))
    };
    sorted.iter().take(HEAVIEST).map(one).collect::<Vec<_>>().join(", ")
}

fn compressed(package: &PackageWeight) -> ByteSize {
    package.compressed_bytes.or(package.compressed_bytes_estimate).unwrap_or_default()
}

/// How many kinds of left-out files the first screen names.
const KINDS: usize = 4;

fn absent(report: &Report) -> String {
    let mut parts = Vec::new();
    let total: ByteSize = report.left_out.iter().map(|one| one.bytes).sum();
    if total > ByteSize::ZERO {
        let named = report.left_out.iter().take(KINDS).filter(|one| one.bytes > ByteSize::ZERO);
        let named: Vec<String> =
            named.map(|one| format!("{} {}", one.category, one.bytes)).collect();
        let more = report.left_out.len().saturating_sub(named.len());
        let more = if more == 0 { String::new() } else { format!(", {more} more kinds") };
        parts.push(format!("{total} on disk ({}{more})", named.join(", ")));
    }
    if !report.dropped.is_empty() {
        let bytes: ByteSize = report.dropped.iter().map(|one| one.bytes).sum();
        let packages = report.dropped.len() as u64;
        let packages = count(packages, "package", "packages");
        parts.push(format!("{packages} that nothing here runs ({bytes})"));
    }
    parts.join(", and ")
}

fn time(report: &Report) -> String {
    let phases: Vec<String> =
        report.phases.iter().map(|one| format!("{} {:.1}", one.name, one.seconds)).collect();
    let total = format!("{:.1} s", report.seconds);
    if phases.is_empty() { total } else { format!("{total}: {}", phases.join(", ")) }
}

fn notes(report: &Report, look: &Look) -> String {
    let overlaps = report.overlaps.len() as u64;
    let overlaps = (overlaps > 0).then(|| {
        let names = count(overlaps, "name", "names");
        format!("two bring different bytes under {names}: `--verbose` says whose are in the image")
    });
    // A long Dockerfile must not push the first screen off the screen.
    let more = report.notes.len().saturating_sub(NOTES) as u64;
    let more = (more > 0).then(|| {
        let notes = count(more, "note", "notes");
        format!("{notes} more: `--verbose` shows them")
    });
    (report.notes.iter().take(NOTES).cloned().chain(overlaps).chain(more))
        .map(|note| remark(2, "note:", &note, look))
        .collect()
}

/// So many notes are on the first screen.
const NOTES: usize = 8;

fn further_notes(report: &Report, look: &Look) -> String {
    let notes = report.notes.iter().skip(NOTES);
    notes.map(|note| remark(2, "note:", note, look)).collect()
}

fn next(report: &Report, runs_here: bool) -> String {
    let Some(name) = report.names.first() else { return String::new() };
    let (dim, code, name) = (style::DIM, style::CODE, printable(name));
    if !runs_here {
        let platform = printable(&report.platform);
        return format!(
            "\n  {dim}next:{dim:#} {code}lightship audit {name}{code:#}{dim}; it runs on {platform}, and \
             not on this machine{dim:#}\n"
        );
    }
    format!(
        "\n  {dim}next:{dim:#} {code}lightship verify {name}{code:#}{dim} or {dim:#}\
         {code}lightship image run {name}{code:#}\n"
    )
}

fn packages(report: &Report, top: Top, look: &Look) -> String {
    if report.packages.is_empty() {
        return String::new();
    }
    let mut table = Table::new([
        Column::number("on disk"),
        Column::number("byte code"),
        Column::number("to pull"),
        Column::words("from"),
        Column::path("package"),
        Column::sentence("version"),
    ]);
    let (shown, hidden) = top.of(&report.packages);
    for package in shown {
        let pull = match package.compressed_bytes {
            Some(exact) => exact.to_string(),
            None => format!("~ {}", compressed(package)),
        };
        table.row([
            package.disk_bytes.into(),
            super::size_or_dash(package.bytecode_bytes),
            pull.into(),
            package.origin.as_ref().into(),
            package.name.as_str().into(),
            package.version.as_str().into(),
        ]);
    }
    let dim = style::DIM;
    let shares = report.packages.iter().any(|one| one.compressed_bytes.is_none());
    let legend = if shares {
        format!("  {dim}~ an estimate: its part of a layer that it shares{dim:#}\n")
    } else {
        String::new()
    };
    heading("Packages") + &table.render(look) + &left_out(hidden) + &legend
}

fn layers(report: &Report, top: Top, look: &Look) -> String {
    let mut table = Table::new([
        Column::number("#"),
        Column::number("to pull"),
        Column::number("share"),
        Column::number("on disk"),
        Column::number("files"),
        Column::words("digest"),
        Column::words("made"),
        Column::sentence("layer"),
    ]);
    let (shown, hidden) = top.of(&report.layers);
    for (number, layer) in (1..).zip(shown) {
        let number: u64 = number;
        let made = if layer.kept { "before" } else { "now" };
        table.row([
            number.into(),
            layer.compressed_bytes.into(),
            percent(layer.compressed_bytes, report.after.compressed_bytes).into(),
            layer.disk_bytes.into(),
            grouped(layer.files).into(),
            layer.digest.short().into(),
            Cell::styled(made, if layer.kept { style::DIM } else { style::PLAIN }),
            layer.title.as_str().into(),
        ]);
    }
    heading("Layers") + &table.render(look) + &left_out(hidden)
}

fn left_out_files(report: &Report, look: &Look) -> String {
    if report.left_out.is_empty() {
        return String::new();
    }
    let mut table =
        Table::new([Column::number("bytes"), Column::number("files"), Column::words("kind")]);
    for one in &report.left_out {
        table.row([one.bytes.into(), grouped(one.files).into(), one.category.as_str().into()]);
    }
    let total: ByteSize = report.left_out.iter().map(|one| one.bytes).sum();
    table.total([total.into()]);
    heading("Left out: files that nothing here reads") + &table.render(look)
}

fn kept_on(report: &Report, top: Top, look: &Look) -> String {
    if report.kept_on.is_empty() {
        return String::new();
    }
    let mut table = Table::new([
        Column::number("bytes"),
        Column::words("kind"),
        Column::words("package"),
        Column::sentence("why"),
    ]);
    let (shown, hidden) = top.of(&report.kept_on);
    for one in shown {
        let (kind, package) = (one.category.as_str(), one.package.as_str());
        table.row([one.bytes.into(), kind.into(), package.into(), one.why.as_str().into()]);
    }
    heading("Kept, because some code opens it") + &table.render(look) + &left_out(hidden)
}

fn dropped(report: &Report, top: Top, look: &Look) -> String {
    if report.dropped.is_empty() {
        return String::new();
    }
    let mut table =
        Table::new([Column::number("bytes"), Column::words("package"), Column::sentence("why")]);
    let (shown, hidden) = top.of(&report.dropped);
    for one in shown {
        table.row([one.bytes.into(), one.name.as_str().into(), one.reason.as_str().into()]);
    }
    heading("Left out: packages of the distribution") + &table.render(look) + &left_out(hidden)
}

fn overlaps(report: &Report, top: Top, look: &Look) -> String {
    if report.overlaps.is_empty() {
        return String::new();
    }
    let mut table = Table::new([
        Column::path("name"),
        Column::words("is that of"),
        Column::words("and not of"),
    ]);
    let (shown, hidden) = top.of(&report.overlaps);
    for one in shown {
        table.row([
            one.path.as_str().into(),
            one.kept.as_str().into(),
            one.left_out.as_str().into(),
        ]);
    }
    heading("Names that two packages bring") + &table.render(look) + &left_out(hidden)
}
