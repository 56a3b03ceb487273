//! Paths of entries: made safe to use, and safe to show.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// Linux' `NAME_MAX`: no filesystem that containers live on takes a longer component.
pub const MAX_COMPONENT_BYTES: usize = 255;

/// Linux' `PATH_MAX`: a longer path can be neither created nor opened.
pub const MAX_PATH_BYTES: usize = 4096;

/// A path below the root of an image's filesystem: components without `.`, `..`, empty ones, slashes
/// and NUL. The root itself has none.
///
/// The order is by components, so that everything below a folder follows it directly: `a`, `a/b`,
/// `a-b` (comparing plain bytes would put `a-b` between the folder and its content).
#[derive(Clone, Default)]
pub struct RootPath(Vec<u8>);

/// Why a path cannot be one of an image's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It climbs: whatever it means to a reader, an image has no business writing it.
    #[error("path `{0}` has a `..` component")]
    ParentComponent(String),
    /// A component is longer than [`MAX_COMPONENT_BYTES`].
    #[error("a component of path `{0}` is longer than {MAX_COMPONENT_BYTES} bytes")]
    ComponentTooLong(String),
    /// The whole is longer than [`MAX_PATH_BYTES`].
    #[error("path `{0}…` is longer than {MAX_PATH_BYTES} bytes")]
    TooLong(String),
    /// It has a NUL byte, which no filesystem can store.
    #[error("path `{0}` has a NUL byte")]
    Nul(String),
    /// It is the root, but the entry is something else than a folder.
    #[error("the root of the filesystem can only be a folder")]
    NotAFolder,
}

impl RootPath {
    /// The root itself.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// A path of components that were taken from other paths, so that each is known to be fine. It may
    /// come out longer than [`MAX_PATH_BYTES`]: folders reached through links can be far down.
    pub fn from_components<'a>(components: impl Iterator<Item = &'a [u8]>) -> Self {
        Self(components.collect::<Vec<_>>().join(&b'/'))
    }

    /// The folder it is in and its last component; none for the root.
    pub fn split_last(&self) -> Option<(Self, &[u8])> {
        Some((self.parent()?, self.file_name()?))
    }

    /// Normalises a path as archives write them: `./usr//bin/` and `/usr/bin` are both `usr/bin`.
    pub fn parse(raw: &[u8]) -> Result<Self, PathError> {
        let mut path = Vec::with_capacity(raw.len().min(MAX_PATH_BYTES));
        for component in raw.split(|byte| *byte == b'/') {
            match component {
                b"" | b"." => continue,
                b".." => return Err(PathError::ParentComponent(shortened(raw))),
                _ if component.len() > MAX_COMPONENT_BYTES => {
                    return Err(PathError::ComponentTooLong(shortened(raw)));
                }
                _ if component.contains(&0) => return Err(PathError::Nul(shortened(raw))),
                _ => {}
            }
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(component);
            if path.len() > MAX_PATH_BYTES {
                return Err(PathError::TooLong(shortened(raw)));
            }
        }
        Ok(Self(path))
    }

    /// Whether this is the root itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The components joined by single slashes, none at either end; empty for the root.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The components, outermost first.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(|byte| *byte == b'/').filter(|component| !component.is_empty())
    }

    /// The last component; none for the root.
    pub fn file_name(&self) -> Option<&[u8]> {
        self.components().next_back()
    }

    /// The folder it is in; none for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let end = self.0.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        Some(Self(self.0[..end].to_vec()))
    }

    /// Every folder above it, the nearest first, the root last.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(self.parent(), Self::parent)
    }

    /// This path with more components after it, which follow the same rules.
    pub fn join(&self, more: &[u8]) -> Result<Self, PathError> {
        let mut whole = self.0.clone();
        whole.push(b'/');
        whole.extend_from_slice(more);
        Self::parse(&whole)
    }

    /// Whether this is `folder` or lies below it.
    pub fn starts_with(&self, folder: &Self) -> bool {
        folder.is_root()
            || self
                .0
                .strip_prefix(folder.0.as_slice())
                .is_some_and(|rest| rest.first().is_none_or(|next| *next == b'/'))
    }
}

impl PartialEq for RootPath {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for RootPath {}

impl Hash for RootPath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Ord for RootPath {
    fn cmp(&self, other: &Self) -> Ordering {
        // NUL never occurs in a component, so a slash that sorts like NUL sorts before everything.
        let rank = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
        let same = common_prefix(&self.0, &other.0);
        self.0.get(same).map(rank).cmp(&other.0.get(same).map(rank))
    }
}

/// How many bytes two texts begin with alike. Paths of one package have long beginnings in common, and are
/// compared all the time: eight bytes at once.
fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let alike = a.chunks_exact(8).zip(b.chunks_exact(8)).take_while(|(a, b)| a == b).count() * 8;
    alike + a[alike..].iter().zip(&b[alike..]).take_while(|(a, b)| a == b).count()
}

impl PartialOrd for RootPath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for RootPath {
    /// With a slash before it, escaped as by [`display_path`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", display_path(&self.0))
    }
}

impl fmt::Debug for RootPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A path for people's eyes. Control characters, bytes that are not UTF-8 and characters that move or
/// hide other text become `\xNN`, a backslash becomes two: no name can hijack a terminal or pass for
/// another, and the original can be told from the text.
pub fn display_path(raw: &[u8]) -> String {
    let mut text = String::with_capacity(raw.len());
    for chunk in raw.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character == '\\' {
                text.push_str("\\\\");
            } else if is_deceptive(character) {
                push_escaped(&mut text, character.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                text.push(character);
            }
        }
        push_escaped(&mut text, chunk.invalid());
    }
    text
}

/// Control characters (C0, DEL, C1), and the invisible ones that reorder, join or end lines.
fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn push_escaped(text: &mut String, bytes: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.push_str("\\x");
        text.push(char::from(HEX[usize::from(byte >> 4)]));
        text.push(char::from(HEX[usize::from(byte & 15)]));
    }
}

/// Error messages show no more than a few lines of a hostile name.
fn shortened(raw: &[u8]) -> String {
    display_path(&raw[..raw.len().min(300)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> RootPath {
        RootPath::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn spellings_of_one_path_are_one_path() {
        for text in ["usr/bin", "/usr/bin", "./usr/bin", "usr//bin/", "././/usr/./bin//"] {
            assert_eq!(parse(text).as_bytes(), b"usr/bin", "{text}");
        }
        for text in ["", "/", ".", "./", "//./"] {
            assert!(parse(text).is_root(), "{text}");
        }
        assert_eq!(parse("...").as_bytes(), b"...");
    }

    #[test]
    fn what_climbs_or_does_not_fit_is_refused() {
        for text in ["..", "../etc", "a/../b", "a/..", "/.."] {
            let error = RootPath::parse(text.as_bytes()).unwrap_err();
            assert_eq!(error, PathError::ParentComponent(text.to_owned()));
        }
        assert!(matches!(RootPath::parse(b"a\0b"), Err(PathError::Nul(_))));
        assert!(RootPath::parse(&[b'x'; 255]).is_ok());
        assert!(matches!(RootPath::parse(&[b'x'; 256]), Err(PathError::ComponentTooLong(_))));
        let fits = "x/".repeat(2048);
        assert_eq!(parse(&fits).as_bytes().len(), 4095);
        assert!(matches!(
            RootPath::parse(format!("{fits}yy").as_bytes()),
            Err(PathError::TooLong(_))
        ));
    }

    #[test]
    fn a_folders_content_follows_it_directly() {
        let mut paths: Vec<RootPath> =
            ["a-b", "a/b", "b", "a", "a/b/c", "a.c", "a/a"].map(parse).into();
        paths.sort();
        let sorted: Vec<String> = paths.iter().map(ToString::to_string).collect();
        assert_eq!(sorted, ["/a", "/a/a", "/a/b", "/a/b/c", "/a-b", "/a.c", "/b"]);
    }

    #[test]
    fn relatives_are_found() {
        let path = parse("a/bc/d");
        assert_eq!(path.file_name(), Some(&b"d"[..]));
        let above: Vec<String> = path.ancestors().map(|p| p.to_string()).collect();
        assert_eq!(above, ["/a/bc", "/a", "/"]);
        assert!(path.starts_with(&parse("a/bc")) && path.starts_with(&path));
        assert!(path.starts_with(&RootPath::root()) && !path.starts_with(&parse("a/b")));
        assert_eq!(RootPath::root().join(b"x").unwrap(), parse("x"));
        assert!(path.join(b"../x").is_err());
        assert_eq!(RootPath::root().parent(), None);
    }

    #[test]
    fn no_name_reaches_the_terminal_raw() {
        assert_eq!(display_path(b"caf\xc3\xa9"), "café");
        assert_eq!(display_path(b"caf\xe9"), "caf\\xe9");
        assert_eq!(display_path(b"\x1b[31mred\x7f\n"), "\\x1b[31mred\\x7f\\x0a");
        assert_eq!(display_path(b"back\\slash"), "back\\\\slash");
        assert_eq!(display_path("txt\u{202e}exe".as_bytes()), "txt\\xe2\\x80\\xaeexe");
        assert_eq!(display_path("\u{9b}2J".as_bytes()), "\\xc2\\x9b2J");
    }
}
