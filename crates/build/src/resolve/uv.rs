//! Which uv there is.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Error;

/// The first version whose `pip compile` and `export` write `pylock.toml` with sizes.
const OLDEST: (u32, u32) = (0, 7);
const OLDEST_TEXT: &str = "0.7";

/// How Python says where the uv is that came as its module.
const ASK_PYTHON: &str = "import sys, uv; sys.stdout.write(uv.find_uv_bin())";

/// A uv on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uv {
    /// The program, absolute.
    pub program: PathBuf,
    /// Its version: `0.13.8`.
    pub version: String,
}

impl Uv {
    /// Looks along `search_path`, then asks each Python there for its module. What is run is the user's
    /// own, on this machine; no package's code is.
    pub fn find(search_path: &[PathBuf]) -> Result<Self, Error> {
        let along = |name: &'static str| {
            search_path.iter().map(move |folder| folder.join(name)).filter(|path| path.is_file())
        };
        let programs =
            along("uv").chain(along("python3").chain(along("python")).filter_map(|python| {
                let path = PathBuf::from(output(&python, &["-c", ASK_PYTHON])?);
                path.is_file().then_some(path)
            }));
        let mut old = None;
        for program in programs {
            match Self::at(&program) {
                Ok(Some(uv)) => return Ok(uv),
                Ok(None) => {}
                Err(error) => old = old.or(Some(error)),
            }
        }
        Err(old.unwrap_or(Error::NoUv))
    }

    /// The uv at a path, if it is one. A program of that name that is not for this machine, or that is
    /// somebody's script, is none.
    fn at(program: &Path) -> Result<Option<Self>, Error> {
        let Some(text) = output(program, &["--version"]) else { return Ok(None) };
        let mut words = text.split_whitespace();
        let (Some("uv"), Some(version)) = (words.next(), words.next()) else { return Ok(None) };
        // What is mounted into a sandbox has to be the program itself, not a link to it.
        let program = std::fs::canonicalize(program).map_err(Error::io("read", program))?;
        if parts(version) < OLDEST {
            return Err(Error::OldUv { program, version: version.to_owned(), needed: OLDEST_TEXT });
        }
        Ok(Some(Self { program, version: version.to_owned() }))
    }
}

fn parts(version: &str) -> (u32, u32) {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

/// What a short command prints, where it succeeds.
fn output(program: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn script(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    }

    #[test]
    fn a_uv_is_found_along_the_path_or_as_a_module() {
        let folder = tempfile::tempdir().unwrap();
        let root = std::fs::canonicalize(folder.path()).unwrap();
        let [empty, module, direct] = ["empty", "module", "direct"].map(|name| root.join(name));
        for folder in [&empty, &module, &direct, &module.join("bin")] {
            std::fs::create_dir(folder).unwrap();
        }
        assert!(matches!(Uv::find(std::slice::from_ref(&empty)), Err(Error::NoUv)));
        script(&module, "python3", &format!("printf %s {}", module.join("bin/uv").display()));
        script(&module.join("bin"), "uv", "echo 'uv 0.9.1 (abc)'");
        script(&direct, "uv", "echo 'uv 0.6.2'");
        let found = Uv::find(&[empty.clone(), module.clone()]).unwrap();
        assert_eq!((found.version.as_str(), found.program), ("0.9.1", module.join("bin/uv")));
        assert!(matches!(Uv::find(std::slice::from_ref(&direct)), Err(Error::OldUv { .. })));
        assert_eq!(Uv::find(&[direct, module]).unwrap().version, "0.9.1");
    }
}
