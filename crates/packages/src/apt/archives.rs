//! Which archives there are, and where. Labels go into locks; addresses never do.

use std::fmt;

use lightship_net::Url;

use super::release::Automatic;

/// All archives that were asked, in the order of the user's sources.
#[derive(Debug, Clone, Default)]
pub struct Archives(Vec<Archive>);

/// One suite of one archive.
#[derive(Clone, PartialEq, Eq)]
pub struct Archive {
    /// What locks call it: `Debian`, `Debian-Security`.
    pub label: String,
    /// `bookworm`, as the user's sources name it.
    pub suite: String,
    /// `12.11`, where it has such a number.
    pub version: Option<String>,
    /// `bookworm`, as it calls itself.
    pub codename: Option<String>,
    /// `stable`, `stable-backports`: the `Suite` of its `Release`.
    pub class: Option<String>,
    /// `Debian`: the `Origin` of its `Release`.
    pub origin: Option<String>,
    /// Whether its packages are taken as those of any other.
    pub automatic: Automatic,
    /// The archive's root, below which package files lie. May hold a password: never for messages.
    pub base: Url,
}

/// A place in [`Archives`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchiveId(pub u16);

impl Archives {
    /// A table of archives.
    pub fn new(archives: Vec<Archive>) -> Self {
        Self(archives)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Archive> {
        self.0.iter()
    }

    /// One of them.
    pub fn get(&self, id: ArchiveId) -> Option<&Archive> {
        self.0.get(usize::from(id.0))
    }

    /// Where a package's file may be, given what a lock knows of it: at every archive of this label, the
    /// first one first. Empty where no archive has the label, or where the path leads out of one.
    pub fn locate(&self, label: &str, pool_path: &str) -> Vec<Url> {
        let mut found: Vec<Url> = Vec::new();
        if !is_pool_path(pool_path) {
            return found;
        }
        for archive in self.0.iter().filter(|archive| archive.label == label) {
            let address = below(&archive.base, pool_path);
            if !found.contains(&address) {
                found.push(address);
            }
        }
        found
    }
}

/// Whether a path, which somebody else wrote, stays below an archive's root.
pub fn is_pool_path(path: &str) -> bool {
    !path.is_empty()
        && path.len() < 1_000
        && !path.starts_with('/')
        && path.split('/').all(|part| !["", ".", ".."].contains(&part))
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

/// An address below a root that ends in a slash. The path's characters mean themselves: a `?` begins no
/// query, and what looks like an escape is none.
pub(crate) fn below(base: &Url, path: &str) -> Url {
    let mut address = base.clone();
    if let Ok(mut parts) = address.path_segments_mut() {
        parts.pop_if_empty();
        for part in path.split('/') {
            parts.push(part);
        }
    }
    address
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archive")
            .field("label", &self.label)
            .field("suite", &self.suite)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(label: &str, base: &str) -> Archive {
        Archive {
            label: label.to_owned(),
            suite: "stable".to_owned(),
            version: None,
            codename: None,
            class: None,
            origin: None,
            automatic: Automatic::Always,
            base: base.parse().unwrap(),
        }
    }

    #[test]
    fn a_lock_needs_only_label_and_path() {
        let archives = Archives::new(vec![
            archive("Debian", "http://user:pw@mirror.invalid/debian/"),
            archive("Debian", "http://user:pw@mirror.invalid/debian/"),
            archive("Debian", "http://other.invalid/"),
            archive("Debian-Security", "http://mirror.invalid/security/"),
        ]);
        let told: Vec<String> = archives
            .locate("Debian", "pool/main/g/g++%x/a_1+b~c.deb")
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            told,
            [
                "http://user:pw@mirror.invalid/debian/pool/main/g/g++%25x/a_1+b~c.deb",
                "http://other.invalid/pool/main/g/g++%25x/a_1+b~c.deb"
            ]
        );
        assert!(archives.locate("Other", "pool/x").is_empty());
        assert!(!format!("{archives:?}").contains("pw"));
    }

    #[test]
    fn no_path_leads_out() {
        let archives = Archives::new(vec![archive("D", "http://mirror.invalid/d/")]);
        for path in ["", "/etc", "../x", "a/../../x", "a//b", "a/./b", "a\\b", "a b", "a\nb"] {
            assert!(archives.locate("D", path).is_empty(), "{path}");
        }
    }
}
