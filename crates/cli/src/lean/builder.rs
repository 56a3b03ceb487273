//! Building what comes as source: pure sources beside the base's Python, native ones beside a compiler.

use lightship_build::lean::{self, Wishes};
use lightship_build::resolve::{is_built, is_native};
use lightship_packages::index;
use lightship_packages::lock::{Deb, Lock, Sdist};

use super::Kitchen;
use super::kitchen::without_python;
use super::workbench::Workbench;
use crate::commands::Error;

impl Kitchen<'_> {
    /// Builds all source distributions of a lock that are not built, and says what became of all of them.
    pub(super) fn build_sources(
        &self,
        lock: &Lock,
        wishes: &Wishes,
        finder: &index::Finder,
    ) -> Result<Vec<Sdist>, Error> {
        let mut sdists = lock.sdists.clone();
        let mut native = Vec::new();
        for sdist in &mut sdists {
            if is_built(sdist, finder, &*self.progress)? {
                continue;
            }
            // With a Python that is not the distribution's, sources are built with what is there.
            let own = lock.images.is_empty() && lock.interpreters.is_empty();
            let apart = own && self.needs_compiler(sdist, finder)?;
            native.push((apart, sdist));
        }
        let (native, pure): (Vec<_>, Vec<_>) = native.into_iter().partition(|(native, _)| *native);
        let build = |bench: &Workbench<'_, '_>, sdists: Vec<(bool, &mut Sdist)>| {
            for (_, sdist) in sdists {
                *sdist = bench.resolver.build(sdist, bench.target, finder, &*self.progress)?;
            }
            Ok(())
        };
        if !pure.is_empty() {
            self.with_workbench(lock, wishes, |bench| build(bench, pure))?;
        }
        if !native.is_empty() {
            self.with_builder(lock, |bench| build(bench, native))?;
        }
        Ok(sdists)
    }

    /// The packages of the root that native sources of a lock are built in, as far as an earlier lock can say:
    /// they stay while all that is native is built already. `None` where they have to be chosen.
    pub(super) fn known_builder(
        &self,
        lock: &Lock,
        previous: Option<&Lock>,
        finder: &index::Finder,
    ) -> Result<Option<Vec<Deb>>, Error> {
        let (mut native, mut unbuilt) = (false, false);
        for sdist in &lock.sdists {
            if is_native(sdist, finder, &*self.progress)? {
                native = true;
                if !is_built(sdist, finder, &*self.progress)? {
                    unbuilt |= self.needs_compiler(sdist, finder)?;
                }
            }
        }
        if !native {
            return Ok(Some(Vec::new()));
        }
        let known = previous.and_then(|lock| lock.only_for(&self.platform));
        let known = known.map(|lock| lock.build_debs);
        Ok(known.filter(|debs| !unbuilt && !debs.is_empty()))
    }

    /// Whether a source has to be built beside a compiler; an error where what that makes would not run in
    /// the image.
    fn needs_compiler(&self, sdist: &Sdist, finder: &index::Finder) -> Result<bool, Error> {
        let is_native = is_native(sdist, finder, &*self.progress)?;
        if is_native && !self.is_for_here() {
            let (file, platform) = (sdist.file.name.clone(), self.platform.to_string());
            return Err(Error::NativeElsewhere { file, platform });
        }
        Ok(is_native)
    }

    /// Runs something in the root that has a compiler and Python's headers.
    pub(super) fn with_builder<T>(
        &self,
        lock: &Lock,
        work: impl FnOnce(&Workbench<'_, '_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let base = lean::builder_options(&lock.build_debs)?;
        let ground = Lock { debs: lock.build_debs.clone(), ..without_python(lock) };
        let wishes = Wishes { base, ..Wishes::default() };
        self.with_bench(self.bench(&ground, &wishes)?, work)
    }
}
