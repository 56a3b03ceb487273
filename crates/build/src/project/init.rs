//! The text of a `lightship.toml` that says what was inferred, each line with its reason.

use std::fmt::Write as _;

use super::{AppKind, Evidence, Inferred, Project, Requirements};

/// Writes it. What holds by itself is commented out; removing the `#` fixes it.
pub fn init(project: &Project) -> String {
    let mut text = String::from(
        "# How this project's image is built. Lines that begin with # say what is found without them.\n",
    );
    image(project, &mut text);
    if project.settings.app.kind == AppKind::Python {
        python(project, &mut text);
    }
    base(project, &mut text);
    app(project, &mut text);
    if !project.notes.is_empty() {
        text.push_str("\n# Worth a look:\n");
        for note in &project.notes {
            let _ = writeln!(text, "#   {}", one_line(&note.to_string()));
        }
    }
    text
}

fn image(project: &Project, text: &mut String) {
    text.push_str("\n[image]\n");
    line(text, "name", &quoted(&project.name.value), &project.name.from);
    for (key, command) in [("entrypoint", &project.entry.entrypoint), ("cmd", &project.entry.cmd)] {
        if let Some(command) = command {
            line(text, key, &list(command.value.words()), &command.from);
        }
    }
    if project.entry.entrypoint.is_none() && project.entry.cmd.is_none() {
        text.push_str("entrypoint = [\"python\", \"…\"]  # nothing says what runs: please do\n");
    }
    line(text, "workdir", &quoted(&project.workdir.value), &project.workdir.from);
    if let Some(user) = &project.user {
        line(text, "user", &quoted(&user.value), &user.from);
    }
    if let Some(first) = project.expose.first() {
        let ports: Vec<String> = project.expose.iter().map(|port| port.value.clone()).collect();
        line(text, "expose", &list(&ports), &first.from);
    }
    for (table, entries) in [("env", &project.env), ("labels", &project.labels)] {
        for (name, value) in entries {
            let key = format!("{table}.{}", key(name));
            line(text, &key, &quoted(&value.value), &value.from);
        }
    }
}

fn python(project: &Project, text: &mut String) {
    text.push_str("\n[python]\n");
    match (&project.python.version, &project.python.range) {
        (Some(version), _) => {
            line(text, "version", &quoted(&version.value.to_string()), &version.from);
        }
        (None, Some(range)) => {
            let _ = writeln!(text, "# version = \"…\"  # any of {} ({})", range.value, range.from);
        }
        (None, None) => text.push_str("# version = \"…\"  # nothing asks for one\n"),
    }
    let Inferred { value, from } = &project.requirements;
    match value {
        Requirements::None => text.push_str("# requirements = []  # no file lists any\n"),
        Requirements::UvLock(_)
        | Requirements::Pylock(_)
        | Requirements::PoetryLock(_)
        | Requirements::PipfileLock(_)
        | Requirements::Pyproject(_)
        | Requirements::Files(_)
        | Requirements::SetupCfg(_) => line(text, "requirements", &list(value.files()), from),
    }
    text.push_str("# bytecode = \"used\"  # or none, all\n");
}

fn base(project: &Project, text: &mut String) {
    text.push_str("\n[base]\n");
    if let Some(first) = project.apt.first() {
        let names: Vec<String> = project
            .apt
            .iter()
            .map(|package| match &package.value.version {
                Some(version) => format!("{}={version}", package.value.name),
                None => package.value.name.clone(),
            })
            .collect();
        line(text, "packages", &list(&names), &first.from);
    } else {
        text.push_str("# packages = []  # what native code needs is found by itself\n");
    }
    let _ = writeln!(text, "# shell = {}", project.shell);
}

fn app(project: &Project, text: &mut String) {
    text.push_str("\n[app]\n");
    kind(&project.settings.app.kind, text);
    let place = quoted(&project.app.destination.to_string());
    let is_python = project.settings.app.kind == AppKind::Python;
    let from = match &project.settings.app.destination {
        Some(_) if !is_python => Evidence::settings(),
        _ if !is_python || project.app.copies.is_empty() => Evidence::default_value(),
        _ => Evidence::file("the Dockerfile's copies"),
    };
    line(text, "destination", &place, &from);
    text.push_str("# exclude = []  # patterns as in .dockerignore\n# include = []\n");
}

/// What the image is for; it is never inferred.
fn kind(kind: &AppKind, text: &mut String) {
    let from = Evidence::settings();
    match kind {
        AppKind::Python => {}
        AppKind::Binary(binary) => {
            line(text, "binary", &quoted(&binary.path), &from);
            for (key, value) in [("certificates", binary.certificates), ("zones", binary.zones)] {
                if let Some(value) = value {
                    line(text, key, &value.to_string(), &from);
                }
            }
        }
        AppKind::Static(site) => {
            line(text, "static", &quoted(&site.folder), &from);
            if let Some(fallback) = &site.fallback {
                line(text, "fallback", &quoted(fallback), &from);
            }
        }
    }
}

/// `# key = value  # reason`; what the user wrote is no comment.
fn line(text: &mut String, key: &str, value: &str, from: &Evidence) {
    let mark = if *from == Evidence::settings() { "" } else { "# " };
    let _ = writeln!(text, "{mark}{key} = {value}  # {}", one_line(&from.to_string()));
}

fn list(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    format!("[{}]", words.join(", "))
}

/// A basic string. *TOML 1.0, String*.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

/// A bare key where that is enough. *TOML 1.0, Keys*.
fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.is_empty() && name.chars().all(bare) { name.to_owned() } else { quoted(name) }
}

/// No text from a file ends a comment.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
