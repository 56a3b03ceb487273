//! `pylock.toml` (*PEP 751; `PyPA`, pylock.toml specification*): what `uv` answers with, and what a user
//! may have made with another tool.
//!
//! Keys that are not known are passed over, as the specification has it; what is known and malformed is
//! an error with its line.

mod choice;
pub(crate) mod file_name;
pub mod pipfile;
pub mod poetry;

use lightship_base::Digest;

pub use choice::ChoiceError;

use crate::MOST_PACKAGES;
use crate::lock::reader::{Reader, Table, Value};
use crate::lock::{Error, MAX_BYTES};
use crate::python::normalise_name;
use crate::wheel::{Marker, VersionSpecifiers};

/// What the file is called where nobody names it otherwise.
pub const FILE_NAME: &str = "pylock.toml";

/// No distribution has more files.
const MOST_FILES: usize = 20_000;

/// A lock of Python distributions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pylock {
    /// Who made it: `uv`.
    pub created_by: String,
    /// Which Python it is for (*PEP 440*).
    pub requires_python: Option<VersionSpecifiers>,
    /// Targets that it is for, one of which has to hold; any where there is none.
    pub environments: Vec<Condition>,
    /// Extras that can be chosen.
    pub extras: Vec<String>,
    /// Dependency groups that can be chosen.
    pub dependency_groups: Vec<String>,
    /// Dependency groups that are wanted where nobody chooses.
    pub default_groups: Vec<String>,
    /// Distributions, in the order of the file. A name may be there several times, with markers.
    pub packages: Vec<Package>,
}

/// A marker (*PEP 508*, with the sets of *PEP 751*).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// As it is written.
    pub text: String,
    /// What it means.
    pub marker: Marker,
}

/// A distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name, normalised (*PEP 503*).
    pub name: String,
    /// Its version, where it is known.
    pub version: Option<String>,
    /// When it is wanted; always where there is none.
    pub marker: Option<Condition>,
    /// The address of the index that it was found in. It may have a password in it.
    pub index: Option<String>,
    /// Names of the distributions that it needs, where the maker says so.
    pub dependencies: Vec<String>,
    /// Its files.
    pub source: Source,
}

/// What a distribution is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Files of an index.
    Index {
        /// Wheels for one platform or many.
        wheels: Vec<File>,
        /// The source distribution, where there is one.
        sdist: Option<File>,
    },
    /// One archive of source or a wheel from anywhere.
    Archive(Box<File>),
    /// A folder.
    Directory {
        /// Where, as written.
        path: String,
    },
    /// A repository of a version control system.
    Vcs {
        /// Which system: `git`.
        kind: String,
        /// Which revision.
        commit: String,
    },
}

/// A file of a distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name, without a folder.
    pub name: String,
    /// Where it is. It may have a password in it.
    pub url: Option<String>,
    /// Where it is, relative to the lock.
    pub path: Option<String>,
    /// How many bytes it has.
    pub size: Option<u64>,
    /// Its bytes.
    pub sha256: Digest,
}

impl Pylock {
    /// Understands a file's text. `file` is its name for messages.
    pub fn parse(text: &str, file: &str) -> Result<Self, Error> {
        if text.len() as u64 > MAX_BYTES {
            let message = format!("it has more than {MAX_BYTES} bytes");
            return Err(Error::Invalid { file: file.to_owned(), line: 1, message, hint: None });
        }
        let reader = Reader::new(file, text);
        let document = reader.parse()?;
        let top = reader.top(&document);
        version(&top)?;
        Ok(Self {
            created_by: top.optional_text("created-by")?.unwrap_or_default(),
            requires_python: top.get("requires-python").map(Value::parsed).transpose()?,
            environments: conditions(&top)?,
            extras: top.texts("extras")?,
            dependency_groups: top.texts("dependency-groups")?,
            default_groups: top.texts("default-groups")?,
            packages: top
                .tables("packages", MOST_PACKAGES)?
                .iter()
                .map(package)
                .collect::<Result<_, _>>()?,
        })
    }
}

/// *"Tools SHOULD warn on an unknown minor version, and MUST error on an unknown major one."* A minor
/// version adds keys only; nothing that we need can be among them.
fn version(top: &Table<'_>) -> Result<(), Error> {
    let value = top.need("lock-version")?;
    let text = value.text()?;
    if text == "1" || text.starts_with("1.") {
        return Ok(());
    }
    let message = format!("it has version {text} of the format, and only versions 1.x are known");
    Err(value.error_with_hint(message, "make it anew with a tool that writes version 1.0"))
}

fn conditions(top: &Table<'_>) -> Result<Vec<Condition>, Error> {
    let Some(list) = top.get("environments") else { return Ok(Vec::new()) };
    list.array()?.into_iter().map(condition).collect()
}

fn condition(value: Value<'_>) -> Result<Condition, Error> {
    Ok(Condition { text: value.text()?.to_owned(), marker: value.parsed()? })
}

fn package(table: &Table<'_>) -> Result<Package, Error> {
    let name = distribution_name(table)?;
    let mut dependencies = Vec::new();
    for dependency in table.tables("dependencies", MOST_PACKAGES)? {
        // Some makers point at a distribution by other keys than its name.
        dependencies.extend(dependency.optional_text("name")?.map(|name| normalise_name(&name)));
    }
    Ok(Package {
        name,
        version: table.get("version").map(|_| version_of(table)).transpose()?,
        marker: table.get("marker").map(condition).transpose()?,
        index: table.optional_text("index")?,
        dependencies,
        source: source(table)?,
    })
}

/// A distribution's name, normalised.
fn distribution_name(table: &Table<'_>) -> Result<String, Error> {
    let name = table.need("name")?;
    let normalised = normalise_name(name.text()?);
    if is_distribution_name(&normalised) {
        Ok(normalised)
    } else {
        Err(name.error(format!("`{normalised}` is no name of a distribution")))
    }
}

/// A distribution's version. Names and versions go into a file that a resolver reads line by line.
fn version_of(table: &Table<'_>) -> Result<String, Error> {
    let value = table.need("version")?;
    let version = value.text()?;
    if is_version(version) {
        Ok(version.to_owned())
    } else {
        Err(value.error(format!("`{version}` is no version")))
    }
}

/// Whether a text is a normalised name (*PEP 503*).
fn is_distribution_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Whether a text has the letters of a version (*PEP 440*).
fn is_version(version: &str) -> bool {
    !version.is_empty()
        && version.bytes().all(|b| b.is_ascii_alphanumeric() || b".+!-_".contains(&b))
}

/// *"vcs, directory, archive: mutually-exclusive with sdist and wheels"*.
fn source(table: &Table<'_>) -> Result<Source, Error> {
    if let Some(vcs) = table.table("vcs")? {
        let commit = vcs.optional_text("commit-id")?.unwrap_or_default();
        return Ok(Source::Vcs { kind: vcs.text("type")?, commit });
    }
    if let Some(directory) = table.table("directory")? {
        return Ok(Source::Directory { path: directory.text("path")? });
    }
    if let Some(archive) = table.table("archive")? {
        return Ok(Source::Archive(Box::new(file(&archive)?)));
    }
    let wheels = table.tables("wheels", MOST_FILES)?;
    Ok(Source::Index {
        wheels: wheels.iter().map(file).collect::<Result<_, _>>()?,
        sdist: table.table("sdist")?.map(|table| file(&table)).transpose()?,
    })
}

fn file(table: &Table<'_>) -> Result<File, Error> {
    let url = table.optional_text("url")?;
    let path = table.optional_text("path")?;
    let name = match table.get("name") {
        Some(value) => Some(checked(value, value.text()?)?),
        None => url.as_deref().or(path.as_deref()).and_then(file_name::of_address),
    };
    let name =
        name.ok_or_else(|| table.error("the file has neither a name nor an address with one"))?;
    let hashes = table.need("hashes")?.table()?;
    let Some(sha256) = hashes.get("sha256") else {
        return Err(hashes.error(format!("`{name}` has no SHA-256, and no other hash is verified")));
    };
    let sha256 = format!("sha256:{}", sha256.text()?)
        .parse()
        .map_err(|error: lightship_base::ParseDigestError| sha256.error(error.to_string()))?;
    Ok(File { name, url, path, size: table.size("size")?, sha256 })
}

fn checked(value: Value<'_>, name: &str) -> Result<String, Error> {
    if file_name::is_plain(name) {
        Ok(name.to_owned())
    } else {
        Err(value.error("this is no name of a file"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "lock-version = \"1.0\"\ncreated-by = \"uv\"\n";

    fn hash(letter: &str) -> String {
        letter.repeat(64)
    }

    #[test]
    fn what_uv_writes_is_read() {
        let text = format!(
            r#"{HEAD}requires-python = ">=3.11.7"
[[packages]]
name = "Kfp_Server.API"
version = "2.17.3"
marker = "sys_platform == 'linux'"
dependencies = [{{ name = "six" }}]
sdist = {{ url = "http://mirror.invalid/x/kfp_server_api-2.17.3.tar.gz#egg=x", upload-time = 2026-10-22T14:57:48Z, size = 69821, hashes = {{ sha256 = "{a}" }} }}
wheels = [
    {{ path = "wheels/kfp_server_api-2.17.3%2Bcpu-py3-none-any.whl", hashes = {{ sha256 = "{b}", md5 = "0" }} }},
]
"#,
            a = hash("a"),
            b = hash("b"),
        );
        let lock = Pylock::parse(&text, FILE_NAME).unwrap();
        let package = &lock.packages[0];
        assert_eq!(
            (package.name.as_str(), &package.dependencies[..]),
            ("kfp-server-api", &["six".to_owned()][..])
        );
        let Source::Index { wheels, sdist } = &package.source else { panic!("{package:?}") };
        let sdist = sdist.as_ref().unwrap();
        assert_eq!(
            (sdist.name.as_str(), sdist.size),
            ("kfp_server_api-2.17.3.tar.gz", Some(69821))
        );
        assert_eq!(wheels[0].name, "kfp_server_api-2.17.3+cpu-py3-none-any.whl");
        assert_eq!(wheels[0].sha256.hex(), hash("b"));
    }

    #[test]
    fn other_sources_are_told_apart() {
        let text = format!(
            "{HEAD}[[packages]]\nname = \"a\"\nvcs = {{ type = \"git\", url = \"x\", commit-id = \"00ff\" }}\n\
             [[packages]]\nname = \"b\"\n[packages.directory]\npath = \".\"\neditable = true\n\
             [[packages]]\nname = \"c\"\narchive = {{ url = \"http://mirror.invalid/c.zip\", hashes = {{ sha256 = \"{}\" }} }}\n",
            hash("c")
        );
        let sources: Vec<Source> = Pylock::parse(&text, FILE_NAME)
            .unwrap()
            .packages
            .into_iter()
            .map(|p| p.source)
            .collect();
        assert_eq!(sources[0], Source::Vcs { kind: "git".to_owned(), commit: "00ff".to_owned() });
        assert_eq!(sources[1], Source::Directory { path: ".".to_owned() });
        assert!(matches!(&sources[2], Source::Archive(file) if file.name == "c.zip"));
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        let wheel =
            |file: &str| format!("{HEAD}[[packages]]\nname = \"a\"\nwheels = [{{ {file} }}]\n");
        let sha256 = format!("hashes = {{ sha256 = \"{}\" }}", hash("d"));
        let cases = [
            ("lock-version = \"2.0\"\n".to_owned(), "version 2.0"),
            (String::new(), "`lock-version` is missing"),
            (format!("{HEAD}[[packages]]\nname = \"../x\"\n"), "no name of a distribution"),
            (
                wheel("url = \"http://mirror.invalid/a.whl\", hashes = { md5 = \"0\" }"),
                "no SHA-256",
            ),
            (wheel(&format!("url = \"http://mirror.invalid/\", {sha256}")), "neither a name"),
            (wheel(&format!("url = \"http://mirror.invalid/..%2fx\", {sha256}")), "neither a name"),
            (wheel(&format!("name = \"../a.whl\", {sha256}")), "no name of a file"),
            (wheel("url = \"a.whl\", hashes = { sha256 = \"AB\" }"), "64 hex digits"),
            (format!("{HEAD}requires-python = \"three\"\n"), "`requires-python`"),
            (format!("{HEAD}environments = [\"x == 'y'\"]\n"), "something unknown"),
            (
                format!("{HEAD}[[packages]]\nname = \"a\"\nmarker = \"extras == 'y'\"\n"),
                "asks a set",
            ),
        ];
        for (text, expected) in cases {
            let error = Pylock::parse(&text, FILE_NAME).unwrap_err().to_string();
            assert!(error.contains(expected) && error.starts_with("pylock.toml:"), "{error}");
        }
    }
}
