//! Artifacts in a folder of this machine. Their URIs are paths, which tasks see at the same place.

use std::path::{Path, PathBuf};

use lightship_engine::{ArtifactError, Artifacts, AttemptId, Content, Pending};
use lightship_ir::exchange::Artifact;

use crate::content;

/// Artifacts in a folder.
#[derive(Debug, Clone)]
pub struct LocalArtifacts {
    folder: PathBuf,
}

impl LocalArtifacts {
    /// Those below this folder: an absolute path.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder below which all outputs of a pipeline go.
    pub fn root_of(&self, pipeline: &str) -> PathBuf {
        self.folder.join(name(pipeline))
    }
}

/// The file or folder of this machine that a URI names; none if it names something elsewhere.
pub fn place(uri: &str) -> Option<&Path> {
    let path = uri.strip_prefix("file://").unwrap_or(uri);
    Some(Path::new(path)).filter(|path| path.is_absolute())
}

impl Artifacts for LocalArtifacts {
    fn root(&self, pipeline: &str, path: &str, attempt: &AttemptId) -> String {
        let mut root = self.root_of(pipeline).join(attempt.run.as_str());
        // `for-loop-1[3]/train` is a path already; nothing of it may lead elsewhere.
        root.extend(path.split('/').map(name));
        // Paths may look alike once they are folders' names, and a graph that runs again has the same ones: places differ.
        root.join(format!("{}-{}", attempt.node, attempt.attempt)).display().to_string()
    }

    fn content<'a>(
        &'a self,
        artifact: &'a Artifact,
    ) -> Pending<'a, Result<Option<Content>, ArtifactError>> {
        Box::pin(async move {
            let Some(path) = place(&artifact.uri).map(Path::to_owned) else { return Ok(None) };
            let failed = |why: String| ArtifactError { uri: artifact.uri.clone(), why };
            let read = tokio::task::spawn_blocking(move || content::of(&path)).await;
            read.map_err(|error| failed(error.to_string()))?
                .map_err(|error| failed(error.to_string()))
        })
    }

    fn is_intact<'a>(
        &'a self,
        artifact: &'a Artifact,
        content: &'a Content,
    ) -> Pending<'a, Result<bool, ArtifactError>> {
        Box::pin(async move { Ok(self.content(artifact).await?.as_ref() == Some(content)) })
    }
}

/// A name that can be that of a folder, and of no other than one in the folder that it is in.
fn name(text: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "-_.[]".contains(c) { c } else { '_' };
    let name: String = text.chars().map(plain).take(120).collect();
    if name.starts_with('.') || name.is_empty() { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attempt_has_a_folder_of_its_own_and_none_leads_out() {
        let artifacts = LocalArtifacts::new("/home/artifacts".into());
        let attempt = AttemptId {
            run: "run-1".parse().unwrap(),
            node: lightship_engine::NodeId::of_number(4),
            attempt: lightship_engine::AttemptNumber::FIRST,
        };
        let root = |pipeline: &str, path: &str| artifacts.root(pipeline, path, &attempt);
        assert_eq!(
            root("add numbers", "for-loop-1[3]/train"),
            "/home/artifacts/add_numbers/run-1/for-loop-1[3]/train/4-1"
        );
        assert_eq!(root("..", "../../etc"), "/home/artifacts/_../run-1/_../_../etc/4-1");
    }
}
