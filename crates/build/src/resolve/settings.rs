//! The user's indexes as uv's own configuration.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lightship_net::{Secret, Url};
use lightship_packages::fetch::Logins;
use lightship_packages::index::{Index, Place, Role};

use super::interpreter::{Access, Shared, Word};

/// So long a list of a package's files is not asked for again, which is what the public index says itself; many
/// mirrors say nothing, and uv would ask for each of a hundred lists once more whenever one requirement changes.
/// Where lists are to be those of now, uv must not be told: it would take its `--refresh` for less than this.
const FRESH: &str = "cache-control = { api = \"max-age=600\" }\n";

/// Which lists of files will do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Fresh {
    /// Those of the last minutes.
    #[default]
    Enough,
    /// Those of now.
    Now,
}

/// `uv.toml` with indexes, credentials in their addresses (*uv, Settings reference, index*). It is kept in
/// a folder of our own while uv runs.
pub(super) fn uv_toml(
    indexes: &[Index],
    logins: &dyn Logins,
    fresh: Fresh,
) -> (String, Vec<Secret>) {
    let mut text = String::new();
    let mut secrets = Vec::new();
    for index in indexes {
        let Place::Repository(url) = &index.place else { continue };
        let url = with_login(url, logins, &mut secrets);
        text += &format!("[[index]]\nname = {}\nurl = {}\n", quoted(&index.label), quoted(&url));
        if fresh == Fresh::Enough {
            text += FRESH;
        }
        match index.role {
            Role::Default => text += "default = true\n",
            Role::Named => text += "explicit = true\n",
            Role::Extra => {}
        }
        text.push('\n');
    }
    (text, secrets)
}

/// What these distributions ask for, in place of what they say themselves: nothing (*uv, Settings reference,
/// dependency-metadata*).
pub(super) fn alone(names: &BTreeSet<String>) -> String {
    let nothing = "requires-dist = []\n";
    names
        .iter()
        .map(|name| format!("[[dependency-metadata]]\nname = {}\n{nothing}", quoted(name)))
        .collect()
}

/// Pages of links and folders as arguments, and the folders.
pub(super) fn find_links(
    indexes: &[Index],
    logins: &dyn Logins,
) -> (Vec<Word>, Vec<Shared>, Vec<Secret>) {
    let (mut words, mut shared, mut secrets) = (Vec::new(), Vec::new(), Vec::new());
    for index in indexes {
        let place = match &index.place {
            Place::Repository(_) => continue,
            Place::Links(url) => Word::Secret(Secret::new(with_login(url, logins, &mut secrets))),
            // uv refuses a folder that is not there; pip's users are used to naming such.
            Place::Folder(outside) if !outside.is_dir() => continue,
            Place::Folder(outside) => {
                let inside = format!("/lightship/links/{}", shared.len());
                let access = Access::Read;
                shared.push(Shared { outside: outside.clone(), inside: inside.clone(), access });
                Word::Inside(inside)
            }
        };
        words.extend(["--find-links".into(), place]);
    }
    (words, shared, secrets)
}

/// An address with the user's name and password for it, where there are any.
fn with_login(url: &Url, logins: &dyn Logins, secrets: &mut Vec<Secret>) -> String {
    let mut url = url.clone();
    if let Some(login) = logins.for_url(&url)
        && let Some((user, password)) = basic(&login)
    {
        // Fails for addresses without a host, for which nobody has a login.
        let _ = url.set_username(&user);
        let _ = url.set_password(Some(&password));
        secrets.extend(secrets_of(&url));
        secrets.push(Secret::new(password));
    }
    url.into()
}

/// No token is shorter. Of a name that is, taking it out would garble every message.
const SHORTEST_TOKEN: usize = 8;

/// What must not be shown of an address: its password; without one, the name may be a token.
fn secrets_of(url: &Url) -> Option<Secret> {
    let password = url.password().filter(|password| !password.is_empty());
    let token = Some(url.username()).filter(|name| name.len() >= SHORTEST_TOKEN);
    password.or(token).map(Secret::new)
}

/// The same of proxies' addresses.
pub(super) fn secrets_of_proxies(proxies: &[(String, Secret)]) -> Vec<Secret> {
    let urls = proxies.iter().filter_map(|(_, value)| value.expose().parse::<Url>().ok());
    urls.filter_map(|url| secrets_of(&url)).collect()
}

/// *RFC 7617, 2*: `Basic`, and name and password in base64.
fn basic(login: &Secret) -> Option<(String, String)> {
    let encoded = login.expose().strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}

/// *TOML 1.0, String*: a basic string.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    struct One;

    impl Logins for One {
        fn for_url(&self, url: &Url) -> Option<Secret> {
            let encoded = STANDARD.encode("me:p@ss:word");
            (url.host_str() == Some("mirror.invalid"))
                .then(|| Secret::new(format!("Basic {encoded}")))
        }
    }

    #[test]
    fn indexes_are_written_for_uv() {
        let folder = tempfile::tempdir().unwrap();
        let index = |label: &str, place, role| Index::new(label, place, role);
        let repository = |url: &str| Place::Repository(url.parse().unwrap());
        let indexes = [
            index("default", repository("https://mirror.invalid/simple"), Role::Default),
            index("cpu", repository("https://other.invalid/cpu"), Role::Named),
            index("links-1", Place::Folder(folder.path().to_owned()), Role::Extra),
            index("links-2", Place::Folder(folder.path().join("gone")), Role::Extra),
            index(
                "links-3",
                Place::Links("https://mirror.invalid/page".parse().unwrap()),
                Role::Extra,
            ),
        ];
        let (text, secrets) = uv_toml(&indexes, &One, Fresh::Enough);
        assert_eq!(
            text,
            format!(
                "[[index]]\nname = \"default\"\nurl = \"https://me:p%40ss%3Aword@mirror.invalid/simple\"\n{FRESH}default = true\n\n\
                 [[index]]\nname = \"cpu\"\nurl = \"https://other.invalid/cpu\"\n{FRESH}explicit = true\n\n"
            )
        );
        assert_eq!(secrets.len(), 2);
        let (text, _) = uv_toml(&indexes, &One, Fresh::Now);
        assert!(!text.contains("cache-control"), "{text}");
        let proxy = |url: &str| ("HTTPS_PROXY".to_owned(), Secret::new(url));
        let proxies = [
            "http://me:hunter2@proxy.invalid",
            "http://t0ken-t0ken@proxy.invalid",
            "http://me@x.invalid",
            "localhost",
        ];
        let secrets = secrets_of_proxies(&proxies.map(proxy));
        assert_eq!(secrets, ["hunter2", "t0ken-t0ken"].map(Secret::new));
        let (words, shared, _) = find_links(&indexes, &One);
        assert_eq!((words.len(), shared.len()), (4, 1));
        assert!(!format!("{words:?}").contains("p%40ss"), "{words:?}");
    }
}
