//! What a pipeline as a whole wants of its platform.

use lightship_base::ByteSize;

use super::{Faults, Node};
use crate::package::Package;
use crate::plan::{PipelineConfig, Workspace};
use crate::problem::{Fault, Place};
use crate::quantity;

/// Kubernetes' part of the platform document.
fn kubernetes<'d>(package: &'d Package, faults: &'d Faults) -> Option<Node<'d>> {
    let document = package.platform()?;
    Some(Node::of(document, Place::default(), faults).get("platforms").get("kubernetes"))
}

pub(crate) fn pipeline_config(package: &Package, faults: &Faults) -> PipelineConfig {
    let Some(node) = kubernetes(package, faults) else { return PipelineConfig::default() };
    let node = node.get("pipelineConfig");
    PipelineConfig {
        workspace: workspace(&node.get("workspace")),
        ttl_on_completion: node.get("resourceTtlOnCompletion").seconds(),
        ttl_on_success: node.get("resourceTtlOnSuccess").seconds(),
        ttl_on_failure: node.get("resourceTtlOnFailure").seconds(),
        deadline: node.get("activeDeadlineSeconds").seconds(),
    }
}

fn workspace(node: &Node<'_>) -> Option<Workspace> {
    node.value()?;
    let size = node.get("size");
    let text = size.required_text();
    let bytes = quantity::memory(&text).unwrap_or_else(|| {
        if !text.is_empty() {
            size.fault(Fault::Quantity { what: "amount of storage", text });
        }
        ByteSize::ZERO
    });
    let patch = node.get("kubernetes").get("pvcSpecPatch").value().cloned();
    Some(Workspace { size: bytes, volume_patch: patch })
}

impl Package {
    /// What Kubernetes is told about one executor; its faults belong to `place`.
    pub(crate) fn kubernetes_of<'d>(
        &'d self,
        label: &str,
        place: &Place,
        faults: &'d Faults,
    ) -> Option<Node<'d>> {
        let all = kubernetes(self, faults)?.get("deploymentSpec").get("executors");
        let value = all.get_exact(label)?;
        Some(Node::of(value, place.clone(), faults).named("kubernetes"))
    }
}
