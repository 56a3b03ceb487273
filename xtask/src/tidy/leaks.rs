//! Nothing here names the machine it was written on, nor the address of a package registry: those come
//! from each user's own settings. The patterns are put together from halves, so that this file does
//! not trip over itself.

use super::Violation;
use super::tree::Tree;

/// Hosts that serve packages. Container registries are not among them: their names are part of the
/// image references that people type.
const HOSTS: &[&str] = &[
    // Not the bare name: it is a value of the build information that Rust binaries carry.
    concat!("//crates", ".io"),
    concat!("index.crates", ".io"),
    concat!("static.crates", ".io"),
    concat!("pypi", ".org"),
    concat!("pypi.python", ".org"),
    concat!("python", "hosted.org"),
    concat!("download.py", "torch.org"),
    concat!("conda.ana", "conda.org"),
    concat!("repo.ana", "conda.com"),
    concat!("npm", "js.org"),
    concat!("npm", "js.com"),
    concat!("registry.yarn", "pkg.com"),
    concat!("ruby", "gems.org"),
    concat!("repo.maven", ".apache.org"),
    concat!("repo1.maven", ".org"),
    concat!("proxy.go", "lang.org"),
    concat!("sum.go", "lang.org"),
    concat!("deb.deb", "ian.org"),
    concat!("ftp.deb", "ian.org"),
    concat!("security.deb", "ian.org"),
    concat!("snapshot.deb", "ian.org"),
    concat!("archive.ubu", "ntu.com"),
    concat!("security.ubu", "ntu.com"),
    concat!("ports.ubu", "ntu.com"),
    concat!("dl-cdn.al", "pinelinux.org"),
];

/// Where the developers' machines keep the repository.
const WORK: &str = concat!("/wo", "rk/");

/// The superuser's home.
const HOME: &str = concat!("/ro", "ot/");

/// What belongs to a developer's tools below a home folder. Other dot folders of the superuser's home
/// are what images are searched for: caches of package managers, keys.
const TOOLS: &[&str] =
    &[".rustup", ".pyenv", ".cargo/bin", ".cache/lightship", ".local/share/lightship"];

/// Cargo writes its registry's address into lock files itself.
const LOCK_FILE: &str = "Cargo.lock";

/// No text file but cargo's lock files names such a host or path.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, text) in tree.texts().filter(|(path, _)| !path.ends_with(LOCK_FILE)) {
        for (number, line) in (1..).zip(text.lines()) {
            if let Some(host) = HOSTS.iter().find(|host| names_host(line, host)) {
                let wrong = format!("names the package registry {host}");
                let remedy = "take the address from the user's settings; in a test, use one under `.example`";
                violations.push(Violation::new(path, number, wrong, remedy));
            }
            if names_machine(line) {
                let remedy = "take the path as an argument or a setting, or make it relative";
                violations.push(Violation::new(
                    path,
                    number,
                    "names a path of one machine",
                    remedy,
                ));
            }
        }
    }
    violations
}

/// `static.HOST` is the same registry, `notHOST` and `HOST.example` are others.
fn names_host(line: &str, host: &str) -> bool {
    line.match_indices(host).any(|(at, _)| {
        let within = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let before = line[..at].chars().next_back();
        let mut after = line[at + host.len()..].chars();
        let longer = match after.next() {
            Some('.') => after.next().is_some_and(within),
            Some(next) => next.is_ascii_alphanumeric(),
            None => false,
        };
        !before.is_some_and(within) && !longer
    })
}

fn names_machine(line: &str) -> bool {
    absolute(line, WORK).next().is_some()
        || absolute(line, HOME).any(|below| {
            !below.starts_with('.') || TOOLS.iter().any(|tool| below.starts_with(tool))
        })
}

/// What follows each absolute path that begins with `start`; a path that merely contains it does not
/// count.
fn absolute<'a>(line: &'a str, start: &'a str) -> impl Iterator<Item = &'a str> {
    line.match_indices(start).filter_map(move |(at, _)| {
        let before = line[..at].chars().next_back();
        let inside = |c: char| c.is_alphanumeric() || "._-})/*".contains(c);
        (!before.is_some_and(inside)).then(|| &line[at + start.len()..])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        check(&Tree::of(&[("README.md", text)])).into_iter().map(|v| v.line).collect()
    }

    #[test]
    fn registries_are_found() {
        let host = concat!("pypi", ".org");
        let text = format!(
            "https://files.{host}/x\n{host}\n{host}.\nnot{host}\n{host}.example\n`{host}`\nhttps:{}/x\n",
            HOSTS[0]
        );
        assert_eq!(lines(&text), [1, 2, 3, 6, 7]);
    }

    #[test]
    fn machine_paths_are_found_and_paths_in_images_are_not() {
        let text = format!(
            "cd {WORK}main\n\"{HOME}project\"\n{HOME}.rustup/x\n{HOME}.cache/pip/http\nHOME={}\ntarget{WORK}x\n$(pwd){WORK}x\n",
            HOME.trim_end_matches('/')
        );
        assert_eq!(lines(&text), [1, 2, 3]);
    }

    #[test]
    fn lock_files_are_cargos_own_affair() {
        let text = format!("source = \"registry+https:{}\"\n", HOSTS[0]);
        let tree =
            Tree::of(&[("Cargo.lock", &text), ("fuzz/Cargo.lock", &text), ("a.toml", &text)]);
        assert_eq!(check(&tree).len(), 1);
    }
}
