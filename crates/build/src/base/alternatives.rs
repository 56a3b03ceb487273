//! Names that packages offer together: `update-alternatives(1)`, read out of maintainer scripts.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

use lightship_codec::tar::RootPath;
use lightship_packages::parcel::Item;

use super::place::merged;

/// One `--install`, with its `--slave`s.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Alternative {
    /// The name that programs use.
    link: RootPath,
    /// What the choice is called.
    name: String,
    /// What it leads to.
    path: RootPath,
    priority: i64,
    /// Names that follow the choice, and where they lead.
    followers: Vec<(RootPath, RootPath)>,
}

/// What a script registers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Registered {
    /// What it says in plain words.
    pub(super) literal: Vec<Alternative>,
    /// How many more it registers with variables, which only running it would tell.
    pub(super) computed: usize,
}

/// Reads a script.
pub(super) fn registered(script: &str) -> Registered {
    let mut found = Registered::default();
    let joined = script.replace("\\\n", " ");
    for line in joined.lines().map(str::trim_start).filter(|line| !line.starts_with('#')) {
        for command in line.split("update-alternatives").skip(1) {
            let end = command.find([';', '|', '&', '#', '>', ')']).unwrap_or(command.len());
            let words: Vec<&str> = command[..end].split_ascii_whitespace().map(unquoted).collect();
            if !words.contains(&"--install") {
                continue;
            }
            match parse(&words) {
                Some(alternative) => found.literal.push(alternative),
                None => found.computed += 1,
            }
        }
    }
    found
}

fn unquoted(word: &str) -> &str {
    let inside = |quote| word.strip_prefix(quote).and_then(|rest: &str| rest.strip_suffix(quote));
    inside('"').or_else(|| inside('\'')).unwrap_or(word)
}

/// `None` where a word is anything else than itself.
fn parse(words: &[&str]) -> Option<Alternative> {
    if words.iter().any(|word| word.contains(['$', '`', '"', '\'', '*', '{', '\\'])) {
        return None;
    }
    let at = words.iter().position(|word| *word == "--install")?;
    let [link, name, path, priority, rest @ ..] = &words[at + 1..] else { return None };
    let place = |text: &str| {
        let path = text.starts_with('/').then(|| RootPath::parse(text.as_bytes()).ok())??;
        Some(merged(&path))
    };
    let mut followers = Vec::new();
    for group in rest.chunks(4) {
        let ["--slave", link, _, path] = group else { return None };
        followers.push((place(link)?, place(path)?));
    }
    Some(Alternative {
        link: place(link)?,
        name: (*name).to_owned(),
        path: place(path)?,
        priority: priority.parse().ok()?,
        followers,
    })
}

/// The links that come of them: of each choice the candidate of the highest priority whose file is
/// there; of equals the first by its path. A name that a package brings itself is not touched.
pub(super) fn links(all: &[Alternative], places: &HashSet<RootPath>) -> Vec<Item> {
    let mut best: BTreeMap<&str, &Alternative> = BTreeMap::new();
    for candidate in all.iter().filter(|candidate| places.contains(&candidate.path)) {
        let rank = |a: &Alternative| (Reverse(a.priority), a.path.clone());
        let holder = best.entry(&candidate.name).or_insert(candidate);
        if rank(candidate) < rank(holder) {
            *holder = candidate;
        }
    }
    let mut links = BTreeMap::new();
    for choice in best.values() {
        let leads = std::iter::once((&choice.link, &choice.path))
            .chain(choice.followers.iter().map(|(link, path)| (link, path)));
        for (link, path) in leads {
            if places.contains(path) && !places.contains(link) {
                links.entry(link.clone()).or_insert_with(|| path.clone());
            }
        }
    }
    let absolute = |path: RootPath| [b"/", path.as_bytes()].concat();
    links.into_iter().map(|(link, path)| Item::link(link, absolute(path))).collect()
}

#[cfg(test)]
mod tests {
    use lightship_packages::parcel::ItemKind;

    use super::*;

    const SCRIPT: &str = "#!/bin/sh
case $1 in configure)
    update-alternatives --quiet --install /usr/bin/awk awk /usr/bin/mawk 5 \\
        --slave /usr/share/man/man1/awk.1.gz awk.1.gz /usr/share/man/man1/mawk.1.gz \\
        --slave /usr/bin/nawk nawk /usr/bin/mawk || true
    # update-alternatives --install /a a /b 1
    update-alternatives --remove x /bin/x; update-alternatives --install \"/bin/pager\" pager '/bin/less' 77
    for x in a b; do update-alternatives --install /usr/bin/$x $x /usr/bin/z$x 1; done
esac
";

    fn path(text: &str) -> RootPath {
        RootPath::parse(text.as_bytes()).unwrap()
    }

    fn show(items: &[Item]) -> Vec<String> {
        let target = |item: &Item| match &item.kind {
            ItemKind::Symlink(target) => target.escape_ascii().to_string(),
            ItemKind::File { .. } | ItemKind::Folder { .. } => panic!("{item:?}"),
        };
        items.iter().map(|item| format!("{} -> {}", item.path, target(item))).collect()
    }

    #[test]
    fn literal_ones_are_read_and_others_counted() {
        let found = registered(SCRIPT);
        assert_eq!(found.literal.len(), 2);
        assert_eq!(found.computed, 1);
        assert_eq!(found.literal[0].followers.len(), 2);
        assert_eq!(found.literal[1].link, path("usr/bin/pager"));
        assert_eq!(found.literal[1].path, path("usr/bin/less"));
    }

    #[test]
    fn the_best_that_is_there_wins() {
        let mut all = registered(SCRIPT).literal;
        let gawk = "update-alternatives --install /usr/bin/awk awk /usr/bin/gawk 10";
        all.extend(registered(gawk).literal);
        let mut places = HashSet::from([path("usr/bin/mawk")]);
        assert_eq!(
            show(&links(&all, &places)),
            ["/usr/bin/awk -> /usr/bin/mawk", "/usr/bin/nawk -> /usr/bin/mawk"]
        );
        places.insert(path("usr/bin/gawk"));
        assert_eq!(show(&links(&all, &places)), ["/usr/bin/awk -> /usr/bin/gawk"]);
        let least =
            "update-alternatives --install /usr/bin/awk awk /usr/bin/gawk -9223372036854775808";
        all.extend(registered(least).literal);
        assert_eq!(links(&all, &places).len(), 1);
        places.insert(path("usr/bin/awk"));
        assert!(links(&all, &places).is_empty());
    }

    #[test]
    fn odd_scripts_register_nothing() {
        for script in [
            "update-alternatives",
            "update-alternatives --install",
            "update-alternatives --install /a a /b",
            "update-alternatives --install a a b 1",
            "update-alternatives --install /a a /../b 1",
            "update-alternatives --install /a a /b 1 --slave /c",
        ] {
            assert!(registered(script).literal.is_empty(), "{script}");
        }
    }
}
