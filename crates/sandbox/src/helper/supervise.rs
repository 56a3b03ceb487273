//! Waiting, from outside: for the command's end, for the caller's requests, for the time to be over.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use lightship_base::ByteSize;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, kill_process, pidfd_open, waitpid};

use super::cgroup::Groups;
use super::connect::Doorway;
use super::init::{Go, Tale};
use crate::End;
use crate::failure::{Attempt as _, Failure};
use crate::sys;
use crate::wire::{self, Event, Job, Request};

/// What is watched.
pub(super) struct Supervisor<'a> {
    pub(super) init: Pid,
    /// The socket to init.
    pub(super) inner: OwnedFd,
    /// The socket to the caller.
    pub(super) caller: BorrowedFd<'a>,
    pub(super) groups: &'a Groups,
    pub(super) job: &'a Job,
}

/// What is known so far.
#[derive(Default)]
struct Story {
    end: Option<End>,
    failure: Option<Failure>,
    stage: Stage,
    /// How often somebody typed ^C.
    interrupts: u32,
    /// The time limit, once it was over.
    overtime: Option<Duration>,
}

/// The third ^C means it. (The second may: some programs ask first.)
const ENOUGH_INTERRUPTS: u32 = 3;

/// How far it is.
#[derive(Default, Clone, Copy)]
enum Stage {
    /// Not a program yet. Its time has not begun.
    #[default]
    Starting,
    /// Running since then.
    Running(Instant),
    /// Told to end; killed at this moment.
    Ending(Instant),
    /// Its end was told, and its files wait for the caller. Its time is over.
    Held,
    /// Killed.
    Killed,
}

impl Supervisor<'_> {
    /// Lets init go, unless `ready` says it cannot, and returns how everything ended. Nothing of the
    /// sandbox's processes is left then.
    pub(super) fn watch(self, ready: Result<(), Failure>) -> Result<Event, Failure> {
        let watched = ready.and_then(|()| self.watch_until_end());
        // Whatever happened: killing what is dead already is harmless, and nothing may stay.
        let _ = kill_process(self.init, Signal::KILL);
        let _ = rustix::io::retry_on_intr(|| waitpid(Some(self.init), WaitOptions::empty()));
        let usage = sys::usage_of_children();
        let story = watched?;
        if let Some(failure) = story.failure {
            return Err(failure);
        }
        let end = match (story.overtime, story.end) {
            (Some(limit), _) => End::OutOfTime(limit),
            (_, Some(End::Exited(137) | End::Signalled(9)) | None)
                if self.groups.ran_out_of_memory() =>
            {
                End::OutOfMemory
            }
            (_, Some(end)) => end,
            // Process 1 was killed from outside, and could tell nothing any more.
            (_, None) => End::Signalled(9),
        };
        Ok(Event::Ended { end, cpu_time: usage.cpu, peak_memory: ByteSize(usage.peak_bytes) })
    }

    fn watch_until_end(&self) -> Result<Story, Failure> {
        let init = pidfd_open(self.init, PidfdFlags::empty())
            .attempt(|| "watch the sandbox".to_owned())?;
        // Who never asks for it need not hear that there is none.
        let doorway = Doorway::open(self.job, self.init);
        wire::send(&self.inner, &Go, &[]).attempt(|| "let the sandbox begin".to_owned())?;
        let mut story = Story::default();
        loop {
            let mut fds = [
                PollFd::new(&self.inner, PollFlags::IN),
                PollFd::new(&self.caller, PollFlags::IN),
                PollFd::new(&init, PollFlags::IN),
            ];
            match poll(&mut fds, self.patience(&story).as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(Failure::machine("wait for the command", error)),
            }
            let ready = fds.map(|fd| !fd.revents().is_empty());
            if ready[0] && self.listen(&mut story)? {
                return Ok(story);
            }
            if ready[1] && !self.obey(&doorway, &mut story) {
                return Err(Failure::machine("go on", "the caller is gone"));
            }
            // Only when init has told everything: what it said last may still wait in the socket.
            if ready[2] && !ready[0] {
                return Ok(story);
            }
            self.mind_the_time(&mut story);
        }
    }

    /// Takes one piece of news from init; true at the end of the story.
    fn listen(&self, story: &mut Story) -> Result<bool, Failure> {
        let news = wire::receive::<Tale>(&self.inner);
        let Some((tale, fds)) = news.attempt(|| "listen to the sandbox".to_owned())? else {
            return Ok(true);
        };
        let beside: Vec<BorrowedFd<'_>> = fds.iter().map(OwnedFd::as_fd).collect();
        let event = match tale {
            Tale::Note(note) => Event::Note(note),
            Tale::Terminal => Event::Terminal,
            Tale::Started => {
                story.stage = Stage::Running(Instant::now());
                Event::Started
            }
            Tale::Held(end) => {
                story.end = Some(end);
                story.stage = Stage::Held;
                Event::Held(end)
            }
            Tale::Ended(end) => {
                story.end = Some(end);
                return Ok(true);
            }
            Tale::Failed(failure) => {
                story.failure = Some(failure);
                return Ok(true);
            }
        };
        // A caller that is gone is noticed by its own descriptor.
        let _ = wire::send(self.caller, &event, &beside);
        Ok(false)
    }

    /// Does what the caller asks; false when there is no caller any more.
    fn obey(&self, doorway: &Result<Doorway, Failure>, story: &mut Story) -> bool {
        match wire::receive::<Request>(self.caller) {
            Ok(Some((Request::Signal(signal), _))) => {
                // Init hands it to the command. One that is gone needs no signal.
                let _ = sys::send_signal(self.init, signal);
                self.mind_the_patience(signal, story);
                true
            }
            Ok(Some((Request::Sockets, _))) => {
                let made = match doorway {
                    Ok(doorway) => doorway.sockets(self.job),
                    Err(failure) => Err(failure.clone()),
                };
                let beside: Vec<BorrowedFd<'_>> =
                    made.iter().flatten().map(OwnedFd::as_fd).collect();
                let outcome = made.as_ref().map(|_| ()).map_err(Clone::clone);
                let _ = wire::send(self.caller, &Event::Sockets(outcome), &beside);
                true
            }
            Ok(Some((Request::Release, _))) => {
                // Only to somebody who waits for it: it would be read as something else.
                if matches!(story.stage, Stage::Held) {
                    let _ = wire::send(&self.inner, &Go, &[]);
                }
                true
            }
            Ok(None) | Err(_) => false,
        }
    }

    /// Whoever is told to end has the grace for it; whoever is interrupted again and again, none.
    fn mind_the_patience(&self, signal: i32, story: &mut Story) {
        let now = Instant::now();
        match (signal, story.stage) {
            (libc::SIGTERM | libc::SIGHUP, Stage::Starting | Stage::Running(_)) => {
                story.stage = now
                    .checked_add(self.job.spec.limits.grace.0)
                    .map_or(story.stage, Stage::Ending);
            }
            (libc::SIGINT, Stage::Starting | Stage::Running(_) | Stage::Ending(_)) => {
                story.interrupts += 1;
                if story.interrupts >= ENOUGH_INTERRUPTS {
                    story.stage = Stage::Ending(now);
                }
            }
            _ => {}
        }
    }

    /// How long nothing has to be done.
    fn patience(&self, story: &Story) -> Option<Timespec> {
        let until = match (story.stage, self.job.spec.limits.time) {
            (Stage::Running(since), Some(limit)) => since.checked_add(limit)?,
            (Stage::Ending(until), _) => until,
            (Stage::Starting | Stage::Running(_) | Stage::Held | Stage::Killed, _) => return None,
        };
        let left = until.saturating_duration_since(Instant::now());
        // A little later rather than a little too early, which would be a busy loop.
        Timespec::try_from(left + Duration::from_millis(1)).ok()
    }

    fn mind_the_time(&self, story: &mut Story) {
        let limits = &self.job.spec.limits;
        let now = Instant::now();
        match (story.stage, limits.time) {
            (Stage::Running(since), Some(limit)) if now.duration_since(since) >= limit => {
                let _ = kill_process(self.init, Signal::TERM);
                story.overtime = Some(limit);
                story.stage = now.checked_add(limits.grace.0).map_or(Stage::Killed, Stage::Ending);
            }
            (Stage::Ending(until), _) if now >= until => {
                let _ = kill_process(self.init, Signal::KILL);
                story.stage = Stage::Killed;
            }
            _ => {}
        }
    }
}
