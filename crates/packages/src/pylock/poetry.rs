//! `poetry.lock`, version 2: exact versions, markers, and digests of the files that are allowed.

use lightship_base::Digest;

use crate::MOST_PACKAGES;
use crate::lock::Error;
use crate::lock::reader::{Reader, Table};
use crate::python::normalise_name;

/// No distribution has more files.
const MOST_FILES: usize = 20_000;

/// Distributions of a `poetry.lock`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poetry {
    /// Those of the groups that were asked for.
    pub packages: Vec<Pin>,
}

/// An exact version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// Its name, normalised (*PEP 503*).
    pub name: String,
    /// Its version.
    pub version: String,
    /// When it is wanted, raw (*PEP 508*).
    pub marker: Option<String>,
    /// The files that are allowed.
    pub sha256: Vec<Digest>,
    /// Names of distributions that it needs.
    pub depends: Vec<String>,
}

impl Poetry {
    /// Understands a lock's text. `file` is for messages; besides the group `main`, those named are read.
    pub fn parse(text: &str, file: &str, groups: &[String]) -> Result<Self, Error> {
        let reader = Reader::new(file, text);
        let document = reader.parse()?;
        let top = reader.top(&document);
        let wanted = |group: &str| group == "main" || groups.iter().any(|one| one == group);
        let mut packages = Vec::new();
        for table in top.tables("package", MOST_PACKAGES)? {
            let name = super::distribution_name(&table)?;
            if table.get("groups").is_none() {
                return Err(table.error(format!("{name} is in no group: an older Poetry made this lock; make it anew with Poetry 2")));
            }
            let mut of_groups = table.texts("groups")?;
            of_groups.retain(|group| wanted(group));
            if let Some(source) = table.table("source")? {
                let kind = source.optional_text("type")?.unwrap_or_default();
                if !["", "legacy"].contains(&kind.as_str()) {
                    let message = format!(
                        "{name} comes from a {kind}, which is not supported yet: build a wheel of it and put it into an index or folder"
                    );
                    return Err(source.error(message));
                }
            }
            if !of_groups.is_empty() {
                packages.push(Pin {
                    version: super::version_of(&table)?,
                    marker: marker(&table, &of_groups)?,
                    sha256: files(&table)?,
                    depends: depends(&table)?,
                    name,
                });
            }
        }
        Ok(Self { packages })
    }
}

/// One text for all groups, or one for each that has any. A distribution is wanted where one of its
/// wanted groups wants it; a group that says nothing always does.
fn marker(table: &Table<'_>, groups: &[String]) -> Result<Option<String>, Error> {
    let Some(value) = table.get("markers") else { return Ok(None) };
    if let Ok(text) = value.text() {
        return Ok(Some(text.to_owned()));
    }
    let by_group = value.table()?;
    let mut any: Vec<String> = Vec::new();
    for group in groups {
        let Some(marker) = by_group.optional_text(group)? else { return Ok(None) };
        if !any.contains(&marker) {
            any.push(marker);
        }
    }
    if any.len() > 1 {
        for marker in &mut any {
            *marker = format!("({marker})");
        }
    }
    Ok(Some(any.join(" or ")))
}

fn files(table: &Table<'_>) -> Result<Vec<Digest>, Error> {
    let mut digests = Vec::new();
    for file in table.tables("files", MOST_FILES)? {
        let hash = file.need("hash")?;
        // Others than SHA-256 come from indexes of old, and are no use to us.
        if hash.text()?.starts_with("sha256:") {
            digests.push(hash.digest()?);
        }
    }
    Ok(digests)
}

fn depends(table: &Table<'_>) -> Result<Vec<String>, Error> {
    let needed = table.table("dependencies")?;
    let names = needed.iter().flat_map(Table::values).map(|(name, _)| normalise_name(name));
    Ok(names.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_and_digests_are_read() {
        let hex = "a".repeat(64);
        let text = format!(
            "[[package]]\nname = \"Six\"\nversion = \"1.17.0\"\ngroups = [\"main\", \"dev\"]\nmarkers = {{ main = \"python_version < '4'\", dev = \"x\" }}\n\
             files = [{{ file = \"six.whl\", hash = \"sha256:{hex}\" }}, {{ file = \"x\", hash = \"md5:0\" }}]\n\
             [package.dependencies]\nZope_Interface = \"*\"\n\
             [[package]]\nname = \"pytest\"\nversion = \"8\"\ngroups = [\"dev\"]\nfiles = []\n\
             [metadata]\nlock-version = \"2.1\"\n"
        );
        let lock = Poetry::parse(&text, "poetry.lock", &[]).unwrap();
        let [six] = &lock.packages[..] else { panic!("{lock:?}") };
        assert_eq!(
            (six.name.as_str(), six.version.as_str(), six.sha256.len()),
            ("six", "1.17.0", 1)
        );
        assert_eq!(
            (six.marker.as_deref(), &six.depends[..]),
            (Some("python_version < '4'"), &["zope-interface".to_owned()][..])
        );
        assert_eq!(
            Poetry::parse(&text, "poetry.lock", &["dev".to_owned()]).unwrap().packages.len(),
            2
        );
        // The category is what Poetry 1.x wrote, with markers and digests elsewhere.
        let old = text.replace("groups = [\"dev\"]\n", "category = \"main\"\n");
        let error = Poetry::parse(&old, "poetry.lock", &[]).unwrap_err().to_string();
        assert!(error.contains("older Poetry") && error.starts_with("poetry.lock:"), "{error}");
        let git = text.replace("files = []\n", "files = []\n[package.source]\ntype = \"git\"\n");
        let error = Poetry::parse(&git, "poetry.lock", &[]).unwrap_err().to_string();
        assert!(error.contains("pytest comes from a git"), "{error}");
    }

    #[test]
    fn one_group_that_wants_it_is_enough() {
        let marker = |package: &str, groups: &[&str]| {
            let text = format!("[[package]]\nname = \"a\"\nversion = \"1\"\n{package}\n");
            let groups: Vec<String> = groups.iter().copied().map(str::to_owned).collect();
            let lock = Poetry::parse(&text, "poetry.lock", &groups).unwrap();
            lock.packages.into_iter().map(|pin| pin.marker).next()
        };
        let some = |text: &str| Some(Some(text.to_owned()));
        let tools = "groups = [\"dev\", \"docs\"]\nmarkers = { dev = \"x\", docs = \"y or z\" }";
        assert_eq!(marker(tools, &[]), None);
        assert_eq!(marker(tools, &["dev"]), some("x"));
        assert_eq!(marker(tools, &["docs", "dev"]), some("(x) or (y or z)"));
        let alike = tools.replace("y or z", "x");
        assert_eq!(marker(&alike, &["docs", "dev"]), some("x"));
        let partly = "groups = [\"main\", \"dev\"]\nmarkers = { main = \"x\" }";
        assert_eq!(marker(partly, &[]), some("x"));
        assert_eq!(marker(partly, &["dev"]), Some(None));
        let all = "groups = [\"main\", \"dev\"]\nmarkers = \"x\"";
        assert_eq!(marker(all, &["dev"]), some("x"));
    }
}
