//! HTTP probes: a service is started in a sandbox with a network of its own, asked from inside that
//! network until it answers, and stopped.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use lightship_sandbox::{Connection, Error as SandboxError, Sandbox};

use super::check::{HttpCheck, Pattern};
use super::command;
use super::matter;
use super::run::{GRACE, Subject};
use super::verdict::{Repeat, Verdict};

/// Between two attempts: short beside any service's start.
const PAUSE: Duration = Duration::from_millis(50);
/// So long one answer may take.
const ANSWER: Duration = Duration::from_secs(10);
/// Heads of answers are read up to this size; servers' own limits are lower.
const HEAD_BYTES: usize = 64 << 10;
/// Bodies are read up to this size.
const BODY_BYTES: usize = 1 << 20;
/// As many header fields as an answer may have.
const FIELDS: usize = 128;

const TERM: i32 = 15;
const KILL: i32 = 9;

/// What an HTTP server said.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    body: Vec<u8>,
}

/// How the asking ended.
enum Asked {
    Good(Answer),
    /// It answered, but not well.
    Bad(Answer),
    /// It did not, and this was the last reason.
    Silent(String),
    /// It ended before it answered.
    Ended,
}

/// Starts the service, asks it, stops it.
pub(super) fn check(subject: &Subject<'_>, wanted: &HttpCheck, verdict: &mut Verdict) {
    let spec = subject.spec(&verdict.check, wanted.start.as_deref());
    verdict.command = spec.command.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    verdict.repeat = Some(match &wanted.start {
        Some(command) => Repeat::Command(command.clone()),
        None => Repeat::EntryPoint,
    });
    if verdict.command.is_empty() {
        return verdict.fail("the image has no entry point, and the check has no `start`");
    }
    let (mut sandbox, output) = match subject.start(spec, super::capture::KEPT) {
        Ok(started) => started,
        Err(error) => return verdict.not_started(&error),
    };
    let patience = wanted.wait.min(subject.time(&verdict.check));
    let asked = ask(&mut sandbox, wanted, Instant::now(), patience);
    let stopped = stop(sandbox, matches!(asked, Ok(Asked::Ended)));
    let (stdout, stderr) = output.finish();
    let asked = match asked.and_then(|asked| stopped.map(|end| (asked, end))) {
        Ok((asked, end)) => {
            verdict.end = Some(end);
            asked
        }
        Err(error) => return verdict.not_started(&error),
    };
    judge(&asked, wanted, patience, verdict);
    if !verdict.reasons.is_empty() {
        verdict.lines = matter::lines(&stdout.text(), &stderr.text());
        verdict.remarks.extend(matter::missing_network(&stderr.text(), &verdict.check));
    }
}

fn judge(asked: &Asked, wanted: &HttpCheck, patience: Duration, verdict: &mut Verdict) {
    let place = format!("port {}", wanted.port);
    let seconds = patience.as_secs_f64();
    match asked {
        Asked::Good(answer) => {
            verdict.remarks.push(format!("{} answered {}", wanted.path, answer.status));
        }
        Asked::Bad(answer) => {
            if !wanted.status.0.contains(&answer.status) {
                let (path, status) = (&wanted.path, answer.status);
                verdict.fail(format!("{path} answered {status}, not {}", wanted.status));
            } else if let Some(pattern) = &wanted.body {
                verdict.fail(format!("`{pattern}` is not in the answer's body"));
            }
            let body = String::from_utf8_lossy(&answer.body);
            let first = body.lines().find(|line| !line.trim().is_empty());
            verdict.remarks.extend(
                first.map(|line| format!("the body begins with `{}`", matter::cut(line.trim()))),
            );
        }
        Asked::Silent(why) => {
            verdict.fail(format!("no answer on {place} within {seconds} s: {why}"));
        }
        Asked::Ended => {
            let end = verdict.end.map_or_else(String::new, |end| end.to_string());
            verdict.fail(format!("it {end} before it answered on {place}"));
            verdict.hints.extend(verdict.end.and_then(command::hint));
        }
    }
}

/// Asks until the answer is good, or bad for good, or the time is over. While a service starts, nobody
/// listens, or a proxy before it says that it is not there yet.
fn ask(
    sandbox: &mut Sandbox,
    wanted: &HttpCheck,
    begin: Instant,
    patience: Duration,
) -> Result<Asked, SandboxError> {
    let mut last = Asked::Silent("nobody listens there".to_owned());
    loop {
        let left = patience.saturating_sub(begin.elapsed());
        if left.is_zero() {
            return Ok(last);
        }
        match sandbox.connect(wanted.port, left.min(ANSWER))? {
            Connection::Ended => return Ok(Asked::Ended),
            Connection::Refused(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Connection::Refused(error) => last = Asked::Silent(error.to_string()),
            Connection::Open(stream) => match exchange(stream, &wanted.path, left.min(ANSWER)) {
                Ok(answer) if is_good(&answer, wanted) => return Ok(Asked::Good(answer)),
                Ok(answer) if !matches!(answer.status, 502..=504) => return Ok(Asked::Bad(answer)),
                Ok(answer) => last = Asked::Bad(answer),
                Err(error) => last = Asked::Silent(error.to_string()),
            },
        }
        thread::sleep(PAUSE.min(left));
    }
}

fn is_good(answer: &Answer, wanted: &HttpCheck) -> bool {
    let has = |pattern: &Pattern| pattern.is_in(&String::from_utf8_lossy(&answer.body));
    wanted.status.0.contains(&answer.status) && wanted.body.as_ref().is_none_or(has)
}

/// Tells the service to end, and kills it if it does not.
fn stop(sandbox: Sandbox, ended: bool) -> Result<lightship_sandbox::End, SandboxError> {
    if !ended {
        let signaller = sandbox.signaller();
        signaller.send(TERM);
        // Where there is no thread for patience there is none.
        let later = signaller.clone();
        let patient = thread::Builder::new().name("stop".to_owned()).spawn(move || {
            thread::sleep(GRACE);
            later.send(KILL);
        });
        if patient.is_err() {
            signaller.send(KILL);
        }
    }
    Ok(sandbox.wait()?.end)
}

/// Sends a GET and reads the answer. *RFC 9112*; the connection is closed afterwards.
fn exchange(mut stream: TcpStream, path: &str, patience: Duration) -> io::Result<Answer> {
    let end = Instant::now() + patience;
    stream.set_write_timeout(Some(patience))?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: lightship\r\nAccept: */*\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut reader = Timed { stream, end };
    read_answer(&mut reader)
}

/// A stream whose reading ends at a moment, however slowly the other side drips.
struct Timed {
    stream: TcpStream,
    end: Instant,
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the answer does not end"));
        }
        self.stream.set_read_timeout(Some(left))?;
        match self.stream.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(io::Error::new(io::ErrorKind::TimedOut, "it listens, but does not answer"))
            }
            other => other,
        }
    }
}

fn read_answer(stream: &mut impl Read) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    loop {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS];
        let mut head = httparse::Response::new(&mut fields);
        match head.parse(&bytes).map_err(|error| garbled(&error.to_string()))? {
            httparse::Status::Complete(length) => {
                let status = head.code.ok_or_else(|| garbled("no status"))?;
                let framing = Framing::of(status, head.headers)?;
                let rest = bytes.split_off(length);
                // What comes before the real answer: *RFC 9110, section 15.2*.
                if (100..200).contains(&status) {
                    bytes = rest;
                    continue;
                }
                return Ok(Answer { status, body: framing.read(rest, stream)? });
            }
            httparse::Status::Partial if bytes.len() >= HEAD_BYTES => {
                return Err(garbled("its head does not end"));
            }
            httparse::Status::Partial => {
                if more(stream, &mut bytes)? == 0 {
                    return Err(garbled("the connection closed before an answer"));
                }
            }
        }
    }
}

fn garbled(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("no HTTP answer: {why}"))
}

fn more(stream: &mut impl Read, bytes: &mut Vec<u8>) -> io::Result<usize> {
    let mut buffer = [0; 16 << 10];
    loop {
        match stream.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(n) => {
                bytes.extend_from_slice(&buffer[..n]);
                return Ok(n);
            }
        }
    }
}

/// How long a body is. *RFC 9112, section 6.3*.
enum Framing {
    Bytes(u64),
    Chunks,
    UntilClosed,
}

impl Framing {
    fn of(status: u16, fields: &[httparse::Header<'_>]) -> io::Result<Self> {
        let find = |name: &str| fields.iter().find(|field| field.name.eq_ignore_ascii_case(name));
        if matches!(status, 204 | 304) {
            return Ok(Self::Bytes(0));
        }
        if let Some(field) = find("transfer-encoding") {
            let chunked = field.value.to_ascii_lowercase().ends_with(b"chunked");
            return Ok(if chunked { Self::Chunks } else { Self::UntilClosed });
        }
        let Some(field) = find("content-length") else { return Ok(Self::UntilClosed) };
        let length =
            std::str::from_utf8(field.value).ok().and_then(|text| text.trim().parse().ok());
        length.map(Self::Bytes).ok_or_else(|| garbled("its length is no number"))
    }

    /// The body, or as much of it as anybody will look at. `start` came along with the head. A body that
    /// breaks off is what it is: the status has been said.
    fn read(&self, mut start: Vec<u8>, stream: &mut impl Read) -> io::Result<Vec<u8>> {
        let enough = match self {
            Self::Bytes(length) => usize::try_from(*length).unwrap_or(usize::MAX).min(BODY_BYTES),
            // Frames of chunks are small beside any chunk worth sending; twice is generous.
            Self::Chunks => 2 * BODY_BYTES,
            Self::UntilClosed => BODY_BYTES,
        };
        while start.len() < enough
            && !(matches!(self, Self::Chunks) && start.ends_with(b"0\r\n\r\n"))
        {
            if more(stream, &mut start)? == 0 {
                break;
            }
        }
        if matches!(self, Self::Chunks) {
            start = joined(&start)?;
        }
        start.truncate(enough.min(BODY_BYTES));
        Ok(start)
    }
}

/// The content of chunks. *RFC 9112, section 7.1*.
fn joined(mut bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        match httparse::parse_chunk_size(bytes).map_err(|_| garbled("a chunk has no size"))? {
            httparse::Status::Complete((_, 0)) | httparse::Status::Partial => return Ok(body),
            httparse::Status::Complete((head, size)) => {
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                let content = &bytes[head..];
                body.extend_from_slice(&content[..size.min(content.len())]);
                bytes = content.get(size.saturating_add(2)..).unwrap_or_default();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out one byte at a time.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            buffer[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    fn answer(bytes: &[u8]) -> Result<(u16, String), String> {
        let all = read_answer(&mut { bytes }).map_err(|error| error.to_string());
        let drip = read_answer(&mut Drip(bytes)).map_err(|error| error.to_string());
        assert_eq!(all, drip, "however it arrives");
        all.map(|answer| (answer.status, String::from_utf8_lossy(&answer.body).into_owned()))
    }

    #[test]
    fn bodies_end_where_they_say() {
        let cases: [(&[u8], u16, &str); 6] = [
            (b"HTTP/1.0 200 OK\r\n\r\nall of it", 200, "all of it"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes", 200, "yes"),
            (b"HTTP/1.1 404 Not\r\ncontent-length: 9\r\n\r\nshort", 404, "short"),
            (b"HTTP/1.1 204 None\r\n\r\n", 204, ""),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab\n\r\n2;x=y\r\ncd\r\n0\r\n\r\n",
                200,
                "ab\ncd",
            ),
            (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 301 Moved\r\nContent-Length: 0\r\n\r\n", 301, ""),
        ];
        for (bytes, status, body) in cases {
            assert_eq!(answer(bytes), Ok((status, body.to_owned())));
        }
    }

    #[test]
    fn what_is_no_answer_is_told_and_bounded() {
        for bytes in
            [&b""[..], b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"]
        {
            assert!(answer(bytes).unwrap_err().starts_with("no HTTP answer"), "{bytes:?}");
        }
        let endless = [b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'x'; 1 << 20]].concat();
        assert!(read_answer(&mut &endless[..]).is_err());
        let large = [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 4 << 20]].concat();
        assert_eq!(read_answer(&mut &large[..]).unwrap().body.len(), BODY_BYTES);
    }
}
