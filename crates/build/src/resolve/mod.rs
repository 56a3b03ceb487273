//! From requirements to a lock: driving `uv` beside the image's own Python, building what has no wheel.
//!
//! `uv` runs where an [`Interpreter`] lets it: in a sandbox whose root has the Python that the image will
//! have. So markers, ABI and libc are the image's. What comes back is `pylock.toml`; of it a lock keeps
//! names, versions, digests, sizes and labels, and the local store keeps the addresses.
//!
//! A source distribution may have to be asked what it needs, and then `uv` runs its code in the same
//! sandbox. That code sees nothing of this machine but what `uv` itself has to have: the network, `uv`'s cache
//! (which it can write), proxies, the project's folder (a copy is written), folders of `--find-links`, and the user's
//! logins to the indexes that are asked. No other login is in there: a file server that an index points to,
//! and that wants one of its own, is asked without.
//!
//! Everything becomes one call of `uv pip compile`: requirements files as one file without includes,
//! `pyproject.toml` as it is, and locks of other tools as exact versions whose allowed files are known
//! ([`Source`]).

mod allowed;
mod annotated;
mod edges;
mod error;
mod explain;
mod interpreter;
mod pinned;
mod placed;
mod requirements;
mod resolution;
mod sandboxed;
mod sdist;
mod settings;
mod setup_cfg;
mod source;
mod target;
mod uv;
mod uv_lock;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lightship_net::Secret;
use lightship_packages::fetch::Logins;
use lightship_packages::index::{Index, Place, Role};
use lightship_packages::lock::{DEFAULT_INDEX, Lock};
use lightship_packages::python::normalise_name;
use tempfile::TempDir;

pub use error::Error;
pub use interpreter::{Access, Host, Interpreter, Job, Ran, Shared, Word};
pub use requirements::{Hashes, IndexOption, IndexUrl, Lookup, Requirements, Variables};
pub use resolution::Resolution;
pub use sandboxed::Sandboxed;
pub use sdist::{is_built, is_native};
pub use source::Source;
pub use target::Target;
pub use uv::Uv;

use self::placed::Placed;
use self::source::Plan;

/// How long a resolution may take: a cold one of 150 distributions takes less than a minute.
const TIME: Duration = Duration::from_mins(30);

/// Turns requirements into files of known digests.
pub struct Resolver<'a> {
    /// Which uv.
    pub uv: &'a Uv,
    /// Where it runs.
    pub interpreter: &'a dyn Interpreter,
    /// The user's indexes, those that are asked first before others.
    pub indexes: &'a [Index],
    /// What [`Resolver::default_index`] answered before, for uv to be told how long its lists are good for.
    pub public: Option<Index>,
    /// Who the user is to them.
    pub logins: &'a dyn Logins,
    /// A file of certificate authorities.
    pub certificates: Option<&'a Path>,
    /// Proxies, as variables: `HTTPS_PROXY`.
    pub proxies: Vec<(String, Secret)>,
    /// uv's cache; made where it is missing.
    pub cache: &'a Path,
    /// Where temporary folders are made.
    pub temporary: &'a Path,
    /// Whether only what uv has in its cache may be used.
    pub offline: bool,
}

/// What is to be resolved.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The requirements.
    pub source: &'a Source,
    /// For which Python and machine.
    pub target: &'a Target,
    /// A lock whose versions are kept where they still fit.
    pub previous: Option<&'a Lock>,
    /// Which of them are renewed all the same.
    pub upgrade: &'a Upgrade,
}

/// Which locked versions are renewed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Upgrade {
    /// None that still fits.
    #[default]
    Keep,
    /// All.
    All,
    /// Those of these distributions.
    Only(Vec<String>),
}

/// A folder of our own while uv runs, seen as `/lightship/work`.
struct Work(TempDir);

impl Work {
    const INSIDE: &'static str = "/lightship/work";

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> Result<Word, Error> {
        let path = self.path(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(Error::io("make the folder", folder))?;
        }
        std::fs::write(&path, text).map_err(Error::io("write", &path))?;
        Ok(Self::inside(name))
    }

    /// Removes a file that may be there.
    fn remove(&self, name: &str) -> Result<(), Error> {
        let path = self.path(name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("remove", &path)(error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn inside(name: &str) -> Word {
        Word::Inside(format!("{}/{name}", Self::INSIDE))
    }

    fn shared(&self) -> Shared {
        let (outside, access) = (self.0.path().to_owned(), Access::Write);
        Shared { outside, inside: Self::INSIDE.to_owned(), access }
    }
}

impl Resolver<'_> {
    /// Resolves requirements.
    pub fn resolve(&self, request: &Request<'_>) -> Result<Resolution, Error> {
        let work = self.work()?;
        let mut plan = source::plan(self, &work, request.source, request.target)?;
        let mut placed = Placed::of(&plan, &plan.asked(self.indexes));
        loop {
            plan.group = placed.write(self, &work)?;
            let pylock = self.compile(&work, &plan, request)?;
            let edges = match plan.edges.clone() {
                Some(edges) => edges,
                None => self.annotate(&work, &plan, request, &pylock)?,
            };
            if !placed.amend(&pylock, &edges)? {
                let known = plan.known(self.indexes);
                return resolution::resolution(&pylock, &edges, &plan, request.target, known);
            }
        }
    }

    /// The index that uv asks where nobody has configured one.
    pub fn default_index(&self) -> Result<Index, Error> {
        if let Some(known) = &self.public {
            return Ok(known.clone());
        }
        let work = self.work()?;
        let empty = work.write("empty.txt", "")?;
        let plan = Plan { no_deps: true, ..Plan::default() };
        let mut words = vec!["pip".into(), "compile".into(), empty];
        words.extend(["--emit-index-url".into(), "--no-header".into()]);
        words.extend(["--python".into(), Word::Python]);
        let ran = self.run(&work, &plan, "ask uv for its index", words)?;
        let line = ran.stdout.lines().find_map(|line| line.trim().strip_prefix("--index-url "));
        let url = line.and_then(|url| url.trim().parse().ok()).ok_or_else(|| Error::Failed {
            attempt: "ask uv for its index",
            end: "named none".to_owned(),
            complaint: "  set PIP_INDEX_URL or UV_DEFAULT_INDEX".to_owned(),
            hint: None,
        })?;
        Ok(Index::new(DEFAULT_INDEX, Place::Repository(url), Role::Default))
    }

    fn work(&self) -> Result<Work, Error> {
        std::fs::create_dir_all(self.cache).map_err(Error::io("make the folder", self.cache))?;
        std::fs::create_dir_all(self.temporary)
            .map_err(Error::io("make the folder", self.temporary))?;
        let builder = tempfile::Builder::new().prefix("resolve-").tempdir_in(self.temporary);
        builder.map(Work).map_err(Error::io("make a folder in", self.temporary))
    }

    /// Runs uv with arguments; its failure is an error.
    fn run(
        &self,
        work: &Work,
        plan: &Plan,
        attempt: &'static str,
        arguments: Vec<Word>,
    ) -> Result<Ran, Error> {
        let (job, secrets) = self.job(work, plan, attempt, arguments)?;
        let ran = self.interpreter.run(&job)?;
        if ran.success { Ok(ran) } else { Err(explain::failure(attempt, &ran, &secrets)) }
    }

    fn job(
        &self,
        work: &Work,
        plan: &Plan,
        attempt: &'static str,
        arguments: Vec<Word>,
    ) -> Result<(Job, Vec<Secret>), Error> {
        let indexes = plan.asked(self.indexes);
        let told = match &self.public {
            Some(public) if plan.asks_public(&indexes) => {
                [&indexes[..], std::slice::from_ref(public)].concat()
            }
            _ => indexes.clone(),
        };
        let (toml, mut secrets) = settings::uv_toml(&told, self.logins, plan.fresh);
        secrets.extend(plan.secrets.iter().cloned());
        work.write("config/uv/uv.toml", &(toml + &settings::alone(&plan.alone)))?;
        let (links, folders, more) = settings::find_links(&indexes, self.logins);
        secrets.extend(more);
        secrets.extend(settings::secrets_of_proxies(&self.proxies));
        let mut command = vec![Word::inside("/lightship/uv")];
        command.extend(arguments);
        let compiles = command.get(2).is_some_and(|word| *word == Word::text("compile"));
        if compiles {
            command.extend(links);
            if plan.no_index {
                command.push("--no-index".into());
            }
        }
        if self.offline {
            command.push("--offline".into());
        }
        let share = |outside: &Path, inside: &str, access| Shared {
            outside: outside.to_owned(),
            inside: inside.to_owned(),
            access,
        };
        let mut shared = vec![
            share(&self.uv.program, "/lightship/uv", Access::Read),
            work.shared(),
            share(self.cache, "/lightship/cache", Access::Write),
        ];
        shared.extend(folders);
        shared.extend(plan.shared.iter().cloned());
        let mut environment: Vec<(String, Word)> = vec![
            ("HOME".to_owned(), Work::inside("home")),
            ("XDG_CONFIG_HOME".to_owned(), Work::inside("config")),
            ("UV_CACHE_DIR".to_owned(), Word::inside("/lightship/cache")),
            ("UV_PYTHON_DOWNLOADS".to_owned(), "never".into()),
            ("UV_NO_PROGRESS".to_owned(), "1".into()),
            ("NO_COLOR".to_owned(), "1".into()),
            // Messages in one line each: we break them.
            ("COLUMNS".to_owned(), "10000".into()),
            ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".into()),
        ];
        if let Some(certificates) = self.certificates {
            shared.push(share(certificates, "/lightship/certificates.pem", Access::Read));
            let file = Word::inside("/lightship/certificates.pem");
            environment.push(("SSL_CERT_FILE".to_owned(), file));
        }
        for (name, value) in &self.proxies {
            environment.push((name.clone(), Word::Secret(value.clone())));
        }
        let network = !self.offline;
        Ok((Job { attempt, command, environment, shared, network, time: TIME }, secrets))
    }

    /// Arguments that every resolution has.
    fn target(&self, target: &Target) -> Vec<Word> {
        let mut words = vec!["--python".into(), Word::Python];
        words.extend(target.words());
        if !self.interpreter.is_isolated() {
            words.push("--no-build".into());
        }
        words
    }
}

impl Request<'_> {
    /// Versions that are to be kept, by name.
    fn pins(&self) -> Vec<(&str, &str)> {
        let Some(lock) = self.previous else { return Vec::new() };
        let renewed = |name: &str| match self.upgrade {
            Upgrade::Keep => false,
            Upgrade::All => true,
            Upgrade::Only(names) => names.iter().any(|one| normalise_name(one) == name),
        };
        let wheels = lock.wheels.iter().map(|wheel| (&wheel.name[..], &wheel.version[..]));
        let sdists = lock.sdists.iter().map(|sdist| (&sdist.name[..], &sdist.version[..]));
        let mut pins: Vec<_> = wheels.chain(sdists).filter(|(name, _)| !renewed(name)).collect();
        pins.sort_unstable();
        pins.dedup_by_key(|(name, _)| *name);
        pins
    }
}

/// Reads a file of the user's, of at most so many bytes.
fn read_text(path: &Path, limit: u64) -> Result<String, Error> {
    let failed = |source| Error::Io { action: "read", path: path.to_owned(), source };
    let mut text = String::new();
    let file = File::open(path).map_err(failed)?;
    file.take(limit + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > limit {
        let reason = format!("it has more than {limit} bytes");
        return Err(failed(std::io::Error::new(std::io::ErrorKind::InvalidData, reason)));
    }
    Ok(text)
}
