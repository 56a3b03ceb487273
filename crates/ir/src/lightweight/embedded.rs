//! Files that the SDK puts into a source: an embedded artifact, or a notebook, as a tar.gz in base64.

use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use serde_json::Value;

use super::Lightweight;

/// Far more than the megabyte from which on the SDK warns.
const MAX_BYTES: u64 = 256 << 20;

/// Files within a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embedded<'s> {
    base64: &'s str,
    /// The notebook among them, where there is one: its path in the archive.
    pub notebook: Option<String>,
}

/// Why files within a source cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the archive within the step's source cannot be read: {0}")]
pub struct EmbeddedError(String);

impl Lightweight {
    /// The files within its source.
    pub fn embedded(&self) -> Option<Embedded<'_>> {
        let source = self.source()?;
        let archive = assigned(source, "__KFP_EMBEDDED_ARCHIVE_B64")?;
        let notebook = assigned(source, "__KFP_NOTEBOOK_REL_PATH").map(str::to_owned);
        Some(Embedded { base64: archive, notebook })
    }
}

/// The text that a name is set to, at the beginning of a line.
fn assigned<'s>(source: &'s str, name: &str) -> Option<&'s str> {
    source.lines().find_map(|line| {
        let value = line.strip_prefix(name)?.trim_start().strip_prefix('=')?.trim();
        let quote = value.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        value[1..].split_once(quote).map(|(text, _)| text)
    })
}

impl Embedded<'_> {
    /// The files, with their paths in the archive. Folders and links are left out.
    pub fn files(&self) -> Result<Vec<(String, Vec<u8>)>, EmbeddedError> {
        let failed = |error: &dyn std::fmt::Display| EmbeddedError(error.to_string());
        let bytes = STANDARD.decode(self.base64).map_err(|error| failed(&error))?;
        let mut tar = tar::Archive::new(GzDecoder::new(&bytes[..]).take(MAX_BYTES));
        let mut files = Vec::new();
        for entry in tar.entries().map_err(|error| failed(&error))? {
            let mut entry = entry.map_err(|error| failed(&error))?;
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).map_err(|error| failed(&error))?;
            files.push((path.trim_start_matches("./").to_owned(), content));
        }
        Ok(files)
    }

    /// The code of the notebook's cells, one after the other. None where there is no notebook, or none that can be
    /// read.
    pub fn notebook_source(&self) -> Option<String> {
        let wanted = self.notebook.as_deref()?;
        let (_, content) = self.files().ok()?.into_iter().find(|(path, _)| path == wanted)?;
        let notebook: Value = serde_json::from_slice(&content).ok()?;
        let code = |cell: &&Value| cell.get("cell_type").and_then(Value::as_str) == Some("code");
        let text = |cell: &Value| match cell.get("source") {
            Some(Value::Array(lines)) => lines.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(text)) => text.clone(),
            _ => String::new(),
        };
        let cells: Vec<String> =
            notebook.get("cells")?.as_array()?.iter().filter(code).map(text).collect();
        Some(cells.join("\n"))
    }
}
