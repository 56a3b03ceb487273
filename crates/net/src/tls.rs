//! Whom to trust: certificate authorities as they are handed in, and nothing else.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::Error;

/// One certificate authority, in DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root(pub Vec<u8>);

/// All certificates of a PEM file; `name` is how a message calls it. Other sections are skipped; a
/// file without a single certificate is refused, since it is surely not the file that was meant.
pub fn roots_from_pem(pem: &[u8], name: &str) -> Result<Vec<Root>, Error> {
    let fail = |reason: String| Error::Setting { what: format!("certificate file {name}"), reason };
    let roots = CertificateDer::pem_slice_iter(pem)
        .map(|certificate| certificate.map(|der| Root(der.to_vec())))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| fail(error.to_string()))?;
    if roots.is_empty() {
        return Err(fail("there is no certificate in it".to_owned()));
    }
    Ok(roots)
}

/// A configuration that trusts `roots`. Machines carry the odd certificate that no parser takes; such
/// are passed over as long as one is left.
pub(crate) fn config(roots: &[Root]) -> Result<rustls::ClientConfig, Error> {
    let fail = |reason: String| Error::Setting { what: "TLS".to_owned(), reason };
    let mut store = RootCertStore::empty();
    let ders = roots.iter().map(|root| CertificateDer::from_slice(&root.0));
    let (taken, passed_over) = store.add_parsable_certificates(ders);
    if taken == 0 && passed_over > 0 {
        return Err(fail("none of the certificate authorities can be read".to_owned()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| fail(error.to_string()))?
        .with_root_certificates(store)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_named() {
        let error = roots_from_pem(b"hello\n", "ca.pem").unwrap_err();
        assert_eq!(
            error.to_string(),
            "certificate file ca.pem cannot be used: there is no certificate in it"
        );
        assert!(roots_from_pem(b"-----BEGIN CERTIFICATE-----\n!\n", "ca.pem").is_err());
        assert!(config(&[Root(vec![1, 2, 3])]).is_err());
        assert!(config(&[]).is_ok());
    }
}
