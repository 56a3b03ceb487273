//! Where files of the image come from: paths in it, and what brings them there.

use super::{At, Copied, Facts, Requirement};
use crate::bounds::Bounds;

pub(super) fn workdir(facts: &Facts) -> &str {
    facts.workdir.as_ref().map_or("/", |at| at.value.as_str())
}

/// A path in the image, without what means nothing.
pub(super) fn absolute(folder: &str, path: &str) -> String {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{folder}/{path}") };
    let mut kept: Vec<&str> = Vec::new();
    for component in whole.split('/') {
        match component {
            "" | "." => {}
            ".." => drop(kept.pop()),
            component => kept.push(component),
        }
    }
    format!("/{}", kept.join("/"))
}

/// `COPY --from`: what the other stage installed may come along, and what it copied from the context
/// comes along as far as it lies in what is copied.
pub(super) fn take(
    other: &Facts,
    sources: &[String],
    destination: &str,
    into: bool,
    made: &mut Facts,
    bounds: &Bounds,
) {
    for found in &other.python {
        if !bounds.known(&made.python, |known| known == found) {
            bounds.push(&mut made.python, requirement_size(&found.value), found.clone());
        }
    }
    for source in sources {
        let source = absolute("/", source);
        for copied in &other.copies {
            let from = &copied.value.destination;
            if !bounds.work(source.len().min(from.len()) + 1) {
                return;
            }
            let rest = match from.strip_prefix(&source) {
                _ if source == "/" => Some(from.as_str()),
                Some(rest) if rest.is_empty() || rest.starts_with('/') => Some(rest),
                Some(_) | None => None,
            };
            let Some(rest) = rest else { continue };
            // A single file that is renamed or goes into a folder keeps its name there.
            let name = source.rsplit('/').next().unwrap_or_default();
            let is_file = rest.is_empty() && !copied.value.into_folder;
            let place = match (is_file && into, rest) {
                (true, _) => absolute(destination, name),
                (false, rest) => absolute("/", &format!("{destination}/{rest}")),
            };
            // It is looked at before it is copied: a single copy can have a million sources.
            if !bounds.work(copied_size(&copied.value)) {
                return;
            }
            let value = Copied {
                sources: copied.value.sources.clone(),
                destination: place,
                into_folder: copied.value.into_folder,
            };
            let size = copied_size(&value);
            bounds.push(&mut made.copies, size, At { value, line: copied.line });
        }
    }
}

/// A requirements file's path in the image, as a path in the context where a copy tells it.
pub(super) fn located(requirement: Requirement, facts: &Facts, bounds: &Bounds) -> Requirement {
    let Requirement::File(path) = requirement else { return requirement };
    let place = absolute(workdir(facts), &path);
    let found = facts.copies.iter().rev().find_map(|copied| {
        let looked = bounds.work(copied_size(&copied.value));
        looked.then(|| origin(&copied.value, &place)).flatten()
    });
    Requirement::File(found.unwrap_or(path))
}

/// Where in the context a file of the image comes from, if this copy brings it. Patterns are not tried.
fn origin(copied: &Copied, place: &str) -> Option<String> {
    let rest = match copied.destination.as_str() {
        "/" => place.strip_prefix('/')?,
        destination => match place.strip_prefix(destination)? {
            "" => "",
            rest => rest.strip_prefix('/')?,
        },
    };
    copied.sources.iter().find_map(|source| {
        let source = absolute("/", source);
        let source = source.trim_start_matches('/');
        let name = source.rsplit('/').next().unwrap_or(source);
        match rest {
            "" => (!source.is_empty() && !copied.into_folder).then(|| source.to_owned()),
            rest if rest == name && copied.into_folder => Some(source.to_owned()),
            rest if source.is_empty() => Some(rest.to_owned()),
            // Whether the source is a file or a folder is not known here.
            rest if !name.contains('.') => Some(format!("{source}/{rest}")),
            _ => None,
        }
    })
}

/// The bytes of a copy's texts, and something for each of them.
pub(super) fn copied_size(copied: &Copied) -> usize {
    let sources: usize =
        copied.sources.iter().map(|source| source.len() + size_of::<String>()).sum();
    sources + copied.destination.len()
}

/// The bytes of a requirement's text.
pub(super) fn requirement_size(requirement: &Requirement) -> usize {
    match requirement {
        Requirement::File(text)
        | Requirement::Package(text)
        | Requirement::Project(text)
        | Requirement::Lock(text) => text.len(),
    }
}
