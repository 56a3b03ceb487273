//! Where a task sees what a URI names.

use crate::plan::WORKSPACE_PATH;

/// An absolute path in the task's file system: `gs://bucket/a` is at `/gcs/bucket/a`. A URI of another kind is taken
/// as a path as it stands. The SDK does the same on its own, so this is no choice of ours.
pub fn local_path(uri: &str) -> String {
    let mounts = [("gs://", "/gcs/"), ("minio://", "/minio/"), ("s3://", "/s3/")];
    if let Some((scheme, mount)) = mounts.iter().find(|(scheme, _)| uri.starts_with(scheme)) {
        return format!("{mount}{}", &uri[scheme.len()..]);
    }
    match uri.strip_prefix("oci://") {
        Some(image) => format!("/oci/{}/models", image.replace('/', "_")),
        None => uri.to_owned(),
    }
}

/// The same for what was put into the run's workspace.
pub fn workspace_path(uri: &str) -> String {
    format!("{WORKSPACE_PATH}/.artifacts/{}", local_path(uri).trim_start_matches('/'))
}
