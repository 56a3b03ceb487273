//! What is checked where nobody said what: the entry point starts, and what the source imports,
//! imports.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use lightship_audit::imports::{self, Folder, Guard, Import, Imports, SourceFile};

use super::imports::is_missing;
use super::run::Subject;
use super::{Around, Check, EntryPointCheck, Error, ImportItem, ImportsCheck, Kind, source};

/// The name of the check that imports what the source imports.
pub const IMPORTS: &str = "what the source imports, imports";

/// A service that has not failed after so long has started. Longer than any interpreter takes to find
/// its modules, shorter than anybody waits for.
const WATCH: Duration = Duration::from_secs(5);

/// Of the places where a module is imported, so many are told.
const PLACES: usize = 3;

/// Of the files whose imports are not known, so many are told.
const UNREAD: usize = 5;

/// Checks that nobody wrote, and what is not checked and why: sentences without a full stop.
#[derive(Debug, Default)]
pub struct Defaults {
    /// The checks.
    pub checks: Vec<Check>,
    /// What a person should know about them.
    pub remarks: Vec<String>,
}

impl Defaults {
    /// For an image alone. Its source is read where its command starts.
    pub fn of_image(subject: &Subject<'_>) -> Result<Self, Error> {
        let mut defaults = Self::default();
        defaults.entry_point(subject);
        let folders = source::folders(subject.config());
        if folders.is_empty() {
            defaults.remarks.push(
                "the image's command starts in / and names no script: no imports are checked"
                    .to_owned(),
            );
            return Ok(defaults);
        }
        match source::read(subject, &folders) {
            Ok(folder) => defaults.imports(&folder, &folders.join(" and "))?,
            Err(error) if is_missing(&error) => defaults
                .remarks
                .push("the image has no Python on its PATH: no imports are checked".to_owned()),
            Err(error) => return Err(error.into()),
        }
        Ok(defaults)
    }

    /// For a project whose image it is. Its source is read in the project's folder.
    pub fn of_project(subject: &Subject<'_>, folder: &Path) -> Result<Self, Error> {
        let mut defaults = Self::default();
        defaults.entry_point(subject);
        defaults.imports(&Folder::read(folder)?, &folder.display().to_string())?;
        Ok(defaults)
    }

    fn entry_point(&mut self, subject: &Subject<'_>) {
        let config = subject.config();
        if config.entrypoint.iter().chain(&config.cmd).flatten().next().is_none() {
            self.remarks.push("the image says nothing about what to run in it".to_owned());
            return;
        }
        self.checks.push(Check {
            name: "the entry point starts".to_owned(),
            kind: Kind::EntryPoint(EntryPointCheck { watch: WATCH }),
            around: Around::default(),
        });
    }

    fn imports(&mut self, folder: &Folder, place: &str) -> Result<(), Error> {
        let attempt = "read Python source";
        let imports =
            imports::of_files(&folder.files).map_err(|source| Error::Thread { attempt, source })?;
        self.remarks.extend(left_out(folder, &imports));
        let modules = items(&imports);
        if modules.is_empty() {
            self.remarks.push(format!("no Python file in {place} imports anything"));
            return Ok(());
        }
        self.checks.push(Check {
            name: IMPORTS.to_owned(),
            kind: Kind::Imports(ImportsCheck { modules }),
            around: Around::default(),
        });
        Ok(())
    }
}

fn left_out(folder: &Folder, imports: &Imports) -> Vec<String> {
    let mut remarks = Vec::new();
    let count =
        |number: usize| if number == 1 { "1 file".to_owned() } else { format!("{number} files") };
    if folder.development > 0 {
        let files = count(folder.development);
        remarks.push(format!("{files} that only developers run (tests, setup.py) are left out"));
    }
    let unread: Vec<_> = folder.unread.iter().chain(&imports.unread).collect();
    for unread in unread.iter().take(UNREAD) {
        remarks.push(format!("the imports of {} are not known: {}", unread.file, unread.why));
    }
    if let Some(more @ 1..) = unread.len().checked_sub(UNREAD) {
        remarks.push(format!("nor are those of {}", count(more)));
    }
    let apart = imports.found.iter().filter(|i| i.guard == Some(Guard::Component)).count();
    if apart > 0 {
        let imports = if apart == 1 { "import" } else { "imports" };
        remarks.push(format!(
            "{apart} {imports} inside pipeline components, which run in images of their own, left out"
        ));
    }
    remarks
}

/// What these files import from elsewhere when they run. Fails where the machine gives no thread.
pub fn needed(files: &[SourceFile]) -> std::io::Result<Vec<ImportItem>> {
    Ok(items(&imports::of_files(files)?))
}

/// Each module once, with all names that anybody takes from it; needed ones apart from those that the
/// source does without.
fn items(imports: &Imports) -> Vec<ImportItem> {
    let mut items: BTreeMap<(&str, bool), ImportItem> = BTreeMap::new();
    for import in imports.found.iter().filter(|import| is_run(import)) {
        let optional = import.guard.is_some();
        let item = items
            .entry((&import.module, optional))
            .or_insert_with(|| ImportItem { optional, ..ImportItem::named(&import.module) });
        item.names.extend(import.names.iter().filter(|name| *name != "*").cloned());
        item.places.push(import.place.to_string());
    }
    items
        .into_values()
        .map(|mut item| {
            item.names.sort();
            item.names.dedup();
            item.places.sort();
            item.places.dedup();
            item.places.truncate(PLACES);
            item
        })
        .collect()
}

/// Whether the image would ever run it.
fn is_run(import: &Import) -> bool {
    !matches!(import.guard, Some(Guard::TypeChecking | Guard::Component))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_module_is_imported_once_with_all_that_is_taken_from_it() {
        let text = "import b\nfrom a import x, y\ntry:\n    from a import z\nexcept ImportError: ...\n\
                    from a import x\nfrom c import *\nif TYPE_CHECKING:\n    import never\n";
        let files =
            ["m.py", "n.py"].map(|path| SourceFile { path: path.into(), text: text.into() });
        let shown: Vec<String> = items(&imports::of_files(&files).unwrap())
            .iter()
            .map(|item| format!("{} {} {}", item.statement(), item.optional, item.places.join(" ")))
            .collect();
        assert_eq!(
            shown,
            [
                "from a import x, y false m.py:2 m.py:6 n.py:2",
                "from a import z true m.py:4 n.py:4",
                "import b false m.py:1 n.py:1",
                "import c false m.py:7 n.py:7",
            ]
        );
    }
}
