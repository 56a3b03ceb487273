//! What this machine can do.

use serde::Serialize;

use crate::render::json::{Document, Schema};
use crate::render::section::{heading, remark};
use crate::render::table::Cell;
use crate::render::{Column, Look, Table, style};

/// `lightship doctor --format json`.
#[derive(Debug, Serialize)]
pub struct DoctorDocument {
    /// What that means for each command.
    pub commands: Vec<Command>,
    /// What was looked at.
    pub matters: Vec<Matter>,
}

/// How well something works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should.
    Good,
    /// Not quite.
    Limited,
    /// Not at all.
    Missing,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub struct Matter {
    /// Its name.
    pub matter: &'static str,
    /// How it is.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What it means where it is not good.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub means: String,
    /// What to change.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub change: String,
}

/// Commands of one kind.
#[derive(Debug, Serialize)]
pub struct Command {
    /// Their names.
    pub command: &'static str,
    /// Whether they work.
    pub state: State,
    /// Why not quite.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub because: String,
}

impl Matter {
    /// All is well.
    pub fn good(matter: &'static str, found: String) -> Self {
        Self { matter, state: State::Good, found, means: String::new(), change: String::new() }
    }

    /// It works, but not quite.
    pub fn limited(matter: &'static str, found: String, means: &str, change: String) -> Self {
        Self { matter, state: State::Limited, found, means: means.to_owned(), change }
    }

    /// It does not work.
    pub fn missing(matter: &'static str, found: String, means: &str, change: String) -> Self {
        Self { state: State::Missing, ..Self::limited(matter, found, means, change) }
    }
}

impl Document for DoctorDocument {
    const SCHEMA: Schema = Schema { command: "doctor", version: 1 };
}

impl DoctorDocument {
    /// The same for a terminal.
    pub fn text(&self, look: &Look) -> String {
        let mut commands = Table::new([
            Column::words("command"),
            Column::words("works"),
            Column::sentence("because"),
        ]);
        for command in &self.commands {
            commands.row([command.command.into(), state(command.state), (&command.because).into()]);
        }
        let mut matters = Table::new([
            Column::words("machine"),
            Column::words("state"),
            Column::sentence("found"),
        ]);
        for matter in &self.matters {
            matters.row([matter.matter.into(), state(matter.state), (&matter.found).into()]);
        }
        let mut text = commands.render(look) + "\n" + &matters.render(look);
        let mut to_change =
            self.matters.iter().filter(|matter| !matter.change.is_empty()).peekable();
        if to_change.peek().is_some() {
            text += &heading("What to change");
        }
        for matter in to_change {
            text += &remark(
                2,
                &format!("{}:", matter.matter),
                &format!("{}. To change that: {}", matter.means, matter.change),
                look,
            );
        }
        text
    }
}

fn state(state: State) -> Cell {
    match state {
        State::Good => Cell::styled("yes", style::GOOD),
        State::Limited => Cell::styled("partly", style::WARNING),
        State::Missing => Cell::styled("no", style::ERROR),
    }
}
