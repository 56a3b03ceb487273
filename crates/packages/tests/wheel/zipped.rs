//! Wheels byte by byte, so that they can lie about anything.

use std::io::Write as _;

use base64::Engine as _;
use lightship_base::Digest;
use lightship_packages::wheel::{Error, Flaw, Wheel, WheelName};

pub(crate) const NAME: &str = "demo_pkg-1.0-py3-none-any.whl";

/// A member of an archive, and what the archive says about it.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) name: Vec<u8>,
    /// The name before the bytes, where it is another one.
    pub(crate) local_name: Option<Vec<u8>>,
    /// Unpacked.
    pub(crate) data: Vec<u8>,
    pub(crate) method: u16,
    pub(crate) flags: u16,
    pub(crate) mode: u32,
    /// What it says its unpacked size is, where that is a lie; large ones in the zip64 way.
    pub(crate) claims: Option<u64>,
    /// Where it says its bytes are: those of the member before it.
    pub(crate) overlaps: bool,
    /// What RECORD says, where that is a lie: digest and size.
    pub(crate) row: Option<String>,
}

impl Member {
    pub(crate) fn new(name: impl AsRef<[u8]>, data: impl AsRef<[u8]>) -> Self {
        Self {
            name: name.as_ref().to_vec(),
            local_name: None,
            data: data.as_ref().to_vec(),
            method: 8,
            flags: 0,
            mode: 0o100_644,
            claims: None,
            overlaps: false,
            row: None,
        }
    }

    fn row(&self) -> String {
        let name = String::from_utf8_lossy(&self.name).into_owned();
        let digest = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .encode(Digest::of(&self.data).as_bytes());
        let size = self.claims.unwrap_or(self.data.len() as u64);
        let rest = self.row.clone().unwrap_or(format!("sha256={digest},{size}"));
        format!("\"{}\",{rest}\n", name.replace('"', "\"\""))
    }

    fn packed(&self) -> Vec<u8> {
        if self.method != 8 {
            return self.data.clone();
        }
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(6));
        encoder.write_all(&self.data).unwrap();
        encoder.finish().unwrap()
    }
}

/// A wheel in the making: METADATA, WHEEL, RECORD and one module, until somebody spoils it.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) members: Vec<Member>,
    /// Rows of RECORD without a member.
    pub(crate) rows: String,
    /// Members that RECORD does not list.
    pub(crate) unlisted: Vec<Member>,
    /// Whether there is a RECORD.
    pub(crate) record: bool,
}

pub(crate) fn described(file: &str) -> String {
    format!("demo_pkg-1.0.dist-info/{file}")
}

impl Draft {
    pub(crate) fn new() -> Self {
        let wheel =
            "Wheel-Version: 1.0\nGenerator: none\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
        let metadata = "Metadata-Version: 2.1\nName: Demo.Pkg\nVersion: 1.0.0\n\nText.\n";
        Self {
            members: vec![
                Member::new("demo_pkg/__init__.py", "x = 1\n"),
                Member::new(described("METADATA"), metadata),
                Member::new(described("WHEEL"), wheel),
            ],
            rows: String::new(),
            unlisted: Vec::new(),
            record: true,
        }
    }

    pub(crate) fn with(mut self, member: Member) -> Self {
        self.members.push(member);
        self
    }

    pub(crate) fn file(self, name: &str, data: &str) -> Self {
        self.with(Member::new(name, data))
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.members.retain(|member| member.name != name.as_bytes());
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut members = self.members.clone();
        let listed = members.iter().filter(|member| !member.name.ends_with(b"/"));
        let record: String = listed.map(Member::row).chain([self.rows.clone()]).collect();
        members.extend(self.unlisted.clone());
        if self.record {
            members.push(Member::new(described("RECORD"), record));
        }
        zip(&members)
    }

    pub(crate) fn open(&self) -> Result<Wheel, Error> {
        open(self.bytes())
    }

    /// What is wrong with it.
    pub(crate) fn flaw(&self) -> Flaw {
        flaw(self.bytes())
    }
}

pub(crate) fn open(bytes: Vec<u8>) -> Result<Wheel, Error> {
    let name: WheelName = NAME.parse().unwrap();
    Wheel::from_bytes(bytes, &name)
}

pub(crate) fn flaw(bytes: Vec<u8>) -> Flaw {
    match open(bytes) {
        Err(Error::Refused { wheel, flaw }) => {
            assert_eq!(wheel, NAME);
            flaw
        }
        other => panic!("{other:?}"),
    }
}

/// *APPNOTE.TXT 6.3.10, 4.3*.
fn zip(members: &[Member]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    let mut start = 0u32;
    for member in members {
        let packed = member.packed();
        if !member.overlaps {
            start = u32::try_from(bytes.len()).unwrap();
        }
        let mut crc = flate2::Crc::new();
        crc.update(&member.data);
        let size = member.claims.unwrap_or(member.data.len() as u64);
        let mut extra = Vec::new();
        let small = u32::try_from(size).unwrap_or_else(|_| {
            extra.extend([1, 0, 8, 0]);
            extra.extend(size.to_le_bytes());
            u32::MAX
        });
        let head = |name: &[u8], extra: &[u8]| {
            let mut head = Vec::new();
            for number in [20, member.flags, member.method, 0, 33] {
                head.extend(number.to_le_bytes());
            }
            for number in [crc.sum(), u32::try_from(packed.len()).unwrap(), small] {
                head.extend(number.to_le_bytes());
            }
            head.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
            head.extend(u16::try_from(extra.len()).unwrap().to_le_bytes());
            head
        };
        directory.extend(b"PK\x01\x02\x14\x03");
        directory.extend(head(&member.name, &extra));
        directory.extend([0; 6]);
        directory.extend((member.mode << 16).to_le_bytes());
        directory.extend(start.to_le_bytes());
        directory.extend(&member.name);
        directory.extend(&extra);
        if !member.overlaps {
            let local = member.local_name.as_ref().unwrap_or(&member.name);
            bytes.extend(b"PK\x03\x04");
            bytes.extend(head(local, &[]));
            bytes.extend(local);
            bytes.extend(packed);
        }
    }
    let start = u32::try_from(bytes.len()).unwrap();
    let count = u16::try_from(members.len()).unwrap().to_le_bytes();
    bytes.extend(&directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend([count, count].concat());
    bytes.extend(u32::try_from(directory.len()).unwrap().to_le_bytes());
    bytes.extend(start.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}
