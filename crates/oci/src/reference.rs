//! How a person names an image, and what kind of place the name points to.
//!
//! | written | means |
//! | --- | --- |
//! | `oci:DIR[:TAG]` | an OCI image layout in a folder |
//! | `oci-archive:FILE[:TAG]` | the same in one tar file |
//! | `docker-archive:FILE[:NAME:TAG]` | what `docker save` writes |
//! | `docker://REGISTRY/NAME[:TAG\|@DIGEST]` | a registry |
//! | `store:NAME[:TAG]` | the local store |
//! | anything else | a path if it looks like one or exists, else a name in the local store |

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use lightship_base::{Category, Diagnose, Digest, Hint};
use lightship_net::docker_hub;

/// A place where an image is or shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// A folder with `oci-layout` and `index.json`.
    OciLayout {
        /// The folder.
        dir: PathBuf,
        /// Which of its images; may be left out where there is one only.
        tag: Option<String>,
    },
    /// A tar of such a folder.
    OciArchive {
        /// The file.
        file: PathBuf,
        /// Which of its images.
        tag: Option<String>,
    },
    /// The output of `docker save`.
    DockerArchive {
        /// The file.
        file: PathBuf,
        /// Which of its images, `name:tag`.
        tag: Option<String>,
    },
    /// A file given without a scheme: one of the two archives, told apart by what is inside.
    Archive(PathBuf),
    /// A registry.
    Registry(RegistryReference),
    /// The local store.
    Store(StoreReference),
    /// A folder that is no image layout: a project.
    Project(PathBuf),
}

/// An image in a registry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RegistryReference {
    /// Host and perhaps port, such as `localhost:5000`.
    pub registry: String,
    /// The repository's path, such as `team/churn`.
    pub repository: String,
    /// Which of its manifests.
    pub target: Target,
}

/// How a manifest is named within its repository.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// By a name that can move.
    Tag(String),
    /// By content.
    Digest(Digest),
}

/// An image in the local store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum StoreReference {
    /// By its name.
    Name(ImageName),
    /// By the beginning of its digest: at least six hex digits, after an optional `sha256:`; or all of it behind a name
    /// and `@`.
    DigestPrefix(String),
}

/// `name[:tag]`, the tag `latest` where none is given. The name follows the grammar of repositories
/// (*OCI distribution-spec 1.1, Pulling manifests*), perhaps with a registry in front.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageName {
    /// Everything before the tag.
    pub name: String,
    /// The tag.
    pub tag: String,
}

/// What a path turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathKind {
    /// Nothing is there.
    Missing,
    /// A folder with an `oci-layout` file.
    Layout,
    /// Any other folder.
    Folder,
    /// A file.
    File,
}

/// Why a text names no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` names no image: {reason}")]
pub struct ParseReferenceError {
    text: String,
    reason: String,
    hint: &'static str,
    category: Category,
}

impl Reference {
    /// Understands `text`. `probe` says what a path is; `stored` whether the local store has a name.
    /// An explicit path (`./x`, `/x`, `x/`) is a path; a bare word is the store's if the store has
    /// it, else a path if one exists, else the store's (which will say that it is not there).
    pub fn parse(
        text: &str,
        probe: &dyn Fn(&Path) -> PathKind,
        stored: &dyn Fn(&StoreReference) -> bool,
    ) -> Result<Self, ParseReferenceError> {
        if let Some((scheme, rest)) = split_scheme(text) {
            return Self::with_scheme(text, scheme, rest, probe);
        }
        let name = text.parse::<StoreReference>();
        if !is_explicit_path(text)
            && let Ok(name) = &name
            && stored(name)
        {
            return Ok(Self::Store(name.clone()));
        }
        let (path, tag) = split_tag(text, probe);
        match probe(&path) {
            PathKind::Layout => Ok(Self::OciLayout { dir: path, tag }),
            PathKind::File if tag.is_some() => Ok(Self::DockerArchive { file: path, tag }),
            PathKind::File => Ok(Self::Archive(path)),
            PathKind::Folder => Ok(Self::Project(path)),
            // Well said, but not there.
            PathKind::Missing if is_explicit_path(text) => Err(ParseReferenceError {
                category: Category::BadInput,
                ..ParseReferenceError::new(text, "there is no such file or folder")
            }),
            PathKind::Missing => name.map(Self::Store),
        }
    }

    fn with_scheme(
        text: &str,
        scheme: Scheme,
        rest: &str,
        probe: &dyn Fn(&Path) -> PathKind,
    ) -> Result<Self, ParseReferenceError> {
        if rest.is_empty() {
            return Err(ParseReferenceError::new(text, "nothing follows the scheme"));
        }
        let (path, tag) = split_tag(rest, probe);
        match scheme {
            Scheme::Oci => Ok(Self::OciLayout { dir: path, tag }),
            Scheme::OciArchive => Ok(Self::OciArchive { file: path, tag }),
            Scheme::DockerArchive => Ok(Self::DockerArchive { file: path, tag }),
            Scheme::Docker => rest.parse().map(Self::Registry),
            Scheme::Store => rest.parse().map(Self::Store),
        }
    }
}

#[derive(Clone, Copy)]
enum Scheme {
    Oci,
    OciArchive,
    DockerArchive,
    Docker,
    Store,
}

const SCHEMES: [(&str, Scheme); 5] = [
    ("oci:", Scheme::Oci),
    ("oci-archive:", Scheme::OciArchive),
    ("docker-archive:", Scheme::DockerArchive),
    ("docker://", Scheme::Docker),
    ("store:", Scheme::Store),
];

fn split_scheme(text: &str) -> Option<(Scheme, &str)> {
    SCHEMES.iter().find_map(|(prefix, scheme)| Some((*scheme, text.strip_prefix(prefix)?)))
}

/// Whether nothing but a path can be meant.
pub fn is_explicit_path(text: &str) -> bool {
    text == "."
        || text == ".."
        || text.ends_with('/')
        || ["/", "./", "../"].iter().any(|prefix| text.starts_with(prefix))
}

/// Splits `path[:tag]` at the first colon behind which the part before is something that exists; a
/// path that itself contains colons therefore works as long as it is there. Without any such part,
/// at the first colon after the last slash of the path.
fn split_tag(text: &str, probe: &dyn Fn(&Path) -> PathKind) -> (PathBuf, Option<String>) {
    if probe(Path::new(text)) != PathKind::Missing {
        return (text.into(), None);
    }
    let existing = text
        .match_indices(':')
        .map(|(at, _)| at)
        .find(|at| probe(Path::new(&text[..*at])) != PathKind::Missing);
    match existing.or_else(|| text.find(':')) {
        Some(at) if at + 1 < text.len() => (text[..at].into(), Some(text[at + 1..].to_owned())),
        Some(at) => (text[..at].into(), None),
        None => (text.into(), None),
    }
}

impl FromStr for RegistryReference {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |reason: &str| ParseReferenceError::new(text, reason);
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => {
                let digest = digest.parse::<Digest>().map_err(|e| fail(&e.to_string()))?;
                (rest, Some(digest))
            }
            None => (text, None),
        };
        let (name, tag) = split_name_tag(rest);
        let (registry, repository) = split_registry(name);
        check_repository(&repository).map_err(|reason| fail(&reason))?;
        if let Some(tag) = tag {
            check_tag(tag).map_err(|reason| fail(&reason))?;
        }
        let target = match (digest, tag) {
            (Some(digest), _) => Target::Digest(digest),
            (None, tag) => Target::Tag(tag.unwrap_or("latest").to_owned()),
        };
        Ok(Self { registry, repository, target })
    }
}

impl FromStr for ImageName {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |reason: &str| ParseReferenceError::new(text, reason);
        let (name, tag) = split_name_tag(text);
        let tag = tag.unwrap_or("latest");
        check_tag(tag).map_err(|reason| fail(&reason))?;
        let path = match name.split_once('/') {
            Some((first, rest)) if looks_like_registry(first) => rest,
            _ => name,
        };
        check_repository(path).map_err(|reason| fail(&reason))?;
        Ok(Self { name: name.to_owned(), tag: tag.to_owned() })
    }
}

impl FromStr for StoreReference {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // With a name before it, as pipelines and registries write it, the digest decides all the same.
        if let Some((name, digest)) = text.rsplit_once('@')
            && let (Ok(_), Ok(digest)) = (name.parse::<ImageName>(), digest.parse::<Digest>())
        {
            return Ok(Self::DigestPrefix(digest.hex()));
        }
        let Some(hex) = text.strip_prefix("sha256:") else {
            return text.parse().map(Self::Name);
        };
        let is_hex = hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if is_hex && (6..=64).contains(&hex.len()) {
            return Ok(Self::DigestPrefix(hex.to_owned()));
        }
        Err(ParseReferenceError::new(text, "a digest has 6 to 64 lower-case hex digits"))
    }
}

/// A colon behind the last slash begins the tag; one before it belongs to the registry's port.
fn split_name_tag(text: &str) -> (&str, Option<&str>) {
    let last_component = text.rfind('/').map_or(0, |at| at + 1);
    match text[last_component..].find(':') {
        Some(at) => {
            let colon = last_component + at;
            (&text[..colon], Some(&text[colon + 1..]))
        }
        None => (text, None),
    }
}

/// Docker's published convention: a name without a registry is on Docker Hub, and one without a slash
/// is in its `library`.
fn split_registry(name: &str) -> (String, String) {
    match name.split_once('/') {
        Some((first, rest)) if looks_like_registry(first) => (first.to_owned(), rest.to_owned()),
        Some(_) => (docker_hub::NAME.to_owned(), name.to_owned()),
        None => (docker_hub::NAME.to_owned(), format!("library/{name}")),
    }
}

fn looks_like_registry(first: &str) -> bool {
    first == "localhost" || first.contains('.') || first.contains(':')
}

fn check_tag(tag: &str) -> Result<(), String> {
    let first = tag.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
    let rest = tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if first && rest && tag.len() <= 128 {
        return Ok(());
    }
    Err(format!("`{tag}` is no tag (letters, digits, `.`, `_`, `-`; at most 128)"))
}

/// Lower-case components joined by slashes; within one, runs of letters and digits are joined by `.`,
/// `_`, `__` or any number of `-`.
fn check_repository(path: &str) -> Result<(), String> {
    let component_is_fine = |component: &str| {
        let edge = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let inner = component
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b));
        let separators = ["..", "___", "._", "_.", ".-", "-.", "_-", "-_"];
        inner
            && edge(component.bytes().next())
            && edge(component.bytes().last())
            && !separators.iter().any(|pair| component.contains(pair))
    };
    if path.len() > 255 {
        return Err("the name is longer than 255 characters".to_owned());
    }
    match path.split('/').find(|component| !component_is_fine(component)) {
        None => Ok(()),
        Some(component) if component.bytes().any(|b| b.is_ascii_uppercase()) => {
            Err(format!("`{component}` has capital letters; repository names are lower-case"))
        }
        Some(component) => Err(format!("`{component}` cannot be part of a repository's name")),
    }
}

impl ParseReferenceError {
    fn new(text: &str, reason: &str) -> Self {
        Self {
            text: text.to_owned(),
            reason: reason.to_owned(),
            category: Category::Usage,
            hint: "write oci:DIR, oci-archive:FILE, docker-archive:FILE, docker://REGISTRY/NAME, a path, or a name that `lightship image ls` shows",
        }
    }
}

impl Diagnose for ParseReferenceError {
    fn category(&self) -> Category {
        self.category
    }

    fn hints(&self) -> Vec<Hint> {
        vec![Hint::new(self.hint)]
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.tag)
    }
}

impl fmt::Display for StoreReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::DigestPrefix(hex) => write!(f, "sha256:{hex}"),
        }
    }
}

impl fmt::Display for RegistryReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Target::Tag(tag) => write!(f, "{}/{}:{tag}", self.registry, self.repository),
            Target::Digest(digest) => write!(f, "{}/{}@{digest}", self.registry, self.repository),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tagged =
            |f: &mut fmt::Formatter<'_>, scheme: &str, path: &Path, tag: &Option<String>| {
                write!(f, "{scheme}{}", path.display())?;
                tag.iter().try_for_each(|tag| write!(f, ":{tag}"))
            };
        match self {
            Self::OciLayout { dir, tag } => tagged(f, "oci:", dir, tag),
            Self::OciArchive { file, tag } => tagged(f, "oci-archive:", file, tag),
            Self::DockerArchive { file, tag } => tagged(f, "docker-archive:", file, tag),
            Self::Archive(path) | Self::Project(path) => write!(f, "{}", path.display()),
            Self::Registry(reference) => write!(f, "docker://{reference}"),
            Self::Store(reference) => reference.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Reference, ParseReferenceError> {
        let probe = |path: &Path| match path.to_str().unwrap() {
            "out" | "./a:b" => PathKind::Layout,
            "." | "src" => PathKind::Folder,
            "save.tar" => PathKind::File,
            _ => PathKind::Missing,
        };
        Reference::parse(text, &probe, &|name| name.to_string() == "src:latest")
    }

    #[test]
    fn every_form_is_understood() {
        let cases = [
            ("oci:new/dir:v1", "oci:new/dir:v1"),
            ("oci:./a:b", "oci:./a:b"),
            ("oci:./a:b:v2", "oci:./a:b:v2"),
            ("out:tag", "oci:out:tag"),
            ("save.tar", "save.tar"),
            ("docker-archive:save.tar:x/y:1", "docker-archive:save.tar:x/y:1"),
            ("docker://localhost:5000/a/b", "docker://localhost:5000/a/b:latest"),
            ("docker://python:3.11", "docker://docker.io/library/python:3.11"),
            ("churn", "churn:latest"),
            ("localhost:5000/churn:v1", "localhost:5000/churn:v1"),
            ("src", "src:latest"),
            ("./src/", "error"),
            (".", "."),
            ("sha256:abcdef", "sha256:abcdef"),
        ];
        for (text, expected) in cases {
            let shown = parse(text).map_or_else(|_| "error".to_owned(), |r| r.to_string());
            assert_eq!(shown, expected, "{text}");
        }
        let digest = Digest::of(b"x");
        let parsed = parse(&format!("localhost/steps/a@{digest}")).unwrap();
        assert_eq!(parsed.to_string(), digest.to_string());
        assert!(matches!(parse("."), Ok(Reference::Project(_))));
        assert!(matches!(parse("oci:./a:b"), Ok(Reference::OciLayout { tag: None, .. })));
    }

    #[test]
    fn what_no_registry_would_take_is_refused() {
        for text in [
            "docker://",
            "docker://Upper/x",
            "docker://a/b@sha256:1",
            "docker://a..b/c/..",
            "a b",
            "docker://h.x/a:-t",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
