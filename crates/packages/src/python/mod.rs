//! Python distributions as installed (*`PyPA`: Core metadata; Recording installed projects; PEP 503,
//! 610, 660*) and what one can import from them.

mod direct_url;
mod imports;
pub mod marshal;
mod metadata;
mod record;

pub use direct_url::{DirectUrl, parse_direct_url};
pub use imports::import_roots;
pub use metadata::{Metadata, normalise_name, parse_metadata};
pub use record::parse_record;

/// The source that a compiled file was compiled from: `pkg/__pycache__/m.cpython-311.opt-1.pyc` and
/// `pkg/m.pyc` both come from `pkg/m.py` (*PEP 3147, PEP 488*).
pub fn source_of_bytecode(path: &[u8]) -> Option<Vec<u8>> {
    let file = crate::path::file_name(path).strip_suffix(b".pyc")?;
    let folder = crate::path::parent(path);
    let mut source = if crate::path::file_name(folder) == b"__pycache__" {
        let tagged = match file.iter().rposition(|b| *b == b'.') {
            Some(dot) if file[dot + 1..].starts_with(b"opt-") => &file[..dot],
            _ => file,
        };
        let dot = tagged.iter().rposition(|b| *b == b'.')?;
        crate::path::join(crate::path::parent(folder), &tagged[..dot])
    } else {
        crate::path::join(folder, file)
    };
    source.extend_from_slice(b".py");
    Some(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytecode_finds_its_source() {
        let source =
            |path: &str| source_of_bytecode(path.as_bytes()).map(|p| String::from_utf8(p).unwrap());
        assert_eq!(source("a/__pycache__/m.cpython-311.pyc").unwrap(), "a/m.py");
        assert_eq!(source("a/__pycache__/m.cpython-311.opt-2.pyc").unwrap(), "a/m.py");
        assert_eq!(source("__pycache__/__init__.pypy39.pyc").unwrap(), "__init__.py");
        assert_eq!(source("a/m.pyc").unwrap(), "a/m.py");
        assert_eq!(source("a/m.py"), None);
        assert_eq!(source("a/__pycache__/m.pyc"), None);
    }
}
