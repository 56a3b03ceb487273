//! A layer that is read under somebody's eyes.

use std::io::{self, BufRead, Read};

use lightship_base::{ByteSize, Progress, Transfer, TransferOutcome, Watched};

use super::{Layer, LayerFacts, LayerReader, read_from};
use crate::Error;

/// A [`LayerReader`] that reports compressed bytes as they are used up, and a failure if it is dropped
/// before it is finished.
pub struct WatchedLayer<'a> {
    reader: LayerReader,
    watched: Watched<'a>,
    /// Compressed bytes reported so far.
    reported: u64,
}

impl Layer {
    /// Starts reading the uncompressed tar; `what` tells whoever watches what for.
    pub fn read_watched<'a>(
        &self,
        what: String,
        progress: &'a dyn Progress,
    ) -> Result<WatchedLayer<'a>, Error> {
        let transfer = Transfer {
            what,
            digest: Some(self.descriptor.digest),
            total: Some(ByteSize(self.descriptor.size)),
        };
        let watched = Watched::begin(progress, transfer);
        Ok(WatchedLayer { reader: self.read()?, watched, reported: 0 })
    }
}

impl WatchedLayer<'_> {
    /// As [`LayerReader::input_position`].
    pub fn input_position(&self) -> u64 {
        self.reader.input_position()
    }

    /// As [`LayerReader::finish`].
    pub fn finish(self) -> Result<LayerFacts, Error> {
        self.finish_by(LayerReader::finish)
    }

    /// As [`LayerReader::finish_unverified`].
    pub fn finish_unverified(self) -> Result<LayerFacts, Error> {
        self.finish_by(LayerReader::finish_unverified)
    }

    fn finish_by(
        mut self,
        finish: impl FnOnce(LayerReader) -> Result<LayerFacts, Error>,
    ) -> Result<LayerFacts, Error> {
        // What follows the tar's own end is read here, so that it shows, too.
        let what = self.reader.layer.name();
        io::copy(&mut self, &mut io::sink()).map_err(|source| Error::Read { what, source })?;
        let facts = finish(self.reader)?;
        self.watched.advance(facts.compressed_bytes.saturating_sub(self.reported));
        self.watched.end(TransferOutcome::Done);
        Ok(facts)
    }
}

impl BufRead for WatchedLayer<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.reader.fill_buf()?;
        // Once a chunk and not once a read: watchers take a lock.
        let used = self.reader.chunk.input_before;
        if used > self.reported {
            self.watched.advance(used - self.reported);
            self.reported = used;
        }
        self.reader.fill_buf()
    }

    fn consume(&mut self, n: usize) {
        self.reader.consume(n);
    }
}

impl Read for WatchedLayer<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read_from(self, buffer)
    }
}
