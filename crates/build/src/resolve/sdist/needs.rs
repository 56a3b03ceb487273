//! What a source distribution asks for to be built (*PEP 517, 518; Source distribution format*).

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

use lightship_codec::compression::decoder;
use lightship_codec::tar::{EntryKind, TarReader};
use toml::de::DeValue;

use super::super::source::{at, parse};
use super::Error;

/// *PEP 517*: without a `build-system` table, setuptools.
const LEGACY: &str = "setuptools>=40.8.0";

/// No `pyproject.toml` is larger.
const MAX_PROJECT: u64 = 8 << 20;

/// Requirements of a build, as written (*PEP 508*). `path` has the bytes of the file called `name`.
pub(super) fn of(path: &Path, name: &str) -> Result<Vec<String>, Error> {
    let failed = |reason: String| Error::Build { file: name.to_owned(), reason, hint: None };
    let legacy = || vec![LEGACY.to_owned()];
    let Some(text) = project_file(path, name)? else { return Ok(legacy()) };
    let document = parse(Path::new(name), &text).map_err(|error| failed(error.to_string()))?;
    if at(&document, &["build-system"]).is_none() {
        return Ok(legacy());
    }
    let requires = at(&document, &["build-system", "requires"]);
    let requires = requires
        .and_then(DeValue::as_array)
        .ok_or_else(|| failed("its `build-system` has no list `requires`".to_owned()))?;
    let mut lines = Vec::new();
    for value in requires {
        let line = value.get_ref().as_str().unwrap_or_default();
        // It becomes a line of a file, and must be neither two nor an option.
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.is_empty() || line.starts_with('-') || line.contains("://") || line.contains('#') {
            return Err(failed(format!("`{line}` among its build requirements is no name")));
        }
        lines.push(line);
    }
    Ok(lines)
}

/// `pyproject.toml` in the archive's one folder.
fn project_file(path: &Path, name: &str) -> Result<Option<String>, Error> {
    let failed = |reason: String| Error::Build { file: name.to_owned(), reason, hint: None };
    if !name.to_ascii_lowercase().ends_with(".tar.gz") {
        return Err(failed("only `.tar.gz` source distributions are supported".to_owned()));
    }
    let file = File::open(path).map_err(Error::io("read", path))?;
    let archive = decoder(file).map_err(|error| failed(error.to_string()))?;
    let mut tar = TarReader::new(BufReader::new(archive));
    while let Some(entry) = tar.next_entry().map_err(|error| failed(error.to_string()))? {
        let path = entry.root_path().map_err(|error| failed(error.to_string()))?;
        let parts: Vec<&[u8]> = path.components().collect();
        if entry.kind != EntryKind::File || parts.len() != 2 || parts[1] != b"pyproject.toml" {
            continue;
        }
        let mut text = String::new();
        let mut limited = tar.data().take(MAX_PROJECT);
        limited.read_to_string(&mut text).map_err(|error| failed(error.to_string()))?;
        return Ok(Some(text));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use lightship_codec::compression::{CompressionLevel, encoder};
    use lightship_codec::tar::{Entry, TarWriter};

    use super::*;

    fn needs(file: Option<&str>) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blob");
        let level = CompressionLevel::Gzip(6);
        let mut tar = TarWriter::new(encoder(File::create(&path).unwrap(), level, 1).unwrap());
        let mut file_entry = |name: &str, text: &str| {
            let mut entry = Entry::new(name, EntryKind::File);
            (entry.mode, entry.size, entry.real_size) =
                (0o644, text.len() as u64, text.len() as u64);
            tar.append(&entry, &mut text.as_bytes()).unwrap();
        };
        file_entry("demo-1/deep/pyproject.toml", "[build-system]\nrequires = [\"wrong\"]");
        if let Some(text) = file {
            file_entry("demo-1/pyproject.toml", text);
        }
        tar.finish().unwrap().finish().unwrap();
        of(&path, "demo-1.tar.gz").map_err(|error| error.to_string())
    }

    #[test]
    fn requirements_of_a_build_are_read() {
        assert_eq!(needs(None).unwrap(), [LEGACY]);
        assert_eq!(needs(Some("[project]\nname = \"x\"")).unwrap(), [LEGACY]);
        let both = "[build-system]\nrequires = [\"hatchling\\n >=1\", \"x; python_version<'4'\"]";
        assert_eq!(needs(Some(both)).unwrap(), ["hatchling >=1", "x; python_version<'4'"]);
        for wrong in [
            "requires = 1",
            "",
            "requires = [\"-r /etc/passwd\"]",
            "requires = [\"x @ http://u:p@mirror.invalid/\"]",
        ] {
            assert!(needs(Some(&format!("[build-system]\n{wrong}"))).is_err(), "{wrong}");
        }
    }
}
