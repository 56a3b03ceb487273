//! What must hold for every lock, read or written: no addresses, no names that lead anywhere, no
//! package twice.

use std::collections::BTreeSet;

use super::{Error, FILE_NAME, Lock, LockedFile, PlatformName};
use crate::python::normalise_name;

/// What is wrong with which entry.
pub(super) struct Problem {
    place: String,
    reason: String,
}

impl Problem {
    pub(super) fn in_file(self, file: &str) -> Error {
        Error::Inconsistent { file: file.to_owned(), place: self.place, reason: self.reason }
    }

    pub(super) fn in_lock(self) -> Error {
        self.in_file(FILE_NAME)
    }
}

/// One entry while it is looked at.
struct Entry<'a>(String, &'a [PlatformName]);

pub(super) fn check(lock: &Lock) -> Result<(), Problem> {
    heads(lock)?;
    let mut seen = BTreeSet::new();
    for (kind, debs) in [("deb", &lock.debs), ("build-deb", &lock.build_debs)] {
        for deb in debs {
            let entry = Entry(format!("{kind} {}", deb.name), &deb.platforms);
            entry.texts([&deb.name, &deb.version, &deb.architecture, &deb.archive, &deb.reason])?;
            entry.texts(&deb.depends)?;
            entry.pool_path(&deb.file)?;
            entry.once(&format!("{kind} {}:{}", deb.name, deb.architecture), lock, &mut seen)?;
        }
    }
    for wheel in &lock.wheels {
        let entry = Entry(format!("wheel {}", wheel.name), &wheel.platforms);
        entry.texts([&wheel.name, &wheel.version, &wheel.index])?;
        entry.texts(&wheel.depends)?;
        entry.python_name(&wheel.name)?;
        entry.file(&wheel.file)?;
        entry.once(&wheel.name, lock, &mut seen)?;
    }
    for sdist in &lock.sdists {
        let entry = Entry(format!("sdist {}", sdist.name), &sdist.platforms);
        entry.texts([&sdist.name, &sdist.version, &sdist.index])?;
        entry.texts(&sdist.depends)?;
        entry.python_name(&sdist.name)?;
        entry.file(&sdist.file)?;
        entry.once(&sdist.name, lock, &mut seen)?;
        for required in &sdist.build {
            entry.texts([&required.name, &required.version, &required.index])?;
            entry.file(&required.file)?;
        }
        sdist.built.iter().try_for_each(|built| entry.file(built))?;
    }
    Ok(())
}

/// Everything before the packages.
fn heads(lock: &Lock) -> Result<(), Problem> {
    let known: BTreeSet<_> = lock.platforms.iter().collect();
    let platforms = Entry("platforms".to_owned(), &[]);
    if known.len() != lock.platforms.len() {
        return platforms.wrong("a platform is there twice");
    }
    let inputs = Entry("inputs".to_owned(), &[]);
    for (name, value) in lock.inputs.iter() {
        inputs.texts([name, value])?;
    }
    if let Some(python) = &lock.python {
        let entry = Entry("python".to_owned(), &[]);
        entry.texts([&python.implementation, &python.version, &python.chosen])?;
    }
    if let Some(suite) = &lock.suite {
        let entry = Entry("suite".to_owned(), &[]);
        entry.texts([&suite.distribution, &suite.codename])?;
        entry.texts(&suite.version)?;
    }
    let mut seen = BTreeSet::new();
    for image in &lock.images {
        let only = std::slice::from_ref(&image.platform);
        let entry = Entry("image".to_owned(), only);
        // The user's own words, of which one way of writing has a scheme. They can have no password: no
        // reference to an image has a place for one.
        let reference = image.reference.strip_prefix("docker://").unwrap_or(&image.reference);
        entry.texts([reference])?;
        entry.once("image", lock, &mut seen)?;
    }
    for interpreter in &lock.interpreters {
        let entry = Entry("interpreter".to_owned(), std::slice::from_ref(&interpreter.platform));
        entry.file(&interpreter.file)?;
        entry.once("interpreter", lock, &mut seen)?;
    }
    Ok(())
}

impl Entry<'_> {
    fn wrong<T>(&self, reason: impl Into<String>) -> Result<T, Problem> {
        Err(Problem { place: self.0.clone(), reason: reason.into() })
    }

    /// Texts that say something, on one line, and are no addresses: those are the user's configuration,
    /// and may have passwords in them.
    fn texts<T: AsRef<str>>(&self, texts: impl IntoIterator<Item = T>) -> Result<(), Problem> {
        for text in texts {
            let text = text.as_ref();
            if text.contains("://") {
                return self.wrong("an address, which must not be in a lock");
            }
            if text.is_empty() || text.chars().any(char::is_control) {
                return self.wrong("a text that is empty or has control characters");
            }
        }
        Ok(())
    }

    /// A file's name without a folder.
    fn file(&self, file: &LockedFile) -> Result<(), Problem> {
        self.texts([&file.name])?;
        if file.name.contains(['/', '\\']) || file.name == "." || file.name == ".." {
            return self.wrong(format!("`{}` is no name of a file", file.name));
        }
        Ok(())
    }

    /// A path below an archive's root that stays there.
    fn pool_path(&self, path: &str) -> Result<(), Problem> {
        self.texts([path])?;
        let astray = |part: &str| part.is_empty() || part == "." || part == "..";
        // An address takes `%2e` for a dot.
        let lower = path.to_ascii_lowercase();
        let hidden = ["%2e", "%2f", "%5c"].iter().any(|code| lower.contains(code));
        if hidden || path.split('/').any(astray) || path.contains(['\\', '?', '#']) {
            return self.wrong(format!("`{path}` is no path below an archive's root"));
        }
        Ok(())
    }

    fn python_name(&self, name: &str) -> Result<(), Problem> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        if normalise_name(name) != name || !name.bytes().all(plain) {
            return self.wrong(format!("`{name}` is no normalised name of a distribution"));
        }
        Ok(())
    }

    /// For platforms that the lock knows, and on each of them the only one of its name.
    fn once(
        &self,
        name: &str,
        lock: &Lock,
        seen: &mut BTreeSet<(String, PlatformName)>,
    ) -> Result<(), Problem> {
        let platforms = if self.1.is_empty() { &lock.platforms[..] } else { self.1 };
        for platform in platforms {
            if !lock.platforms.contains(platform) {
                return self.wrong(format!("{platform} is not among the lock's platforms"));
            }
            if !seen.insert((name.to_owned(), platform.clone())) {
                return self.wrong(format!("it is there twice for {platform}"));
            }
        }
        Ok(())
    }
}
