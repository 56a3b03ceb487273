//! The workspace as cargo sees it: its crates and what each declares to depend on.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::Error;

/// All member crates.
pub(super) struct Workspace {
    /// Absolute path of the repository's root.
    pub(super) root: PathBuf,
    /// In the order of names.
    pub(super) packages: Vec<Package>,
}

/// One crate.
pub(super) struct Package {
    /// As in its manifest: `lightship-oci`.
    pub(super) name: String,
    /// Path of its manifest from the root, with slashes.
    pub(super) manifest: String,
    /// What it declares, of every kind and for every platform.
    pub(super) dependencies: Vec<Dependency>,
}

/// One declared dependency.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Dependency {
    /// The package's name.
    pub(super) package: String,
    /// The name it goes by in the manifest; differs from `package` where it is renamed.
    pub(super) key: String,
    /// When it is used.
    pub(super) kind: Kind,
}

/// When a dependency is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// By the crate itself.
    Normal,
    /// By its build script.
    Build,
    /// By its tests, examples and benches only.
    Dev,
}

impl Workspace {
    /// Asks cargo about the workspace around the working folder.
    pub(super) fn load() -> Result<Self, Error> {
        let arguments = ["metadata", "--no-deps", "--format-version", "1"];
        let command = format!("cargo {}", arguments.join(" "));
        let output = Command::new("cargo")
            .args(arguments)
            .output()
            .map_err(|source| Error::Start { command: command.clone(), source })?;
        if !output.status.success() {
            let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(Error::Failed { command, message });
        }
        Self::parse(&output.stdout)
    }

    /// Reads what `cargo metadata` prints (format version 1).
    pub(super) fn parse(json: &[u8]) -> Result<Self, Error> {
        let metadata: Value =
            serde_json::from_slice(json).map_err(|error| Error::Metadata(error.to_string()))?;
        let root = PathBuf::from(text(&metadata, "workspace_root")?);
        let packages = array(&metadata, "packages")?.iter().map(|value| package(value, &root));
        let mut packages = packages.collect::<Result<Vec<_>, _>>()?;
        packages.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { root, packages })
    }

    /// A workspace made up by a test: each crate's name and its dependencies.
    #[cfg(test)]
    pub(super) fn of(crates: &[(&str, &[(&str, Kind)])]) -> Self {
        let dependency = |(name, kind): &(&str, Kind)| Dependency {
            package: (*name).to_owned(),
            key: (*name).to_owned(),
            kind: *kind,
        };
        let package = |(name, dependencies): &(&str, &[(&str, Kind)])| Package {
            name: (*name).to_owned(),
            manifest: format!("crates/{}/Cargo.toml", name.trim_start_matches("lightship-")),
            dependencies: dependencies.iter().map(dependency).collect(),
        };
        Self { root: PathBuf::from("/made-up"), packages: crates.iter().map(package).collect() }
    }
}

fn package(value: &Value, root: &Path) -> Result<Package, Error> {
    let manifest = PathBuf::from(text(value, "manifest_path")?);
    let manifest = manifest.strip_prefix(root).unwrap_or(&manifest);
    Ok(Package {
        name: text(value, "name")?.to_owned(),
        manifest: manifest.to_string_lossy().into_owned(),
        dependencies: array(value, "dependencies")?
            .iter()
            .map(dependency)
            .collect::<Result<_, _>>()?,
    })
}

fn dependency(value: &Value) -> Result<Dependency, Error> {
    let package = text(value, "name")?.to_owned();
    let key = value["rename"].as_str().unwrap_or(&package).to_owned();
    let kind = match value["kind"].as_str() {
        None => Kind::Normal,
        Some("build") => Kind::Build,
        Some("dev") => Kind::Dev,
        Some(other) => return Err(Error::Metadata(format!("a dependency of kind `{other}`"))),
    };
    Ok(Dependency { package, key, kind })
}

fn text<'a>(value: &'a Value, field: &str) -> Result<&'a str, Error> {
    value[field].as_str().ok_or_else(|| Error::Metadata(format!("no text field `{field}`")))
}

fn array<'a>(value: &'a Value, field: &str) -> Result<&'a Vec<Value>, Error> {
    value[field].as_array().ok_or_else(|| Error::Metadata(format!("no list `{field}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_answer_is_understood() {
        let json = br#"{"workspace_root":"/w","packages":[{"name":"lightship-b","manifest_path":"/w/crates/b/Cargo.toml",
            "dependencies":[{"name":"serde","rename":null,"kind":null},{"name":"cc","rename":"c-compiler","kind":"build"}]}]}"#;
        let workspace = Workspace::parse(json).unwrap();
        let package = &workspace.packages[0];
        assert_eq!(package.manifest, "crates/b/Cargo.toml");
        let serde = Dependency { package: "serde".into(), key: "serde".into(), kind: Kind::Normal };
        let cc = Dependency { package: "cc".into(), key: "c-compiler".into(), kind: Kind::Build };
        assert_eq!(package.dependencies, [serde, cc]);
    }

    #[test]
    fn anything_else_is_an_error() {
        let odd = r#"{"workspace_root":"/w","packages":[{"name":"a","manifest_path":"/w/Cargo.toml",
            "dependencies":[{"name":"serde","kind":"new"}]}]}"#;
        for json in ["", "{}", r#"{"workspace_root":"/w"}"#, odd] {
            assert!(matches!(Workspace::parse(json.as_bytes()), Err(Error::Metadata(_))), "{json}");
        }
    }
}
