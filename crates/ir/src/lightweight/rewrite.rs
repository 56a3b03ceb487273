//! How a step is run in an image that has all its packages: without pip and without a shell.

use super::{Lightweight, Program};

/// Does what the SDK's script does: writes the source to a file of a new folder, and runs the executor on it with the
/// rest of the arguments. `_KFP_RUNTIME` keeps the SDK from loading its compiler and all that it requires.
///
/// The file's name is the SDK's, because it shows in tracebacks. Bytes are written as they came, which a text file
/// would not do.
const BOOTSTRAP: &str = r#"import os, runpy, sys, tempfile
os.environ["_KFP_RUNTIME"] = "true"
executor, source = sys.argv[1:3]
path = os.path.join(tempfile.mkdtemp(), "ephemeral_component.py")
with open(path, "wb") as file:
    file.write(os.fsencode(source))
sys.argv[1:3] = ["--component_module_path", path]
runpy.run_module(executor, run_name="__main__", alter_sys=True)
"#;

impl Lightweight {
    /// The command for an image that has everything; the arguments stay as they are. The source is still part of the
    /// pipeline, so that one image serves all steps with the same packages.
    ///
    /// `python` is the interpreter to run, by name or path.
    pub fn command(&self, python: &str) -> Vec<String> {
        match &self.program {
            Program::Command(words) => words.clone(),
            Program::Function { source, executor, .. } => {
                [python, "-c", BOOTSTRAP, executor, source].map(str::to_owned).to_vec()
            }
        }
    }

    /// Whether even the command without pip starts a shell.
    pub fn starts_shell(&self) -> bool {
        match &self.program {
            Program::Function { .. } => false,
            Program::Command(words) => words.first().is_some_and(|word| super::is_shell(word)),
        }
    }
}
