//! pip's settings (*pip, Configuration*).

use std::path::PathBuf;

use super::{Written, WrittenRole};
use crate::settings::{Environment, SettingsError, Variable};

/// What a `pip.conf` says.
#[derive(Default)]
pub(super) struct Config {
    pub(super) indexes: Vec<Written>,
    pub(super) certificates: Option<String>,
}

/// Files, the strongest first: *"if multiple configuration files are found, they are combined; the
/// user's overrides the global"*.
pub(super) fn places(environment: &Environment) -> Vec<PathBuf> {
    let home = environment.path(Variable::Home);
    let config = environment
        .xdg_folder(Variable::XdgConfigHome)
        .or_else(|| home.as_ref().map(|home| home.join(".config")));
    let named = environment.path(Variable::PipConfigFile);
    // pip reads no file at all where the variable names the null device.
    if named.as_deref() == Some(std::path::Path::new("/dev/null")) {
        return Vec::new();
    }
    let places = [
        named,
        config.map(|config| config.join("pip/pip.conf")),
        home.map(|home| home.join(".pip/pip.conf")),
        Some(PathBuf::from("/etc/pip.conf")),
    ];
    places.into_iter().flatten().collect()
}

pub(super) fn of_environment(environment: &Environment) -> Result<Vec<Written>, SettingsError> {
    let mut all = Vec::new();
    for (variable, role) in [
        (Variable::PipExtraIndexUrl, WrittenRole::Extra),
        (Variable::PipFindLinks, WrittenRole::Links),
        (Variable::PipIndexUrl, WrittenRole::Default),
    ] {
        let text = environment.text(variable)?.unwrap_or_default();
        all.extend(words(text, role));
    }
    Ok(all)
}

fn words(text: &str, role: WrittenRole) -> impl Iterator<Item = Written> {
    text.split_whitespace().map(move |word| Written { name: None, address: word.to_owned(), role })
}

/// Sections, keys, and values that go on in indented lines. `[install]` and its like say more than
/// `[global]`.
pub(super) fn of_file(text: &str) -> Config {
    let mut config = Config::default();
    let (mut relevant, mut key) = (false, String::new());
    for line in text.lines() {
        let bare = line.trim();
        if bare.is_empty() || bare.starts_with(['#', ';']) {
            continue;
        }
        if let Some(section) = bare.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            relevant = ["global", "install", "download", "wheel"].contains(&section.trim());
            key.clear();
            continue;
        }
        let goes_on = line.starts_with([' ', '\t']) && !key.is_empty();
        let value = if goes_on {
            bare
        } else if let Some((name, value)) = bare.split_once(['=', ':']) {
            key = name.trim().to_ascii_lowercase().replace('_', "-");
            value.trim()
        } else {
            key.clear();
            continue;
        };
        if !relevant {
            continue;
        }
        match key.as_str() {
            "index-url" => config.indexes.extend(words(value, WrittenRole::Default)),
            "extra-index-url" => config.indexes.extend(words(value, WrittenRole::Extra)),
            "find-links" => config.indexes.extend(words(value, WrittenRole::Links)),
            "cert" if !value.is_empty() => config.certificates = Some(value.to_owned()),
            _ => {}
        }
    }
    config
}
