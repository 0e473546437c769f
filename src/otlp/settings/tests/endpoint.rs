use super::{Variables, builder, of, protocols, refused};
use crate::otlp::settings::Scheme;
use crate::otlp::settings::address::{Address, percent_decode};

const ALL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const OWN: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";

/// What is asked for under these variables, and their error's text without the variable's name.
fn url(variables: Variables<'_>) -> String {
    of(variables).url().to_string()
}

fn problem(variables: Variables<'_>) -> String {
    let text = refused(variables);
    let (variable, problem) = text.split_once(": ").expect("a name in front");
    assert!(variable == ALL || variable == OWN, "{text}");
    problem.to_owned()
}

#[cfg(feature = "otlp-http")]
mod http {
    use super::super::authority;
    use super::*;

    #[test]
    fn the_variable_for_all_signals_is_a_base_to_which_the_signals_path_is_appended() {
        let cases = [
            ("", "http://localhost:4318/v1/traces"),
            ("http://collector:4318", "http://collector:4318/v1/traces"),
            ("http://collector:4318/", "http://collector:4318/v1/traces"),
            ("http://collector:4318/mycollector", "http://collector:4318/mycollector/v1/traces"),
            ("http://collector:4318/mycollector/", "http://collector:4318/mycollector/v1/traces"),
            ("https://env.endpoint/prefix", "https://env.endpoint/prefix/v1/traces"),
            ("https://env.endpoint/a//b%20c/./d", "https://env.endpoint/a//b%20c/./d/v1/traces"),
            ("https://env.endpoint/prefix?token=1", "https://env.endpoint/prefix/v1/traces?token=1"),
            ("https://env.endpoint?token=1/2", "https://env.endpoint/v1/traces?token=1/2"),
            ("http://collector/x#fragment", "http://collector/x/v1/traces"),
        ];
        for (endpoint, expected) in cases {
            assert_eq!(url(&[(ALL, endpoint)]), expected, "{endpoint}");
        }
    }

    #[test]
    fn the_variable_for_this_signal_is_used_as_it_is_and_without_a_path_is_the_root() {
        let cases = [
            ("http://collector:4318", "http://collector:4318/"),
            ("http://collector:4318/", "http://collector:4318/"),
            ("https://collector.example.com/v1/traces", "https://collector.example.com/v1/traces"),
            ("https://collector.example.com/v1/traces/", "https://collector.example.com/v1/traces/"),
            ("https://collector.example.com?a=b", "https://collector.example.com/?a=b"),
        ];
        for (endpoint, expected) in cases {
            assert_eq!(url(&[(OWN, endpoint)]), expected, "{endpoint}");
            assert_eq!(url(&[(OWN, endpoint), (ALL, "https://overridden/x")]), expected, "{endpoint}");
        }
        assert_eq!(url(&[(OWN, " "), (ALL, "http://used")]), "http://used/v1/traces");
        assert_eq!(url(&[(OWN, "http://used"), (ALL, "nothing/that parses")]), "http://used/");
    }

    #[test]
    fn an_option_is_a_base_or_as_it_is_and_the_last_one_counts() {
        let mut builder = builder();
        builder.set_url("http://exact");
        builder.set_endpoint("http://base");
        assert_eq!(builder.clone().build().expect("good").url().to_string(), "http://base/v1/traces");
        builder.set_url("http://exact");
        assert_eq!(builder.build().expect("good").url().to_string(), "http://exact/");
    }

    #[test]
    fn the_scheme_decides_on_tls_in_any_case_and_insecure_does_not() {
        let cases = [
            ("http://collector", Scheme::Http, "collector"),
            ("HtTp://collector:", Scheme::Http, "collector"),
            ("https://collector", Scheme::Https, "collector"),
            ("HTTPS://collector:4318", Scheme::Https, "collector:4318"),
            ("      http://collector:65535    ", Scheme::Http, "collector:65535"),
        ];
        for (endpoint, scheme, expected) in cases {
            let settings = of(&[(OWN, endpoint), ("OTEL_EXPORTER_OTLP_INSECURE", "true")]);
            assert_eq!((settings.endpoint.scheme, authority(&settings)), (scheme, expected), "{endpoint}");
            assert_eq!(settings.url().scheme_str(), Some(scheme.as_str()));
        }
        let mut builder = builder();
        builder.set_insecure(true);
        builder.set_endpoint("https://collector");
        assert_eq!(builder.build().expect("good").endpoint.scheme, Scheme::Https);
    }

    #[test]
    fn names_and_ip_addresses_are_hosts() {
        for host in ["a", "env_endpoint", "a-b.c", "127.0.0.1", "[::1]", "xn--mnchen-3ya.de", "1a.2b"] {
            assert_eq!(authority(&of(&[(OWN, &format!("http://{host}"))])), host);
            assert_eq!(authority(&of(&[(OWN, &format!("http://{host}:1"))])), format!("{host}:1"));
        }
    }

    #[test]
    fn an_address_that_does_not_parse_is_refused_with_the_reason() {
        let cases = [
            ("collector:4318", "it has no scheme; write http:// or https:// in front"),
            ("collector", "it has no scheme; write http:// or https:// in front"),
            ("%invalid", "its host has a character that no host name has"),
            ("i nvalid://url", "its scheme is neither http nor https"),
            ("unix:///run/collector.sock", "its scheme is neither http nor https"),
            ("://collector", "its scheme is neither http nor https"),
            ("http:collector", "the // after the scheme is missing"),
            ("https:/collector", "the // after the scheme is missing"),
            ("http://", "it has no host"),
            ("http:///v1/traces", "it has no host"),
            ("http://:4318", "it has no host"),
            ("http://user@/x", "it has no host"),
            ("http://a b:1", "its host has a character that no host name has"),
            ("http://a\nb:1", "its host has a character that no host name has"),
            ("http://münchen.de", "its host is not ASCII; write the xn-- form of an international name"),
            ("http://127.0.0.256", "its host is neither a name nor an IPv4 address"),
            ("http://1.2.3", "its host is neither a name nor an IPv4 address"),
            ("http://::1:4318", "it has more than one port, or an IPv6 address without brackets"),
            ("http://[::1", "the ] after its IPv6 address is missing"),
            ("http://[::g]:1", "what is in brackets is not an IPv6 address"),
            ("http://[fe80::1%25eth0]:1", "what is in brackets is not an IPv6 address"),
            ("http://[::1]4318", "what follows its IPv6 address is not a port"),
            ("http://a:0", "its port is not a number from 1 to 65535"),
            ("http://a:65536", "its port is not a number from 1 to 65535"),
            ("http://a:+1", "its port is not a number from 1 to 65535"),
            ("http://a:x", "its port is not a number from 1 to 65535"),
            ("http://a/b c", "its path has a character that must be percent-encoded"),
            ("http://a/ä", "its path has a character that must be percent-encoded"),
            ("http://a/b?c\"", "its path has a character that must be percent-encoded"),
        ];
        for (endpoint, expected) in cases {
            assert_eq!(problem(&[(ALL, endpoint)]), expected, "{endpoint}");
            assert_eq!(problem(&[(OWN, endpoint)]), expected, "{endpoint}");
        }
    }

    #[test]
    fn a_user_name_and_password_become_an_authorization_header_unless_there_is_one() {
        let authorization = |variables: Variables<'_>| {
            let settings = of(variables);
            assert!(!settings.url().to_string().contains('@'), "{}", settings.url());
            let value = settings.headers.map().get("authorization").cloned();
            value.map(|value| {
                assert!(value.is_sensitive());
                value.to_str().expect("ASCII").to_owned()
            })
        };
        let cases = [
            ("http://@host", None),
            // The example of RFC 7617, section 2.
            ("http://Aladdin:open%20sesame@host", Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")),
            // The example of its section 2.1, with a password beyond ASCII.
            ("http://test:123%C2%A3@host", Some("Basic dGVzdDoxMjPCow==")),
            ("http://user@host", Some("Basic dXNlcjo=")),
            ("http://user:@host", Some("Basic dXNlcjo=")),
            ("http://:pass@host", Some("Basic OnBhc3M=")),
            ("http://u:a:b@host", Some("Basic dTphOmI=")),
        ];
        for (endpoint, expected) in cases {
            assert_eq!(authorization(&[(ALL, endpoint)]).as_deref(), expected, "{endpoint}");
        }
        let written_out =
            [(ALL, "http://u:p@host"), ("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer x")];
        assert_eq!(authorization(&written_out).as_deref(), Some("Bearer x"));

        let encode = "its user name or password has a character that must be percent-encoded";
        for endpoint in ["http://a@b@host", "http://u:p%@host", "http://u:p%4@host", "http://u:ü@host"] {
            assert_eq!(problem(&[(ALL, endpoint)]), encode, "{endpoint}");
        }
        let colon = "its user name has a colon, which cannot be sent";
        assert_eq!(problem(&[(ALL, "http://u%3Av:p@host")]), colon);
    }
}

#[cfg(feature = "otlp-grpc")]
mod grpc {
    use super::super::applied;
    use super::*;

    const GRPC: (&str, &str) = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    const METHOD: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

    #[test]
    fn the_method_is_asked_for_of_the_host_whichever_variable_names_it() {
        let cases = [
            ("", "http://localhost:4317"),
            ("http://collector:4317", "http://collector:4317"),
            ("http://collector:4317/", "http://collector:4317"),
            ("https://collector", "https://collector"),
            ("https://[::1]:4317", "https://[::1]:4317"),
        ];
        for (endpoint, expected) in cases {
            for variable in [ALL, OWN] {
                let expected = format!("{expected}{METHOD}");
                assert_eq!(url(&[GRPC, (variable, endpoint)]), expected, "{endpoint}");
            }
        }
    }

    #[test]
    fn insecure_decides_only_where_there_is_no_scheme() {
        const INSECURE: &str = "OTEL_EXPORTER_OTLP_INSECURE";
        const OWN_INSECURE: &str = "OTEL_EXPORTER_OTLP_TRACES_INSECURE";
        let cases: [(&str, Variables<'_>, Scheme); 11] = [
            ("host:4317", &[], Scheme::Https),
            ("host:4317", &[(INSECURE, "")], Scheme::Https),
            ("host:4317", &[(INSECURE, "false")], Scheme::Https),
            ("host:4317", &[(INSECURE, "True")], Scheme::Http),
            ("host:4317", &[(OWN_INSECURE, "true")], Scheme::Http),
            ("host:4317", &[(INSECURE, "true"), (OWN_INSECURE, "false")], Scheme::Https),
            ("host:4317", &[(INSECURE, "true"), (OWN_INSECURE, "")], Scheme::Http),
            ("[::1]:4317", &[(INSECURE, "true")], Scheme::Http),
            ("http://host:4317", &[], Scheme::Http),
            ("http://host:4317", &[(INSECURE, "false")], Scheme::Http),
            ("https://host:4317", &[(INSECURE, "true")], Scheme::Https),
        ];
        for (endpoint, variables, scheme) in cases {
            let variables = [&[GRPC, (ALL, endpoint)], variables].concat();
            let settings = of(&variables);
            assert_eq!(settings.endpoint.scheme, scheme, "{variables:?}");
        }
    }

    #[test]
    fn a_boolean_that_is_neither_warns_and_is_false_even_for_this_signal_alone() {
        let (builder, warnings) = applied(&[
            GRPC,
            (ALL, "host:4317"),
            ("OTEL_EXPORTER_OTLP_TRACES_INSECURE", "1"),
            ("OTEL_EXPORTER_OTLP_INSECURE", "true"),
        ]);
        let warning = "OTEL_EXPORTER_OTLP_TRACES_INSECURE=\"1\" is neither true nor false: taken as false";
        assert_eq!(warnings, [warning]);
        assert_eq!(builder.build().expect("good").endpoint.scheme, Scheme::Https);
    }

    #[test]
    fn the_option_insecure_beats_the_variable() {
        let (mut builder, _) = applied(&[GRPC, (ALL, "host:4317")]);
        builder.set_insecure(true);
        assert_eq!(builder.build().expect("good").endpoint.scheme, Scheme::Http);
    }

    #[test]
    fn what_a_grpc_call_cannot_ask_for_is_refused() {
        let path = "it has a path, which gRPC cannot ask for; write http://host:port alone";
        let cases = [
            ("http://collector:4317/v1/traces", path),
            ("http://collector:4317?a=b", path),
            ("collector:4317/x", path),
            ("collector", "it has neither a scheme nor a port; write host:4317, or a URL"),
            ("dns:///collector:4317", "its scheme is neither http nor https"),
        ];
        for (endpoint, expected) in cases {
            assert_eq!(problem(&[GRPC, (ALL, endpoint)]), expected, "{endpoint}");
        }
    }
}

#[test]
fn percent_decoding_takes_whole_escapes_only() {
    assert_eq!(percent_decode("a%20%41%c3%A9b"), Some("a Aéb".into()));
    assert_eq!(percent_decode("+"), Some("+".into()));
    for text in ["%", "a%2", "%2g", "%g2", "%%20", "%+1"] {
        assert_eq!(percent_decode(text), None, "{text}");
    }
}

#[test]
fn an_address_is_split_without_loss() {
    let address = Address::parse("https://u:p@[2001:db8::1]:99/a/b?c=d?e#f").expect("good");
    assert_eq!(address.scheme, Some(Scheme::Https));
    assert_eq!(address.authority(), "[2001:db8::1]:99");
    assert_eq!((address.path.as_str(), address.query.as_deref()), ("/a/b", Some("c=d?e")));
    assert!(address.authorization.is_some());
}

#[test]
fn any_text_is_an_address_that_makes_a_url_or_has_a_reason_why_not() {
    let templates = ["http://user:pass@host:4318/a/b?c=d#e", "https://[::1]:4317/", "host:4317", "//", ""];
    let parts = [
        "", ":", "/", "@", "[", "]", "?", "#", "%", "%4", "://", "http", ".", "0", "é", "\0", " ", "\u{202e}",
    ];
    let mut good = 0;
    for template in templates {
        for at in 0..=template.len() {
            for removed in [0, 1, 3] {
                let end = template.len().min(at + removed);
                for part in parts {
                    let text = [&template[..at], part, &template[end..]].concat();
                    for protocol in protocols() {
                        let mut builder = builder();
                        builder.set_protocol(protocol);
                        builder.set_endpoint(text.as_str());
                        if let Ok(settings) = builder.build() {
                            let authority = settings.url().authority().expect("a host");
                            assert!(
                                !authority.host().is_empty() && !authority.as_str().contains('@'),
                                "{text:?}"
                            );
                            good += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(good > 100, "{good}");
}
