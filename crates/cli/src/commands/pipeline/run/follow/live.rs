//! A picture at the end of what a terminal shows, drawn again over itself.

use std::io::{self, Write as _};

use lightship_base::Timestamp;

use super::super::super::printed::Logs;
use crate::render::Look;
use crate::terminal::Stream;
use crate::views::run::{Frame, RunTree, frame};

/// Lines of a terminal that does not say how many it has.
const USUAL_HEIGHT: usize = 24;

/// Lines of the last picture, which may be longer than the screen.
const LAST: usize = 200;

/// What was drawn.
#[derive(Debug, Default)]
pub(super) struct Screen {
    lines: usize,
}

impl Screen {
    /// Draws a run as it is now, as much of it as there is room for.
    pub(super) fn draw(&mut self, tree: &RunTree, now: Timestamp, logs: &Logs, out: &mut Stream) {
        let (width, height) = size(&out.look);
        // The cursor stands below the picture.
        self.show(tree, (now, width, height.saturating_sub(1)), logs, out);
    }

    /// Draws the last picture, which stays.
    pub(super) fn leave(&mut self, tree: &RunTree, now: Timestamp, logs: &Logs, out: &mut Stream) {
        let (width, _) = size(&out.look);
        self.show(tree, (now, width, LAST), logs, out);
        self.lines = 0;
    }

    /// Takes the picture away, so that something else can be said above the next one.
    pub(super) fn clear(&mut self, out: &mut Stream) {
        let _ = self.replace(&[], out);
    }

    fn show(
        &mut self,
        tree: &RunTree,
        (now, width, height): (Timestamp, Option<usize>, usize),
        logs: &Logs,
        out: &mut Stream,
    ) {
        let look = Look { width, ..out.look };
        let printed = |node, attempt| logs.last(node, attempt, 1).pop();
        let lines = frame(tree, &Frame { now, look, height, printed: &printed });
        // A terminal that is gone is no reason to stop.
        let _ = self.replace(&lines, out);
    }

    fn replace(&mut self, lines: &[String], out: &mut Stream) -> io::Result<()> {
        if self.lines > 0 {
            // Up, to the beginning, and away with everything below: *ECMA-48*, CPL and ED.
            write!(out.exact(), "\x1b[{}F\x1b[J", self.lines)?;
        }
        for line in lines {
            writeln!(out, "{line}")?;
        }
        self.lines = lines.len();
        out.flush()
    }
}

/// Columns and lines, which change when a window does.
fn size(look: &Look) -> (Option<usize>, usize) {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok();
    let known = |number: u16| Some(usize::from(number)).filter(|number| *number > 0);
    let width = size.and_then(|size| known(size.ws_col)).or(look.width);
    (width, size.and_then(|size| known(size.ws_row)).unwrap_or(USUAL_HEIGHT))
}
