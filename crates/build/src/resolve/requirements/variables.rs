//! `${NAME}` in requirements files (*pip, Requirements File Format, Using environment variables*): digits,
//! capital letters and underscores in braces. Passwords are kept out of files so.

use std::collections::{BTreeMap, BTreeSet};

use lightship_net::{Secret, Url};

/// What is shorter hides nothing, and words that have it would be blotted out of messages.
const SHORTEST: usize = 4;

/// What a variable holds; `None` where it is not set.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Variables that requirements name, with their values, which may be secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables(BTreeMap<String, Secret>);

impl Variables {
    /// Looks up those that a line names.
    pub(super) fn learn(&mut self, line: &str, lookup: Lookup<'_>) -> Result<(), String> {
        for piece in pieces(line) {
            let Piece::Variable(name) = piece else { continue };
            let value =
                lookup(name).ok_or_else(|| format!("the environment has no variable {name}"))?;
            // Nothing in a variable makes a second line, and so an option, of it.
            let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
            self.0.insert(name.to_owned(), Secret::new(value));
        }
        Ok(())
    }

    /// A line with their values.
    pub(super) fn fill(&self, line: &str) -> String {
        let filled = pieces(line).into_iter().map(|piece| match piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Variable(name) => {
                let known = self.0.get(name).map(|value| value.expose().to_owned());
                known.unwrap_or_else(|| format!("${{{name}}}"))
            }
        });
        filled.collect()
    }

    /// The values of those that none of these lines names, as they are and as addresses spell them.
    pub(super) fn secrets_beside<'l>(
        &self,
        lines: impl Iterator<Item = &'l String>,
    ) -> Vec<Secret> {
        let shown: BTreeSet<&str> = lines
            .flat_map(|line| pieces(line))
            .filter_map(|piece| match piece {
                Piece::Variable(name) => Some(name),
                Piece::Text(_) => None,
            })
            .collect();
        let hidden = self.0.iter().filter(|(name, value)| {
            !shown.contains(name.as_str()) && value.expose().len() >= SHORTEST
        });
        let spelled = |value: &Secret| {
            // Addresses escape what has a meaning in them.
            let mut address: Url = "http://of/".parse().expect("a constant address");
            address.set_path(value.expose());
            address.path().trim_start_matches('/').to_owned()
        };
        hidden.flat_map(|(_, value)| [value.clone(), Secret::new(spelled(value))]).collect()
    }

    /// A message about a filled line, with their names again.
    pub(super) fn hide(&self, message: &str) -> String {
        let known = self.0.iter().filter(|(_, value)| !value.is_empty());
        known.fold(message.to_owned(), |message, (name, value)| {
            message.replace(value.expose(), &format!("${{{name}}}"))
        })
    }
}

enum Piece<'a> {
    Text(&'a str),
    Variable(&'a str),
}

/// What begins like a variable and is none stays text.
fn pieces(line: &str) -> Vec<Piece<'_>> {
    let fine = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let mut pieces = Vec::new();
    let (mut rest, mut from) = (line, 0);
    while let Some(at) = rest[from..].find("${").map(|at| from + at) {
        let name = rest[at + 2..].split_once('}').map(|(name, _)| name);
        let Some(name) = name.filter(|name| !name.is_empty() && name.chars().all(fine)) else {
            from = at + 2;
            continue;
        };
        pieces.extend([Piece::Text(&rest[..at]), Piece::Variable(name)]);
        rest = &rest[at + name.len() + 3..];
        from = 0;
    }
    pieces.push(Piece::Text(rest));
    pieces
}
