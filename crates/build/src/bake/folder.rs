//! The project that an environment is built from: a folder like any other, so that everything that a build does is
//! done here as well.

use std::collections::BTreeSet;

use lightship_audit::imports;
use lightship_ir::lightweight::Program;

use super::imports::sources;
use super::{Base, Environment, Steps};
use crate::bytecode::Profile;

impl Steps {
    /// The files of the project of an environment.
    pub fn folder(&self, environment: usize) -> Vec<(&'static str, String)> {
        let wanted = &self.environments[environment];
        vec![
            ("lightship.toml", wanted.settings()),
            ("requirements.txt", wanted.requirements_file()),
            (Profile::FILE_NAME, self.profile(environment)),
            // The project itself is not part of the image: the pipeline brings the source.
            (".dockerignore", "*\n".to_owned()),
        ]
    }

    /// What the steps are known to load: what their sources import, and what runs them.
    fn profile(&self, environment: usize) -> String {
        let mut modules = BTreeSet::new();
        for (one, step) in self.sharing(environment) {
            if let Program::Function { executor, .. } = &step.program {
                modules.insert(executor.clone());
            }
            let files = sources(&one.executor, step);
            let found = imports::of_files(&files).map(|found| found.found).unwrap_or_default();
            modules.extend(found.into_iter().map(|import| import.module));
        }
        let lines: Vec<String> = modules.into_iter().collect();
        lines.join("\n") + "\n"
    }
}

/// *TOML 1.0, String*: JSON's are a subset.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Environment {
    fn settings(&self) -> String {
        let alone: Vec<String> = self.alone().iter().map(|name| quoted(name)).collect();
        let mut text = String::from("[python]\nrequirements = [\"requirements.txt\"]\n");
        text += &format!("no-deps = [{}]\n", alone.join(", "));
        match &self.base {
            // As the official image has it, but for the user's packages.
            Base::Native { major, minor } => {
                text +=
                    &format!("version = \"{major}.{minor}\"\n\n[base]\nshell = {}\n", self.shell);
                text += "\n[image]\ncmd = [\"python3\"]\nworkdir = \"/\"\nuser = \"root\"\n";
            }
            Base::Plain { python, packages } => {
                if let Some((major, minor)) = python {
                    text += &format!("version = \"{major}.{minor}\"\n");
                }
                let packages: Vec<String> = packages.iter().map(|name| quoted(name)).collect();
                text += &format!("\n[base]\nshell = true\npackages = [{}]\n", packages.join(", "));
                text += "\n[image]\ncmd = [\"sh\"]\nworkdir = \"/\"\nuser = \"root\"\n";
            }
            Base::Image(reference) => text += &format!("\n[base]\nimage = {}\n", quoted(reference)),
        }
        text
    }

    fn requirements_file(&self) -> String {
        let mut lines: Vec<String> = Vec::new();
        for install in &self.installs {
            let options = install.index_url.iter().map(|url| format!("--index-url {url}"));
            let extra = install.extra_index_urls.iter();
            let options = options.chain(extra.map(|url| format!("--extra-index-url {url}")));
            let places = install.find_links.iter().map(|place| format!("--find-links {place}"));
            for line in options.chain(places) {
                if !lines.contains(&line) {
                    lines.push(line);
                }
            }
        }
        lines.extend(self.requirements().into_iter().map(str::to_owned));
        lines.join("\n") + "\n"
    }
}
