//! Where output goes, and what the far end can show.
//!
//! Whatever is written may carry ANSI colours; a stream whose far end does not want them strips them.
//! Commands never touch standard output themselves: they get a [`Terminal`].

pub mod raw;

use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::fd::AsFd;

use anstream::adapter::StripBytes;

use crate::args::ColorWish;
use crate::render::Look;
use crate::settings::{Environment, TerminalSettings};

/// Standard output for results, standard error for everything else.
#[derive(Debug)]
pub struct Terminal {
    /// Results.
    pub out: Stream,
    /// Errors, notes, progress.
    pub err: Stream,
    /// How wide the user says the terminal is; for help that goes through a pipe into a pager.
    columns: Option<usize>,
}

/// One of the two streams, with what its far end can show.
pub struct Stream {
    writer: Box<dyn Write>,
    /// Takes colours out, where the far end does not want them.
    strip: Option<StripBytes>,
    /// Width, glyphs, and whether a person watches.
    pub look: Look,
}

/// Help wider than this is hard to read, however wide the window is.
const WIDEST_HELP: usize = 100;
/// The width of a terminal that nobody knows the width of.
const USUAL_WIDTH: usize = 80;

impl Terminal {
    /// The process's own streams.
    pub fn of_process(environment: &Environment, color: ColorWish) -> Self {
        let settings = TerminalSettings::read(environment);
        Self {
            out: Stream::on(io::stdout(), color, &settings),
            err: Stream::on(io::stderr(), color, &settings),
            columns: settings.columns,
        }
    }

    /// Columns to wrap help to.
    pub fn help_width(&self) -> usize {
        self.out.look.width.or(self.columns).unwrap_or(USUAL_WIDTH).min(WIDEST_HELP)
    }

    /// Writes to standard error, at once. If that cannot be done there is nobody left to tell.
    pub fn complain(&mut self, text: &str) {
        let _ = self.err.write_all(text.as_bytes()).and_then(|()| self.err.flush());
    }
}

impl Stream {
    fn on<S>(stream: S, color: ColorWish, settings: &TerminalSettings) -> Self
    where
        S: Write + IsTerminal + AsFd + 'static,
    {
        let is_terminal = stream.is_terminal();
        // Files and pipes get everything: a program that reads a table must not find it cut.
        let width = is_terminal.then(|| {
            let measured = rustix::termios::tcgetwinsize(&stream).map_or(0, |size| size.ws_col);
            match measured {
                0 => settings.columns.unwrap_or(USUAL_WIDTH),
                columns => columns.into(),
            }
        });
        let live = is_terminal && !settings.dumb;
        let colored = match color {
            ColorWish::Always => true,
            ColorWish::Never => false,
            ColorWish::Auto => settings.color.unwrap_or(live),
        };
        let look = Look { width, glyphs: settings.glyphs, live };
        Self::to(Box::new(BufWriter::new(PipeTolerant::new(stream))), colored, look)
    }

    /// A stream into any writer.
    pub fn to(writer: Box<dyn Write>, colored: bool, look: Look) -> Self {
        Self { writer, strip: (!colored).then(StripBytes::new), look }
    }

    /// The way for bytes that must arrive as they are: JSON, scripts. Stripping colours would also
    /// take unusual characters out of them.
    pub fn exact(&mut self) -> &mut dyn Write {
        &mut *self.writer
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.strip {
            None => return self.writer.write(bytes),
            Some(strip) => {
                for plain in strip.strip_next(bytes) {
                    self.writer.write_all(plain)?;
                }
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("look", &self.look).finish_non_exhaustive()
    }
}

/// A writer that takes a closed pipe for what it is: the reader (`head`, a pager) has seen enough.
/// From then on it swallows what comes, so that the command runs to its end and its exit code still
/// tells the verdict, also under the shell's `pipefail`.
#[derive(Debug)]
struct PipeTolerant<W> {
    inner: W,
    closed: bool,
}

impl<W: Write> PipeTolerant<W> {
    fn new(inner: W) -> Self {
        Self { inner, closed: false }
    }

    fn tolerate<T>(&mut self, result: io::Result<T>, instead: T) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(instead)
            }
            other => other,
        }
    }
}

impl<W: Write> Write for PipeTolerant<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.closed {
            return Ok(bytes.len());
        }
        let result = self.inner.write(bytes);
        self.tolerate(result, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        let result = self.inner.flush();
        self.tolerate(result, ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Breaks(io::ErrorKind);

    impl Write for Breaks {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn a_closed_pipe_is_no_error_and_a_full_disk_is() {
        let mut closed = PipeTolerant::new(Breaks(io::ErrorKind::BrokenPipe));
        closed.write_all(b"first").and_then(|()| closed.write_all(b"second")).unwrap();
        closed.flush().unwrap();
        let mut full = PipeTolerant::new(Breaks(io::ErrorKind::StorageFull));
        assert_eq!(full.write_all(b"x").unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(full.flush().unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
