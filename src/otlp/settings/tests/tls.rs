use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rustls_native_certs::CertificateResult;

use super::{apply, builder, protocols, text_of};
use crate::export::ExportErrorKind;
use crate::otlp::settings::given::Given;
use crate::otlp::settings::tls::system_roots;
use crate::otlp::settings::{Pem, Settings, SettingsBuilder, client_config};

const CA: &[u8] = include_bytes!("pem/ca.pem");
const CLIENT: &[u8] = include_bytes!("pem/client.pem");
const KEY_PKCS8: &[u8] = include_bytes!("pem/client-key-pkcs8.pem");
const KEY_SEC1: &[u8] = include_bytes!("pem/client-key-sec1.pem");
const KEY_ENCRYPTED: &[u8] = include_bytes!("pem/client-key-encrypted.pem");
const CLIENT_RSA: &[u8] = include_bytes!("pem/client-rsa.pem");
const KEY_RSA_PKCS1: &[u8] = include_bytes!("pem/client-rsa-key-pkcs1.pem");

/// A directory of this test's own, gone with it.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("nanospan-tls-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.0.join(name);
        fs::write(&path, content).expect("a file");
        text(&path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path in Unicode").to_owned()
}

fn with_variables(variables: &[(&str, &str)]) -> SettingsBuilder {
    let mut builder = builder();
    builder.set_protocol(protocols().next().expect("a feature of the exporter is on"));
    let mut warnings = Vec::new();
    apply(&mut builder, variables, &mut warnings);
    assert_eq!(warnings, Vec::<String>::new());
    builder
}

fn client(certificate: &[u8], key: &[u8]) -> SettingsBuilder {
    let mut builder = with_variables(&[]);
    builder.set_ca_certificate(Pem::Text(CA.to_vec()));
    builder.set_client_certificate(Pem::Text(certificate.to_vec()), Pem::Text(key.to_vec()));
    builder
}

fn has_client_certificate(settings: &Settings) -> bool {
    let config = client_config(&settings.tls, &[]).expect("good certificates");
    config.client_auth_cert_resolver.has_certs()
}

#[test]
fn a_key_may_be_pkcs8_pkcs1_or_sec1() {
    for (certificate, key) in [(CLIENT, KEY_PKCS8), (CLIENT, KEY_SEC1), (CLIENT_RSA, KEY_RSA_PKCS1)] {
        assert!(has_client_certificate(&client(certificate, key).build().expect("good")));
    }
}

#[test]
fn a_key_and_its_certificate_may_be_in_one_file() {
    let both = [KEY_PKCS8, CLIENT].concat();
    assert!(has_client_certificate(&client(&both, &both).build().expect("good")));
}

#[test]
fn without_a_client_certificate_none_is_shown() {
    let mut builder = with_variables(&[]);
    builder.set_ca_certificate(Pem::Text(CA.to_vec()));
    assert!(!has_client_certificate(&builder.build().expect("good")));
}

#[test]
fn the_protocols_to_offer_are_those_asked_for_in_their_order() {
    let settings = client(CLIENT, KEY_PKCS8).build().expect("good");
    let config = client_config(&settings.tls, &[b"h2", b"http/1.1"]).expect("good certificates");
    assert_eq!(config.alpn_protocols, [b"h2".to_vec(), b"http/1.1".to_vec()]);
}

#[test]
fn no_provider_is_installed_for_the_process() {
    let settings = client(CLIENT, KEY_PKCS8).build().expect("good");
    let config = client_config(&settings.tls, &[]).expect("good certificates");
    let default = rustls::crypto::CryptoProvider::get_default();
    assert!(default.is_none_or(|default| !Arc::ptr_eq(default, config.crypto_provider())));
}

#[test]
fn the_variables_name_files_and_the_signals_own_win() {
    let directory = Directory::new();
    let ca = directory.file("ca.pem", CA);
    let (certificate, key) = (directory.file("c.pem", CLIENT), directory.file("k.pem", KEY_SEC1));
    let missing = text(&directory.0.join("missing.pem"));
    let shown = |variables: &[(&str, &str)]| {
        has_client_certificate(&with_variables(variables).build().expect("good"))
    };
    assert!(shown(&[
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", &ca),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", &certificate),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", &key),
    ]));
    assert!(shown(&[
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", &missing),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", &missing),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", &missing),
        ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", &ca),
        ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", &certificate),
        ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", &key),
    ]));
    let empty = [
        ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", ca.as_str()),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", ""),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", " "),
    ];
    assert!(!shown(&empty));
}

#[test]
fn a_file_that_is_missing_is_refused_by_its_variable_and_path_with_the_cause() {
    let directory = Directory::new();
    let good = directory.file("good.pem", &[CLIENT, KEY_PKCS8].concat());
    let missing = text(&directory.0.join("missing.pem"));
    for name in ["CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"] {
        for infix in ["", "TRACES_"] {
            let bad = format!("OTEL_EXPORTER_OTLP_{infix}{name}");
            let mut variables = vec![
                ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", good.as_str()),
                ("OTEL_EXPORTER_OTLP_CLIENT_KEY", good.as_str()),
            ];
            variables.retain(|(name, _)| *name != bad);
            variables.push((&bad, &missing));
            let error = with_variables(&variables).build().expect_err("a missing file");
            assert_eq!(error.kind(), ExportErrorKind::InvalidConfig);
            let cause = std::io::Error::from_raw_os_error(2);
            assert_eq!(error.to_string(), format!("{bad}: cannot read {missing}: {cause}"));
        }
    }
}

#[test]
fn what_is_in_a_file_is_refused_by_its_path() {
    let directory = Directory::new();
    let text_only = directory.file("text.pem", b"not a certificate");
    let error = text_of(with_variables(&[("OTEL_EXPORTER_OTLP_CERTIFICATE", &text_only)]).build());
    assert_eq!(error, format!("OTEL_EXPORTER_OTLP_CERTIFICATE: {text_only} holds no certificate"));
}

#[test]
fn a_key_without_a_certificate_and_the_reverse_are_refused() {
    let directory = Directory::new();
    let file = directory.file("both.pem", &[CLIENT, KEY_PKCS8].concat());
    let refused = |name| text_of(with_variables(&[(name, &file)]).build());
    assert_eq!(
        refused("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY"),
        "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY: a client key needs the certificate to it"
    );
    assert_eq!(
        refused("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"),
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: a client certificate needs the key to it"
    );
}

#[test]
fn malformed_pem_is_refused_with_the_reason() {
    let cut_off = &KEY_PKCS8[..KEY_PKCS8.len() / 2];
    let not_base64 = b"-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n";
    let one_line: Vec<u8> = KEY_PKCS8.iter().copied().filter(|byte| *byte != b'\n').collect();
    let cases: [(&[u8], &str); 7] = [
        (b"", "the text holds no private key in PKCS#8, PKCS#1 or SEC1"),
        (CLIENT, "the text holds no private key in PKCS#8, PKCS#1 or SEC1"),
        (KEY_ENCRYPTED, "the text holds a private key that is encrypted; it must be without a pass phrase"),
        (cut_off, "the text has a -----BEGIN line without an -----END line"),
        (not_base64, "the text has a section that is not base 64"),
        (&one_line, "the text has a -----BEGIN line without an -----END line"),
        (b"-----BEGIN PRIVATE KEY\n", "the text has a malformed -----BEGIN line"),
    ];
    for (key, expected) in cases {
        assert_eq!(text_of(client(CLIENT, key).build()), format!("option client_certificate: {expected}"));
    }
}

#[test]
fn a_key_to_another_certificate_is_refused() {
    let settings = client(CLIENT_RSA, KEY_SEC1).build().expect("each is good in itself");
    let error = client_config(&settings.tls, &[]).expect_err("they do not belong together");
    assert_eq!(error.kind(), ExportErrorKind::InvalidConfig);
    let text = error.to_string();
    let both = "the text has a key that cannot be used with the certificate in the text: ";
    assert!(text.starts_with(&format!("option client_certificate: {both}")), "{text}");
}

#[test]
fn an_authority_that_is_no_certificate_is_refused_by_its_number() {
    let bad = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let mut builder = with_variables(&[]);
    builder.set_ca_certificate(Pem::Text([CA, bad].concat()));
    let error = client_config(&builder.build().expect("good PEM").tls, &[]).expect_err("a bad certificate");
    assert_eq!(error.kind(), ExportErrorKind::InvalidConfig);
    let beginning = "option ca_certificate: the text has a certificate, number 2, that is malformed: ";
    assert!(error.to_string().starts_with(beginning), "{error}");
}

#[test]
fn authorities_in_malformed_pem_are_refused_with_the_reason() {
    let mut builder = with_variables(&[]);
    builder.set_ca_certificate(Pem::Text([CA, b"-----BEGIN CERTIFICATE-----\nAAAA\n"].concat()));
    let error = builder.build().expect_err("the last one is cut off");
    assert_eq!(error.kind(), ExportErrorKind::InvalidConfig);
    let expected = "option ca_certificate: the text has a -----BEGIN line without an -----END line";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn what_kept_a_system_from_naming_its_authorities_is_told() {
    let directory = Directory::new();
    let found = rustls_native_certs::load_certs_from_paths(Some(&directory.0.join("missing.pem")), None);
    let error = system_roots(found).expect_err("there is no file");
    assert!(std::error::Error::source(&error).is_some(), "{error}");
}

#[test]
fn a_system_that_trusts_nobody_is_an_error_and_its_bad_certificates_are_passed_over() {
    let error = system_roots(CertificateResult::default()).expect_err("no certificates");
    assert_eq!(error.kind(), ExportErrorKind::InvalidConfig);
    let mut found = CertificateResult::default();
    found.certs.push(vec![0; 3].into());
    assert!(system_roots(found).is_err());
    let mut found = CertificateResult::default();
    found.certs.push(vec![0; 3].into());
    found
        .certs
        .extend(Given::by_option("ca_certificate", Pem::Text(CA.to_vec())).certificates().expect("good"));
    assert_eq!(system_roots(found).expect("one that is good").len(), 1);
}
