//! Distributions that come as source: built to a wheel once, where nothing of this machine is seen.
//!
//! 1. What the source asks for to be built (*PEP 518, `build-system.requires`*), and what its backend asks
//!    for besides (*PEP 517*), is resolved to wheels, which the lock keeps.
//! 2. Those wheels are installed beside the image's own Python, and `uv build` makes a wheel with them,
//!    without a network.
//! 3. The wheel is written again so that one content has one digest; that digest is in the lock too.
//!
//! A source that has code for a compiler is built in another root than the others: see [`is_native`].

mod hints;
mod needs;
mod site;

use std::path::{Path, PathBuf};

use lightship_base::Progress;
use lightship_packages::index::{Finder, Wanted};
use lightship_packages::lock::{BuildRequirement, LockedFile, Sdist};
use lightship_packages::wheel::{Tags, Wheel, WheelName, normalise};

use super::source::Source;
use super::{Error, Request, Requirements, Resolver, Target, Upgrade, Work};
use site::Site;

pub(super) use hints::of as hint;

/// Whether the wheel that the lock names is in the store already.
pub fn is_built(sdist: &Sdist, finder: &Finder, progress: &dyn Progress) -> Result<bool, Error> {
    sdist.built.as_ref().map_or(Ok(false), |built| kept(built, finder, progress))
}

/// Whether a distribution has to be built beside a compiler: its source has files for one, or is built with
/// something that makes such files.
///
/// Nobody tries without first: many a source builds without its native part where there is no compiler, and
/// is slow then without a word.
pub fn is_native(sdist: &Sdist, finder: &Finder, progress: &dyn Progress) -> Result<bool, Error> {
    let source = fetch(&sdist.name, &sdist.index, &sdist.file, finder, progress)?;
    Ok(needs::of(&source, &sdist.file.name)?.is_native)
}

/// For what is built, where files come from, and who watches.
struct At<'a> {
    target: &'a Target,
    finder: &'a Finder,
    progress: &'a dyn Progress,
}

impl At<'_> {
    /// Wheels that a build needs, with their names.
    fn fetch_all(&self, build: &[BuildRequirement]) -> Result<Vec<(String, PathBuf)>, Error> {
        let one = |wheel: &BuildRequirement| {
            let BuildRequirement { name, index, file, .. } = wheel;
            let path = fetch(name, index, file, self.finder, self.progress)?;
            Ok((file.name.clone(), path))
        };
        build.iter().map(one).collect()
    }
}

impl Resolver<'_> {
    /// Makes a wheel from a source distribution, and says what it was made with. What the lock says
    /// already is held to: its build requirements are used, and another wheel than its own is an error.
    pub fn build(
        &self,
        sdist: &Sdist,
        target: &Target,
        finder: &Finder,
        progress: &dyn Progress,
    ) -> Result<Sdist, Error> {
        if is_built(sdist, finder, progress)? {
            return Ok(sdist.clone());
        }
        let failed = |reason: &str, hint: Option<&str>| Error::Build {
            file: sdist.file.name.clone(),
            reason: reason.to_owned(),
            hint: hint.map(str::to_owned),
        };
        if !self.interpreter.is_isolated() {
            let hint = "see `lightship doctor` for what sandboxes need, or put a wheel of it into a `--find-links` folder";
            return Err(failed("its code would have to run outside a sandbox", Some(hint)));
        }
        let source = fetch(&sdist.name, &sdist.index, &sdist.file, finder, progress)?;
        let mut result = sdist.clone();
        // Its build runs here, whatever machine the wheel is for.
        let runs = target.runs();
        let at = At { target: &runs, finder, progress };
        let (_work, wheel) = self.make(&mut result, &source, &at)?;
        let built = store(&wheel, sdist, target, finder, progress)?;
        if sdist.built.as_ref().is_some_and(|known| known.sha256 != built.sha256) {
            let reason = "the wheel that came of it is not the one in the lock";
            let hint = "its build depends on something besides its source and its requirements; accept the new wheel with `lightship lock`";
            return Err(failed(reason, Some(hint)));
        }
        result.built = Some(built);
        Ok(result)
    }

    /// Builds, and fills in what it was built with where that is not known. The wheel is in the folder.
    fn make(
        &self,
        sdist: &mut Sdist,
        source: &Path,
        at: &At<'_>,
    ) -> Result<(Work, PathBuf), Error> {
        let needs = needs::of(source, &sdist.file.name)?;
        let known = !sdist.build.is_empty();
        if !known {
            sdist.build = self.requirements(sdist, needs.requires.clone(), at)?;
        }
        let archive = (&sdist.file.name[..], source);
        let work = self.work()?;
        let site = Site::open(self, &work, archive, &needs, &at.fetch_all(&sdist.build)?)?;
        let more = if known { Vec::new() } else { site.asks(&needs.backend)? };
        if more.is_empty() {
            let wheel = site.build()?;
            return Ok((work, wheel));
        }
        let all = needs.requires.iter().cloned().chain(more).collect();
        sdist.build = self.requirements(sdist, all, at)?;
        // Elsewhere: its own code has run in the first place.
        let work = self.work()?;
        let site = Site::open(self, &work, archive, &needs, &at.fetch_all(&sdist.build)?)?;
        let wheel = site.build()?;
        Ok((work, wheel))
    }

    /// The wheels that a source asks for.
    fn requirements(
        &self,
        sdist: &Sdist,
        lines: Vec<String>,
        at: &At<'_>,
    ) -> Result<Vec<BuildRequirement>, Error> {
        let requirements = Requirements { lines, ..Requirements::default() };
        let source = Source::Requirements { requirements, project: None };
        let upgrade = Upgrade::Keep;
        let (target, upgrade) = (at.target, &upgrade);
        let request = Request { source: &source, target, previous: None, upgrade };
        let resolution = self.resolve(&request)?;
        if let Some(other) = resolution.sdists.first() {
            let reason = format!("it needs {} to be built, which comes as source only", other.name);
            let hint = "put a wheel of that into a `--find-links` folder".to_owned();
            return Err(Error::Build { file: sdist.file.name.clone(), reason, hint: Some(hint) });
        }
        resolution.remember(&at.finder.fetcher().cas())?;
        let wheels = resolution.wheels.into_iter();
        let build = wheels.map(|wheel| BuildRequirement {
            name: wheel.name,
            version: wheel.version,
            file: wheel.file,
            index: wheel.index,
        });
        Ok(build.collect())
    }
}

/// Whether a wheel is in the store; it stays there then.
fn kept(built: &LockedFile, finder: &Finder, progress: &dyn Progress) -> Result<bool, Error> {
    let fetcher = finder.fetcher();
    let failed = |source| Error::Store { what: built.name.clone(), source };
    if !fetcher.lease().protect(&built.sha256).map_err(failed)? {
        return Ok(false);
    }
    keep(built, finder, progress)?;
    Ok(true)
}

/// Gives a file that is in the store a name there, so that it stays.
fn keep(built: &LockedFile, finder: &Finder, progress: &dyn Progress) -> Result<(), Error> {
    use lightship_packages::{fetch, index};
    let wanted = fetch::Wanted { name: &built.name, digest: built.sha256, size: built.size };
    let kept = finder.fetcher().file(&wanted, || Ok::<_, index::Error>(Vec::new()), progress);
    Ok(kept.map(drop)?)
}

fn fetch(
    project: &str,
    index: &str,
    file: &LockedFile,
    finder: &Finder,
    progress: &dyn Progress,
) -> Result<PathBuf, Error> {
    Ok(finder.fetch(&Wanted { project, index, file }, progress)?)
}

/// Writes a wheel again into the store, the same for the same content.
fn store(
    path: &Path,
    sdist: &Sdist,
    target: &Target,
    finder: &Finder,
    progress: &dyn Progress,
) -> Result<LockedFile, Error> {
    let wrong = |reason: String| Error::Build { file: sdist.file.name.clone(), reason, hint: None };
    let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let name: WheelName = file_name
        .parse()
        .map_err(|error: lightship_packages::wheel::Error| wrong(error.to_string()))?;
    if name.distribution() != sdist.name {
        return Err(wrong(format!("the wheel that came of it is of {}", name.distribution())));
    }
    let fits = |target: &Target| Tags::of(target.kind).rank(&name).is_some();
    if !fits(target) && fits(&target.runs()) {
        let machine = target.kind.machine.as_str();
        return Err(Error::Build {
            file: sdist.file.name.clone(),
            reason: format!("{file_name} came of it, which is for this machine and not for {machine}"),
            hint: Some(
                "build on a machine of that platform, or put a wheel of it into a `--find-links` folder"
                    .to_owned(),
            ),
        });
    }
    if !fits(target) {
        return Err(wrong(format!("{file_name} does not fit the Python that it was built with")));
    }
    let wheel = Wheel::open(path, &name).map_err(|error| wrong(error.to_string()))?;
    let failed = |source| Error::Store { what: file_name.clone(), source };
    let mut writer = finder.fetcher().lease().writer().map_err(failed)?;
    let written = normalise(&wheel, &mut writer).map_err(|error| wrong(error.to_string()))?;
    writer.commit(Some(written.digest), Some(written.size)).map_err(failed)?;
    let built = LockedFile { name: file_name, sha256: written.digest, size: Some(written.size) };
    keep(&built, finder, progress)?;
    Ok(built)
}
