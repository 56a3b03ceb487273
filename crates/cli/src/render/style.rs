//! Names for the few styles there are. The terminal's own sixteen colours only: they fit whatever
//! background the user has chosen.

use anstyle::{AnsiColor, Effects, Style};
use clap::builder::Styles;

/// Section headings and totals.
pub const HEADING: Style = Style::new().effects(Effects::BOLD);
/// What is there but not the point: column titles, explanations.
pub const DIM: Style = Style::new().effects(Effects::DIMMED);
/// What can be typed.
pub const CODE: Style = AnsiColor::Cyan.on_default();
/// All is well.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Worth mending.
pub const WARNING: Style = AnsiColor::Yellow.on_default();
/// Must be mended.
pub const ERROR: Style = AnsiColor::Red.on_default().effects(Effects::BOLD);
/// No style.
pub const PLAIN: Style = Style::new();

/// The same for help.
pub const CLAP: Styles = Styles::styled()
    .header(HEADING)
    .usage(HEADING)
    .literal(CODE)
    .placeholder(PLAIN)
    .error(ERROR)
    .valid(GOOD)
    .invalid(WARNING);
