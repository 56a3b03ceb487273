//! From a [`Lock`] to TOML that reads well in a diff: a table for each package, keys in one order,
//! lists on one line while they fit.

use std::fmt::Write as _;

use super::{
    BuildRequirement, DEFAULT_INDEX, Deb, Lock, LockedFile, PlatformName, Sdist, VERSION, Wheel,
};

/// What every lock begins with.
const HEAD: &str = "\
# Made by `lightship lock`, and read by `lightship build`. Keep it with your source; do not edit it.
";

/// Lists that make a longer line get a line for each element.
const WIDTH: usize = 100;

pub(super) fn lock(lock: &Lock) -> String {
    let mut out = Out(HEAD.to_owned());
    out.number("version", VERSION);
    out.list("platforms", lock.platforms.iter().map(PlatformName::as_str));
    if !lock.inputs.is_empty() {
        out.head("[inputs]");
        for (name, value) in lock.inputs.iter() {
            out.text(&key(name), value);
        }
    }
    if let Some(python) = &lock.python {
        out.head("[python]");
        out.text("implementation", &python.implementation);
        out.text("version", &python.version);
        out.text("chosen", &python.chosen);
    }
    if let Some(suite) = &lock.suite {
        out.head("[suite]");
        out.text("distribution", &suite.distribution);
        out.text("codename", &suite.codename);
        if let Some(version) = &suite.version {
            out.text("version", version);
        }
    }
    for image in &lock.images {
        out.head("[[image]]");
        out.text("platform", image.platform.as_str());
        out.text("reference", &image.reference);
        out.text("digest", &image.digest.to_string());
    }
    for interpreter in &lock.interpreters {
        out.head("[[interpreter]]");
        out.text("platform", interpreter.platform.as_str());
        out.file(&interpreter.file);
    }
    lock.debs.iter().for_each(|deb| out.deb("[[deb]]", deb));
    lock.wheels.iter().for_each(|wheel| out.wheel(wheel));
    lock.sdists.iter().for_each(|sdist| out.sdist(sdist));
    lock.build_debs.iter().for_each(|deb| out.deb("[[build-deb]]", deb));
    out.0
}

struct Out(String);

impl Out {
    fn head(&mut self, name: &str) {
        self.0 += &format!("\n{name}\n");
    }

    fn number(&mut self, key: &str, value: u64) {
        self.0 += &format!("{key} = {value}\n");
    }

    fn text(&mut self, key: &str, value: &str) {
        self.0 += &format!("{key} = {}\n", quoted(value));
    }

    fn list<'t>(&mut self, key: &str, texts: impl Iterator<Item = &'t str>) {
        let texts: Vec<String> = texts.map(quoted).collect();
        if texts.is_empty() {
            return;
        }
        let line = format!("{key} = [{}]\n", texts.join(", "));
        if line.len() <= WIDTH {
            self.0 += &line;
        } else {
            self.lines(key, &texts);
        }
    }

    fn lines(&mut self, key: &str, elements: &[String]) {
        self.0 += &format!("{key} = [\n");
        for element in elements {
            self.0 += &format!("    {element},\n");
        }
        self.0 += "]\n";
    }

    fn file(&mut self, file: &LockedFile) {
        self.text("file", &file.name);
        self.text("sha256", &file.sha256.to_string());
        if let Some(size) = file.size {
            self.number("size", size);
        }
    }

    fn index(&mut self, label: &str) {
        if label != DEFAULT_INDEX {
            self.text("index", label);
        }
    }

    fn edges(&mut self, depends: &[String], platforms: &[PlatformName]) {
        self.list("depends", depends.iter().map(String::as_str));
        self.list("platforms", platforms.iter().map(PlatformName::as_str));
    }

    fn deb(&mut self, head: &str, deb: &Deb) {
        self.head(head);
        self.text("name", &deb.name);
        self.text("version", &deb.version);
        self.text("architecture", &deb.architecture);
        self.text("file", &deb.file);
        self.text("sha256", &deb.sha256.to_string());
        self.number("size", deb.size);
        self.text("archive", &deb.archive);
        self.text("reason", &deb.reason);
        self.edges(&deb.depends, &deb.platforms);
    }

    fn wheel(&mut self, wheel: &Wheel) {
        self.head("[[wheel]]");
        self.text("name", &wheel.name);
        self.text("version", &wheel.version);
        self.file(&wheel.file);
        self.index(&wheel.index);
        self.edges(&wheel.depends, &wheel.platforms);
    }

    fn sdist(&mut self, sdist: &Sdist) {
        self.head("[[sdist]]");
        self.text("name", &sdist.name);
        self.text("version", &sdist.version);
        self.file(&sdist.file);
        self.index(&sdist.index);
        self.edges(&sdist.depends, &sdist.platforms);
        if !sdist.build.is_empty() {
            let build: Vec<String> = sdist.build.iter().map(build_requirement).collect();
            self.lines("build", &build);
        }
        if let Some(built) = &sdist.built {
            self.0 += &format!("built = {{ {} }}\n", inline(built));
        }
    }
}

fn build_requirement(required: &BuildRequirement) -> String {
    let mut text = format!(
        "{{ name = {}, version = {}, {}",
        quoted(&required.name),
        quoted(&required.version),
        inline(&required.file)
    );
    if required.index != DEFAULT_INDEX {
        text += &format!(", index = {}", quoted(&required.index));
    }
    text + " }"
}

fn inline(file: &LockedFile) -> String {
    let mut text = format!("file = {}, sha256 = \"{}\"", quoted(&file.name), file.sha256);
    if let Some(size) = file.size {
        text += &format!(", size = {size}");
    }
    text
}

/// A key, quoted where it has to be (*TOML 1.0, Keys*).
fn key(name: &str) -> String {
    let bare = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if !name.is_empty() && name.bytes().all(bare) { name.to_owned() } else { quoted(name) }
}

/// *TOML 1.0, String*: a basic string.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => {
                // Writing to a `String` cannot fail.
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
