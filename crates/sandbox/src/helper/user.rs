//! Who the command is, by the image's own `/etc/passwd` and `/etc/group`. Read from inside the root.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use rustix::fs::{FileType, Mode, OFlags};
use serde::{Deserialize, Serialize};

use crate::User;
use crate::failure::Failure;

/// A user, in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Person {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// The groups that list the user, beside the first.
    pub(super) groups: Vec<u32>,
    pub(super) home: PathBuf,
}

/// More than any such file has; an image may hold anything.
const MAX_FILE: u64 = 1 << 20;

/// Resolves `USER[:GROUP]` as container engines do: a name must be known, a number need not be.
pub(super) fn find(user: &User) -> Result<Person, Failure> {
    resolve(user, &read("/etc/passwd"), &read("/etc/group"))
}

fn resolve(user: &User, passwd: &str, group: &str) -> Result<Person, Failure> {
    let (wanted, wanted_group) = match user.0.split_once(':') {
        Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
        None => (user.0.as_str(), None),
    };
    let wanted = if wanted.is_empty() { "0" } else { wanted };
    let entry = rows(passwd)
        .find(|row| row.first() == Some(&wanted))
        .or_else(|| rows(passwd).find(|row| row.get(2) == Some(&wanted)));
    let unknown = |what: &str, file: &str| {
        Failure::request(format!("become {what}"), format!("the image's {file} does not name it"))
            .hint("give a number, or a name that the image knows")
    };
    let number = |row: &Vec<&str>, at: usize| row.get(at).and_then(|text| text.parse::<u32>().ok());
    let uid = (entry.as_ref().and_then(|row| number(row, 2)))
        .or_else(|| wanted.parse().ok())
        .ok_or_else(|| unknown(&format!("user `{wanted}`"), "/etc/passwd"))?;
    let gid = match wanted_group {
        None => entry.as_ref().and_then(|row| number(row, 3)).unwrap_or(0),
        Some(name) => rows(group)
            .find(|row| row.first() == Some(&name))
            .and_then(|row| number(&row, 2))
            .or_else(|| name.parse().ok())
            .ok_or_else(|| unknown(&format!("group `{name}`"), "/etc/group"))?,
    };
    let name = entry.as_ref().and_then(|row| row.first().copied()).unwrap_or(wanted);
    // As in container engines: who asks for a group gets that one only.
    let listing = rows(group).filter(|row| {
        wanted_group.is_none()
            && row.get(3).is_some_and(|members| members.split(',').any(|member| member == name))
    });
    let groups = listing.filter_map(|row| number(&row, 2)).filter(|group| *group != gid).collect();
    let home = entry.as_ref().and_then(|row| row.get(5)).filter(|home| !home.is_empty());
    Ok(Person { uid, gid, groups, home: PathBuf::from(*home.unwrap_or(&"/")) })
}

fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines().map(|line| line.trim().split(':').collect())
}

/// An image without the file has no names. One where something else stands in its place has none either.
fn read(path: &str) -> String {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(fd) = rustix::fs::open(path, flags, Mode::empty()) else { return String::new() };
    if super::inside::kind(&fd) != Some(FileType::RegularFile) {
        return String::new();
    }
    let mut bytes = Vec::new();
    let _ = File::from(fd).take(MAX_FILE).read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:\n";
    const GROUP: &str = "root:x:0:\nstaff:x:50:app,other\napp:x:1001:app\n";

    fn who(text: &str) -> Result<Person, Failure> {
        resolve(&User(text.to_owned()), PASSWD, GROUP)
    }

    #[test]
    fn names_and_numbers_are_looked_up() {
        let app = Person { uid: 1000, gid: 1001, groups: vec![50], home: "/home/app".into() };
        assert_eq!(who("app").unwrap(), app);
        assert_eq!(who("1000").unwrap(), app);
        assert_eq!(who("app:staff").unwrap(), Person { gid: 50, groups: vec![], ..app });
        assert_eq!(who("").unwrap().home, PathBuf::from("/root"));
        let nobody = Person { uid: 7, gid: 0, groups: vec![], home: "/".into() };
        assert_eq!(who("7").unwrap(), nobody);
        assert_eq!(who("7:9").unwrap(), Person { gid: 9, ..nobody });
    }

    #[test]
    fn unknown_names_are_told() {
        assert_eq!(
            who("nobody").unwrap_err().to_string(),
            "cannot become user `nobody`: the image's /etc/passwd does not name it"
        );
        assert!(who("app:none").unwrap_err().to_string().contains("group `none`"));
    }
}
