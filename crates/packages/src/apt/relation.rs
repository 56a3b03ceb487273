//! What one package says about others: `Depends`, `Conflicts`, `Provides` and their kin
//! (*deb-control(5)*, *Debian policy, 7*).

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use super::version::{DebVersion, ParseVersionError};

/// One item between two commas: any one of the alternatives will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// In their order, which is an order of preference. At least one.
    pub alternatives: Vec<Alternative>,
}

/// One item between two bars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alternative {
    /// The package, or what others provide under this name.
    pub name: String,
    /// What stands behind a colon.
    pub qualifier: Option<Qualifier>,
    /// Which versions will do; all where there is none.
    pub version: Option<Constraint>,
    /// `[amd64 !i386]`: on which architectures this counts at all; on all where there are none.
    pub architectures: Vec<String>,
}

/// Which architecture's package is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Qualifier {
    /// `:any`.
    Any,
    /// `:native`.
    Native,
    /// `:arm64`.
    Architecture(String),
}

/// `(>= 1.2)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constraint {
    /// How.
    pub relation: Relation,
    /// To which version.
    pub version: DebVersion,
}

/// How a version must stand to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// `<<`
    Earlier,
    /// `<=`
    EarlierOrEqual,
    /// `=`
    Equal,
    /// `>=`
    LaterOrEqual,
    /// `>>`
    Later,
}

/// One item of `Provides`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provided {
    /// The name.
    pub name: String,
    /// The version; without one no constraint on a version is met.
    pub version: Option<DebVersion>,
}

/// Why a text is no list of relations.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseRelationError {
    /// A name is missing, or has a character that none has.
    #[error("`{0}` does not begin with a package's name")]
    Name(String),
    /// A bracket is not closed, or something stands behind the last one.
    #[error("`{0}` is not a name with a version and architectures")]
    Shape(String),
    /// An operator is unknown.
    #[error("`{0}` is not `<<`, `<=`, `=`, `>=` or `>>`")]
    Operator(String),
    /// A version is none.
    #[error(transparent)]
    Version(#[from] ParseVersionError),
}

/// Reads a field such as `Depends`. Empty items, which some tools leave behind, are passed over.
pub fn parse_dependencies(field: &str) -> Result<Vec<Dependency>, ParseRelationError> {
    items(field).map(str::parse).collect()
}

/// Reads `Provides`.
pub fn parse_provides(field: &str) -> Result<Vec<Provided>, ParseRelationError> {
    items(field)
        .map(|item| {
            let Alternative { name, version, .. } = item.parse()?;
            Ok(Provided { name, version: version.map(|constraint| constraint.version) })
        })
        .collect()
}

fn items(field: &str) -> impl Iterator<Item = &str> {
    field.split(',').map(str::trim).filter(|item| !item.is_empty())
}

impl Dependency {
    /// Any version of a package.
    pub fn on(name: impl Into<String>) -> Self {
        let name = name.into();
        let alternative =
            Alternative { name, qualifier: None, version: None, architectures: Vec::new() };
        Self { alternatives: vec![alternative] }
    }
}

impl FromStr for Dependency {
    type Err = ParseRelationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let alternatives = text.split('|').map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self { alternatives })
    }
}

impl FromStr for Alternative {
    type Err = ParseRelationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let shown = || text.chars().take(100).collect::<String>();
        let end = text.find(|c: char| !is_name(c)).unwrap_or(text.len());
        let (name, mut rest) = text.split_at(end);
        if name.is_empty() || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return Err(ParseRelationError::Name(shown()));
        }
        let mut qualifier = None;
        if let Some(behind) = rest.strip_prefix(':') {
            let end = behind.find(|c: char| !is_name(c)).unwrap_or(behind.len());
            qualifier = Some(match &behind[..end] {
                "" => return Err(ParseRelationError::Shape(shown())),
                "any" => Qualifier::Any,
                "native" => Qualifier::Native,
                other => Qualifier::Architecture(other.to_owned()),
            });
            rest = &behind[end..];
        }
        let version = bracket(&mut rest, '(', ')').map(str::parse).transpose()?;
        let architectures = bracket(&mut rest, '[', ']').unwrap_or_default();
        let architectures = architectures.split_whitespace().map(str::to_owned).collect();
        // Build profiles mean nothing for packages that are built.
        while bracket(&mut rest, '<', '>').is_some() {}
        if !rest.trim().is_empty() {
            return Err(ParseRelationError::Shape(shown()));
        }
        Ok(Self { name: name.to_owned(), qualifier, version, architectures })
    }
}

/// Cuts a bracket off the beginning.
fn bracket<'a>(rest: &mut &'a str, open: char, close: char) -> Option<&'a str> {
    let (inner, behind) = rest.trim_start().strip_prefix(open)?.split_once(close)?;
    *rest = behind;
    Some(inner.trim())
}

/// *Debian policy, 5.6.1*; upper case and underscores occur outside Debian.
fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+-._".contains(c)
}

impl FromStr for Constraint {
    type Err = ParseRelationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let end = text.find(|c| !"<>=".contains(c)).unwrap_or(text.len());
        let relation = match &text[..end] {
            "<<" => Relation::Earlier,
            // The single signs are from before 1996 and mean this.
            "<=" | "<" => Relation::EarlierOrEqual,
            "=" => Relation::Equal,
            ">=" | ">" => Relation::LaterOrEqual,
            ">>" => Relation::Later,
            other => return Err(ParseRelationError::Operator(other.chars().take(20).collect())),
        };
        Ok(Self { relation, version: text[end..].trim().parse()? })
    }
}

impl Constraint {
    /// Whether a version will do.
    pub fn allows(&self, version: &str) -> bool {
        let order = super::version::compare(version, self.version.as_str());
        match self.relation {
            Relation::Earlier => order == Ordering::Less,
            Relation::EarlierOrEqual => order != Ordering::Greater,
            Relation::Equal => order == Ordering::Equal,
            Relation::LaterOrEqual => order != Ordering::Less,
            Relation::Later => order == Ordering::Greater,
        }
    }
}

impl Alternative {
    /// Whether packages for an architecture can meet it.
    pub fn is_met_on(&self, architecture: &str) -> bool {
        match &self.qualifier {
            None | Some(Qualifier::Any | Qualifier::Native) => true,
            Some(Qualifier::Architecture(own)) => own == architecture,
        }
    }

    /// Whether it counts on an architecture at all. A list has only names that count or only names that
    /// do not (*Debian policy, 7.1*).
    pub fn counts_on(&self, architecture: &str) -> bool {
        let Some(first) = self.architectures.first() else { return true };
        let among = self
            .architectures
            .iter()
            .any(|pattern| matches(pattern.trim_start_matches('!'), architecture));
        among != first.starts_with('!')
    }

    /// Whether a version will do.
    pub fn allows(&self, version: &str) -> bool {
        self.version.as_ref().is_none_or(|constraint| constraint.allows(version))
    }
}

/// *Debian policy, 11.1.1*: Linux is the only kernel here.
fn matches(pattern: &str, architecture: &str) -> bool {
    match pattern.strip_prefix("any-").or_else(|| pattern.strip_prefix("linux-")) {
        Some("any") => true,
        Some(cpu) => cpu == architecture,
        None => pattern == "any" || pattern == architecture,
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, alternative) in self.alternatives.iter().enumerate() {
            if at > 0 {
                f.write_str(" | ")?;
            }
            alternative.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Alternative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        match &self.qualifier {
            None => {}
            Some(Qualifier::Any) => f.write_str(":any")?,
            Some(Qualifier::Native) => f.write_str(":native")?,
            Some(Qualifier::Architecture(name)) => write!(f, ":{name}")?,
        }
        if let Some(Constraint { relation, version }) = &self.version {
            write!(f, " ({relation} {version})")?;
        }
        if !self.architectures.is_empty() {
            write!(f, " [{}]", self.architectures.join(" "))?;
        }
        Ok(())
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Earlier => "<<",
            Self::EarlierOrEqual => "<=",
            Self::Equal => "=",
            Self::LaterOrEqual => ">=",
            Self::Later => ">>",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_read_and_written_back() {
        let field = "libc6 (>= 2.36), debconf (>= 0.5) | debconf-2.0, python3:any (<< 3.12),\n libx [amd64 !i386],";
        let read = parse_dependencies(field).unwrap();
        let written: Vec<String> = read.iter().map(ToString::to_string).collect();
        assert_eq!(
            written,
            [
                "libc6 (>= 2.36)",
                "debconf (>= 0.5) | debconf-2.0",
                "python3:any (<< 3.12)",
                "libx [amd64 !i386]"
            ]
        );
        assert!(parse_dependencies(" ").unwrap().is_empty());
        assert_eq!(parse_dependencies("g++(>=4:1)").unwrap()[0].to_string(), "g++ (>= 4:1)");
    }

    #[test]
    fn constraints_hold_or_not() {
        let cases = [
            ("a (<< 2)", "1", true),
            ("a (<< 2)", "2", false),
            ("a (<= 2)", "2", true),
            ("a (< 2)", "2", true),
            ("a (= 1:2)", "2", false),
            ("a (>= 2)", "2~rc1", false),
            ("a (>> 2)", "2-1", true),
            ("a", "0", true),
        ];
        for (text, version, holds) in cases {
            let alternative: Alternative = text.parse().unwrap();
            assert_eq!(alternative.allows(version), holds, "{text}: {version}");
        }
    }

    #[test]
    fn architectures_count_or_not() {
        let cases = [
            ("a", true),
            ("a [amd64]", true),
            ("a [i386 arm64]", false),
            ("a [!i386]", true),
            ("a [!amd64]", false),
            ("a [linux-any]", true),
            ("a [any-amd64] <!nocheck>", true),
        ];
        for (text, counts) in cases {
            assert_eq!(text.parse::<Alternative>().unwrap().counts_on("amd64"), counts, "{text}");
        }
    }

    #[test]
    fn a_colon_chooses_an_architecture() {
        for (text, met) in [("a", true), ("a:any", true), ("a:amd64", true), ("a:i386", false)] {
            assert_eq!(text.parse::<Alternative>().unwrap().is_met_on("amd64"), met, "{text}");
        }
    }

    #[test]
    fn provided_names_may_have_versions() {
        let provided = parse_provides("awk, python3.11-venv (= 3.11.2-6)").unwrap();
        assert_eq!(provided[0].version, None);
        assert_eq!(provided[1].version.as_ref().unwrap().as_str(), "3.11.2-6");
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["|", "a |", "(>= 1)", "a (1)", "a (>= )", "a (>= 1", "a b", "a:", "a [x", "-a"]
        {
            assert!(text.parse::<Dependency>().is_err(), "{text}");
        }
    }
}
