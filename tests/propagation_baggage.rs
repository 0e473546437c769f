//! Baggage: the cases of the W3C Baggage test suite, and what its limits promise.

use nanospan::propagation::{Baggage, BaggageMember, BaggagePropagator};

fn parse(text: &str) -> Baggage {
    text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn extract(headers: &[&str]) -> Option<Baggage> {
    let headers: Vec<(&str, &str)> = headers.iter().map(|value| ("Baggage", *value)).collect();
    BaggagePropagator::new().extract(&headers)
}

fn properties(member: &BaggageMember) -> Vec<(String, Option<String>)> {
    member
        .properties()
        .map(|(name, value)| (name.to_owned(), value.map(|value| value.into_owned())))
        .collect()
}

/// What the properties of the first member of `text` are, as `name` or `name=value`.
fn first_properties(text: &str) -> Vec<String> {
    let baggage = parse(text);
    let member = baggage.iter().next().unwrap();
    properties(member)
        .into_iter()
        .map(|(name, value)| value.map_or(name.clone(), |value| format!("{name}={value}")))
        .collect()
}

const SPACED: &str = "SomeKey \t = \t SomeValue \t ; \t SomeProp \t , \t SomeKey2 \t = \t SomeValue2 \
                      \t ; \t ValueProp \t = \t PropVal";
const COMPACT: &str = "SomeKey=SomeValue;SomeProp,SomeKey2=SomeValue2;ValueProp=PropVal";

#[test]
fn names_and_values_are_read_in_order() {
    assert!(Baggage::new().is_empty());
    assert_eq!(parse(""), Baggage::new());
    let baggage = parse(COMPACT);
    let read: Vec<_> = baggage.iter().map(|member| (member.name(), member.value())).collect();
    assert_eq!(read, [("SomeKey", "SomeValue"), ("SomeKey2", "SomeValue2")]);
    assert_eq!((baggage.get("SomeKey2"), baggage.get("somekey2")), (Some("SomeValue2"), None));
}

#[test]
fn optional_whitespace_belongs_to_nothing() {
    assert_eq!(parse(SPACED), parse(COMPACT));
    assert_eq!(parse(SPACED).to_string(), COMPACT);
}

#[test]
fn equals_signs_may_stand_in_values() {
    assert_eq!(parse("SomeKey=SomeValue=equals").get("SomeKey"), Some("SomeValue=equals"));
    assert_eq!(parse("key==").get("key"), Some("="));
    assert_eq!(parse("a=b==").to_string(), "a=b==");
}

#[test]
fn escapes_are_undone_when_read_and_made_when_written() {
    let value = "\t \"';=asdf!@#$%^&*()";
    let escaped = "SomeKey=%09%20%22%27%3B%3Dasdf%21%40%23%24%25%5E%26%2A%28%29";
    let baggage = parse(escaped);
    assert_eq!(baggage.get("SomeKey"), Some(value));
    assert_eq!(baggage.to_string(), "SomeKey=%09%20%22'%3B=asdf!@#$%25^&*()");
    assert_eq!(parse(&baggage.to_string()), baggage);
    assert_eq!(parse("k=%c4%85%C5%9B").get("k"), Some("ąś"), "digits of either case");
    assert_eq!(parse("k=val%252%2C").get("k"), Some("val%2,"), "undone once only");
    assert_eq!(parse("k=1+1").get("k"), Some("1+1"), "a plus is no space");
}

#[test]
fn escapes_that_are_not_utf_8_become_the_replacement_character() {
    assert_eq!(parse("k=aa%ffcc%fedd%fa").get("k"), Some("aa\u{fffd}cc\u{fffd}dd\u{fffd}"));
    assert_eq!(parse("k=aa%ff").to_string(), "k=aa%EF%BF%BD");
    assert_eq!(first_properties("k=v;p=d%fff"), ["p=d\u{fffd}f"]);
}

#[test]
fn properties_are_kept_in_order_with_their_duplicates() {
    assert_eq!(first_properties(COMPACT), ["SomeProp"]);
    assert_eq!(first_properties("k=;state=on;red"), ["state=on", "red"]);
    assert_eq!(first_properties("k=v;p;p=1;p=2"), ["p", "p=1", "p=2"]);
    assert_eq!(first_properties("k=v ; a \t ; b \t = \t c=d"), ["a", "b=c=d"]);
    assert_eq!(first_properties("k=v;p=%09%20%25"), ["p=\t %"]);
    assert_eq!(parse("k=v; a = %2C ;b=").to_string(), "k=v;a=%2C;b=");
}

#[test]
fn escapes_in_names_of_properties_are_left_alone() {
    let name = "ValueProp%20%09%20%3D%20%09%20PropVal";
    assert_eq!(first_properties(&format!("SomeKey=SomeValue;{name}")), [name]);
}

#[test]
fn a_later_duplicate_wins_and_takes_the_place_of_the_first() {
    assert_eq!(parse("a=1;p,b=2,a=3").to_string(), "a=3,b=2");
    assert_eq!(extract(&["a=1,b=2", "a=3"]).unwrap().to_string(), "a=3,b=2");
}

#[test]
fn changes_are_written_as_made() {
    let mut baggage = parse("a=1;p=q,b=2");
    baggage.insert("c", "x y").unwrap();
    baggage.insert("a", "é").unwrap();
    baggage.insert_with_properties("b", "2", &[("ttl", None), ("note", Some("a;b"))]).unwrap();
    assert_eq!(baggage.to_string(), "a=%C3%A9,b=2;ttl;note=a%3Bb,c=x%20y");
    assert!(baggage.remove("b"));
    assert!(!baggage.remove("b"));
    assert_eq!(baggage.to_string(), "a=%C3%A9,c=x%20y");
    assert_eq!(parse(&baggage.to_string()), baggage);
}

#[test]
fn malformed_baggage_is_refused_with_the_member_at_fault() {
    let rows = [
        ("a=1,b", "baggage member 2: expected a name, an equals sign and a value"),
        ("=1", "baggage member 1: a name is a token: letters, digits and !#$%&'*+-.^_`|~"),
        ("a b=1", "baggage member 1: a name is a token: letters, digits and !#$%&'*+-.^_`|~"),
        ("a=1,,b=\\", "baggage member 2: a value has only printable ASCII and complete escapes"),
        ("a=b c", "baggage member 1: a value has only printable ASCII and complete escapes"),
        ("a=val%", "baggage member 1: a value has only printable ASCII and complete escapes"),
        ("a=%4g", "baggage member 1: a value has only printable ASCII and complete escapes"),
        ("a=é", "baggage member 1: a value has only printable ASCII and complete escapes"),
        ("a=1;=v", "baggage member 1: a property is a token, or a token, an equals sign and a value"),
        ("a=1;p=%", "baggage member 1: a property is a token, or a token, an equals sign and a value"),
    ];
    for (text, expected) in rows {
        assert_eq!(text.parse::<Baggage>().unwrap_err().to_string(), expected, "{text}");
    }
    let mut baggage = parse("a=1");
    let error = baggage.insert("é", "1").unwrap_err().to_string();
    assert_eq!(error, "baggage: a name is a token: letters, digits and !#$%&'*+-.^_`|~");
    assert!(baggage.insert_with_properties("b", "1", &[("", None)]).is_err());
    assert_eq!(baggage, parse("a=1"), "a change that is refused changes nothing");
}

#[test]
fn extraction_leaves_out_malformed_members_as_a_whole() {
    assert_eq!(extract(&["a=1;bad\\,b=2,c,=3,d=%,e=5"]).unwrap().to_string(), "b=2,e=5");
    for nothing in [&[][..], &[""], &[" , ,"], &["bad"], &["\\=1"]] {
        assert_eq!(extract(nothing), None, "{nothing:?}");
    }
}

#[test]
fn several_headers_are_one_list() {
    assert_eq!(extract(&["a=1", "", "b=2,c=3"]).unwrap().to_string(), "a=1,b=2,c=3");
}

#[test]
fn sixty_four_members_are_propagated_and_no_more() {
    let members: Vec<String> = (0..65).map(|n| format!("key{n}=value")).collect();
    let full = members[..64].join(",");
    assert_eq!(parse(&full).to_string(), full);

    let error = members.join(",").parse::<Baggage>().unwrap_err();
    assert_eq!(error.to_string(), "baggage member 65: exceeds the limit of 64 members");
    assert_eq!(extract(&[&members.join(",")]).unwrap().to_string(), full);
    assert_eq!(extract(&[&members[..40].join(","), &members[40..].join(",")]).unwrap().len(), 64);

    let mut baggage = parse(&full);
    assert!(baggage.insert("one-more", "").is_err());
    baggage.insert("key63", "changed").expect("a known name needs no room");
    assert!(baggage.remove("key0"));
    baggage.insert("one-more", "").expect("there is room again");
}

#[test]
fn eight_kibibytes_are_propagated_and_no_more() {
    let longest = format!("a={}", "0123456789".repeat(819));
    assert_eq!(longest.len(), 8192);
    assert_eq!(parse(&longest).to_string(), longest);
    let error = format!("{longest}0").parse::<Baggage>().unwrap_err();
    assert_eq!(error.to_string(), "baggage member 1: exceeds the limit of 8192 bytes in all");
    assert_eq!(extract(&[&format!("{longest}0")]), None);
}

#[test]
fn commas_count_and_so_do_escapes() {
    // Two members of 4095 bytes and a comma are 8191 bytes.
    let mut baggage = Baggage::new();
    baggage.insert("a", &"x".repeat(4093)).unwrap();
    baggage.insert("b", &"x".repeat(4093)).unwrap();
    assert_eq!(baggage.to_string().len(), 8191);
    assert!(baggage.insert("b", &"x".repeat(4095)).is_err());
    baggage.insert("b", &"x".repeat(4094)).unwrap();
    assert!(baggage.insert("b", &format!("{}%", "x".repeat(4092))).is_err());
    baggage.insert("b", &format!("{}%", "x".repeat(4091))).unwrap();
    assert_eq!(baggage.to_string().len(), 8192);
}

#[test]
fn a_member_that_does_not_fit_is_left_out_whole_and_later_ones_are_still_tried() {
    let big = "x".repeat(5000);
    let baggage = extract(&[&format!("a={big},b={big};p,c=3")]).unwrap();
    assert_eq!(baggage.to_string(), format!("a={big},c=3"));
}

#[test]
fn a_list_within_the_limits_is_extracted_however_much_of_it_is_escaped() {
    let escaped = format!("a={}", "%41".repeat(8190));
    let baggage = extract(&[&escaped]).unwrap();
    assert_eq!(baggage.get("a"), Some(&*"A".repeat(8190)));
}

#[test]
fn what_follows_the_first_24_kibibytes_is_ignored_by_whole_members() {
    let padding = " ".repeat(24 * 1024 - 7);
    assert_eq!(extract(&[&format!("{padding}a=1,b=2,c=3")]).unwrap().to_string(), "a=1,b=2");
    assert_eq!(extract(&[&format!("{padding}a=1,b=23,c=3")]).unwrap().to_string(), "a=1");
    assert_eq!(extract(&[&format!("{padding}a=1"), "b=2,c=3"]).unwrap().to_string(), "a=1,b=2");
    assert_eq!(extract(&[&format!("{padding}aaa=1111")]), None);
}

#[test]
fn injection_writes_one_header_and_none_for_empty_baggage() {
    let propagator = BaggagePropagator::new();
    let mut sent: Vec<(String, String)> = Vec::new();
    propagator.inject(&Baggage::new(), &mut sent);
    assert_eq!(sent, []);
    propagator.inject(&parse(SPACED), &mut sent);
    assert_eq!(sent, [(BaggagePropagator::FIELDS[0].to_owned(), COMPACT.to_owned())]);
    assert_eq!(propagator.extract(&sent), Some(parse(COMPACT)));
}
