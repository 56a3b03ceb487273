//! An archive on loopback: a folder of files by their paths, and who asked for what.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Serves what it is given. An `ETag` is the body's digest.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    files: BTreeMap<String, Vec<u8>>,
    asked: Vec<String>,
    forbidden: bool,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Mutex::new(Shared::default()));
        let theirs = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&theirs);
                thread::spawn(move || serve(&stream, &shared));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn base(&self) -> String {
        format!("http://{}/debian", self.address)
    }

    /// Puts a file at a path below the archive's root.
    pub(crate) fn put(&self, path: &str, bytes: impl Into<Vec<u8>>) {
        let path = format!("/debian/{path}");
        self.shared.lock().unwrap().files.insert(path, bytes.into());
    }

    pub(crate) fn remove(&self, path: &str) {
        self.shared.lock().unwrap().files.remove(&format!("/debian/{path}"));
    }

    /// From now on, says 403 of what it does not have.
    pub(crate) fn forbid(&self) {
        self.shared.lock().unwrap().forbidden = true;
    }

    /// What was asked for since the last call: path and status.
    pub(crate) fn asked(&self) -> Vec<String> {
        let mut asked = std::mem::take(&mut self.shared.lock().unwrap().asked);
        asked.sort();
        asked
    }
}

fn serve(stream: &TcpStream, shared: &Mutex<Shared>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
        let path = line.split(' ').nth(1)?.to_owned();
        let mut known = None;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok().filter(|count| *count > 0)?;
            if header.trim().is_empty() {
                break;
            }
            if let Some(etag) = header.to_ascii_lowercase().strip_prefix("if-none-match:") {
                known = Some(etag.trim().to_owned());
            }
        }
        let body = shared.lock().unwrap().files.get(&path).cloned();
        let etag =
            body.as_ref().map(|body| format!("\"{}\"", lightship_base::Digest::of(body).hex()));
        let (status, body) = match body {
            None if shared.lock().unwrap().forbidden => (403, Vec::new()),
            None => (404, Vec::new()),
            Some(_) if known.is_some() && known == etag => (304, Vec::new()),
            Some(body) => (200, body),
        };
        let short = path.trim_start_matches("/debian/");
        shared.lock().unwrap().asked.push(format!("{status} {short}"));
        let etag = etag.map(|etag| format!("etag: {etag}\r\n")).unwrap_or_default();
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{etag}\r\n", body.len());
        let mut writer = stream;
        writer.write_all(head.as_bytes()).ok()?;
        writer.write_all(&body).ok()?;
    }
}
