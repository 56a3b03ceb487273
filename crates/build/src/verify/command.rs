//! Commands: those that somebody wrote, and the image's own.

use std::time::Duration;

use lightship_base::Hint;
use lightship_sandbox::End;

use super::capture::Captured;
use super::check::{CommandCheck, EntryPointCheck, Expected};
use super::matter;
use super::run::{Ran, Subject};
use super::verdict::{Repeat, Verdict};

/// Runs a command, and looks at its end and its output.
pub(super) fn check(subject: &Subject<'_>, wanted: &CommandCheck, verdict: &mut Verdict) {
    verdict.command.clone_from(&wanted.run);
    verdict.repeat = Some(Repeat::Command(wanted.run.clone()));
    let spec = subject.spec(&verdict.check, Some(&wanted.run));
    let ran = match subject.run(spec, subject.time(&verdict.check)) {
        Ok(ran) => ran,
        Err(error) => return verdict.not_started(&error),
    };
    verdict.end = Some(ran.end);
    if ran.end != End::Exited(wanted.exit_code) {
        verdict.fail(unexpected(ran.end, wanted.exit_code));
        verdict.hints.extend(hint(ran.end));
    }
    let streams = [
        ("standard output", &wanted.expected.stdout, &ran.stdout),
        ("standard error", &wanted.expected.stderr, &ran.stderr),
    ];
    for (stream, expected, captured) in streams {
        compare(stream, expected, captured, verdict);
    }
    if !verdict.reasons.is_empty() {
        verdict.lines = lines(&ran);
        verdict.remarks.extend(matter::missing_network(&ran.stderr.text(), &verdict.check));
    }
}

fn unexpected(end: End, wanted: u8) -> String {
    match end {
        End::Exited(code) => format!("it ended with code {code}, not {wanted}"),
        other => format!("it {other}"),
    }
}

/// What helps against an end that no program chooses.
pub(super) fn hint(end: End) -> Option<Hint> {
    match end {
        End::OutOfTime(_) => Some(Hint::new("give it more time with `timeout`, if it needs that")),
        End::OutOfMemory => Some(Hint::new("give it more with `memory`, if it needs that")),
        End::Exited(_) | End::Signalled(_) | End::OutOfDisk(_) | End::OutOfProcesses(_) => None,
    }
}

fn compare(stream: &str, expected: &Expected, captured: &Captured, verdict: &mut Verdict) {
    if expected.must.is_empty() && expected.must_not.is_empty() {
        return;
    }
    let text = captured.text();
    let within = match captured.lost() {
        0 => String::new(),
        _ => format!(" (in the first and last 64 KiB of {} bytes)", captured.total()),
    };
    for pattern in expected.must.iter().filter(|pattern| !pattern.is_in(&text)) {
        verdict.fail(format!("`{pattern}` is not in its {stream}{within}"));
    }
    for pattern in expected.must_not.iter().filter(|pattern| pattern.is_in(&text)) {
        verdict.fail(format!("`{pattern}` is in its {stream}"));
    }
}

fn lines(ran: &Ran) -> Vec<String> {
    matter::lines(&ran.stdout.text(), &ran.stderr.text())
}

/// Runs what the image itself says for a while. A service still runs then. A job has ended well. A
/// program that only says how it wants to be called has started, too: more is not known.
pub(super) fn entry_point(subject: &Subject<'_>, wanted: &EntryPointCheck, verdict: &mut Verdict) {
    let spec = subject.spec(&verdict.check, None);
    verdict.command = spec.command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    verdict.repeat = Some(Repeat::EntryPoint);
    if verdict.command.is_empty() {
        return verdict
            .fail("the image says neither `Entrypoint` nor `Cmd`: there is nothing to run");
    }
    let watch = wanted.watch.min(subject.time(&verdict.check));
    let ran = match subject.run(spec, watch) {
        Ok(ran) => ran,
        Err(error) => return verdict.not_started(&error),
    };
    verdict.end = Some(ran.end);
    match ran.end {
        End::Exited(0) => {}
        End::OutOfTime(_) => verdict.remarks.push(still_running(watch)),
        End::Exited(code) if asks_for_arguments(code, &ran) => {
            verdict.remarks.push(format!(
                "it ended with code {code} after saying how to call it: it starts, and whether it works \
                 with arguments is not known; add a check with `run`"
            ));
            verdict.lines = lines(&ran);
        }
        end => {
            verdict.fail(format!("it {end}"));
            verdict.hints.extend(hint(end));
            verdict.lines = lines(&ran);
            verdict.remarks.extend(matter::missing_network(&ran.stderr.text(), &verdict.check));
        }
    }
}

fn still_running(watch: Duration) -> String {
    format!("it still ran after {} s and was stopped", watch.as_secs_f64())
}

/// Whether a program ended because it was called without what it needs: with a line that begins with
/// `usage`, and no traceback. 64 is `EX_USAGE` (*sysexits(3)*); argparse, click and most shells' own
/// commands take 2, many others 1.
fn asks_for_arguments(code: u8, ran: &Ran) -> bool {
    let said = |text: &str| {
        text.lines().any(|line| {
            let line = line.trim_start().as_bytes();
            line.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"usage"))
        })
    };
    let (stdout, stderr) = (ran.stdout.text(), ran.stderr.text());
    matches!(code, 1 | 2 | 64)
        && (said(&stderr) || said(&stdout))
        && !matter::has_traceback(&stderr)
}
