//! Packages that come from one index and from nowhere else.
//!
//! uv knows such a rule (`tool.uv.sources`), but obeys it for requirements of a project file only, and for
//! nobody's requirements of those. So the packages in question become requirements of a group in a project
//! file that we write. Which of them are needed at all is seen in a first answer: what is needed and came
//! from elsewhere is named, and uv is asked again; what is named and turns out not to be needed by anybody
//! else is not named any more.

use std::collections::{BTreeMap, BTreeSet};

use lightship_net::Url;
use lightship_packages::index::{Index, Place, without_user};
use lightship_packages::pylock::{Package, Pylock};

use super::edges::Edges;
use super::settings::{Fresh, quoted, uv_toml};
use super::source::Plan;
use super::{Error, Resolver, Word, Work};

/// The group's file, in our own folder while uv runs.
const FILE: &str = "indexes/pyproject.toml";
const GROUP: &str = "packages";

/// How uv says who asked for a package of the group.
pub(super) const BY_GROUP: &str = "indexes/pyproject.toml:packages)";

/// So often may an answer show another package. Each round but the last names one more, or one less.
const MOST_ROUNDS: usize = 6;

/// Packages with an index of their own, and those of them that uv is told about.
#[derive(Debug, Default)]
pub(super) struct Placed {
    /// The index that a package has to come from.
    homes: BTreeMap<String, Index>,
    named: BTreeSet<String>,
    /// Named once, and needed by nobody.
    needless: BTreeSet<String>,
    /// Whether everything that is needed was named from the beginning.
    complete: bool,
    rounds: usize,
}

impl Placed {
    /// `indexes` are those that uv is going to ask.
    pub(super) fn of(plan: &Plan, indexes: &[Index]) -> Self {
        let mut homes: BTreeMap<String, Index> = BTreeMap::new();
        for index in indexes.iter().filter(|index| matches!(index.place, Place::Repository(_))) {
            for package in &index.packages {
                homes.entry(package.clone()).or_insert_with(|| index.clone());
            }
        }
        let named = plan.names.iter().filter(|name| homes.contains_key(*name)).cloned().collect();
        Self { homes, named, complete: plan.no_deps, ..Self::default() }
    }

    /// Writes the group, and says how uv is told of it.
    pub(super) fn write(&self, resolver: &Resolver<'_>, work: &Work) -> Result<Vec<Word>, Error> {
        if self.named.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<String> = self.named.iter().map(|name| quoted(name)).collect();
        let mut text = format!("[dependency-groups]\n{GROUP} = [{}]\n", names.join(", "));
        text += "\n[tool.uv.sources]\n";
        let mut indexes: Vec<Index> = Vec::new();
        for name in &self.named {
            let home = &self.homes[name];
            text += &format!("{} = {{ index = {} }}\n", quoted(name), quoted(&home.label));
            if !indexes.contains(home) {
                indexes.push(home.clone());
            }
        }
        let (settings, _) = uv_toml(&indexes, resolver.logins, Fresh::Now);
        text += &format!("\n{}", settings.replace("[[index]]", "[[tool.uv.index]]"));
        work.write(FILE, &text)?;
        let file = format!("{}/{FILE}", Work::INSIDE);
        Ok(vec!["--group".into(), Word::InsideThen(file, format!(":{GROUP}"))])
    }

    /// Whether uv has to be asked again, and about what.
    pub(super) fn amend(&mut self, pylock: &Pylock, edges: &Edges) -> Result<bool, Error> {
        self.rounds += 1;
        let mut again = false;
        for package in &pylock.packages {
            let Some(home) = self.homes.get(&package.name) else { continue };
            let at_home = is_from(package, edges, home);
            if self.named.contains(&package.name) {
                // A lock that says who needs whom says that it needs all of its own.
                if !self.complete && !edges.wanted.contains(&package.name) {
                    self.named.remove(&package.name);
                    self.needless.insert(package.name.clone());
                    again = true;
                }
            } else if !at_home {
                if self.needless.contains(&package.name) || self.rounds >= MOST_ROUNDS {
                    let (name, index) = (package.name.clone(), home.label.clone());
                    return Err(Error::NotAtHome { name, index });
                }
                self.named.insert(package.name.clone());
                again = true;
            }
        }
        Ok(again && self.rounds < MOST_ROUNDS)
    }
}

fn is_from(package: &Package, edges: &Edges, index: &Index) -> bool {
    let Place::Repository(home) = &index.place else { return false };
    let had = edges.indexes.get(&package.name).or(package.index.as_ref());
    let had = had.and_then(|url| url.parse::<Url>().ok());
    let plain = |url: &Url| without_user(url).as_str().trim_end_matches('/').to_owned();
    had.is_some_and(|had| plain(&had) == plain(home))
}
