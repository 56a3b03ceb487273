//! What a person wants to know of a document, whoever wrote it.

use serde::Deserialize;
use serde_json::Value;

/// A bill of materials in short.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// What it is about.
    pub subject: Option<String>,
    /// When it was made, or what it is about was.
    pub created: Option<String>,
    /// Who wrote it: name and version.
    pub tool: Option<String>,
    /// What there is, by kind and name.
    pub lines: Vec<Line>,
}

/// One component.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// The type of its package URL (`deb`, `pypi`), or what sort of component it is.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Its licences, in a word each.
    pub licences: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    bom_format: String,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    components: Vec<Component>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    timestamp: Option<String>,
    component: Option<Component>,
    #[serde(default)]
    tools: Value,
}

#[derive(Deserialize)]
struct Component {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    name: String,
    version: Option<String>,
    purl: Option<String>,
    #[serde(default)]
    licenses: Vec<Value>,
}

impl Summary {
    /// Reads a document of any version of the format. Anything may be fed to it.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        use serde::de::Error as _;
        let document: Document = serde_json::from_slice(bytes)?;
        if document.bom_format != "CycloneDX" {
            return Err(serde_json::Error::custom("it is no document of CycloneDX"));
        }
        let mut lines: Vec<Line> = document.components.into_iter().map(line).collect();
        lines.sort();
        let Metadata { timestamp, component, tools } = document.metadata;
        Ok(Self {
            subject: component.map(|one| named(&one.name, one.version.as_deref())),
            created: timestamp,
            tool: tool(&tools),
            lines,
        })
    }
}

fn line(component: Component) -> Line {
    let by_purl = component.purl.as_deref().and_then(|purl| purl.strip_prefix("pkg:"));
    let by_purl = by_purl.and_then(|rest| rest.split('/').next()).map(str::to_owned);
    Line {
        kind: by_purl.unwrap_or(component.kind),
        name: component.name,
        version: component.version,
        licences: component.licenses.iter().filter_map(licence).collect(),
    }
}

fn licence(entry: &Value) -> Option<String> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let inner = entry.get("license");
    text(entry, "expression").or_else(|| text(inner?, "id")).or_else(|| text(inner?, "name"))
}

/// Until 1.4 a list, from 1.5 on an object with components.
fn tool(tools: &Value) -> Option<String> {
    let list = tools.get("components").unwrap_or(tools);
    let first = list.as_array()?.first()?;
    let text = |key: &str| first.get(key).and_then(Value::as_str);
    Some(named(text("name")?, text("version")))
}

fn named(name: &str, version: Option<&str>) -> String {
    version.map_or_else(|| name.to_owned(), |version| format!("{name} {version}"))
}
