//! The base that a lock names, as a root that commands run in, and `uv` beside its Python.
//!
//! Made once for a set of packages: later runs find its layers in the store, already unpacked, together
//! with what its Python said of itself.

use std::path::PathBuf;

use lightship_base::Key;
use lightship_build::assemble::{Layer, Origin};
use lightship_build::lean::{self, Gathered, Wishes};
use lightship_build::resolve::{Resolver, Sandboxed, Target, Uv};
use lightship_cas::{RefKind, RefValue};
use lightship_packages::index::{Index, Place, Role};
use lightship_packages::lock::{DEFAULT_INDEX, Lock};
use lightship_packages::wheel::Machine;
use lightship_sandbox::snapshot::Prepared;
use serde::{Deserialize, Serialize};

use super::kitchen::without_python;
use super::{BaseRoot, Kitchen};
use crate::commands::Error;

/// Roots by what they follow from.
pub const WORKBENCHES: RefKind = RefKind::new("workbenches");

/// Changes whenever the same packages would become another root.
const RULES: u32 = 1;

/// Resolves in the base that a lock names.
pub struct Workbench<'a, 'b> {
    /// Drives uv.
    pub resolver: &'b Resolver<'a>,
    /// What is resolved for.
    pub target: &'b Target,
}

/// What is remembered of a root.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Remembered {
    layers: Vec<Layer>,
    /// `/usr/bin/python3.11`.
    interpreter: Option<String>,
    /// What the interpreter said of itself, once it was asked.
    target: Option<Target>,
    /// The index that a version of uv asks where nobody configured one: version and address.
    #[serde(default)]
    public: Option<(String, String)>,
}

impl Remembered {
    fn public_of(&self, uv: &Uv) -> Option<Index> {
        let (version, address) = self.public.as_ref()?;
        let place = Place::Repository(address.parse().ok()?);
        (*version == uv.version).then(|| Index::new(DEFAULT_INDEX, place, Role::Default))
    }
}

/// A root, and what is known of it.
#[derive(Clone)]
pub(super) struct Bench {
    /// Of what is remembered; an image that somebody else made is asked each time.
    key: Option<String>,
    root: Prepared,
    remembered: Remembered,
}

impl Kitchen<'_> {
    /// The base that a lock names, or one that stands for it here, as a root that commands run in.
    pub fn base_root(&self, lock: &Lock, wishes: &Wishes) -> Result<Prepared, Error> {
        Ok(self.bench(lock, wishes)?.root)
    }

    /// Runs something beside the Python of the base that a lock names: in that base, or, where the user
    /// says what sources are built with, in the root that has this.
    pub fn with_workbench<T>(
        &self,
        lock: &Lock,
        wishes: &Wishes,
        work: impl FnOnce(&Workbench<'_, '_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if !wishes.build.is_empty() && !lock.build_debs.is_empty() {
            return self.with_builder(lock, work);
        }
        self.with_bench(self.bench(lock, wishes)?, work)
    }

    pub(super) fn with_bench<T>(
        &self,
        bench: Bench,
        work: impl FnOnce(&Workbench<'_, '_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let Bench { key, root, mut remembered } = bench;
        let python = remembered.interpreter.clone().ok_or(lean::Error::NoPython)?;
        let interpreter = Sandboxed {
            launcher: self.sandboxes.launcher(),
            root: &root,
            python: PathBuf::from(&python),
            disk: None,
        };
        let uv = self.uv()?;
        let cache = self.settings.home.join("uv");
        let certificates = &self.supplies.certificates;
        let python = &self.supplies.python;
        let mut resolver = Resolver {
            uv,
            interpreter: &interpreter,
            indexes: &python.indexes,
            public: remembered.public_of(uv),
            logins: &python.logins,
            certificates: Some(certificates.path()),
            proxies: self.proxies(),
            cache: &cache,
            temporary: self.images.scratch()?,
            offline: self.supplies.fetcher.is_offline(),
        };
        let mut learned = key.is_some() && self.learn_public(&mut remembered, &mut resolver);
        let target = if let Some(target) = remembered.target.take() {
            target
        } else {
            learned = true;
            Target::of(&interpreter)?
        };
        remembered.target = Some(target.clone());
        if let (Some(key), true) = (&key, learned) {
            self.remember(key, &remembered)?;
            let (root, remembered) = (root.clone(), remembered.clone());
            self.larder.leave_bench(key, Bench { key: Some(key.clone()), root, remembered });
        }
        let machine = Machine::of_architecture(self.platform.architecture());
        let target = machine.map_or_else(|| target.clone(), |machine| target.clone().on(machine));
        work(&Workbench { resolver: &resolver, target: &target })
    }

    /// Asks uv for the index of its own, once for a version of it. Without it everything works, and takes longer.
    /// Whether something is to be remembered.
    fn learn_public(&self, remembered: &mut Remembered, resolver: &mut Resolver<'_>) -> bool {
        let configured = self.supplies.python.default_index().is_some();
        if configured || resolver.public.is_some() || resolver.offline {
            return false;
        }
        let Ok(public) = resolver.default_index() else { return false };
        let Place::Repository(address) = &public.place else { return false };
        remembered.public = Some((resolver.uv.version.clone(), address.to_string()));
        resolver.public = Some(public);
        true
    }

    pub(super) fn bench(&self, lock: &Lock, wishes: &Wishes) -> Result<Bench, Error> {
        if let Some(base) = self.base_image(lock)? {
            let (root, image) = self.foreign(&base, wishes)?;
            let interpreter = image.python.map(|python| python.scheme.interpreter);
            let remembered =
                Remembered { layers: Vec::new(), interpreter, target: None, public: None };
            return Ok(Bench { key: None, root, remembered });
        }
        let (lock, wishes) = self.runnable(lock, wishes)?;
        let (lock, wishes) = (&*lock, &*wishes);
        let ground = without_python(lock);
        let key = key(&ground, wishes);
        if let Some(known) = self.larder.bench(&key) {
            return Ok(known);
        }
        let root = BaseRoot {
            lease: self.supplies.fetcher.lease(),
            images: self.images,
            sandboxes: self.sandboxes,
            progress: &*self.progress,
        };
        if let Some(remembered) = self.remembered(&key)? {
            let root = root.unpack(&remembered.layers)?;
            let bench = Bench { key: Some(key.clone()), root, remembered };
            self.larder.leave_bench(&key, bench.clone());
            return Ok(bench);
        }
        let finder = self.finder(&ground, Vec::new());
        let mut fetched = lean::fetch(&ground, &self.supplies.fetcher, &finder, &*self.progress)?;
        fetched.interpreter = self.archive(lock)?;
        fetched.opened = std::sync::Arc::clone(&self.larder.opened);
        let Gathered { bundles, footing } = lean::gather(&ground, &fetched, wishes, self.debs()?)?;
        let layers = root.layers(bundles)?;
        let interpreter = footing.python.map(|python| python.scheme.interpreter);
        let remembered = Remembered { layers, interpreter, target: None, public: None };
        self.remember(&key, &remembered)?;
        let root = root.unpack(&remembered.layers)?;
        let bench = Bench { key: Some(key.clone()), root, remembered };
        self.larder.leave_bench(&key, bench.clone());
        Ok(bench)
    }

    /// A root that an earlier run made, if all of it is still there.
    fn remembered(&self, key: &str) -> Result<Option<Remembered>, Error> {
        let lease = self.supplies.fetcher.lease();
        let Some(value) = lease.pin(WORKBENCHES, key)? else { return Ok(None) };
        let Ok(mut known) = serde_json::from_value::<Remembered>(value.data) else {
            return Ok(None);
        };
        for layer in &mut known.layers {
            if lease.cas().size(&layer.digest)? != Some(layer.size.0) {
                return Ok(None);
            }
            layer.origin = Origin::Kept;
        }
        Ok(Some(known))
    }

    fn remember(&self, key: &str, remembered: &Remembered) -> Result<(), Error> {
        let roots = remembered.layers.iter().map(|layer| layer.digest).collect();
        let data = serde_json::to_value(remembered).expect("its keys are strings");
        let cas = self.supplies.fetcher.cas();
        Ok(cas.set_ref(WORKBENCHES, key, &RefValue { roots, data })?)
    }
}

/// What a root follows from.
fn key(ground: &Lock, wishes: &Wishes) -> String {
    let mut key = Key::of("workbench").with(env!("CARGO_PKG_VERSION"));
    key.number(RULES);
    key.add(format!("{:?}", wishes.base));
    for interpreter in &ground.interpreters {
        key.add(interpreter.file.sha256.to_string());
    }
    for deb in &ground.debs {
        key.add(format!("{} {}", deb.sha256, deb.reason));
    }
    key.finish().hex()
}
