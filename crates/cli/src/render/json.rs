//! JSON for programs. Every document says what it is: `{"schema": "lightship.<command>/<version>", …}`.
//! The rule for versions is in `docs/json/README.md`.

use std::fmt;
use std::io::{self, Write};

use serde::{Serialize, Serializer};

/// Names a document's shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schema {
    /// The command that writes it, its words joined by dots: `audit`, `image.history`.
    pub command: &'static str,
    /// Raised when something that was there is renamed, removed or means something else.
    pub version: u32,
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lightship.{}/{}", self.command, self.version)
    }
}

impl Serialize for Schema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a command prints with `--format json`: a struct (or map), whose fields follow `schema`.
pub trait Document: Serialize {
    /// What shape it has.
    const SCHEMA: Schema;
}

#[derive(Serialize)]
struct Envelope<'a, T> {
    schema: Schema,
    #[serde(flatten)]
    document: &'a T,
}

/// Writes one document, indented, with a line end.
pub fn write<T: Document>(out: &mut impl Write, document: &T) -> io::Result<()> {
    // Through a buffer of its own, so that a document that cannot be written leaves no half of it.
    let envelope = Envelope { schema: T::SCHEMA, document };
    let mut bytes = serde_json::to_vec_pretty(&envelope)?;
    bytes.push(b'\n');
    out.write_all(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Sizes {
        stored_bytes: u64,
        name: Option<&'static str>,
    }

    impl Document for Sizes {
        const SCHEMA: Schema = Schema { command: "image.sizes", version: 2 };
    }

    #[test]
    fn the_schema_comes_first_and_large_numbers_stay_exact() {
        let mut bytes = Vec::new();
        write(&mut bytes, &Sizes { stored_bytes: u64::MAX, name: None }).unwrap();
        insta::assert_snapshot!(String::from_utf8(bytes).unwrap(), @r#"
        {
          "schema": "lightship.image.sizes/2",
          "stored_bytes": 18446744073709551615,
          "name": null
        }
        "#);
    }
}
