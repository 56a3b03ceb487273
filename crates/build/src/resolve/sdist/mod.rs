//! Distributions that come as source: built to a wheel once, where nothing of this machine is seen.
//!
//! 1. What the source asks for to be built (*PEP 518, `build-system.requires`*) is resolved to wheels,
//!    which the lock keeps.
//! 2. `uv build` makes a wheel from those alone, without a network, in the image's own Python.
//! 3. The wheel is written again so that one content has one digest; that digest is in the lock too.

mod hints;
mod needs;

use std::path::{Path, PathBuf};

use lightship_base::Progress;
use lightship_packages::index::{Finder, Wanted};
use lightship_packages::lock::{BuildRequirement, LockedFile, Sdist};
use lightship_packages::wheel::{Tags, Wheel, WheelName, normalise};

use super::explain;
use super::interpreter::{Access, Job, Shared, Word};
use super::source::Source;
use super::{Error, Request, Requirements, Resolver, TIME, Target, Upgrade, Work};

/// Times in what is built: 1 January 1980, the first that a zip archive can have.
const EPOCH: &str = "315532800";

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
        if let Some(built) = &sdist.built
            && kept(built, finder, progress)?
        {
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
        if !target.native {
            let hint = "build on a machine of that platform, or put a wheel of it into a `--find-links` folder";
            return Err(failed("it is for a machine that is not this one", Some(hint)));
        }
        let source = fetch(&sdist.name, &sdist.index, &sdist.file, finder, progress)?;
        let mut result = sdist.clone();
        if result.build.is_empty() {
            result.build = self.requirements(sdist, &source, target, finder)?;
        }
        let work = self.work()?;
        let wheel = self.run_build(&work, &result, &source, finder, progress)?;
        let built = store(&wheel, sdist, target, finder, progress)?;
        if sdist.built.as_ref().is_some_and(|known| known.sha256 != built.sha256) {
            let reason = "the wheel that came of it is not the one in the lock";
            let hint = "its build depends on something besides its source and its requirements; accept the new wheel with `lightship lock`";
            return Err(failed(reason, Some(hint)));
        }
        result.built = Some(built);
        Ok(result)
    }

    /// The wheels that a source asks for.
    fn requirements(
        &self,
        sdist: &Sdist,
        source: &Path,
        target: &Target,
        finder: &Finder,
    ) -> Result<Vec<BuildRequirement>, Error> {
        let needs = needs::of(source, &sdist.file.name)?;
        let requirements = Requirements { lines: needs, ..Requirements::default() };
        let source = Source::Requirements { requirements, project: None };
        let upgrade = Upgrade::Keep;
        let request = Request { source: &source, target, previous: None, upgrade: &upgrade };
        let resolution = self.resolve(&request)?;
        if let Some(other) = resolution.sdists.first() {
            let reason = format!("it needs {} to be built, which comes as source only", other.name);
            let hint = "put a wheel of that into a `--find-links` folder".to_owned();
            return Err(Error::Build { file: sdist.file.name.clone(), reason, hint: Some(hint) });
        }
        resolution.remember(&finder.fetcher().cas())?;
        let wheels = resolution.wheels.into_iter();
        let build = wheels.map(|wheel| BuildRequirement {
            name: wheel.name,
            version: wheel.version,
            file: wheel.file,
            index: wheel.index,
        });
        Ok(build.collect())
    }

    fn run_build(
        &self,
        work: &Work,
        sdist: &Sdist,
        source: &Path,
        finder: &Finder,
        progress: &dyn Progress,
    ) -> Result<PathBuf, Error> {
        let place = |folder: &str, name: &str, from: &Path| {
            let folder = work.path(folder);
            std::fs::create_dir_all(&folder).map_err(Error::io("make the folder", &folder))?;
            // A copy: the store's own file must not be within reach of what is built.
            let to = folder.join(name);
            std::fs::copy(from, &to).map(drop).map_err(Error::io("write", &to))
        };
        place("source", &sdist.file.name, source)?;
        for required in &sdist.build {
            let (name, index) = (&required.name, &required.index);
            let wheel = fetch(name, index, &required.file, finder, progress)?;
            place("wheels", &required.file.name, &wheel)?;
        }
        let wheels = work.path("wheels");
        std::fs::create_dir_all(&wheels).map_err(Error::io("make the folder", &wheels))?;
        let job = self.build_job(work, &sdist.file.name);
        let ran = self.interpreter.run(&job)?;
        if !ran.success {
            let complaint = explain::cleaned(&ran.stderr, &[]);
            return Err(Error::Build {
                file: sdist.file.name.clone(),
                reason: format!("the build {}\n{complaint}", ran.end),
                hint: hints::of(&ran.stderr).map(str::to_owned),
            });
        }
        only_wheel(&work.path("out"), &sdist.file.name)
    }

    /// It sees its source and its requirements, and neither the user's settings nor a network nor uv's
    /// cache.
    fn build_job(&self, work: &Work, file: &str) -> Job {
        let mut command = vec![Word::inside("/lightship/uv"), "build".into(), "--wheel".into()];
        command.extend(["--no-config".into(), "--no-index".into(), "--offline".into()]);
        command.extend(["--find-links".into(), Work::inside("wheels")]);
        command.extend(["--out-dir".into(), Work::inside("out")]);
        command.extend(["--python".into(), Word::Python]);
        command.push(Work::inside(&format!("source/{file}")));
        let texts = [
            ("UV_PYTHON_DOWNLOADS", "never"),
            ("UV_NO_PROGRESS", "1"),
            ("UV_LINK_MODE", "copy"),
            ("NO_COLOR", "1"),
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("SOURCE_DATE_EPOCH", EPOCH),
            ("PYTHONHASHSEED", "0"),
            ("PYTHONDONTWRITEBYTECODE", "1"),
            ("LC_ALL", "C.UTF-8"),
            ("TZ", "UTC"),
        ];
        let mut environment: Vec<(String, Word)> =
            texts.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        environment.push(("HOME".to_owned(), Work::inside("home")));
        environment.push(("UV_CACHE_DIR".to_owned(), Work::inside("cache")));
        let uv = Shared {
            outside: self.uv.program.clone(),
            inside: "/lightship/uv".to_owned(),
            access: Access::Read,
        };
        let shared = vec![uv, work.shared()];
        let attempt = "build a wheel";
        Job { attempt, command, environment, shared, network: false, time: TIME }
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

/// The one wheel in a folder.
fn only_wheel(folder: &Path, file: &str) -> Result<PathBuf, Error> {
    let mut wheels = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let path = entry.map_err(Error::io("read", folder))?.path();
        // What was built may have left links that lead out of the folder.
        let plain = std::fs::symlink_metadata(&path).is_ok_and(|about| about.is_file());
        if plain && path.extension().is_some_and(|ending| ending == "whl") {
            wheels.push(path);
        }
    }
    match <[PathBuf; 1]>::try_from(wheels) {
        Ok([wheel]) => Ok(wheel),
        Err(wheels) => Err(Error::Build {
            file: file.to_owned(),
            reason: format!("{} wheels came of it instead of one", wheels.len()),
            hint: None,
        }),
    }
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
    if Tags::of(target.kind).rank(&name).is_none() {
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
