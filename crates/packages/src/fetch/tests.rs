//! Downloads that begin with what an earlier one left, against a server of our own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use lightship_base::Quiet;
use lightship_net::{Jitter, Pacer, RetryPolicy, Settings, ThreadSleeper};

use super::*;

const FILE: &[u8] = b"0123456789abcdef";

/// Serves `/good`, which honours ranges; `/deaf`, which has no ranges and refuses to be asked for any;
/// and `/bad`, which has other bytes.
fn serve() -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let root = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let head: Vec<String> =
                lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let path = head[0].split(' ').nth(1).unwrap();
            let range = head.iter().find_map(|line| {
                let from = line.to_ascii_lowercase();
                from.strip_prefix("range: bytes=")?.strip_suffix('-')?.parse::<usize>().ok()
            });
            let answer = answer(path, range);
            let _ = stream.write_all(&answer);
        }
    });
    root
}

fn answer(path: &str, range: Option<usize>) -> Vec<u8> {
    let all = FILE.len();
    let (status, more, body) = match (path, range) {
        ("/deaf", Some(_)) => ("416 No", String::new(), &b""[..]),
        ("/bad", _) => ("200 OK", String::new(), &b"0123456789ABCDEF"[..]),
        (_, Some(from)) if from >= all => ("416 No", format!("bytes */{all}"), &b""[..]),
        (_, Some(from)) => ("206 Part", format!("bytes {from}-{}/{all}", all - 1), &FILE[from..]),
        (_, None) => ("200 OK", String::new(), FILE),
    };
    let more = if more.is_empty() { more } else { format!("content-range: {more}\r\n") };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n{more}connection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Fetches from these paths, after an earlier attempt left `partial`.
fn fetched(partial: &[u8], paths: &[&str], size: Option<u64>) -> Result<Vec<u8>, Error> {
    let folder = tempfile::tempdir().unwrap();
    let pacer = Pacer::new(RetryPolicy::default(), Arc::new(ThreadSleeper), Jitter::seeded(1));
    let client = Client::new(Settings::new("test", Vec::new()), pacer).unwrap();
    let lease = Arc::new(Cas::open(folder.path()).unwrap().lease().unwrap());
    let digest = Digest::of(FILE);
    lease.partial(&digest).unwrap().append(partial).unwrap();
    let fetcher = Fetcher::new(Some(client), lease, Arc::new(NoLogins));
    let root = serve();
    let wanted = Wanted { name: "file", digest, size };
    let addresses = || Ok(paths.iter().map(|path| root.join(path).unwrap()).collect());
    fetcher.file(&wanted, addresses, &Quiet).map(|path| std::fs::read(path).unwrap())
}

#[test]
fn whatever_was_left_the_file_arrives() {
    let longer = [FILE, b"more"].concat();
    for partial in [&FILE[..0], &FILE[..7], FILE, &longer, b"012345WRONG", b"0123456789ABCDEF"] {
        for size in [None, Some(FILE.len() as u64)] {
            for path in ["good", "deaf"] {
                let got = fetched(partial, &[path], size);
                assert_eq!(got.unwrap(), FILE, "{path} {size:?} {}", partial.escape_ascii());
            }
        }
    }
}

#[test]
fn other_bytes_are_passed_over_and_told_of() {
    for partial in [&FILE[..0], &FILE[..7], b"012345WRONG"] {
        assert_eq!(fetched(partial, &["bad", "good"], None).unwrap(), FILE);
        let error = fetched(partial, &["bad", "bad"], None).unwrap_err();
        assert!(error.is_mismatch() && !error.is_final(), "{error:?}");
    }
}
