//! The control paragraph of a package (*deb-control(5)*).

use std::fmt;

/// A package's control paragraph: one that names a package which can be named in paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    text: String,
    /// In the order of the file; continuation lines joined by newlines.
    fields: Vec<(String, String)>,
}

/// Why a control paragraph cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// It is not UTF-8.
    #[error("it is not UTF-8")]
    Encoding,
    /// A line is neither a field nor the continuation of one.
    #[error("line {0} is neither a field nor the continuation of one")]
    Line(usize),
    /// There is a second paragraph.
    #[error("it has more than one paragraph")]
    Paragraphs,
    /// A field stands there twice.
    #[error("the field `{0}` stands there twice")]
    Twice(String),
    /// A field is missing or is not what it has to be.
    #[error("its field `{field}` is missing or wrong: `{value}`")]
    Field {
        /// Which.
        field: &'static str,
        /// What it says, shortened.
        value: String,
    },
}

/// One place of a dependency list: any of the packages will do. Names only, without versions and
/// architectures; the first is the one that its maintainer prefers.
pub type Alternatives = Vec<String>;

impl Control {
    /// Reads a control file.
    pub fn parse(bytes: &[u8]) -> Result<Self, ControlError> {
        let text = str::from_utf8(bytes).map_err(|_| ControlError::Encoding)?;
        let control = Self { text: format!("{}\n", text.trim()), fields: fields(text)? };
        control.check("Package", is_name)?;
        control.check("Version", is_version)?;
        control.check("Architecture", is_name)?;
        Ok(control)
    }

    /// The paragraph as it is, ending in a newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// `Package`: lower-case letters, digits, `+`, `-` and `.`.
    pub fn package(&self) -> &str {
        self.get("Package").unwrap_or_default()
    }

    /// `Version`.
    pub fn version(&self) -> &str {
        self.get("Version").unwrap_or_default()
    }

    /// `Architecture`.
    pub fn architecture(&self) -> &str {
        self.get("Architecture").unwrap_or_default()
    }

    /// A field's value, trimmed; names of fields know no case.
    pub fn get(&self, field: &str) -> Option<&str> {
        let same = |(name, _): &&(String, String)| name.eq_ignore_ascii_case(field);
        self.fields.iter().find(same).map(|(_, value)| value.as_str())
    }

    /// Whether the package says `Essential: yes`.
    pub fn is_essential(&self) -> bool {
        self.get("Essential") == Some("yes")
    }

    /// The packages of a field such as `Depends`, `Provides` or `Replaces`.
    pub fn relations(&self, field: &str) -> Vec<Alternatives> {
        let list = self.get(field).unwrap_or_default();
        list.split(',')
            .map(|place| place.split('|').map(bare_name).filter(|name| !name.is_empty()).collect())
            .filter(|place: &Alternatives| !place.is_empty())
            .collect()
    }

    fn check(&self, field: &'static str, is_fine: fn(&str) -> bool) -> Result<(), ControlError> {
        match self.get(field) {
            Some(value) if is_fine(value) => Ok(()),
            value => {
                let value = value.unwrap_or_default().chars().take(80).collect();
                Err(ControlError::Field { field, value })
            }
        }
    }
}

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.package(), self.version())
    }
}

fn fields(text: &str) -> Result<Vec<(String, String)>, ControlError> {
    let mut fields: Vec<(String, String)> = Vec::new();
    let mut ended = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            ended = !fields.is_empty();
        } else if ended {
            return Err(ControlError::Paragraphs);
        } else if line.starts_with([' ', '\t']) {
            let (_, value) = fields.last_mut().ok_or(ControlError::Line(number + 1))?;
            value.push('\n');
            value.push_str(line.trim());
        } else {
            let (name, value) = line.split_once(':').ok_or(ControlError::Line(number + 1))?;
            if fields.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                return Err(ControlError::Twice(name.chars().take(80).collect()));
            }
            fields.push((name.to_owned(), value.trim().to_owned()));
        }
    }
    Ok(fields)
}

/// `libc6 (>= 2.34)` and `python3:any` without what follows the name.
fn bare_name(relation: &str) -> String {
    let name = relation.trim().split(['(', '[', '<', ':', ' ', '\n']).next().unwrap_or_default();
    name.to_owned()
}

/// *Debian Policy, 5.6.7*; the same letters as in the names of architectures. It becomes a file name.
fn is_name(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() <= 200
        && text.bytes().next().is_some_and(is_letter)
        && text.bytes().all(|byte| is_letter(byte) || b"+-.".contains(&byte))
}

/// *Debian Policy, 5.6.12*.
fn is_version(text: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b".+-~:".contains(&byte);
    !text.is_empty() && text.len() <= 200 && text.bytes().all(is_fine)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Package: libpython3.11-stdlib
Version: 3.11.2-6+deb12u9
Architecture: amd64
essential: yes
Depends: libpython3.11-minimal (= 3.11.2-6), media-types | mime-support,
 libbz2-1.0,python3:any [amd64]
Description: one line
 more
 .
 and more
";

    #[test]
    fn fields_and_relations_are_found() {
        let control = Control::parse(TEXT.as_bytes()).unwrap();
        assert_eq!(control.to_string(), "libpython3.11-stdlib 3.11.2-6+deb12u9");
        assert_eq!(control.architecture(), "amd64");
        assert!(control.is_essential());
        assert_eq!(
            control.relations("depends"),
            [
                vec!["libpython3.11-minimal"],
                vec!["media-types", "mime-support"],
                vec!["libbz2-1.0"],
                vec!["python3"]
            ]
        );
        assert!(control.relations("Provides").is_empty());
        assert_eq!(control.text(), TEXT);
    }

    #[test]
    fn what_cannot_be_a_package_is_refused() {
        let with = |name: &str| format!("Package: {name}\nVersion: 1\nArchitecture: all\n");
        assert!(Control::parse(with("a+b.c-d").as_bytes()).is_ok());
        for name in ["", "../x", "a/b", "A", "-a", ".", "a b", "a\u{e9}"] {
            let error = Control::parse(with(name).as_bytes()).unwrap_err();
            assert!(matches!(error, ControlError::Field { field: "Package", .. }), "{name}");
        }
        let twice = format!("{}package: other\n", with("a"));
        assert_eq!(
            Control::parse(twice.as_bytes()),
            Err(ControlError::Twice("package".to_owned()))
        );
        let two = format!("{0}\n{0}", with("a"));
        assert_eq!(Control::parse(two.as_bytes()), Err(ControlError::Paragraphs));
        assert_eq!(Control::parse(b" x"), Err(ControlError::Line(1)));
        assert_eq!(Control::parse(b"\xff"), Err(ControlError::Encoding));
    }
}
