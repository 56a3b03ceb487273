//! `deb [option=value …] ADDRESS SUITE COMPONENT…`, one entry a line.

use super::{Place, Raw, Source, SourceProblem, Sources};

pub(super) fn parse(file: &str, text: &str, sources: &mut Sources) {
    for (at, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let place = Place { file: file.to_owned(), line: at + 1 };
        sources.add(entry(line, &place), place);
    }
}

fn entry(line: &str, place: &Place) -> Result<Vec<Source>, SourceProblem> {
    let (kind, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    match kind {
        "deb" => {}
        "deb-src" => return Ok(Vec::new()),
        other => return Err(SourceProblem::Type(other.chars().take(40).collect())),
    }
    let mut raw = Raw::default();
    let mut rest = rest.trim_start();
    if let Some(behind) = rest.strip_prefix('[') {
        let (inner, behind) = behind.split_once(']').ok_or(SourceProblem::Options)?;
        options(inner, &mut raw)?;
        rest = behind;
    }
    let mut words = rest.split_whitespace().map(str::to_owned);
    raw.addresses.extend(words.next());
    raw.suites.extend(words.next());
    raw.components = words.collect();
    raw.finish(place)
}

fn options(inner: &str, raw: &mut Raw) -> Result<(), SourceProblem> {
    for option in inner.split_whitespace() {
        let (name, value) = option.split_once('=').ok_or(SourceProblem::Options)?;
        // `arch+=…` adds to what is known, which here is nothing; `arch-=…` takes from it.
        let name = match name.to_ascii_lowercase().trim_end_matches('+') {
            "arch" => "architectures".to_owned(),
            other => other.to_owned(),
        };
        raw.options.set(&name, value)?;
    }
    Ok(())
}
