//! The sandbox of an attempt.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use lightship_base::ByteSize;
use lightship_engine::Failure;
use lightship_ir::template::{Argument, Template};
use lightship_ir::{Amount, Container, quantity};
use lightship_oci::spec::RunConfig;
use lightship_sandbox::{Grace, Limits, Network, Spec};

use super::{Attempt, kubernetes, text};
use crate::volumes::Volumes;

/// Time to clean up after it was told to end.
const GRACE: Grace = Grace(Duration::from_secs(10));

/// What to run, and within which bounds. Of mounts it has what the Kubernetes document asks for.
pub(crate) fn spec(
    attempt: &Attempt,
    container: &Container,
    config: &RunConfig,
    volumes: &Volumes,
) -> Result<Spec, Failure> {
    let command = arguments(attempt, &container.command, "command")?;
    let args = arguments(attempt, &container.args, "arguments")?;
    let mut spec = if command.is_empty() {
        Spec::of_image(config, &args)
    } else {
        // As in Kubernetes: a command takes the place of the entry point, and of the image's own arguments.
        let mut spec =
            Spec::of_image(&RunConfig { entrypoint: None, cmd: None, ..config.clone() }, &[]);
        spec.command = command.into_iter().chain(args).collect();
        spec
    };
    // Steps fetch and send; what upstream's pods can reach, these can.
    spec.network = Network::Host;
    spec.limits = limits(attempt, container)?;
    // A task may put an artifact wherever it likes, and says so only at its end. And nobody waits until its files are gone.
    spec.hold = true;
    for (name, value) in environment(attempt, container)? {
        spec.set_variable(name, value);
    }
    if let Some(wishes) = &attempt.launch.plan.tasks[attempt.launch.task].kubernetes {
        kubernetes::apply(attempt, wishes, volumes, &mut spec)?;
    }
    Ok(spec)
}

fn arguments(
    attempt: &Attempt,
    arguments: &[Argument],
    what: &str,
) -> Result<Vec<OsString>, Failure> {
    let mut words = Vec::new();
    for argument in arguments {
        let rendered = argument.render(&attempt.context()).map_err(|error| text(what, &error))?;
        words.extend(rendered.into_iter().map(OsString::from));
    }
    Ok(words)
}

/// The variables that the pipeline gives it, in order.
fn environment(attempt: &Attempt, container: &Container) -> Result<Vec<(String, String)>, Failure> {
    let mut known: Vec<(String, String)> = Vec::new();
    for variable in &container.env {
        let value = variable.value.render(&attempt.context());
        let value = value.map_err(|error| text(&format!("variable {}", variable.name), &error))?;
        let value = expanded(&value, &known);
        known.push((variable.name.clone(), value));
    }
    Ok(known)
}

/// `$(NAME)` is the value of a variable before it, `$$` a dollar (*Kubernetes, Dependent environment variables*).
fn expanded(text: &str, known: &[(String, String)]) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('$') {
        out += before;
        let named = after.strip_prefix('(').and_then(|inner| inner.split_once(')'));
        let value = named.and_then(|(name, after)| {
            let (_, value) = known.iter().rev().find(|(known, _)| known == name)?;
            Some((value.as_str(), after))
        });
        // Two dollars are one; what names nothing stays.
        let (piece, left) = match after.strip_prefix('$') {
            Some(after) => ("$", after),
            None => value.unwrap_or(("$", after)),
        };
        out += piece;
        rest = left;
    }
    out + rest
}

fn limits(attempt: &Attempt, container: &Container) -> Result<Limits, Failure> {
    let resources = &container.resources;
    let cpus = amount(attempt, resources.cpu_limit.as_ref(), "CPU limit", quantity::cpu)?;
    let memory: Option<ByteSize> =
        amount(attempt, resources.memory_limit.as_ref(), "memory limit", quantity::memory)?;
    let wishes = attempt.launch.plan.tasks[attempt.launch.task].kubernetes.as_ref();
    Ok(Limits {
        cpus: cpus.map(|cpus| cpus.0 as f64 / 1000.0),
        memory,
        // By the Kubernetes document.
        time: wishes.and_then(|wishes| wishes.deadline),
        grace: GRACE,
        disk: Some(room(&attempt.folders.own)),
        ..Limits::default()
    })
}

/// What a task may write: what this disk has room for, but for a rest with which the run can still be written down.
pub(crate) fn room(folder: &Path) -> ByteSize {
    const REST: u64 = 1 << 30;
    let free = rustix::fs::statvfs(folder)
        .map_or(u64::MAX, |about| about.f_bavail.saturating_mul(about.f_frsize));
    ByteSize(free - REST.min(free / 10))
}

fn amount<T: Copy>(
    attempt: &Attempt,
    amount: Option<&Amount<T>>,
    what: &str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Failure> {
    let render = |template: &Template| {
        let shown = template.render(&attempt.context()).map_err(|error| text(what, &error))?;
        if shown.trim().is_empty() {
            return Ok(None);
        }
        parse(shown.trim())
            .map(Some)
            .ok_or_else(|| text(what, &format!("`{shown}` is no quantity")))
    };
    match amount {
        None => Ok(None),
        Some(Amount::Fixed(amount)) => Ok(Some(*amount)),
        Some(Amount::Template(template)) => render(template),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_name_earlier_ones() {
        let known = [("A".to_owned(), "1".to_owned()), ("B".to_owned(), "2".to_owned())];
        let of = |text: &str| expanded(text, &known);
        assert_eq!(of("$(A)-$(B)-$(C)"), "1-2-$(C)");
        assert_eq!(of("$$(A) $A $"), "$(A) $A $");
        assert_eq!(of("plain"), "plain");
    }
}
