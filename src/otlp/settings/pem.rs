//! Certificates and keys in PEM (RFC 7468).

use std::borrow::Cow;
use std::fmt;
use std::fs;
use std::path::PathBuf;

use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::given::Given;
use crate::export::ExportError;

/// Something in PEM.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Pem {
    /// In this file.
    File(PathBuf),
    /// Here.
    Text(Vec<u8>),
}

impl Pem {
    /// What it is called in texts. Whoever takes a variable for the PEM itself may put a key where a
    /// path belongs; that has no name.
    fn name(&self) -> Option<Cow<'_, str>> {
        const COMPONENT_BYTES_MAX: usize = 255;
        match self {
            Pem::Text(_) => Some(Cow::Borrowed("the text")),
            Pem::File(path) => {
                let name = path.to_string_lossy();
                let is_path = !name.contains("-----")
                    && !name.contains(char::is_control)
                    && name.split(['/', '\\']).all(|component| component.len() <= COMPONENT_BYTES_MAX);
                is_path.then_some(name)
            }
        }
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.name()) {
            (Pem::File(_), Some(path)) => write!(f, "File({path:?})"),
            (Pem::File(_), None) => f.write_str("File(…)"),
            (Pem::Text(_), _) => f.write_str("Text(…)"),
        }
    }
}

impl Given<Pem> {
    /// All certificates, at least one, in order.
    pub(super) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, ExportError> {
        let pem = self.read()?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        match certificates {
            Ok(certificates) if certificates.is_empty() => Err(self.refuse("holds no certificate")),
            Ok(certificates) => Ok(certificates),
            Err(error) => Err(self.refuse(describe(&error))),
        }
    }

    /// The first private key, in any of the three forms: PKCS#8, PKCS#1 (RSA), SEC1 (elliptic curve).
    pub(super) fn private_key(&self) -> Result<PrivateKeyDer<'static>, ExportError> {
        const ENCRYPTED: &[u8] = b"ENCRYPTED";
        let pem = self.read()?;
        PrivateKeyDer::from_pem_slice(&pem).map_err(|error| {
            let is_encrypted = pem.windows(ENCRYPTED.len()).any(|word| word == ENCRYPTED);
            self.refuse(match error {
                _ if is_encrypted => {
                    "holds a private key that is encrypted; it must be without a pass phrase"
                }
                PemError::NoItemsFound => "holds no private key in PKCS#8, PKCS#1 or SEC1",
                error => describe(&error),
            })
        })
    }

    /// The error that what is there is of no use; `problem` goes on from a name for it.
    pub(super) fn refuse(&self, problem: &str) -> ExportError {
        let name = self.value.name().unwrap_or_default();
        self.origin.refuse(format!("{name} {problem}"))
    }

    /// The error that a key is of no use with the certificates of `other`.
    pub(super) fn refuse_with(&self, other: &Self) -> ExportError {
        let other = other.value.name().unwrap_or_default();
        self.refuse(&format!("has a key that cannot be used with the certificate in {other}"))
    }

    fn read(&self) -> Result<Cow<'_, [u8]>, ExportError> {
        match (&self.value, self.value.name()) {
            (Pem::File(path), Some(name)) => fs::read(path)
                .map(Cow::Owned)
                .map_err(|error| self.origin.refuse(format!("cannot read {name}")).with_source(error)),
            (Pem::File(_), None) => Err(self.origin.refuse("its value is not the path of a file")),
            (Pem::Text(text), _) => Ok(Cow::Borrowed(text)),
        }
    }
}

/// What is wrong with PEM. The reader's own words would repeat the line at which it gave up, which may
/// be part of a key.
fn describe(error: &PemError) -> &'static str {
    match error {
        PemError::MissingSectionEnd { .. } => "has a -----BEGIN line without an -----END line",
        PemError::IllegalSectionStart { .. } => "has a malformed -----BEGIN line",
        PemError::Base64Decode(_) => "has a section that is not base 64",
        _ => "cannot be read as PEM",
    }
}
