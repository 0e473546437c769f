//! Whom to trust, and who to be.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use rustls_native_certs::CertificateResult;

use super::given::Given;
use super::pem::Pem;
use crate::export::{ExportError, ExportErrorKind};

/// Where certificates and keys are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TlsSources {
    pub(super) roots: Option<Given<Pem>>,
    pub(super) certificate: Option<Given<Pem>>,
    pub(super) key: Option<Given<Pem>>,
}

impl TlsSources {
    /// Reads everything, also what plain text will not need.
    pub(super) fn load(self) -> Result<Tls, ExportError> {
        let roots = match self.roots {
            Some(given) => Some((given.certificates()?, given)),
            None => None,
        };
        let client = match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => Some(Identity {
                certificates: certificate.certificates()?,
                certificate,
                private_key: Arc::new(key.private_key()?),
                key,
            }),
            (None, None) => None,
            (Some(certificate), None) => {
                return Err(certificate.origin.refuse("a client certificate needs the key to it"));
            }
            (None, Some(key)) => {
                return Err(key.origin.refuse("a client key needs the certificate to it"));
            }
        };
        Ok(Tls { roots, client })
    }
}

/// Certificates and keys as they were read. Their text is that of their sources alone.
#[derive(Clone, Default)]
pub(crate) struct Tls {
    /// The authorities to trust instead of the system's.
    roots: Option<(Vec<CertificateDer<'static>>, Given<Pem>)>,
    client: Option<Identity>,
}

/// What the client shows to a server that asks.
#[derive(Clone)]
struct Identity {
    certificates: Vec<CertificateDer<'static>>,
    certificate: Given<Pem>,
    /// A key has no plain clone, so that copies are seen in the code.
    private_key: Arc<PrivateKeyDer<'static>>,
    key: Given<Pem>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("roots", &self.roots.as_ref().map(|(_, given)| given))
            .field("client", &self.client.as_ref().map(|client| (&client.certificate, &client.key)))
            .finish()
    }
}

/// What a connection is made with: TLS 1.2 and 1.3 by ring, whatever the process's own provider is, the
/// protocols of `alpn` in order of preference.
///
/// # Errors
///
/// An authority's certificate is malformed, the client's certificate and key do not belong together, or
/// the system trusts nobody. That is known only here: plain text needs no authority.
pub(crate) fn client_config(tls: &Tls, alpn: &[&[u8]]) -> Result<ClientConfig, ExportError> {
    let roots = match &tls.roots {
        Some((certificates, given)) => given_roots(certificates, given)?,
        None => system_roots(rustls_native_certs::load_native_certs())?,
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| refuse("cannot set TLS up").with_source(error))?
        .with_root_certificates(roots);
    let mut config = match &tls.client {
        Some(client) => builder
            .with_client_auth_cert(client.certificates.clone(), client.private_key.clone_key())
            .map_err(|error| client.key.refuse_with(&client.certificate).with_source(error))?,
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(config)
}

/// All of the certificates. One that is no good is an error: nobody can tell which were meant.
fn given_roots(
    certificates: &[CertificateDer<'static>],
    given: &Given<Pem>,
) -> Result<RootCertStore, ExportError> {
    let mut roots = RootCertStore::empty();
    for (number, certificate) in (1..).zip(certificates) {
        roots.add(certificate.clone()).map_err(|error| {
            given.refuse(&format!("has a certificate, number {number}, that is malformed")).with_source(error)
        })?;
    }
    Ok(roots)
}

/// Those of the system's that are good, at least one. Systems have old ones that are not.
pub(super) fn system_roots(mut found: CertificateResult) -> Result<RootCertStore, ExportError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if !roots.is_empty() {
        return Ok(roots);
    }
    let error = refuse("the system has no certificates of authorities to trust; name a file that has some");
    Err(match found.errors.pop() {
        Some(cause) => error.with_source(cause),
        None => error,
    })
}

fn refuse(problem: &str) -> ExportError {
    ExportError::new(ExportErrorKind::InvalidConfig, problem)
}
