//! `setup.cfg` (*setuptools, Configuring setuptools using setup.cfg files*): its requirements are read as they
//! are written, and nothing of it runs.

use std::path::Path;

use lightship_packages::python::normalise_name;

use super::{Error, Requirements, read_text};
use crate::project::section;

/// No such file is larger; people write them.
const MAX_BYTES: u64 = 8 << 20;

impl Requirements {
    /// `install_requires`, and what the wanted extras of `extras_require` add.
    pub fn of_setup_cfg(file: &Path, extras: &[String]) -> Result<Self, Error> {
        let text = read_text(file, MAX_BYTES)?;
        let mut all = Self::default();
        for (key, value, line) in section(&text, "options") {
            if key == "install_requires" {
                all.take_list(file, &value, line)?;
            }
        }
        let mut wanted: Vec<String> = extras.iter().map(|name| normalise_name(name)).collect();
        for (key, value, line) in section(&text, "options.extras_require") {
            let name = normalise_name(&key);
            if wanted.contains(&name) {
                wanted.retain(|other| *other != name);
                all.take_list(file, &value, line)?;
            }
        }
        match wanted.first() {
            None => Ok(all),
            Some(name) => {
                let reason = format!("there is no extra `{name}` below [options.extras_require]");
                Err(Error::Requirement { file: file.to_owned(), line: 1, reason })
            }
        }
    }

    /// A list with one requirement a line, or with semicolons on one line, or `file:` and names of files.
    fn take_list(&mut self, file: &Path, value: &str, line: usize) -> Result<(), Error> {
        if let Some(names) = value.trim().strip_prefix("file:") {
            let names = names.split([',', '\n']).map(str::trim).filter(|name| !name.is_empty());
            return names.into_iter().try_for_each(|name| self.take_file(file, name, line));
        }
        let on_one_line = !value.contains('\n');
        let parts = value.split(if on_one_line { ';' } else { '\n' }).map(str::trim);
        for part in parts.filter(|part| !part.is_empty()) {
            self.take_line(part).map_err(|reason| Error::Requirement {
                file: file.to_owned(),
                line,
                reason,
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, extras: &[&str]) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("setup.cfg");
        std::fs::write(&file, text).unwrap();
        std::fs::write(folder.path().join("more.txt"), "six\n# none\n").unwrap();
        let extras: Vec<String> = extras.iter().map(|&extra| extra.to_owned()).collect();
        let all = Requirements::of_setup_cfg(&file, &extras).map_err(|error| error.to_string())?;
        Ok(all.lines)
    }

    #[test]
    fn requirements_are_read_and_nothing_runs() {
        let text = "[metadata]\nname = x\n\n[options]\ninstall_requires =\n    numpy >=1\n    # why\n\
                    \n    six; python_version<'4'\n\n[options.extras_require]\nPlots_All = matplotlib; seaborn\ndev =\n    pytest\n";
        let own = ["numpy >=1", "six; python_version<'4'"];
        assert_eq!(read(text, &[]).unwrap(), own);
        assert_eq!(
            read(text, &["plots-all"]).unwrap(),
            [&own[..], &["matplotlib", "seaborn"]].concat()
        );
        assert!(read(text, &["plot"]).unwrap_err().contains("no extra `plot`"));
        assert_eq!(read("[options]\ninstall_requires = file: more.txt\n", &[]).unwrap(), ["six"]);
        for (line, expected) in [
            ("x @ https://u:secret@mirror.invalid/x", "x is required by address"),
            ("-r other.txt", "is no requirement"),
        ] {
            let told = read(&format!("[options]\ninstall_requires =\n  a\n  {line}\n"), &[]);
            let told = told.unwrap_err();
            assert!(told.contains(expected) && !told.contains("secret"), "{told}");
        }
    }
}
