//! `*.sources`: an entry is a paragraph of fields.

use super::{Place, Raw, Source, SourceProblem, Sources, truth, words};

/// A field with the line on which it begins.
struct Field<'a> {
    name: &'a str,
    value: String,
}

pub(super) fn parse(file: &str, text: &str, sources: &mut Sources) {
    let mut begins = 0;
    let mut fields: Vec<Field<'_>> = Vec::new();
    let mut broken = None;
    // An empty line behind the last one ends its paragraph.
    for (at, line) in text.lines().chain([""]).enumerate() {
        if line.starts_with('#') {
            continue;
        }
        if !line.trim().is_empty() {
            if fields.is_empty() && broken.is_none() {
                begins = at + 1;
            }
            if !read_line(line, &mut fields) {
                broken.get_or_insert(at + 1);
            }
            continue;
        }
        let fields = std::mem::take(&mut fields);
        match broken.take() {
            Some(line) => {
                sources.add(Err(SourceProblem::Field), Place { file: file.to_owned(), line });
            }
            None if fields.is_empty() => {}
            None => {
                let place = Place { file: file.to_owned(), line: begins };
                sources.add(entry(fields, &place), place);
            }
        }
    }
}

fn read_line<'a>(line: &'a str, fields: &mut Vec<Field<'a>>) -> bool {
    if line.starts_with([' ', '\t']) {
        let Some(field) = fields.last_mut() else { return false };
        field.value.push('\n');
        field.value.push_str(line.trim());
        return true;
    }
    let Some((name, value)) = line.split_once(':') else { return false };
    fields.push(Field { name: name.trim(), value: value.trim().to_owned() });
    true
}

fn entry(fields: Vec<Field<'_>>, place: &Place) -> Result<Vec<Source>, SourceProblem> {
    let mut raw = Raw::default();
    let mut types = Vec::new();
    let mut enabled = true;
    for Field { name, value } in fields {
        match name.to_ascii_lowercase().as_str() {
            "types" => types = words(&value),
            "uris" => raw.addresses = value.split_whitespace().map(str::to_owned).collect(),
            "suites" => raw.suites = words(&value),
            "components" => raw.components = words(&value),
            "enabled" => {
                enabled = truth(&value).ok_or_else(|| SourceProblem::flag(name, &value))?;
            }
            option => raw.options.set(option, &value)?,
        }
    }
    if !enabled {
        return Ok(Vec::new());
    }
    if types.is_empty() {
        return Err(SourceProblem::Missing("its type (`Types: deb`)"));
    }
    if let Some(other) = types.iter().find(|kind| !["deb", "deb-src"].contains(&kind.as_str())) {
        return Err(SourceProblem::Type(other.clone()));
    }
    if !types.iter().any(|kind| kind == "deb") {
        return Ok(Vec::new());
    }
    raw.finish(place)
}
