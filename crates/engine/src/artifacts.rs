//! Where artifacts are.

use lightship_ir::exchange::Artifact;

use crate::Pending;
use crate::event::Content;
use crate::id::AttemptId;

/// Where the outputs of tasks go, and what is there.
///
/// **What a crash may do.** An artifact counts from the moment at which the success of its task is recorded. What an
/// attempt wrote that was lost stays below its own root, where nobody looks; removing it is up to who implements this.
pub trait Artifacts: Send + Sync {
    /// The URI below which an attempt's outputs go: `<root>/<pipeline>/<run>/<path>/<place>-<attempt>`. No two attempts of
    /// a run may have the same one, or one in the other, so that none writes into another's or takes what it finds there
    /// for its own. The place's number has to be part of it: a graph that runs again has new places on the same path,
    /// whose attempts count from 1 again.
    fn root(&self, pipeline: &str, path: &str, attempt: &AttemptId) -> String;

    /// What is at an artifact's URI; none if nothing is. A place that cannot be read here, which an importer may name,
    /// is nothing either. May take as long as reading it takes.
    fn content<'a>(
        &'a self,
        artifact: &'a Artifact,
    ) -> Pending<'a, Result<Option<Content>, ArtifactError>>;

    /// Whether an artifact is still what it was.
    fn is_intact<'a>(
        &'a self,
        artifact: &'a Artifact,
        content: &'a Content,
    ) -> Pending<'a, Result<bool, ArtifactError>>;
}

/// Why an artifact could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("artifact `{uri}` cannot be read: {why}")]
pub struct ArtifactError {
    /// Which.
    pub uri: String,
    /// Why not.
    pub why: String,
}
