//! Environment markers: when a requirement applies (*Dependency specifiers, Environment Markers*;
//! *PEP 508*). Parsed and evaluated as `packaging.markers` does.

use std::collections::BTreeSet;
use std::str::FromStr;

use pep440_rs::VersionSpecifier;

use super::lexer::Lexer;
use super::tags::Machine;
use super::version::parse_version;
use crate::python::normalise_name;

/// No honest marker has more brackets within brackets.
const MOST_DEPTH: usize = 32;

/// No marker is longer, in bytes.
const MOST_BYTES: usize = 1 << 16;

/// Nor a longer version to compare with, in bytes.
const MOST_VERSION: usize = 256;

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Marker {
    /// All of them.
    And(Vec<Marker>),
    /// At least one of them.
    Or(Vec<Marker>),
    /// Two values, held against each other.
    Compare {
        /// What stands first.
        left: MarkerValue,
        /// How.
        operator: MarkerOperator,
        /// What stands second.
        right: MarkerValue,
    },
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MarkerValue {
    /// Something about the target.
    Variable(MarkerVariable),
    /// A text in quotes.
    Text(String),
}

/// What a marker may ask about its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MarkerVariable {
    /// `python_version`
    PythonVersion,
    /// `python_full_version`
    PythonFullVersion,
    /// `os_name`
    OsName,
    /// `sys_platform`
    SysPlatform,
    /// `platform_release`
    PlatformRelease,
    /// `platform_system`
    PlatformSystem,
    /// `platform_version`
    PlatformVersion,
    /// `platform_machine`
    PlatformMachine,
    /// `platform_python_implementation`
    PlatformPythonImplementation,
    /// `implementation_name`
    ImplementationName,
    /// `implementation_version`
    ImplementationVersion,
    /// `extra`: true of each extra that is asked for.
    Extra,
    /// `extras`: in a lock, the set of extras that are chosen (*PEP 751*).
    Extras,
    /// `dependency_groups`: in a lock, the set of groups that are chosen (*PEP 751*).
    DependencyGroups,
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MarkerOperator {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `~=`
    Compatible,
    /// `===`
    Arbitrary,
    /// `in`
    In,
    /// `not in`
    NotIn,
}

/// A target, as markers ask about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarkerEnvironment {
    /// `3.11.2`
    pub python_full_version: String,
    /// `x86_64`
    pub platform_machine: String,
    /// `posix`
    pub os_name: String,
    /// `linux`
    pub sys_platform: String,
    /// `Linux`
    pub platform_system: String,
    /// `CPython`
    pub platform_python_implementation: String,
    /// `cpython`
    pub implementation_name: String,
    /// The kernel's release. An image runs on any, so it is empty, and so is `platform_version`.
    pub platform_release: String,
    /// The kernel's build.
    pub platform_version: String,
    /// The extras that are chosen of a lock, normalised. Empty for all that is no lock.
    pub extras: BTreeSet<String>,
    /// The dependency groups that are chosen of a lock, normalised.
    pub dependency_groups: BTreeSet<String>,
}

impl MarkerEnvironment {
    /// A `CPython` of this version (`3.11.2`) on Linux.
    pub fn linux(python_full_version: &str, machine: Machine) -> Self {
        Self {
            python_full_version: python_full_version.to_owned(),
            platform_machine: machine.as_str().to_owned(),
            os_name: "posix".to_owned(),
            sys_platform: "linux".to_owned(),
            platform_system: "Linux".to_owned(),
            platform_python_implementation: "CPython".to_owned(),
            implementation_name: "cpython".to_owned(),
            platform_release: String::new(),
            platform_version: String::new(),
            extras: BTreeSet::new(),
            dependency_groups: BTreeSet::new(),
        }
    }

    fn value(&self, variable: MarkerVariable) -> String {
        match variable {
            MarkerVariable::PythonVersion => {
                self.python_full_version.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
            }
            MarkerVariable::PythonFullVersion | MarkerVariable::ImplementationVersion => {
                self.python_full_version.clone()
            }
            MarkerVariable::OsName => self.os_name.clone(),
            MarkerVariable::SysPlatform => self.sys_platform.clone(),
            MarkerVariable::PlatformRelease => self.platform_release.clone(),
            MarkerVariable::PlatformSystem => self.platform_system.clone(),
            MarkerVariable::PlatformVersion => self.platform_version.clone(),
            MarkerVariable::PlatformMachine => self.platform_machine.clone(),
            MarkerVariable::PlatformPythonImplementation => {
                self.platform_python_implementation.clone()
            }
            MarkerVariable::ImplementationName => self.implementation_name.clone(),
            // Sets have no text; `compare` asks them before it asks for one.
            MarkerVariable::Extra | MarkerVariable::Extras | MarkerVariable::DependencyGroups => {
                String::new()
            }
        }
    }

    /// The set that stands on the right side of an `in`.
    fn set(&self, value: &MarkerValue) -> Option<&BTreeSet<String>> {
        match value {
            MarkerValue::Variable(MarkerVariable::Extras) => Some(&self.extras),
            MarkerValue::Variable(MarkerVariable::DependencyGroups) => {
                Some(&self.dependency_groups)
            }
            MarkerValue::Variable(_) | MarkerValue::Text(_) => None,
        }
    }
}

impl MarkerValue {
    fn is_set(&self) -> bool {
        matches!(self, Self::Variable(MarkerVariable::Extras | MarkerVariable::DependencyGroups))
    }
}

/// Why a text is no marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MarkerError(&'static str);

impl FromStr for Marker {
    type Err = MarkerError;

    fn from_str(text: &str) -> Result<Self, MarkerError> {
        if text.len() > MOST_BYTES {
            return Err(MarkerError("its marker is longer than any"));
        }
        Self::parse(&mut Lexer::new(text)).map_err(MarkerError)
    }
}

impl Marker {
    /// Whether the condition holds for a target, with these extras (normalised) asked for. `extra == 'x'`
    /// holds where `x` is among them.
    pub fn holds(&self, environment: &MarkerEnvironment, extras: &BTreeSet<String>) -> bool {
        match self {
            Self::And(all) => all.iter().all(|marker| marker.holds(environment, extras)),
            Self::Or(any) => any.iter().any(|marker| marker.holds(environment, extras)),
            Self::Compare { left, operator, right } => {
                compare(left, *operator, right, environment, extras)
            }
        }
    }

    /// Reads a condition to the end of the text.
    pub(super) fn parse(lexer: &mut Lexer<'_>) -> Result<Self, &'static str> {
        let marker = or(lexer, 0)?;
        lexer.at_end().then_some(marker).ok_or("something follows its marker")
    }
}

fn or(lexer: &mut Lexer<'_>, depth: usize) -> Result<Marker, &'static str> {
    let mut any = vec![and(lexer, depth)?];
    while lexer.take_word("or") {
        any.push(and(lexer, depth)?);
    }
    Ok(if any.len() == 1 { any.swap_remove(0) } else { Marker::Or(any) })
}

fn and(lexer: &mut Lexer<'_>, depth: usize) -> Result<Marker, &'static str> {
    let mut all = vec![comparison(lexer, depth)?];
    while lexer.take_word("and") {
        all.push(comparison(lexer, depth)?);
    }
    Ok(if all.len() == 1 { all.swap_remove(0) } else { Marker::And(all) })
}

fn comparison(lexer: &mut Lexer<'_>, depth: usize) -> Result<Marker, &'static str> {
    if lexer.take("(") {
        if depth == MOST_DEPTH {
            return Err("its marker has too many brackets within brackets");
        }
        let marker = or(lexer, depth + 1)?;
        return lexer.take(")").then_some(marker).ok_or("a bracket in its marker never closes");
    }
    let left = value(lexer)?;
    let operator = operator(lexer).ok_or("its marker has a comparison without an operator")?;
    let right = value(lexer)?;
    let membership = matches!(operator, MarkerOperator::In | MarkerOperator::NotIn);
    let asks_set = matches!(left, MarkerValue::Text(_)) && membership;
    if left.is_set() || (right.is_set() && !asks_set) {
        return Err("its marker asks a set for something else than whether a text is in it");
    }
    Ok(Marker::Compare { left, operator, right })
}

fn value(lexer: &mut Lexer<'_>) -> Result<MarkerValue, &'static str> {
    if let Some(text) = lexer.quoted()? {
        return Ok(MarkerValue::Text(text.to_owned()));
    }
    let variable = match lexer.word() {
        "python_version" => MarkerVariable::PythonVersion,
        "python_full_version" => MarkerVariable::PythonFullVersion,
        "os_name" | "os.name" => MarkerVariable::OsName,
        "sys_platform" | "sys.platform" => MarkerVariable::SysPlatform,
        "platform_release" => MarkerVariable::PlatformRelease,
        "platform_system" => MarkerVariable::PlatformSystem,
        "platform_version" | "platform.version" => MarkerVariable::PlatformVersion,
        "platform_machine" | "platform.machine" => MarkerVariable::PlatformMachine,
        "platform_python_implementation"
        | "platform.python_implementation"
        | "python_implementation" => MarkerVariable::PlatformPythonImplementation,
        "implementation_name" => MarkerVariable::ImplementationName,
        "implementation_version" => MarkerVariable::ImplementationVersion,
        "extra" => MarkerVariable::Extra,
        "extras" => MarkerVariable::Extras,
        "dependency_groups" => MarkerVariable::DependencyGroups,
        _ => return Err("its marker asks about something unknown"),
    };
    Ok(MarkerValue::Variable(variable))
}

/// Longer ones first, so that none is taken for the beginning of another.
const OPERATORS: [(&str, MarkerOperator); 8] = [
    ("===", MarkerOperator::Arbitrary),
    ("==", MarkerOperator::Equal),
    ("~=", MarkerOperator::Compatible),
    ("!=", MarkerOperator::NotEqual),
    ("<=", MarkerOperator::LessEqual),
    (">=", MarkerOperator::GreaterEqual),
    ("<", MarkerOperator::Less),
    (">", MarkerOperator::Greater),
];

fn operator(lexer: &mut Lexer<'_>) -> Option<MarkerOperator> {
    if lexer.take_word("in") {
        return Some(MarkerOperator::In);
    }
    if lexer.take_word("not") {
        return lexer.take_word("in").then_some(MarkerOperator::NotIn);
    }
    OPERATORS.into_iter().find(|(sign, _)| lexer.take(sign)).map(|(_, operator)| operator)
}

fn compare(
    left: &MarkerValue,
    operator: MarkerOperator,
    right: &MarkerValue,
    environment: &MarkerEnvironment,
    extras: &BTreeSet<String>,
) -> bool {
    if let (MarkerValue::Text(name), Some(set)) = (left, environment.set(right)) {
        return set.contains(&normalise_name(name)) == (operator == MarkerOperator::In);
    }
    let extra = MarkerValue::Variable(MarkerVariable::Extra);
    match (left, right) {
        (one, MarkerValue::Text(name)) if *one == extra => asks(extras, operator, name),
        (MarkerValue::Text(name), other) if *other == extra => asks(extras, operator, name),
        _ => {
            let text = |value: &MarkerValue| match value {
                MarkerValue::Variable(variable) => environment.value(*variable),
                MarkerValue::Text(text) => text.clone(),
            };
            let (left, right) = (text(left), text(right));
            by_version(&left, operator, &right).unwrap_or_else(|| by_text(&left, operator, &right))
        }
    }
}

fn asks(extras: &BTreeSet<String>, operator: MarkerOperator, name: &str) -> bool {
    let asked = extras.contains(&normalise_name(name));
    match operator {
        MarkerOperator::NotEqual | MarkerOperator::NotIn => !asked,
        MarkerOperator::Equal | MarkerOperator::Arbitrary => asked,
        // A list in one text, as nobody should write it: `extra in 'a,b'`.
        MarkerOperator::In => {
            name.split([',', ' ']).any(|name| extras.contains(&normalise_name(name)))
        }
        MarkerOperator::Less
        | MarkerOperator::LessEqual
        | MarkerOperator::Greater
        | MarkerOperator::GreaterEqual
        | MarkerOperator::Compatible => false,
    }
}

/// Where the right side can stand in a version specifier, and the left side is a version, that decides:
/// `'3.9' < '3.11'`.
fn by_version(left: &str, operator: MarkerOperator, right: &str) -> Option<bool> {
    let sign = OPERATORS.into_iter().find(|(_, known)| *known == operator)?.0;
    let version = parse_version(left)?;
    if right.len() > MOST_VERSION {
        return None;
    }
    let specifier: VersionSpecifier = format!("{sign}{}", right.trim()).parse().ok()?;
    Some(specifier.contains(&version))
}

fn by_text(left: &str, operator: MarkerOperator, right: &str) -> bool {
    match operator {
        MarkerOperator::Equal | MarkerOperator::Arbitrary => left == right,
        MarkerOperator::NotEqual => left != right,
        MarkerOperator::Less => left < right,
        MarkerOperator::LessEqual => left <= right,
        MarkerOperator::Greater => left > right,
        MarkerOperator::GreaterEqual => left >= right,
        MarkerOperator::In => right.contains(left),
        MarkerOperator::NotIn => !right.contains(left),
        // Of texts that are no versions this says nothing.
        MarkerOperator::Compatible => false,
    }
}
