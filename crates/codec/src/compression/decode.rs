//! Decoders, chosen by magic bytes: media types and file names are only claims.

use std::io::{self, BufRead, BufReader, Read};

use super::Compression;

/// Bytes read from below at once. Large enough that a hash works on full speed, small enough for a
/// processor's second-level cache.
const BUFFER: usize = 128 * 1024;

/// `xz -9` needs 65 MiB; a header may ask for 4 GiB, which is refused.
const XZ_MEMORY_KIB: u32 = 256 * 1024;

/// Tells the compression from the first bytes; six are enough. Anything unknown counts as a plain
/// tar: its checksums will tell.
pub fn detect(head: &[u8]) -> Compression {
    const MAGIC: [(&[u8], Compression); 4] = [
        (&[0x1f, 0x8b], Compression::Gzip),
        (&[0x28, 0xb5, 0x2f, 0xfd], Compression::Zstd),
        (&[0xfd, b'7', b'z', b'X', b'Z', 0], Compression::Xz),
        (b"BZh", Compression::Bzip2),
    ];
    // zstd also allows skippable frames in front (RFC 8878, 3.1.2); pzstd and zstd:chunked use them.
    if head.len() >= 4 && head[0] & 0xf0 == 0x50 && head[1..4] == [0x2a, 0x4d, 0x18] {
        return Compression::Zstd;
    }
    MAGIC
        .into_iter()
        .find(|(magic, _)| head.starts_with(magic))
        .map_or(Compression::None, |(_, compression)| compression)
}

/// A stream of decompressed bytes that knows how much compressed input they took.
pub struct Decoder<R: Read> {
    inner: Inner<R>,
    compression: Compression,
}

enum Inner<R: Read> {
    Plain(Input<R>),
    Gzip(Box<flate2::bufread::MultiGzDecoder<Input<R>>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, Input<R>>>),
    Xz(Box<lzma_rust2::XzReader<Input<R>>>),
    Bzip2(Box<bzip2::bufread::MultiBzDecoder<Input<R>>>),
}

/// Makes a decoder for whatever `source` holds. Reads the first bytes at once.
pub fn decoder<R: Read>(source: R) -> io::Result<Decoder<R>> {
    let mut input = Input { inner: BufReader::with_capacity(BUFFER, source), consumed: 0 };
    let compression = detect(input.fill_buf()?);
    let inner = match compression {
        Compression::None => Inner::Plain(input),
        Compression::Gzip => Inner::Gzip(Box::new(flate2::bufread::MultiGzDecoder::new(input))),
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
            // 128 MiB is the largest window that the specification asks decoders to take (RFC 8878,
            // 3.1.1.1.2, with `--long=27`); more would let a 20-byte header allocate gigabytes.
            decoder.window_log_max(27)?;
            Inner::Zstd(Box::new(decoder))
        }
        Compression::Xz => {
            Inner::Xz(Box::new(lzma_rust2::XzReader::new_mem_limit(input, true, XZ_MEMORY_KIB)))
        }
        Compression::Bzip2 => Inner::Bzip2(Box::new(bzip2::bufread::MultiBzDecoder::new(input))),
    };
    Ok(Decoder { inner, compression })
}

impl<R: Read> Decoder<R> {
    /// What the input turned out to be.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// Compressed bytes taken so far. For gzip and zstd this follows the decoder's own position (a
    /// block at a time), which makes the cost of a stretch of output a good estimate.
    pub fn consumed(&self) -> u64 {
        match &self.inner {
            Inner::Plain(input) => input.consumed,
            Inner::Gzip(decoder) => decoder.get_ref().consumed,
            Inner::Zstd(decoder) => decoder.get_ref().consumed,
            Inner::Xz(decoder) => decoder.inner().consumed,
            Inner::Bzip2(decoder) => decoder.get_ref().consumed,
        }
    }

    /// Reads the input to its end, past anything behind the compressed stream, and gives the reader
    /// back: whoever hashes below then has seen every byte.
    pub fn finish(self) -> io::Result<R> {
        let mut input = match self.inner {
            Inner::Plain(input) => input,
            Inner::Gzip(decoder) => decoder.into_inner(),
            Inner::Zstd(decoder) => decoder.finish(),
            Inner::Xz(decoder) => decoder.into_inner(),
            Inner::Bzip2(decoder) => decoder.into_inner(),
        };
        io::copy(&mut input, &mut io::sink())?;
        Ok(input.inner.into_inner())
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.inner {
            Inner::Plain(input) => input.read(buffer),
            Inner::Gzip(decoder) => decoder.read(buffer),
            Inner::Zstd(decoder) => decoder.read(buffer),
            Inner::Xz(decoder) => decoder.read(buffer),
            Inner::Bzip2(decoder) => decoder.read(buffer),
        }
    }
}

/// A buffered input that counts what was consumed, not what was read ahead.
struct Input<R> {
    inner: BufReader<R>,
    consumed: u64,
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.consumed += n as u64;
        Ok(n)
    }
}

impl<R: Read> BufRead for Input<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.consumed += n as u64;
        self.inner.consume(n);
    }
}
