//! Who the user is to package indexes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lightship_net::{Secret, Url, same_origin};
use lightship_packages::fetch::Logins;

use crate::settings::Environment;

/// Names and passwords by server. None of them shows in debug output.
#[derive(Debug, Clone, Default)]
pub struct IndexLogins {
    /// For addresses of the same scheme, host and port.
    origins: Vec<(Url, Secret)>,
    /// For a host, from a netrc file; `None` is for all others.
    hosts: Vec<(Option<String>, Secret)>,
}

impl IndexLogins {
    /// Takes a name and a password out of an address.
    pub(super) fn add_address(&mut self, url: &Url) {
        if url.username().is_empty() && url.password().is_none() {
            return;
        }
        let password = decoded(url.password().unwrap_or_default());
        self.add(url, &decoded(url.username()), &password);
    }

    /// `UV_INDEX_<NAME>_USERNAME` and its `_PASSWORD` (*uv, Package indexes, Providing credentials
    /// directly*).
    pub(super) fn add_variables(&mut self, environment: &Environment, label: &str, url: &Url) {
        let name: String = label
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
            .collect();
        let value = |part: &str| {
            let value = environment.named(&format!("UV_INDEX_{name}_{part}"))?;
            value.to_str().filter(|value| !value.is_empty())
        };
        let (user, password) = (value("USERNAME"), value("PASSWORD"));
        if user.is_some() || password.is_some() {
            self.add(url, user.unwrap_or_default(), password.unwrap_or_default());
        }
    }

    fn add(&mut self, url: &Url, user: &str, password: &str) {
        let mut origin = lightship_packages::index::without_user(url);
        origin.set_path("/");
        origin.set_query(None);
        self.origins.push((origin, basic(user, password)));
    }

    /// Entries of a netrc file (*The GNU C library's netrc(5) and curl's*): `machine`, `default`, `login`,
    /// `password`, `account`; a macro goes up to the next empty line.
    pub fn add_netrc(&mut self, text: &str) {
        let mut entry: Option<Entry> = None;
        let mut in_macro = false;
        for line in text.lines() {
            if in_macro {
                in_macro = !line.trim().is_empty();
                continue;
            }
            let words = words(line);
            let mut words = words.iter().map(String::as_str);
            while let Some(word) = words.next() {
                match word {
                    "machine" | "default" => {
                        self.finish(entry.take());
                        let host = (word == "machine").then(|| words.next().unwrap_or_default());
                        let host = host.map(str::to_ascii_lowercase);
                        entry = Some(Entry { host, user: String::new(), password: String::new() });
                    }
                    "macdef" => {
                        in_macro = true;
                        break;
                    }
                    "login" | "password" | "account" => {
                        let value = words.next().unwrap_or_default().to_owned();
                        if let Some(entry) = &mut entry {
                            match word {
                                "login" => entry.user = value,
                                "password" => entry.password = value,
                                _ => {}
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
        self.finish(entry);
    }

    fn finish(&mut self, entry: Option<Entry>) {
        let Some(entry) = entry else { return };
        if !entry.user.is_empty() || !entry.password.is_empty() {
            self.hosts.push((entry.host, basic(&entry.user, &entry.password)));
        }
    }
}

struct Entry {
    host: Option<String>,
    user: String,
    password: String,
}

impl Logins for IndexLogins {
    /// What an address itself says goes before settings, and those before a netrc file.
    fn for_url(&self, url: &Url) -> Option<Secret> {
        if !url.username().is_empty() || url.password().is_some() {
            let password = decoded(url.password().unwrap_or_default());
            return Some(basic(&decoded(url.username()), &password));
        }
        let own = self.origins.iter().find(|(origin, _)| same_origin(origin, url));
        if let Some((_, login)) = own {
            return Some(login.clone());
        }
        let host = url.host_str()?;
        let of_host =
            self.hosts.iter().find(|(known, _)| known.as_deref().is_none_or(|k| k == host));
        of_host.map(|(_, login)| login.clone())
    }
}

/// *RFC 7617, 2*.
fn basic(user: &str, password: &str) -> Secret {
    Secret::new(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

/// The words of a line; one in quotes may have spaces. A comment begins at a word that begins with `#`.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        // A password may begin with `#`: only at the beginning of a line is it a comment.
        if words.is_empty() && rest.starts_with('#') {
            break;
        }
        let (word, after) = match rest.strip_prefix('"').and_then(|inner| inner.split_once('"')) {
            Some(quoted) => quoted,
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

/// *RFC 3986, 2.1*; what is no code stays.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = (*first == b'%').then(|| tail.split_at_checked(2)).flatten();
        let value =
            code.and_then(|(code, _)| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        if let (Some(value), Some((_, after))) = (value, code) {
            bytes.push(value);
            rest = after;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
