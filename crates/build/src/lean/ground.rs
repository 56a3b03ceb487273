//! What an image stands on: which suite of the distribution, and which of its packages.

use std::collections::BTreeSet;
use std::sync::Arc;

use lightship_base::{Progress, Timestamp};
use lightship_packages::apt::{
    Archive, Archives, Chosen, Dependency, Index, Mirror, Package, Pins, Reason, ResolveOptions,
    Suite as SourceSuite, UpdateOptions, closure, probe_suite,
};
use lightship_packages::fetch::Fetcher;
use lightship_packages::lock::{Deb, Suite};

use super::{Error, Lists};
use crate::base::{self, PythonWish};

/// The distribution's archives, as the user's machine knows them.
pub struct Apt<'a> {
    /// Gets their lists.
    pub fetcher: &'a Fetcher,
    /// What is configured.
    pub mirrors: &'a [Mirror],
    /// What the user prefers of it.
    pub pins: &'a Pins,
    /// Whose packages: `amd64`.
    pub architecture: &'a str,
    /// The present moment.
    pub now: Timestamp,
    /// Those of their lists that were read before.
    pub lists: &'a Lists,
    /// Who watches.
    pub progress: &'a dyn Progress,
}

/// Suites that a mirror may have beside the configured one, newest first. A suite is tried only where the
/// configured one lacks the Python that is wanted.
const SUITES: [&str; 8] =
    ["forky", "trixie", "bookworm", "bullseye", "resolute", "noble", "jammy", "focal"];

/// The reason of a package that nobody else needs.
pub(super) const ASKED: &str = "asked for";

/// A suite with all that was asked of it.
pub struct Ground {
    /// Which.
    pub suite: Suite,
    /// Packages, by name.
    pub debs: Vec<Deb>,
    /// All packages that the suite has.
    pub index: Arc<Index>,
    /// Where it is.
    pub mirrors: Vec<Mirror>,
}

impl Apt<'_> {
    pub(super) fn options(&self) -> UpdateOptions<'_> {
        UpdateOptions {
            architecture: self.architecture,
            now: self.now,
            allow_expired: false,
            pins: Some(self.pins),
        }
    }

    fn update(&self, mirrors: &[Mirror]) -> Result<Arc<Index>, Error> {
        self.lists.index(self, mirrors)
    }
}

/// Chooses a suite: the one that `suite` names, else the configured one, else one of the same mirror that
/// has the Python that is wanted. Then its packages.
pub fn ground(
    apt: &Apt<'_>,
    options: &base::Options,
    suite: Option<&str>,
) -> Result<Ground, Error> {
    let roots = base::roots(options);
    let mut seen = Vec::new();
    let configured = main_suite(apt, suite)?;
    let others = SUITES.iter().copied().filter(|name| Some(*name) != configured.as_deref());
    let first = suite.map(str::to_owned).or_else(|| configured.clone());
    let candidates = first.iter().map(String::as_str);
    let candidates: Vec<&str> = match (suite, options.python) {
        (None, PythonWish::Version(..)) => candidates.chain(others).collect(),
        _ => candidates.collect(),
    };
    for name in candidates {
        // A suite that nobody configured is an offer; that it is out of date, say, is no failure.
        let own = first.as_deref() == Some(name);
        let found = mirrors_of(apt, configured.as_deref(), name)
            .and_then(|mirrors| mirrors.map(|all| Ok((apt.update(&all)?, all))).transpose());
        let (index, mirrors) = match found {
            Ok(Some(found)) => found,
            Ok(None) => continue,
            Err(error) if own => return Err(error),
            Err(error) => {
                seen.push(format!("{name} cannot be used ({error})"));
                continue;
            }
        };
        if let PythonWish::Version(major, minor) = options.python
            && index.get(&format!("python{major}.{minor}")).is_none()
        {
            seen.push(offer(&index, name));
            continue;
        }
        let debs = resolve(&index, &roots, options)?;
        return Ok(Ground { suite: suite_of(&index, name), debs, index, mirrors });
    }
    match (options.python, suite, seen.is_empty()) {
        (PythonWish::Version(major, minor), _, false) => {
            Err(Error::NoSuchPython { wanted: format!("{major}.{minor}"), offers: seen })
        }
        (_, Some(name), _) => Err(Error::NoSuchSuite { suite: name.to_owned() }),
        (_, None, _) => Err(Error::NoArchive),
    }
}

/// Where a lock's packages are: the archives of the suite that it names, without their lists of packages.
pub fn archives(apt: &Apt<'_>, suite: &str) -> Result<Archives, Error> {
    let configured = main_suite(apt, Some(suite))?;
    let mirrors = mirrors_of(apt, configured.as_deref(), suite)?;
    let mirrors = mirrors.ok_or_else(|| Error::NoSuchSuite { suite: suite.to_owned() })?;
    Ok(lightship_packages::apt::archives(apt.fetcher, &mirrors, apt.options())?)
}

/// Packages of the suite that have libraries of these names, one for each; those that none has are left
/// out.
pub fn who_has(
    apt: &Apt<'_>,
    ground: &Ground,
    names: &[&str],
) -> Result<Vec<(String, String)>, Error> {
    let holders = apt.lists.who_has(apt, &ground.mirrors, names)?;
    let best = holders.into_iter().filter_map(|(name, holders)| {
        let known =
            |holder: &lightship_packages::apt::Holder| ground.index.get(&holder.package).is_some();
        Some((holders.into_iter().find(known)?.package, name))
    });
    Ok(best.collect())
}

/// Resolves once more, with further packages.
pub fn more(ground: &mut Ground, options: &base::Options) -> Result<(), Error> {
    ground.debs = resolve(&ground.index, &base::roots(options), options)?;
    Ok(())
}

pub(super) fn resolve(
    index: &Index,
    roots: &base::Roots,
    options: &base::Options,
) -> Result<Vec<Deb>, Error> {
    let there = roots.if_available.iter().filter(|name| index.get(name).is_some());
    let wanted: Vec<Dependency> =
        roots.required.iter().chain(there).map(|name| Dependency::on(name.clone())).collect();
    let closure = closure(
        index,
        &wanted,
        ResolveOptions { versions: &options.versions, ..ResolveOptions::default() },
    )?;
    let debs = closure.packages.iter().map(|chosen| locked(index, chosen));
    let mut debs = debs.collect::<Result<Vec<Deb>, Error>>()?;
    if options.purpose.is_only_data() {
        debs.retain(|deb| roots.required.contains(&deb.name));
        for deb in &mut debs {
            deb.depends.retain(|name| roots.required.contains(name));
        }
    }
    Ok(debs)
}

fn locked(index: &Index, chosen: &Chosen<'_>) -> Result<Deb, Error> {
    let package = &chosen.package;
    let archive = index.archives().get(package.archive());
    Ok(Deb {
        name: package.name().to_owned(),
        version: package.version().to_owned(),
        architecture: package.architecture().to_owned(),
        file: package.pool_path()?.to_owned(),
        size: package.size()?,
        sha256: package.sha256()?,
        archive: archive.map(|archive| archive.label.clone()).unwrap_or_default(),
        depends: chosen.depends.iter().map(|name| (*name).to_owned()).collect(),
        reason: match &chosen.reason {
            Reason::Asked(_) => ASKED.to_owned(),
            Reason::Needed { by, .. } => format!("{by} needs it"),
        },
        platforms: Vec::new(),
    })
}

/// `bookworm` of `bookworm-updates`, `bookworm-security` and `bookworm`, as it is configured. Where several
/// suites look like it (vendors' archives have `stable`, or `all`), the one that is `wanted`, else the one
/// that has the distribution's heart.
fn main_suite(apt: &Apt<'_>, wanted: Option<&str>) -> Result<Option<String>, Error> {
    let named = apt.mirrors.iter().filter_map(|mirror| match &mirror.source.suite {
        SourceSuite::Named { name, .. } => Some(name.as_str()),
        SourceSuite::Flat(_) => None,
    });
    let plain: BTreeSet<&str> = named.clone().filter(|name| is_plain(name)).collect();
    let first = named.clone().find(|name| is_plain(name)).or_else(|| named.clone().next());
    let chosen = match wanted {
        Some(wanted) if plain.contains(wanted) => Some(wanted),
        _ if plain.len() < 2 => first,
        _ => {
            let index = apt.update(apt.mirrors)?;
            let heart = heart(&index).map(|archive| archive.suite.as_str());
            return Ok(heart.filter(|name| is_plain(name)).or(first).map(str::to_owned));
        }
    };
    Ok(chosen.map(str::to_owned))
}

/// Whether a suite's name is that of a whole distribution.
fn is_plain(suite: &str) -> bool {
    !suite.contains(['-', '/'])
}

/// The archive that a distribution comes from: it has `base-files`, which no system is without and no
/// vendor's archive has. Updates may have it too; a plain suite goes before them.
fn heart(index: &Index) -> Option<&Archive> {
    let holders = index.versions("base-files").filter(Package::is_essential);
    let holders = holders.filter_map(|package| index.archives().get(package.archive()));
    // Of equally plain ones the first, which goes before the others for apt as well.
    holders.min_by_key(|archive| !is_plain(&archive.suite))
}

/// The configured mirrors with another suite's names; `None` where they do not have it.
fn mirrors_of(
    apt: &Apt<'_>,
    configured: Option<&str>,
    wanted: &str,
) -> Result<Option<Vec<Mirror>>, Error> {
    let Some(configured) = configured.filter(|configured| *configured != wanted) else {
        return Ok(Some(apt.mirrors.to_vec()).filter(|mirrors| !mirrors.is_empty()));
    };
    let mut found = Vec::new();
    let mut main = false;
    for mirror in apt.mirrors {
        let SourceSuite::Named { name, .. } = &mirror.source.suite else { continue };
        let Some(rest) = name.strip_prefix(configured) else { continue };
        let other = format!("{wanted}{rest}");
        if let Some(mirror) = probe_suite(apt.fetcher, mirror, &other, apt.options())? {
            main |= rest.is_empty();
            found.push(mirror);
        } else if rest.is_empty() {
            return Ok(None);
        }
    }
    Ok(main.then_some(found))
}

fn suite_of(index: &Index, name: &str) -> Suite {
    let archive = heart(index).or_else(|| index.archives().iter().next());
    let text = |get: fn(&Archive) -> Option<&String>| archive.and_then(get).cloned();
    Suite {
        distribution: archive.map_or_else(String::new, |archive| archive.label.to_lowercase()),
        codename: text(|archive| archive.codename.as_ref()).unwrap_or_else(|| name.to_owned()),
        version: text(|archive| archive.version.as_ref()),
    }
}

/// What a suite has instead.
fn offer(index: &Index, name: &str) -> String {
    let versions = (0..40).filter(|minor| index.get(&format!("python3.{minor}")).is_some());
    let versions: Vec<String> = versions.map(|minor| format!("3.{minor}")).collect();
    match &versions[..] {
        [] => format!("{name} has no Python 3"),
        versions => format!("{name} has {}", versions.join(" and ")),
    }
}

#[cfg(test)]
mod tests {
    use lightship_packages::apt::{ArchiveId, IndexBuilder};

    use super::*;

    fn archive(label: &str, suite: &str, codename: &str) -> Archive {
        Archive {
            label: label.to_owned(),
            suite: suite.to_owned(),
            version: Some(format!("{label} 1")),
            codename: Some(codename.to_owned()),
            class: None,
            origin: None,
            automatic: lightship_packages::apt::Automatic::Always,
            base: "http://mirror.invalid/".parse().unwrap(),
        }
    }

    #[test]
    fn a_vendors_archive_does_not_name_the_distribution() {
        let package = |name: &str, version: &str, more: &str| {
            format!("Package: {name}\nVersion: {version}\nArchitecture: amd64\n{more}\n")
                .into_bytes()
        };
        let essential = "Essential: yes\n";
        let archives = vec![
            archive("Vendor", "all", "all"),
            archive("Debian-Security", "stable-security", "bookworm-security"),
            archive("Debian", "stable", "bookworm"),
            archive("Odd", "odd", "odd"),
        ];
        let texts = [
            package("tool", "1", ""),
            package("base-files", "13", essential),
            package("base-files", "12", essential),
            package("base-files", "99", ""),
        ];
        let mut builder = IndexBuilder::new("amd64", Archives::new(archives));
        for (at, text) in (0..).zip(texts) {
            builder.add(text, ArchiveId(at));
        }
        let index = builder.finish();
        assert_eq!(heart(&index).unwrap().suite, "stable");
        let suite = suite_of(&index, "stable");
        assert_eq!((suite.distribution.as_str(), suite.codename.as_str()), ("debian", "bookworm"));
        assert_eq!(suite.version.as_deref(), Some("Debian 1"));
        // Archives without a heart, as before: the first one.
        let nothing = Archives::new(vec![archive("Vendor", "all", "all")]);
        let index = IndexBuilder::new("amd64", nothing).finish();
        assert_eq!(suite_of(&index, "all").distribution, "vendor");
    }
}
