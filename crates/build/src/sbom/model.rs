//! The parts of a document (*`CycloneDX` 1.6, bom-1.6.schema.json*) that we write.

use lightship_base::{Digest, Timestamp};
use lightship_oci::spec::Platform;
use lightship_packages::purl::Purl;
use serde::Serialize;

use super::Licence;
use super::graph::Dependency;

/// A bill of materials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sbom {
    #[serde(rename = "$schema")]
    schema: &'static str,
    bom_format: &'static str,
    spec_version: &'static str,
    serial_number: String,
    version: u32,
    metadata: Metadata,
    components: Vec<Component>,
    dependencies: Vec<Dependency>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    compositions: Vec<Composition>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Metadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
    lifecycles: [Lifecycle; 1],
    tools: Tools,
    component: Component,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Lifecycle {
    phase: Phase,
}

/// When what is in the document became known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Phase {
    Build,
    PostBuild,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Tools {
    components: [Component; 1],
}

/// Something that the image has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Component {
    #[serde(rename = "type")]
    pub(super) kind: Kind,
    #[serde(rename = "bom-ref", skip_serializing_if = "Option::is_none")]
    pub(super) bom_ref: Option<String>,
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) hashes: Vec<Hash>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) licenses: Vec<LicenceChoice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) purl: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) components: Vec<Component>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) properties: Vec<Property>,
}

/// What kind of thing a component is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    Container,
    Application,
    Library,
}

/// Either an expression, which then stands alone, or any number of licences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum LicenceChoice {
    Expression(String),
    License(LicenceName),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum LicenceName {
    Id(String),
    Name(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Hash {
    alg: &'static str,
    content: String,
}

/// What only we have a word for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Property {
    name: &'static str,
    value: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Composition {
    aggregate: Aggregate,
    assemblies: [String; 1],
}

/// Whether the list of components is all there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Aggregate {
    Complete,
    Incomplete,
    Unknown,
}

/// What a document is about, and what is in it.
pub(super) struct Parts {
    pub(super) created: Option<Timestamp>,
    pub(super) phase: Phase,
    pub(super) subject: Component,
    pub(super) components: Vec<Component>,
    pub(super) dependencies: Vec<Dependency>,
    pub(super) aggregate: Aggregate,
}

impl Sbom {
    pub(super) fn new(parts: Parts) -> Self {
        let about = parts.subject.bom_ref.clone().unwrap_or_default();
        let tool = Component {
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            ..Component::new(Kind::Application, "lightship")
        };
        let mut sbom = Self {
            schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
            bom_format: "CycloneDX",
            spec_version: "1.6",
            serial_number: String::new(),
            version: 1,
            metadata: Metadata {
                timestamp: parts.created.map(|time| time.to_string()),
                lifecycles: [Lifecycle { phase: parts.phase }],
                tools: Tools { components: [tool] },
                component: parts.subject,
            },
            components: parts.components,
            dependencies: parts.dependencies,
            compositions: vec![Composition { aggregate: parts.aggregate, assemblies: [about] }],
        };
        sbom.serial_number = serial_number(&Digest::of(&sbom.to_json()));
        sbom
    }

    /// The document: one line an entry, in an order that nothing but the content decides.
    pub fn to_json(&self) -> Vec<u8> {
        let mut bytes = serde_json::to_vec_pretty(self).expect("its keys are strings");
        bytes.push(b'\n');
        bytes
    }

    /// How many components it has, the image itself not among them.
    pub fn len(&self) -> usize {
        self.components.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.components.is_empty()
    }

    /// The time that it carries, in RFC 3339.
    pub fn created(&self) -> Option<&str> {
        self.metadata.timestamp.as_deref()
    }
}

/// A UUID of version 8, made from a SHA-256 (*RFC 9562, 5.8 and appendix B.2*).
fn serial_number(content: &Digest) -> String {
    let hex = content.hex();
    let variant = match &hex[16..17] {
        "0" | "4" | "8" | "c" => '8',
        "1" | "5" | "9" | "d" => '9',
        "2" | "6" | "a" | "e" => 'a',
        _ => 'b',
    };
    format!(
        "urn:uuid:{}-{}-8{}-{variant}{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..32]
    )
}

impl Component {
    pub(super) fn new(kind: Kind, name: &str) -> Self {
        Self {
            kind,
            bom_ref: None,
            name: name.to_owned(),
            version: None,
            hashes: Vec::new(),
            licenses: Vec::new(),
            purl: None,
            components: Vec::new(),
            properties: Vec::new(),
        }
    }

    /// The image itself. It has no registry in its package URL: where it is kept is not what it is.
    pub(super) fn image(name: &str, digest: &Digest, platform: &Platform) -> Self {
        let purl = Purl::new("oci", name.rsplit('/').next().unwrap_or(name))
            .with_version(&digest.to_string())
            .with_qualifier("arch", &platform.architecture)
            .to_string();
        Self {
            bom_ref: Some(purl.clone()),
            purl: Some(purl),
            hashes: vec![Hash::sha256(digest)],
            ..Self::new(Kind::Container, name)
        }
    }

    /// An expression says everything; beside it no other licence may stand.
    pub(super) fn set_licences(&mut self, licences: &[Licence]) {
        let choice = |licence: &Licence| match licence {
            Licence::Expression(text) => LicenceChoice::Expression(text.clone()),
            Licence::Id(id) => LicenceChoice::License(LicenceName::Id(id.clone())),
            Licence::Name(name) => LicenceChoice::License(LicenceName::Name(name.clone())),
        };
        let expression = licences.iter().find(|one| matches!(one, Licence::Expression(_)));
        self.licenses = match expression {
            Some(expression) => vec![choice(expression)],
            None => licences.iter().map(choice).collect(),
        };
    }

    pub(super) fn note(&mut self, name: &'static str, value: impl Into<String>) {
        self.properties.push(Property { name, value: value.into() });
    }
}

impl Hash {
    pub(super) fn sha256(digest: &Digest) -> Self {
        Self { alg: "SHA-256", content: digest.hex() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_are_uuids_of_version_8() {
        let number = serial_number(&Digest::of(b"anything"));
        let uuid = number.strip_prefix("urn:uuid:").unwrap();
        let parts: Vec<&str> = uuid.split('-').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert!(parts[2].starts_with('8'));
        assert!(parts[3].starts_with(['8', '9', 'a', 'b']));
        assert_ne!(number, serial_number(&Digest::of(b"another thing")));
    }
}
