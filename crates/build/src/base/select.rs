//! Which packages are in the image, and why the others are not.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use lightship_packages::deb::{Alternatives, Deb};

use super::{Error, Options, Purpose, PythonWish};

/// What to ask the distribution for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roots {
    /// No base without these.
    pub required: Vec<String>,
    /// These as well, where the suite has them.
    pub if_available: Vec<String>,
}

/// The packages that a base begins with; their dependencies follow from the suite. Of some of them
/// only a few files stay: `libc-bin` has the locale C.UTF-8, `base-files` says which system this is.
pub fn roots(options: &Options) -> Roots {
    let mut required: Vec<String> =
        options.purpose.roots().into_iter().map(str::to_owned).collect();
    // Only its lists of accounts are read.
    let mut if_available = match options.purpose {
        Purpose::Programs | Purpose::Program(_) => vec!["base-passwd".to_owned()],
        Purpose::Bare(_) | Purpose::Web => Vec::new(),
    };
    match options.python {
        PythonWish::None | PythonWish::Elsewhere => {}
        PythonWish::Any => required.push("python3".to_owned()),
        PythonWish::Version(major, minor) => required.push(format!("python{major}.{minor}")),
    }
    match options.python {
        // Up to 3.11 it is part of the standard library, which Debian ships in a package of its own.
        PythonWish::Any => if_available.push("python3-distutils".to_owned()),
        PythonWish::Version(3, minor) if minor < 12 => {
            if_available.push("python3-distutils".to_owned());
        }
        PythonWish::None | PythonWish::Version(..) | PythonWish::Elsewhere => {}
    }
    if options.shell {
        required.push("dash".to_owned());
        if_available.extend(SHELL.iter().filter(|name| **name != "dash").map(|n| (*n).to_owned()));
    }
    required.extend(options.keep.iter().cloned());
    Roots { required, if_available }
}

/// What a person expects who asks for a shell.
const SHELL: [&str; 6] = ["bash", "coreutils", "dash", "findutils", "grep", "sed"];

/// What installs and configures packages and machines: in an image nothing is installed later, no
/// service is started by a manager, nobody logs in. Whoever depends on one of these does so for
/// maintainer scripts.
const TOOLS: [(&str, &str); 32] = [
    ("adduser", "makes accounts; those of the image are made by Lightship"),
    ("apt", "installs packages; nothing is installed later"),
    ("apt-utils", "installs packages; nothing is installed later"),
    ("base-passwd", "makes accounts; those of the image are made by Lightship"),
    ("cdebconf", "asks questions at installation"),
    ("debconf", "asks questions at installation"),
    ("debconf-2.0", "asks questions at installation"),
    ("debconf-i18n", "asks questions at installation"),
    ("debian-archive-keyring", "lists the keys of archives for apt"),
    ("debianutils", "helps maintainer scripts"),
    ("dpkg", "installs packages; nothing is installed later"),
    ("dpkg-dev", "builds packages"),
    ("init-system-helpers", "starts services with the machine"),
    ("initscripts", "starts services with the machine"),
    ("insserv", "starts services with the machine"),
    ("install-info", "indexes documentation"),
    ("login", "lets people log in"),
    ("login.defs", "lets people log in"),
    ("logsave", "writes the machine's log"),
    ("lsb-base", "starts services with the machine"),
    ("man-db", "shows documentation"),
    ("mount", "mounts disks"),
    ("passwd", "makes accounts; those of the image are made by Lightship"),
    ("sensible-utils", "picks an editor for a person"),
    ("systemd-standalone-sysusers", "makes accounts; those of the image are made by Lightship"),
    ("systemd-standalone-tmpfiles", "makes folders when a machine starts"),
    ("systemd-sysusers", "makes accounts; those of the image are made by Lightship"),
    ("systemd-tmpfiles", "makes folders when a machine starts"),
    ("sysv-rc", "starts services with the machine"),
    ("sysvinit-utils", "starts services with the machine"),
    ("ucf", "asks questions about configuration files"),
    ("update-inetd", "starts services with the machine"),
];

/// Dependencies that only a package's maintainer scripts use, although the other package is no tool.
const FOR_SCRIPTS: [(&str, &str); 5] = [
    // update-ca-certificates names links by the hash of a certificate; the bundle needs none.
    ("ca-certificates", "openssl"),
    // Copies of default files into place; `awk` is a virtual package.
    ("base-files", "awk"),
    // `ss` looks whether something listens at port 80 already, before the service is started.
    ("nginx", "iproute2"),
    ("nginx-core", "iproute2"),
    ("readline-common", "install-info"),
];

/// Why a package is not in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It installs or configures: what it does.
    Tool(&'static str),
    /// Only the maintainer scripts of these packages use it.
    ForScripts(Vec<String>),
    /// A system that is administered cannot do without it, an image can.
    Essential,
    /// Only packages that are not in the image depend on it: these.
    OnlyFor(Vec<String>),
    /// Nothing depends on it.
    NotAsked,
}

impl fmt::Display for Reason {
    /// A clause that follows the package's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tool(what) => f.write_str(what),
            Self::ForScripts(users) => {
                write!(f, "only maintainer scripts use it, those of {}", users.join(", "))
            }
            Self::Essential => f.write_str(
                "keeps a system that is administered going; nothing in the image runs it",
            ),
            Self::OnlyFor(users) => {
                write!(f, "only packages that are left out depend on it: {}", users.join(", "))
            }
            Self::NotAsked => f.write_str("nothing in the image depends on it"),
        }
    }
}

/// What was decided.
#[derive(Debug, Default)]
pub(super) struct Selection {
    /// Names of packages that stay.
    pub(super) kept: BTreeSet<String>,
    /// Those among them that somebody asked for by name: their programs stay, too.
    pub(super) asked: BTreeSet<String>,
    /// The others.
    pub(super) dropped: BTreeMap<String, Reason>,
}

/// Packages by name, with who provides what.
pub(super) struct Set<'a> {
    by_name: BTreeMap<&'a str, &'a Deb>,
    providers: BTreeMap<String, Vec<&'a str>>,
    /// What each depends on, as far as the set has it.
    dependencies: BTreeMap<&'a str, Vec<Dependency<'a>>>,
}

/// One place of a package's dependency lists, and the package that meets it.
struct Dependency<'a> {
    place: Alternatives,
    met_by: &'a str,
}

impl<'a> Set<'a> {
    pub(super) fn new(debs: &'a [Deb]) -> Result<Self, Error> {
        let mut by_name: BTreeMap<&str, &Deb> = BTreeMap::new();
        let mut providers: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for deb in debs {
            let name = deb.control.package();
            if let Some(other) = by_name.insert(name, deb) {
                let version = |deb: &Deb| {
                    format!("{} ({})", deb.control.version(), deb.control.architecture())
                };
                let mut both = [version(other), version(deb)];
                both.sort();
                let [first, second] = both;
                return Err(Error::Twice { name: name.to_owned(), first, second });
            }
            for provided in deb.control.relations("Provides").into_iter().flatten() {
                providers.entry(provided).or_default().push(name);
            }
        }
        for names in providers.values_mut() {
            names.sort_unstable();
        }
        let mut set = Self { by_name, providers, dependencies: BTreeMap::new() };
        set.dependencies =
            set.by_name.iter().map(|(name, deb)| (*name, set.dependencies_of(deb))).collect();
        Ok(set)
    }

    fn dependencies_of(&self, deb: &Deb) -> Vec<Dependency<'a>> {
        let places = ["Pre-Depends", "Depends"].into_iter().flat_map(|f| deb.control.relations(f));
        let met =
            places.filter_map(|place| Some(Dependency { met_by: self.meets(&place)?, place }));
        met.collect()
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a Deb> {
        self.by_name.get(name).copied()
    }

    /// The package of the set that meets one place of a dependency list: the first alternative that is
    /// there, itself before who provides it.
    fn meets(&self, alternatives: &[String]) -> Option<&'a str> {
        alternatives.iter().find_map(|name| {
            let real = self.by_name.get_key_value(name.as_str()).map(|(name, _)| *name);
            real.or_else(|| self.providers.get(name).and_then(|names| names.first().copied()))
        })
    }
}

/// Decides. What is kept is reached from the roots over dependencies, without the steps that only
/// maintainer scripts need.
pub(super) fn select(set: &Set<'_>, options: &Options) -> Result<Selection, Error> {
    let mut selection = Selection { asked: asked(set, options)?, ..Selection::default() };
    let roots = roots(options);
    let stays = |name: &String| {
        let tool = tool(name, options.purpose);
        set.get(name).is_some() && (tool.is_none() || selection.asked.contains(name))
    };
    let mut todo: Vec<String> =
        roots.required.into_iter().chain(roots.if_available).filter(stays).collect();
    let mut for_scripts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    while let Some(name) = todo.pop() {
        if !selection.kept.insert(name.clone()) {
            continue;
        }
        for Dependency { place, met_by: other } in &set.dependencies[name.as_str()] {
            let for_script = is_for_scripts(&name, place, other, options.purpose);
            if for_script && !selection.asked.contains(*other) {
                for_scripts.entry((*other).to_owned()).or_default().push(name.clone());
            } else {
                todo.push((*other).to_owned());
            }
        }
    }
    selection.dropped = reasons(set, &selection.kept, for_scripts, options.purpose);
    Ok(selection)
}

fn asked(set: &Set<'_>, options: &Options) -> Result<BTreeSet<String>, Error> {
    let mut asked = BTreeSet::new();
    for name in &options.keep {
        let found = set.meets(std::slice::from_ref(name));
        asked.insert(found.ok_or_else(|| Error::Missing(name.clone()))?.to_owned());
    }
    if options.shell {
        let there = SHELL.iter().filter(|name| set.get(name).is_some());
        asked.extend(there.map(|name| (*name).to_owned()));
        if !asked.contains("dash") && !asked.contains("bash") {
            return Err(Error::NoShell);
        }
    }
    Ok(asked)
}

fn tool(name: &str, purpose: Purpose) -> Option<&'static str> {
    let known = TOOLS.iter().find(|(tool, _)| *tool == name).map(|(_, what)| *what);
    known.or_else(|| purpose.does_without(name))
}

/// Whether one step of `user`'s dependencies, which `other` meets, matters to its scripts alone.
fn is_for_scripts(user: &str, place: &[String], other: &str, purpose: Purpose) -> bool {
    let listed = |name: &str| FOR_SCRIPTS.contains(&(user, name));
    tool(other, purpose).is_some()
        || listed(other)
        || place.iter().any(|name| listed(name) || tool(name, purpose).is_some())
}

fn reasons(
    set: &Set<'_>,
    kept: &BTreeSet<String>,
    mut for_scripts: BTreeMap<String, Vec<String>>,
    purpose: Purpose,
) -> BTreeMap<String, Reason> {
    let mut users: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (user, dependencies) in &set.dependencies {
        for dependency in dependencies {
            users.entry(dependency.met_by).or_default().insert(user);
        }
    }
    let left = set.by_name.iter().filter(|(name, _)| !kept.contains(**name));
    let reason = |(name, deb): (&&str, &&Deb)| {
        let reason = match (tool(name, purpose), for_scripts.remove(*name)) {
            (Some(what), _) => Reason::Tool(what),
            (None, _) if deb.control.is_essential() => Reason::Essential,
            (None, Some(mut users)) => {
                users.sort();
                users.dedup();
                Reason::ForScripts(users)
            }
            (None, None) => match users.get(name) {
                None => Reason::NotAsked,
                Some(users) => Reason::OnlyFor(users.iter().map(|u| (*u).to_owned()).collect()),
            },
        };
        ((*name).to_owned(), reason)
    };
    left.map(reason).collect()
}
