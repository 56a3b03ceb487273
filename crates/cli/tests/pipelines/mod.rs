//! `lightship run` from the outside: compiled pipelines that nobody here wrote, with real packages.

mod corpus;
mod here;

use std::path::{Path, PathBuf};

use lightship_testkit::docker_registry::skip;

/// A folder of compiled pipelines beside the project.
fn corpus(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/kfp").join(name);
    if !path.exists() {
        skip("no shared corpus beside the project");
        return None;
    }
    Some(path)
}
