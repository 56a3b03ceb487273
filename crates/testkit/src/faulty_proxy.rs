//! A small HTTP/1.1 proxy on loopback that does damage on demand, in front of a real server: so that
//! retries, resumption and stalls are proved against the real server's behaviour.
//!
//! Each request gets a connection of its own to the server and is answered with `Connection: close`.

use std::fmt::Write as _;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// One request that passed by.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// `GET`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Bytes of the body that the client got rid of.
    pub body_bytes: u64,
    /// The beginning of the body, up to [`KEPT_BODY`] bytes.
    pub body: Vec<u8>,
}

/// How much of each request's body is kept for a test to look at.
pub const KEPT_BODY: usize = 1024 * 1024;

impl Seen {
    /// The first header of that name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether the request has this method and its target this text in it.
    pub fn is(&self, method: &str, part_of_target: &str) -> bool {
        self.method == method && self.target.contains(part_of_target)
    }
}

/// What to do with a request.
#[derive(Debug, Clone)]
pub enum Action {
    /// Pass it on and its answer back.
    Forward,
    /// The same without these request headers (lower case): `range`, for a server that ignores it.
    Drop(&'static [&'static str]),
    /// The same with these lines added to the answer's headers.
    Add(Vec<String>),
    /// Take the request with its body and answer it here.
    Answer(Answer),
    /// Take so many bytes of the body, then close both connections.
    CutRequest {
        /// Bytes of the body.
        after: u64,
        /// Whether the server gets them, or they vanish on the way.
        delivered: bool,
    },
    /// Pass on so many bytes of the answer's body, then close both connections. The server has done all
    /// its work by then.
    CutResponse {
        /// Bytes of the body; `None` closes before the answer's first byte.
        after: Option<u64>,
    },
    /// Pass on so many bytes of the answer's body, then say no more, until the client goes away.
    Stall {
        /// Bytes of the body.
        after: u64,
    },
}

/// An answer made here.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Whole lines, such as `Retry-After: 3`.
    pub headers: Vec<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Action {
    /// An answer without headers.
    pub fn answer(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Answer(Answer { status, headers: Vec::new(), body: body.into() })
    }
}

/// A running proxy; it ends when dropped.
pub struct FaultyProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: Option<SocketAddr>,
    decide: Box<dyn Fn(&Seen) -> Action + Send + Sync>,
    seen: Mutex<Vec<Seen>>,
    over: AtomicBool,
}

/// No connection of a test lives longer.
const LONGEST_SILENCE: Duration = Duration::from_mins(1);

impl FaultyProxy {
    /// Starts a proxy in front of `upstream` (nothing, where every request is answered here). `decide`
    /// sees a request before its body is read; it is called from several threads.
    pub fn start(
        upstream: Option<SocketAddr>,
        decide: impl Fn(&Seen) -> Action + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            upstream,
            decide: Box::new(decide),
            seen: Mutex::new(Vec::new()),
            over: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if accepting.over.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&accepting);
                // A client that goes away in the middle is part of the game.
                thread::spawn(move || drop(serve(&stream, &shared)));
            }
        });
        Self { address, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `127.0.0.1:<port>`, as references name it.
    pub fn name(&self) -> String {
        self.address.to_string()
    }

    /// Every request so far, in the order of their arrival.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen().clone()
    }

    /// Forgets them.
    pub fn forget(&self) {
        self.shared.seen().clear();
    }
}

impl Drop for FaultyProxy {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what became of the body of the request with this number.
    fn note_body(&self, number: usize, bytes: &[u8]) {
        if let Some(seen) = self.seen().get_mut(number) {
            seen.body_bytes += bytes.len() as u64;
            let room = KEPT_BODY.saturating_sub(seen.body.len()).min(bytes.len());
            seen.body.extend_from_slice(&bytes[..room]);
        }
    }
}

/// The client's side of one exchange.
struct Exchange<'a> {
    shared: &'a Shared,
    number: usize,
    request: Seen,
    client: &'a TcpStream,
    reader: BufReader<&'a TcpStream>,
}

fn serve(client: &TcpStream, shared: &Shared) -> io::Result<()> {
    client.set_read_timeout(Some(LONGEST_SILENCE))?;
    client.set_nodelay(true)?;
    let mut reader = BufReader::new(client);
    let request = read_request(&mut reader)?;
    let number = {
        let mut seen = shared.seen();
        seen.push(request.clone());
        seen.len() - 1
    };
    let action = (shared.decide)(&request);
    let mut exchange = Exchange { shared, number, request, client, reader };
    match action {
        Action::Answer(answer) => exchange.answer(&answer),
        Action::CutRequest { after, delivered } => exchange.cut_request(after, delivered),
        Action::Forward => exchange.forward(&[], &[], End::Whole),
        Action::Drop(names) => exchange.forward(names, &[], End::Whole),
        Action::Add(lines) => exchange.forward(&[], &lines, End::Whole),
        Action::CutResponse { after } => exchange.forward(&[], &[], End::Cut(after)),
        Action::Stall { after } => exchange.forward(&[], &[], End::Stall(after)),
    }
}

/// How the answer ends.
#[derive(Clone, Copy)]
enum End {
    Whole,
    Cut(Option<u64>),
    Stall(u64),
}

impl Exchange<'_> {
    fn length(&self) -> u64 {
        self.request.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    fn answer(&mut self, answer: &Answer) -> io::Result<()> {
        let length = self.length();
        self.pass_body(length, None)?;
        let mut head = format!("HTTP/1.1 {} Answer\r\nConnection: close\r\n", answer.status);
        for line in &answer.headers {
            head.push_str(line);
            head.push_str("\r\n");
        }
        if answer.status != 204 {
            let _ = write!(head, "Content-Length: {}\r\n", answer.body.len());
        }
        head.push_str("\r\n");
        self.client.write_all(head.as_bytes())?;
        if self.request.method != "HEAD" {
            self.client.write_all(&answer.body)?;
        }
        self.client.shutdown(Shutdown::Write)
    }

    fn cut_request(&mut self, after: u64, delivered: bool) -> io::Result<()> {
        let length = self.length().min(after);
        if !delivered {
            self.pass_body(length, None)?;
            return self.client.shutdown(Shutdown::Both);
        }
        let upstream = self.connect(&[])?;
        self.pass_body(length, Some(&upstream))?;
        // The server must have read it before its client is gone, or it could drop it unread.
        thread::sleep(Duration::from_millis(100));
        upstream.shutdown(Shutdown::Both)?;
        self.client.shutdown(Shutdown::Both)
    }

    fn forward(&mut self, without: &[&str], extra: &[String], end: End) -> io::Result<()> {
        let upstream = self.connect(without)?;
        let length = self.length();
        let client = self.client;
        thread::scope(|scope| {
            // The server may answer before it has the whole body.
            let answer = scope.spawn(|| pass_answer(&upstream, client, extra, end));
            let sent = self.pass_body(length, Some(&upstream));
            let answered = answer.join().map_err(|_| io::Error::other("a thread panicked"))?;
            sent.and(answered)
        })
    }

    /// Opens a connection to the server and sends it the request's head.
    fn connect(&self, without: &[&str]) -> io::Result<TcpStream> {
        let Some(address) = self.shared.upstream else {
            let mut client = self.client;
            client.write_all(b"HTTP/1.1 502 No Upstream\r\nContent-Length: 0\r\n\r\n")?;
            return Err(io::Error::other("there is no server behind this proxy"));
        };
        let mut upstream = TcpStream::connect(address)?;
        upstream.set_read_timeout(Some(LONGEST_SILENCE))?;
        upstream.set_nodelay(true)?;
        let mut head = format!("{} {} HTTP/1.1\r\n", self.request.method, self.request.target);
        for (name, value) in &self.request.headers {
            if name != "connection" && !without.contains(&name.as_str()) {
                let _ = write!(head, "{name}: {value}\r\n");
            }
        }
        head.push_str("connection: close\r\n\r\n");
        upstream.write_all(head.as_bytes())?;
        Ok(upstream)
    }

    fn pass_body(&mut self, length: u64, to: Option<&TcpStream>) -> io::Result<()> {
        let mut left = length;
        let mut buffer = vec![0; 16 * 1024];
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let n = self.reader.read(&mut buffer[..most])?;
            if n == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            left -= n as u64;
            self.shared.note_body(self.number, &buffer[..n]);
            if let Some(mut to) = to {
                to.write_all(&buffer[..n])?;
            }
        }
        Ok(())
    }
}

fn pass_answer(
    upstream: &TcpStream,
    mut client: &TcpStream,
    extra: &[String],
    end: End,
) -> io::Result<()> {
    let mut reader = BufReader::new(upstream);
    let mut head = read_head(&mut reader)?;
    if let End::Cut(None) = end {
        return client.shutdown(Shutdown::Both);
    }
    head.extend(extra.iter().cloned());
    client.write_all((head.join("\r\n") + "\r\n\r\n").as_bytes())?;
    match end {
        End::Whole | End::Cut(None) => {
            io::copy(&mut reader, &mut client)?;
            client.shutdown(Shutdown::Write)
        }
        End::Cut(Some(after)) => {
            io::copy(&mut reader.take(after), &mut client)?;
            client.shutdown(Shutdown::Both)
        }
        End::Stall(after) => {
            io::copy(&mut reader.take(after), &mut client)?;
            // Returns when the client has gone.
            io::copy(&mut client, &mut io::sink()).map(|_| ())
        }
    }
}

fn read_request(reader: &mut BufReader<&TcpStream>) -> io::Result<Seen> {
    let lines = read_head(reader)?;
    let mut words = lines[0].split(' ').map(str::to_owned);
    let headers = lines[1..]
        .iter()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Ok(Seen {
        method: words.next().unwrap_or_default(),
        target: words.next().unwrap_or_default(),
        headers,
        body_bytes: 0,
        body: Vec::new(),
    })
}

/// The lines before the empty one; at least one.
fn read_head(reader: &mut BufReader<&TcpStream>) -> io::Result<Vec<String>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.by_ref().take(64 * 1024).read_line(&mut line)?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        lines.push(line.to_owned());
    }
    if lines.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(lines) }
}
