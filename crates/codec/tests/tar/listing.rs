//! What an archive says, as our reader and as Python's `tarfile` understand it, in one shape that
//! can be compared.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use lightship_base::Digest;
use lightship_codec::tar::{Entry, EntryKind, TarReader};
use serde_json::Value;

/// One entry. Names are hexadecimal, so that every byte counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) path: String,
    pub(crate) kind: char,
    pub(crate) mode: u32,
    pub(crate) owner: (u64, u64),
    pub(crate) names: (String, String),
    pub(crate) seconds: i64,
    pub(crate) link: String,
    pub(crate) size: u64,
    pub(crate) device: (u32, u32),
    pub(crate) xattrs: BTreeMap<String, String>,
    /// Of the unpacked content.
    pub(crate) content: Option<Digest>,
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// As we read it.
pub(crate) fn ours(archive: &[u8]) -> Vec<Listed> {
    let mut reader = TarReader::new(archive);
    let mut list = Vec::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        let content = (entry.kind == EntryKind::File).then(|| {
            let mut bytes = Vec::new();
            match &entry.sparse {
                Some(map) => reader.data().expanded(map).read_to_end(&mut bytes).unwrap(),
                None => reader.data().read_to_end(&mut bytes).unwrap(),
            };
            Digest::of(&bytes)
        });
        list.push(listed(&entry, content));
    }
    list
}

fn listed(entry: &Entry, content: Option<Digest>) -> Listed {
    // Python drops slashes at the end.
    let end = entry.path.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    Listed {
        path: hex(&entry.path[..end]),
        kind: letter(entry.kind),
        mode: entry.mode,
        owner: (entry.uid, entry.gid),
        names: (hex(&entry.user_name), hex(&entry.group_name)),
        seconds: entry.mtime.secs,
        link: hex(&entry.link_target),
        size: entry.real_size,
        device: entry.device,
        xattrs: entry.xattrs.iter().map(|(key, value)| (hex(key), hex(value))).collect(),
        content,
    }
}

fn letter(kind: EntryKind) -> char {
    match kind {
        EntryKind::File => '-',
        EntryKind::HardLink => 'h',
        EntryKind::Symlink => 'l',
        EntryKind::CharDevice => 'c',
        EntryKind::BlockDevice => 'b',
        EntryKind::Directory => 'd',
        EntryKind::Fifo => 'p',
    }
}

/// As Python reads it.
pub(crate) fn pythons(archive: &Path) -> Vec<Listed> {
    let output = python(LIST, archive, b"");
    let list: Value = serde_json::from_slice(&output).unwrap();
    list.as_array().unwrap().iter().map(from_json).collect()
}

const LIST: &str = r#"
import hashlib, json, math, sys, tarfile
def raw(text): return text.encode("utf-8", "surrogateescape").hex()
def kind(m):
    if m.isreg(): return "-"
    for letter, test in (("h", m.islnk), ("l", m.issym), ("c", m.ischr), ("b", m.isblk), ("d", m.isdir), ("p", m.isfifo)):
        if test(): return letter
def seconds(m):
    # The float that tarfile makes of a pax time is too coarse: parse it exactly.
    text = m.pax_headers.get("mtime")
    if text is None: return int(m.mtime)
    from decimal import Decimal
    return math.floor(Decimal(text))
out = []
with tarfile.open(sys.argv[1], "r:", encoding="utf-8", errors="surrogateescape") as archive:
    for m in archive:
        k = kind(m)
        content = hashlib.sha256(archive.extractfile(m).read()).hexdigest() if k == "-" else None
        xattrs = {raw(key[13:]): raw(value) for key, value in m.pax_headers.items() if key.startswith("SCHILY.xattr.")}
        out.append(dict(path=raw(m.name), kind=k, mode=m.mode & 0o7777, uid=m.uid, gid=m.gid, uname=raw(m.uname),
            gname=raw(m.gname), seconds=seconds(m), link=raw(m.linkname) if k in "hl" else "", size=m.size if k == "-" else 0,
            major=m.devmajor if k in "bc" else 0, minor=m.devminor if k in "bc" else 0, xattrs=xattrs, content=content))
json.dump(out, sys.stdout)
"#;

fn from_json(value: &Value) -> Listed {
    let text = |key: &str| value[key].as_str().unwrap().to_owned();
    let number = |key: &str| value[key].as_u64().unwrap();
    let small = |key: &str| u32::try_from(number(key)).unwrap();
    let xattrs = value["xattrs"].as_object().unwrap();
    Listed {
        path: text("path"),
        kind: text("kind").chars().next().unwrap(),
        mode: small("mode"),
        owner: (number("uid"), number("gid")),
        names: (text("uname"), text("gname")),
        seconds: value["seconds"].as_i64().unwrap(),
        link: text("link"),
        size: number("size"),
        device: (small("major"), small("minor")),
        xattrs: xattrs
            .iter()
            .map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()))
            .collect(),
        content: value["content"].as_str().map(|hex| format!("sha256:{hex}").parse().unwrap()),
    }
}

/// Runs a Python program on a file and hands back what it prints.
pub(crate) fn python(program: &str, file: &Path, input: &[u8]) -> Vec<u8> {
    run(Command::new("python3").arg("-I").arg("-c").arg(program).arg(file), input)
}

/// Runs a command that must succeed and hands back what it prints. Its locale and time zone are fixed.
pub(crate) fn run(command: &mut Command, input: &[u8]) -> Vec<u8> {
    let mut child = command
        .env("LC_ALL", "C.UTF-8")
        .env("TZ", "UTC0")
        .env_remove("TAR_OPTIONS")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
