//! `entry_points.txt`: which functions a distribution offers as programs (*Entry points specification*).

use super::error::Flaw;

/// A program that calls a function.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryPoint {
    /// The program's name.
    pub name: String,
    /// The module to import: `black.__main__`.
    pub module: String,
    /// The function in it, through classes if need be: `main`, `App.run`.
    pub function: String,
    /// Whether it is for a desktop and not for a terminal. On Linux both are made alike.
    pub gui: bool,
}

/// The programs of a distribution; other groups of entry points are left to those who read them.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<EntryPoint>, Flaw> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut group = None;
    let mut points = Vec::new();
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(section) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            group = match section.trim() {
                "console_scripts" => Some(false),
                "gui_scripts" => Some(true),
                _ => None,
            };
        } else if let Some(gui) = group {
            let refused =
                || Flaw::EntryPoint(lightship_codec::tar::display_path(trimmed.as_bytes()));
            points.push(parse_point(trimmed, gui).ok_or_else(refused)?);
        }
    }
    points.sort();
    points.dedup();
    Ok(points)
}

/// `name = module:function [extra]`.
fn parse_point(line: &str, gui: bool) -> Option<EntryPoint> {
    let (name, object) = line.split_once('=')?;
    let name = name.trim();
    let object = object.split('[').next()?.trim();
    let (module, function) = object.split_once(':')?;
    let (module, function) = (module.trim(), function.trim());
    let sound = is_program_name(name) && is_dotted(module) && is_dotted(function);
    sound.then(|| EntryPoint {
        name: name.to_owned(),
        module: module.to_owned(),
        function: function.to_owned(),
        gui,
    })
}

/// One component of a path, without anything that a shell or a terminal would take for something else.
pub(super) fn is_program_name(name: &str) -> bool {
    let allowed = |c: char| c.is_alphanumeric() || "._-+@".contains(c);
    !name.is_empty() && name.len() <= 255 && !name.starts_with('.') && name.chars().all(allowed)
}

/// Python identifiers with dots between them: nothing else may come into a program's text.
fn is_dotted(path: &str) -> bool {
    path.split('.').all(|part| {
        let start = |c: char| c == '_' || c.is_alphabetic();
        part.chars().next().is_some_and(start)
            && part.chars().all(|c| c == '_' || c.is_alphanumeric())
    })
}

impl EntryPoint {
    /// The program's text.
    pub(super) fn script(&self, interpreter: &str) -> Vec<u8> {
        let Self { module, function, .. } = self;
        let imported = function.split('.').next().unwrap_or(function);
        format!(
            "#!{interpreter}\nimport sys\nfrom {module} import {imported}\n\
             if __name__ == \"__main__\":\n    sys.exit({function}())\n"
        )
        .into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_among_other_entry_points() {
        let text = b"[console_scripts]\r\nb = x.y:App.run [extra]\n# no\na=z:main\n\n[other]\nc = d\n[gui_scripts]\ng = h:i";
        let points = parse(text).unwrap();
        let names: Vec<(&str, bool)> = points.iter().map(|p| (p.name.as_str(), p.gui)).collect();
        assert_eq!(names, [("a", false), ("b", false), ("g", true)]);
        let script = String::from_utf8(points[1].script("/usr/bin/python3")).unwrap();
        assert_eq!(
            script,
            "#!/usr/bin/python3\nimport sys\nfrom x.y import App\nif __name__ == \"__main__\":\n    sys.exit(App.run())\n"
        );
    }

    #[test]
    fn what_is_no_program_is_refused() {
        for line in [
            "../a = b:c",
            "a/b = c:d",
            "a = b",
            "a = b:c; import os",
            "a = b:c()",
            "a",
            "= b:c",
            ".. = b:c",
            "a = .b:c",
            "a = b c:d",
        ] {
            let text = format!("[console_scripts]\n{line}\n");
            assert!(matches!(parse(text.as_bytes()), Err(Flaw::EntryPoint(_))), "{line}");
        }
    }
}
