//! Mutations that need no coverage to guide them and no randomness to come from anywhere: the same
//! seed gives the same inputs on every machine.

/// Turns a valid input into one that is nearly valid.
pub struct Mutator {
    state: u64,
}

/// Bytes that mean something to the formats at hand: digits, quotes, brackets, separators, the magic
/// numbers' first bytes, the type flags of tar.
const TELLING: &[u8] = b"\0\x01\x1f\x28\x7f\x80\xff 0123457gxKLSDV\"\\/.:,=-{}[]\n";

/// Texts that numbers and names are replaced with.
const TEXTS: &[&str] = &[
    "0",
    "-1",
    "1",
    "2147483648",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "18446744073709551616",
    "1e400",
    "0.1",
    "00000000000",
    "77777777777",
    "null",
    "{}",
    "[]",
    "\"\"",
    "true",
    "..",
    "../",
    "/",
    ".wh.",
    ".wh..wh..opq",
    "sha256:",
    "\u{202e}",
];

impl Mutator {
    /// Starts a sequence. Zero counts as one: xorshift never leaves zero.
    pub fn new(seed: u64) -> Self {
        Self { state: seed.max(1) }
    }

    /// `input` with one to four changes; `other` is where spliced parts come from.
    pub fn mutate(&mut self, input: &[u8], other: &[u8]) -> Vec<u8> {
        let mut bytes = input.to_vec();
        for _ in 0..=self.below(4) {
            self.change(&mut bytes, other);
        }
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        let at = self.below(bytes.len());
        match self.below(9) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
            1 if !bytes.is_empty() => bytes[at] = TELLING[self.below(TELLING.len())],
            2 => bytes.insert(at, TELLING[self.below(TELLING.len())]),
            3 => drop(bytes.drain(self.range(bytes.len()))),
            4 => {
                let copy = bytes[self.range(bytes.len())].to_vec();
                bytes.splice(at..at, copy);
            }
            5 => {
                let part = other[self.range(other.len())].to_vec();
                let end = at + self.below(part.len().min(bytes.len() - at) + 1);
                bytes.splice(at..end, part);
            }
            6 => bytes.truncate(at),
            7 => self.overwrite(bytes, at),
            _ => self.replace_number(bytes, at),
        }
    }

    /// Writes a telling text over what is there, so that nothing moves: numbers in tar headers have
    /// fixed places.
    fn overwrite(&mut self, bytes: &mut [u8], at: usize) {
        let text = TEXTS[self.below(TEXTS.len())].as_bytes();
        for (byte, new) in bytes[at..].iter_mut().zip(text) {
            *byte = *new;
        }
    }

    /// Replaces the next run of digits by a telling text.
    fn replace_number(&mut self, bytes: &mut Vec<u8>, at: usize) {
        let digit = |byte: &u8| byte.is_ascii_digit();
        if let Some(start) = bytes[at..].iter().position(digit).map(|offset| at + offset) {
            let length = bytes[start..].iter().take_while(|byte| digit(byte)).count();
            let text = TEXTS[self.below(TEXTS.len())];
            bytes.splice(start..start + length, text.bytes());
        }
    }

    /// A part of at most 64 bytes, one time in eight of any length.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length);
        let most = if self.below(8) == 0 { length - start } else { (length - start).min(64) };
        start..start + self.below(most + 1)
    }

    /// Less than `limit`, or zero where that is zero.
    fn below(&mut self, limit: usize) -> usize {
        // Marsaglia's xorshift64: all that is needed here is that it wanders.
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state % (limit.max(1) as u64)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_inputs() {
        let inputs = |seed| {
            let mut mutator = Mutator::new(seed);
            (0..50).map(|_| mutator.mutate(b"{\"size\":12}", b"[1]")).collect::<Vec<_>>()
        };
        assert_eq!(inputs(7), inputs(7));
        assert_ne!(inputs(7), inputs(8));
        let changed = inputs(7).iter().filter(|input| *input != b"{\"size\":12}").count();
        assert!(changed > 40, "only {changed} of 50 are mutations");
    }

    #[test]
    fn nothing_is_an_input_too() {
        let mut mutator = Mutator::new(0);
        for _ in 0..200 {
            mutator.mutate(b"", b"");
        }
    }
}
