//! Has the image's own Python compile files, in as many sandboxes as there are processors.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use lightship_base::{Digest, Watched};
use lightship_codec::tar::RootPath;
use lightship_packages::parcel::Content;
use lightship_sandbox::Launcher;
use lightship_sandbox::snapshot::Prepared;
use serde::{Deserialize, Serialize};

use super::Error;
use super::lane::{Answer, Lane, Process};

/// No file of more bytes is compiled: the largest that anybody ships and imports have a few million.
const MOST_SOURCE: u64 = 16 << 20;

/// Fewer files than this are not worth another interpreter's start.
const FILES_PER_WORKER: usize = 24;

/// So many files of a package are compiled by one process, so that large packages keep all workers busy.
const FILES_PER_PIECE: usize = 64;

/// The image's Python and where to run it. Nothing is started before there is something to compile.
#[derive(Debug, Clone, Copy)]
pub struct Compiler<'a> {
    /// Starts sandboxes.
    pub launcher: &'a Launcher,
    /// The image's base on this machine's disk: interpreter and standard library.
    pub root: &'a Prepared,
    /// The interpreter inside: `/usr/bin/python3.11`.
    pub program: &'a str,
    /// Whatever decides the interpreter and the standard library that it starts with, such as a digest over
    /// the base's packages: byte code that was kept is taken only for the same.
    pub identity: Digest,
    /// How many files are compiled at once. No byte depends on it.
    pub workers: NonZeroUsize,
    /// How long it may take.
    pub limits: Limits,
}

/// How long compiling may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// One file, in whole seconds. The largest honest ones take one or two.
    pub file: Duration,
    /// All files together.
    pub all: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file: Duration::from_secs(30), all: Duration::from_mins(30) }
    }
}

/// A file to compile.
#[derive(Debug, Clone)]
pub struct Source {
    /// Where it is in the image: what tracebacks show. UTF-8, or it is not compiled.
    pub path: RootPath,
    /// Its bytes.
    pub content: Content,
}

/// What came of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compiled {
    /// A `.pyc` file's bytes.
    Code(Vec<u8>),
    /// It has none, and works without.
    Not(Reason),
}

/// Why a file has no byte code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// It is not in the syntax of this Python: a template, source for another version. Or its name is no
    /// text.
    Unfit,
    /// It is too large.
    TooLarge,
    /// The compiler crashed over it, or ran out of time or memory. On another machine it may not.
    Failed,
}

/// What came of all files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdicts {
    /// What stands in the names of byte code: `cpython-311`.
    pub tag: String,
    /// One for each file, in the order of packages and their files.
    pub compiled: Vec<Compiled>,
}

impl Compiler<'_> {
    /// Compiles the files of packages. That one of them cannot be compiled is no error; that it cannot be
    /// read is. Files of two packages never meet in one process.
    pub fn compile(
        &self,
        packages: &[&[Source]],
        watched: &Watched<'_>,
    ) -> Result<Verdicts, Error> {
        let pieces = packages.iter().flat_map(|sources| sources.chunks(FILES_PER_PIECE)).collect();
        let run = Run {
            compiler: self,
            pieces,
            watched,
            begin: Instant::now(),
            next: AtomicUsize::new(0),
            tag: OnceLock::new(),
            failure: OnceLock::new(),
            done: Mutex::default(),
        };
        let files: usize = packages.iter().map(|sources| sources.len()).sum();
        let workers = self.workers.get().min(files.div_ceil(FILES_PER_WORKER));
        thread::scope(|scope| {
            // A machine that gives fewer threads compiles fewer files at once; one is here already.
            for _ in 1..workers {
                let worker = thread::Builder::new().name("byte code".to_owned());
                if worker.spawn_scoped(scope, || run.work()).is_err() {
                    break;
                }
            }
            run.work();
        });
        run.finish()
    }
}

/// One call of [`Compiler::compile`].
struct Run<'r> {
    compiler: &'r Compiler<'r>,
    pieces: Vec<&'r [Source]>,
    watched: &'r Watched<'r>,
    begin: Instant,
    next: AtomicUsize,
    tag: OnceLock<String>,
    failure: OnceLock<Error>,
    done: Mutex<Vec<(usize, Vec<Compiled>)>>,
}

impl Run<'_> {
    fn work(&self) {
        let mut lane = None;
        loop {
            let at = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(piece) = self.pieces.get(at) else { break };
            match self.piece(&mut lane, piece) {
                Ok(compiled) => {
                    self.done.lock().unwrap_or_else(PoisonError::into_inner).push((at, compiled));
                }
                Err(failure) => {
                    let _ = self.failure.set(failure);
                }
            }
            if self.failure.get().is_some() {
                break;
            }
        }
        if let Some(lane) = lane {
            lane.finish();
        }
    }

    fn piece(&self, lane: &mut Option<Lane>, piece: &[Source]) -> Result<Vec<Compiled>, Error> {
        let mut process = Process::New;
        let one = |source: &Source| {
            let compiled = self.one(lane, source, &mut process)?;
            self.watched.advance(source.content.size());
            Ok(compiled)
        };
        piece.iter().map(one).collect()
    }

    /// `process` is whose turn it is; the next file of the package may go where this one went, if it went
    /// anywhere: until then the last process is that of another package.
    fn one(
        &self,
        lane: &mut Option<Lane>,
        source: &Source,
        process: &mut Process,
    ) -> Result<Compiled, Error> {
        if source.content.size() > MOST_SOURCE {
            return Ok(Compiled::Not(Reason::TooLarge));
        }
        let Ok(path) = std::str::from_utf8(source.path.as_bytes()) else {
            return Ok(Compiled::Not(Reason::Unfit));
        };
        let bytes = source
            .content
            .read(MOST_SOURCE)
            .map_err(|error| Error::Content { path: source.path.to_string(), source: error })?;
        let mut working = match lane.take() {
            Some(working) => working,
            None => self.start()?,
        };
        let answer = working.compile(&format!("/{path}"), &bytes, *process);
        *process = Process::Same;
        let Ok(answer) = answer else {
            // Whatever this file did to its sandbox ends with it; the next file gets a new one.
            drop(working);
            self.time_left()?;
            return Ok(Compiled::Not(Reason::Failed));
        };
        *lane = Some(working);
        Ok(match answer {
            Answer::Code(code) => Compiled::Code(code),
            Answer::Unfit => Compiled::Not(Reason::Unfit),
            Answer::Failed => Compiled::Not(Reason::Failed),
        })
    }

    fn start(&self) -> Result<Lane, Error> {
        let lane = Lane::start(self.compiler, self.time_left()?)?;
        // All sandboxes have the same Python.
        self.tag.get_or_init(|| lane.tag.clone());
        Ok(lane)
    }

    fn time_left(&self) -> Result<Duration, Error> {
        let limit = self.compiler.limits.all;
        let left = limit.saturating_sub(self.begin.elapsed());
        if left.is_zero() {
            return Err(Error::Time { attempt: "compiling", limit });
        }
        Ok(left)
    }

    fn finish(self) -> Result<Verdicts, Error> {
        if let Some(failure) = self.failure.into_inner() {
            return Err(failure);
        }
        let mut done = self.done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(at, _)| *at);
        Ok(Verdicts {
            // Where nothing was compiled, nothing needs the name.
            tag: self.tag.into_inner().unwrap_or_default(),
            compiled: done.into_iter().flat_map(|(_, compiled)| compiled).collect(),
        })
    }
}
