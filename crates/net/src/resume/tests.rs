//! Downloads against a scripted server that breaks in every way.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use reqwest::Method;

use super::*;
use crate::{Jitter, RetryPolicy, Sleeper};

const FILE: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

#[derive(Default)]
struct NoWait;

impl Sleeper for NoWait {
    fn sleep(&self, _: Duration) {}
}

fn pacer() -> Pacer {
    Pacer::new(RetryPolicy::default(), Arc::new(NoWait), Jitter::seeded(1))
}

fn want(offset: u64) -> Want {
    let expected = Some(FILE.len() as u64);
    Want { offset, expected, limit: 1000, validator: Validator::Digest }
}

fn exchange() -> Exchange {
    Exchange::new(&Method::GET, &"https://h.example/f".parse().unwrap())
}

/// Gives some bytes and then breaks.
struct Breaking(io::Cursor<Vec<u8>>);

impl Read for Breaking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::other("cut")),
            n => Ok(n),
        }
    }
}

/// What the server does with one request.
#[derive(Debug, Clone, Copy)]
struct Turn {
    honours_range: bool,
    breaks_after: Option<usize>,
    tag: Option<&'static str>,
}

const HONEST: Turn = Turn { honours_range: true, breaks_after: None, tag: None };

fn part(turn: Turn, ask: &RangeAsk) -> Part {
    let from = if turn.honours_range { usize::try_from(ask.from).unwrap() } else { 0 };
    let rest = FILE[from..].to_vec();
    let partial = from > 0;
    let body: Box<dyn Read + Send> = match turn.breaks_after {
        Some(after) => Box::new(Breaking(io::Cursor::new(rest[..after.min(rest.len())].to_vec()))),
        None => Box::new(io::Cursor::new(rest.clone())),
    };
    let nothing_left = rest.is_empty();
    Part {
        status: if nothing_left {
            416
        } else if partial {
            206
        } else {
            200
        },
        content_range: partial.then(|| format!("bytes {from}-{}/{}", FILE.len() - 1, FILE.len())),
        content_length: Some(rest.len() as u64),
        entity_tag: turn.tag.map(str::to_owned),
        exchange: exchange(),
        body,
    }
}

type Asked = Arc<Mutex<Vec<RangeAsk>>>;

/// Plays the turns one after the other; the last one again and again.
fn server(turns: Vec<Turn>) -> (impl FnMut(&RangeAsk) -> Result<Part, Error>, Asked) {
    let asked = Asked::default();
    let noted = asked.clone();
    let open = move |ask: &RangeAsk| {
        let mut noted = noted.lock().unwrap();
        let turn = turns[noted.len().min(turns.len() - 1)];
        noted.push(ask.clone());
        Ok(part(turn, ask))
    };
    (open, asked)
}

fn read_all(turns: Vec<Turn>, want: Want) -> (io::Result<Vec<u8>>, Vec<u64>) {
    let (open, asked) = server(turns);
    let mut bytes = Vec::new();
    let result = Resumable::open(open, pacer(), want)
        .map_err(io::Error::other)
        .and_then(|mut reader| reader.read_to_end(&mut bytes));
    let froms = asked.lock().unwrap().iter().map(|ask| ask.from).collect();
    (result.map(|_| bytes), froms)
}

fn ours(error: io::Error) -> Error {
    error.downcast::<Error>().unwrap()
}

#[test]
fn the_rest_is_asked_for_from_where_it_broke() {
    let turns = vec![
        Turn { breaks_after: Some(10), ..HONEST },
        Turn { breaks_after: Some(5), ..HONEST },
        HONEST,
    ];
    let (bytes, froms) = read_all(turns, want(0));
    assert_eq!(bytes.unwrap(), FILE);
    assert_eq!(froms, [0, 10, 15]);
}

#[test]
fn a_server_that_ignores_ranges_is_read_past_what_is_known() {
    let deaf = Turn { honours_range: false, ..HONEST };
    let (bytes, froms) = read_all(vec![Turn { breaks_after: Some(10), ..HONEST }, deaf], want(0));
    assert_eq!(bytes.unwrap(), FILE);
    assert_eq!(froms, [0, 10]);
    let (bytes, _) = read_all(vec![deaf], want(30));
    assert_eq!(bytes.unwrap(), &FILE[30..]);
}

#[test]
fn a_line_that_moves_nothing_is_given_up() {
    let dead = Turn { breaks_after: Some(0), ..HONEST };
    let (bytes, froms) = read_all(vec![Turn { breaks_after: Some(3), ..HONEST }, dead], want(0));
    let message = ours(bytes.unwrap_err()).to_string();
    assert!(message.contains("the connection broke: cut"), "{message}");
    assert_eq!(froms.len(), 5, "as many attempts in a row as the policy allows: {froms:?}");
}

#[test]
fn one_byte_per_connection_arrives_nevertheless() {
    let (bytes, froms) = read_all(vec![Turn { breaks_after: Some(1), ..HONEST }], want(0));
    assert_eq!(bytes.unwrap(), FILE);
    assert_eq!(froms.len(), FILE.len());
}

#[test]
fn a_body_that_simply_ends_too_early_is_broken() {
    let short = |ask: &RangeAsk| {
        let mut short = part(HONEST, ask);
        if ask.from == 0 {
            short.content_length = None;
            short.body = Box::new(&FILE[..7]);
        }
        Ok(short)
    };
    let mut bytes = Vec::new();
    Resumable::open(short, pacer(), want(0)).unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, FILE);
}

#[test]
fn another_file_is_not_glued_to_the_first() {
    let by_tag = Want { validator: Validator::EntityTag, expected: None, ..want(0) };
    let first = Turn { breaks_after: Some(9), tag: Some("\"one\""), ..HONEST };
    let other = Turn { tag: Some("\"two\""), honours_range: false, ..HONEST };
    let (bytes, _) = read_all(vec![first, other], by_tag);
    assert!(matches!(ours(bytes.unwrap_err()), Error::Changed { .. }));
    let same = Turn { tag: Some("\"one\""), ..HONEST };
    let (bytes, _) = read_all(vec![first, same], by_tag);
    assert_eq!(bytes.unwrap(), FILE);
    let (bytes, _) = read_all(vec![first, other], want(0));
    assert_eq!(bytes.unwrap(), FILE, "with a digest, tags do not matter");
}

#[test]
fn a_strong_tag_is_sent_back() {
    let (open, asked) =
        server(vec![Turn { breaks_after: Some(9), tag: Some("\"one\""), ..HONEST }, HONEST]);
    let by_tag = Want { validator: Validator::EntityTag, ..want(0) };
    Resumable::open(open, pacer(), by_tag).unwrap().read_to_end(&mut Vec::new()).unwrap();
    let asked = asked.lock().unwrap();
    assert_eq!(asked[0].headers(), []);
    let expected = [("range", "bytes=9-".to_owned()), ("if-range", "\"one\"".to_owned())];
    assert_eq!(asked[1].headers(), expected);
}

#[test]
fn lies_about_sizes_and_ranges_are_found_out() {
    let lie = |change: fn(&mut Part)| {
        move |ask: &RangeAsk| {
            let mut answer = part(HONEST, ask);
            change(&mut answer);
            Ok(answer)
        }
    };
    let open = |change, want| Resumable::open(lie(change), pacer(), want).map(|_| ()).unwrap_err();
    assert!(matches!(open(|p| p.content_length = Some(35), want(0)), Error::Length { .. }));
    let small = Want { expected: None, limit: 20, ..want(0) };
    assert!(matches!(open(|_| (), small), Error::TooLarge { .. }));
    for range in
        [None, Some("bytes 9-3/36"), Some("bytes 9-35/30"), Some("bytes 12-35/36"), Some("9-35/36")]
    {
        let mut answer = part(HONEST, &RangeAsk { from: 9, entity_tag: None });
        answer.content_range = range.map(str::to_owned);
        let mut answer = Some(answer);
        let opened = Resumable::open(|_: &RangeAsk| Ok(answer.take().unwrap()), pacer(), want(9));
        assert!(matches!(opened.map(|_| ()), Err(Error::Protocol { .. })), "{range:?}");
    }
}

#[test]
fn an_endless_body_stops_at_the_limit() {
    let endless = |_: &RangeAsk| {
        Ok(Part {
            content_length: None,
            body: Box::new(io::repeat(7)),
            ..part(HONEST, &RangeAsk { from: 0, entity_tag: None })
        })
    };
    let wanted = Want { expected: None, limit: 10_000, ..want(0) };
    let mut bytes = Vec::new();
    let error =
        Resumable::open(endless, pacer(), wanted).unwrap().read_to_end(&mut bytes).unwrap_err();
    assert!(matches!(ours(error), Error::TooLarge { .. }));
    assert!(bytes.len() <= 10_000);
}

#[test]
fn nothing_left_to_ask_for_is_no_error() {
    let (bytes, _) = read_all(vec![HONEST], want(36));
    assert_eq!(bytes.unwrap(), b"");
}

#[test]
fn a_server_without_more_says_whether_that_is_all() {
    let unknown = |offset| Want { expected: None, ..want(offset) };
    let refusing = |range: &'static str| {
        move |ask: &RangeAsk| {
            let range = Some(range.to_owned());
            Ok(Part {
                status: 416,
                content_range: range,
                content_length: None,
                ..part(HONEST, ask)
            })
        }
    };
    let mut all = Resumable::open(refusing("bytes */36"), pacer(), unknown(36)).unwrap();
    assert_eq!((all.read_to_end(&mut Vec::new()).unwrap(), all.total()), (0, Some(36)));
    for (range, offset) in [("bytes */36", 20), ("bytes */20", 36), ("bytes */*", 36), ("", 36)] {
        let opened = Resumable::open(refusing(range), pacer(), unknown(offset)).map(|_| ());
        let error = opened.unwrap_err();
        assert!(matches!(error, Error::Status { status: 416, .. }), "{range}: {error:?}");
    }
}

proptest! {
    #[test]
    fn however_it_breaks_the_bytes_are_the_file(
        offset in 0..=36_u64,
        turns in proptest::collection::vec((any::<bool>(), 1..20_usize), 1..12),
    ) {
        let mut turns: Vec<Turn> = turns
            .into_iter()
            .map(|(honours_range, after)| Turn { honours_range, breaks_after: Some(after), tag: None })
            .collect();
        // A deaf server that breaks again before it comes to anything new is no progress; the policy's
        // patience is not what is under test here.
        turns.dedup_by(|a, b| !a.honours_range && !b.honours_range);
        turns.push(HONEST);
        let (bytes, _) = read_all(turns, want(offset));
        prop_assert_eq!(bytes.unwrap(), &FILE[usize::try_from(offset).unwrap()..]);
    }
}
