//! The bytes of a file that nobody has read yet.

use std::fmt;
use std::io::{self, Cursor, Read};
use std::sync::Arc;

use lightship_base::{Digest, Key};

/// Where bytes come from. Each opening begins at their start; several may be open at once.
pub trait ContentSource: Send + Sync {
    /// How many there are, exactly.
    fn size(&self) -> u64;

    /// Begins reading. An error says what was read from; a reader that ends early or late is one.
    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>>;

    /// A digest that the bytes follow from, known without reading them: two contents of the same identity
    /// have the same bytes. `None` where only reading would tell.
    fn identity(&self) -> Option<Digest> {
        None
    }
}

/// The identity of what is made of parts in a way that `how` names: `cut`, of a file and a plan.
pub fn made_of(how: &str, parts: &[&[u8]]) -> Digest {
    parts.iter().fold(Key::of(how), Key::with).finish()
}

/// A file's bytes. Clones share them.
#[derive(Clone)]
pub struct Content(Arc<dyn ContentSource>);

impl Content {
    /// Bytes from somewhere.
    pub fn new(source: impl ContentSource + 'static) -> Self {
        Self(Arc::new(source))
    }

    /// Bytes in memory.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::new(Memory(bytes.into()))
    }

    /// How many there are.
    pub fn size(&self) -> u64 {
        self.0.size()
    }

    /// Begins reading.
    pub fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        self.0.open()
    }

    /// A digest that they follow from; see [`ContentSource::identity`].
    pub fn identity(&self) -> Option<Digest> {
        self.0.identity()
    }

    /// Reads them whole, where they are at most `limit`.
    pub fn read(&self, limit: u64) -> io::Result<Vec<u8>> {
        if self.size() > limit {
            let reason = format!("{} bytes are more than the {limit} expected here", self.size());
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
        }
        let mut bytes = Vec::new();
        self.open()?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads the first bytes, `most` of them or all.
    pub fn head(&self, most: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open()?.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} bytes)", self.size())
    }
}

struct Memory(Vec<u8>);

impl ContentSource for Memory {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn open(&self) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(Cursor::new(&self.0[..])))
    }

    fn identity(&self) -> Option<Digest> {
        Some(Digest::of(&self.0))
    }
}
