//! RECORD: every file of a distribution with its digest and size (*Recording installed projects, The
//! RECORD file*), read and written.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lightship_base::Digest;
use lightship_codec::tar::RootPath;

/// One row as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// As written.
    pub(super) path: String,
    /// Its second field.
    pub(super) digest: Recorded,
    /// `None` where the row has none.
    pub(super) size: Option<u64>,
}

/// What a row says about the bytes of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Recorded {
    /// Their SHA-256.
    Sha256(Digest),
    /// A digest of another kind, such as `sha512`, which the specification allows and few tools write.
    Other(String),
    /// Nothing, or nothing that can be read.
    Nothing,
}

/// Reads a table. An error says what is wrong with it, and in which row.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Row>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut rows = Vec::new();
    while !rest.is_empty() {
        let fields = next_row(&mut rest)
            .ok_or_else(|| format!("row {} has a quote that never closes", rows.len() + 1))?;
        match &fields[..] {
            [path] if path.is_empty() => {}
            [path, digest, size] => rows.push(Row {
                path: path.clone(),
                digest: recorded(digest),
                size: size.parse().ok(),
            }),
            other => {
                return Err(format!("row {} has {} fields, not 3", rows.len() + 1, other.len()));
            }
        }
    }
    Ok(rows)
}

/// Takes a row's fields off the text, as Python's `csv` does; `None` where a quote never closes.
fn next_row(rest: &mut &str) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    loop {
        let mut field = String::new();
        if let Some(quoted) = rest.strip_prefix('"') {
            *rest = quoted;
            loop {
                let quote = rest.find('"')?;
                field.push_str(&rest[..quote]);
                *rest = &rest[quote + 1..];
                match rest.strip_prefix('"') {
                    Some(after) => {
                        field.push('"');
                        *rest = after;
                    }
                    None => break,
                }
            }
        }
        let end = rest.find([',', '\r', '\n']).unwrap_or(rest.len());
        field.push_str(&rest[..end]);
        fields.push(field);
        *rest = &rest[end..];
        if let Some(after) = rest.strip_prefix(',') {
            *rest = after;
            continue;
        }
        *rest = rest.strip_prefix('\r').unwrap_or(rest);
        *rest = rest.strip_prefix('\n').unwrap_or(rest);
        return Some(fields);
    }
}

fn recorded(field: &str) -> Recorded {
    match field.split_once('=') {
        Some(("sha256", digest)) => {
            parse_digest(digest).map_or(Recorded::Nothing, Recorded::Sha256)
        }
        Some((kind, _)) => Recorded::Other(kind.to_owned()),
        None => Recorded::Nothing,
    }
}

fn parse_digest(text: &str) -> Option<Digest> {
    let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
    Some(Digest::from_sha256(bytes.try_into().ok()?))
}

/// A table in the making. Rows come out sorted, so that their order is no one's accident.
#[derive(Debug, Default)]
pub(super) struct Table(Vec<(String, String)>);

impl Table {
    /// A file with what is known about its bytes; RECORD itself has nothing.
    pub(super) fn add(&mut self, path: String, bytes: Option<(Digest, u64)>) {
        let rest = match bytes {
            Some((digest, size)) => {
                format!("sha256={},{size}", URL_SAFE_NO_PAD.encode(digest.as_bytes()))
            }
            None => ",".to_owned(),
        };
        self.0.push((path, rest));
    }

    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        self.0.sort();
        let mut text = String::new();
        for (path, rest) in self.0 {
            text.push_str(&quoted(&path));
            text.push(',');
            text.push_str(&rest);
            text.push('\n');
        }
        text.into_bytes()
    }
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

/// A file's path as RECORD writes it: relative to the folder that the describing folder lies in.
pub(super) fn relative(path: &RootPath, folder: &RootPath) -> String {
    let shared =
        path.components().zip(folder.components()).take_while(|(one, other)| one == other).count();
    let up = folder.components().count() - shared;
    let parts: Vec<&[u8]> =
        std::iter::repeat_n(&b".."[..], up).chain(path.components().skip(shared)).collect();
    String::from_utf8_lossy(&parts.join(&b'/')).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let digest = Digest::of(b"x");
        let mut table = Table::default();
        table.add("b, \"odd\".py".to_owned(), Some((digest, 1)));
        table.add("a/RECORD".to_owned(), None);
        let bytes = table.into_bytes();
        assert!(bytes.starts_with(b"a/RECORD,,\n\"b, \"\"odd\"\".py\",sha256="));
        let rows = parse(&bytes).unwrap();
        assert_eq!(rows[0], Row { path: "a/RECORD".into(), digest: Recorded::Nothing, size: None });
        let odd =
            Row { path: "b, \"odd\".py".into(), digest: Recorded::Sha256(digest), size: Some(1) };
        assert_eq!(rows[1], odd);
        assert_eq!(rows.len(), 2);
    }

    #[test]
    fn damaged_tables_are_refused() {
        assert!(parse(b"\"a,b,c\n").unwrap_err().contains("row 1"));
        assert!(parse(b"a,,\nb\n").unwrap_err().contains("row 2"));
        assert!(parse(b"a,,,\n").is_err() && parse(b"\xff,,\n").is_err());
        assert_eq!(parse(b"").unwrap(), []);
        assert_eq!(
            parse(b"a,md5=x,\r\n\r\n").unwrap()[0].digest,
            Recorded::Other("md5".to_owned())
        );
        assert_eq!(parse(b"a,sha256=x,\n").unwrap()[0].digest, Recorded::Nothing);
    }

    #[test]
    fn paths_climb_out_of_the_site_folder() {
        let path = |text: &str| RootPath::parse(text.as_bytes()).unwrap();
        let site = path("usr/lib/python3/site");
        assert_eq!(relative(&path("usr/lib/python3/site/a/b"), &site), "a/b");
        assert_eq!(relative(&path("usr/bin/x"), &site), "../../../bin/x");
        assert_eq!(relative(&path("x"), &RootPath::root()), "x");
    }
}
