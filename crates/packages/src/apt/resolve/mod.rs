//! Which packages belong together: what `apt-get install --no-install-recommends` would install on a
//! system that has nothing.
//!
//! The order in which apt tries alternatives decides what comes out, so the solver follows apt's own steps
//! (2.6, `pkgDepCache::MarkInstall`), and no general solver's freedom. Essential packages come in only where
//! something needs them, as with apt. Where apt would go on to repair a contradiction by giving packages
//! up, this is an error that names it.

mod explain;
mod order;
mod solver;
#[cfg(test)]
mod tests;

use super::index::{Index, Package};
use super::relation::Dependency;
use solver::Solver;

pub use explain::{Problem, Unresolvable};

/// What may be chosen.
#[derive(Debug, Clone, Copy, Default)]
pub struct ResolveOptions<'a> {
    /// Packages that are recommended come in as well, where they can.
    pub recommends: bool,
    /// Names and the versions that are taken of them, whatever else there is and is preferred, as with
    /// `apt-get install name=version`. That they come in at all is for the roots to say.
    pub versions: &'a [(String, String)],
}

/// Packages that have all they need.
#[derive(Debug, Clone)]
pub struct Closure<'a> {
    /// By name.
    pub packages: Vec<Chosen<'a>>,
}

/// A package of a closure.
#[derive(Debug, Clone)]
pub struct Chosen<'a> {
    /// The package.
    pub package: Package<'a>,
    /// Why it is here.
    pub reason: Reason<'a>,
    /// Names of those packages of the closure that it needs itself, in order.
    pub depends: Vec<&'a str>,
}

/// Why a package was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason<'a> {
    /// It was asked for.
    Asked(Dependency),
    /// Another one needs it.
    Needed {
        /// Which one: the first that led to it.
        by: &'a str,
        /// What that one says: `libssl3 (>= 3.0.0)`, `awk`.
        relation: Dependency,
    },
}

/// Chooses packages that meet all of `roots`, and all that those need.
pub fn closure<'a>(
    index: &'a Index,
    roots: &[Dependency],
    options: ResolveOptions<'_>,
) -> Result<Closure<'a>, Unresolvable> {
    // The solver goes as deep as the longest chain of packages; a thread of our own has a stack for that.
    std::thread::scope(|scope| {
        let solve = || Solver::new(index, options)?.closure(roots);
        let thread = std::thread::Builder::new().name("resolve".to_owned()).stack_size(STACK);
        match thread.spawn_scoped(scope, solve) {
            Ok(handle) => handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Err(source) => {
                Err(Unresolvable { problems: vec![Problem::Thread(source.to_string())] })
            }
        }
    })
}

/// Some 64 kB for each of [`solver::DEEPEST`] levels, of which unused ones cost nothing.
const STACK: usize = 64 << 20;

impl<'a> Closure<'a> {
    /// The chosen package of this name.
    pub fn get(&self, name: &str) -> Option<&Chosen<'a>> {
        let at = self.packages.binary_search_by(|chosen| chosen.package.name().cmp(name)).ok()?;
        self.packages.get(at)
    }

    /// From a package that was asked for to this one: each is needed by the one before.
    pub fn chain(&self, name: &str) -> Vec<&'a str> {
        let mut chain = Vec::new();
        let mut next = self.get(name);
        while let Some(chosen) = next {
            let own = chosen.package.name();
            if chain.contains(&own) {
                break;
            }
            chain.push(own);
            next = match &chosen.reason {
                Reason::Asked(_) => None,
                Reason::Needed { by, .. } => self.get(by),
            };
        }
        chain.reverse();
        chain
    }
}
