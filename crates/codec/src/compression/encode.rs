//! Encoders whose output depends on input and level alone.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use zstd::stream::raw::CParameter;

use super::Compression;

/// What to compress with, and how hard. Written `none`, `gzip[:1-9]`, `zstd[:1-19]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CompressionLevel {
    /// Not at all.
    None,
    /// RFC 1952; 6 where nothing is said, as everywhere.
    Gzip(u32),
    /// RFC 8878; 9 where nothing is said: nearly as small as 19 at a tenth of its time.
    Zstd(i32),
}

/// Why a text is no compression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no compression: expected none, gzip, gzip:1 to gzip:9, zstd or zstd:1 to zstd:19"
)]
pub struct ParseCompressionError(String);

impl CompressionLevel {
    /// The kind without its level.
    pub fn compression(self) -> Compression {
        match self {
            Self::None => Compression::None,
            Self::Gzip(_) => Compression::Gzip,
            Self::Zstd(_) => Compression::Zstd,
        }
    }
}

impl FromStr for CompressionLevel {
    type Err = ParseCompressionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = || ParseCompressionError(text.to_owned());
        let (kind, level) = match text.split_once(':') {
            Some((kind, level)) => (kind, Some(level.parse::<u8>().map_err(|_| fail())?)),
            None => (text, None),
        };
        match (kind, level) {
            ("none", None) => Ok(Self::None),
            ("gzip", None) => Ok(Self::Gzip(6)),
            ("gzip", Some(level @ 1..=9)) => Ok(Self::Gzip(level.into())),
            ("zstd", None) => Ok(Self::Zstd(9)),
            ("zstd", Some(level @ 1..=19)) => Ok(Self::Zstd(level.into())),
            _ => Err(fail()),
        }
    }
}

impl fmt::Display for CompressionLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Gzip(level) => write!(f, "gzip:{level}"),
            Self::Zstd(level) => write!(f, "zstd:{level}"),
        }
    }
}

/// A compressing writer; [`Encoder::finish`] must be called, or the stream is cut short. How the input
/// is cut into writes never shows in the bytes, and flushing does not either: nothing is forced out of
/// a compressor before its end.
pub struct Encoder<W: Write>(Inner<W>);

enum Inner<W: Write> {
    Plain(W),
    Gzip(Blocks<flate2::write::GzEncoder<W>>),
    Zstd(zstd::stream::write::Encoder<'static, W>),
}

/// Hands input on in blocks of one size. zlib-rs looks ahead no further than the write that it is in,
/// so that at levels 1, 5 and 6 its output depends on how the input was cut.
struct Blocks<W> {
    inner: W,
    block: Vec<u8>,
}

/// Large enough for a whole window (32 KiB) to be looked at; changing it changes digests.
const BLOCK: usize = 128 * 1024;

impl<W: Write> Blocks<W> {
    fn new(inner: W) -> Self {
        Self { inner, block: Vec::with_capacity(BLOCK) }
    }

    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.block.len() == BLOCK {
            self.inner.write_all(&self.block)?;
            self.block.clear();
        }
        let taken = buffer.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&buffer[..taken]);
        Ok(taken)
    }

    fn finish(mut self) -> io::Result<W> {
        self.inner.write_all(&self.block)?;
        Ok(self.inner)
    }
}

/// Levels below this one are for speed, and keep zstd's own windows.
const WINDOW_FROM: i32 = 9;

/// 8 MiB: as far back as every decoder has to be able to look (*RFC 8878, 3.1.1.1.2*). zstd's own choice at
/// level 9 is 4 MiB; large libraries come out a percent smaller with this.
const WINDOW: u32 = 23;

/// The level where nobody says another. zstd's own parameters for it look for matches in a table of 2 million
/// hashes, 16 places of each, which is little for a window of 8 MiB: with 8 million and 32, images of packages come
/// out one percent smaller, for a sixth more time.
const DEFAULT_LEVEL: i32 = 9;
const HASHES: u32 = 23;
const SEARCHES: u32 = 5;

/// Starts compressing into `sink` with up to `threads` threads.
///
/// zstd cuts its input into jobs whose size follows from the level alone, so the number of threads
/// never shows in the bytes; only "no worker at all" would, which is why there is always one.
pub fn encoder<W: Write>(sink: W, level: CompressionLevel, threads: u32) -> io::Result<Encoder<W>> {
    Ok(Encoder(match level {
        CompressionLevel::None => Inner::Plain(sink),
        CompressionLevel::Gzip(level) => {
            // No name, no time, operating system "unknown": nothing of this machine in the header.
            let builder = flate2::GzBuilder::new().mtime(0).operating_system(255);
            Inner::Gzip(Blocks::new(builder.write(sink, flate2::Compression::new(level))))
        }
        CompressionLevel::Zstd(level) => {
            let mut encoder = zstd::stream::write::Encoder::new(sink, level)?;
            if level >= WINDOW_FROM {
                encoder.window_log(WINDOW)?;
            }
            if level == DEFAULT_LEVEL {
                encoder.set_parameter(CParameter::HashLog(HASHES))?;
                encoder.set_parameter(CParameter::SearchLog(SEARCHES))?;
            }
            encoder.multithread(threads.max(1))?;
            encoder.include_checksum(true)?;
            Inner::Zstd(encoder)
        }
    }))
}

impl<W: Write> Encoder<W> {
    /// Writes what is left and gives the sink back.
    pub fn finish(self) -> io::Result<W> {
        match self.0 {
            Inner::Plain(sink) => Ok(sink),
            Inner::Gzip(blocks) => blocks.finish()?.finish(),
            Inner::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Inner::Plain(sink) => sink.write(buffer),
            Inner::Gzip(blocks) => blocks.write(buffer),
            Inner::Zstd(encoder) => encoder.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Inner::Plain(sink) => sink.flush(),
            Inner::Gzip(_) | Inner::Zstd(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::compression::decoder;

    fn sample() -> Vec<u8> {
        // Compressible but not trivial, and longer than one zstd job at level 1.
        (0u32..3_000_000).map(|i| (i.wrapping_mul(2_654_435_761) >> 27) as u8).collect()
    }

    fn compress(level: CompressionLevel, threads: u32) -> Vec<u8> {
        let mut encoder = encoder(Vec::new(), level, threads).unwrap();
        encoder.write_all(&sample()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn what_goes_in_comes_out_and_every_compressed_byte_is_counted() {
        for text in ["none", "gzip", "gzip:1", "zstd", "zstd:19"] {
            let level: CompressionLevel = text.parse().unwrap();
            let packed = compress(level, 2);
            let mut decoder = decoder(&packed[..]).unwrap();
            assert_eq!(decoder.compression(), level.compression());
            let mut unpacked = Vec::new();
            decoder.read_to_end(&mut unpacked).unwrap();
            assert!(unpacked == sample(), "{text}");
            assert_eq!(decoder.consumed(), packed.len() as u64, "{text}");
        }
    }

    #[test]
    fn threads_never_show_in_the_bytes() {
        let level = CompressionLevel::Zstd(3);
        assert!(compress(level, 1) == compress(level, 2));
        assert!(compress(level, 0) == compress(level, 4));
    }

    #[test]
    fn neither_writes_nor_flushes_show_in_the_bytes() {
        let input = sample();
        for text in ["gzip:1", "gzip:5", "gzip:6", "gzip:9", "zstd:1", "zstd:9"] {
            let level: CompressionLevel = text.parse().unwrap();
            let whole = compress(level, 1);
            for size in [511, 8_192, 70_001] {
                let mut encoder = encoder(Vec::new(), level, 1).unwrap();
                for piece in input.chunks(size) {
                    encoder.write_all(piece).unwrap();
                }
                encoder.flush().unwrap();
                assert!(encoder.finish().unwrap() == whole, "{text} in pieces of {size}");
            }
        }
    }

    #[test]
    fn levels_out_of_range_are_refused() {
        for text in ["", "gzip:0", "gzip:10", "zstd:20", "zstd:-1", "xz", "none:1"] {
            assert!(text.parse::<CompressionLevel>().is_err(), "{text}");
        }
    }
}
