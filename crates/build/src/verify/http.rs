//! HTTP probes: a service is started in a sandbox with a network of its own, asked from inside that
//! network until it answers, and stopped.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use lightship_sandbox::{Connection, Error as SandboxError, Sandbox};

use super::answer::{Answer, exchange};
use super::check::{HttpCheck, Pattern};
use super::command;
use super::matter;
use super::run::{GRACE, Subject};
use super::verdict::{Repeat, Verdict};

/// Between two attempts: short beside any service's start.
const PAUSE: Duration = Duration::from_millis(50);
/// So long one answer may take.
const ANSWER: Duration = Duration::from_secs(10);
const TERM: i32 = 15;
const KILL: i32 = 9;

/// How the asking ended.
enum Asked {
    Good(Answer),
    /// It answered, but not well.
    Bad(Answer),
    /// It did not, and this was the last reason.
    Silent(String),
    /// It ended before it answered.
    Ended,
}

/// Starts the service, asks it, stops it.
pub(super) fn check(subject: &Subject<'_>, wanted: &HttpCheck, verdict: &mut Verdict) {
    let spec = subject.spec(&verdict.check, wanted.start.as_deref());
    verdict.command = spec.command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    verdict.repeat = Some(match &wanted.start {
        Some(command) => Repeat::Command(command.clone()),
        None => Repeat::EntryPoint,
    });
    if verdict.command.is_empty() {
        return verdict.fail("the image has no entry point, and the check has no `start`");
    }
    let (mut sandbox, output) = match subject.start(spec, super::capture::KEPT) {
        Ok(started) => started,
        Err(error) => return verdict.not_started(&error),
    };
    let patience = wanted.wait.min(subject.time(&verdict.check));
    let asked = ask(&mut sandbox, wanted, Instant::now(), patience);
    let stopped = stop(sandbox, matches!(asked, Ok(Asked::Ended)));
    let (stdout, stderr) = output.finish();
    let asked = match asked.and_then(|asked| stopped.map(|end| (asked, end))) {
        Ok((asked, end)) => {
            verdict.end = Some(end);
            asked
        }
        Err(error) => return verdict.not_started(&error),
    };
    judge(&asked, wanted, patience, verdict);
    if !verdict.reasons.is_empty() {
        verdict.lines = matter::lines(&stdout.text(), &stderr.text());
        verdict.remarks.extend(matter::missing_network(&stderr.text(), &verdict.check));
    }
}

fn judge(asked: &Asked, wanted: &HttpCheck, patience: Duration, verdict: &mut Verdict) {
    let place = format!("port {}", wanted.port);
    let seconds = patience.as_secs_f64();
    match asked {
        Asked::Good(answer) => {
            verdict.remarks.push(format!("{} answered {}", wanted.path, answer.status));
        }
        Asked::Bad(answer) => {
            if !wanted.status.0.contains(&answer.status) {
                let (path, status) = (&wanted.path, answer.status);
                verdict.fail(format!("{path} answered {status}, not {}", wanted.status));
            } else if let Some(pattern) = &wanted.body {
                verdict.fail(format!("`{pattern}` is not in the answer's body"));
            }
            let body = String::from_utf8_lossy(&answer.body);
            let first = body.lines().find(|line| !line.trim().is_empty());
            verdict.remarks.extend(
                first.map(|line| format!("the body begins with `{}`", matter::cut(line.trim()))),
            );
        }
        Asked::Silent(why) => {
            verdict.fail(format!("no answer on {place} within {seconds} s: {why}"));
        }
        Asked::Ended => {
            let end = verdict.end.map_or_else(String::new, |end| end.to_string());
            verdict.fail(format!("it {end} before it answered on {place}"));
            verdict.hints.extend(verdict.end.and_then(command::hint));
        }
    }
}

/// Asks until the answer is good, or bad for good, or the time is over. While a service starts, nobody
/// listens, or a proxy before it says that it is not there yet.
fn ask(
    sandbox: &mut Sandbox,
    wanted: &HttpCheck,
    begin: Instant,
    patience: Duration,
) -> Result<Asked, SandboxError> {
    let mut last = Asked::Silent("nobody listens there".to_owned());
    loop {
        let left = patience.saturating_sub(begin.elapsed());
        if left.is_zero() {
            return Ok(last);
        }
        match sandbox.connect(wanted.port, left.min(ANSWER))? {
            Connection::Ended => return Ok(Asked::Ended),
            Connection::Refused(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Connection::Refused(error) => last = Asked::Silent(error.to_string()),
            Connection::Open(stream) => match exchange(stream, &wanted.path, left.min(ANSWER)) {
                Ok(answer) if is_good(&answer, wanted) => return Ok(Asked::Good(answer)),
                Ok(answer) if !matches!(answer.status, 502..=504) => return Ok(Asked::Bad(answer)),
                Ok(answer) => last = Asked::Bad(answer),
                Err(error) => last = Asked::Silent(error.to_string()),
            },
        }
        thread::sleep(PAUSE.min(left));
    }
}

fn is_good(answer: &Answer, wanted: &HttpCheck) -> bool {
    let has = |pattern: &Pattern| pattern.is_in(&String::from_utf8_lossy(&answer.body));
    wanted.status.0.contains(&answer.status) && wanted.body.as_ref().is_none_or(has)
}

/// Tells the service to end, and kills it if it does not.
fn stop(sandbox: Sandbox, ended: bool) -> Result<lightship_sandbox::End, SandboxError> {
    if !ended {
        let signaller = sandbox.signaller();
        signaller.send(TERM);
        // Where there is no thread for patience there is none.
        let later = signaller.clone();
        let patient = thread::Builder::new().name("stop".to_owned()).spawn(move || {
            thread::sleep(GRACE);
            later.send(KILL);
        });
        if patient.is_err() {
            signaller.send(KILL);
        }
    }
    Ok(sandbox.wait()?.end)
}
