//! An image that serves a folder of web files: the files, and the settings of the server for them.
//!
//! Everything in an image carries one time, so the times of files say nothing about their contents, and
//! what the server makes of them by itself (`ETag`, `Last-Modified`) would call a changed file of the same
//! size unchanged. The settings therefore name the digest of all files as everybody's `ETag`: a browser asks
//! again after each build, and never gets an old file.

mod config;
mod error;
mod types;

use std::path::Path;

use lightship_codec::tar::RootPath;
use lightship_packages::parcel::{Item, ItemKind};

use crate::app::{Collected, fingerprint};

pub use error::SiteError;

/// Where the server's settings are.
pub const CONFIG: &str = "etc/nginx/nginx.conf";

/// The folder of the server's settings, which no package of the image may have files in.
pub const CONFIG_FOLDER: &str = "etc/nginx";

/// Folders below `/tmp` for what the server does not keep in memory. Of files it only sends, it has nothing
/// there.
pub const TEMPORARY: [&str; 5] =
    ["nginx-client-body", "nginx-fastcgi", "nginx-proxy", "nginx-scgi", "nginx-uwsgi"];

/// The port that is listened at where nobody names one: an ordinary user may have it everywhere.
pub const PORT: u16 = 8080;

/// The first port that an ordinary user may have on every machine.
pub const FIRST_FREE_PORT: u16 = 1024;

/// What ends the server after it has answered what it was asked (*nginx(8), Signals*).
pub const STOP_SIGNAL: &str = "SIGQUIT";

/// How the files are served.
#[derive(Debug, Clone)]
pub struct Site<'a> {
    /// Where they are in the image.
    pub root: &'a RootPath,
    /// The ports that are listened at.
    pub ports: &'a [u16],
    /// The file that answers for paths that are not there, for applications that have paths of their own:
    /// from `root`.
    pub fallback: Option<&'a str>,
}

/// What the image runs.
pub fn command() -> Vec<String> {
    vec!["/usr/sbin/nginx".to_owned(), "-c".to_owned(), format!("/{CONFIG}")]
}

/// Makes sure that there is a folder to serve.
pub fn check_folder(folder: &Path) -> Result<(), SiteError> {
    match std::fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(SiteError::NoFolder { path: folder.to_owned() }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(SiteError::Missing { path: folder.to_owned() })
        }
        Err(source) => Err(SiteError::Io { path: folder.to_owned(), source }),
    }
}

/// Adds the server's settings to the files. `folder` is where these come from, for messages.
pub fn with_settings(
    mut collected: Collected,
    site: &Site<'_>,
    folder: &Path,
) -> Result<Collected, SiteError> {
    let name = site.root.to_string();
    let root =
        plain(&name).ok_or_else(|| SiteError::Name { what: "destination", name: name.clone() })?;
    let is_file = |name: &str| {
        site.root.join(name.as_bytes()).is_ok_and(|path| {
            let found = collected.parcel.items.iter().find(|item| item.path == path);
            found.is_some_and(|item| !matches!(item.kind, ItemKind::Folder { .. }))
        })
    };
    if collected.size.bytes() == 0 {
        return Err(SiteError::Empty { path: folder.to_owned() });
    }
    let fallback = match site.fallback {
        None => None,
        Some(name) if !is_file(name) => {
            return Err(SiteError::NoFallback { name: name.to_owned(), path: folder.to_owned() });
        }
        Some(name) => Some(
            plain(name)
                .ok_or_else(|| SiteError::Name { what: "fallback", name: name.to_owned() })?,
        ),
    };
    let failed = |source| SiteError::Read { path: folder.to_owned(), source };
    let digest = fingerprint(&collected.parcel).map_err(failed)?.hex();
    let text = config::text(&config::Facts {
        root,
        ports: site.ports,
        fallback,
        has_not_found_page: is_file("404.html"),
        // So much of it tells the builds of one site apart.
        tag: &digest[..16],
    });
    let path = RootPath::from_components(CONFIG.split('/').map(str::as_bytes));
    collected.parcel.items.push(Item::made(path, text));
    Ok(collected)
}

/// A text that the server's settings take as it is, without quotes; it has no way to write every other.
fn plain(text: &str) -> Option<&str> {
    let fine = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    text.chars().all(fine).then_some(text)
}

#[cfg(test)]
mod tests {
    use lightship_base::ByteSize;
    use lightship_packages::parcel::{Origin, PackageId, Parcel};

    use super::*;

    fn path(text: &str) -> RootPath {
        RootPath::parse(text.as_bytes()).unwrap()
    }

    fn collected(files: &[(&str, &str)]) -> Collected {
        let items: Vec<Item> =
            files.iter().map(|(name, text)| Item::made(path(name), *text)).collect();
        let size = items.iter().map(|item| ByteSize(item.size())).sum();
        let (name, version) = ("site".to_owned(), String::new());
        let package = PackageId { origin: Origin::Project, name, version };
        let parcel = Parcel { package, items };
        Collected { parcel, size, left_out: Vec::new(), warnings: Vec::new() }
    }

    fn settings(files: &[(&str, &str)], fallback: Option<&str>) -> Result<String, SiteError> {
        let root = path("app");
        let site = Site { root: &root, ports: &[8080, 9090], fallback };
        let made = with_settings(collected(files), &site, Path::new("dist"))?;
        let item = made.parcel.items.last().unwrap();
        assert_eq!(item.path, path(CONFIG));
        let ItemKind::File { content, .. } = &item.kind else { panic!("{item:?}") };
        Ok(String::from_utf8(content.read(1 << 20).unwrap()).unwrap())
    }

    #[test]
    fn the_settings_fit_the_files() {
        let page = ("app/index.html", "<p>");
        let plain = settings(&[page], None).unwrap();
        assert!(plain.contains("listen 8080;") && plain.contains("listen 9090;"), "{plain}");
        assert!(!plain.contains("error_page"), "{plain}");
        let with_page = settings(&[page, ("app/404.html", "no")], None).unwrap();
        assert!(with_page.contains("error_page 404 /404.html;"), "{with_page}");
        let single = settings(&[page], Some("index.html")).unwrap();
        assert!(single.contains("try_files $uri $uri.html $uri/ /index.html;"), "{single}");
        insta::assert_snapshot!(plain);
    }

    #[test]
    fn another_content_of_the_same_size_has_another_tag() {
        let one = settings(&[("app/index.html", "<a>")], None).unwrap();
        let other = settings(&[("app/index.html", "<b>")], None).unwrap();
        assert_ne!(one, other);
        assert_eq!(one, settings(&[("app/index.html", "<a>")], None).unwrap());
    }

    #[test]
    fn what_cannot_be_served_is_refused() {
        assert!(matches!(settings(&[], None), Err(SiteError::Empty { .. })));
        let page = [("app/index.html", "x"), ("app/a b.html", "x")];
        let missing = settings(&page, Some("app.html"));
        assert!(matches!(missing, Err(SiteError::NoFallback { .. })));
        let odd = settings(&page, Some("a b.html"));
        assert!(matches!(odd, Err(SiteError::Name { what: "fallback", .. })));
    }
}
