//! What Kubernetes is told about an executor (*KubernetesExecutorConfig*).

use std::collections::BTreeMap;

use lightship_base::ByteSize;

use super::{BindingSpec, Node, SourceSpec, task};
use crate::plan::{
    EmptyDir, EphemeralVolume, InitContainer, KeyToVariable, Kubernetes, Metadata, NodeAffinity,
    ObjectAsEnv, ObjectAsVolume, ParameterBinding, PodAffinity, Requirement, SecurityContext,
    SharedMemory, Toleration, VolumeMount, WorkloadResources,
};
use crate::problem::Fault;
use crate::quantity;

/// Finds what a binding names. None where that is wrong, which is noted then.
pub(crate) type Bind<'b> = &'b dyn Fn(&Node<'_>, BindingSpec) -> Option<ParameterBinding>;

/// All of it. `bind` finds what names come from.
pub(crate) fn kubernetes(node: &Node<'_>, bind: Bind<'_>) -> Kubernetes {
    let each = |key: &str| node.get(key).items();
    let volumes = |key: &str, name: Name| {
        each(key).iter().filter_map(|node| as_volume(node, name, bind)).collect()
    };
    let selector = node.get("nodeSelector");
    let security = node.get("securityContext");
    Kubernetes {
        secret_volumes: volumes("secretAsVolume", SECRET),
        secret_env: each("secretAsEnv")
            .iter()
            .filter_map(|n| as_env(n, SECRET, "secretKey", bind))
            .collect(),
        config_map_volumes: volumes("configMapAsVolume", CONFIG_MAP),
        config_map_env: each("configMapAsEnv")
            .iter()
            .filter_map(|node| as_env(node, CONFIG_MAP, "configMapKey", bind))
            .collect(),
        volumes: each("pvcMount").iter().filter_map(|node| volume(node, bind)).collect(),
        ephemeral_volumes: each("genericEphemeralVolume").iter().map(ephemeral).collect(),
        empty_dirs: each("emptyDirMounts").iter().map(empty_dir).collect(),
        shared_memory: shared_memory(&node.get("enabledSharedMemory")),
        node_selector: labels(&selector.get("labels")),
        node_selector_json: optional(&selector.get("nodeSelectorJson"), bind),
        node_affinity: each("nodeAffinity").iter().map(|node| node_affinity(node, bind)).collect(),
        pod_affinity: each("podAffinity").iter().map(pod_affinity).collect(),
        tolerations: each("tolerations").iter().map(|node| toleration(node, bind)).collect(),
        metadata: metadata(&node.get("podMetadata")),
        field_env: each("fieldPathAsEnv")
            .iter()
            .map(|node| pair(node, "name", "fieldPath"))
            .collect(),
        image_pull_secrets: each("imagePullSecret")
            .iter()
            .filter_map(|node| name(node, SECRET, bind))
            .collect(),
        image_pull_policy: node.get("imagePullPolicy").text(),
        deadline: node.get("activeDeadlineSeconds").seconds(),
        security: SecurityContext {
            user: security.get("runAsUser").integer(),
            group: security.get("runAsGroup").integer(),
            non_root: security.get("runAsNonRoot").maybe_flag(),
        },
        init_containers: each("initContainers").iter().map(init_container).collect(),
    }
}

/// The field that a name is in now, and the deprecated one that has it as a text.
type Name = (&'static str, &'static str);
const SECRET: Name = ("secretNameParameter", "secretName");
const CONFIG_MAP: Name = ("configMapNameParameter", "configMapName");

fn optional(node: &Node<'_>, bind: Bind<'_>) -> Option<ParameterBinding> {
    node.value()?;
    bind(node, task::binding(node)?)
}

fn name(node: &Node<'_>, (new, old): Name, bind: Bind<'_>) -> Option<ParameterBinding> {
    let new = node.get(new);
    if !new.is_absent() {
        return optional(&new, bind);
    }
    let constant = node.get(old).required_text();
    bind(node, BindingSpec { source: SourceSpec::Constant(constant.into()), selector: None })
}

fn as_volume(node: &Node<'_>, field: Name, bind: Bind<'_>) -> Option<ObjectAsVolume> {
    Some(ObjectAsVolume {
        name: name(node, field, bind)?,
        path: node.get("mountPath").required_text(),
        optional: node.get("optional").flag(),
    })
}

fn as_env(node: &Node<'_>, field: Name, key: &str, bind: Bind<'_>) -> Option<ObjectAsEnv> {
    let pairs = node.get("keyToEnv").items();
    let pair = |node: &Node<'_>| KeyToVariable {
        key: node.get(key).required_text(),
        variable: node.get("envVar").required_text(),
    };
    Some(ObjectAsEnv {
        name: name(node, field, bind)?,
        keys: pairs.iter().map(pair).collect(),
        optional: node.get("optional").flag(),
    })
}

/// The deprecated fields stand beside the new one, with the same content.
fn volume(node: &Node<'_>, bind: Bind<'_>) -> Option<VolumeMount> {
    let new = node.get("pvcNameParameter");
    let (constant, output) = (node.get("constant").text(), node.get("taskOutputParameter"));
    let source = if !new.is_absent() {
        task::binding(&new)?
    } else {
        let input = node.get("componentInputParameter").text().map(SourceSpec::Input);
        let constant = constant.map(|name| SourceSpec::Constant(name.into()));
        let output =
            (!output.is_absent()).then(|| SourceSpec::Output(task::task_output_parameter(&output)));
        let source = input.or(constant).or(output);
        if source.is_none() {
            new.fault(Fault::Missing);
        }
        BindingSpec { source: source?, selector: None }
    };
    Some(VolumeMount {
        name: bind(&new, source)?,
        path: node.get("mountPath").required_text(),
        sub_path: node.get("subPath").text().unwrap_or_default(),
    })
}

fn size(node: &Node<'_>) -> Option<ByteSize> {
    let text = node.scalar()?;
    let size = quantity::memory(&text);
    if size.is_none() {
        node.fault(Fault::Quantity { what: "amount of storage", text });
    }
    size
}

fn ephemeral(node: &Node<'_>) -> EphemeralVolume {
    let own_class = node.get("defaultStorageClass").flag();
    EphemeralVolume {
        name: node.get("volumeName").required_text(),
        path: node.get("mountPath").required_text(),
        access_modes: node.get("accessModes").texts(),
        size: size(&node.get("size")).unwrap_or(ByteSize::ZERO),
        storage_class: node.get("storageClassName").text().filter(|_| !own_class),
        metadata: metadata(&node.get("metadata")),
    }
}

fn empty_dir(node: &Node<'_>) -> EmptyDir {
    EmptyDir {
        name: node.get("volumeName").required_text(),
        path: node.get("mountPath").required_text(),
        medium: node.get("medium").text(),
        size_limit: size(&node.get("sizeLimit")),
    }
}

fn shared_memory(node: &Node<'_>) -> Option<SharedMemory> {
    node.value()?;
    Some(SharedMemory {
        name: node.get("volumeName").text().unwrap_or_else(|| "shm".to_owned()),
        size: size(&node.get("size")),
    })
}

fn labels(node: &Node<'_>) -> BTreeMap<String, String> {
    let entries = node.entries().into_iter();
    entries.map(|(name, node)| (name, node.scalar().unwrap_or_default())).collect()
}

fn metadata(node: &Node<'_>) -> Metadata {
    Metadata { labels: labels(&node.get("labels")), annotations: labels(&node.get("annotations")) }
}

fn requirements(node: &Node<'_>) -> Vec<Requirement> {
    let requirement = |node: &Node<'_>| Requirement {
        key: node.get("key").required_text(),
        operator: node.get("operator").required_text(),
        values: node.get("values").texts(),
    };
    node.items().iter().map(requirement).collect()
}

fn weight(node: &Node<'_>) -> Option<i32> {
    node.get("weight").integer().and_then(|weight| i32::try_from(weight).ok())
}

fn node_affinity(node: &Node<'_>, bind: Bind<'_>) -> NodeAffinity {
    NodeAffinity {
        expressions: requirements(&node.get("matchExpressions")),
        fields: requirements(&node.get("matchFields")),
        weight: weight(node),
        json: optional(&node.get("nodeAffinityJson"), bind),
    }
}

fn pod_affinity(node: &Node<'_>) -> PodAffinity {
    PodAffinity {
        expressions: requirements(&node.get("matchPodExpressions")),
        labels: labels(&node.get("matchPodLabels")),
        topology_key: node.get("topologyKey").text().unwrap_or_default(),
        namespaces: node.get("namespaces").texts(),
        namespace_expressions: requirements(&node.get("matchNamespaceExpressions")),
        namespace_labels: labels(&node.get("matchNamespaceLabels")),
        weight: weight(node),
        anti: node.get("anti").flag(),
    }
}

fn toleration(node: &Node<'_>, bind: Bind<'_>) -> Toleration {
    let text = |key: &str| node.get(key).text().unwrap_or_default();
    Toleration {
        key: text("key"),
        operator: text("operator"),
        value: text("value"),
        effect: text("effect"),
        seconds: node.get("tolerationSeconds").integer(),
        json: optional(&node.get("tolerationJson"), bind),
    }
}

fn pair(node: &Node<'_>, first: &str, second: &str) -> (String, String) {
    (node.get(first).required_text(), node.get(second).scalar().unwrap_or_default())
}

fn init_container(node: &Node<'_>) -> InitContainer {
    let pairs = |key: &str, first: &str, second: &str| {
        node.get(key).items().iter().map(|node| pair(node, first, second)).collect()
    };
    let resources = node.get("resources");
    InitContainer {
        name: node.get("name").required_text(),
        image: node.get("image").required_text(),
        command: node.get("command").texts(),
        args: node.get("args").texts(),
        env: pairs("env", "name", "value"),
        mounts: pairs("volumeMounts", "volumeName", "mountPath"),
        sidecar: node.get("restartPolicy").text().as_deref() == Some("Always"),
        resources: WorkloadResources {
            requests: labels(&resources.get("requests")),
            limits: labels(&resources.get("limits")),
        },
    }
}
