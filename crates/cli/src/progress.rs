//! Transfers as a person sees them: bars that move on a terminal, one line per finished transfer
//! elsewhere, nothing with `--quiet`. What is only read shows bars while it lasts and leaves nothing.
//! Always on standard error; results are on standard output.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use lightship_base::{ByteSize, Progress, Quiet, Transfer, TransferId, TransferOutcome};

use crate::render::text::{cut_end, printable, width};
use crate::render::{Glyphs, Look};

/// What stays of work that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trace {
    /// A line: bytes moved, and somebody may want to know which.
    Line,
    /// Nothing: something was looked at, and the result follows.
    Nothing,
}

/// Whoever watches transfers for this standard error.
pub fn watcher(look: &Look, quiet: bool, trace: Trace) -> Arc<dyn Progress> {
    if quiet {
        return Arc::new(Quiet);
    }
    match (look.live, trace) {
        (true, trace) => Arc::new(Bars::on(ProgressDrawTarget::stderr(), look.glyphs, trace)),
        (false, Trace::Line) => Arc::new(Lines::to(Box::new(io::stderr()))),
        (false, Trace::Nothing) => Arc::new(Quiet),
    }
}

/// What is known of a transfer that runs.
#[derive(Debug)]
struct Running {
    transfer: Transfer,
    moved: u64,
}

/// Transfers under way, by their ids. Ids that nobody began are ignored: progress is for looking at,
/// and a mistake in it must not stop the work.
#[derive(Debug, Default)]
struct Register<T> {
    next: AtomicU64,
    running: Mutex<HashMap<TransferId, T>>,
}

impl<T> Register<T> {
    fn begin(&self, value: T) -> TransferId {
        let id = TransferId(self.next.fetch_add(1, Ordering::Relaxed));
        self.lock().insert(id, value);
        id
    }

    fn end(&self, id: TransferId) -> Option<T> {
        self.lock().remove(&id)
    }

    /// A thread that panicked while counting bytes leaves a map that is still good to look at.
    fn lock(&self) -> MutexGuard<'_, HashMap<TransferId, T>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One line per finished transfer.
struct Lines {
    register: Register<Running>,
    out: Mutex<Box<dyn Write + Send>>,
}

impl Lines {
    fn to(out: Box<dyn Write + Send>) -> Self {
        let register = Register { next: AtomicU64::new(0), running: Mutex::default() };
        Self { register, out: Mutex::new(out) }
    }
}

impl Progress for Lines {
    fn begin(&self, transfer: Transfer) -> TransferId {
        self.register.begin(Running { transfer, moved: 0 })
    }

    fn advance(&self, id: TransferId, bytes: u64) {
        if let Some(running) = self.register.lock().get_mut(&id) {
            running.moved = running.moved.saturating_add(bytes);
        }
    }

    fn end(&self, id: TransferId, outcome: TransferOutcome) {
        let Some(Running { transfer, moved }) = self.register.end(id) else { return };
        let line = finished(&transfer, moved, outcome) + "\n";
        // Nobody can be told that standard error is closed.
        let _ = self.out.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
    }
}

/// A bar for each transfer that runs, below a line for each that ended.
struct Bars {
    register: Register<(Transfer, ProgressBar)>,
    multi: MultiProgress,
    glyphs: Glyphs,
    trace: Trace,
}

/// Columns for the name of a transfer.
const NAME: usize = 24;

impl Bars {
    fn on(target: ProgressDrawTarget, glyphs: Glyphs, trace: Trace) -> Self {
        let register = Register { next: AtomicU64::new(0), running: Mutex::default() };
        Self { register, multi: MultiProgress::with_draw_target(target), glyphs, trace }
    }

    fn style(&self, total: Option<ByteSize>) -> ProgressStyle {
        let template = match total {
            Some(_) => "  {prefix} {bar:24} {moved:>9} of {whole:<9} {rate}",
            None => "  {prefix} {spinner}                        {moved:>9}              {rate}",
        };
        let (bar, spinner) = match self.glyphs {
            Glyphs::Unicode => ("█▉▊▋▌▍▎▏ ", "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "),
            Glyphs::Ascii => ("#> ", "|/-\\ "),
        };
        ProgressStyle::with_template(template)
            .expect("both templates are constants that a test parses")
            .with_key("moved", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                // Work that moves no bytes, such as a check, only has a name and takes time.
                if state.pos() > 0 || state.len().is_some() {
                    size(out, state.pos());
                }
            })
            .with_key("whole", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                size(out, state.len().unwrap_or(0));
            })
            .with_key("rate", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                if state.pos() > 0 || state.len().is_some() {
                    rate(out, state.per_sec());
                }
            })
            .progress_chars(bar)
            .tick_chars(spinner)
    }
}

fn size(out: &mut dyn std::fmt::Write, bytes: u64) {
    // Writing to the line that is being built cannot fail.
    let _ = write!(out, "{}", ByteSize(bytes));
}

fn rate(out: &mut dyn std::fmt::Write, per_second: f64) {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate for people; a float becomes the nearest integer there is"
    )]
    let _ = write!(out, "{}/s", ByteSize(per_second as u64));
}

impl Progress for Bars {
    fn begin(&self, transfer: Transfer) -> TransferId {
        let bar = match transfer.total {
            Some(total) => ProgressBar::new(total.bytes()),
            None => ProgressBar::no_length(),
        };
        let name = name(&transfer);
        let name = cut_end(&name, NAME, self.glyphs);
        let padding = NAME - width(&name);
        let bar = self.multi.add(bar.with_style(self.style(transfer.total)));
        bar.set_prefix(format!("{name}{:padding$}", ""));
        self.register.begin((transfer, bar))
    }

    fn advance(&self, id: TransferId, bytes: u64) {
        // Drawing happens outside the lock; the bar is a shared handle.
        let bar = self.register.lock().get(&id).map(|(_, bar)| bar.clone());
        if let Some(bar) = bar {
            bar.inc(bytes);
        }
    }

    fn end(&self, id: TransferId, outcome: TransferOutcome) {
        let Some((transfer, bar)) = self.register.end(id) else { return };
        let line = finished(&transfer, bar.position(), outcome);
        bar.finish_and_clear();
        self.multi.remove(&bar);
        if self.trace == Trace::Line {
            // As above: nobody can be told.
            let _ = self.multi.println(line);
        }
    }
}

fn name(transfer: &Transfer) -> String {
    let what = printable(&transfer.what);
    match transfer.digest {
        Some(digest) => format!("{what} {}", digest.short()),
        None => what.into_owned(),
    }
}

/// What remains of a transfer: one line. Bytes are those that moved; where nothing moved, those that
/// did not have to.
fn finished(transfer: &Transfer, moved: u64, outcome: TransferOutcome) -> String {
    let (bytes, end) = match outcome {
        TransferOutcome::Done => (Some(ByteSize(moved)), "done"),
        TransferOutcome::AlreadyThere => (transfer.total, "already there"),
        TransferOutcome::Mounted => (transfer.total, "mounted from another repository"),
        TransferOutcome::Failed => (Some(ByteSize(moved)), "failed"),
    };
    let mut line = format!("  {:<NAME$}", name(transfer));
    // Writing to a string cannot fail.
    let _ = match bytes {
        Some(bytes) => write!(line, " {bytes:>9}  {end}"),
        None => write!(line, " {:>9}  {end}", ""),
    };
    line
}

#[cfg(test)]
mod tests {
    use lightship_base::Digest;

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn transfer(what: &str, total: Option<u64>) -> Transfer {
        Transfer {
            what: what.to_owned(),
            digest: Some(Digest::of(what.as_bytes())),
            total: total.map(ByteSize),
        }
    }

    #[test]
    fn a_log_gets_one_line_per_finished_transfer() {
        let out = Shared::default();
        let lines = Lines::to(Box::new(out.clone()));
        let layer = lines.begin(transfer("layer", Some(3_000_000)));
        let config = lines.begin(transfer("config", Some(1_500)));
        let base = lines.begin(transfer("layer\u{1b}[31m", None));
        lines.advance(layer, 1_000_000);
        lines.advance(layer, 2_000_000);
        lines.advance(TransferId(99), 1);
        lines.end(config, TransferOutcome::AlreadyThere);
        lines.end(layer, TransferOutcome::Done);
        lines.end(layer, TransferOutcome::Failed);
        lines.end(base, TransferOutcome::Mounted);
        insta::assert_snapshot!(String::from_utf8(out.0.lock().unwrap().clone()).unwrap(), @r"
          config b79606fb3afe        1.50 kB  already there
          layer dac1d7cfa950         3.00 MB  done
          layer\u{1b}[31m f70d7a87d5c6            mounted from another repository
        ");
    }

    #[test]
    fn bars_take_transfers_from_many_threads() {
        for glyphs in [Glyphs::Unicode, Glyphs::Ascii] {
            let bars = Bars::on(ProgressDrawTarget::hidden(), glyphs, Trace::Line);
            std::thread::scope(|scope| {
                for total in [Some(10), None, Some(0), Some(u64::MAX)] {
                    let bars = &bars;
                    scope.spawn(move || {
                        let id = bars.begin(transfer("a layer with quite a long name", total));
                        bars.advance(id, 7);
                        bars.end(id, TransferOutcome::Done);
                        bars.advance(id, 1);
                        bars.end(id, TransferOutcome::Done);
                    });
                }
            });
            assert!(bars.register.lock().is_empty());
        }
    }
}
