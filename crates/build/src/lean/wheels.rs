//! Wheels of the store as bundles.

use std::collections::BTreeSet;
use std::path::Path;

use lightship_base::Digest;
use lightship_codec::tar::RootPath;
use lightship_packages::wheel::{
    InstallOptions, RecordMaker, Scheme, Scripts, Wheel, WheelName, install,
};

use super::{Error, Opened};
use crate::assemble::{Bundle, LastFile, Stage, WrittenFile};

/// One wheel that is to be installed.
#[derive(Debug, Clone)]
pub(super) struct WheelFile<'a> {
    pub(super) name: &'a str,
    pub(super) digest: Digest,
    pub(super) path: &'a Path,
}

/// Installs it: its files become a bundle, and nothing is read yet.
pub(super) fn bundle(
    file: &WheelFile<'_>,
    opened: &Opened,
    scheme: &Scheme,
    (scripts, requested): (&Scripts, &BTreeSet<String>),
) -> Result<Bundle, Error> {
    let name: WheelName =
        file.name.parse().map_err(|_| Error::WheelName { file: file.name.to_owned() })?;
    let open = || Wheel::open_known(file.path, &name, file.digest);
    let wheel = opened.wheel((file.name, file.digest), open)?;
    let options = InstallOptions {
        scripts: scripts.clone(),
        requested: requested.contains(name.distribution()),
    };
    let installed = install(&wheel, scheme, &options)?;
    let last = Box::new(Record(installed.record_maker()));
    Ok(Bundle {
        parcel: installed.parcel,
        digest: Some(file.digest),
        stage: Stage::Packages,
        last: Some(last),
        shared: Vec::new(),
    })
}

/// `RECORD`, made of what was written.
struct Record(RecordMaker);

impl LastFile for Record {
    fn path(&self) -> &RootPath {
        self.0.path()
    }

    fn make(&self, written: &[WrittenFile]) -> Vec<u8> {
        self.0.make(written.iter().map(|file| (&file.path, file.digest, file.size)))
    }
}
