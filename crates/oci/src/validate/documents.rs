//! Rules for manifests, indexes and configs.

use super::{Reporter, Rule};
use crate::history::History;
use crate::spec::{Config, Descriptor, Flavour, Index, Manifest, MediaType};

/// containerd and Docker mount at most this many layers.
const MAX_LAYERS: usize = 127;

pub(super) fn check_manifest(manifest: &Manifest, at: &Descriptor, report: &mut Reporter<'_>) {
    schema_version(manifest.schema_version, report);
    let declared = manifest.media_type.as_ref();
    own_type(declared, at, matches!(at.media_type, MediaType::Manifest(_)), report);
    if manifest.artifact_type.is_none() {
        check_image_types(manifest, report);
    }
    if manifest.layers.is_empty() && manifest.artifact_type.is_none() {
        report.warning(Rule::Schema, "it has no layers".to_owned());
    }
    if manifest.layers.len() > MAX_LAYERS {
        let message = format!(
            "it has {} layers; containerd and Docker mount {MAX_LAYERS}",
            manifest.layers.len()
        );
        report.error(Rule::TooManyLayers, message);
    }
}

/// Config and layers must be what an image has, and of the manifest's own family.
fn check_image_types(manifest: &Manifest, report: &mut Reporter<'_>) {
    let flavour = manifest.flavour();
    match &manifest.config.media_type {
        MediaType::Config(config) if *config == flavour => {}
        MediaType::Config(_) => {
            let message = format!(
                "its config's type `{}` is of the other family",
                manifest.config.media_type
            );
            report.warning(Rule::MediaType, message);
        }
        other => {
            report
                .error(Rule::MediaType, format!("its config's type `{other}` is no image config"));
        }
    }
    for (layer, number) in manifest.layers.iter().zip(1..) {
        let message = match &layer.media_type {
            MediaType::Layer(own, _) | MediaType::ForeignLayer(own, _) if *own == flavour => {
                continue;
            }
            MediaType::Layer(Flavour::Docker | Flavour::Oci, _) | MediaType::ForeignLayer(..) => {
                format!(
                    "the type of layer {number}, `{}`, is of the other family",
                    layer.media_type
                )
            }
            other => {
                report.error(
                    Rule::MediaType,
                    format!("the type of layer {number}, `{other}`, is no layer"),
                );
                continue;
            }
        };
        report.warning(Rule::MediaType, message);
    }
}

pub(super) fn check_index(index: &Index, at: &Descriptor, report: &mut Reporter<'_>) {
    schema_version(index.schema_version, report);
    own_type(index.media_type.as_ref(), at, at.media_type.is_index(), report);
    for (child, number) in index.manifests.iter().zip(1..) {
        if !child.media_type.is_index() && !child.media_type.is_manifest() {
            let message =
                format!("the type of its entry {number}, `{}`, is no manifest", child.media_type);
            report.error(Rule::MediaType, message);
        }
    }
}

fn schema_version(version: u32, report: &mut Reporter<'_>) {
    if version != 2 {
        report.error(Rule::Schema, format!("its schemaVersion is {version}, not 2"));
    }
}

/// The type in the document, the type in the descriptor and the shape must agree
/// (*OCI image-spec 1.1, manifest.md, `mediaType`*).
fn own_type(
    declared: Option<&MediaType>,
    at: &Descriptor,
    shape_agrees: bool,
    report: &mut Reporter<'_>,
) {
    if !shape_agrees {
        let message = format!("its descriptor says `{}`, which it is not", at.media_type);
        report.error(Rule::MediaType, message);
    }
    if let Some(declared) = declared
        && *declared != at.media_type
    {
        let message =
            format!("it calls itself `{declared}`, its descriptor says `{}`", at.media_type);
        report.error(Rule::MediaType, message);
    }
}

pub(super) fn check_config(config: &Config, manifest: &Manifest, report: &mut Reporter<'_>) {
    let layers = manifest.layers.len();
    if config.rootfs.kind != "layers" {
        report.error(
            Rule::Schema,
            format!("its rootfs.type is `{}`, not `layers`", config.rootfs.kind),
        );
    }
    if config.rootfs.diff_ids.len() != layers {
        let message = format!(
            "it has {} diff IDs, the manifest {layers} layers",
            config.rootfs.diff_ids.len()
        );
        report.error(Rule::LayerCount, message);
    }
    let history = History::of(config, layers);
    if !history.agrees() {
        let message = format!(
            "its history speaks of {} layers, the manifest has {layers}",
            history.claimed_layers
        );
        report.warning(Rule::History, message);
    }
    for (field, value) in [("architecture", &config.architecture), ("os", &config.os)] {
        if value.is_empty() {
            report.error(Rule::Schema, format!("it has no `{field}`"));
        }
    }
    let times = config.history.iter().filter_map(|entry| entry.created.as_deref());
    for time in config.created.as_deref().into_iter().chain(times) {
        if time.parse::<lightship_base::Timestamp>().is_err() {
            let shown: String = time.chars().take(60).collect();
            report.error(Rule::Schema, format!("`{shown}` is no RFC 3339 time"));
        }
    }
}
