//! What of a `pylock.toml` is wanted on a target (*PEP 751, Installation*).

use std::collections::BTreeSet;

use super::{Condition, Package, Pylock};
use crate::python::normalise_name;
use crate::wheel::{MarkerEnvironment, parse_version};

/// Why a lock cannot be used for a target. The text goes on after the name of the lock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// It is for another Python.
    #[error("it is for Python {asked}, and the image has Python {python}")]
    Python {
        /// What it is for.
        asked: String,
        /// What the image has.
        python: String,
    },
    /// It is for other targets.
    #[error("it is for {asked} only, and the image has Python {python} on {system} and {machine}")]
    Environment {
        /// What it is for, as it says.
        asked: String,
        /// What the image has: `3.11.2`.
        python: String,
        /// `linux`
        system: String,
        /// `x86_64`
        machine: String,
    },
    /// It lists what can be chosen, and this is not among it.
    #[error("it has no {kind} `{name}`; it has {known}")]
    Unknown {
        /// `extra` or `dependency group`.
        kind: &'static str,
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// Two entries of one name hold. *"the tool MUST raise an error"*
    #[error("it has {name} more than once for this target")]
    Ambiguous {
        /// Which distribution.
        name: String,
    },
}

impl Pylock {
    /// The distributions that are wanted on a target with these extras, and with these dependency groups
    /// beside the default ones.
    ///
    /// Where a lock lists no extras or groups at all, its maker chose already, and what is asked for here
    /// changes nothing.
    pub fn chosen(
        &self,
        target: MarkerEnvironment,
        extras: &[String],
        groups: &[String],
    ) -> Result<Vec<&Package>, ChoiceError> {
        known("extra", extras, &self.extras, &[])?;
        known("dependency group", groups, &self.dependency_groups, &self.default_groups)?;
        let mut target = target;
        target.extras = names(extras);
        target.dependency_groups = names(self.default_groups.iter().chain(groups));
        self.check(&target)?;
        // A lock's markers have the set `extras`; the single `extra` is of requirements.
        let none = BTreeSet::new();
        let holds = |condition: &Condition| condition.marker.holds(&target, &none);
        let wanted: Vec<&Package> = self
            .packages
            .iter()
            .filter(|package| package.marker.as_ref().is_none_or(holds))
            .collect();
        let mut seen = BTreeSet::new();
        match wanted.iter().find(|package| !seen.insert(&package.name)) {
            Some(again) => Err(ChoiceError::Ambiguous { name: again.name.clone() }),
            None => Ok(wanted),
        }
    }

    fn check(&self, target: &MarkerEnvironment) -> Result<(), ChoiceError> {
        let python = &target.python_full_version;
        if let Some(asked) = &self.requires_python
            && !parse_version(python).is_some_and(|version| asked.contains(&version))
        {
            return Err(ChoiceError::Python { asked: asked.to_string(), python: python.clone() });
        }
        let none = BTreeSet::new();
        let holds = |condition: &Condition| condition.marker.holds(target, &none);
        if self.environments.is_empty() || self.environments.iter().any(holds) {
            return Ok(());
        }
        let asked: Vec<String> =
            self.environments.iter().map(|condition| format!("`{}`", condition.text)).collect();
        Err(ChoiceError::Environment {
            asked: asked.join(" or "),
            python: python.clone(),
            system: target.sys_platform.clone(),
            machine: target.platform_machine.clone(),
        })
    }
}

fn names<'n>(texts: impl IntoIterator<Item = &'n String>) -> BTreeSet<String> {
    texts.into_iter().map(|text| normalise_name(text)).collect()
}

/// Whether all that is asked for is there, in a lock that says what is.
fn known(
    kind: &'static str,
    asked: &[String],
    there: &[String],
    default: &[String],
) -> Result<(), ChoiceError> {
    let there = names(there.iter().chain(default));
    if there.is_empty() {
        return Ok(());
    }
    match asked.iter().find(|name| !there.contains(&normalise_name(name))) {
        Some(name) => Err(ChoiceError::Unknown {
            kind,
            name: name.clone(),
            known: Vec::from_iter(there).join(", "),
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::FILE_NAME;
    use super::*;
    use crate::wheel::Machine;

    fn choose(text: &str, extras: &[&str], groups: &[&str]) -> Result<String, String> {
        let lock = Pylock::parse(&format!("lock-version = \"1.0\"\n{text}"), FILE_NAME).unwrap();
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let target = MarkerEnvironment::linux("3.11.2", Machine::X86_64);
        let chosen = lock.chosen(target, &owned(extras), &owned(groups));
        let names = chosen.map_err(|error| error.to_string())?;
        Ok(names.iter().map(|package| package.name.as_str()).collect::<Vec<_>>().join(" "))
    }

    fn package(name: &str, marker: &str) -> String {
        format!("[[packages]]\nname = \"{name}\"\nmarker = '''{marker}'''\n")
    }

    #[test]
    fn groups_and_extras_decide() {
        // As PDM writes it.
        let text = "default-groups = [\"default\"]\ndependency-groups = [\"default\", \"Dev_Tools\"]\nextras = [\"s3\"]\n"
            .to_owned()
            + &package("always", "\"default\" in dependency_groups")
            + &package("tool", "\"dev-tools\" in dependency_groups")
            + &package("boto", "'S3' in extras and python_version < '4'")
            + &package("plain", "'s3' not in extras")
            + &package("other", "sys_platform == 'win32'");
        assert_eq!(choose(&text, &[], &[]).unwrap(), "always plain");
        assert_eq!(choose(&text, &["s3"], &["dev-tools"]).unwrap(), "always tool boto");
        let error = choose(&text, &[], &["docs"]).unwrap_err();
        assert_eq!(error, "it has no dependency group `docs`; it has default, dev-tools");
        assert_eq!(choose(&text, &["gcs"], &[]).unwrap_err(), "it has no extra `gcs`; it has s3");
        // Nothing can be chosen in this one, so nothing is asked of it.
        let made = package("a", "python_version > '3'");
        assert_eq!(choose(&made, &["s3"], &["dev"]).unwrap(), "a");
    }

    #[test]
    fn a_lock_for_another_target_is_refused() {
        let text = |line: &str| line.to_owned() + "\n" + &package("a", "os_name == 'posix'");
        assert_eq!(choose(&text("requires-python = \">=3.11\""), &[], &[]).unwrap(), "a");
        assert_eq!(
            choose(&text("requires-python = \">=3.12\""), &[], &[]).unwrap_err(),
            "it is for Python >=3.12, and the image has Python 3.11.2"
        );
        let either = "environments = [\"sys_platform == 'win32'\", \"sys_platform == 'linux'\"]";
        assert_eq!(choose(&text(either), &[], &[]).unwrap(), "a");
        assert_eq!(
            choose(&text("environments = [\"platform_machine == 'arm64'\"]"), &[], &[])
                .unwrap_err(),
            "it is for `platform_machine == 'arm64'` only, and the image has Python 3.11.2 on linux and x86_64"
        );
        let twice = package("a", "os_name == 'posix'") + &package("A", "python_version > '3'");
        assert_eq!(
            choose(&twice, &[], &[]).unwrap_err(),
            "it has a more than once for this target"
        );
    }
}
