//! Package indexes of Python (*Simple repository API; PEP 503, 592, 629, 658, 691, 700*): where a file is
//! whose name and digest are known.
//!
//! A lock says which file; the user's configuration says where to look: an [`Index`] is a server, a page
//! of links or a folder, and has a label, which is all that a lock knows of it. [`Finder::fetch`] gets a
//! file from the store, from where `uv` saw it last, or from an index, and verifies it either way.

mod addresses;
mod error;
mod finder;
mod html;
mod json;
mod page;

use std::fmt;
use std::path::PathBuf;

use lightship_net::Url;

pub use addresses::{ADDRESSES, Addresses};
pub use error::Error;
pub use finder::{Finder, Wanted};
pub use page::{Listed, Listing, Yanked, parse_html, parse_json};

/// Where distributions may come from.
#[derive(Clone, PartialEq, Eq)]
pub struct Index {
    /// What a lock calls it: [`crate::lock::DEFAULT_INDEX`], or the name that the user gave.
    pub label: String,
    /// Where it is.
    pub place: Place,
    /// When it is asked.
    pub role: Role,
    /// Distributions that come from here and from nowhere else, normalised (*PEP 503*).
    pub packages: Vec<String>,
}

/// Where an index is.
#[derive(Clone, PartialEq, Eq)]
pub enum Place {
    /// A repository: a page for each project. Where requirements have a user name and password in its address, they
    /// are in this one; `Debug` leaves them out.
    Repository(Url),
    /// One page with links to files, the same holds for its address.
    Links(Url),
    /// A folder of files.
    Folder(PathBuf),
}

/// When an index is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// For every distribution, last: there is one of them, or none.
    Default,
    /// For every distribution, before the default one.
    Extra,
    /// Only for distributions that name it (`explicit` in uv's words).
    Named,
}

/// Addresses are the user's configuration: shown without what may be secret in them.
impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?}, {:?})", self.label, self.role, self.place)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository(url) | Self::Links(url) => f.write_str(&shown(url)),
            Self::Folder(path) => write!(f, "{}", path.display()),
        }
    }
}

/// An address without user, query and fragment.
fn shown(url: &Url) -> String {
    let mut url = without_user(url);
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

/// An address without user name and password.
pub fn without_user(url: &Url) -> Url {
    let mut url = url.clone();
    // Fails for addresses that have no host and hence no user.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

#[cfg(test)]
mod tests;
