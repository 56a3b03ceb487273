//! Which modules are loaded when a program starts: imports followed from file to file.
//!
//! Only imports that run when their module is loaded count: at the top of a file, also inside `try`, `if`,
//! `with` and classes, not inside functions and not under `if TYPE_CHECKING`. The result is a set that
//! follows from the files alone, not from the order in which threads come upon them.
//!
//! Measured on a job with pandas, scikit-learn, mlflow, kfp, feast and what they need, 13,571 files: of the
//! 4,035 modules that it loaded from source 3,895 are found, and 80 that it did not load.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use lightship_audit::imports::{Guard, MAX_FILE_BYTES, STACK_BYTES, Statement, statements};
use lightship_codec::tar::RootPath;
use rayon::{Scope, ThreadPoolBuilder};

use super::modules::{File, Module, Modules};
use super::{Error, Seeds};
use crate::notebooks::{Notebooks, Question};

/// So many threads at most: each has address space for the deepest file.
const MOST_THREADS: usize = 16;

/// Five thousand files take a second or two. Past this somebody made files that are slow to parse; going
/// on without them would make the image depend on the machine's speed.
const TIME: Duration = Duration::from_mins(2);

/// What a program loads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Used {
    /// The source files.
    pub files: BTreeSet<RootPath>,
    /// Those of them whose own imports are not known, in the order of paths.
    pub unread: Vec<Unread>,
}

/// A file that was not looked into.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unread {
    /// Which.
    pub path: RootPath,
    /// Why: half a sentence.
    pub why: String,
}

/// The source files that are loaded when `seeds` are imported.
pub fn used(seeds: &Seeds, modules: &Modules<'_>, notebooks: &Notebooks) -> Result<Used, Error> {
    let pool = ThreadPoolBuilder::new()
        .num_threads(rayon::current_num_threads().min(MOST_THREADS))
        .stack_size(STACK_BYTES)
        .thread_name(|number| format!("imports {number}"))
        .build()
        .map_err(|error| Error::Thread { attempt: "follow imports", reason: error.to_string() })?;
    let search = Search {
        modules,
        notebooks,
        begin: Instant::now(),
        names: Mutex::default(),
        used: Mutex::default(),
        failure: OnceLock::new(),
    };
    pool.scope(|scope| {
        for name in seeds.iter() {
            search.follow(scope, name, &[]);
        }
        for file in modules.configurations() {
            scope.spawn(|scope| search.configuration(scope, *file));
        }
    });
    if let Some(failure) = search.failure.into_inner() {
        return Err(failure);
    }
    let mut used = search.used.into_inner().unwrap_or_else(PoisonError::into_inner);
    used.unread.sort();
    Ok(used)
}

/// What a file imports, or why nobody can tell.
const IMPORTS: Question = Question { name: "imports", rules: 1 };

/// There is no use in going on.
struct GaveUp;

struct Search<'m> {
    modules: &'m Modules<'m>,
    notebooks: &'m Notebooks,
    begin: Instant,
    /// Modules that somebody looks into, or has. By name: one file can be two modules.
    names: Mutex<HashSet<String>>,
    used: Mutex<Used>,
    failure: OnceLock<Error>,
}

impl<'m> Search<'m> {
    /// Takes every module on the way to `base`, and those of `names` that are its submodules.
    fn follow<'s>(&'s self, scope: &Scope<'s>, base: &str, names: &[String]) {
        let mut folders = self.modules.search().to_vec();
        let mut end = 0;
        for part in base.split('.') {
            let Some(module) = self.modules.find(&folders, part) else { return };
            end += part.len();
            self.take(scope, &base[..end], &module);
            end += 1;
            folders = module.inside;
        }
        for name in names {
            if let Some(module) = self.modules.find(&folders, name) {
                self.take(scope, &format!("{base}.{name}"), &module);
            }
        }
    }

    /// Looks into a module, once.
    fn take<'s>(&'s self, scope: &Scope<'s>, name: &str, module: &Module<'m>) {
        let Some(file) = module.file else { return };
        {
            let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
            if names.contains(name) {
                return;
            }
            names.insert(name.to_owned());
        }
        self.with(|used| {
            used.files.insert(file.path.clone());
        });
        // What relative names begin at: a package is its own.
        let package = if module.inside.is_empty() {
            name.rsplit_once('.').map_or("", |(package, _)| package)
        } else {
            name
        };
        let package = package.to_owned();
        scope.spawn(move |scope| self.look(scope, &package, file));
    }

    fn look<'s>(&'s self, scope: &Scope<'s>, package: &str, file: File<'m>) {
        let read = || {
            let text = self.text(file).ok_or(GaveUp)?;
            Ok(text.and_then(|text| statements(&text)))
        };
        match self.notebooks.ask(IMPORTS, file.package, file.content, read) {
            Err(GaveUp) => {}
            Ok(Ok(found)) => self.statements(scope, package, found),
            Ok(Err(why)) => {
                self.with(|used| used.unread.push(Unread { path: file.path.clone(), why }));
            }
        }
    }

    /// `site` runs the lines of a `.pth` file that begin with `import` (*Python, site*).
    fn configuration<'s>(&'s self, scope: &Scope<'s>, file: File<'m>) {
        let Some(Ok(text)) = self.text(file) else { return };
        let runs = |line: &&str| line.starts_with("import ") || line.starts_with("import\t");
        for line in text.lines().filter(runs) {
            if let Ok(found) = statements(line) {
                self.statements(scope, "", found);
            }
        }
    }

    fn statements<'s>(&'s self, scope: &Scope<'s>, package: &str, found: Vec<Statement>) {
        for statement in found {
            if statement.in_function || statement.guard == Some(Guard::TypeChecking) {
                continue;
            }
            if let Some(base) = base(package, &statement) {
                self.follow(scope, &base, &statement.names);
            }
        }
    }

    /// A file's text. `None` once there is no use in going on.
    fn text(&self, file: File<'m>) -> Option<Result<String, String>> {
        if self.failure.get().is_some() {
            return None;
        }
        if self.begin.elapsed() > TIME {
            self.fail(Error::Time { attempt: "following imports", limit: TIME });
            return None;
        }
        if file.content.size() > MAX_FILE_BYTES {
            return Some(Err(format!("it has more than {MAX_FILE_BYTES} bytes")));
        }
        match file.content.read(MAX_FILE_BYTES) {
            // Names of modules are nearly always ASCII, whatever the encoding of the rest.
            Ok(bytes) => Some(Ok(String::from_utf8_lossy(&bytes).into_owned())),
            Err(source) => {
                self.fail(Error::Content { path: file.path.to_string(), source });
                None
            }
        }
    }

    fn fail(&self, failure: Error) {
        // The first is as good as any other.
        let _ = self.failure.set(failure);
    }

    fn with(&self, change: impl FnOnce(&mut Used)) {
        change(&mut self.used.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// The whole name of what a statement imports, in a file whose package is this.
fn base(package: &str, statement: &Statement) -> Option<String> {
    let Some(above) = statement.level.checked_sub(1) else {
        return Some(statement.module.clone());
    };
    let mut package = package;
    for _ in 0..above {
        package = package.rsplit_once('.')?.0;
    }
    match (package, statement.module.as_str()) {
        ("", _) => None,
        (package, "") => Some(package.to_owned()),
        (package, module) => Some(format!("{package}.{module}")),
    }
}
