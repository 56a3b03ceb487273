//! What a distribution needs: its `Requires-Dist`, read and decided for a target (*Dependency
//! specifiers*; *PEP 508*).

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use lightship_base::{Category, Diagnose};
use lightship_codec::tar::display_path;

use super::lexer::Lexer;
use super::marker::{Marker, MarkerEnvironment};
use super::name::is_name;
use super::version::VersionSpecifiers;
use crate::python::{Metadata, normalise_name};

/// The longest requirements name an archive by its address; none is longer than this, in bytes.
const MOST_BYTES: usize = 8 * 1024;

/// One requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The distribution's name, normalised.
    pub name: String,
    /// Its optional parts that are wanted, normalised.
    pub extras: BTreeSet<String>,
    /// Which of it will do.
    pub source: RequirementSource,
    /// When this applies; `None` for always.
    pub marker: Option<Marker>,
}

/// What will do for a requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequirementSource {
    /// Any of these versions; without any condition, all.
    Versions(VersionSpecifiers),
    /// What lies at an address, as written.
    Address(String),
}

/// A distribution that another one needs, with the optional parts of it that are wanted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dependency {
    /// Normalised.
    pub name: String,
    /// Normalised.
    pub extras: BTreeSet<String>,
}

/// Why a text is no requirement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no requirement: {reason}")]
pub struct RequirementError {
    /// The text, fit to be shown.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Diagnose for RequirementError {
    fn category(&self) -> Category {
        Category::BadInput
    }
}

/// The distributions that one needs on a target, where these of its extras are asked for: each name once,
/// in order. A distribution may name itself to gather extras (`all = ["x[a,b]"]`): that is followed.
pub fn requirements_of(
    metadata: &Metadata,
    environment: &MarkerEnvironment,
    extras: &BTreeSet<String>,
) -> Result<Vec<Dependency>, RequirementError> {
    let own = normalise_name(&metadata.name);
    let requirements: Vec<Requirement> =
        metadata.requires.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    let mut asked: BTreeSet<String> = extras.iter().map(|extra| normalise_name(extra)).collect();
    loop {
        let mut found: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for requirement in &requirements {
            let applies = |marker: &Marker| marker.holds(environment, &asked);
            if requirement.marker.as_ref().is_none_or(applies) {
                let known = found.entry(&requirement.name).or_default();
                known.extend(requirement.extras.iter().cloned());
            }
        }
        let more = found.remove(own.as_str()).unwrap_or_default();
        let before = asked.len();
        asked.extend(more);
        // Each round asks for more extras, of those that the requirements name; so this ends.
        if asked.len() == before {
            let dependency =
                |(name, extras): (&str, _)| Dependency { name: name.to_owned(), extras };
            return Ok(found.into_iter().map(dependency).collect());
        }
    }
}

impl FromStr for Requirement {
    type Err = RequirementError;

    fn from_str(text: &str) -> Result<Self, RequirementError> {
        parse(text).map_err(|reason| RequirementError {
            text: display_path(&text.as_bytes()[..text.floor_char_boundary(200)]),
            reason,
        })
    }
}

fn parse(text: &str) -> Result<Requirement, &'static str> {
    if text.len() > MOST_BYTES {
        return Err("it is longer than any");
    }
    let mut lexer = Lexer::new(text);
    let name = lexer.word();
    if !is_name(name) {
        return Err("it does not begin with a name");
    }
    let extras = if lexer.take("[") { extras(&mut lexer)? } else { BTreeSet::new() };
    let source = if lexer.take("@") {
        address(&mut lexer)?
    } else {
        RequirementSource::Versions(versions(&mut lexer)?)
    };
    let marker = if lexer.take(";") { Some(Marker::parse(&mut lexer)?) } else { None };
    if !lexer.at_end() {
        return Err("something follows its versions");
    }
    Ok(Requirement { name: normalise_name(name), extras, source, marker })
}

fn extras(lexer: &mut Lexer<'_>) -> Result<BTreeSet<String>, &'static str> {
    let mut extras = BTreeSet::new();
    if lexer.take("]") {
        return Ok(extras);
    }
    loop {
        let extra = lexer.word();
        if !is_name(extra) {
            return Err("its extras are not names between commas");
        }
        extras.insert(normalise_name(extra));
        if lexer.take("]") {
            return Ok(extras);
        }
        if !lexer.take(",") {
            return Err("its extras are not names between commas");
        }
    }
}

/// An address ends with white space; a semicolon may be part of it.
fn address(lexer: &mut Lexer<'_>) -> Result<RequirementSource, &'static str> {
    let address = lexer.until(&[' ', '\t']);
    if address.is_empty() {
        return Err("no address follows its `@`");
    }
    Ok(RequirementSource::Address(address.to_owned()))
}

/// `>=1, <2`, in brackets or without.
fn versions(lexer: &mut Lexer<'_>) -> Result<VersionSpecifiers, &'static str> {
    let text = if lexer.take("(") {
        let text = lexer.until(&[')']);
        if !lexer.take(")") {
            return Err("a bracket in it never closes");
        }
        text
    } else {
        lexer.until(&[';'])
    };
    // `Requires-Dist: x (>=1,)` is met in old metadata.
    let text = text.trim_end_matches(',').trim();
    text.parse().map_err(|_| "its versions are not conditions of PEP 440")
}

#[cfg(test)]
mod tests {
    use super::super::tags::Machine;
    use super::*;

    fn names(requires: &[&str], extras: &[&str]) -> Vec<String> {
        let metadata = Metadata {
            name: "Own".to_owned(),
            requires: requires.iter().map(|text| (*text).to_owned()).collect(),
            ..Metadata::default()
        };
        let environment = MarkerEnvironment::linux("3.11.2", Machine::X86_64);
        let extras = extras.iter().map(|extra| (*extra).to_owned()).collect();
        let show = |dependency: Dependency| {
            let extras: Vec<String> = dependency.extras.into_iter().collect();
            format!("{}[{}]", dependency.name, extras.join(","))
        };
        requirements_of(&metadata, &environment, &extras).unwrap().into_iter().map(show).collect()
    }

    #[test]
    fn parts_are_told_apart() {
        let text = "Foo.Bar [b , A_a] (>=1.0, !=1.5.*) ; os_name=='posix'";
        let requirement: Requirement = text.parse().unwrap();
        assert_eq!(requirement.name, "foo-bar");
        assert_eq!(requirement.extras, ["a-a".to_owned(), "b".to_owned()].into());
        let RequirementSource::Versions(versions) = &requirement.source else { panic!() };
        assert!(versions.contains(&"1.4".parse().unwrap()));
        assert!(!versions.contains(&"1.5.2".parse().unwrap()));
        assert!(requirement.marker.is_some());
        let address: Requirement =
            "a[x] @ file://mirror.invalid/a;b.whl ; python_version > '3'".parse().unwrap();
        let expected = "file://mirror.invalid/a;b.whl".to_owned();
        assert_eq!(address.source, RequirementSource::Address(expected));
        assert!("a".parse::<Requirement>().is_ok() && "a>=1,".parse::<Requirement>().is_ok());
    }

    #[test]
    fn requirements_follow_markers_and_extras() {
        let requires = [
            "a>=1",
            "b; sys_platform == 'win32'",
            "c[x]; python_version >= '3.9' and platform_machine == 'x86_64'",
            "c[y]",
            "d; extra == 'Fast_IO'",
            "own[fast-io]; extra == 'all'",
            "e; python_version < '3.10' or extra == 'old'",
        ];
        assert_eq!(names(&requires, &[]), ["a[]", "c[x,y]"]);
        assert_eq!(names(&requires, &["fast.io"]), ["a[]", "c[x,y]", "d[]"]);
        assert_eq!(names(&requires, &["all", "old"]), ["a[]", "c[x,y]", "d[]", "e[]"]);
    }

    #[test]
    fn what_is_no_requirement_is_refused() {
        let brackets = format!("a; {}os_name == 'x'{}", "(".repeat(40), ")".repeat(40));
        let long = format!("a{}", " ".repeat(9_000));
        for text in [
            "",
            ">=1",
            "a b",
            "a[",
            "a[b",
            "a[b c]",
            "a[,]",
            "a (>=1",
            "a >=x",
            "a @",
            "a;",
            "a; os_name",
            "a; os_name == ",
            "a; os_name == 'x",
            "a; home == 'x'",
            "a; os_name not 'x'",
            "a; os_name == 'x' 'y'",
            "a; (os_name == 'x'",
            &brackets,
            &long,
        ] {
            assert!(text.parse::<Requirement>().is_err(), "{text}");
        }
    }
}
