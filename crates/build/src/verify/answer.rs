//! One question to an HTTP server over a connection that somebody else opened, and its answer, within
//! bounds of time and size.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Heads of answers are read up to this size; servers' own limits are lower.
const HEAD_BYTES: usize = 64 << 10;
/// Bodies are read up to this size.
const BODY_BYTES: usize = 1 << 20;
/// As many header fields as an answer may have.
const FIELDS: usize = 128;

/// What an HTTP server said.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// Sends a GET and reads the answer. *RFC 9112*; the connection is closed afterwards.
pub(super) fn exchange(
    mut stream: TcpStream,
    path: &str,
    patience: Duration,
) -> io::Result<Answer> {
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
