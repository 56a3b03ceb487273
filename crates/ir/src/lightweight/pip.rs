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
    /// Pages or folders with links to archives.
    pub find_links: Vec<String>,
    /// Whether versions before a release count.
    pub pre: bool,
}

/// What changes how pip goes about it, and nothing about what is there in the end.
const IDLE: [&str; 14] = [
    "--quiet",
    "-q",
    "-qq",
    "--no-warn-script-location",
    "--no-cache-dir",
    "--user",
    "--upgrade",
    "-U",
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
            if !word.starts_with('-') {
                install.requirement(word)?;
                continue;
            }
            let (option, value) = match word.split_once('=') {
                Some((option, value)) if word.starts_with("--") => (option, Some(value)),
                _ => (word, None),
            };
            let refused = || NotLightweight::Pip(word.chars().take(80).collect());
            let mut value =
                || value.or_else(|| words.next()).map(str::to_owned).ok_or_else(refused);
            match option {
                "--no-deps" => install.no_deps = true,
                "--pre" => install.pre = true,
                "--index-url" | "-i" | "--pypi-url" => install.index_url = Some(value()?),
                "--extra-index-url" => install.extra_index_urls.push(value()?),
                "--trusted-host" => install.trusted_hosts.push(value()?),
                "--find-links" | "-f" => install.find_links.push(value()?),
                _ => return Err(refused()),
            }
        }
        Ok(install)
    }

    /// A variable of the shell, or a file that only the step's image has, is known to nobody else.
    fn requirement(&mut self, word: &str) -> Result<(), NotLightweight> {
        let local = word.starts_with(['.', '/', '~']) || word.starts_with("file:");
        if local || word.contains('$') || word.contains("{{") {
            return Err(NotLightweight::Pip(word.chars().take(80).collect()));
        }
        self.requirements.push(word.to_owned());
        Ok(())
    }
}

/// Whether a requirement is the SDK: by name, or by the address of its source.
pub(super) fn is_kfp(requirement: &str) -> bool {
    let end = requirement.find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c));
    let name = &requirement[..end.unwrap_or(requirement.len())];
    let source = requirement.contains("kubeflow/pipelines") && requirement.contains("sdk/python");
    name.trim_end_matches('.').eq_ignore_ascii_case("kfp") || source
}
