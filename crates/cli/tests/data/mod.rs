//! What runs leave behind, of real runs: compiled pipelines that lie beside the project and that nobody here wrote, each
//! step in a sandbox.

mod left;
mod nothing;

use std::path::{Path, PathBuf};
use std::time::Duration;

use lightship_testkit::docker_registry::skip;
use serde_json::Value;

use crate::build::stock::Stocked;
use crate::common::{Run, TestEnvironment};

/// A machine with a filled store, and a pipeline for it.
struct Scene {
    stocked: Stocked,
    pipeline: PathBuf,
}

impl Scene {
    /// Nothing, and a line on standard error, where packages or the pipeline cannot be had.
    fn open(name: &str) -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/kfp");
        let pipeline = folder.join(name);
        if !pipeline.is_file() {
            skip("no shared corpus beside the project");
            return None;
        }
        let mut stocked = Stocked::open()?;
        // The first run bakes images.
        stocked.environment.allow(Duration::from_mins(3));
        Some(Self { stocked, pipeline })
    }

    fn environment(&self) -> &TestEnvironment {
        &self.stocked.environment
    }

    /// Runs the pipeline, which must succeed.
    fn run(&self, options: &str) -> Run {
        let line = format!("--quiet run {} {options}", self.pipeline.display());
        let run = self.environment().run(&line);
        assert_eq!(run.code(), 0, "{options}: {}{}", run.stdout, run.stderr);
        run
    }

    fn json(&self, line: &str) -> Value {
        self.environment().json(0, line)
    }

    /// What a command prints, which must succeed.
    fn text(&self, line: &str) -> String {
        let run = self.environment().run(&format!("--quiet {line}"));
        assert_eq!((run.code(), run.stderr.as_str()), (0, ""), "{line}");
        run.stdout
    }

    /// What a command complains about, which must end with this code.
    fn complaint(&self, code: i32, line: &str) -> String {
        let run = self.environment().run(&format!("--quiet {line}"));
        assert_eq!((run.code(), run.stdout.as_str()), (code, ""), "{line}: {}", run.stderr);
        run.stderr
    }
}

/// A list of a document, each element as what `of` makes of it.
fn list<T>(value: &Value, of: impl Fn(&Value) -> T) -> Vec<T> {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}")).iter().map(of).collect()
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
