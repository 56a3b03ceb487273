//! An image for a processor that this machine is not: its Python cannot be run here, so another one answers
//! for it. That is the same Python of the same suite, from packages for this machine's processor. It is never
//! in the image; `uv` is told what it resolves for, and byte code does not depend on the processor.

use std::borrow::Cow;

use lightship_build::base::{self, PythonWish};
use lightship_build::lean::{self, Wishes};
use lightship_oci::spec::Platform;
use lightship_packages::lock::{Deb, Lock, PlatformName};

use super::Kitchen;
use crate::commands::Error;

/// A lock whose packages run on this machine, and what is wanted of them.
pub(super) type Runnable<'l> = (Cow<'l, Lock>, Cow<'l, Wishes>);

impl Kitchen<'_> {
    /// Whether what is built runs on this machine's processor.
    pub fn is_for_here(&self) -> bool {
        self.platform.architecture() == Platform::host().architecture
    }

    /// The lock itself where its base runs here, else its twin.
    pub(super) fn runnable<'l>(
        &self,
        lock: &'l Lock,
        wishes: &'l Wishes,
    ) -> Result<Runnable<'l>, Error> {
        if self.is_for_here() {
            return Ok((Cow::Borrowed(lock), Cow::Borrowed(wishes)));
        }
        let (name, version) = interpreter(lock).ok_or(lean::Error::NoPython)?;
        let options = base::Options { python: series(name), ..base::Options::default() };
        let twin = match &self.beside {
            Some(known) if interpreter(known) == Some((name, version)) => known.clone(),
            Some(_) | None => self.resolve_twin(lock, &options)?,
        };
        match interpreter(&twin) {
            Some(found) if found == (name, version) => {}
            found => {
                return Err(Error::NoTwin {
                    wanted: format!("{name} {version}"),
                    platform: self.platform.to_string(),
                    found: found.map(|(name, version)| format!("{name} {version}")),
                });
            }
        }
        let wishes = Wishes { base: options, ..Wishes::default() };
        Ok((Cow::Owned(twin), Cow::Owned(wishes)))
    }

    /// Resolves the twin's packages in the suite of the lock.
    fn resolve_twin(&self, lock: &Lock, options: &base::Options) -> Result<Lock, Error> {
        let host = Platform::host();
        let suite = lock.suite.as_ref().map(|suite| suite.codename.as_str());
        let apt = self.supplies.apt(&host.architecture, &*self.progress);
        let ground = lean::ground(&apt, options, suite)?;
        Ok(Lock { suite: Some(ground.suite), debs: ground.debs, ..Lock::default() })
    }
}

/// What a lock that knows several platforms has for this machine's: the base alone.
pub(super) fn beside(lock: &Lock, platform: &PlatformName) -> Option<Lock> {
    let host = Platform::host();
    if platform.architecture() == host.architecture {
        return None;
    }
    let own = lock.platforms.iter().find(|one| one.architecture() == host.architecture)?;
    let own = lock.only_for(own)?;
    Some(Lock { suite: own.suite, debs: own.debs, ..Lock::default() })
}

/// The package that has the interpreter, and its version without the number that each processor's builders
/// count by themselves (*Debian Policy 5.6.12, binary NMUs*).
fn interpreter(lock: &Lock) -> Option<(&str, &str)> {
    let is_interpreter = |deb: &&Deb| {
        let name = deb.name.strip_prefix("python3.").and_then(|rest| rest.strip_suffix("-minimal"));
        name.is_some_and(|minor| minor.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let deb = lock.debs.iter().find(is_interpreter)?;
    let version = match deb.version.rsplit_once("+b") {
        Some((source, count)) if count.bytes().all(|byte| byte.is_ascii_digit()) => source,
        Some(_) | None => &deb.version,
    };
    Some((&deb.name, version))
}

/// `python3.11-minimal` is of 3.11.
fn series(package: &str) -> PythonWish {
    let minor = package.trim_start_matches("python3.").trim_end_matches("-minimal");
    minor.parse().map_or(PythonWish::Any, |minor| PythonWish::Version(3, minor))
}

#[cfg(test)]
mod tests {
    use lightship_base::Digest;

    use super::*;

    fn lock(packages: &[(&str, &str)]) -> Lock {
        let deb = |(name, version): &(&str, &str)| Deb {
            name: (*name).to_owned(),
            version: (*version).to_owned(),
            architecture: "arm64".to_owned(),
            file: String::new(),
            size: 0,
            sha256: Digest::of(b""),
            archive: String::new(),
            depends: Vec::new(),
            reason: String::new(),
            platforms: Vec::new(),
        };
        Lock { debs: packages.iter().map(deb).collect(), ..Lock::default() }
    }

    #[test]
    fn rebuilds_for_one_processor_are_the_same_python() {
        let found = |version| {
            let lock = lock(&[("libpython3.11-minimal", "1"), ("python3.11-minimal", version)]);
            interpreter(&lock).map(|(_, version)| version.to_owned())
        };
        assert_eq!(found("3.11.2-6+deb12u9").as_deref(), Some("3.11.2-6+deb12u9"));
        assert_eq!(found("3.11.2-6+b1").as_deref(), Some("3.11.2-6"));
        assert_eq!(found("3.11.2-6+beta").as_deref(), Some("3.11.2-6+beta"));
        assert_eq!(interpreter(&lock(&[("python3-minimal", "3.11.2-1")])), None);
        assert_eq!(series("python3.11-minimal"), PythonWish::Version(3, 11));
    }

    #[test]
    fn a_lock_of_both_platforms_has_the_twin() {
        let platform = |name: &str| name.parse::<PlatformName>().unwrap();
        let host = Platform::host();
        let foreign = if host.architecture == "amd64" { "linux/arm64" } else { "linux/amd64" };
        let mut both = lock(&[("python3.11-minimal", "3.11.2-6"), ("tzdata", "1")]);
        both.platforms = vec![platform(&host.to_string()), platform(foreign)];
        both.debs[1].platforms = vec![platform(foreign)];
        let own = beside(&both, &platform(foreign)).unwrap();
        assert_eq!(own.debs.len(), 1);
        assert!(beside(&both, &platform(&host.to_string())).is_none());
        both.platforms.remove(0);
        assert!(beside(&both, &platform(foreign)).is_none());
    }
}
