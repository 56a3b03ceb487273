//! What a lock was made from: enough to tell that it is out of date, and why.

use std::collections::BTreeMap;
use std::fmt;

use lightship_base::Digest;

/// Requirements and settings, each by a name. Texts are kept as digests, settings as they are, so that
/// a message can say what was and what is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs(BTreeMap<String, String>);

/// One difference between what a lock was made from and what is there now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It was not there before.
    Added(String),
    /// It is not there any more.
    Removed(String),
    /// It is another text.
    Text(String),
    /// It is another setting.
    Setting {
        /// Which.
        name: String,
        /// What it was.
        was: String,
        /// What it is.
        is: String,
    },
}

impl Inputs {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text, which should be normalised: only its digest is kept.
    pub fn text(&mut self, name: &str, text: &str) {
        self.0.insert(name.to_owned(), Digest::of(text.as_bytes()).to_string());
    }

    /// Adds a setting, which is kept as it is.
    pub fn setting(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }

    /// Names and what is kept of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What has changed since a lock was made from `self`; nothing where it is up to date.
    pub fn changes(&self, now: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        for (name, was) in &self.0 {
            match now.0.get(name) {
                None => changes.push(Change::Removed(name.clone())),
                Some(is) if is == was => {}
                Some(is) if is.parse::<Digest>().is_ok() && was.parse::<Digest>().is_ok() => {
                    changes.push(Change::Text(name.clone()));
                }
                Some(is) => changes.push(Change::Setting {
                    name: name.clone(),
                    was: was.clone(),
                    is: is.clone(),
                }),
            }
        }
        let new = now.0.keys().filter(|name| !self.0.contains_key(*name));
        changes.extend(new.cloned().map(Change::Added));
        changes
    }

    /// Whether the settings are the same; texts, of which only digests are kept, may differ.
    pub fn same_settings(&self, other: &Self) -> bool {
        let settings = |inputs: &Self| -> Vec<(String, String)> {
            let plain = inputs.0.iter().filter(|(_, value)| value.parse::<Digest>().is_err());
            plain.map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        settings(self) == settings(other)
    }

    pub(super) fn insert(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }
}

impl fmt::Display for Change {
    /// Half a sentence: "`requirements.txt` has changed".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(name) => write!(f, "`{name}` is new"),
            Self::Removed(name) => write!(f, "`{name}` is gone"),
            Self::Text(name) => write!(f, "`{name}` has changed"),
            Self::Setting { name, was, is } => write!(f, "`{name}` was {was} and is {is}"),
        }
    }
}
