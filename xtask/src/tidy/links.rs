//! Links in Markdown that stay in the repository lead somewhere: to a file or folder that git has, and
//! to a heading that is there.

use super::Violation;
use super::tree::Tree;

/// Every local link of every Markdown file resolves.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, text) in tree.texts_ending(".md") {
        for (line, target) in links(text) {
            if let Some(wrong) = broken(tree, path, target) {
                let remedy = "name a path from this file's own folder to something that git has";
                violations.push(Violation::new(path, line, wrong, remedy));
            }
        }
    }
    violations
}

/// What is wrong with a link; nothing where it resolves or leaves the repository.
fn broken(tree: &Tree, from: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let Some(path) = (if file.is_empty() { Some(from.to_owned()) } else { join(folder, file) })
    else {
        return Some(format!("the link `{target}` leaves the repository"));
    };
    if !tree.has(&path) {
        return Some(format!("the link `{target}` leads nowhere"));
    }
    if anchor.is_empty() {
        return None;
    }
    let (_, text) = tree.texts_ending(".md").find(|(candidate, _)| *candidate == path)?;
    (!headings(text).any(|heading| heading == anchor))
        .then(|| format!("the link `{target}` names no heading of {path}"))
}

/// A path relative to a folder, without `.` and `..`; nothing where it climbs out of the root.
fn join(folder: &str, relative: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// Line number and target of each link, picture and HTML attribute outside code.
fn links(markdown: &str) -> impl Iterator<Item = (usize, &str)> {
    prose(markdown).flat_map(|(number, line)| {
        let targets = [("](", ')'), ("src=\"", '"'), ("href=\"", '"')].into_iter().flat_map(
            move |(open, close)| {
                line.match_indices(open).filter_map(move |(at, _)| {
                    let in_code = line[..at].matches('`').count() % 2 == 1;
                    let target = line[at + open.len()..].split(close).next()?;
                    // A title may follow: [text](path "title").
                    let target = target.split_whitespace().next()?;
                    (!in_code).then(|| target.trim_start_matches('<').trim_end_matches('>'))
                })
            },
        );
        targets.map(move |target| (number, target))
    })
}

/// The lines that are in no fenced block of code, numbered from 1.
fn prose(markdown: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    (1..).zip(markdown.lines()).filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// The anchors that code hosts make of headings: lower case, blanks to hyphens, punctuation gone.
fn headings(markdown: &str) -> impl Iterator<Item = String> {
    prose(markdown).filter(|(_, line)| line.starts_with('#')).map(|(_, line)| {
        let keep = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ');
        let title = line.trim_start_matches('#').trim().to_lowercase();
        title.chars().filter(keep).map(|c| if c == ' ' { '-' } else { c }).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrongs(readme: &str) -> Vec<(usize, String)> {
        let tree = Tree::of(&[
            ("README.md", readme),
            ("docs/guide.md", "# Guide: the `first` steps\n[up](../README.md) [out](../../x)\n"),
            ("docs/picture.svg", ""),
        ]);
        check(&tree).into_iter().map(|violation| (violation.line, violation.wrong)).collect()
    }

    const OUT: &str = "the link `../../x` leaves the repository";

    #[test]
    fn links_that_resolve_are_fine() {
        let readme = "# Top\n[a](docs/guide.md) [b](docs/) ![c](docs/picture.svg \"title\")\n<img src=\"docs/picture.svg\">\n[d](https://example.org/x) [e](#top) [f](docs/guide.md#guide-the-first-steps)\n`[code](nowhere)`\n```\n[code](nowhere)\n```\n";
        assert_eq!(wrongs(readme), [(2, OUT.to_owned())]);
    }

    #[test]
    fn links_that_do_not_are_found() {
        let readme = "[a](docs/missing.md)\n[b](#nothing)\n[c](docs/guide.md#nothing)\n<a href=\"gone.html\">d</a>\n";
        let lines: Vec<usize> = wrongs(readme).into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [1, 2, 3, 4, 2]);
    }
}
