//! The beginning of an artifact's content. No more is read than is shown.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use lightship_base::ByteSize;
use lightship_engine::Content;
use lightship_exec::place;
use lightship_ir::exchange::Shown;
use rustix::fs::OFlags;

use super::magic;
use crate::views::artifacts::{Form, Preview};

/// Of a text that is shown line by line.
const BEGINNING: u64 = 64 << 10;
/// Of pages, which have to be read as a whole.
const PAGE: u64 = 1 << 20;
/// Entries of a folder.
const ENTRIES: usize = 40;

/// What is at an artifact's URI, as far as it is shown.
pub(super) fn preview(
    uri: &str,
    content: Option<&Content>,
    shown: Option<&Shown>,
    kind: &str,
) -> Preview {
    let Some(path) = place(uri) else { return Preview::Elsewhere };
    match look(path, shown, kind) {
        Ok(preview) => preview,
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Preview::Unreadable { why: error.to_string() }
        }
        Err(_) if content.is_none() => Preview::Nothing,
        Err(_) => Preview::Gone,
    }
}

fn look(path: &Path, shown: Option<&Shown>, kind: &str) -> io::Result<Preview> {
    let about = fs::symlink_metadata(path)?;
    if about.is_dir() {
        return folder(path);
    }
    if !about.is_file() {
        return Err(io::Error::other("it is neither a file nor a folder"));
    }
    let is_page = matches!(shown, Some(Shown::Html | Shown::Markdown));
    let mut bytes = Vec::new();
    let mut file = open(path)?;
    let limit = if is_page { PAGE } else { BEGINNING };
    file.by_ref().take(limit).read_to_end(&mut bytes)?;
    // Data for programs is laid out as a whole, if it is not large.
    if !is_page && begins_json(&bytes) && about.len() <= PAGE {
        file.take(PAGE).read_to_end(&mut bytes)?;
    }
    let more = about.len() > bytes.len() as u64;
    let Some(text) = as_text(&bytes, more) else {
        return Ok(Preview::Binary { kind: magic::kind(&bytes) });
    };
    let (form, text) = match shown {
        Some(Shown::Html) => (Form::Html, text),
        Some(Shown::Markdown) => (Form::Markdown, text),
        Some(Shown::Metrics(_) | Shown::Classification { .. } | Shown::Sliced(_)) | None => {
            laid_out(text, more)
        }
    };
    // An empty file that only stands for its metadata says nothing.
    if text.is_empty() && kind.ends_with("Metrics") {
        return Ok(Preview::Nothing);
    }
    Ok(Preview::Text { form, text, more })
}

/// Opens a file that is no link: one could lead to what is not the run's, or wait for ever.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

fn begins_json(bytes: &[u8]) -> bool {
    bytes.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|b| matches!(b, b'{' | b'['))
}

/// JSON with an entry on each line; another text, or the beginning of one, as it is.
fn laid_out(text: String, more: bool) -> (Form, String) {
    if more || !begins_json(text.as_bytes()) {
        return (Form::Plain, text);
    }
    let value: Result<serde_json::Value, _> = serde_json::from_str(&text);
    match value.and_then(|value| serde_json::to_string_pretty(&value)) {
        Ok(pretty) => (Form::Json, pretty),
        Err(_) => (Form::Plain, text),
    }
}

/// Bytes that are text. Where they were cut, the last character may be.
fn as_text(bytes: &[u8], cut: bool) -> Option<String> {
    if bytes.contains(&0) {
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text.to_owned()),
        Err(error) if cut && error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).ok().map(str::to_owned)
        }
        Err(_) => None,
    }
}

fn folder(path: &Path) -> io::Result<Preview> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let about = entry.metadata()?;
        let entry = match (about.is_dir(), about.is_file()) {
            (true, _) => (format!("{name}/"), None),
            (false, true) => (name, Some(ByteSize(about.len()))),
            (false, false) => (name, None),
        };
        entries.push(entry);
    }
    entries.sort();
    let more = entries.len().saturating_sub(ENTRIES);
    entries.truncate(ENTRIES);
    Ok(Preview::Folder { entries, more })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use lightship_base::Digest;

    use super::*;

    #[test]
    fn only_the_beginning_is_read_and_nothing_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let uri = |name: &str| at(name).display().to_string();
        let see = |name: &str| preview(&uri(name), None, None, "system.Dataset");

        // A file of a terabyte, of which only its beginning is there.
        fs::write(at("large.csv"), "a,b\n1,2\n").unwrap();
        File::options().write(true).open(at("large.csv")).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(see("large.csv"), Preview::Binary { kind: None });
        fs::write(at("long.txt"), "é".repeat(200_000)).unwrap();
        let Preview::Text { text, more: true, .. } = see("long.txt") else { panic!("no text") };
        assert!(text.len() as u64 <= BEGINNING && text.chars().all(|c| c == 'é'));

        fs::write(at("a.json"), r#"{"b":[1,2],"a":"x"}"#).unwrap();
        let Preview::Text { form: Form::Json, text, .. } = see("a.json") else { panic!("no JSON") };
        assert!(text.starts_with("{\n  \"b\": [\n"), "{text}");
        fs::write(at("bad.json"), "{\"b\": ").unwrap();
        assert!(matches!(see("bad.json"), Preview::Text { form: Form::Plain, .. }));

        symlink("/etc/hostname", at("link")).unwrap();
        assert!(matches!(see("link"), Preview::Unreadable { .. }));
        fs::create_dir(at("folder")).unwrap();
        for number in 0..50 {
            fs::write(at("folder").join(format!("{number:02}")), "x").unwrap();
        }
        let Preview::Folder { entries, more } = see("folder") else { panic!("no folder") };
        assert_eq!((entries.len(), more), (ENTRIES, 10));

        assert_eq!(see("nothing"), Preview::Nothing);
        let was = Content { digest: Digest::of(b"x"), size: ByteSize(1) };
        assert_eq!(preview(&uri("nothing"), Some(&was), None, "system.Model"), Preview::Gone);
        assert_eq!(preview("s3://bucket/a", None, None, "system.Model"), Preview::Elsewhere);
        fs::write(at("metrics"), "").unwrap();
        assert_eq!(preview(&uri("metrics"), None, None, "system.Metrics"), Preview::Nothing);
    }
}
