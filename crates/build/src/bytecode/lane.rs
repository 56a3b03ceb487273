//! One sandbox with the image's Python in it, and the conversation with it: a file goes in, byte code
//! comes out, one after the other. The other end is `compile.py`.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Write as _};
use std::time::Duration;

use lightship_base::ByteSize;
use lightship_oci::spec::RunConfig;
use lightship_packages::python::marshal::Layout;
use lightship_sandbox::{
    Grace, Limits as SandboxLimits, RootAccess, Sandbox, Spec, Stream, Streams,
};

use super::{Compiler, Error};

/// What the interpreter runs. The bytes of byte code depend on its own names, too.
pub(super) const SCRIPT: &str = include_str!("compile.py");

/// No file's byte code has more bytes; it has a few for each byte of source.
const MOST_CODE: u64 = 256 << 20;

/// Names of caches are short: `cpython-311`.
const MOST_TAG: u64 = 64;

/// All of an interpreter's memory: compiling takes some hundred bytes for each of source.
const MEMORY: ByteSize = ByteSize(2 << 30);

/// What a `.pyc` file begins with: the interpreter's number, flags, and a hash of the source (*PEP 552*).
const HEAD: usize = 16;

/// A sandbox that compiles.
pub(super) struct Lane {
    /// What the interpreter calls itself in names of its files.
    pub(super) tag: String,
    /// How it writes code, if that is known.
    layout: Option<Layout>,
    /// Ended when dropped, with all that runs in it.
    sandbox: Sandbox,
    input: File,
    output: BufReader<File>,
}

/// Which process in the sandbox is to have a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Process {
    /// One that has seen no file.
    New,
    /// The one that had the last file, if it lives.
    Same,
}

/// What came of one file.
pub(super) enum Answer {
    Code(Vec<u8>),
    /// It is no source for this Python.
    Unfit,
    /// The compiler crashed or took too long.
    Failed,
}

impl Lane {
    /// Starts an interpreter, which may live for so long.
    pub(super) fn start(compiler: &Compiler<'_>, time: Duration) -> Result<Self, Error> {
        let program = || compiler.program.to_owned();
        let streams = Streams { input: Stream::Pipe, output: Stream::Pipe, error: Stream::Null };
        let started = compiler.launcher.start(compiler.root, spec(compiler, time), streams);
        let mut sandbox =
            started.map_err(|source| Error::Sandbox { program: program(), source })?;
        let (Some(input), Some(output)) = (sandbox.input.take(), sandbox.output.take()) else {
            unreachable!("both were asked for as pipes")
        };
        let mut output = BufReader::new(output);
        match receive(&mut output, MOST_TAG) {
            Ok((b'@', tag)) if is_tag(&tag) => {
                let tag = String::from_utf8(tag).expect("letters, digits and hyphens are UTF-8");
                let layout = Layout::of_tag(&tag);
                Ok(Self { tag, layout, sandbox, input, output })
            }
            Ok(_) => {
                let reason = "has no names for files of byte code, and stopped".to_owned();
                Err(Error::Interpreter { program: program(), reason })
            }
            Err(_) => {
                drop(input);
                let ended = sandbox.wait();
                let outcome =
                    ended.map_err(|source| Error::Sandbox { program: program(), source })?;
                Err(Error::Interpreter { program: program(), reason: outcome.end.to_string() })
            }
        }
    }

    /// Has a file compiled. After an error this interpreter is not to be spoken to again.
    pub(super) fn compile(
        &mut self,
        path: &str,
        source: &[u8],
        process: Process,
    ) -> io::Result<Answer> {
        // Code that cannot be settled tells what else its process has seen.
        let alone = process == Process::New || self.layout.is_none();
        let mut head = Vec::with_capacity(17 + path.len());
        head.push(if alone { b'n' } else { b'c' });
        head.extend((path.len() as u64).to_le_bytes());
        head.extend((source.len() as u64).to_le_bytes());
        head.extend(path.as_bytes());
        self.input.write_all(&head)?;
        self.input.write_all(source)?;
        match receive(&mut self.output, MOST_CODE)? {
            (b'+', code) => Ok(self.settled(code)),
            (b'-', _) => Ok(Answer::Unfit),
            (b'!', _) => Ok(Answer::Failed),
            (other, _) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("an answer cannot begin with byte {other}"),
            )),
        }
    }

    fn settled(&self, mut code: Vec<u8>) -> Answer {
        let Some(layout) = self.layout else { return Answer::Code(code) };
        match code.get_mut(HEAD..).map(|code| layout.settle(code)) {
            Some(Ok(())) => Answer::Code(code),
            Some(Err(_)) | None => Answer::Failed,
        }
    }

    /// Lets the interpreter end by itself.
    pub(super) fn finish(self) {
        drop(self.input);
        // All answers are here: how it ended is nobody's concern.
        let _ = self.sandbox.wait();
    }
}

fn spec(compiler: &Compiler<'_>, time: Duration) -> Spec {
    let limits = &compiler.limits;
    let seconds = limits.file.as_secs().max(1).to_string();
    let most = MOST_CODE.to_string();
    // No site, nothing of the user's, no writing, no warnings about what packages contain.
    let words = [compiler.program, "-S", "-s", "-B", "-W", "ignore", "-c", SCRIPT, &seconds, &most];
    let words: Vec<_> = words.iter().map(Into::into).collect();
    let mut spec = Spec::of_image(&RunConfig::default(), &words);
    // Sets are written in the order of their hashes.
    spec.set_variable("PYTHONHASHSEED", "0");
    // The folder that commands start in is no place for modules.
    spec.set_variable("PYTHONSAFEPATH", "1");
    spec.set_variable("PYTHONUTF8", "1");
    spec.root = RootAccess::ReadOnly;
    spec.limits = SandboxLimits {
        memory: Some(MEMORY),
        time: Some(time),
        grace: Grace(Duration::ZERO),
        ..SandboxLimits::default()
    };
    spec
}

/// A letter, a length, so many bytes.
fn receive(output: &mut BufReader<File>, most: u64) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 9];
    output.read_exact(&mut head)?;
    let [letter, length @ ..] = head;
    let length = u64::from_le_bytes(length);
    if length > most {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = Vec::new();
    output.take(length).read_to_end(&mut body)?;
    if body.len() as u64 == length {
        Ok((letter, body))
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// Whether this can stand in a file's name.
fn is_tag(tag: &[u8]) -> bool {
    !tag.is_empty() && tag.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
}
