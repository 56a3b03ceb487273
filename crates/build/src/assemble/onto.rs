//! An image on top of one that somebody else made, the way a Dockerfile's `FROM` means it.

use std::sync::Arc;

use lightship_cas::Cas;
use lightship_oci::assembly::Assembly;
use lightship_oci::spec::{
    Config, Descriptor, Flavour, HistoryEntry, MediaType, RootFs, RunConfig,
};
use serde_json::{Map, Value};

use super::image::{described, finish, line};
use super::{Image, ImageSettings, Layer, StoredBlobs};

/// *OCI image-spec 1.1, annotations.md*.
const BASE_DIGEST: &str = "org.opencontainers.image.base.digest";

/// Notes of Docker's about how the base itself was built, which would be wrong for this image.
const OF_THE_BASE_ALONE: [&str; 6] = [
    "id",
    "parent",
    "container",
    "container_config",
    "docker_version",
    "moby.buildkit.buildinfo.v1",
];

/// Instructions for whoever builds on an image. They are commands, and no command is run here.
const ON_BUILD: &str = "OnBuild";

/// Writes the documents of `base` with these layers above its own. All layers are in the store.
/// [`ImageSettings::run`] is taken as it is: [`inherit`] makes it.
pub fn put_onto(
    base: &lightship_oci::Image,
    name: &str,
    layers: &[Layer],
    settings: &ImageSettings,
    cas: Cas,
) -> Image {
    let mut assembly = Assembly::over(name, Some(Arc::new(StoredBlobs(cas))));
    let config = serde_json::to_vec(&config(base, layers, settings));
    let config = config.expect("its keys are strings");
    let config = assembly.add_bytes(MediaType::Config(Flavour::Oci), config);
    let mut all: Vec<Descriptor> = base.manifest().layers.iter().map(as_oci).collect();
    all.extend(described(layers, settings.compression));
    let mut annotations = settings.annotations.clone();
    annotations.insert(BASE_DIGEST.to_owned(), base.digest().to_string());
    finish(assembly, config, all, annotations)
}

/// The same bytes under the name that an OCI manifest has for them.
fn as_oci(layer: &Descriptor) -> Descriptor {
    let media_type = match &layer.media_type {
        MediaType::Layer(_, compression) => MediaType::Layer(Flavour::Oci, *compression),
        MediaType::ForeignLayer(_, compression) => {
            MediaType::ForeignLayer(Flavour::Oci, *compression)
        }
        MediaType::Manifest(_)
        | MediaType::Index(_)
        | MediaType::Config(_)
        | MediaType::Empty
        | MediaType::Other(_) => layer.media_type.clone(),
    };
    Descriptor { media_type, ..layer.clone() }
}

fn config(base: &lightship_oci::Image, layers: &[Layer], settings: &ImageSettings) -> Config {
    let below = base.config().clone();
    let mut history = below.history;
    let told = history.iter().filter(|entry| !entry.empty_layer).count();
    if told != below.rootfs.diff_ids.len() {
        // A past that does not fit its layers would tell ours of the wrong ones.
        let created_by = Some(format!("FROM {}", base.digest()));
        let entry = HistoryEntry { created_by, ..HistoryEntry::default() };
        history = vec![entry; below.rootfs.diff_ids.len()];
    }
    history.extend(layers.iter().map(|layer| line(layer, settings)));
    let mut diff_ids = below.rootfs.diff_ids;
    diff_ids.extend(layers.iter().map(|layer| layer.diff_id));
    let mut extra = below.extra;
    extra.retain(|key, _| !OF_THE_BASE_ALONE.contains(&key.as_str()));
    Config {
        created: Some(settings.created.to_string()),
        config: settings.run.clone(),
        rootfs: RootFs { kind: below.rootfs.kind, diff_ids },
        history,
        extra,
        ..below
    }
}

/// How to run an image that is built on another: what `own` leaves open is the base's
/// (*Dockerfile reference, FROM, ENTRYPOINT, CMD*). Variables, labels, ports and volumes add up; an entry
/// point of its own makes the base's arguments meaningless.
pub fn inherit(base: &RunConfig, own: RunConfig) -> RunConfig {
    let cmd = match (&own.entrypoint, own.cmd) {
        (_, Some(cmd)) => Some(cmd),
        (Some(_), None) => None,
        (None, None) => base.cmd.clone(),
    };
    let mut labels = base.labels.clone().unwrap_or_default();
    labels.extend(own.labels.unwrap_or_default());
    RunConfig {
        user: own.user.or_else(|| base.user.clone()),
        env: Some(variables(base.env.as_deref(), own.env.as_deref())),
        entrypoint: own.entrypoint.or_else(|| base.entrypoint.clone()),
        cmd,
        working_dir: own.working_dir.or_else(|| base.working_dir.clone()),
        labels: (!labels.is_empty()).then_some(labels),
        extra: others(&base.extra, own.extra),
    }
}

/// The base's in their places, with the values of its heirs, and then what is new.
fn variables(base: Option<&[String]>, own: Option<&[String]>) -> Vec<String> {
    let (base, own) = (base.unwrap_or_default(), own.unwrap_or_default());
    let name = variable_name;
    let value = |pair: &String| {
        let over = own.iter().rfind(|one| name(one) == name(pair));
        over.unwrap_or(pair).clone()
    };
    let new = own.iter().filter(|pair| !base.iter().any(|one| name(one) == name(pair)));
    base.iter().map(value).chain(new.cloned()).collect()
}

fn variable_name(pair: &str) -> &str {
    pair.split('=').next().unwrap_or(pair)
}

fn others(base: &Map<String, Value>, own: Map<String, Value>) -> Map<String, Value> {
    let mut all = base.clone();
    all.remove(ON_BUILD);
    for (key, value) in own {
        match (all.get_mut(&key), value) {
            (Some(Value::Object(below)), Value::Object(more)) => below.extend(more),
            (_, value) => {
                all.insert(key, value);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run(value: Value) -> RunConfig {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_nobody_says_is_the_bases() {
        let base = run(json!({
            "User": "app", "WorkingDir": "/srv", "Env": ["PATH=/venv/bin", "MODE=base"],
            "Entrypoint": ["tini", "--"], "Cmd": ["python3"], "Labels": {"a": "1", "b": "2"},
            "ExposedPorts": {"80/tcp": {}}, "Healthcheck": {"Test": ["NONE"]}, "OnBuild": ["RUN x"],
        }));
        let all = inherit(&base, RunConfig::default());
        let mut expected = base.clone();
        expected.extra.remove("OnBuild");
        assert_eq!(all, expected);
        let own = run(json!({
            "Env": ["NEW=1", "MODE=mine"], "Cmd": ["job"], "Labels": {"b": "3"},
            "ExposedPorts": {"81/tcp": {}},
        }));
        let all = inherit(&base, own);
        assert_eq!(all.env.unwrap(), ["PATH=/venv/bin", "MODE=mine", "NEW=1"]);
        assert_eq!(
            (all.entrypoint, all.cmd),
            (base.entrypoint.clone(), Some(vec!["job".to_owned()]))
        );
        assert_eq!(all.labels.unwrap()["b"], "3");
        assert_eq!(all.extra["ExposedPorts"], json!({"80/tcp": {}, "81/tcp": {}}));
        // A new entry point does not get the arguments of the old one.
        let all = inherit(&base, run(json!({"Entrypoint": ["python", "job.py"]})));
        assert_eq!((all.entrypoint.unwrap().len(), all.cmd), (2, None));
        assert_eq!(all.user.as_deref(), Some("app"));
    }
}
