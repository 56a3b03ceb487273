//! Verdicts on an image.

use lightship_base::Digest;
use lightship_build::verify::{Around, Repeat, Status, Summary, Verdict};
use lightship_sandbox::{Network, Note};
use serde::Serialize;

use super::count;
use crate::render::json::{Document, Schema};
use crate::render::text::{printable, wrap};
use crate::render::{Look, style};

/// `lightship verify --format json`.
#[derive(Debug, Serialize)]
pub struct VerifyDocument<'a> {
    /// How the image was named.
    pub image: &'a str,
    /// Its manifest.
    pub digest: Digest,
    /// Whether every check passed.
    pub passed: bool,
    /// How many came out how.
    pub summary: Summary,
    /// What was not checked, and why.
    pub remarks: &'a [String],
    /// What is not as tight on this machine as elsewhere.
    pub notes: Vec<Note>,
    /// What was added to a project's profile, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Recorded>,
    /// A verdict for each check, in their order.
    pub verdicts: Vec<Row<'a>>,
}

/// Modules that were loaded and had no byte code.
#[derive(Debug, Serialize)]
pub struct Recorded {
    /// The profile.
    pub file: String,
    /// How many.
    pub modules: u64,
    /// How many of them the profile did not have before.
    pub added: u64,
}

/// A verdict with what its own crate cannot say.
#[derive(Debug, Serialize)]
pub struct Row<'a> {
    /// What came of it.
    #[serde(flatten)]
    pub verdict: &'a Verdict,
    /// How the command ended, in words.
    pub end: Option<String>,
    /// The exit code that stands for that in a shell.
    pub exit_code: Option<u8>,
    /// What to type to see it again.
    pub repeat: Option<String>,
}

impl Document for VerifyDocument<'_> {
    const SCHEMA: Schema = Schema { command: "verify", version: 1 };
}

impl<'a> VerifyDocument<'a> {
    /// Of what was found in the image of this name.
    pub fn new(
        image: &'a str,
        digest: Digest,
        verdicts: &'a [Verdict],
        remarks: &'a [String],
        notes: Vec<Note>,
        recorded: Option<Recorded>,
    ) -> Self {
        let row = |verdict: &'a Verdict| Row {
            verdict,
            end: verdict.end.map(|end| end.to_string()),
            exit_code: verdict.end.map(lightship_sandbox::End::exit_code),
            repeat: verdict.repeat.as_ref().map(|what| repeat(image, what, &verdict.check.around)),
        };
        let summary = Summary::of(verdicts);
        let passed = summary.passed == verdicts.len();
        let verdicts = verdicts.iter().map(row).collect();
        Self { image, digest, passed, summary, remarks, notes, recorded, verdicts }
    }
}

/// The command line that does the same once more.
fn repeat(image: &str, what: &Repeat, around: &Around) -> String {
    let mut words = vec!["lightship".to_owned(), "image".to_owned(), "run".to_owned()];
    let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
    if let Some(user) = &around.user {
        option("--user", user.clone());
    }
    for (name, value) in &around.environment {
        option("--env", format!("{name}={value}"));
    }
    if around.network == Network::Host {
        option("--network", "host".to_owned());
    }
    let arguments = match what {
        Repeat::EntryPoint => &[][..],
        Repeat::Command(command) => match command.split_first() {
            Some((program, arguments)) => {
                option("--entrypoint", program.clone());
                arguments
            }
            None => &[],
        },
    };
    words.push(image.to_owned());
    if !arguments.is_empty() {
        words.push("--".to_owned());
        words.extend_from_slice(arguments);
    }
    let quoted = words.iter().map(|word| match shlex::try_quote(word) {
        Ok(quoted) => quoted.into_owned(),
        // A NUL byte, which no command line can carry.
        Err(_) => word.clone(),
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// The same for a terminal: a line per check, what matters below it, the sum last.
pub fn text(document: &VerifyDocument<'_>, look: &Look) -> String {
    let mut text: String = document.verdicts.iter().map(|row| one(row, look)).collect();
    for remark in document.remarks {
        text += &labelled(0, "note:", style::DIM, remark, look);
    }
    for note in &document.notes {
        text += &labelled(0, "note:", style::DIM, &note.to_string(), look);
    }
    if let Some(recorded) = &document.recorded {
        text += &labelled(0, "note:", style::DIM, &told(recorded), look);
    }
    text + &sum(document)
}

fn told(recorded: &Recorded) -> String {
    let Recorded { file, modules, added } = recorded;
    let modules = count(*modules, "module was", "modules were");
    match (recorded.modules, added) {
        (0, _) => "all modules that were loaded have byte code already".to_owned(),
        (_, 0) => format!(
            "{modules} loaded without byte code, and {file} has them already: `lightship build` makes it, but \
             for what a base image brings"
        ),
        (_, added) => format!(
            "{modules} loaded without byte code: {file} has {added} more now, for the next `lightship build`"
        ),
    }
}

fn one(row: &Row<'_>, look: &Look) -> String {
    let verdict = row.verdict;
    let (word, color) = match verdict.status {
        Status::Passed => ("passed", style::GOOD),
        Status::Failed => ("FAILED", style::ERROR),
        Status::CouldNotRun => ("unknown", style::WARNING),
    };
    let (dim, code) = (style::DIM, style::CODE);
    let name = printable(&verdict.check.name);
    let seconds = verdict.time.as_secs_f64();
    let mut text = format!("{color}{word:7}{color:#}  {name} {dim}({seconds:.1} s){dim:#}\n");
    for reason in &verdict.reasons {
        text += &labelled(9, "", style::PLAIN, reason, look);
    }
    for line in &verdict.lines {
        text += &format!("         {dim}|{dim:#} {}\n", printable(line));
    }
    for remark in &verdict.remarks {
        text += &labelled(9, "note:", style::DIM, remark, look);
    }
    if let Some(repeat) = &row.repeat {
        // On one line, however long: it is there to be copied.
        text += &format!("         {dim}${dim:#} {code}{}{code:#}\n", printable(repeat));
    }
    for hint in &verdict.hints {
        text += &labelled(9, "try:", style::GOOD, &hint.to_string(), look);
    }
    text
}

/// A sentence behind a label, further lines below its first word.
fn labelled(
    indent: usize,
    label: &str,
    style: anstyle::Style,
    sentence: &str,
    look: &Look,
) -> String {
    let hang = indent + if label.is_empty() { 0 } else { label.len() + 1 };
    let room = look.width.map_or(usize::MAX, |columns| columns.saturating_sub(hang).max(20));
    let mut text = format!("{:indent$}", "");
    if !label.is_empty() {
        text += &format!("{style}{label}{style:#} ");
    }
    text += &wrap(&printable(sentence), room).join(&format!("\n{:hang$}", ""));
    text + "\n"
}

fn sum(document: &VerifyDocument<'_>) -> String {
    let Summary { passed, failed, could_not_run } = document.summary;
    let (word, color) = match (failed, could_not_run) {
        (0, 0) => ("passed", style::GOOD),
        (0, _) => ("not known", style::WARNING),
        _ => ("failed", style::ERROR),
    };
    let counts: Vec<String> =
        [(passed, "passed"), (failed, "failed"), (could_not_run, "could not run")]
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, what)| format!("{number} {what}"))
            .collect();
    format!("{}: {color}{word}{color:#} ({})\n", printable(document.image), counts.join(", "))
}
