//! The members of a `.deb`, in the order that *deb(5)* lays down.

use std::collections::HashSet;
use std::io::{self, BufReader, Read};
use std::path::Path;

use lightship_base::ByteSize;
use lightship_codec::compression::decoder;
use lightship_codec::tar::{EntryKind, Limits, RootPath, TarReader};

use super::ar::{Archive, Member};
use super::{Control, Deb, ErrorKind, Script, ScriptKind, data};

/// All control files together. The largest known list of checksums has 5 MB.
const CONTROL_LIMIT: u64 = 64 << 20;

/// What data may unpack to whatever it is, and how often its compressed size beyond that: packages of
/// gigabytes are real, and so is a ratio of 100 for data that is mostly zeros.
const DATA_LIMIT: u64 = 1 << 30;
const DATA_RATIO: u64 = 200;

/// Names in one package. The largest of Debian have some 60,000.
const MOST_ENTRIES: u64 = 500_000;

/// What a member's name may end in after `control.tar` and `data.tar`.
const COMPRESSIONS: [&str; 5] = ["", ".gz", ".xz", ".zst", ".bz2"];

pub(super) fn read(source: impl Read, scratch: &Path) -> Result<Deb, ErrorKind> {
    let mut archive = Archive::new(source)?;
    check_version(&mut archive)?;
    let member = required(&mut archive, "control.tar", "control files (`control.tar`)")?;
    let files = archive.content(&member, |content| control_files(content, &member.name))?;
    let member = required(&mut archive, "data.tar", "data (`data.tar`)")?;
    let limit = data_limit(member.size);
    let data = archive.content(&member, |content| {
        data::unpack(unpacked(content, &member.name, limit)?, &member.name, scratch)
    })?;
    refuse_twins(&mut archive)?;
    Ok(Deb {
        control: files.control.ok_or(ErrorKind::Missing("control paragraph"))?,
        md5sums: files.md5sums,
        conffiles: files.conffiles,
        scripts: files.scripts,
        triggers: files.triggers,
        items: data.items,
        without_set_id: data.without_set_id,
    })
}

fn check_version<R: Read>(archive: &mut Archive<R>) -> Result<(), ErrorKind> {
    let first = archive.next()?.ok_or(ErrorKind::Missing("member `debian-binary`"))?;
    if first.name != "debian-binary" {
        let expected = "the format (`debian-binary`)";
        return Err(ErrorKind::UnexpectedMember { name: first.name, expected });
    }
    let text = archive.content(&first, |content| {
        let mut text = Vec::new();
        content.take(64).read_to_end(&mut text).map_err(ErrorKind::Read)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    })?;
    let version = text.lines().next().unwrap_or_default();
    match version.split_once('.') {
        Some(("2", minor)) if minor.bytes().all(|b| b.is_ascii_digit()) && !minor.is_empty() => {
            Ok(())
        }
        _ => Err(ErrorKind::Version(version.escape_debug().to_string())),
    }
}

/// The next member that is not private to some tool (those begin with `_`).
fn required<R: Read>(
    archive: &mut Archive<R>,
    stem: &str,
    expected: &'static str,
) -> Result<Member, ErrorKind> {
    loop {
        let member = archive.next()?.ok_or(ErrorKind::Missing(expected))?;
        if member.name.starts_with('_') {
            archive.skip(&member)?;
            continue;
        }
        let ending = member.name.strip_prefix(stem);
        return match ending {
            Some(ending) if COMPRESSIONS.contains(&ending) => Ok(member),
            Some(_) | None => Err(ErrorKind::UnexpectedMember { name: member.name, expected }),
        };
    }
}

/// dpkg ignores what comes after the data, other tools may not: two of a kind are an attempt to show
/// different content to different readers.
fn refuse_twins<R: Read>(archive: &mut Archive<R>) -> Result<(), ErrorKind> {
    while let Some(member) = archive.next()? {
        let stems = ["debian-binary", "control.tar", "data.tar"];
        if stems.iter().any(|stem| member.name.starts_with(stem)) {
            return Err(ErrorKind::Twice(member.name));
        }
        archive.skip(&member)?;
    }
    Ok(())
}

/// How many bytes data may unpack to that has so many compressed ones.
pub(super) fn data_limit(size: u64) -> u64 {
    DATA_LIMIT.max(size.saturating_mul(DATA_RATIO))
}

/// Decompresses a member, up to a limit.
pub(super) fn unpacked<'a>(
    content: &'a mut dyn Read,
    member: &str,
    limit: u64,
) -> Result<TarReader<BufReader<impl Read + use<'a>>>, ErrorKind> {
    let stream = decoder(content).map_err(|error| data::broken_io(member, error))?;
    let limited = Limited { inner: stream, left: limit, limit };
    let limits = Limits { max_entries: MOST_ENTRIES, ..Limits::default() };
    Ok(TarReader::with_limits(BufReader::with_capacity(128 * 1024, limited), limits))
}

/// Fails where more than the limit comes out.
pub(super) struct Limited<R> {
    pub(super) inner: R,
    pub(super) left: u64,
    pub(super) limit: u64,
}

/// Marks the error of a stream that unpacks to too much, to be told from a broken one.
#[derive(Debug, thiserror::Error)]
#[error("more than {0} unpack")]
pub(super) struct TooMuch(pub(super) ByteSize);

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => self.left = left,
            None => return Err(io::Error::other(TooMuch(ByteSize(self.limit)))),
        }
        Ok(read)
    }
}

/// What is kept of the control files.
#[derive(Default)]
struct ControlFiles {
    control: Option<Control>,
    md5sums: Vec<u8>,
    conffiles: Vec<RootPath>,
    scripts: Vec<Script>,
    triggers: String,
}

fn control_files(content: &mut dyn Read, member: &str) -> Result<ControlFiles, ErrorKind> {
    let mut tar = unpacked(content, member, CONTROL_LIMIT)?;
    let mut files = ControlFiles::default();
    let mut seen = HashSet::new();
    while let Some(entry) = tar.next_entry().map_err(|source| data::broken(member, source))? {
        let path = entry.root_path()?;
        let name = match path.as_bytes() {
            name if entry.kind == EntryKind::File && !name.contains(&b'/') => name.to_vec(),
            // The folder itself; anything else in there concerns dpkg alone.
            _ => continue,
        };
        if !seen.insert(name.clone()) {
            return Err(ErrorKind::Twice(path.to_string()));
        }
        let mut bytes = Vec::new();
        tar.data().read_to_end(&mut bytes).map_err(|error| data::broken_io(member, error))?;
        files.take(&name, bytes)?;
    }
    files.scripts.sort_by_key(|script| script.kind);
    Ok(files)
}

impl ControlFiles {
    fn take(&mut self, name: &[u8], bytes: Vec<u8>) -> Result<(), ErrorKind> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match name {
            b"control" => self.control = Some(Control::parse(&bytes)?),
            b"md5sums" => self.md5sums = bytes,
            b"triggers" => self.triggers = text(&bytes),
            b"conffiles" => {
                for line in text(&bytes).lines() {
                    // `remove-on-upgrade /etc/x` names a file that is no longer in the package.
                    if line.starts_with('/') {
                        self.conffiles.push(RootPath::parse(line.trim_end().as_bytes())?);
                    }
                }
            }
            _ => {
                let is_it = |kind: &ScriptKind| kind.name().as_bytes() == name;
                if let Some(kind) = ScriptKind::ALL.into_iter().find(is_it) {
                    self.scripts.push(Script { kind, text: text(&bytes) });
                }
            }
        }
        Ok(())
    }
}
