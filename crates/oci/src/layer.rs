//! One layer, read as a stream that is verified while it passes.
//!
//! Decompressing and looking at the result cost about the same, so they run on two threads: one
//! reads, hashes the compressed bytes and decompresses; the caller's hashes the tar and parses it.
//! Both sides hold a few buffers, never a layer.

mod watched;

use std::io::{self, BufRead, Read};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use lightship_base::{Category, Diagnose, DiffId, Digest, HashingReader, Sha256};

use crate::compression::{check_ratio, decoder};
use crate::spec::{Compression, Descriptor};
use crate::{Error, Source};

pub use watched::WatchedLayer;

/// Large enough to make handing a buffer over cheap, small enough for several to stay in the cache.
const CHUNK: usize = 256 * 1024;

/// Chunks under way between the two threads.
const CHUNKS_UNDER_WAY: usize = 6;

/// A layer of an image.
#[derive(Clone)]
pub struct Layer {
    source: Arc<dyn Source>,
    position: usize,
    descriptor: Descriptor,
    diff_id: Option<DiffId>,
}

impl Layer {
    pub(crate) fn new(
        source: Arc<dyn Source>,
        position: usize,
        descriptor: Descriptor,
        diff_id: Option<DiffId>,
    ) -> Self {
        Self { source, position, descriptor, diff_id }
    }

    /// Its place in the image; the bottom is 0.
    pub fn position(&self) -> usize {
        self.position
    }

    /// The pointer to its compressed bytes.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// The digest that its uncompressed tar should have, where the config names one.
    pub fn diff_id(&self) -> Option<DiffId> {
        self.diff_id
    }

    /// How messages call it: counted from 1, as people do.
    pub fn name(&self) -> String {
        format!("layer {} ({})", self.position + 1, self.descriptor.digest)
    }

    /// How its blob is compressed, by its first bytes; the media type is only a claim.
    pub fn detect_compression(&self) -> Result<Compression, Error> {
        let mut head = Vec::new();
        let blob = self.source.blob(&self.descriptor, 0)?;
        (blob.take(6).read_to_end(&mut head))
            .map_err(|source| Error::Read { what: self.name(), source })?;
        Ok(crate::compression::detect(&head))
    }

    /// Digest and size of the blob as it is stored, without looking inside; at most one byte more than
    /// the descriptor promises is read.
    pub fn hash_blob(&self) -> Result<(Digest, u64), Error> {
        let blob = self.source.blob(&self.descriptor, 0)?;
        let mut reader = HashingReader::new(blob.take(self.descriptor.size.saturating_add(1)));
        io::copy(&mut reader, &mut io::sink())
            .map_err(|source| Error::Read { what: self.name(), source })?;
        let (digest, size, _) = reader.finish();
        Ok((digest, size))
    }

    /// The better explanation of a failure to read this layer: where the blob is not what its
    /// descriptor says, a broken archive inside is a consequence, not the cause.
    pub fn explain(&self, failure: Error) -> Error {
        if failure.category() != Category::BadInput {
            return failure; // the network or the machine failed; reading again would not explain it
        }
        let Descriptor { size: expected, digest, .. } = self.descriptor;
        match self.hash_blob() {
            Ok((_, actual)) if actual != expected => {
                Error::SizeMismatch { what: self.name(), expected, actual }
            }
            Ok((actual, _)) if actual != digest => {
                Error::DigestMismatch { what: self.name(), expected: digest, actual }
            }
            _ => failure,
        }
    }

    /// Starts reading the uncompressed tar.
    pub fn read(&self) -> Result<LayerReader, Error> {
        let blob = self.source.blob(&self.descriptor, 0)?;
        let (sender, chunks) = sync_channel(CHUNKS_UNDER_WAY);
        let (recycle, recycled) = channel();
        let size = self.descriptor.size;
        let worker = std::thread::Builder::new()
            .name("decompress".to_owned())
            .spawn(move || decompress(blob, size, &sender, &recycled))
            .map_err(|source| Error::Read { what: self.name(), source })?;
        Ok(LayerReader {
            layer: self.clone(),
            chunks,
            recycle,
            worker: Some(worker),
            chunk: Chunk::default(),
            at: 0,
            ended: false,
            hasher: Sha256::new(),
            unpacked: 0,
        })
    }
}

/// Uncompressed bytes, and how far into the compressed input they reach.
#[derive(Default)]
struct Chunk {
    bytes: Vec<u8>,
    input_before: u64,
    input_after: u64,
}

/// What the decompressing side knows at its end.
struct Input {
    digest: Digest,
    size: u64,
    compression: Compression,
}

fn decompress(
    blob: crate::BlobReader,
    size: u64,
    chunks: &SyncSender<io::Result<Chunk>>,
    recycled: &Receiver<Vec<u8>>,
) -> io::Result<Input> {
    // One byte more than promised is enough to know that the promise is broken.
    let input = HashingReader::new(blob.take(size.saturating_add(1)));
    let report = |error: io::Error| {
        let copy = io::Error::new(error.kind(), error.to_string());
        // The reader gets the original, which still knows its cause. That it may be gone is fine.
        let _ = chunks.send(Err(error));
        copy
    };
    let mut decoder = decoder(input).map_err(report)?;
    let compression = decoder.compression();
    let mut unpacked = 0;
    loop {
        let mut bytes = recycled.try_recv().unwrap_or_default();
        bytes.resize(CHUNK, 0);
        let input_before = decoder.consumed();
        let filled = fill(&mut decoder, &mut bytes)
            .and_then(|filled| check_ratio(unpacked + filled as u64, size).map(|()| filled))
            .map_err(report)?;
        bytes.truncate(filled);
        unpacked += filled as u64;
        let chunk = Chunk { bytes, input_before, input_after: decoder.consumed() };
        if filled == 0 {
            break;
        }
        if chunks.send(Ok(chunk)).is_err() {
            return Err(io::Error::other("nobody reads this layer any more"));
        }
    }
    let (digest, size, _) = decoder.finish()?.finish();
    Ok(Input { digest, size, compression })
}

fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

/// A layer's tar as it arrives. Reading it to the end and calling [`LayerReader::finish`] proves that
/// every byte was the right one.
pub struct LayerReader {
    layer: Layer,
    chunks: Receiver<io::Result<Chunk>>,
    recycle: Sender<Vec<u8>>,
    worker: Option<JoinHandle<io::Result<Input>>>,
    chunk: Chunk,
    at: usize,
    ended: bool,
    hasher: Sha256,
    unpacked: u64,
}

/// What a layer turned out to be, once every byte of it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerFacts {
    /// The digest of the uncompressed tar.
    pub diff_id: DiffId,
    /// The digest of the blob as stored.
    pub digest: Digest,
    /// Bytes of the blob as stored.
    pub compressed_bytes: u64,
    /// Bytes of the uncompressed tar.
    pub uncompressed_bytes: u64,
    /// How it is compressed, by its own bytes.
    pub compression: Compression,
}

impl LayerReader {
    /// How many compressed bytes were needed to get here: exact at the decoder's steps (at most
    /// 256 KiB of output), interpolated within one.
    pub fn input_position(&self) -> u64 {
        let span = self.chunk.input_after - self.chunk.input_before;
        let share = self.at as u64 * span / (self.chunk.bytes.len() as u64).max(1);
        self.chunk.input_before + share
    }

    /// Reads on to the end and compares digest, size and diff ID with what was promised.
    pub fn finish(self) -> Result<LayerFacts, Error> {
        let layer = self.layer.clone();
        let facts = self.finish_unverified()?;
        let what = layer.name();
        if facts.compressed_bytes != layer.descriptor.size {
            return Err(Error::SizeMismatch {
                what,
                expected: layer.descriptor.size,
                actual: facts.compressed_bytes,
            });
        }
        if facts.digest != layer.descriptor.digest {
            let expected = layer.descriptor.digest;
            return Err(Error::DigestMismatch { what, expected, actual: facts.digest });
        }
        match layer.diff_id {
            Some(DiffId(expected)) if expected != facts.diff_id.0 => Err(Error::DigestMismatch {
                what: format!("{what}, uncompressed,"),
                expected,
                actual: facts.diff_id.0,
            }),
            _ => Ok(facts),
        }
    }

    /// Reads on to the end and says what was there, without comparing it with anything: for
    /// validation, which wants to report every difference.
    pub fn finish_unverified(mut self) -> Result<LayerFacts, Error> {
        let what = self.layer.name();
        io::copy(&mut self, &mut io::sink())
            .map_err(|source| Error::Read { what: what.clone(), source })?;
        let worker =
            self.worker.take().expect("finish consumes the reader, so the worker is there");
        let input = worker
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            .map_err(|source| Error::Read { what, source })?;
        Ok(LayerFacts {
            diff_id: DiffId(std::mem::take(&mut self.hasher).finish()),
            digest: input.digest,
            compressed_bytes: input.size,
            uncompressed_bytes: self.unpacked,
            compression: input.compression,
        })
    }

    fn next_chunk(&mut self) -> io::Result<()> {
        let spent = std::mem::take(&mut self.chunk.bytes);
        // A closed channel only means that the worker has read everything already.
        let _ = self.recycle.send(spent);
        self.at = 0;
        self.chunk.input_before = self.chunk.input_after;
        match self.chunks.recv() {
            Ok(chunk) => {
                self.chunk = chunk?;
                self.hasher.update(&self.chunk.bytes);
                self.unpacked += self.chunk.bytes.len() as u64;
            }
            Err(_closed) => self.ended = true,
        }
        Ok(())
    }
}

impl BufRead for LayerReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at == self.chunk.bytes.len() && !self.ended {
            self.next_chunk()?;
        }
        Ok(&self.chunk.bytes[self.at..])
    }

    fn consume(&mut self, n: usize) {
        self.at = (self.at + n).min(self.chunk.bytes.len());
    }
}

impl Read for LayerReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read_from(self, buffer)
    }
}

/// `read` by means of `fill_buf`.
fn read_from(reader: &mut impl BufRead, buffer: &mut [u8]) -> io::Result<usize> {
    let available = reader.fill_buf()?;
    let n = available.len().min(buffer.len());
    buffer[..n].copy_from_slice(&available[..n]);
    reader.consume(n);
    Ok(n)
}
