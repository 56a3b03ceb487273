//! Which programs an image's command may start: more names than it will, rather than one too few.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use super::{CommandLine, Project, files};
use crate::app::CopyRule;

/// The largest script that is looked through.
const MOST_BYTES: u64 = 1 << 18;

/// So many scripts are looked through: a command names one or two, and these a few more.
const MOST_SCRIPTS: usize = 32;

/// No name of a program is longer.
const LONGEST: usize = 128;

impl Project {
    /// Every word that may be a program's name in the image's command, and in the scripts of the project
    /// that it names (`entrypoint.sh`). Whether a package brings such a program is not asked here: a name
    /// that none has does no harm, while `tini -- gunicorn`, `sh -c 'exec celery …'` and
    /// `opentelemetry-instrument python …` start nothing without what stands behind.
    pub fn programs(&self) -> BTreeSet<String> {
        self.texts().iter().flat_map(|text| names(text)).collect()
    }

    /// The modules of Python that these start: `celery` of `python -m celery`.
    pub fn modules(&self) -> BTreeSet<String> {
        self.texts().iter().flat_map(|text| modules(text)).collect()
    }

    fn texts(&self) -> Vec<String> {
        let lines = self.entry.entrypoint.iter().chain(&self.entry.cmd);
        texts(&self.folder, lines.map(|line| &line.value), &self.app.copies)
    }
}

/// The command, its words in one line, and the lines of the scripts that it names.
fn texts<'a>(
    folder: &Path,
    lines: impl Iterator<Item = &'a CommandLine>,
    copies: &[CopyRule],
) -> Vec<String> {
    let mut texts = vec![lines.flat_map(CommandLine::words).cloned().collect::<Vec<_>>().join(" ")];
    let mut open: Vec<String> = texts.iter().flat_map(|text| scripts(text)).collect();
    let mut seen = BTreeSet::new();
    while let Some(script) = open.pop() {
        if seen.len() >= MOST_SCRIPTS || !seen.insert(script.clone()) {
            continue;
        }
        let Some(text) = read(folder, copies, &script) else { continue };
        for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
            open.extend(scripts(line));
            texts.push(line.to_owned());
        }
    }
    texts
}

/// What stands behind `-m`.
fn modules(text: &str) -> impl Iterator<Item = String> + '_ {
    let part = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let mut words = text.split(move |c| !part(c)).filter(|word| !word.is_empty());
    std::iter::from_fn(move || {
        words.find(|word| *word == "-m")?;
        words.next().map(str::to_owned)
    })
}

/// The words of a text of a shell, whatever stands between them: `${SERVER:-gunicorn}` and `$(which
/// alembic)` name programs too. A path is its components.
fn names(text: &str) -> Vec<String> {
    let part = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let fits = |word: &&str| {
        let starts = word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        starts && word.len() <= LONGEST
    };
    // A default's hyphen is no option's.
    let texts = text.split(":-");
    let words = texts.flat_map(|text| text.split(move |c| !part(c)));
    words.filter(fits).map(str::to_owned).collect()
}

/// The scripts that a text names: `/usr/local/bin/entrypoint.sh`.
fn scripts(text: &str) -> impl Iterator<Item = String> + '_ {
    let part = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let words = text.split(move |c| !part(c));
    let is_script = |word: &&str| word.strip_suffix(".sh").is_some() && word.len() <= LONGEST * 8;
    words.filter(is_script).map(str::to_owned)
}

/// A script of the project by its path in the image: where its last components are in the folder, or in
/// what the Dockerfile copies. What cannot be read names nothing; collecting the folder says why.
fn read(folder: &Path, copies: &[CopyRule], script: &str) -> Option<String> {
    let parts: Vec<&str> =
        script.split('/').filter(|part| !matches!(*part, "" | "." | "..")).collect();
    let name = *parts.last()?;
    let own = (0..parts.len()).map(|first| parts[first..].join("/"));
    let brought = copies.iter().flat_map(|copy| &copy.sources).flat_map(|source| {
        let is_it = source.rsplit('/').next() == Some(name);
        [if is_it { source.clone() } else { format!("{}/{name}", source.trim_end_matches('/')) }]
    });
    let inside = |path: &String| {
        Path::new(path)
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
    };
    own.chain(brought).filter(inside).find_map(|path| {
        let small =
            std::fs::metadata(folder.join(&path)).is_ok_and(|file| file.len() <= MOST_BYTES);
        small.then(|| files::text(folder, &path).ok().flatten()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use lightship_codec::tar::RootPath;

    use super::*;

    fn found(folder: &Path, line: &[&str], copies: &[CopyRule]) -> Vec<String> {
        let line = CommandLine::new(line.iter().map(|word| (*word).to_owned()).collect()).unwrap();
        let texts = texts(folder, std::iter::once(&line), copies);
        let found: BTreeSet<String> = texts.iter().flat_map(|text| names(text)).collect();
        found.into_iter().collect()
    }

    #[test]
    fn every_word_of_a_command_counts() {
        let folder = tempfile::tempdir().unwrap();
        let found = |line: &[&str]| found(folder.path(), line, &[]);
        for (line, program) in [
            (&["/bin/sh", "-c", "uvicorn app:app --port $PORT"][..], "uvicorn"),
            (&["tini", "--", "/usr/local/bin/gunicorn", "app:app"], "gunicorn"),
            (&["sh", "-c", "set -e; cd /srv && exec celery -A x worker"], "celery"),
            (&["opentelemetry-instrument", "python", "job.py"], "opentelemetry-instrument"),
            (&["sh", "-c", "${SERVER:-hypercorn} \"$(alembic current)\""], "hypercorn"),
            (&["sh", "-c", "${SERVER:-hypercorn} \"$(alembic current)\""], "alembic"),
        ] {
            assert!(found(line).iter().any(|name| name == program), "{line:?}: {:?}", found(line));
        }
        assert_eq!(found(&["python", "--port=80", "-x", "8080"]), ["python"]);
        let modules = |text: &str| modules(text).collect::<Vec<_>>();
        assert_eq!(modules("python -u -m celery -A x; (python3 -m a.b)"), ["celery", "a.b"]);
        assert!(modules("python job.py -m").is_empty() && modules("x-m y").is_empty());
    }

    #[test]
    fn scripts_of_the_project_are_looked_through() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("docker")).unwrap();
        let text =
            "#!/bin/sh\n# not flower\nalembic upgrade head\n. ./docker/more.sh\nexec \"$@\"\n";
        std::fs::write(folder.path().join("docker/entrypoint.sh"), text).unwrap();
        std::fs::write(folder.path().join("docker/more.sh"), "dramatiq x\n./docker/more.sh\n")
            .unwrap();
        let copy = CopyRule {
            sources: vec!["./docker/".to_owned()],
            destination: RootPath::parse(b"/usr/bin").unwrap(),
            into_folder: true,
        };
        let line = ["entrypoint.sh", "gunicorn"];
        let names = found(folder.path(), &line, std::slice::from_ref(&copy));
        for name in ["alembic", "dramatiq", "gunicorn"] {
            assert!(names.iter().any(|found| found == name), "{names:?}");
        }
        assert!(!names.iter().any(|name| name == "flower"), "{names:?}");
        let names = found(folder.path(), &["/app/docker/entrypoint.sh"], &[]);
        assert!(names.iter().any(|name| name == "alembic"), "{names:?}");
        // Nothing outside of the folder is read.
        let inner = folder.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        let outside = CopyRule { sources: vec!["../docker".to_owned()], ..copy };
        let names = found(&inner, &["../docker/entrypoint.sh"], &[outside]);
        assert!(!names.iter().any(|name| name == "alembic"), "{names:?}");
    }
}
