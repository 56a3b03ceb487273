//! Which certificate authorities to trust.

use std::path::PathBuf;

use super::{Environment, Variable};

/// Where trusted certificate authorities are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateSource {
    /// Where this machine's distribution keeps them.
    Machine,
    /// Where the user says.
    Named {
        /// A file of PEM certificates.
        file: Option<PathBuf>,
        /// A folder of such files.
        folder: Option<PathBuf>,
    },
}

/// Certificates as they were found.
#[derive(Debug, Clone, Default)]
pub struct Certificates {
    /// Each in DER form.
    pub der: Vec<Vec<u8>>,
    /// What could not be read, in words. Some other may still be enough.
    pub problems: Vec<String>,
}

impl CertificateSource {
    pub(super) fn read(environment: &Environment) -> Self {
        let file = environment.path(Variable::SslCertFile);
        let folder = environment.path(Variable::SslCertDir);
        match (&file, &folder) {
            (None, None) => Self::Machine,
            (Some(_), _) | (None, Some(_)) => Self::Named { file, folder },
        }
    }

    /// Reads them all; takes milliseconds, so only before the first HTTPS connection.
    pub fn load(&self) -> Certificates {
        let found = match self {
            // It looks at the same two variables as we do, which are not set.
            Self::Machine => rustls_native_certs::load_native_certs(),
            Self::Named { file, folder } => {
                rustls_native_certs::load_certs_from_paths(file.as_deref(), folder.as_deref())
            }
        };
        Certificates {
            der: found.certs.iter().map(|certificate| certificate.to_vec()).collect(),
            problems: found.errors.iter().map(ToString::to_string).collect(),
        }
    }
}
