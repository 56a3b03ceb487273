//! What a wheel's file name says (*Binary distribution format, File name convention*).

use std::fmt;
use std::str::FromStr;

use super::Error;
use super::tags::Tag;
use super::version::{Version, parse_version};
use crate::python::normalise_name;

/// A wheel's file name, taken apart. Names are equal when their files' names are.
#[derive(Debug, Clone)]
pub struct WheelName {
    file: String,
    distribution: String,
    version: Version,
    build: Option<Build>,
    tags: Vec<Tag>,
}

/// A build number: decides between two wheels that are alike otherwise. Compared by its digits first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Build(u64, String);

/// Linux' `NAME_MAX`; also keeps the product of three compressed tag sets small.
const MOST_BYTES: usize = 255;

impl WheelName {
    /// The whole, ending in `.whl`.
    pub fn as_str(&self) -> &str {
        &self.file
    }

    /// The distribution's name, normalised (*PEP 503*): `scikit-learn`.
    pub fn distribution(&self) -> &str {
        &self.distribution
    }

    /// The distribution's version.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// What it runs on: every combination of its Python, ABI and platform tags, as written.
    pub fn tags(&self) -> &[Tag] {
        &self.tags
    }

    /// Which of two wheels of one version is the newer build.
    pub(super) fn build_order(&self) -> impl Ord + '_ {
        self.build.as_ref()
    }
}

impl FromStr for WheelName {
    type Err = Error;

    fn from_str(file: &str) -> Result<Self, Error> {
        let fail = |reason| Error::Name { name: shown(file), reason };
        if file.len() > MOST_BYTES {
            return Err(fail("it is longer than 255 bytes"));
        }
        let stem = file.strip_suffix(".whl").ok_or_else(|| fail("it does not end in `.whl`"))?;
        let parts: Vec<&str> = stem.split('-').collect();
        let (distribution, version, build, tags) = match parts[..] {
            [d, v, py, abi, platform] => (d, v, None, [py, abi, platform]),
            [d, v, build, py, abi, platform] => (d, v, Some(build), [py, abi, platform]),
            _ => return Err(fail("it has not five or six parts between dashes")),
        };
        if !is_name(distribution) {
            return Err(fail("its first part is no distribution's name"));
        }
        // A dash in a local version is written as an underscore.
        let version = parse_version(&version.replace('_', "-"))
            .ok_or_else(|| fail("its second part is no version (PEP 440)"))?;
        let build = build
            .map(|text| parse_build(text).ok_or_else(|| fail("its build tag is no number")))
            .transpose()?;
        let sets = tags.map(|set| set.split('.').collect::<Vec<_>>());
        if !sets.iter().flatten().all(|tag| is_tag(tag)) {
            return Err(fail("a tag has other characters than letters, digits and `_`"));
        }
        let distribution = normalise_name(distribution);
        Ok(Self { file: file.to_owned(), distribution, version, build, tags: expand(&sets) })
    }
}

fn expand([pythons, abis, platforms]: &[Vec<&str>; 3]) -> Vec<Tag> {
    let mut tags = Vec::new();
    for python in pythons {
        for abi in abis {
            tags.extend(platforms.iter().map(|platform| Tag::new(python, abi, platform)));
        }
    }
    tags
}

fn parse_build(text: &str) -> Option<Build> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    Some(Build(text[..digits].parse().ok()?, text[digits..].to_owned()))
}

fn is_tag(tag: &str) -> bool {
    !tag.is_empty() && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// *`PyPA`, Names and normalization, Name format*, in ASCII.
pub(super) fn is_name(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    let outer = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = name.as_bytes();
    // Generators that escape leave a leading or trailing underscore: `_foo` is met in the wild.
    let edge = |b: Option<&u8>| outer(b) || b == Some(&b'_');
    edge(bytes.first()) && edge(bytes.last()) && bytes.iter().all(|b| inner(*b))
}

/// A name as wheels write it in file and folder names: runs of `-`, `_` and `.` become one `_`, in lower
/// case (*Binary distribution format, Escaping and Unicode*).
pub fn escape_name(name: &str) -> String {
    normalise_name(name).replace('-', "_")
}

impl fmt::Display for WheelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)
    }
}

impl PartialEq for WheelName {
    fn eq(&self, other: &Self) -> bool {
        self.file == other.file
    }
}

impl Eq for WheelName {}

/// Names come from indexes: no more of them in a message than a line, and nothing that moves a cursor.
fn shown(name: &str) -> String {
    let end = name.floor_char_boundary(200);
    lightship_codec::tar::display_path(&name.as_bytes()[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_apart() {
        let name: WheelName = "Flask_SQL.x-2.0+cu_1-1b-py2.py3-none-any.whl".parse().unwrap();
        assert_eq!(name.distribution(), "flask-sql-x");
        assert_eq!(name.version(), &parse_version("2.0+cu.1").unwrap());
        let tags: Vec<String> = name.tags().iter().map(ToString::to_string).collect();
        assert_eq!(tags, ["py2-none-any", "py3-none-any"]);
        assert_eq!(escape_name("Flask.SQL--x"), "flask_sql_x");
    }

    #[test]
    fn builds_are_compared_as_numbers() {
        let build = |text: &str| format!("a-1-{text}-py3-none-any.whl").parse::<WheelName>();
        let (nine, ten) = (build("9").unwrap(), build("10").unwrap());
        assert!(nine.build_order() < ten.build_order());
        let unnumbered: WheelName = "a-1-py3-none-any.whl".parse().unwrap();
        assert!(unnumbered.build_order() < nine.build_order());
        assert!(build("x1").is_err() && build(&"9".repeat(30)).is_err());
    }

    #[test]
    fn what_is_no_wheel_is_refused() {
        for name in [
            "",
            "a.whl",
            "a-1-py3-none-any.zip",
            "a-1-2-3-py3-none-any.whl",
            "a-x-py3-none-any.whl",
            "../a-1-py3-none-any.whl",
            "a-1-py3-none-.whl",
            "a-1-py3-none-any/x.whl",
            ".-1-py3-none-any.whl",
            "-1-py3-none-any.whl",
        ] {
            assert!(matches!(name.parse::<WheelName>(), Err(Error::Name { .. })), "{name}");
        }
        assert!(format!("{}-1-py3-none-any.whl", "a".repeat(255)).parse::<WheelName>().is_err());
    }
}
