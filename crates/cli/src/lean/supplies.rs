//! What every step of a lean build takes from outside.

use std::fs;
use std::io::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lightship_base::{Progress, Timestamp};
use lightship_build::lean::Apt;
use lightship_net::Client;
use lightship_packages::apt::{Keyring, Mirror, Pins, Sources};
use lightship_packages::fetch::Fetcher;
use lightship_packages::index::Index;

use super::kitchen::Places;
use crate::commands::Error;
use crate::images::{Images, client};
use crate::settings::python::PythonSettings;
use crate::settings::{AptFiles, Settings};

/// A fetcher and the archives that the user's machine knows.
pub struct Supplies {
    /// Gets files and lists.
    pub fetcher: Fetcher,
    /// The distribution's archives.
    pub mirrors: Vec<Mirror>,
    /// Which of their packages the user prefers.
    pub pins: Pins,
    /// Entries that could not be used, in words.
    pub notes: Vec<String>,
    /// The Python indexes that are configured, and who the user is to them.
    pub python: PythonSettings,
    /// Further indexes, where files are looked for first: those that the requirements name.
    pub named: Vec<Index>,
    /// Whether no repository may be asked for files.
    pub no_index: bool,
    /// The certificate authorities that this machine trusts, in one file: for programs in a sandbox.
    pub certificates: tempfile::NamedTempFile,
    now: Timestamp,
}

impl Supplies {
    /// Reads nothing from the network yet.
    pub fn open(
        images: &Images<'_>,
        settings: &Settings,
        places: Places,
        offline: bool,
    ) -> Result<Self, Error> {
        let lease = Arc::new(images.store()?.images.cas().lease()?);
        let mut notes = Vec::new();
        let Places { apt, python, named, no_index, base: _ } = places;
        let mirrors = mirrors(&apt, &mut notes)?;
        let preferences = apt.preferences.iter();
        let preferences = preferences.map(|(name, text)| (name.as_str(), text.as_str()));
        let pins = Pins::parse(preferences, &mut notes);
        let mut logins = python.logins.clone();
        for text in &apt.logins {
            logins.add_netrc(text.reveal());
        }
        let client = if offline { None } else { Some(network(settings, &mirrors)?) };
        let certificates = certificates(settings, images)?;
        let fetcher = Fetcher::new(client, lease, Arc::new(logins));
        // Whether a list is still valid is a question of today, not of the image's date.
        let now = lightship_base::Clock::now(&lightship_base::SystemClock);
        Ok(Self { fetcher, mirrors, pins, notes, python, named, no_index, certificates, now })
    }

    /// The archives, for packages of an architecture.
    pub fn apt<'a>(&'a self, architecture: &'a str, progress: &'a dyn Progress) -> Apt<'a> {
        Apt {
            fetcher: &self.fetcher,
            mirrors: &self.mirrors,
            pins: &self.pins,
            architecture,
            now: self.now,
            progress,
        }
    }
}

/// A client that speaks plain HTTP to archives that are configured so: their lists are signed, and the
/// lists have the digests of everything else.
fn network(settings: &Settings, mirrors: &[Mirror]) -> Result<Client, Error> {
    let plain = mirrors.iter().filter(|mirror| mirror.source.base.scheme() == "http");
    let hosts = plain.filter_map(|mirror| {
        let url = &mirror.source.base;
        let host = url.host_str()?;
        Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
    });
    client(settings, hosts.collect::<Vec<_>>())
}

fn mirrors(apt: &AptFiles, notes: &mut Vec<String>) -> Result<Vec<Mirror>, Error> {
    let mut trusted = Keyring::default();
    for (name, bytes) in &apt.keys {
        match Keyring::parse(name, bytes) {
            Ok(keys) => trusted.extend(keys),
            Err(error) => notes.push(format!("{name}: {error}")),
        }
    }
    let files = apt.sources.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let sources = Sources::parse(files);
    notes.extend(sources.problems.iter().map(ToString::to_string));
    let mirrors = sources.entries.into_iter().map(|source| {
        let keyring = source.keyring(&trusted, |path| fs::read(path))?;
        Ok(Mirror { source, keyring })
    });
    mirrors.collect()
}

/// *RFC 7468, 5*: certificates as text.
fn certificates(
    settings: &Settings,
    images: &Images<'_>,
) -> Result<tempfile::NamedTempFile, Error> {
    let folder = images.scratch()?;
    let failed = || Error::io("write certificates into", folder);
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed())?;
    for der in settings.certificates.load().der {
        let text = STANDARD.encode(der);
        let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
        for line in text.as_bytes().chunks(64) {
            pem.extend(line.iter().map(|byte| char::from(*byte)));
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
        file.write_all(pem.as_bytes()).map_err(failed())?;
    }
    Ok(file)
}
