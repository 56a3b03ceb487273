//! A server on loopback that does to each request what the test says, good or bad.

#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up should stop there")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use lightship_net::{Client, Jitter, Pacer, RetryPolicy, Settings, Sleeper, Timeouts, Url};

/// One request as it arrived. The body is read only where the reply needs it to be.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// What to do about it.
pub(crate) enum Reply {
    /// Read the body, then send this status, these header lines and this body.
    Whole(u16, &'static [&'static str], Vec<u8>),
    /// The same without reading the request's body.
    Early(u16),
    /// Read the body, announce so many bytes, send these, and close.
    Cut(u64, Vec<u8>),
    /// Read the body, announce so many bytes, send these, and say no more.
    Stall(u64, Vec<u8>),
    /// Read the body, and say nothing at all.
    Silence,
    /// Do not even read.
    Deaf,
    /// A status with one computed header line.
    Redirect(u16, String),
}

type Handler = dyn Fn(usize, &Asked) -> Reply + Send + Sync;

pub(crate) struct Server {
    address: std::net::SocketAddr,
    seen: Arc<Mutex<Vec<Asked>>>,
    /// Dropped with the server: silent connections wait on the other end.
    _alive: Sender<()>,
}

impl Server {
    /// `handler` is told the number of the request, from 0.
    pub(crate) fn start(handler: impl Fn(usize, &Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (alive, over) = channel();
        let over = Arc::new(Mutex::new(over));
        let (handler, log): (Arc<Handler>, _) = (Arc::new(handler), Arc::clone(&seen));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (handler, log, over) =
                    (Arc::clone(&handler), Arc::clone(&log), Arc::clone(&over));
                thread::spawn(move || serve(stream, &*handler, &log, &over));
            }
        });
        Self { address, seen, _alive: alive }
    }

    pub(crate) fn url(&self, path: &str) -> Url {
        format!("http://{}{path}", self.address).parse().unwrap()
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn seen(&self) -> Vec<Asked> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(
    mut stream: TcpStream,
    handler: &Handler,
    log: &Mutex<Vec<Asked>>,
    over: &Mutex<Receiver<()>>,
) {
    let Some((mut asked, mut reader)) = head(&stream) else { return };
    let number = {
        let mut log = log.lock().unwrap();
        log.push(asked.clone());
        log.len() - 1
    };
    let reply = handler(number, &asked);
    if !matches!(reply, Reply::Early(_) | Reply::Deaf) {
        let length = asked.headers.get("content-length").map_or(0, |text| text.parse().unwrap());
        asked.body = vec![0; length];
        if reader.read_exact(&mut asked.body).is_err() {
            return;
        }
        log.lock().unwrap()[number] = asked;
    }
    let wait = || {
        let _ = over.lock().unwrap().recv_timeout(Duration::from_secs(20));
    };
    let _ = match reply {
        Reply::Whole(status, lines, body) => {
            write(&mut stream, status, lines, body.len() as u64, &body)
        }
        Reply::Early(status) => write(&mut stream, status, &[], 0, b""),
        Reply::Cut(length, body) => write(&mut stream, 200, &[], length, &body),
        Reply::Stall(length, body) => write(&mut stream, 200, &[], length, &body).map(|()| wait()),
        Reply::Silence | Reply::Deaf => {
            wait();
            Ok(())
        }
        Reply::Redirect(status, line) => write(&mut stream, status, &[&line], 0, b""),
    };
    let _ = stream.shutdown(Shutdown::Write);
    // Closing with unread bytes would reset the connection and take the answer with it.
    let _ = stream.set_read_timeout(Some(Duration::from_millis(500)));
    let _ = std::io::copy(&mut reader, &mut std::io::sink());
}

fn head(stream: &TcpStream) -> Option<(Asked, BufReader<TcpStream>)> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = || {
        let mut text = String::new();
        reader.read_line(&mut text).ok().filter(|n| *n > 0)?;
        Some(text.trim_end().to_owned())
    };
    let first = line()?;
    let mut headers = BTreeMap::new();
    loop {
        let text = line()?;
        let Some((name, value)) = text.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    Some((Asked { line: first, headers, body: Vec::new() }, reader))
}

fn write(
    stream: &mut TcpStream,
    status: u16,
    lines: &[&str],
    length: u64,
    body: &[u8],
) -> std::io::Result<()> {
    let mut head = format!("HTTP/1.1 {status} Whatever\r\nConnection: close\r\n");
    if length != u64::MAX {
        head.push_str(&["Content-Length: ", &length.to_string(), "\r\n"].concat());
    }
    for line in lines {
        head.push_str(&[line, "\r\n"].concat());
    }
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"\r\n")?;
    stream.write_all(body)
}

/// Remembers pauses and does not wait.
#[derive(Default)]
pub(crate) struct Pauses(pub(crate) Mutex<Vec<Duration>>);

impl Sleeper for Pauses {
    fn sleep(&self, pause: Duration) {
        self.0.lock().unwrap().push(pause);
    }
}

pub(crate) fn settings() -> Settings {
    let mut settings = Settings::new("lightship-test/1", Vec::new());
    settings.timeouts = Timeouts {
        connect: Duration::from_secs(5),
        stall: Duration::from_secs(20),
        commit: Duration::from_secs(20),
    };
    settings
}

pub(crate) fn client_with(settings: Settings) -> (Client, Arc<Pauses>) {
    let pauses = Arc::new(Pauses::default());
    let pacer = Pacer::new(RetryPolicy::default(), pauses.clone(), Jitter::seeded(42));
    (Client::new(settings, pacer).unwrap(), pauses)
}

/// For servers that are meant to stall: others would seem to on a loaded machine.
pub(crate) fn impatient() -> Client {
    let mut settings = settings();
    settings.timeouts.stall = Duration::from_millis(700);
    settings.timeouts.commit = Duration::from_millis(900);
    settings.timeouts.connect = Duration::from_secs(1);
    client_with(settings).0
}

pub(crate) fn client() -> Client {
    client_with(settings()).0
}
