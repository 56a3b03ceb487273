//! Writing a wheel again so that one content has one digest (*Binary distribution format; Recording
//! installed projects*). Build tools write members in the order and with the times they happen to have.

use std::io::{self, Write};

use lightship_base::{Digest, HashingWriter};
use lightship_codec::tar::RootPath;

use super::error::{Error, Flaw};
use super::open::{Wheel, WheelFile};
use super::record::Table;
use crate::parcel::Content;

/// What a wheel became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Normalised {
    /// Of the whole file.
    pub digest: Digest,
    /// Bytes of it.
    pub size: u64,
}

/// Writes a wheel with its members sorted, RECORD last, all of 1 January 1980, of mode 0644 or 0755, and
/// stored without compression: the bytes then depend on the content alone, and on no version of a
/// compressor. Signatures of the old RECORD are left out. Every content is checked on its way.
pub fn normalise(wheel: &Wheel, sink: impl Write) -> Result<Normalised, Error> {
    let record = record(wheel);
    let record_path = record_path(wheel);
    let plain = |file: &WheelFile| (file.path.clone(), file.content.clone(), file.executable);
    let mut members: Vec<(RootPath, Content, bool)> = wheel.files().iter().map(plain).collect();
    members.push((record_path, Content::bytes(record), false));

    let mut archive = Archive { sink: HashingWriter::new(sink), directory: Vec::new(), members: 0 };
    for (path, content, executable) in &members {
        archive.member(wheel, path, content, *executable)?;
    }
    archive.finish(wheel)
}

fn record(wheel: &Wheel) -> Vec<u8> {
    let mut table = Table::default();
    for file in wheel.files() {
        table.add(text(&file.path), Some((file.digest, file.content.size())));
    }
    table.add(text(&record_path(wheel)), None);
    table.into_bytes()
}

fn record_path(wheel: &Wheel) -> RootPath {
    RootPath::from_components(wheel.dist_info().components().chain([&b"RECORD"[..]]))
}

fn text(path: &RootPath) -> String {
    String::from_utf8_lossy(path.as_bytes()).into_owned()
}

/// A zip archive in the making (*APPNOTE.TXT 6.3.10, 4.3*), without anything that 4 GiB would need.
struct Archive<W: Write> {
    sink: HashingWriter<W>,
    directory: Vec<u8>,
    members: u16,
}

/// 2.0: the oldest version that knows folders.
const VERSION: u16 = 20;
/// Names are UTF-8.
const FLAGS: u16 = 1 << 11;
/// 1 January 1980, as the format's times have it; there is no earlier day.
const DATE: u16 = 1 << 5 | 1;
/// The modes in the external attributes are Unix'.
const MADE_ON_UNIX: u16 = 3 << 8;

impl<W: Write> Archive<W> {
    fn member(
        &mut self,
        wheel: &Wheel,
        path: &RootPath,
        content: &Content,
        executable: bool,
    ) -> Result<(), Error> {
        let too_large = || wheel.refuse(Flaw::TooLarge);
        let start = u32::try_from(self.sink.bytes_written()).map_err(|_| too_large())?;
        let size = u32::try_from(content.size()).map_err(|_| too_large())?;
        let crc = checksum(content).map_err(|source| failed("read", wheel, source))?;
        let name = path.as_bytes();
        let length = u16::try_from(name.len()).map_err(|_| too_large())?;
        self.members = self.members.checked_add(1).ok_or_else(too_large)?;

        // What both headers have, from the version needed on.
        let mut shared = Vec::new();
        for number in [VERSION, FLAGS, 0, 0, DATE] {
            shared.extend(number.to_le_bytes());
        }
        for number in [crc, size, size] {
            shared.extend(number.to_le_bytes());
        }
        shared.extend(length.to_le_bytes());
        shared.extend(0u16.to_le_bytes());

        let mode: u32 = 0o100_000 | if executable { 0o755 } else { 0o644 };
        let entry = &mut self.directory;
        entry.extend(b"PK\x01\x02");
        entry.extend((MADE_ON_UNIX | VERSION).to_le_bytes());
        entry.extend(&shared);
        // No comment, disk 0, no internal attributes.
        entry.extend([0; 6]);
        entry.extend((mode << 16).to_le_bytes());
        entry.extend(start.to_le_bytes());
        entry.extend(name);

        let written = self.write(&[b"PK\x03\x04", &shared, name]);
        written.map_err(|source| failed("write", wheel, source))?;
        let mut reader = content.open().map_err(|source| failed("read", wheel, source))?;
        let copied = io::copy(&mut reader, &mut self.sink);
        copied.map(|_| ()).map_err(|source| failed("rewrite", wheel, source))
    }

    fn finish(mut self, wheel: &Wheel) -> Result<Normalised, Error> {
        let too_large = |_| wheel.refuse(Flaw::TooLarge);
        let start = u32::try_from(self.sink.bytes_written()).map_err(too_large)?;
        let length = u32::try_from(self.directory.len()).map_err(too_large)?;
        let directory = std::mem::take(&mut self.directory);
        let members = self.members.to_le_bytes();
        let end = [
            &directory[..],
            b"PK\x05\x06",
            &[0; 4],
            &members,
            &members,
            &length.to_le_bytes(),
            &start.to_le_bytes(),
            &[0; 2],
        ];
        let written = self.write(&end).and_then(|()| self.sink.flush());
        written.map_err(|source| failed("write", wheel, source))?;
        let (digest, size, _) = self.sink.finish();
        Ok(Normalised { digest, size })
    }

    fn write(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        parts.iter().try_for_each(|part| self.sink.write_all(part))
    }
}

/// The checksum stands before the bytes, so they are read twice; what is built from source is small.
fn checksum(content: &Content) -> io::Result<u32> {
    let mut reader = flate2::CrcReader::new(content.open()?);
    io::copy(&mut reader, &mut io::sink())?;
    Ok(reader.crc().sum())
}

fn failed(attempt: &'static str, wheel: &Wheel, source: io::Error) -> Error {
    Error::Io { attempt, wheel: wheel.name().to_string(), source }
}
