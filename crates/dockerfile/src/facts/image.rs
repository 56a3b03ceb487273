//! What the name of an image tells: hardly ever wrong, and nothing where it is not clear.

/// The image that a Dockerfile begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseImage {
    /// Its reference, variables replaced.
    pub reference: String,
    /// The Python that is in it, as its name says.
    pub python: Option<PythonSeries>,
    /// The suite of the distribution below it, as its name says: `bookworm`.
    pub suite: Option<String>,
    /// Whether it brings conda, and with it packages of another kind.
    pub conda: bool,
}

/// `3.11`, `3.11.9`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PythonSeries {
    /// 3.
    pub major: u16,
    /// 11.
    pub minor: u16,
    /// 9.
    pub patch: Option<u16>,
}

impl BaseImage {
    /// Reads an image's reference.
    pub fn of(reference: &str) -> Self {
        let undigested = reference.split('@').next().unwrap_or(reference).to_ascii_lowercase();
        let (path, last) = undigested.rsplit_once('/').unwrap_or(("", &undigested));
        let (name, tag) = last.split_once(':').unwrap_or((last, ""));
        let conda = ["conda", "mamba", "pixi"].iter().any(|word| undigested.contains(word));
        let suite = suite(name, tag);
        let python = if conda { None } else { python(path, name, tag, suite.as_deref()) };
        Self { reference: reference.to_owned(), python, suite, conda }
    }
}

/// Suites by name, and the numbers that distributions give them.
const SUITES: [(&str, &str); 11] = [
    ("bullseye", "debian:11"),
    ("bookworm", "debian:12"),
    ("trixie", "debian:13"),
    ("forky", "debian:14"),
    ("buster", "debian:10"),
    ("sid", "debian:unstable"),
    ("focal", "ubuntu:20.04"),
    ("jammy", "ubuntu:22.04"),
    ("noble", "ubuntu:24.04"),
    ("bionic", "ubuntu:18.04"),
    ("resolute", "ubuntu:26.04"),
];

fn suite(name: &str, tag: &str) -> Option<String> {
    let words = || tag.split('-').chain(name.split('-'));
    let known = SUITES.iter().find(|(suite, number)| {
        let (distribution, version) = number.split_once(':').unwrap_or((number, ""));
        let joined = format!("{distribution}{version}");
        let plain = name == distribution
            && tag.split(['-', '_']).next().is_some_and(|first| {
                first == version
                    || first.strip_prefix(version).is_some_and(|rest| rest.starts_with('.'))
            });
        plain || words().any(|word| word == *suite || word == joined)
    });
    known.map(|(suite, _)| (*suite).to_owned())
}

fn python(path: &str, name: &str, tag: &str, suite: Option<&str>) -> Option<PythonSeries> {
    // `python:3.11-slim`, `aws/lambda/python:3.12`
    if name == "python" {
        return series(tag);
    }
    // `distroless/python3-debian12`: its Python is that of the distribution.
    if path.ends_with("distroless") && name.starts_with("python3") {
        return match suite? {
            "bullseye" => Some(PythonSeries { major: 3, minor: 9, patch: None }),
            "bookworm" => Some(PythonSeries { major: 3, minor: 11, patch: None }),
            "trixie" => Some(PythonSeries { major: 3, minor: 13, patch: None }),
            _ => None,
        };
    }
    // `ubi9/python-311`, `…/python3.12`, `uv:python3.12-slim`, `airflow:2.9.0-python3.11`, `…-py311`
    ["python", "py"].iter().find_map(|word| after(tag, word).or_else(|| after(name, word)))
}

/// The version that follows a word: `python3.12`, `python-3.12`, `python312`, `py39`.
fn after(text: &str, word: &str) -> Option<PythonSeries> {
    text.match_indices(word).find_map(|(at, _)| {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| c.is_ascii_alphanumeric()) {
            return None;
        }
        let rest = text[at + word.len()..].trim_start_matches(['-', '_']);
        let digits: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        match digits.strip_prefix('3') {
            Some(minor) if (1..=2).contains(&minor.len()) && !minor.contains('.') => {
                Some(PythonSeries { major: 3, minor: minor.parse().ok()?, patch: None })
            }
            Some(_) | None => series(&digits),
        }
    })
}

/// A version at the beginning of a text: at least two numbers.
fn series(text: &str) -> Option<PythonSeries> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    // `3.13rc1` and `3.13t` are other interpreters.
    if text[end..].starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let mut numbers = text[..end].split('.').filter(|part| !part.is_empty()).map(str::parse);
    let mut next = || numbers.next().and_then(Result::ok);
    let (major, minor) = (next()?, next()?);
    matches!(major, 2 | 3).then(|| PythonSeries { major, minor, patch: next() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_versions_and_suites() {
        let told = |reference: &str| {
            let base = BaseImage::of(reference);
            let python = base.python.map_or("-".to_owned(), |python| {
                let patch = python.patch.map_or(String::new(), |patch| format!(".{patch}"));
                format!("{}.{}{patch}", python.major, python.minor)
            });
            let conda = if base.conda { " conda" } else { "" };
            format!("{python} {}{conda}", base.suite.as_deref().unwrap_or("-"))
        };
        for (reference, expected) in [
            ("python:3.11-slim", "3.11 -"),
            ("python:3.11.9-bookworm", "3.11.9 bookworm"),
            ("docker.io/library/python:3.12.1-slim-trixie@sha256:00", "3.12.1 trixie"),
            ("python:3", "- -"),
            ("python", "- -"),
            ("python:latest", "- -"),
            ("python:3.14rc1", "- -"),
            ("host.invalid:5000/python:3.10-alpine3.19", "3.10 -"),
            ("host.invalid:5000/team/python3.12", "3.12 -"),
            ("ubi9/python-311:1-72", "3.11 -"),
            ("astral-sh/uv:python3.13-bookworm-slim", "3.13 bookworm"),
            ("apache/airflow:2.9.0-python3.11", "3.11 -"),
            ("org/thing:1.0-py39", "3.9 -"),
            ("gcr.io/distroless/python3-debian12", "3.11 bookworm"),
            ("gcr.io/distroless/python3-debian12:nonroot", "3.11 bookworm"),
            ("debian:12.5-slim", "- bookworm"),
            ("debian:bookworm", "- bookworm"),
            ("debian:1", "- -"),
            ("ubuntu:22.04", "- jammy"),
            ("continuumio/miniconda3:24.1", "- - conda"),
            ("pytorch/pytorch:2.4.0-cuda12.4", "- -"),
            ("happy3.11:1", "- -"),
            ("scratch", "- -"),
            ("", "- -"),
        ] {
            assert_eq!(told(reference), expected, "{reference}");
        }
    }
}
