//! Settings of two images, side by side.

use std::collections::BTreeMap;

use lightship_oci::spec::Config;
use serde::Serialize;
use serde_json::Value;

use crate::secrets;

/// One setting that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfigChange {
    /// Which: `Entrypoint`, `Env.PATH`, `Labels.version`, `architecture`.
    pub field: String,
    /// Its value in the first image, as JSON; `None` where it is not set. A secret's is [`MASK`].
    pub before: Option<String>,
    /// Its value in the second image.
    pub after: Option<String>,
    /// Whether a value is not shown, because it looks like a secret.
    pub masked: bool,
}

/// What stands for a secret, as JSON: a report is kept and mailed around, and what is in it is known.
const MASK: &str = "\"***\"";

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
            ConfigChange { field, before, after, masked: false }
        })
        .filter(|change| change.before != change.after)
        .map(mask)
        .collect()
}

/// Hides the values of a variable that is a secret in either image.
fn mask(mut change: ConfigChange) -> ConfigChange {
    let Some(variable) = change.field.strip_prefix(ENV) else { return change };
    let is_secret = secrets::in_variable(variable);
    for value in [&mut change.before, &mut change.after].into_iter().flatten() {
        if value != EMPTY && (is_secret || secrets::in_value(&unquoted(value))) {
            MASK.clone_into(value);
            change.masked = true;
        }
    }
    change
}

/// How fields are called that are variables.
const ENV: &str = "Env.";

/// An empty text, which hides nothing.
const EMPTY: &str = "\"\"";

fn unquoted(value: &str) -> String {
    serde_json::from_str(value).unwrap_or_default()
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
                    fields.insert(format!("{ENV}{name}"), quoted(value));
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

    fn config(run: &str) -> Config {
        let text = format!(
            r#"{{"architecture":"amd64","os":"linux","config":{run},"rootfs":{{"type":"layers"}}}}"#
        );
        Config::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn secrets_are_compared_but_not_shown() {
        let before = config(
            r#"{"Env":["A_TOKEN=t0psecret","B_TOKEN=","DB=sql://u:t0psecret@h/","X=1","S_TOKEN=t0p"]}"#,
        );
        let after =
            config(r#"{"Env":["A_TOKEN=t0psecret2","B_TOKEN=t0p","DB=none","X=2","S_TOKEN=t0p"]}"#);
        let changes = compare(&before, &after);
        let shown = |change: &ConfigChange| {
            let side = |side: &Option<String>| side.clone().unwrap_or_default();
            (change.field.clone(), side(&change.before), side(&change.after), change.masked)
        };
        let expected = [
            ("Env.A_TOKEN", MASK, MASK, true),
            ("Env.B_TOKEN", EMPTY, MASK, true),
            ("Env.DB", MASK, r#""none""#, true),
            ("Env.X", r#""1""#, r#""2""#, false),
        ]
        .map(|(field, before, after, masked)| (field.into(), before.into(), after.into(), masked));
        assert_eq!(changes.iter().map(shown).collect::<Vec<_>>(), expected);
        assert!(!serde_json::to_string(&changes).unwrap().contains("t0p"));
    }

    #[test]
    fn variables_and_labels_are_compared_one_by_one() {
        let before = config(r#"{"Env":["A=1","B=2"],"Cmd":["sh"],"ExposedPorts":{"80/tcp":{}}}"#);
        let after = config(r#"{"Env":["A=1","B=3"],"Cmd":["sh"],"Labels":{"v":"1"}}"#);
        let fields: Vec<String> = compare(&before, &after).into_iter().map(|c| c.field).collect();
        assert_eq!(fields, ["Env.B", "ExposedPorts.80/tcp", "Labels.v"]);
    }
}
