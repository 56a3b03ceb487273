//! Files that were made to cost hours or all memory. That these tests end is what they are for.

use std::fmt::Write as _;

use super::{Facts, facts};
use crate::Dockerfile;

/// A file as large as any may be, of lines that each cost as much as they can.
fn filled(head: &str, line: impl Fn(usize) -> String) -> Facts {
    let mut text = head.to_owned();
    for number in 0.. {
        let line = line(number);
        if text.len() + line.len() >= 4 << 20 {
            break;
        }
        writeln!(text, "{line}").unwrap();
    }
    facts(&Dockerfile::parse(&text).unwrap())
}

/// Bytes of all values.
fn size(facts: &Facts) -> usize {
    let env = facts.env.iter().map(|(name, at)| name.len() + at.value.len()).sum::<usize>();
    let labels = facts.labels.values().map(|at| at.value.len()).sum::<usize>();
    let copies = facts.copies.iter().map(|at| at.value.sources.concat().len()).sum::<usize>();
    env + labels + copies + facts.notes.iter().map(|at| at.value.len()).sum::<usize>()
}

#[test]
fn values_do_not_fill_the_memory() {
    let long = format!("FROM a AS s\nENV L={}\n", "x".repeat(60_000));
    for told in [
        filled(&long, |n| format!("ENV A{n}=$L")),
        filled(&long, |n| format!("LABEL a{n}=$L b=$L")),
        filled("FROM a\n", |n| format!("ENV A{n}=1 B{n}=2")),
        filled("FROM a\n", |n| format!("ENV A=$B{n}")),
        filled("FROM a\n", |_| "WORKDIR a".to_owned()),
    ] {
        assert!(size(&told) <= 16 << 20 && told.env.len() <= 10_000 && told.notes.len() <= 10_001);
        assert!(told.workdir.is_none_or(|at| at.value.len() <= 4096));
    }
}

#[test]
fn words_do_not_take_hours() {
    let value = "ab".repeat(500);
    let head = format!("FROM a\nENV V={value} P=*{}c\n", "?".repeat(900));
    filled(&head, |_| "ENV A=${V//$P/x}${V##$P}".to_owned());
    let head = format!("FROM a\nENV V={}\n", "x".repeat(16_000));
    filled(&head, |_| "RUN pip install $V$V$V".to_owned());
    let unset = (0..200_000).fold(String::new(), |word, n| word + &format!("$a{n}"));
    facts(&Dockerfile::parse(&format!("FROM a\nENV A={unset}\n")).unwrap());
}

#[test]
fn stages_do_not_multiply() {
    let sources = (0..1000).fold(String::new(), |sources, n| sources + &format!("s{n} "));
    let head = (0..500)
        .fold("FROM a AS s0\n".to_owned(), |text, _| text + &format!("COPY {sources} /x/\n"));
    let stages = (1..1000).fold(head, |text, n| {
        text + &format!("FROM s{} AS s{n}\nCOPY --from=s{} / / /\n", n - 1, n - 1)
    });
    let told = facts(&Dockerfile::parse(&stages).unwrap());
    assert!(size(&told) <= 16 << 20);
    let error = Dockerfile::parse(&"FROM a\n".repeat(1001)).unwrap_err();
    assert_eq!(error.to_string(), "line 1001: the file has more than 1000 stages");
}

#[test]
fn installs_are_not_compared_without_end() {
    let told =
        filled("FROM a\n", |n| format!("RUN apt-get install p{n} q{n}; pip install -r r{n}"));
    assert!(!told.apt.is_empty() && told.apt.len() <= 10_000 && told.python.len() <= 10_000);
}
