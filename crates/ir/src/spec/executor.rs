//! Executors.

use lightship_base::ByteSize;
use serde_json::Value;

use super::{Node, component::artifact_type};
use crate::plan::{Accelerator, Amount, ArtifactType, Resources};
use crate::problem::Fault;
use crate::quantity::{self, Cpu};
use crate::template::Template;

/// What an executor's document says.
#[derive(Debug)]
pub(crate) enum ExecutorSpec {
    Container {
        image: String,
        command: Vec<String>,
        args: Vec<String>,
        env: Vec<(String, String)>,
        resources: Resources,
        pre_cache_check: Vec<String>,
    },
    Importer {
        uri: ImporterUri,
        kind: ArtifactType,
        metadata: Value,
        reimport: bool,
        download_to_workspace: bool,
    },
    /// Something that was refused when it was read.
    Refused,
}

#[derive(Debug)]
pub(crate) enum ImporterUri {
    Constant(String),
    /// An input parameter of the importer's own component.
    Input(String),
}

pub(super) fn read(node: &Node<'_>) -> ExecutorSpec {
    let (container, importer) = (node.get("container"), node.get("importer"));
    if !container.is_absent() {
        return read_container(&container);
    }
    if !importer.is_absent() {
        return read_importer(&importer);
    }
    let unsupported = [
        ("resolver", "an executor that looks for artifacts of earlier runs (`resolver`)"),
        ("customJob", "an executor of Google's platform (`customJob`)"),
    ];
    let found = unsupported.into_iter().find(|(key, _)| !node.get(key).is_absent());
    match found {
        Some((_, what)) => node.fault(Fault::Unsupported(what)),
        None => node.fault(Fault::NoneOf(&["`container`", "`importer`"])),
    }
    ExecutorSpec::Refused
}

fn read_container(node: &Node<'_>) -> ExecutorSpec {
    let variable = |node: &Node<'_>| {
        (node.get("name").required_text(), node.get("value").scalar().unwrap_or_default())
    };
    let hook = node.get("lifecycle").get("preCacheCheck");
    ExecutorSpec::Container {
        image: node.get("image").required_text(),
        command: node.get("command").texts(),
        args: node.get("args").texts(),
        env: node.get("env").items().iter().map(variable).collect(),
        resources: resources(&node.get("resources")),
        pre_cache_check: hook
            .get("command")
            .texts()
            .into_iter()
            .chain(hook.get("args").texts())
            .collect(),
    }
}

fn resources(node: &Node<'_>) -> Resources {
    let cpu = |new: &str, old: &str| {
        amount(&node.get(new), "number of CPUs", quantity::cpu).or_else(|| old_cpu(&node.get(old)))
    };
    let memory = |new: &str, old: &str| {
        let new = amount(&node.get(new), "amount of memory", quantity::memory);
        new.or_else(|| old_memory(&node.get(old)))
    };
    Resources {
        cpu_request: cpu("resourceCpuRequest", "cpuRequest"),
        cpu_limit: cpu("resourceCpuLimit", "cpuLimit"),
        memory_request: memory("resourceMemoryRequest", "memoryRequest"),
        memory_limit: memory("resourceMemoryLimit", "memoryLimit"),
        accelerator: accelerator(&node.get("accelerator")),
    }
}

fn amount<T>(
    node: &Node<'_>,
    what: &'static str,
    read: impl Fn(&str) -> Option<T>,
) -> Option<Amount<T>> {
    let text = node.scalar()?;
    match Template::parse(&text) {
        Ok(template) if !template.is_literal() => return Some(Amount::Template(template)),
        Ok(_) => {}
        Err(error) => {
            node.fault(error.into());
            return None;
        }
    }
    let amount = read(&text);
    if amount.is_none() {
        node.fault(Fault::Quantity { what, text });
    }
    amount.map(Amount::Fixed)
}

/// The older fields are numbers, and 0 is none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "its bounds are compared"
)]
fn rounded(node: &Node<'_>, factor: f64) -> Option<u64> {
    let amount = node.number().filter(|number| *number != 0.0)? * factor;
    if (0.0..9e18).contains(&amount) {
        return Some(amount.round() as u64);
    }
    node.fault(Fault::Bounds { got: amount.to_string(), why: "it is an amount of something" });
    None
}

fn old_cpu(node: &Node<'_>) -> Option<Amount<Cpu>> {
    rounded(node, 1000.0).map(|thousandths| Amount::Fixed(Cpu(thousandths)))
}

/// In GB of 10^9 bytes.
fn old_memory(node: &Node<'_>) -> Option<Amount<ByteSize>> {
    rounded(node, 1e9).map(|bytes| Amount::Fixed(ByteSize(bytes)))
}

fn accelerator(node: &Node<'_>) -> Option<Accelerator> {
    let (new, old) = (node.get("resourceType"), node.get("type"));
    let text = new.text().or_else(|| old.text())?;
    let kind = match Template::parse(&text) {
        Ok(kind) => kind,
        Err(error) => {
            new.fault(error.into());
            return None;
        }
    };
    let count = |key: &str| amount(&node.get(key), "number of devices", quantity::count);
    let count = count("resourceCount").or_else(|| count("count")).unwrap_or(Amount::Fixed(1));
    Some(Accelerator { kind, count })
}

fn read_importer(node: &Node<'_>) -> ExecutorSpec {
    let uri = node.get("artifactUri");
    let old = uri.get("constantValue").get("stringValue").text();
    let constant = uri.get("constant").text().or(old);
    let uri = match (uri.get("runtimeParameter").text(), constant) {
        (Some(input), _) => ImporterUri::Input(input),
        (None, Some(constant)) => ImporterUri::Constant(constant),
        (None, None) => {
            uri.fault(Fault::NoneOf(&["`constant`", "`runtimeParameter`"]));
            ImporterUri::Constant(String::new())
        }
    };
    let metadata = node.get("metadata");
    metadata.entries();
    ExecutorSpec::Importer {
        uri,
        kind: artifact_type(&node.get("typeSchema")),
        metadata: metadata
            .value()
            .cloned()
            .unwrap_or_else(|| Value::Object(serde_json::Map::new())),
        reimport: node.get("reimport").flag(),
        download_to_workspace: node.get("downloadToWorkspace").flag(),
    }
}
