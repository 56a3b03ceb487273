//! Python's `marshal` format, as far as code is written in it, and the one way to write the same code.
//!
//! What Python writes tells what else the process held that wrote it, in two ways. An object that comes twice
//! is written once and then referred to by its number; and a number is given to whatever *may* come again, as
//! it has more than one owner. Here only what does come again keeps its number. And there is one text of each
//! single character for the whole process, which is written as interned if any code has interned it: `*` by
//! `from m import *`. Here it never is, unless it could stand in a name: those Python interns anyway.

use thiserror::Error;

/// Marks an object that later ones may refer to.
const NUMBERED: u8 = 0x80;

/// No honest code has parts of more parts of more parts.
const DEEPEST: usize = 2000;

/// How a version of Python writes a code object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// So many numbers of four bytes begin it.
    numbers: usize,
    /// So many objects come before the number of its first line.
    before_line: usize,
    /// And so many after it.
    after_line: usize,
}

/// These bytes are no marshalled code of that version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("byte {at} is not what marshalled code of this Python has there")]
pub struct Malformed {
    /// Counted from the beginning.
    pub at: usize,
}

impl Layout {
    /// The layout that an interpreter writes which names its files so (`cpython-311`). `None`: not known.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let minor: u32 = tag.strip_prefix("cpython-3")?.parse().ok()?;
        match minor {
            8..=10 => Some(Self { numbers: 6, before_line: 8, after_line: 1 }),
            11..=14 => Some(Self { numbers: 5, before_line: 8, after_line: 2 }),
            _ => None,
        }
    }

    /// Writes marshalled code as a process would that holds nothing else, where it stands.
    pub fn settle(self, code: &mut [u8]) -> Result<(), Malformed> {
        let Objects { numbered, references, shared } =
            Reader { code, at: 0, layout: self }.read()?;
        let mut wanted = vec![false; numbered.len()];
        for &at in &references {
            wanted[reference(code, at)] = true;
        }
        let mut names = Vec::with_capacity(numbered.len());
        let mut next: u32 = 0;
        for (&at, wanted) in numbered.iter().zip(wanted) {
            names.push(next);
            if wanted {
                next += 1;
            } else {
                code[at] &= !NUMBERED;
            }
        }
        for at in references {
            let name = names[reference(code, at)];
            code[at..at + 4].copy_from_slice(&name.to_le_bytes());
        }
        for at in shared {
            code[at] = code[at] & NUMBERED | not_interned(code[at] & !NUMBERED);
        }
        Ok(())
    }
}

/// The number that stands there, which [`Reader`] has looked at.
fn reference(code: &[u8], at: usize) -> usize {
    let bytes = code[at..at + 4].try_into().expect("four bytes");
    u32::from_le_bytes(bytes) as usize
}

/// The kind of a text that is the same, and not interned.
fn not_interned(kind: u8) -> u8 {
    match kind {
        b'Z' => b'z',
        b'A' => b'a',
        b't' => b'u',
        other => other,
    }
}

/// Whether a process has this text once, and its being interned says nothing of the code that it is in.
fn is_shared(text: &[u8]) -> bool {
    match text {
        [ascii] => !ascii.is_ascii_alphanumeric() && *ascii != b'_',
        // Up to U+00FF.
        [0xC2 | 0xC3, _] => true,
        _ => false,
    }
}

/// Where to find what may change.
#[derive(Default)]
struct Objects {
    /// The first byte of each object with a number, in the order of numbers.
    numbered: Vec<usize>,
    /// The four bytes of each reference.
    references: Vec<usize>,
    /// The first byte of each text that is interned by chance.
    shared: Vec<usize>,
}

/// What is still to be read.
enum Ahead {
    Objects(usize),
    Line,
}

struct Reader<'c> {
    code: &'c [u8],
    at: usize,
    layout: Layout,
}

impl Reader<'_> {
    fn read(mut self) -> Result<Objects, Malformed> {
        let mut found = Objects::default();
        let mut ahead = vec![Ahead::Objects(1)];
        while let Some(next) = ahead.last_mut() {
            match next {
                Ahead::Objects(0) => {
                    ahead.pop();
                }
                Ahead::Objects(left) => {
                    *left -= 1;
                    self.object(&mut found, &mut ahead)?;
                }
                Ahead::Line => {
                    ahead.pop();
                    self.skip(4)?;
                }
            }
            if ahead.len() > DEEPEST {
                return Err(self.malformed());
            }
        }
        if self.at == self.code.len() { Ok(found) } else { Err(self.malformed()) }
    }

    fn object(&mut self, found: &mut Objects, ahead: &mut Vec<Ahead>) -> Result<(), Malformed> {
        let begin = self.at;
        let kind = self.byte()?;
        if kind & NUMBERED != 0 {
            found.numbered.push(begin);
        }
        match kind & !NUMBERED {
            // None, true, false, an ellipsis.
            b'N' | b'T' | b'F' | b'.' => {}
            b'i' => self.skip(4)?,
            b'g' => self.skip(8)?,
            b'y' => self.skip(16)?,
            // Digits of 15 bits; the sign is the count's.
            b'l' => {
                let digits = self.word()?.cast_signed().unsigned_abs() as usize;
                self.skip(digits.checked_mul(2).ok_or(Malformed { at: begin })?)?;
            }
            // Bytes; texts, as UTF-8 or ASCII, interned or not.
            b's' | b't' | b'u' | b'a' | b'A' => {
                let length = self.word()? as usize;
                self.text(begin, length, found)?;
            }
            b'z' | b'Z' => {
                let length = self.byte()?;
                self.text(begin, length.into(), found)?;
            }
            // Tuples and frozen sets.
            b')' => {
                let count = self.byte()?;
                ahead.push(Ahead::Objects(count.into()));
            }
            b'(' | b'>' => {
                let count = self.word()? as usize;
                ahead.push(Ahead::Objects(count));
            }
            b':' => ahead.push(Ahead::Objects(3)),
            b'c' => {
                let Layout { numbers, before_line, after_line } = self.layout;
                self.skip(4 * numbers)?;
                ahead.push(Ahead::Objects(after_line));
                ahead.push(Ahead::Line);
                ahead.push(Ahead::Objects(before_line));
            }
            b'r' => {
                let at = self.at;
                if self.word()? as usize >= found.numbered.len() {
                    return Err(Malformed { at });
                }
                found.references.push(at);
            }
            _ => return Err(Malformed { at: begin }),
        }
        Ok(())
    }

    fn text(&mut self, begin: usize, length: usize, found: &mut Objects) -> Result<(), Malformed> {
        let at = self.at;
        self.skip(length)?;
        if is_shared(&self.code[at..self.at]) {
            found.shared.push(begin);
        }
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        let byte = *self.code.get(self.at).ok_or(self.malformed())?;
        self.at += 1;
        Ok(byte)
    }

    fn word(&mut self) -> Result<u32, Malformed> {
        let bytes = self.code.get(self.at..self.at + 4).ok_or(self.malformed())?;
        self.at += 4;
        Ok(u32::from_le_bytes(bytes.try_into().expect("four bytes")))
    }

    fn skip(&mut self, count: usize) -> Result<(), Malformed> {
        if count > self.code.len() - self.at {
            return Err(self.malformed());
        }
        self.at += count;
        Ok(())
    }

    fn malformed(&self) -> Malformed {
        Malformed { at: self.at }
    }
}

#[cfg(test)]
mod tests {
    use super::{Layout, Malformed};

    fn settled(code: &[u8]) -> Result<Vec<u8>, Malformed> {
        let mut code = code.to_vec();
        Layout::of_tag("cpython-311").unwrap().settle(&mut code).map(|()| code)
    }

    #[test]
    fn only_what_comes_again_keeps_a_number() {
        // A tuple with a number of `ab`, `cd`, and `cd` again, by its number: 2, then 0.
        let before = b"\xa9\x03\xda\x02ab\xda\x02cdr\x02\0\0\0";
        assert_eq!(settled(before).unwrap(), b"\x29\x03\x5a\x02ab\xda\x02cdr\0\0\0\0");
    }

    #[test]
    fn a_single_character_is_interned_if_it_could_stand_in_a_name() {
        let before = b")\x04Z\x01*Z\x01xt\x02\0\0\0\xc3\xa9Z\x02**";
        let after = b")\x04z\x01*Z\x01xu\x02\0\0\0\xc3\xa9Z\x02**";
        assert_eq!(settled(before).unwrap(), after);
    }

    #[test]
    fn what_is_no_code_is_refused_where_it_stops_being_some() {
        for (code, at) in [
            (&b""[..], 0),
            (b"NN", 1),
            (b"{0", 0),
            (b"(\xff\xff\xff\xff", 5),
            (b"s\xff\xff\xff\xff", 5),
            (b"l\0\0\0\x80", 5),
            (b"r\0\0\0\0", 1),
            (b"c1234", 1),
        ] {
            assert_eq!(settled(code), Err(Malformed { at }), "{code:?}");
        }
        assert!(settled(&b")\x01".repeat(5000)).is_err());
    }

    #[test]
    fn a_python_of_another_make_has_no_layout() {
        assert!(Layout::of_tag("cpython-38").is_some());
        for tag in ["cpython-37", "cpython-399", "pypy311", "cpython-3", ""] {
            assert_eq!(Layout::of_tag(tag), None, "{tag}");
        }
    }
}
