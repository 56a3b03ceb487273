//! Artifacts in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lightship_base::{ByteSize, Digest};
use lightship_ir::exchange::Artifact;

use crate::Pending;
use crate::artifacts::{ArtifactError, Artifacts};
use crate::event::Content;
use crate::id::AttemptId;

/// What is at URIs: texts that a test put there.
#[derive(Debug, Default)]
pub struct MemoryArtifacts {
    texts: Mutex<BTreeMap<String, String>>,
}

impl MemoryArtifacts {
    /// Puts something somewhere.
    pub fn put(&self, uri: impl Into<String>, text: impl Into<String>) {
        self.texts().insert(uri.into(), text.into());
    }

    /// Removes what is there.
    pub fn remove(&self, uri: &str) {
        self.texts().remove(uri);
    }

    fn texts(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn at(&self, uri: &str) -> Option<Content> {
        let texts = self.texts();
        let text = texts.get(uri)?;
        let size = ByteSize(text.len() as u64);
        Some(Content { digest: Digest::of(text.as_bytes()), size })
    }
}

impl Artifacts for MemoryArtifacts {
    fn root(&self, pipeline: &str, path: &str, attempt: &AttemptId) -> String {
        let AttemptId { run, node, attempt } = attempt;
        format!("mem://{pipeline}/{run}/{path}/{node}-{attempt}")
    }

    fn content<'a>(
        &'a self,
        artifact: &'a Artifact,
    ) -> Pending<'a, Result<Option<Content>, ArtifactError>> {
        Box::pin(async move { Ok(self.at(&artifact.uri)) })
    }

    fn is_intact<'a>(
        &'a self,
        artifact: &'a Artifact,
        content: &'a Content,
    ) -> Pending<'a, Result<bool, ArtifactError>> {
        Box::pin(async move { Ok(self.at(&artifact.uri).as_ref() == Some(content)) })
    }
}
