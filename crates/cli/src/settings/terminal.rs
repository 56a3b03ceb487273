//! What the environment says about the terminal. Nothing here can fail: a strange value counts as
//! none, because a wrong colour is no reason not to work.

use super::{Environment, Variable};
use crate::render::Glyphs;

/// What the environment says about the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSettings {
    /// Colours always, never, or (`None`) on terminals.
    pub color: Option<bool>,
    /// Whether the terminal can do no more than a typewriter.
    pub dumb: bool,
    /// Which characters can be shown.
    pub glyphs: Glyphs,
    /// The width that the user insists on, for what is no terminal.
    pub columns: Option<usize>,
}

impl TerminalSettings {
    /// Reads them.
    pub fn read(environment: &Environment) -> Self {
        let text = |variable| environment.get(variable).and_then(|value| value.to_str());
        Self {
            color: color(
                environment.get(Variable::NoColor).is_some(),
                text(Variable::ClicolorForce),
            ),
            dumb: matches!(text(Variable::Term), None | Some("dumb")),
            glyphs: glyphs(environment),
            columns: text(Variable::Columns)
                .and_then(|columns| columns.parse().ok())
                .filter(|columns| *columns > 0),
        }
    }
}

/// The two conventions, <https://no-color.org> and <https://bixense.com/clicolors>: the wish for less
/// wins.
fn color(no_color: bool, force: Option<&str>) -> Option<bool> {
    match (no_color, force) {
        (true, _) => Some(false),
        (false, None | Some("0")) => None,
        (false, Some(_)) => Some(true),
    }
}

/// *POSIX.1-2017, 8.2 Internationalization Variables*: the first of the three that is set decides.
fn glyphs(environment: &Environment) -> Glyphs {
    let locale = [Variable::LcAll, Variable::LcCtype, Variable::Lang]
        .into_iter()
        .find_map(|variable| environment.get(variable));
    let name = locale.map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    if name.contains("utf-8") || name.contains("utf8") { Glyphs::Unicode } else { Glyphs::Ascii }
}
