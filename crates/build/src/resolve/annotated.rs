//! The two calls of uv: one for the files, one for who needs whom.

use lightship_packages::pylock::Pylock;

use super::edges::Edges;
use super::settings::Fresh;
use super::source::Plan;
use super::{Error, Request, Resolver, Upgrade, Word, Work};

/// What uv writes its answers to, in the folder of our own.
const PYLOCK: &str = "pylock.toml";
const ANNOTATED: &str = "annotated.txt";

/// No answer is larger: one of 150 distributions has 100 kB.
const MAX_ANSWER: u64 = 32 << 20;

impl Resolver<'_> {
    /// Which files.
    pub(super) fn compile(
        &self,
        work: &Work,
        plan: &Plan,
        request: &Request<'_>,
    ) -> Result<Pylock, Error> {
        // uv keeps the versions of the file that it is going to replace, where they fit.
        let pins = request.pins();
        if pins.is_empty() {
            // An earlier round's answer is not a lock of the user's.
            work.remove(PYLOCK)?;
        } else {
            let packages = pins.iter().map(|(name, version)| {
                format!("\n[[packages]]\nname = \"{name}\"\nversion = \"{version}\"\n")
            });
            let text = packages.collect::<String>();
            work.write(
                PYLOCK,
                &format!("lock-version = \"1.0\"\ncreated-by = \"lightship\"\n{text}"),
            )?;
        }
        let mut words = compile(plan);
        words.extend(["--format".into(), "pylock.toml".into()]);
        words.extend(["--output-file".into(), Work::inside(PYLOCK)]);
        words.extend(self.target(request.target));
        let attempt = "resolve the requirements";
        let now = || {
            let words = words.iter().cloned().chain(["--refresh".into()]).collect();
            self.run(work, &Plan { fresh: Fresh::Now, ..plan.clone() }, attempt, words)
        };
        let enough = || self.run(work, plan, attempt, words.clone());
        match request.upgrade {
            // Whoever asks for newer versions wants those of now.
            Upgrade::All | Upgrade::Only(_) if !self.offline => now()?,
            _ => match enough() {
                // What is wanted may have come since the lists that uv kept.
                Err(Error::Unsatisfiable { .. }) if !self.offline => now()?,
                ran => ran?,
            },
        };
        let text = super::read_text(&work.path(PYLOCK), MAX_ANSWER)?;
        Ok(Pylock::parse(&text, "uv's pylock.toml")?)
    }

    /// Who needs whom, and which index had it. The first call has filled uv's cache; this one asks nobody
    /// where that is enough.
    pub(super) fn annotate(
        &self,
        work: &Work,
        plan: &Plan,
        request: &Request<'_>,
        pylock: &Pylock,
    ) -> Result<Edges, Error> {
        let pins = pylock.packages.iter().filter_map(|package| {
            Some(format!("{}=={}\n", package.name, package.version.as_deref()?))
        });
        work.write(ANNOTATED, &pins.collect::<String>())?;
        let mut words = compile(plan);
        words.extend(["--annotation-style".into(), "split".into()]);
        words.push("--emit-index-annotation".into());
        words.extend(["--output-file".into(), Work::inside(ANNOTATED)]);
        words.extend(self.target(request.target));
        let attempt = "ask uv who needs whom";
        let from_cache = words.iter().cloned().chain(["--offline".into()]).collect();
        match self.run(work, plan, attempt, if self.offline { words.clone() } else { from_cache }) {
            // An index without digests and metadata: of its files uv keeps less.
            Err(Error::Unsatisfiable { .. } | Error::Failed { .. }) if !self.offline => {
                self.run(work, plan, attempt, words)?;
            }
            ran => drop(ran?),
        }
        Ok(Edges::parse(&super::read_text(&work.path(ANNOTATED), MAX_ANSWER)?))
    }
}

fn compile(plan: &Plan) -> Vec<Word> {
    let mut words = vec!["pip".into(), "compile".into()];
    words.extend(plan.sources.iter().chain(&plan.group).cloned());
    if plan.no_deps {
        words.push("--no-deps".into());
    }
    words.extend(["--no-header".into(), "--quiet".into()]);
    words
}
