//! Why tasks ran although there is a cache, in sentences.

use std::fmt::Write as _;

use lightship_base::Timestamp;
use lightship_engine::{PartChange, Side, Why};

use crate::render::text::{printable, wrap};
use crate::render::{Look, style};
use crate::views::artifacts::age;

/// A line for each task that ran, as of this moment.
pub fn text(tasks: &[(String, Why)], now: Timestamp, look: &Look) -> String {
    let heading = style::HEADING;
    if tasks.is_empty() {
        return format!("{heading}Cache{heading:#}: every task was taken from it\n");
    }
    let mut text = format!("{heading}Why tasks ran{heading:#}\n");
    for (path, why) in tasks {
        let line = format!("{path}: ran, because {}", because(why, now));
        let room = look.width.map_or(usize::MAX, |width| width.saturating_sub(6).max(20));
        for (at, line) in wrap(&printable(&line), room).iter().enumerate() {
            let indent = if at == 0 { 2 } else { 6 };
            let _ = writeln!(text, "{:indent$}{line}", "");
        }
    }
    text
}

fn because(why: &Why, now: Timestamp) -> String {
    match why {
        Why::Disabled => "caching is off for this task".to_owned(),
        Why::Off => "caching is off for this run".to_owned(),
        Why::Unknown(inputs) if inputs.is_empty() => {
            "what it depends on is not known: it is in no image, or that one could not be read"
                .to_owned()
        }
        Why::Unknown(inputs) => {
            format!("the content of its input {} is not known", inputs.join(", "))
        }
        Why::Never => {
            "it never ran before in this pipeline, or its results were removed".to_owned()
        }
        Why::Spoilt(spoilt) if spoilt.gone => {
            format!("its output {} is gone from {}", spoilt.output, spoilt.uri)
        }
        Why::Spoilt(spoilt) => {
            format!("its output {} at {} was changed since", spoilt.output, spoilt.uri)
        }
        Why::Expired { made } => format!("its result is {} old, which is too old", age(now, *made)),
        Why::Missed { run } => {
            format!("the same result of run {run} was not there yet, or could not be read")
        }
        Why::Changed { run, parts } => {
            let parts: Vec<String> = parts.iter().map(change).collect();
            format!("{} (since run {run})", parts.join("; "))
        }
    }
}

fn change(part: &PartChange) -> String {
    let (kind, name) = part.name.split_once(' ').unwrap_or((&part.name, ""));
    match kind {
        "parameter" => parameter(name, part),
        "artifact" => format!("input artifact {name} {}", became(part)),
        "key" => format!("its cache key {}", became(part)),
        "image" => format!("its image {}", became(part)),
        "command" => format!("its code or command {}", became(part)),
        "arguments" => format!("its arguments {}", became(part)),
        "variables" => format!("its environment variables {}", became(part)),
        "outputs" => format!("its declared outputs {}", became(part)),
        "volumes" => format!("its volumes {}", became(part)),
        "import" => format!("what it imports {}", became(part)),
        other => format!("{other} {}", became(part)),
    }
}

fn parameter(name: &str, part: &PartChange) -> String {
    match (&part.now, &part.before) {
        (Side::Text(now), Side::Text(before)) if now != before => {
            format!("input parameter {name} is {now} (was {before})")
        }
        (Side::Text(now), Side::Absent) => {
            format!("input parameter {name} is {now} (was not given)")
        }
        (Side::Absent, Side::Text(before)) => {
            format!("input parameter {name} is not given (was {before})")
        }
        (_, _) => format!("input parameter {name} {}", became(part)),
    }
}

fn became(part: &PartChange) -> String {
    match (&part.now, &part.before) {
        (Side::Absent, _) => "is no longer there".to_owned(),
        (_, Side::Absent) => "is new".to_owned(),
        // Texts that were cut may look alike.
        (Side::Text(now), Side::Text(before)) if now != before => {
            format!("changed: {before} to {now}")
        }
        (_, _) => "changed".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use lightship_engine::Spoilt;

    use super::*;
    use crate::render::Glyphs;

    #[test]
    fn every_reason_is_a_sentence() {
        let said = |text: &str| Side::Text(text.to_owned());
        let part =
            |name: &str, now: Side, before: Side| PartChange { name: name.to_owned(), now, before };
        let run = || "churn-1".parse().unwrap();
        let spoilt = |gone| {
            let uri = "/home/artifacts/evil\u{1b}[2J".to_owned();
            Why::Spoilt(Spoilt { run: run(), output: "model".to_owned(), uri, gone })
        };
        let parts = vec![
            part("parameter epochs", said("3"), said("2")),
            part("parameter lr", said("0.1"), Side::Absent),
            part("parameter long", said("aaa…"), said("aaa…")),
            part("image", said("python:3.12"), said("python:3.11")),
            part("command", Side::Unsaid, Side::Unsaid),
            part("artifact dataset", said("ab12"), said("cd34")),
            part("artifact old", Side::Absent, said("cd34")),
        ];
        let whys = [
            Why::Disabled,
            Why::Off,
            Why::Unknown(Vec::new()),
            Why::Unknown(vec!["data".to_owned()]),
            Why::Never,
            spoilt(true),
            spoilt(false),
            Why::Expired { made: Timestamp::UNIX_EPOCH },
            Why::Missed { run: run() },
            Why::Changed { run: run(), parts },
        ];
        let tasks: Vec<(String, Why)> =
            whys.into_iter().enumerate().map(|(at, why)| (format!("task[{at}]"), why)).collect();
        let look = Look { width: Some(100), glyphs: Glyphs::Unicode, live: false };
        let text = text(&tasks, Timestamp::from_second(200_000).unwrap(), &look);
        insta::assert_snapshot!("explained", anstream::adapter::strip_str(&text).to_string());
        let none = super::text(&[], Timestamp::UNIX_EPOCH, &look);
        assert!(none.contains("every task was taken from it"), "{none}");
    }
}
