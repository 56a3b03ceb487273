//! What the steps import: for byte code, and to see whether it is there.

use std::io;

use lightship_audit::imports::SourceFile;
use lightship_ir::lightweight::{Lightweight, Program};

use super::{Fate, Step};
use crate::verify::defaults::needed;
use crate::verify::{Around, Check, ImportItem, ImportsCheck, Kind};

/// What the SDK's executor sets, so that importing the SDK does not load its compiler.
const RUNTIME: (&str, &str) = ("_KFP_RUNTIME", "true");

impl Step {
    /// What must hold in the image of a baked step: what runs its source imports, and so does all that the source
    /// imports, in functions as well. What it tries to import, or imports on other machines only, may be missing; what is
    /// for type checkers is not looked at. `None` where nothing is known to be imported.
    ///
    /// Fails where the machine gives no thread.
    pub fn check(&self) -> io::Result<Option<Check>> {
        let Fate::Baked { step, .. } = &self.fate else { return Ok(None) };
        let mut modules = needed(&sources(&self.executor, step))?;
        if let Program::Function { executor, .. } = &step.program {
            modules.insert(0, ImportItem::named(executor));
        }
        let (name, value) = RUNTIME;
        let environment = [(name.to_owned(), value.to_owned())].into();
        let around = Around { environment, ..Around::default() };
        let check = |modules| {
            let kind = Kind::Imports(ImportsCheck { modules });
            Check { name: self.executor.clone(), kind, around }
        };
        Ok(Some(modules).filter(|modules| !modules.is_empty()).map(check))
    }
}

/// The Python that a step brings: its source, and what the SDK packed into that. Named after the step, which is no
/// module's name: what a step imports is never itself.
pub(super) fn sources(executor: &str, step: &Lightweight) -> Vec<SourceFile> {
    let file = |path: String, text: String| SourceFile { path, text };
    let Some(source) = step.source().or_else(|| inline(&step.program)) else { return Vec::new() };
    let mut files = vec![file(format!("{executor}.py"), source.to_owned())];
    let Some(embedded) = step.embedded() else { return files };
    if let Some(cells) = embedded.notebook_source() {
        files.push(file(format!("{executor}, notebook.py"), without_magic(&cells)));
    }
    let packed = embedded.files().unwrap_or_default().into_iter();
    let packed = packed.filter(|(path, _)| path.rsplit('.').next() == Some("py"));
    files.extend(packed.map(|(path, bytes)| {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        file(path, text)
    }));
    files
}

/// The program of `python3 -u -c PROGRAM`, as steps had it before version 2 of the SDK.
fn inline(program: &Program) -> Option<&str> {
    let Program::Command(words) = program else { return None };
    let python = words.first()?.rsplit('/').next()?.starts_with("python");
    let mut options =
        words.iter().skip(1).skip_while(|word| word.starts_with('-') && *word != "-c");
    (python && options.next()? == "-c").then(|| options.next().map(String::as_str))?
}

/// A notebook's cells without the lines that are for the notebook's shell and not for Python.
fn without_magic(cells: &str) -> String {
    let line = |line: &str| {
        let magic = line.trim_start().starts_with(['!', '%']);
        // The line stays, so that places stay.
        if magic { String::new() } else { line.to_owned() }
    };
    cells.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(program: Program) -> Step {
        let what = Lightweight { installs: Vec::new(), venv: false, program, args: Vec::new() };
        let fate = Fate::Baked { environment: 0, step: Box::new(what) };
        Step { executor: "exec-train".to_owned(), image: "python:3.11".to_owned(), fate }
    }

    fn shown(step: &Step) -> Vec<String> {
        let Some(Check { kind: Kind::Imports(check), .. }) = step.check().unwrap() else {
            return Vec::new();
        };
        let one = |item: &ImportItem| {
            let optional = if item.optional { " (may be missing)" } else { "" };
            format!("{}{optional} {}", item.statement(), item.places.join(" "))
        };
        check.modules.iter().map(|item| one(item).trim().to_owned()).collect()
    }

    #[test]
    fn a_step_must_import_what_its_functions_import_and_not_what_only_type_checkers_read() {
        let source = "from kfp.dsl import *\nfrom typing import TYPE_CHECKING\n\
                      if TYPE_CHECKING:\n    import never\n\
                      def train(a: int) -> int:\n    import pandas as pd\n\
                      \x20   try:\n        import cupy\n    except ImportError:\n        import numpy\n\
                      \x20   return a\n";
        let (function, executor) = ("train".to_owned(), "kfp.dsl.executor_main".to_owned());
        let program = Program::Function { source: source.to_owned(), function, executor };
        assert_eq!(
            shown(&step(program)),
            [
                "import kfp.dsl.executor_main",
                "import cupy (may be missing) exec-train.py:8",
                "import kfp.dsl exec-train.py:1",
                "import numpy (may be missing) exec-train.py:10",
                "import pandas exec-train.py:6",
                "from typing import TYPE_CHECKING exec-train.py:2",
            ]
        );
    }

    #[test]
    fn a_program_in_the_command_is_read_as_well() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let program = Program::Command(words(&["python3", "-u", "-c", "import json\n", "--a"]));
        assert_eq!(shown(&step(program)), ["import json exec-train.py:1"]);
        for other in
            [&["python3", "train.py", "-c", "import json"][..], &["sh", "-c", "import json"]]
        {
            assert_eq!(shown(&step(Program::Command(words(other)))), Vec::<String>::new());
        }
    }
}
