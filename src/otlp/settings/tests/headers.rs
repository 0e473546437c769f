use std::ffi::OsStr;

use crate::otlp::settings::headers::Headers;

/// The headers in a variable's value.
fn parse(text: &str) -> Result<Vec<(String, String)>, String> {
    let headers = Headers::parse(OsStr::new(text))?;
    let mut list = Vec::new();
    for (name, value) in headers.map() {
        assert!(value.is_sensitive(), "{name}");
        list.push((name.to_string(), value.to_str().expect("ASCII").to_owned()));
    }
    list.sort();
    Ok(list)
}

#[test]
fn headers_are_names_and_percent_encoded_values_between_commas() {
    let cases: [(&str, &[(&str, &str)]); 15] = [
        ("h1=v1", &[("h1", "v1")]),
        ("h1=v1,h2=v2", &[("h1", "v1"), ("h2", "v2")]),
        (" h1 = v1 ,\n\th2 =v2 ", &[("h1", "v1"), ("h2", "v2")]),
        ("h1=%20v1%20", &[("h1", "v1")]),
        ("userId=alice+test", &[("userid", "alice+test")]),
        ("serverNode=DF%3A28,ns=localhost/test", &[("ns", "localhost/test"), ("servernode", "DF:28")]),
        ("name=alice%20smith", &[("name", "alice smith")]),
        ("user%2Did=42", &[("user%2did", "42")]),
        ("authorization=Basic dXNlcjpwYXNz==", &[("authorization", "Basic dXNlcjpwYXNz==")]),
        ("authorization=Basic%20dXNlcg%3D%3D", &[("authorization", "Basic dXNlcg==")]),
        ("a=", &[("a", "")]),
        ("a=%2C%3B%25", &[("a", ",;%")]),
        ("a=\"b\"", &[("a", "\"b\"")]),
        (",a=b,,", &[("a", "b")]),
        ("a=1,b=2,A=3", &[("a", "3"), ("b", "2")]),
    ];
    for (text, expected) in cases {
        let expected = expected.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        assert_eq!(parse(text), Ok(expected.collect()), "{text}");
    }
}

#[test]
fn one_bad_entry_refuses_them_all_and_is_named() {
    let name = "the name is not that of an HTTP header";
    let escape = "a % begins no escape; write %25";
    let metadata = "a ; begins metadata, which headers do not have; write %3B";
    let cases = [
        ("userId:alice", "entry 1: there is no = between a name and a value".to_owned()),
        ("a=1,world", "entry 2: there is no = between a name and a value".to_owned()),
        ("=v", format!("entry 1: {name}")),
        ("valid-key=value,invalid key=value", format!("entry 2: {name}")),
        ("ä=v", format!("entry 1: {name}")),
        ("missing=%XX,userId=alice", format!("entry 1: {escape}")),
        ("a=100%", format!("entry 1: {escape}")),
        ("a=b;c=d", format!("entry 1: {metadata}")),
        ("a=%ff", "entry 1: the value is not Unicode".to_owned()),
        ("a=1, B=%0Ax", "entry 2: the value of b has a character other than printable ASCII".to_owned()),
        ("a=b\r\nc: d", "entry 1: the value of a has a character other than printable ASCII".to_owned()),
        ("a=é", "entry 1: the value of a has a character other than printable ASCII".to_owned()),
    ];
    for (text, expected) in cases {
        assert_eq!(parse(text), Err(expected), "{text}");
    }
}

#[test]
fn what_describes_the_request_itself_cannot_be_set() {
    for name in ["Content-Length", "content-type", "Content-Encoding", "host", "TE", "grpc-timeout", "GRPC-x"]
    {
        let problem = format!("entry 1: {} is set by the exporter itself", name.to_lowercase());
        assert_eq!(parse(&format!("{name}=1")), Err(problem));
    }
    for name in ["user-agent", "authorization", "x-content-type", "cookie"] {
        assert_eq!(parse(&format!("{name}=1")), Ok(vec![(name.to_owned(), "1".to_owned())]));
    }
}
