//! What a source distribution asks for to be built (*PEP 517, 518; Source distribution format*).

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

use lightship_base::ByteSize;
use lightship_codec::compression::decoder;
use lightship_codec::tar::{EntryKind, TarReader};
use lightship_packages::python::normalise_name;
use toml::de::DeValue;

use super::super::source::{at, parse};
use super::Error;

/// *PEP 517*: without a `build-system` table, setuptools.
const LEGACY: &str = "setuptools>=40.8.0";

/// No `pyproject.toml` is larger.
const MAX_PROJECT: u64 = 8 << 20;

/// No source distribution is larger when it is unpacked.
const MAX_UNPACKED: u64 = 4 << 30;

/// Endings of files that only a compiler makes use of.
const COMPILED: [&str; 10] = ["c", "cc", "cpp", "cu", "cxx", "f", "f90", "m", "pyx", "s"];

/// Build requirements that make such files while the build runs.
const GENERATORS: [&str; 2] = ["cffi", "mypy"];

/// What a source distribution asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Needs {
    /// Requirements of its build, as written (*PEP 508*).
    pub(super) requires: Vec<String>,
    /// Whether it has, or makes, code for a compiler.
    pub(super) is_native: bool,
    /// What builds it.
    pub(super) backend: Backend,
    /// The one folder that it unpacks to.
    pub(super) folder: String,
}

/// What builds a source (*PEP 517, `build-backend`, `backend-path`*).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Backend {
    /// A module, or an object in one: `setuptools.build_meta:__legacy__`.
    pub(super) name: String,
    /// Where it is looked for first, from the source's folder.
    pub(super) paths: Vec<String>,
}

impl Default for Backend {
    fn default() -> Self {
        Self { name: "setuptools.build_meta:__legacy__".to_owned(), paths: Vec::new() }
    }
}

/// Looks through a source distribution. `path` has the bytes of the file called `name`.
pub(super) fn of(path: &Path, name: &str) -> Result<Needs, Error> {
    let Looked { project, compiled, folder } = look(path, name)?;
    let (requires, backend) = match project {
        Some(text) => build_system(&text, name)?,
        None => (vec![LEGACY.to_owned()], Backend::default()),
    };
    let is_native = compiled || requires.iter().any(|line| generates(line));
    Ok(Needs { requires, is_native, backend, folder })
}

/// Whether a requirement is of something that makes code for a compiler.
fn generates(requirement: &str) -> bool {
    let end = requirement.find(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c));
    let name = normalise_name(&requirement[..end.unwrap_or(requirement.len())]);
    GENERATORS.contains(&name.as_str())
}

fn build_system(text: &str, name: &str) -> Result<(Vec<String>, Backend), Error> {
    let failed = |reason: String| Error::Build { file: name.to_owned(), reason, hint: None };
    let document = parse(Path::new(name), text).map_err(|error| failed(error.to_string()))?;
    if at(&document, &["build-system"]).is_none() {
        return Ok((vec![LEGACY.to_owned()], Backend::default()));
    }
    let text = |value: &DeValue<'_>| value.as_str().map(str::to_owned);
    let backend = at(&document, &["build-system", "build-backend"]).and_then(text);
    let backend = backend.map_or_else(Backend::default, |name| {
        let paths = at(&document, &["build-system", "backend-path"]).and_then(DeValue::as_array);
        let paths = paths.into_iter().flatten().filter_map(|path| text(path.get_ref()));
        Backend { name, paths: paths.collect() }
    });
    let requires = at(&document, &["build-system", "requires"]);
    let requires = requires
        .and_then(DeValue::as_array)
        .ok_or_else(|| failed("its `build-system` has no list `requires`".to_owned()))?;
    let lines =
        requires.iter().map(|value| line(value.get_ref().as_str().unwrap_or_default(), name));
    Ok((lines.collect::<Result<_, _>>()?, backend))
}

/// A requirement becomes a line of a file, and must be neither two nor an option.
pub(super) fn line(text: &str, name: &str) -> Result<String, Error> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() || line.starts_with('-') || line.contains("://") || line.contains('#') {
        let reason = format!("`{line}` among its build requirements is no name");
        return Err(Error::Build { file: name.to_owned(), reason, hint: None });
    }
    Ok(line)
}

/// What a look through an archive found.
struct Looked {
    /// `pyproject.toml` in its one folder.
    project: Option<String>,
    /// Whether anything is for a compiler.
    compiled: bool,
    folder: String,
}

fn look(path: &Path, name: &str) -> Result<Looked, Error> {
    let failed = |reason: String| Error::Build { file: name.to_owned(), reason, hint: None };
    if !name.to_ascii_lowercase().ends_with(".tar.gz") {
        return Err(failed("only `.tar.gz` source distributions are supported".to_owned()));
    }
    let file = File::open(path).map_err(Error::io("read", path))?;
    let archive = decoder(file).map_err(|error| failed(error.to_string()))?;
    let mut tar = TarReader::new(BufReader::new(archive));
    let (mut project, mut compiled, mut size) = (None, false, 0_u64);
    let mut folder: Option<Vec<u8>> = None;
    while let Some(entry) = tar.next_entry().map_err(|error| failed(error.to_string()))? {
        size = size.saturating_add(entry.real_size);
        if size > MAX_UNPACKED {
            return Err(failed(format!("it unpacks to more than {}", ByteSize(MAX_UNPACKED))));
        }
        let path = entry.root_path().map_err(|error| failed(error.to_string()))?;
        let parts: Vec<&[u8]> = path.components().collect();
        let Some(first) = parts.first() else { continue };
        // *Source distribution format*: one folder, called after name and version.
        if folder.get_or_insert_with(|| first.to_vec()) != first {
            return Err(failed("it has several folders instead of one".to_owned()));
        }
        if entry.kind != EntryKind::File {
            continue;
        }
        compiled |= parts.last().is_some_and(|name| is_compiled(name));
        if project.is_none() && parts.len() == 2 && parts[1] == b"pyproject.toml" {
            let mut text = String::new();
            let mut limited = tar.data().take(MAX_PROJECT);
            limited.read_to_string(&mut text).map_err(|error| failed(error.to_string()))?;
            project = Some(text);
        }
    }
    let folder = folder.and_then(|name| String::from_utf8(name).ok());
    let folder = folder.ok_or_else(|| failed("it has no folder with a plain name".to_owned()))?;
    Ok(Looked { project, compiled, folder })
}

fn is_compiled(name: &[u8]) -> bool {
    let ending = name.rsplit(|byte| *byte == b'.').next().filter(|end| end.len() < name.len());
    ending.is_some_and(|end| COMPILED.iter().any(|one| one.as_bytes().eq_ignore_ascii_case(end)))
}

#[cfg(test)]
mod tests {
    use lightship_codec::compression::{CompressionLevel, encoder};
    use lightship_codec::tar::{Entry, TarWriter};

    use super::*;

    fn look_at(file: Option<&str>, other: &str) -> Result<Needs, String> {
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
        file_entry(&format!("demo-1/{other}"), "");
        tar.finish().unwrap().finish().unwrap();
        of(&path, "demo-1.tar.gz").map_err(|error| error.to_string())
    }

    fn needs(file: Option<&str>) -> Result<Vec<String>, String> {
        look_at(file, "demo.py").map(|needs| needs.requires)
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

    #[test]
    fn what_a_compiler_reads_is_native() {
        let cffi = "[build-system]\nrequires = [\"setuptools\", \"CFFI>=1.4; x\"]";
        let other = "[build-system]\nrequires = [\"cffi-tools\"]";
        for (project, file, native) in [
            (None, "demo.py", false),
            (None, "src/x.c", true),
            (None, "src/x.PYX", true),
            (None, "x.css", false),
            (None, "c", false),
            (Some(cffi), "demo.py", true),
            (Some(other), "demo.py", false),
        ] {
            assert_eq!(look_at(project, file).unwrap().is_native, native, "{file}");
        }
    }
}
