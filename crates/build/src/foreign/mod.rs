//! Images that somebody else made, as the ground of ours: only Python distributions, byte code and the
//! project go on top; its layers stay what they are.
//!
//! ```text
//! Survey   every name of the image, and what it says to have installed: read once, kept by digest
//! Python   found along the PATH of the image's config, asked in the sandbox where it installs to
//! settle   which locked distributions are there already, and which have to give way
//! land     the real places of our names, where the image has links on the way
//! ```
//!
//! Nothing of the distribution's is added to such an image: a library that native code lacks is an error.

mod error;
mod names;
mod python;
mod settle;
mod survey;
#[cfg(test)]
mod tests;

use std::io::{self, Read};
use std::sync::Arc;

use lightship_base::Digest;
use lightship_codec::tar::RootPath;
use lightship_packages::parcel::{Origin, PackageId};
use lightship_sandbox::snapshot::Prepared;

use crate::base::Python;
use crate::resolve::Interpreter;

pub use error::Error;
pub use names::Names;
pub use python::find as find_python;
pub use settle::{Locked, Settled};
pub use survey::{Installed, Survey, SurveyedLayer};

/// An image below, ready to be built on.
#[derive(Debug, Clone)]
pub struct Foreign {
    /// How the user calls it.
    pub reference: String,
    /// What is in it.
    pub survey: Arc<Survey>,
    /// Its names.
    pub names: Arc<Names>,
    /// Its interpreter, where one is wanted.
    pub python: Option<Python>,
    /// Folders of `sys.path` that distributions are in, the first one first.
    pub sites: Vec<RootPath>,
    /// `LD_LIBRARY_PATH` of its config.
    pub library_path: Option<String>,
}

/// Opens files of an image.
pub trait Files: Send + Sync {
    /// A file by its real path.
    fn open(&self, path: &RootPath) -> io::Result<Box<dyn Read + Send>>;
}

impl Files for Prepared {
    fn open(&self, path: &RootPath) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(self.open_file(path)?))
    }
}

/// Opens nothing: for whoever wants names only.
#[derive(Debug, Clone, Copy)]
pub struct NoFiles;

impl Files for NoFiles {
    fn open(&self, path: &RootPath) -> io::Result<Box<dyn Read + Send>> {
        Err(io::Error::new(io::ErrorKind::Unsupported, format!("{path} is not at hand")))
    }
}

fn identity(digest: &Digest) -> PackageId {
    PackageId {
        origin: Origin::Lightship,
        name: "the base image".to_owned(),
        version: digest.to_string(),
    }
}

impl Foreign {
    /// An image without its Python.
    pub fn new(reference: &str, survey: Arc<Survey>, names: Arc<Names>) -> Self {
        Self {
            reference: reference.to_owned(),
            survey,
            names,
            python: None,
            sites: Vec::new(),
            library_path: None,
        }
    }

    /// The image as a package, for whoever asks whose a file is.
    pub fn package(&self) -> PackageId {
        identity(&self.survey.digest)
    }

    /// The same with its Python, which `interpreter` runs as `program`.
    pub fn with_python(
        mut self,
        interpreter: &dyn Interpreter,
        program: &str,
    ) -> Result<Self, Error> {
        let (python, sites) = python::ask(interpreter, program, &self.names, &self.reference)?;
        self.python = Some(python);
        self.sites = sites;
        Ok(self)
    }
}
