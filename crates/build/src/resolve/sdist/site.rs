//! Where a source is built: unpacked, with an environment of its build's requirements beside it, in places
//! that are called the same every time, because compilers write down what they are told.

use std::path::{Path, PathBuf};

use super::super::interpreter::{Access, Job, Ran, Shared, Word};
use super::super::{Error, Resolver, TIME, Work, explain};
use super::hints;
use super::needs::{Backend, Needs};

/// Times in what is built: 1 January 1980, the first that a zip archive can have.
const EPOCH: &str = "315532800";

/// Nobody debugs what ships, and debugging information has the names of all folders. What else has them
/// (`__FILE__`) gets short ones.
const FLAGS: &str = "-g0 -ffile-prefix-map=/lightship/work/=";

/// Unpacks an archive; owners in it are nobody's here.
const UNPACK: &str = "\
import sys, tarfile
with tarfile.open(sys.argv[1]) as archive:
    for member in archive:
        member.uid = member.gid = 0
        member.uname = member.gname = ''
        member.mode |= 0o600
        if hasattr(tarfile, 'data_filter'):
            archive.extract(member, sys.argv[2], filter='data')
        else:
            archive.extract(member, sys.argv[2])
";

/// *PEP 517, `get_requires_for_build_wheel`*.
const ASK: &str = "\
import importlib, os, sys
answer = os.fdopen(os.dup(1), 'w')
os.dup2(2, 1)
tree, name, *paths = sys.argv[1:]
os.chdir(tree)
sys.path[:0] = [os.path.abspath(path) for path in paths]
module, _, attributes = name.partition(':')
backend = importlib.import_module(module)
for attribute in filter(None, attributes.split('.')):
    backend = getattr(backend, attribute)
hook = getattr(backend, 'get_requires_for_build_wheel', None)
for line in hook({}) if hook else []:
    print(' '.join(line.split()), file=answer)
";

/// A place where one source is built, in a folder that is ours while it is.
pub(super) struct Site<'a> {
    resolver: &'a Resolver<'a>,
    work: &'a Work,
    /// What the source distribution's file is called.
    file: &'a str,
    /// The folder that it unpacks to.
    tree: String,
}

impl<'a> Site<'a> {
    /// Unpacks a source, and makes an environment with these wheels in it and nothing else.
    pub(super) fn open(
        resolver: &'a Resolver<'a>,
        work: &'a Work,
        (file, path): (&'a str, &Path),
        needs: &Needs,
        wheels: &[(String, PathBuf)],
    ) -> Result<Self, Error> {
        let tree = format!("source/{}", needs.folder);
        let site = Self { resolver, work, file, tree };
        // Everything is put here before the first of its own code runs: that may leave links which lead out
        // of our folder.
        site.place("archive", file, path)?;
        for (name, wheel) in wheels {
            site.place("wheels", name, wheel)?;
        }
        for folder in ["source", "out"] {
            let folder = work.path(folder);
            std::fs::create_dir_all(&folder).map_err(Error::io("make the folder", &folder))?;
        }
        site.furnish(wheels.iter().map(|(name, _)| name.as_str()))?;
        let mut command: Vec<Word> = vec![Word::Python, "-I".into(), "-c".into(), UNPACK.into()];
        command.extend([Work::inside(&format!("archive/{file}")), Work::inside("source")]);
        site.run(command, "unpacking it")?;
        Ok(site)
    }

    fn furnish<'w>(&self, wheels: impl Iterator<Item = &'w str>) -> Result<(), Error> {
        let mut command = uv();
        command.extend(["venv".into(), "--python".into(), Word::Python, Work::inside("env")]);
        self.run(command, "making an environment for it")?;
        let mut wheels = wheels.map(|name| Work::inside(&format!("wheels/{name}"))).peekable();
        if wheels.peek().is_none() {
            return Ok(());
        }
        let mut command = uv();
        let install = ["pip", "install", "--no-index", "--no-deps", "--python"];
        command.extend(install.map(Word::text));
        command.push(Work::inside("env"));
        command.extend(wheels);
        self.run(command, "installing what it is built with").map(drop)
    }

    /// What the build asks for besides what is written in its project file.
    pub(super) fn asks(&self, backend: &Backend) -> Result<Vec<String>, Error> {
        let mut command = vec![Work::inside("env/bin/python")];
        command.extend(["-I", "-c", ASK].map(Word::text));
        command.extend([Work::inside(&self.tree), Word::text(&backend.name)]);
        command.extend(backend.paths.iter().map(Word::text));
        let ran = self.run(command, "asking what it is built with")?;
        ran.stdout.lines().map(|line| super::needs::line(line, self.file)).collect()
    }

    /// Builds, and says which wheel came of it.
    pub(super) fn build(&self) -> Result<PathBuf, Error> {
        let mut command = uv();
        command.extend(["build", "--wheel", "--no-build-isolation", "--python"].map(Word::text));
        command.extend([Work::inside("env/bin/python"), "--out-dir".into(), Work::inside("out")]);
        command.push(Work::inside(&self.tree));
        self.run(command, "the build")?;
        only_wheel(&self.work.path("out"), self.file)
    }

    /// A copy: the store's own file must not be within reach of what is built.
    fn place(&self, folder: &str, name: &str, from: &Path) -> Result<(), Error> {
        let folder = self.work.path(folder);
        std::fs::create_dir_all(&folder).map_err(Error::io("make the folder", &folder))?;
        let to = folder.join(name);
        std::fs::copy(from, &to).map(drop).map_err(Error::io("write", &to))
    }

    fn run(&self, command: Vec<Word>, what: &str) -> Result<Ran, Error> {
        let ran = self.resolver.interpreter.run(&self.job(command))?;
        if ran.success {
            return Ok(ran);
        }
        let complaint = explain::cleaned(&ran.stderr, &[]);
        Err(Error::Build {
            file: self.file.to_owned(),
            reason: format!("{what} {}\n{complaint}", ran.end),
            hint: hints::of(&ran.stderr).map(str::to_owned),
        })
    }

    /// It sees its source and its requirements, and neither the user's settings nor a network nor uv's
    /// cache.
    fn job(&self, command: Vec<Word>) -> Job {
        let texts = [
            ("UV_PYTHON_DOWNLOADS", "never"),
            ("UV_NO_PROGRESS", "1"),
            ("UV_LINK_MODE", "copy"),
            ("NO_COLOR", "1"),
            ("PATH", "/lightship/work/env/bin:/usr/local/bin:/usr/bin:/bin"),
            ("SOURCE_DATE_EPOCH", EPOCH),
            ("CFLAGS", FLAGS),
            ("CXXFLAGS", FLAGS),
            ("PYTHONHASHSEED", "0"),
            ("PYTHONDONTWRITEBYTECODE", "1"),
            ("LC_ALL", "C.UTF-8"),
            ("TZ", "UTC"),
        ];
        let mut environment: Vec<(String, Word)> =
            texts.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        environment.push(("HOME".to_owned(), Work::inside("home")));
        environment.push(("UV_CACHE_DIR".to_owned(), Work::inside("cache")));
        let uv = Shared {
            outside: self.resolver.uv.program.clone(),
            inside: "/lightship/uv".to_owned(),
            access: Access::Read,
        };
        let shared = vec![uv, self.work.shared()];
        let attempt = "build a wheel";
        Job { attempt, command, environment, shared, network: false, time: TIME }
    }
}

/// The beginning of each of its command lines.
fn uv() -> Vec<Word> {
    vec![Word::inside("/lightship/uv"), "--no-config".into(), "--offline".into()]
}

/// The one wheel in a folder.
fn only_wheel(folder: &Path, file: &str) -> Result<PathBuf, Error> {
    let mut wheels = Vec::new();
    // What was built may have left links that lead elsewhere, also in the folder's place.
    let is_ours = std::fs::symlink_metadata(folder).is_ok_and(|about| about.is_dir());
    let there = is_ours.then(|| std::fs::read_dir(folder).map_err(Error::io("read", folder)));
    for entry in there.transpose()?.into_iter().flatten() {
        let path = entry.map_err(Error::io("read", folder))?.path();
        let plain = std::fs::symlink_metadata(&path).is_ok_and(|about| about.is_file());
        if plain && path.extension().is_some_and(|ending| ending == "whl") {
            wheels.push(path);
        }
    }
    match <[PathBuf; 1]>::try_from(wheels) {
        Ok([wheel]) => Ok(wheel),
        Err(wheels) => Err(Error::Build {
            file: file.to_owned(),
            reason: format!("{} wheels came of it instead of one", wheels.len()),
            hint: None,
        }),
    }
}
