//! Settings of two images, side by side.

use std::collections::BTreeMap;

use lightship_oci::spec::Config;
use serde::Serialize;
use serde_json::Value;

/// One setting that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigChange {
    /// Which: `Entrypoint`, `Env.PATH`, `Labels.version`, `architecture`.
    pub field: String,
    /// Its value in the first image, as JSON; `None` where it is not set.
    pub before: Option<String>,
    /// Its value in the second image.
    pub after: Option<String>,
}

/// Compares everything that says how an image runs. When it was made and from what is left out:
/// layers and history have views of their own.
pub(super) fn compare(before: &Config, after: &Config) -> Vec<ConfigChange> {
    let (mut old, mut new) = (flatten(before), flatten(after));
    let mut fields: Vec<String> = old.keys().chain(new.keys()).cloned().collect();
    fields.sort();
    fields.dedup();
    (fields.into_iter())
        .map(|field| {
            let (before, after) = (old.remove(&field), new.remove(&field));
            ConfigChange { field, before, after }
        })
        .filter(|change| change.before != change.after)
        .collect()
}

fn flatten(config: &Config) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::from([
        ("architecture".to_owned(), quoted(&config.architecture)),
        ("os".to_owned(), quoted(&config.os)),
    ]);
    fields.extend(config.variant.iter().map(|variant| ("variant".to_owned(), quoted(variant))));
    let run = serde_json::to_value(&config.config).unwrap_or_default();
    for (name, value) in run.as_object().into_iter().flatten() {
        match (name.as_str(), value) {
            (_, Value::Null) => {}
            ("Env", Value::Array(variables)) => {
                for variable in variables.iter().filter_map(Value::as_str) {
                    let (name, value) = variable.split_once('=').unwrap_or((variable, ""));
                    fields.insert(format!("Env.{name}"), quoted(value));
                }
            }
            (_, Value::Object(inner)) => {
                for (key, value) in inner {
                    fields.insert(format!("{name}.{key}"), value.to_string());
                }
            }
            _ => {
                fields.insert(name.clone(), value.to_string());
            }
        }
    }
    fields
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_and_labels_are_compared_one_by_one() {
        let config = |run: &str| {
            let text = format!(
                r#"{{"architecture":"amd64","os":"linux","config":{run},"rootfs":{{"type":"layers"}}}}"#
            );
            Config::parse(text.as_bytes()).unwrap()
        };
        let before = config(r#"{"Env":["A=1","B=2"],"Cmd":["sh"],"ExposedPorts":{"80/tcp":{}}}"#);
        let after = config(r#"{"Env":["A=1","B=3"],"Cmd":["sh"],"Labels":{"v":"1"}}"#);
        let fields: Vec<String> = compare(&before, &after).into_iter().map(|c| c.field).collect();
        assert_eq!(fields, ["Env.B", "ExposedPorts.80/tcp", "Labels.v"]);
    }
}
