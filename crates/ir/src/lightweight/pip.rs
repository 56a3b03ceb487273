//! What a `pip install` installs, and from where.

use super::NotLightweight;

/// One `pip install`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct PipInstall {
    /// Requirements as they are written: `pandas==2.2.0`, `pkg; python_version<"3.9"`, `git+https://…`.
    pub requirements: Vec<String>,
    /// Whether what they require is left out.
    pub no_deps: bool,
    /// The index, where it is not pip's own.
    pub index_url: Option<String>,
    /// More indexes, in order.
    pub extra_index_urls: Vec<String>,
    /// Hosts that need no certificate.
    pub trusted_hosts: Vec<String>,
    /// Pages with links to archives.
    pub find_links: Vec<String>,
    /// Whether versions before a release count.
    pub pre: bool,
}

/// What changes how pip goes about it, and nothing about what is there in the end. `--upgrade` is none of it: what the
/// step's image has already would stay where the packages are put on top of it.
const IDLE: [&str; 12] = [
    "--quiet",
    "-q",
    "-qq",
    "--no-warn-script-location",
    "--no-cache-dir",
    "--user",
    "--no-input",
    "--disable-pip-version-check",
    "--prefer-binary",
    "--break-system-packages",
    "--progress-bar=off",
    "--root-user-action=ignore",
];

impl PipInstall {
    /// Reads what follows `pip install`.
    pub(super) fn read(words: &[&str]) -> Result<Self, NotLightweight> {
        let mut install = Self::default();
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            if IDLE.contains(&word) {
                continue;
            }
            if is_open(word) {
                return Err(refused(word));
            }
            if !word.starts_with('-') {
                install.requirement(word)?;
                continue;
            }
            let (option, value) = match word.split_once('=') {
                Some((option, value)) if word.starts_with("--") => (option, Some(value)),
                _ => (word, None),
            };
            let mut value = || match value.or_else(|| words.next()) {
                None => Err(refused(word)),
                // A word of its own has not been looked at yet.
                Some(value) if is_open(value) => Err(refused(value)),
                Some(value) => Ok(value.to_owned()),
            };
            match option {
                "--no-deps" => install.no_deps = true,
                "--pre" => install.pre = true,
                "--index-url" | "-i" | "--pypi-url" => install.index_url = Some(value()?),
                "--extra-index-url" => install.extra_index_urls.push(value()?),
                "--trusted-host" => install.trusted_hosts.push(value()?),
                "--find-links" | "-f" => install.find_links.push(remote(value()?)?),
                _ => return Err(refused(word)),
            }
        }
        Ok(install)
    }

    /// A file that only the step's image has is known to nobody else.
    fn requirement(&mut self, word: &str) -> Result<(), NotLightweight> {
        if word.starts_with(['.', '/', '~']) || word.starts_with("file:") {
            return Err(refused(word));
        }
        self.requirements.push(word.to_owned());
        Ok(())
    }

    /// Whether both look for packages at the same places, in the same way.
    pub(super) fn asks_like(&self, other: &Self) -> bool {
        let hosts = self.trusted_hosts == other.trusted_hosts;
        let indexes = self.index_url == other.index_url;
        let more = self.extra_index_urls == other.extra_index_urls;
        hosts && indexes && more && self.find_links == other.find_links && self.pre == other.pre
    }
}

/// Whether a word may say something that nobody knows yet: a variable of the shell, or a placeholder. What breaks a line
/// could say something else wherever requirements and options are written line by line.
fn is_open(word: &str) -> bool {
    word.contains('$') || word.contains("{{") || word.contains(char::is_control)
}

fn refused(word: &str) -> NotLightweight {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    NotLightweight::Pip(word.chars().take(80).map(shown).collect())
}

/// A folder is one of the step's image.
fn remote(place: String) -> Result<String, NotLightweight> {
    let is_remote = ["https://", "http://"].iter().any(|scheme| place.starts_with(scheme));
    if is_remote { Ok(place) } else { Err(refused(&place)) }
}

/// Whether a requirement is the SDK: by name, or by the address of its source.
pub(super) fn is_kfp(requirement: &str) -> bool {
    let end = requirement.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c));
    let name = &requirement[..end.unwrap_or(requirement.len())];
    let source = requirement.contains("kubeflow/pipelines") && requirement.contains("sdk/python");
    name.trim_end_matches('.').eq_ignore_ascii_case("kfp") || source
}
