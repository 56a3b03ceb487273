//! Accounts: what `base-passwd` and `adduser` would have made (*passwd(5)*, *group(5)*).

use lightship_packages::deb::Deb;
use lightship_packages::parcel::ItemKind;

/// The account that images run as, unless told otherwise.
const NONROOT: &str = "nonroot:x:65532:65532:nonroot:/home/nonroot:/usr/sbin/nologin\n";
const NONROOT_GROUP: &str = "nonroot:x:65532:\n";

const PASSWD: &str = "root:x:0:0:root:/root:/usr/sbin/nologin\n\
    nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nnogroup:x:65534:\n";

/// Contents of `/etc/passwd` and `/etc/group`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Accounts {
    pub(super) passwd: String,
    pub(super) group: String,
}

/// The distribution's fixed accounts where `base-passwd` is among the packages (programs such as web
/// servers change to one of them), else only root and nobody; and `nonroot`. No password is ever right.
/// `shell` is what root gets.
pub(super) fn accounts(base_passwd: Option<&Deb>, shell: Option<&str>) -> Accounts {
    let list = |name: &str| base_passwd.and_then(|deb| master(deb, name));
    let mut passwd = list("passwd.master").unwrap_or_else(|| PASSWD.to_owned());
    let mut group = list("group.master").unwrap_or_else(|| GROUP.to_owned());
    if let Some(root) = passwd.lines().find(|line| line.starts_with("root:")) {
        let (start, _) = root.rsplit_once(':').unwrap_or((root, ""));
        let shell = shell.unwrap_or("/usr/sbin/nologin");
        passwd = passwd.replacen(root, &format!("{start}:{shell}"), 1);
    }
    passwd.push_str(NONROOT);
    group.push_str(NONROOT_GROUP);
    Accounts { passwd, group }
}

/// One of the lists that `base-passwd` copies, if it is what it should be.
fn master(deb: &Deb, name: &str) -> Option<String> {
    let path = format!("usr/share/base-passwd/{name}");
    let item = deb.items.iter().find(|item| item.path.as_bytes() == path.as_bytes())?;
    let ItemKind::File { content, .. } = &item.kind else { return None };
    let text = String::from_utf8(content.read(1 << 20).ok()?).ok()?;
    let is_whole = text.ends_with('\n') && text.lines().any(|line| line.starts_with("root:"));
    is_whole.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_nobody_and_nonroot_are_there() {
        let plain = accounts(None, None);
        assert_eq!(plain.passwd, format!("{PASSWD}{NONROOT}"));
        assert_eq!(plain.group, format!("{GROUP}{NONROOT_GROUP}"));
        let with_shell = accounts(None, Some("/bin/sh")).passwd;
        assert!(with_shell.starts_with("root:x:0:0:root:/root:/bin/sh\nnobody:"), "{with_shell}");
    }
}
