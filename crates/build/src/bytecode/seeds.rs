//! Where the search for used modules begins.

use std::collections::BTreeSet;

use lightship_audit::imports::{Guard, Import, is_module_name};

/// What an interpreter loads before and around the program: what `python -X importtime` shows of `-c ''`
/// and of `-m`, without what is built in, what site administrators may add, and `__future__`, which is a module,
/// too.
const STARTUP: [&str; 24] = [
    "__future__",
    "_collections_abc",
    "_sitebuiltins",
    "abc",
    "codecs",
    "collections",
    "contextlib",
    "functools",
    "genericpath",
    "importlib.machinery",
    "importlib.util",
    "io",
    "keyword",
    "operator",
    "os",
    "posixpath",
    "reprlib",
    "runpy",
    "site",
    "sitecustomize",
    "stat",
    "types",
    "usercustomize",
    "warnings",
];

/// Codecs are imported by the name of an encoding, which no import statement has: those of the locale, of
/// host names (`idna`), of archives (`cp437`), of escapes, and of what text files commonly are.
const ENCODINGS: [&str; 18] = [
    "aliases",
    "ascii",
    "base64_codec",
    "cp1252",
    "cp437",
    "hex_codec",
    "idna",
    "iso8859_1",
    "latin_1",
    "punycode",
    "raw_unicode_escape",
    "unicode_escape",
    "utf_16",
    "utf_16_be",
    "utf_16_le",
    "utf_32",
    "utf_8",
    "utf_8_sig",
];

/// Names of modules that are imported in any case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seeds(BTreeSet<String>);

impl Default for Seeds {
    fn default() -> Self {
        Self::new()
    }
}

impl Seeds {
    /// What every interpreter loads.
    pub fn new() -> Self {
        let encodings = ENCODINGS.iter().map(|name| format!("encodings.{name}"));
        Self(STARTUP.iter().map(|name| (*name).to_owned()).chain(encodings).collect())
    }

    /// One more: `a.b.c`. It is followed as far as there are modules of the name, so that its end may as
    /// well be a class. What is no name of a module is passed over.
    pub fn add(&mut self, name: &str) {
        if is_module_name(name) {
            self.0.insert(name.to_owned());
        }
    }

    /// What the program's own source imports, also inside its functions: they are what will run.
    pub fn add_imports(&mut self, imports: &[Import]) {
        for import in imports.iter().filter(|import| import.guard != Some(Guard::TypeChecking)) {
            self.add(&import.module);
            for name in &import.names {
                self.add(&format!("{}.{name}", import.module));
            }
        }
    }

    /// In the order of names.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}
