//! Imports: one interpreter imports every module, one after the other, and tells what came of each. A
//! module that ends the interpreter does not hide the others: another one goes on behind it.

use std::time::{Duration, Instant};

use lightship_sandbox::{End, Error as SandboxError, Failure, Fault};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::capture::Captured;
use super::check::{ImportItem, ImportsCheck};
use super::run::{Ran, Subject};
use super::verdict::{ModuleOutcome, Repeat, Verdict};
use super::{Check, command, matter};

/// Imports what its arguments say, and writes a line of JSON for each beginning and each end. What the
/// modules print goes to standard error. Written for any Python 3.
const SCRIPT: &str = include_str!("imports.py");

/// The interpreter's messages are kept up to this size.
const NEWS_BYTES: usize = 8 << 20;
/// So many bytes of statements go to one interpreter: Linux takes 2 MiB of arguments and variables, and
/// variables want some.
const STATEMENT_BYTES: usize = 512 << 10;

/// One line of the interpreter's.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum News {
    Failed(IgnoredAny, usize, String, Vec<Frame>),
    Step(String, usize),
}

/// A step of a traceback: file, line, function, code.
type Frame = (String, Option<u32>, IgnoredAny, IgnoredAny);

/// What came of one module.
#[derive(Debug, Clone)]
enum Fate {
    Unknown,
    Fine,
    Raised { error: String, place: Option<String> },
    Ended(End),
}

/// Imports all of them.
pub(super) fn check(subject: &Subject<'_>, wanted: &ImportsCheck, verdict: &mut Verdict) {
    let items = &wanted.modules;
    let time = subject.time(&verdict.check);
    let begin = Instant::now();
    let mut fates = vec![Fate::Unknown; items.len()];
    let mut next = 0;
    while next < items.len() {
        let left = time.saturating_sub(begin.elapsed());
        if left.is_zero() {
            break;
        }
        let until = chunk(items, next);
        let ran = match import(subject, &verdict.check, &items[next..until], left) {
            Ok((python, ran)) => {
                verdict.command.clone_from(&python);
                ran
            }
            Err(error) => return not_started(&error, verdict),
        };
        verdict.end = Some(ran.end);
        let Some(reached) = read(&ran, next, until, &mut fates) else {
            // Python itself does not work there.
            verdict.fail(format!("Python {} before the first import", ran.end));
            verdict.lines = matter::lines("", &ran.stderr.text());
            return;
        };
        next = reached;
        if matches!(ran.end, End::OutOfTime(_)) {
            break;
        }
    }
    judge(items, &fates, time, verdict);
}

/// The end of what one interpreter gets, beginning at `from`.
fn chunk(items: &[ImportItem], from: usize) -> usize {
    let mut bytes = 0;
    let fits = items[from..].iter().take_while(|item| {
        bytes += item.statement().len() + 16;
        bytes <= STATEMENT_BYTES
    });
    // A single statement that is too long is the kernel's to refuse.
    from + fits.count().max(1)
}

/// Runs one interpreter: the first that the image has.
fn import(
    subject: &Subject<'_>,
    check: &Check,
    items: &[ImportItem],
    time: Duration,
) -> Result<(Vec<String>, Ran), SandboxError> {
    let statements: Vec<String> = items.iter().map(ImportItem::statement).collect();
    with_python(subject, |python| {
        let mut command = vec![python.to_owned(), "-c".to_owned(), SCRIPT.to_owned()];
        command.extend(statements.iter().cloned());
        let spec = subject.spec(check, Some(&command));
        Ok((command, subject.run_keeping(spec, time, NEWS_BYTES)?))
    })
}

/// Tries the names that an interpreter may have, until the image knows one. What runs with the
/// interpreter of a virtual environment says so in its entry point.
pub(super) fn with_python<T>(
    subject: &Subject<'_>,
    mut run: impl FnMut(&str) -> Result<T, SandboxError>,
) -> Result<T, SandboxError> {
    let config = subject.config();
    let words = config.entrypoint.iter().chain(&config.cmd).flatten();
    let own = words
        .take(1)
        .map(String::as_str)
        .filter(|word| word.rsplit('/').next().is_some_and(|name| name.starts_with("python")));
    let mut names: Vec<&str> = own.collect();
    names.extend(["python3", "python"]);
    let mut last = None;
    for name in names {
        match run(name) {
            Err(error) if is_missing(&error) => last = Some(error),
            other => return other,
        }
    }
    Err(last.expect("there is at least one name, and each was missing"))
}

/// Whether the image does not have the program.
pub(super) fn is_missing(error: &SandboxError) -> bool {
    matches!(
        error,
        SandboxError::Start(Failure { fault: Fault::NoSuchProgram | Fault::NotExecutable, .. })
    )
}

fn not_started(error: &SandboxError, verdict: &mut Verdict) {
    if is_missing(error) {
        return verdict.fail("there is neither `python3` nor `python` on the image's PATH");
    }
    verdict.not_started(error);
}

/// Notes what an interpreter told about `items[from..until]`; the place where the next one goes on.
fn read(ran: &Ran, from: usize, until: usize, fates: &mut [Fate]) -> Option<usize> {
    let mut begun = None;
    // The numbers are what a program in the image wrote: anything.
    let place = |number: usize| from.checked_add(number).filter(|at| *at < until);
    for news in news(&ran.stdout) {
        match news {
            News::Step(word, number) => match (place(number), word.as_str()) {
                (Some(at), "begin") => begun = Some(at),
                (Some(at), _) => fates[at] = Fate::Fine,
                (None, _) => {}
            },
            News::Failed(_, number, error, frames) => {
                if let Some(at) = place(number) {
                    fates[at] = Fate::Raised { error, place: raised_in(&frames) };
                }
            }
        }
    }
    let last = begun?;
    if matches!(fates[last], Fate::Unknown) {
        fates[last] = Fate::Ended(ran.end);
    }
    Some(last + 1)
}

/// The innermost place that is no library's.
fn raised_in(frames: &[Frame]) -> Option<String> {
    let (file, line, ..) = frames.iter().rev().find(|frame| !matter::is_library(&frame.0))?;
    Some(match line {
        Some(line) => format!("{}:{line}", matter::cut(file)),
        None => matter::cut(file),
    })
}

/// What can be read of the lines; what a module may have written there itself is passed over.
fn news(stdout: &Captured) -> Vec<News> {
    let lines = stdout.head().split(|byte| *byte == b'\n');
    lines.filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

fn judge(items: &[ImportItem], fates: &[Fate], time: Duration, verdict: &mut Verdict) {
    let unknown = fates.iter().filter(|fate| matches!(fate, Fate::Unknown)).count();
    for (item, fate) in items.iter().zip(fates) {
        let (error, place) = match fate {
            Fate::Fine => (None, None),
            Fate::Unknown => (Some("it was not reached".to_owned()), None),
            Fate::Raised { error, place } => (Some(matter::cut(error)), place.clone()),
            Fate::Ended(end) => (Some(format!("the interpreter {end} while importing it")), None),
        };
        if let (Some(error), false) = (&error, matches!(fate, Fate::Unknown)) {
            tell(item, error, place.as_deref(), verdict);
        }
        if let Fate::Ended(end) = fate {
            verdict.hints.extend(command::hint(*end));
        }
        let optional = item.optional;
        verdict.modules.push(ModuleOutcome { module: item.module.clone(), optional, error, place });
    }
    if unknown > 0 {
        let time = time.as_secs_f64();
        verdict.fail(format!("{unknown} of {} modules were not reached in {time} s", items.len()));
    }
    verdict.repeat = Some(Repeat::Command(repeat(items, fates, verdict)));
}

fn tell(item: &ImportItem, error: &str, place: Option<&str>, verdict: &mut Verdict) {
    let by = match item.places.as_slice() {
        [] => String::new(),
        [only] => format!(" (imported in {only})"),
        [first, ..] => format!(" (imported in {first} and elsewhere)"),
    };
    let raised = place.map(|place| format!(", raised in {place}")).unwrap_or_default();
    let sentence = format!("{}: {error}{raised}{by}", item.module);
    if item.optional {
        verdict.remarks.push(format!("not counted, for the source does without it: {sentence}"));
    } else {
        verdict.fail(sentence);
    }
}

/// The first import that fails, or all of them.
fn repeat(items: &[ImportItem], fates: &[Fate], verdict: &Verdict) -> Vec<String> {
    let failed = items
        .iter()
        .zip(fates)
        .find(|(item, fate)| !item.optional && !matches!(fate, Fate::Fine | Fate::Unknown));
    let all = || {
        let needed = items.iter().filter(|item| !item.optional);
        needed.map(ImportItem::statement).collect::<Vec<_>>().join("; ")
    };
    let statements = failed.map_or_else(all, |(item, _)| item.statement());
    let python = verdict.command.first().map_or("python3", String::as_str);
    vec![python.to_owned(), "-c".to_owned(), statements]
}
