//! The outer archive of a `.deb`: the common subset of `ar` that *deb(5)* allows.

use std::io::{self, Read, Write};

use super::ErrorKind;

const MAGIC: &[u8; 8] = b"!<arch>\n";
const HEADER: usize = 60;

/// Walks over members, front to back.
pub(super) struct Archive<R> {
    source: R,
}

/// What a member's header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    /// Without the spaces, or the slash that some writers put behind it.
    pub(super) name: String,
    /// Bytes of content.
    pub(super) size: u64,
}

impl<R: Read> Archive<R> {
    pub(super) fn new(mut source: R) -> Result<Self, ErrorKind> {
        let mut magic = [0; 8];
        match source.read_exact(&mut magic) {
            Ok(()) if magic == *MAGIC => Ok(Self { source }),
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                Err(ErrorKind::Read(error))
            }
            Ok(()) | Err(_) => Err(ErrorKind::NotAnArchive),
        }
    }

    /// The next member's header; `None` where the archive ends. The content of the one before was
    /// taken by [`Archive::content`] or [`Archive::skip`].
    pub(super) fn next(&mut self) -> Result<Option<Member>, ErrorKind> {
        let mut header = Vec::with_capacity(HEADER);
        let limit = HEADER as u64;
        self.source.by_ref().take(limit).read_to_end(&mut header).map_err(ErrorKind::Read)?;
        if header.is_empty() {
            return Ok(None);
        }
        if header.len() < HEADER {
            return Err(ErrorKind::Truncated("a member's header".to_owned()));
        }
        parse(&header).map(Some)
    }

    /// Lends the content of a member to `reader`, and takes what that leaves of it.
    pub(super) fn content<T>(
        &mut self,
        member: &Member,
        reader: impl FnOnce(&mut dyn Read) -> Result<T, ErrorKind>,
    ) -> Result<T, ErrorKind> {
        let mut content = self.source.by_ref().take(member.size);
        let answer = reader(&mut content);
        // A member that ends early shows as a broken stream first: say what is really wrong.
        let rest = io::copy(&mut content, &mut io::sink()).map_err(ErrorKind::Read);
        let missing = content.limit();
        match (answer, rest) {
            (Ok(_) | Err(_), Ok(_)) if missing > 0 => {
                Err(ErrorKind::Truncated(format!("`{}`", member.name)))
            }
            (Ok(answer), Ok(_)) => self.padding(member).map(|()| answer),
            (Ok(_), Err(error)) | (Err(error), _) => Err(error),
        }
    }

    /// Passes over a member.
    pub(super) fn skip(&mut self, member: &Member) -> Result<(), ErrorKind> {
        self.content(member, |_| Ok(()))
    }

    /// Members begin at even places. The last one's padding may be missing.
    fn padding(&mut self, member: &Member) -> Result<(), ErrorKind> {
        if member.size % 2 == 1 {
            io::copy(&mut self.source.by_ref().take(1), &mut io::sink())
                .map_err(ErrorKind::Read)?;
        }
        Ok(())
    }
}

/// What an archive begins with.
pub(super) fn write_magic(sink: &mut dyn Write) -> io::Result<()> {
    sink.write_all(MAGIC)
}

/// What comes before a member's content. After content of an odd size comes a line feed.
pub(super) fn write_header(member: &Member, sink: &mut dyn Write) -> io::Result<()> {
    let Member { name, size } = member;
    writeln!(sink, "{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`", 0, 0, 0, 100_644)
}

fn parse(header: &[u8]) -> Result<Member, ErrorKind> {
    let bad = |what| ErrorKind::BadHeader(what);
    if header[58..60] != *b"`\n" {
        return Err(bad("its end mark is missing"));
    }
    let name = header[..16].trim_ascii_end();
    let name = name.strip_suffix(b"/").unwrap_or(name);
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && *byte != b'/';
    if name.is_empty() || !name.iter().all(is_plain) {
        return Err(bad("its name is not one that a package has"));
    }
    let size = header[48..58].trim_ascii_end();
    if size.is_empty() || !size.iter().all(u8::is_ascii_digit) {
        return Err(bad("its size is no number"));
    }
    // Ten digits always fit.
    let size = size.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    Ok(Member { name: String::from_utf8_lossy(name).into_owned(), size })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str, size: &str) -> Vec<u8> {
        format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", 0, 0, 0, 100_644).into_bytes()
    }

    #[test]
    fn members_follow_one_another() {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(header("one", "3"));
        bytes.extend(b"abc\n");
        bytes.extend(header("two/", "2"));
        bytes.extend(b"de");
        let mut archive = Archive::new(&bytes[..]).unwrap();
        let one = archive.next().unwrap().unwrap();
        assert_eq!(one, Member { name: "one".into(), size: 3 });
        archive.skip(&one).unwrap();
        let two = archive.next().unwrap().unwrap();
        let mut text = String::new();
        archive.content(&two, |content| Ok(content.read_to_string(&mut text).unwrap())).unwrap();
        assert_eq!((two.name.as_str(), text.as_str()), ("two", "de"));
        assert_eq!(archive.next().unwrap(), None);
    }

    #[test]
    fn what_lies_or_ends_early_is_refused() {
        assert!(matches!(Archive::new(&b"!<arch>"[..]), Err(ErrorKind::NotAnArchive)));
        assert!(matches!(Archive::new(&b"PK\x03\x04 no ar"[..]), Err(ErrorKind::NotAnArchive)));
        for (name, size) in [("x", "-1"), ("x", ""), ("", "1"), ("a/b", "1"), ("x", "1x")] {
            let bytes = [MAGIC.to_vec(), header(name, size)].concat();
            let error = Archive::new(&bytes[..]).unwrap().next().unwrap_err();
            assert!(matches!(error, ErrorKind::BadHeader(_)), "{name} {size}: {error}");
        }
        let mut bytes = [MAGIC.to_vec(), header("data.tar", "9999999999")].concat();
        bytes.extend(b"abc");
        let mut archive = Archive::new(&bytes[..]).unwrap();
        let member = archive.next().unwrap().unwrap();
        let error = archive.skip(&member).unwrap_err();
        assert!(matches!(error, ErrorKind::Truncated(_)), "{error}");
        let mut archive = Archive::new(&bytes[..30]).unwrap();
        assert!(matches!(archive.next(), Err(ErrorKind::Truncated(_))));
    }
}
