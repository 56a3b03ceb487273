//! A project's lock: read once, made or mended where that is wished for, written whole or not at all.

use std::path::{Path, PathBuf};

use lightship_build::resolve::Upgrade;
use lightship_packages::lock::{FILE_NAME, Lock};

use super::build::ProjectPlan;
use super::{Error, whole};
use crate::lean::{Kitchen, Order};

/// The lock in a project's folder.
pub(super) struct Locked {
    path: PathBuf,
    lock: Option<Lock>,
    /// That of a project like this one.
    like: Option<Lock>,
}

/// What may happen to a lock.
pub(super) enum Wish {
    /// Nothing: it must be there and fit.
    Locked,
    /// It is made where it is missing or out of date, and not written.
    Look,
    /// It is made where it is missing or out of date.
    Mend(Upgrade),
}

impl Locked {
    /// Reads the lock of this folder, if there is one.
    pub(super) fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(FILE_NAME);
        let lock = match std::fs::read_to_string(&path) {
            Ok(text) => Some(Lock::parse(&text, &path.display().to_string())?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        Ok(Self { path, lock, like: None })
    }

    /// Where there is none, one that is made has the base and versions of this one as far as they fit.
    pub(super) fn like(&mut self, other: Option<Lock>) {
        self.like = other;
    }

    /// Where it is, or would be.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What the file says.
    pub(super) fn lock(&self) -> Option<&Lock> {
        self.lock.as_ref()
    }

    /// Why it cannot be used for a plan as it is; nothing where it can.
    pub(super) fn outdated(&self, plan: &ProjectPlan) -> Vec<String> {
        let Some(lock) = &self.lock else { return vec!["there is none".to_owned()] };
        if !lock.platforms.contains(&plan.platform) {
            return vec![format!("it does not know {}", plan.platform)];
        }
        let python = lock.python.as_ref();
        let python = python.and_then(|python| plan.check_python(&python.version).err());
        let changes = lock.inputs.changes(&plan.inputs);
        let changes = changes.iter().map(ToString::to_string);
        changes.chain(python.map(|error| error.to_string())).collect()
    }

    /// The lock for a plan's platform, made or mended if need be.
    pub(super) fn settle(
        &mut self,
        plan: &ProjectPlan,
        kitchen: &Kitchen<'_>,
        wish: &Wish,
    ) -> Result<Lock, Error> {
        let outdated = self.outdated(plan);
        let keep = Upgrade::Keep;
        let upgrade = match wish {
            Wish::Mend(upgrade) => upgrade,
            Wish::Locked | Wish::Look => &keep,
        };
        if outdated.is_empty()
            && matches!(upgrade, Upgrade::Keep)
            && let Some(lock) = &self.lock
        {
            let lock = lock.only_for(&plan.platform).unwrap_or_else(|| lock.clone());
            plan.content.check(&lock)?;
            return Ok(lock);
        }
        if matches!(wish, Wish::Locked) {
            return Err(Error::Outdated { path: self.path.clone(), reasons: outdated });
        }
        let lock = self.make(plan, kitchen, upgrade)?;
        if matches!(wish, Wish::Mend(_)) {
            self.write(plan, lock.clone())?;
        }
        Ok(lock)
    }

    fn make(
        &self,
        plan: &ProjectPlan,
        kitchen: &Kitchen<'_>,
        upgrade: &Upgrade,
    ) -> Result<Lock, Error> {
        let lock = kitchen.lock(&Order {
            inputs: plan.inputs.clone(),
            wishes: plan.wishes.clone(),
            suite: plan.project.settings.base.suite.as_deref(),
            python: &plan.project.python,
            python_because: plan.python_because.clone(),
            source: plan.source.as_ref(),
            natives: plan.content.natives(&plan.project.name.value)?,
            previous: self.lock.as_ref().or(self.like.as_ref()),
            upgrade,
        })?;
        if let Some(python) = &lock.python {
            plan.check_python(&python.version)?;
        }
        plan.content.check(&lock)?;
        Ok(lock)
    }

    /// Writes it, beside what the file says of other platforms where that still holds.
    fn write(&mut self, plan: &ProjectPlan, lock: Lock) -> Result<(), Error> {
        let known = self.lock.take().filter(|known| known.inputs.changes(&plan.inputs).is_empty());
        let lock = match known.and_then(|known| known.without(&plan.platform)) {
            Some(others) => lock.merged_with(&others),
            None => lock,
        };
        whole::write(&self.path, &lock.to_toml()?)?;
        self.lock = Some(lock);
        Ok(())
    }
}
