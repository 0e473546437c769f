//! No text of any kind shows a secret, wherever in the settings it is.

use std::error::Error;

use super::{apply, builder, protocols};
use crate::otlp::settings::given::Given;
use crate::otlp::settings::{Pem, Proxy, SettingsBuilder, client_config};

/// Nothing else has this in it. It is also a good name of a header, user or host.
const SECRET: &str = "s3cr3t";

/// Both texts of an error and of all its causes.
fn texts(error: &dyn Error) -> Vec<String> {
    let mut texts = Vec::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        texts.extend([error.to_string(), format!("{error:?}"), format!("{error:#?}")]);
        cause = error.source();
    }
    texts
}

/// Every text that can be had of the builder and of what it comes to, and whether that was an error.
fn all_texts(builder: SettingsBuilder) -> (Vec<String>, bool) {
    let mut all = vec![format!("{builder:?}"), format!("{builder:#?}")];
    let is_error = match builder.build() {
        Ok(settings) => {
            all.extend([format!("{settings:?}"), format!("{settings:#?}"), settings.endpoint.to_string()]);
            client_config(&settings.tls, &[]).err().map(|error| all.extend(texts(&error))).is_some()
        }
        Err(error) => {
            all.extend(texts(&error));
            true
        }
    };
    (all, is_error)
}

fn assert_hidden(of: &str, texts: &[String]) {
    for text in texts {
        assert!(!text.contains(SECRET), "{of} shows in {text}");
    }
}

/// A host is no secret, so the word is anywhere but where a host may be.
#[test]
fn no_address_shows_its_user_name_password_or_query() {
    let mut errors = 0;
    let mut checked = 0;
    for address in [
        "http://s3cr3t@host:1",
        "http://user:s3cr3t@host:1",
        "http://s3cr3t:x@host:1",
        "http://host:1/?token=s3cr3t",
        "http://host:1#s3cr3t",
        // Malformed in every way that the reader tells apart.
        "user:s3cr3t@host:1",
        "s3cr3t://host",
        "http:user:s3cr3t@host",
        "http://user:s3cr3t",
        "http://user:s3cr3t@",
        "http://user:s3cr3t@/path",
        "http://user:s3cr3t/@host",
        "http://user:s3cr3t?@host",
        "http://user:s3cr3t#@host",
        "http://user:s3cr3t@host:port",
        "http://user:s3cr3t@ho st",
        "http://user:s3cr3t@hösts",
        "http://user:s3cr3t@256.0.0.1",
        "http://user:s3cr3t@[::1",
        "http://user:s3cr3t@[::1]x",
        "http://user:s3cr3t@::1",
        "http://us er:s3cr3t@host",
        "http://user:%s3cr3t@host",
        "http://us%3Aer:s3cr3t@host",
        "http://user:s3cr3t@host/ä",
        "http://us@er:s3cr3t@host",
        "http://user:s3cr3t@host:1/v1/traces?token=s3cr3t",
    ] {
        for protocol in protocols() {
            let mut by_variable = builder();
            by_variable.set_protocol(protocol);
            let mut warnings = Vec::new();
            for variable in ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] {
                apply(&mut by_variable, &[(variable, address)], &mut warnings);
            }
            let mut by_option = by_variable.clone();
            by_option.set_endpoint(address);
            let mut by_url = by_variable.clone();
            by_url.set_url(address);
            let mut by_proxy = by_variable.clone();
            by_proxy.set_endpoint("http://collector:1");
            by_proxy.set_proxy(Proxy::Url(address.into()));
            assert_hidden(address, &warnings);
            for builder in [by_variable, by_option, by_url, by_proxy] {
                let (texts, is_error) = all_texts(builder);
                assert_hidden(address, &texts);
                errors += u32::from(is_error);
                checked += 1;
            }
        }
    }
    // The sweep is over good ones and bad ones.
    assert!(errors > 50 && checked > errors, "{errors} of {checked}");
}

#[test]
fn no_header_shows_its_value_nor_a_name_that_may_be_one() {
    for headers in [
        "authorization=s3cr3t",
        "authorization=Bearer%20s3cr3t,x=s3cr3t",
        "s3cr3t",
        "a=b,s3cr3t",
        "authorization:s3cr3t",
        "authorization s3cr3t=x",
        "a=s3cr3t;b",
        "a=s3cr3t%",
        "a=s3cr3t%ff",
        "a=s3cr3t\u{7}x",
        "content-type=s3cr3t",
        "grpc-x=s3cr3t",
    ] {
        let mut builder = builder();
        builder.set_protocol(protocols().next().expect("a feature of the exporter is on"));
        let mut warnings = Vec::new();
        for variable in ["OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"] {
            apply(&mut builder, &[(variable, headers)], &mut warnings);
        }
        assert_hidden(headers, &warnings);
        assert_hidden(headers, &all_texts(builder).0);
    }
    for (name, value) in [("a", "s3cr3t"), ("a", "s3cr3t\n"), ("s3cr3t b", "c"), ("host", "s3cr3t")] {
        let mut builder = builder();
        builder.set_protocol(protocols().next().expect("a feature of the exporter is on"));
        builder.add_header(name, value);
        assert_hidden(name, &all_texts(builder).0);
    }
}

#[test]
fn no_certificate_or_key_shows() {
    let shown_of_key = "MIGHAgEAMBMGByqGSM49";
    let key = include_str!("pem/client-key-pkcs8.pem");
    assert!(key.contains(shown_of_key), "the key begins as every key of its kind");
    let key = key.replace(shown_of_key, SECRET);
    let one_line = key.replace('\n', "");
    for key in [key.as_str(), &one_line, SECRET, "-----BEGIN s3cr3t", "-----BEGIN PRIVATE KEY-----\ns3cr3t\n"]
    {
        let mut builder = builder();
        builder.set_protocol(protocols().next().expect("a feature of the exporter is on"));
        let certificate = include_bytes!("pem/client.pem").to_vec();
        builder.set_ca_certificate(Pem::Text(certificate.clone()));
        builder.set_client_certificate(Pem::Text(certificate), Pem::Text(key.as_bytes().to_vec()));
        let (texts, is_error) = all_texts(builder);
        assert!(is_error);
        assert_hidden(key, &texts);
    }
}

#[test]
fn pem_in_the_place_of_its_path_does_not_show() {
    let key = include_str!("pem/client-key-pkcs8.pem");
    let one_line = key.replace('\n', " ");
    let digits: String = key.lines().filter(|line| !line.starts_with('-')).collect();
    let long = digits.replace('/', "_").repeat(2);
    for value in [key, &one_line, &long] {
        for variable in ["CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"] {
            let mut builder = builder();
            builder.set_protocol(protocols().next().expect("a feature of the exporter is on"));
            let good = Pem::Text(include_bytes!("pem/client.pem").to_vec());
            match variable {
                "CLIENT_KEY" => builder.tls.certificate = Some(Given::by_option("client_certificate", good)),
                "CLIENT_CERTIFICATE" => builder.tls.key = Some(Given::by_option("client_certificate", good)),
                _ => {}
            }
            let variable = format!("OTEL_EXPORTER_OTLP_{variable}");
            let mut warnings = Vec::new();
            apply(&mut builder, &[(&variable, value)], &mut warnings);
            let (texts, is_error) = all_texts(builder);
            let expected = format!("{variable}: its value is not the path of a file");
            assert!(is_error && texts.contains(&expected), "{variable}: {texts:?}");
            for text in texts.iter().chain(&warnings) {
                assert!(!text.contains(&digits[..20]), "{variable} shows in {text}");
            }
        }
    }
}

#[test]
fn what_is_read_shows_where_from_and_nothing_of_its_bytes() {
    let mut builder = builder();
    builder.set_protocol(protocols().next().expect("a feature of the exporter is on"));
    let certificate = include_bytes!("pem/client.pem").to_vec();
    let key = include_bytes!("pem/client-key-sec1.pem").to_vec();
    builder.set_client_certificate(Pem::Text(certificate), Pem::Text(key));
    let text = format!("{:?}", builder.build().expect("good").tls);
    assert!(text.contains("client_certificate"), "{text}");
    assert!(text.len() < 300 && !text.contains("MI") && !text.contains(", 48, "), "{text}");
}
