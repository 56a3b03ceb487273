//! Byte code of the modules that the project uses.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use lightship_audit::imports::{self, Import, MAX_FILE_BYTES, SourceFile};
use lightship_base::{Digest, Key};
use lightship_build::app::Collected;
use lightship_build::assemble::Bundle;
use lightship_build::base::Python;
use lightship_build::bytecode::{self, Compiler, Limits, Modules, Seeds, make, used};
use lightship_build::notebooks::Notebooks;
use lightship_build::project::Bytecode;
use lightship_codec::tar::RootPath;
use lightship_packages::lock::Lock;
use lightship_packages::parcel::ItemKind;

use super::ProjectPlan;
use crate::commands::Error;
use crate::lean::Kitchen;

/// Installers write launchers of a few lines; what is larger is no launcher.
const MAX_LAUNCHER_BYTES: u64 = 64 << 10;

/// Compiles what is wanted, and adds it to what goes into the image. What could not be compiled works
/// without; that is said in the notes that are returned, with whether everything was compiled.
pub(super) fn add(
    bundles: &mut Vec<Bundle>,
    kitchen: &Kitchen<'_>,
    (plan, lock): (&ProjectPlan, &Lock),
    python: &Python,
    collected: &Collected,
) -> Result<(Vec<String>, bool), Error> {
    let wish = plan.project.settings.python.bytecode.unwrap_or(Bytecode::Used);
    if wish == Bytecode::None {
        return Ok((Vec::new(), true));
    }
    let wanted = wanted(bundles, wish, (python, &kitchen.notebooks), (plan, collected))?;
    let root = kitchen.base_root(lock, &plan.wishes)?;
    let compiler = Compiler {
        launcher: kitchen.sandboxes.launcher(),
        root: &root,
        program: &python.scheme.interpreter,
        identity: identity(lock),
        workers: NonZeroUsize::new(rayon::current_num_threads()).unwrap_or(NonZeroUsize::MIN),
        limits: Limits::default(),
    };
    let lease = kitchen.supplies.fetcher.lease();
    let made = make(bundles, &wanted, &compiler, lease, &*kitchen.progress)?;
    bundles.extend(made.bundles);
    let failed = made.skipped.iter().filter(|one| one.reason == bytecode::Reason::Failed).count();
    let note = format!("{failed} files have no byte code: compiling them failed or took too long");
    Ok(((failed > 0).then_some(note).into_iter().collect(), failed == 0))
}

/// Folders where a Python looks for modules, in its order.
pub(super) fn search(python: &Python) -> Vec<RootPath> {
    let scheme = &python.scheme;
    let mut search = python.library.clone();
    search.extend([scheme.purelib.clone(), scheme.platlib.clone()]);
    search.dedup();
    search
}

fn wanted(
    bundles: &[Bundle],
    wish: Bytecode,
    (python, notebooks): (&Python, &Notebooks),
    (plan, collected): (&ProjectPlan, &Collected),
) -> Result<BTreeSet<RootPath>, Error> {
    let search = search(python);
    let parcels = bundles.iter().map(|bundle| &bundle.parcel);
    let modules = Modules::new(parcels, &search);
    if wish == Bytecode::All {
        return Ok(modules.files());
    }
    let mut seeds = seeds(plan, collected)?;
    seeds.add_imports(&imports_of(&launchers(bundles, &python.scheme.scripts)?)?);
    Ok(used(&seeds, &modules, notebooks)?.files)
}

/// Where the search for used modules begins: what every interpreter loads, what the project imports, what its
/// command starts by `-m`, and what it was seen to load. The packages' own commands that it needs come later: they follow from
/// the lock and from the names that are wished for.
pub(super) fn seeds(plan: &ProjectPlan, collected: &Collected) -> Result<Seeds, Error> {
    let mut seeds = Seeds::new();
    for module in plan.project.modules() {
        seeds.add(&module);
        seeds.add(&format!("{module}.__main__"));
    }
    for module in plan.project.profile.modules() {
        seeds.add(module);
    }
    seeds.add_imports(&imports_of(&sources(collected)?)?);
    Ok(seeds)
}

fn imports_of(sources: &[SourceFile]) -> Result<Vec<Import>, Error> {
    let found = imports::of_files(sources);
    Ok(found.map_err(Error::io("look through", "the project".as_ref()))?.found)
}

/// The packages' commands that are Python: a launcher imports what it starts.
fn launchers(bundles: &[Bundle], folder: &RootPath) -> Result<Vec<SourceFile>, Error> {
    let mut launchers = Vec::new();
    for item in bundles.iter().flat_map(|bundle| &bundle.parcel.items) {
        let ItemKind::File { content, .. } = &item.kind else { continue };
        if !item.path.starts_with(folder) || content.size() > MAX_LAUNCHER_BYTES {
            continue;
        }
        let path = item.path.to_string();
        let bytes = content.read(MAX_LAUNCHER_BYTES);
        let bytes = bytes.map_err(Error::io("read", path.as_ref()))?;
        let first = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
        if first.starts_with(b"#!") && first.windows(6).any(|word| word == b"python") {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            // Its name is no module's.
            let path = format!("launcher {path}");
            launchers.push(SourceFile { path, text });
        }
    }
    Ok(launchers)
}

/// The project's own files that are Python.
fn sources(collected: &Collected) -> Result<Vec<SourceFile>, Error> {
    let mut sources = Vec::new();
    for item in &collected.parcel.items {
        let ItemKind::File { content, .. } = &item.kind else { continue };
        let path = item.path.to_string();
        if item.path.as_bytes().ends_with(b".py") && content.size() <= MAX_FILE_BYTES {
            let bytes = content.read(MAX_FILE_BYTES);
            let bytes = bytes.map_err(Error::io("read", path.as_ref()))?;
            sources.push(SourceFile { path, text: String::from_utf8_lossy(&bytes).into_owned() });
        }
    }
    Ok(sources)
}

/// What decides the interpreter: the base's packages, archive or image.
fn identity(lock: &Lock) -> Digest {
    let mut key = Key::of("interpreter");
    for deb in &lock.debs {
        key.add(deb.sha256.to_string());
    }
    // Each with a word before it, so that one kind is not taken for another.
    for interpreter in &lock.interpreters {
        key.add(format!("archive {}", interpreter.file.sha256));
    }
    for image in &lock.images {
        key.add(format!("image {}", image.digest));
    }
    key.finish()
}
