//! The first line of scripts: `#!python` becomes the interpreter's path (*Binary distribution format,
//! Recommended installer features*).

use std::io::{self, Read};

use lightship_base::{Digest, HashingReader};

use crate::parcel::{Content, ContentSource, made_of};

/// What a script that wants its first line rewritten begins with; `#!pythonw` does, too.
const MARK: &[u8] = b"#!python";

/// Longer first lines are no interpreter's.
const MOST_LINE: u64 = 1024;

/// A script's bytes with the interpreter's path in its first line, and their digest; `None` where the
/// file wants no such line. A script that does is read once, for the digest.
pub(super) fn rewrite(
    content: &Content,
    interpreter: &str,
) -> io::Result<Option<(Content, Digest)>> {
    let head = content.head(MOST_LINE)?;
    if !head.starts_with(MARK) {
        return Ok(None);
    }
    let Some(end) = head
        .iter()
        .position(|byte| *byte == b'\n')
        .or_else(|| (head.len() as u64 == content.size()).then_some(head.len()))
    else {
        return Ok(None);
    };
    let line = format!("#!{interpreter}").into_bytes();
    let script = Content::new(Script { original: content.clone(), skipped: end as u64, line });
    let mut reader = HashingReader::new(script.open()?);
    io::copy(&mut reader, &mut io::sink())?;
    let (digest, ..) = reader.finish();
    Ok(Some((script, digest)))
}

/// A file whose first line is another one.
struct Script {
    original: Content,
    /// Bytes of the original's first line, without its end.
    skipped: u64,
    line: Vec<u8>,
}

impl ContentSource for Script {
    fn size(&self) -> u64 {
        self.original.size() - self.skipped + self.line.len() as u64
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        let mut rest = self.original.open()?;
        let skipped = io::copy(&mut (&mut rest).take(self.skipped), &mut io::sink())?;
        if skipped < self.skipped {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Box::new(self.line.chain(rest)))
    }

    fn identity(&self) -> Option<Digest> {
        let original = self.original.identity()?.to_string();
        Some(made_of("first line", &[original.as_bytes(), &self.line]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_alone_changes() {
        let content = Content::bytes(*b"#!pythonw -x\r\nprint('#!python')\n");
        let (script, digest) = rewrite(&content, "/usr/bin/python3").unwrap().unwrap();
        let bytes = script.read(1000).unwrap();
        assert_eq!(bytes, b"#!/usr/bin/python3\nprint('#!python')\n");
        assert_eq!((script.size(), digest), (bytes.len() as u64, Digest::of(&bytes)));
        for other in [&b"#!/bin/sh\n"[..], b"", b"print()", b"\x7fELF"] {
            assert!(rewrite(&Content::bytes(other), "/p").unwrap().is_none());
        }
        let (script, _) = rewrite(&Content::bytes(*b"#!python"), "/p").unwrap().unwrap();
        assert_eq!(script.read(10).unwrap(), b"#!/p");
    }
}
