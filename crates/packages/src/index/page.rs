//! What a repository says about a project: its files.

use lightship_base::Digest;
use lightship_net::{Url, printable};

use super::{html, json, without_user};
use crate::pylock::file_name;

/// No project has more files.
pub(super) const MOST_FILES: usize = 200_000;

/// The files of a project, in the index's order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The files.
    pub files: Vec<Listed>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Where it is; without user name and password.
    pub url: Url,
    /// Its SHA-256, where the index says so.
    pub sha256: Option<Digest>,
    /// How many bytes it has, where the index says so (*PEP 700*).
    pub size: Option<u64>,
    /// Whether it should not be used any more (*PEP 592*).
    pub yanked: Yanked,
    /// Whether its METADATA can be had without it, at the same address with `.metadata` behind
    /// (*PEP 658*).
    pub core_metadata: bool,
    /// Which Python it is for, raw (*PEP 440*).
    pub requires_python: Option<String>,
}

/// Whether a file was withdrawn (*PEP 592*). It still may be used by who has locked it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Yanked {
    /// It was not.
    No,
    /// It was, perhaps for a reason.
    Yes(Option<String>),
}

impl Listing {
    /// The file of this name and digest; of this name where the index knows no digests.
    pub fn find(&self, name: &str, sha256: &Digest) -> Option<&Listed> {
        let fits =
            |file: &&Listed| file.name == name && file.sha256.is_none_or(|known| known == *sha256);
        self.files.iter().find(fits)
    }
}

/// Reads a page in JSON (*PEP 691*). `base` is the page's own address. Files that nobody could use (a
/// name that is none, an address that leads elsewhere) are left out.
pub fn parse_json(bytes: &[u8], base: &Url) -> Result<Listing, String> {
    let page = json::page(bytes)?;
    if page.version.split('.').next() != Some("1") {
        return Err(format!("it has version {} of the API", printable(&page.version, 20)));
    }
    Ok(Listing { files: page.files.iter().filter_map(|file| json_file(file, base)).collect() })
}

fn json_file(file: &json::File<'_>, base: &Url) -> Option<Listed> {
    let url = address(&file.url()?, base)?;
    let name = file.name()?;
    file_name::is_plain(&name).then(|| Listed {
        name,
        url,
        sha256: file.sha256().and_then(|hex| digest(&hex)),
        size: file.size(),
        yanked: file.yanked(),
        core_metadata: file.has_metadata(),
        requires_python: file.requires_python(),
    })
}

/// Reads a page in HTML (*PEP 503*), or any page with links to files. `base` is the page's own address.
pub fn parse_html(bytes: &[u8], base: &Url) -> Result<Listing, String> {
    let text = String::from_utf8_lossy(bytes);
    let page = html::links(&text, MOST_FILES);
    let base = page.base.and_then(|href| base.join(&href).ok()).unwrap_or_else(|| base.clone());
    bounded(page.links.len())?;
    Ok(Listing { files: page.links.iter().filter_map(|link| html_file(link, &base)).collect() })
}

fn html_file(link: &html::Link, base: &Url) -> Option<Listed> {
    let mut url = address(link.get("href")?, base)?;
    let fragment = url.fragment().unwrap_or_default();
    let sha256 = fragment.split('&').find_map(|part| part.strip_prefix("sha256=").and_then(digest));
    let name = file_name::of_address(url.path())?;
    url.set_fragment(None);
    let metadata = ["data-core-metadata", "data-dist-info-metadata"];
    Some(Listed {
        name,
        url,
        sha256,
        size: None,
        yanked: match link.get("data-yanked") {
            None => Yanked::No,
            Some("") => Yanked::Yes(None),
            Some(reason) => Yanked::Yes(Some(reason.to_owned())),
        },
        core_metadata: metadata.iter().any(|key| link.get(key).is_some_and(|v| v != "false")),
        requires_python: link.get("data-requires-python").map(str::to_owned),
    })
}

/// An address on a page. A page from a server cannot make us look into this machine's files.
fn address(href: &str, base: &Url) -> Option<Url> {
    let url = base.join(href.trim()).ok()?;
    let known = match url.scheme() {
        "http" | "https" => true,
        "file" => base.scheme() == "file",
        _ => false,
    };
    known.then(|| without_user(&url))
}

fn digest(hex: &str) -> Option<Digest> {
    format!("sha256:{hex}").parse().ok()
}

fn bounded(count: usize) -> Result<(), String> {
    if count < MOST_FILES { Ok(()) } else { Err(format!("it has more than {MOST_FILES} files")) }
}
