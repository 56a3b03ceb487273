//! What the user declares to stand for a secret or config map.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use lightship_engine::{Failure, Reason};

use super::Kind;

/// No value has more bytes: *Kubernetes, Secrets*, where a whole secret has at most a mebibyte.
const MOST: u64 = 1 << 20;

/// The keys of a secret or config map.
#[derive(Debug, Clone, Default)]
pub struct Declared(BTreeMap<String, Value>);

/// Where the value of a key is.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// In a file, which is read when a task takes it.
    File(PathBuf),
    /// Here.
    Bytes(Vec<u8>),
    /// It should be in this variable, which is not set.
    Unset(String),
}

impl fmt::Debug for Value {
    /// Without the bytes, which may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Bytes(_) => f.write_str("Bytes(…)"),
            Self::Unset(variable) => f.debug_tuple("Unset").field(variable).finish(),
        }
    }
}

impl FromIterator<(String, Value)> for Declared {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}

impl Declared {
    pub(crate) fn keys(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }

    /// The value of a key; none where there is no such key.
    pub(crate) fn value(
        &self,
        kind: Kind,
        name: &str,
        key: &str,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let Some(value) = self.0.get(key) else { return Ok(None) };
        value.read().map(Some).map_err(|why| {
            let message = format!("`{key}` of the {} `{name}`: {why}", kind.word());
            Failure::new(Reason::Start, message)
        })
    }
}

impl Value {
    fn read(&self) -> Result<Vec<u8>, String> {
        let path = match self {
            Self::Bytes(bytes) => return Ok(bytes.clone()),
            Self::Unset(variable) => return Err(format!("the variable {variable} is not set")),
            Self::File(path) => path,
        };
        let failed = |error| format!("cannot read {}: {error}", path.display());
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes))
            .map_err(failed)?;
        if bytes.len() as u64 > MOST {
            return Err(format!("{} has more than {MOST} bytes", path.display()));
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_never_shown() {
        let declared: Declared =
            [("k".to_owned(), Value::Bytes(b"hush".to_vec()))].into_iter().collect();
        assert_eq!(declared.value(Kind::Secret, "s", "k").unwrap().unwrap(), b"hush");
        assert!(
            !format!("{declared:?}").contains("hush") && !format!("{declared:?}").contains("104")
        );
    }

    #[test]
    fn a_value_that_is_not_there_is_told_with_its_place() {
        let declared: Declared = [
            ("v".to_owned(), Value::Unset("TOKEN".to_owned())),
            ("f".to_owned(), Value::File("/no/such/file".into())),
        ]
        .into_iter()
        .collect();
        let why = |key: &str| declared.value(Kind::Secret, "s", key).unwrap_err().message;
        assert_eq!(why("v"), "`v` of the secret `s`: the variable TOKEN is not set");
        assert!(why("f").starts_with("`f` of the secret `s`: cannot read /no/such/file: "));
        assert_eq!(declared.value(Kind::Secret, "s", "x"), Ok(None));
    }
}
