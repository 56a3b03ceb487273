//! The distribution's Python.

use lightship_codec::tar::RootPath;
use lightship_packages::deb::Deb;
use lightship_packages::wheel::Scheme;

use super::place::{Part, placed};
use super::{Error, Options};

/// Which Python a base should have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PythonWish {
    /// None.
    #[default]
    None,
    /// The suite's own.
    Any,
    /// This one: `(3, 11)`.
    Version(u32, u32),
    /// One that no package of the distribution brings: of an archive, or of an image below.
    Elsewhere,
}

/// An interpreter and where it looks for modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Python {
    /// `(3, 11)`.
    pub version: (u32, u32),
    /// As the interpreter says it: `3.11.2`.
    pub full_version: String,
    /// `usr/bin/python3.11`.
    pub executable: RootPath,
    /// The folders of its standard library, in the order in which it looks into them.
    pub library: Vec<RootPath>,
    /// Where distributions go.
    pub scheme: Scheme,
}

/// Finds the interpreter among the packages that stay; `debs` are all, for the message that says what
/// there is instead.
pub(super) fn find(
    parts: &[Part<'_>],
    debs: &[Deb],
    options: &Options,
) -> Result<Option<Python>, Error> {
    let wanted = match options.python {
        PythonWish::None | PythonWish::Elsewhere => return Ok(None),
        PythonWish::Any => None,
        PythonWish::Version(major, minor) => Some((major, minor)),
    };
    let all = debs.iter().map(|deb| Part { deb, items: placed(deb) });
    let other = all.filter_map(|part| of_package(&part)).max_by_key(|python| python.version);
    let mut found: Vec<Python> = parts.iter().filter_map(of_package).collect();
    // Where there are several, the newest is what `python3` means.
    found.sort_by_key(|python| std::cmp::Reverse(python.version));
    let is_it = |python: &&Python| wanted.is_none_or(|wanted| python.version == wanted);
    match (found.iter().find(is_it), other, wanted) {
        (Some(python), ..) => Ok(Some(python.clone())),
        (None, Some(other), Some((major, minor))) => Err(Error::OtherPython {
            wanted: format!("{major}.{minor}"),
            found: format!("{}.{}", other.version.0, other.version.1),
        }),
        (None, ..) => Err(Error::NoPython),
    }
}

/// `python3.11-minimal` has the interpreter.
fn of_package(part: &Part<'_>) -> Option<Python> {
    let name = part.deb.control.package().strip_prefix("python")?.strip_suffix("-minimal")?;
    let (major, minor) = name.split_once('.')?;
    let version: (u32, u32) = (major.parse().ok()?, minor.parse().ok()?);
    let name = format!("python{}.{}", version.0, version.1);
    let executable = path(&format!("usr/bin/{name}"))?;
    part.items.iter().find(|item| item.path == executable)?;
    let site = path(&format!("usr/local/lib/{name}/dist-packages"))?;
    let scheme = Scheme {
        purelib: site.clone(),
        platlib: site,
        scripts: path("usr/local/bin")?,
        headers: path(&format!("usr/local/include/{name}"))?,
        data: path("usr/local")?,
        interpreter: format!("/usr/bin/{name}"),
    };
    let full_version = upstream(part.deb.control.version());
    let own = format!("usr/lib/{name}");
    let library = vec![path(&own)?, path(&format!("{own}/lib-dynload"))?];
    Some(Python { version, full_version, executable, library, scheme })
}

fn path(text: &str) -> Option<RootPath> {
    RootPath::parse(text.as_bytes()).ok()
}

/// `1:3.13.0~rc2-1+b1` is 3.13.0rc2 to its authors.
fn upstream(version: &str) -> String {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    let version = version.rsplit_once('-').map_or(version, |(rest, _)| rest);
    version.split('+').next().unwrap_or_default().replace('~', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_upstreams() {
        for (debian, python) in [
            ("3.11.2-6+deb12u9", "3.11.2"),
            ("3.13.0~rc2-1", "3.13.0rc2"),
            ("1:3.9.2+x-1", "3.9.2"),
        ] {
            assert_eq!(upstream(debian), python);
        }
    }
}
