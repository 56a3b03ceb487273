//! What a Rust binary says about its crates: the section `.dep-v0` that cargo-auditable writes, zlib
//! over JSON (*cargo-auditable, PARSING.md*).

use flate2::{Decompress, FlushDecompress, Status};
use serde::Deserialize;

/// One crate that was linked in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Crate {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it came from: the name of a registry, `git`, `local`.
    #[serde(default)]
    pub source: String,
    /// Whether it ran at build time only and is not in the binary.
    #[serde(default)]
    pub kind: Kind,
    /// Whether it is the one that was built.
    #[serde(default)]
    pub root: bool,
}

/// Why a crate is in the list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Linked into the binary.
    #[default]
    Runtime,
    /// Ran during the build: build scripts and procedural macros.
    Build,
    /// Something a later version of the format may add.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Document {
    packages: Vec<Crate>,
}

/// Why a `.dep-v0` section cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DependencyListError {
    /// The bytes are no complete zlib stream.
    #[error("the section is no complete zlib stream")]
    Compression,
    /// The stream goes on past [`DECOMPRESSED_LIMIT`].
    #[error("the section decompresses to more than {DECOMPRESSED_LIMIT} bytes")]
    TooLarge,
    /// The text is not the JSON it should be.
    #[error("the section's JSON is not valid")]
    Json(#[from] serde_json::Error),
}

/// The format's own advice: no legitimate list is larger than 8 MiB.
pub const DECOMPRESSED_LIMIT: usize = 8 * 1024 * 1024;

/// Decompresses and reads a `.dep-v0` section.
pub fn parse_dependency_list(section: &[u8]) -> Result<Vec<Crate>, DependencyListError> {
    let json = decompress(section)?;
    let document: Document = serde_json::from_slice(&json)?;
    Ok(document.packages)
}

fn decompress(section: &[u8]) -> Result<Vec<u8>, DependencyListError> {
    let mut stream = Decompress::new(true);
    let mut out: Vec<u8> = Vec::new();
    loop {
        let taken = usize::try_from(stream.total_in()).unwrap_or(usize::MAX);
        let rest = section.get(taken..).unwrap_or_default();
        let (before_in, before_out) = (stream.total_in(), out.len());
        out.reserve(64 * 1024);
        let status = stream
            .decompress_vec(rest, &mut out, FlushDecompress::None)
            .map_err(|_| DependencyListError::Compression)?;
        if out.len() > DECOMPRESSED_LIMIT {
            return Err(DependencyListError::TooLarge);
        }
        match status {
            Status::StreamEnd => return Ok(out),
            Status::Ok | Status::BufError => {
                if stream.total_in() == before_in && out.len() == before_out {
                    return Err(DependencyListError::Compression);
                }
            }
        }
    }
}

/// Tells from the first bytes whether a zlib stream is a dependency list; used on candidates while a
/// binary streams by, so it decompresses a few bytes only.
pub(crate) struct Recogniser(Decompress);

impl std::fmt::Debug for Recogniser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Recogniser(..)")
    }
}

impl Recogniser {
    pub(crate) fn new() -> Self {
        Self(Decompress::new(true))
    }

    /// Whether `bytes` begin such a stream. A list begins with `{"packages":`, as the format has no
    /// other field before it.
    pub(crate) fn recognises(&mut self, bytes: &[u8]) -> bool {
        const BEGINNING: &[u8] = b"{\"packages\"";
        self.0.reset(true);
        let mut out = [0; 32];
        let tried = self.0.decompress(bytes, &mut out, FlushDecompress::None);
        tried.is_ok() && out.starts_with(BEGINNING)
    }
}

/// The compiler in the strings of `.comment`: `rustc version 1.82.0 (f6e511eec 2024-10-15)`.
pub fn compiler_in_comment(comment: &[u8]) -> Option<String> {
    comment
        .split(|b| *b == 0)
        .find(|text| text.starts_with(b"rustc version "))
        .map(|text| String::from_utf8_lossy(&text[..text.len().min(LONGEST_COMPILER)]).into_owned())
}

/// A compiler says who it is in some fifty bytes.
const LONGEST_COMPILER: usize = 256;

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn section(json: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(7));
        encoder.write_all(json).unwrap();
        encoder.finish().unwrap()
    }

    const LIST: &[u8] = br#"{"packages":[{"name":"app","version":"0.1.0","source":"local","dependencies":[1],"root":true},{"name":"cc","version":"1.0.0","source":"registry","kind":"build"},{"name":"new","version":"2.0.0","source":"registry","kind":"telepathic"}],"format":1}"#;

    #[test]
    fn a_list_is_read_and_recognised() {
        let bytes = section(LIST);
        let crates = parse_dependency_list(&bytes).unwrap();
        assert!(crates[0].root && crates[0].kind == Kind::Runtime);
        assert_eq!((crates[1].kind, crates[2].kind), (Kind::Build, Kind::Other));
        let mut recogniser = Recogniser::new();
        assert!(recogniser.recognises(&bytes));
        assert!(!recogniser.recognises(&section(b"{\"other\":1}")));
        assert!(!recogniser.recognises(b"x\x9cgarbage"));
        assert!(recogniser.recognises(&bytes));
    }

    #[test]
    fn bombs_and_stumps_are_errors() {
        let bomb = section(&vec![b' '; DECOMPRESSED_LIMIT + 1]);
        assert!(bomb.len() < 20_000);
        assert!(matches!(parse_dependency_list(&bomb), Err(DependencyListError::TooLarge)));
        let bytes = section(LIST);
        let stump = &bytes[..bytes.len() - 8];
        assert!(matches!(parse_dependency_list(stump), Err(DependencyListError::Compression)));
        assert!(matches!(parse_dependency_list(b""), Err(DependencyListError::Compression)));
        let json = section(b"[]");
        assert!(matches!(parse_dependency_list(&json), Err(DependencyListError::Json(_))));
    }

    #[test]
    fn the_compiler_is_one_of_several_strings() {
        let comment =
            b"GCC: (Debian 12.2.0-14) 12.2.0\0rustc version 1.82.0 (f6e511eec 2024-10-15)\0";
        assert_eq!(
            compiler_in_comment(comment).as_deref(),
            Some("rustc version 1.82.0 (f6e511eec 2024-10-15)")
        );
        assert_eq!(compiler_in_comment(b"GCC\0"), None);
    }
}
