//! The user's terminal, lent to a command that has one of its own: keys go in, what it shows comes out,
//! and its size follows.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::sync::Arc;
use std::thread::JoinHandle;

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize};
use signal_hook::consts::signal::SIGWINCH;
use signal_hook::iterator::{Handle, Signals};

/// Carries bytes between the two terminals until [`RawTerminal::finish`].
#[derive(Debug)]
pub struct RawTerminal {
    restore: Restore,
    output: JoinHandle<()>,
    sizes: Option<Handle>,
    over: Arc<std::os::fd::OwnedFd>,
}

/// Gives the user's terminal its ways back, whatever happens.
#[derive(Debug)]
struct Restore(Option<Termios>);

impl Drop for Restore {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, before);
        }
    }
}

impl RawTerminal {
    /// Begins. `interactive`: what the user types goes in as well; otherwise only output comes out.
    pub fn carry(terminal: File, interactive: bool) -> io::Result<Self> {
        let over = Arc::new(eventfd(0, EventfdFlags::CLOEXEC)?);
        let restore = Restore(if interactive { make_raw()? } else { None });
        let (outer, keys) = (terminal.try_clone()?, terminal.try_clone()?);
        let output = std::thread::spawn(move || show(outer));
        if interactive {
            let over = Arc::clone(&over);
            std::thread::spawn(move || type_in(keys, &over));
        }
        Ok(Self { restore, output, sizes: follow_size(terminal).ok(), over })
    }

    /// After the command's end: shows what is left, and gives the terminal back.
    pub fn finish(self) {
        let _ = self.output.join();
        let _ = rustix::io::write(&*self.over, &1_u64.to_ne_bytes());
        if let Some(sizes) = self.sizes {
            sizes.close();
        }
        drop(self.restore);
    }
}

/// Every key goes to the command, ^C included. `None` where input is no terminal.
fn make_raw() -> io::Result<Option<Termios>> {
    let Ok(before) = tcgetattr(io::stdin()) else { return Ok(None) };
    let mut raw = before.clone();
    raw.make_raw();
    tcsetattr(io::stdin(), OptionalActions::Flush, &raw)?;
    Ok(Some(before))
}

/// The end of a terminal shows as an error (EIO) once everybody inside has closed it.
fn show(mut terminal: File) {
    let mut buffer = [0; 16 * 1024];
    let mut out = io::stdout();
    while let Ok(read @ 1..) = terminal.read(&mut buffer) {
        if out.write_all(&buffer[..read]).and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}

/// Ends with the command, or with the input.
fn type_in(mut terminal: File, over: &std::os::fd::OwnedFd) {
    let input = io::stdin();
    let mut buffer = [0; 4096];
    loop {
        let mut fds = [PollFd::new(&input, PollFlags::IN), PollFd::new(over, PollFlags::IN)];
        match poll(&mut fds, None) {
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return,
            Ok(_) if !fds[1].revents().is_empty() => return,
            Ok(_) => {}
        }
        match rustix::io::read(&input, &mut buffer) {
            // The input ended; a terminal says so with ^D.
            Ok(0) => {
                let _ = terminal.write_all(&[4]);
                return;
            }
            Ok(read) if terminal.write_all(&buffer[..read]).is_ok() => {}
            Ok(_) | Err(_) => return,
        }
    }
}

fn follow_size(terminal: File) -> io::Result<Handle> {
    let mut signals = Signals::new([SIGWINCH])?;
    let handle = signals.handle();
    std::thread::spawn(move || {
        for _ in signals.forever() {
            if let Ok(size) = tcgetwinsize(io::stdout()) {
                let _ = tcsetwinsize(&terminal, size);
            }
        }
    });
    Ok(handle)
}
