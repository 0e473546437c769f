//! Ids, `traceparent` and `tracestate` beyond the conformance suite: errors, changes, cuts, carriers.

use std::collections::{BTreeMap, HashMap};

use nanospan::propagation::{Getter, Setter, TraceContextPropagator, format_traceparent, parse_traceparent};
use nanospan::testing::Recorder;
use nanospan::{SpanContext, SpanHandle, SpanId, TraceFlags, TraceId, TraceState};

const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE_ID: TraceId = TraceId::from_u128(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
const SPAN_ID: SpanId = SpanId::from_u64(0x00f0_67aa_0ba9_02b7);

fn context(flags: TraceFlags, trace_state: &str) -> SpanContext {
    SpanContext::remote(TRACE_ID, SPAN_ID, flags, trace_state.parse().unwrap())
}

fn injected(propagator: &TraceContextPropagator, context: &SpanContext) -> Vec<(String, String)> {
    let mut carrier = Vec::new();
    propagator.inject(context, &mut carrier);
    carrier
}

#[test]
fn a_handle_is_24_bytes_a_context_40_and_a_trace_state_one_pointer() {
    assert_eq!(size_of::<SpanHandle>(), 24);
    assert_eq!(size_of::<SpanContext>(), 40);
    assert_eq!(size_of::<TraceState>(), size_of::<usize>());
}

#[test]
fn ids_are_big_endian_in_bytes_and_lowercase_in_text() {
    assert_eq!(TRACE_ID.to_bytes()[..2], [0x4b, 0xf9]);
    assert_eq!(SPAN_ID.to_bytes()[..2], [0x00, 0xf0]);
    assert_eq!(TraceId::from_bytes(TRACE_ID.to_bytes()), TRACE_ID);
    assert_eq!(SpanId::from_bytes(SPAN_ID.to_bytes()), SPAN_ID);
    assert_eq!(TRACE_ID.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(SPAN_ID.to_string(), "00f067aa0ba902b7");
    assert_eq!(TRACE_ID.to_string().parse(), Ok(TRACE_ID));
    assert_eq!(SPAN_ID.to_string().parse(), Ok(SPAN_ID));
    assert_eq!(format!("{SPAN_ID:?}"), "SpanId(00f067aa0ba902b7)");
    assert!(TraceId::from_u128(1) < TraceId::from_u128(1 << 64));
}

#[test]
fn a_malformed_id_is_refused_with_what_is_wrong_and_where() {
    let error = "4bf9".parse::<TraceId>().unwrap_err();
    assert_eq!(error.to_string(), "expected 32 lowercase hexadecimal digits, found 4 bytes");
    let error = "00F067aa0ba902b7".parse::<SpanId>().unwrap_err();
    assert_eq!(error.to_string(), "expected a lowercase hexadecimal digit at offset 2, found 'F'");
    for (trace_id, span_id, trace_error, span_error) in [
        (
            &*format!("{TRACE_ID}0"),
            &*format!("{SPAN_ID}0"),
            "expected 32 lowercase hexadecimal digits, found 33 bytes",
            "expected 16 lowercase hexadecimal digits, found 17 bytes",
        ),
        (
            "",
            "",
            "expected 32 lowercase hexadecimal digits, found 0 bytes",
            "expected 16 lowercase hexadecimal digits, found 0 bytes",
        ),
        (
            "completely unacceptablecharacter",
            "unacceptablechar",
            "expected a lowercase hexadecimal digit at offset 1, found 'o'",
            "expected a lowercase hexadecimal digit at offset 0, found 'u'",
        ),
        (
            "DEADBEEFBAD0CAFEDEADBEEFBAD0CAFE",
            "DEADBEEFBAD0CAFE",
            "expected a lowercase hexadecimal digit at offset 0, found 'D'",
            "expected a lowercase hexadecimal digit at offset 0, found 'D'",
        ),
    ] {
        assert_eq!(trace_id.parse::<TraceId>().unwrap_err().to_string(), trace_error);
        assert_eq!(span_id.parse::<SpanId>().unwrap_err().to_string(), span_error);
    }
}

#[test]
fn the_id_of_all_zeroes_reads_as_the_invalid_one() {
    assert_eq!("0".repeat(32).parse(), Ok(TraceId::INVALID));
    assert_eq!("0".repeat(16).parse(), Ok(SpanId::INVALID));
}

#[test]
fn every_id_that_a_tracer_makes_reads_back_from_its_text() {
    let recorder = Recorder::new();
    for _ in 0..1000 {
        let span = recorder.tracer().span("s").start();
        assert_eq!(span.trace_id().to_string().parse(), Ok(span.trace_id()));
        assert_eq!(span.span_id().to_string().parse(), Ok(span.span_id()));
    }
}

#[test]
fn only_the_handle_of_all_zeroes_is_invalid() {
    assert!(SpanHandle::INVALID.is_invalid());
    assert_eq!(SpanHandle::default(), SpanHandle::INVALID);
    assert_eq!(SpanContext::INVALID.handle(), SpanHandle::INVALID);
    for (trace_id, span_id) in [(0, 1), (1, 0), (1 << 64, 0)] {
        let handle =
            SpanHandle { trace_id: TraceId::from_u128(trace_id), span_id: SpanId::from_u64(span_id) };
        assert!(!handle.is_invalid(), "{handle:?}");
    }
}

#[test]
fn a_context_needs_both_ids_to_be_valid_and_to_be_sent() {
    let propagator = TraceContextPropagator::new();
    for (trace_id, span_id) in [(0, 0), (0, 1), (1, 0)] {
        let context = SpanContext::new(
            TraceId::from_u128(trace_id),
            SpanId::from_u64(span_id),
            TraceFlags::SAMPLED,
            "rojo=1".parse().unwrap(),
        );
        assert!(!context.is_valid());
        assert_eq!(injected(&propagator, &context), []);
    }
}

#[test]
fn flags_keep_sampled_and_random_apart_and_nothing_else() {
    for byte in 0..=u8::MAX {
        let flags = TraceFlags::from_byte(byte);
        assert_eq!(flags.to_byte(), byte & 0x03);
        assert_eq!((flags.is_sampled(), flags.is_random()), (byte & 1 != 0, byte & 2 != 0));
        assert_eq!(flags.with_sampled(true).to_byte(), flags.to_byte() | 1);
        assert_eq!(flags.with_sampled(false).to_byte(), flags.to_byte() & 2);
        assert_eq!(flags.with_random(true).to_byte(), flags.to_byte() | 2);
        assert_eq!(flags.with_random(false).to_byte(), flags.to_byte() & 1);
    }
}

#[test]
fn every_version_but_ff_is_read_and_sent_as_version_00() {
    for version in 0..=u8::MAX {
        let value = format!("{version:02x}{}", &VALID[2..]);
        match parse_traceparent(value.as_bytes()) {
            Ok(found) => {
                assert_eq!(found, context(TraceFlags::SAMPLED, ""), "{value}");
                let sent = format_traceparent(found.trace_id(), found.span_id(), found.flags());
                assert_eq!(sent, VALID.as_bytes(), "{value}");
            }
            Err(error) => {
                assert_eq!(version, 0xff, "{error}");
                assert_eq!(error.to_string(), "traceparent: version ff is forbidden");
            }
        }
    }
}

#[test]
fn reserved_flags_are_dropped_in_every_version() {
    for version in ["00", "02"] {
        for (received, sent) in [("09", 1), ("08", 0), ("fe", 2), ("ff", 3)] {
            let value = format!("{version}{}{received}", &VALID[2..53]);
            let found = parse_traceparent(value.as_bytes()).unwrap();
            assert_eq!(found.flags().to_byte(), sent, "{value}");
        }
    }
}

#[test]
fn a_dash_at_the_end_is_refused_in_version_00_and_accepted_above() {
    assert!(parse_traceparent(format!("{VALID}-").as_bytes()).is_err());
    assert!(parse_traceparent(format!("03{}-", &VALID[2..]).as_bytes()).is_ok());
}

#[test]
fn a_malformed_traceparent_is_refused_with_what_is_wrong_and_where() {
    let rows = [
        ("", "traceparent: expected 55 bytes, found 0"),
        (&VALID[..52], "traceparent: expected 55 bytes, found 52"),
        (&VALID[..53], "traceparent: expected 55 bytes, found 53"),
        (
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
            "traceparent: expected 55 bytes, found 61",
        ),
        (
            "0000-00000000000000000000000000000000-0000000000000000-01",
            "traceparent: expected a dash at offset 2",
        ),
        (
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.",
            "traceparent: expected a dash at offset 55",
        ),
        (
            "A0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "traceparent version: expected a lowercase hexadecimal digit at offset 0, found 'A'",
        ),
        (
            "00-AB000000000000000000000000000000-cd00000000000000-01",
            "traceparent trace-id: expected a lowercase hexadecimal digit at offset 0, found 'A'",
        ),
        (
            "00-ab000000000000000000000000000000-cD00000000000000-01",
            "traceparent parent-id: expected a lowercase hexadecimal digit at offset 1, found 'D'",
        ),
        (
            "00-ab000000000000000000000000000000-cd00000000000000-A1",
            "traceparent trace-flags: expected a lowercase hexadecimal digit at offset 0, \
             found 'A'",
        ),
        ("00-00000000000000000000000000000000-0000000000000000-01", "traceparent trace-id: all zeroes"),
        ("00-00000000000000000000000000000001-0000000000000000-01", "traceparent parent-id: all zeroes"),
    ];
    for (value, expected) in rows {
        assert_eq!(parse_traceparent(value.as_bytes()).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_malformed_tracestate_leaves_the_traceparent_alone() {
    for bad in ["invalid$@#=invalid", "rojo", "=", "a=1,,b", "a=\u{e9}"] {
        let headers = [("traceparent", VALID), ("tracestate", bad)];
        let found = TraceContextPropagator::new().extract(&headers);
        assert_eq!(found, Some(context(TraceFlags::SAMPLED, "")), "{bad}");
    }
    for pair in [["rojo=1", "ROJO=1"], ["ROJO=1", "rojo=1"]] {
        let states = pair.map(|value| ("tracestate", value));
        let headers = [("traceparent", VALID), states[0], states[1]];
        let found = TraceContextPropagator::new().extract(&headers);
        assert_eq!(found, Some(context(TraceFlags::SAMPLED, "")), "{pair:?}");
    }
}

#[test]
fn a_bad_traceparent_stops_extraction_before_the_tracestate_is_read() {
    struct TraceparentOnly;
    impl Getter for TraceparentOnly {
        fn for_each_value(&self, name: &str, visit: &mut dyn FnMut(&[u8])) {
            assert_eq!(name, "traceparent");
            visit(b"00-bad");
        }
    }
    assert_eq!(TraceContextPropagator::new().extract(&TraceparentOnly), None);
}

#[test]
fn a_changed_key_moves_to_the_front_and_the_others_keep_their_order() {
    let state: TraceState = "a=1,b=2,c=3".parse().unwrap();
    assert_eq!(state.insert("c", "4").unwrap().as_str(), "c=4,a=1,b=2");
    assert_eq!(state.insert("b", "2").unwrap().as_str(), "b=2,a=1,c=3");
    assert_eq!(state.insert("d", "5").unwrap().as_str(), "d=5,a=1,b=2,c=3");
    assert_eq!(TraceState::EMPTY.insert("a", "1").unwrap().as_str(), "a=1");
    assert_eq!(state.delete("b").as_str(), "a=1,c=3");
    assert_eq!(state.delete("missing"), state);
    assert_eq!(state.delete("B="), state);
    assert!(state.delete("a").delete("b").delete("c").is_empty());
    assert_eq!(state.as_str(), "a=1,b=2,c=3", "a list itself never changes");
}

#[test]
fn a_new_key_pushes_the_last_of_32_members_out_and_a_known_one_does_not() {
    let list: Vec<String> = (0..32).map(|n| format!("k{n}=v")).collect();
    let state: TraceState = list.join(",").parse().unwrap();
    let grown = state.insert("new", "v").unwrap();
    assert_eq!(grown.as_str(), format!("new=v,{}", list[..31].join(",")));
    let changed = state.insert("k31", "w").unwrap();
    assert_eq!(changed.as_str(), format!("k31=w,{}", list[..31].join(",")));
}

#[test]
fn members_are_found_by_their_whole_key() {
    let state: TraceState = "ab=1,a=2,abc= 3".parse().unwrap();
    assert_eq!(state.get("a"), Some("2"));
    assert_eq!(state.get("abc"), Some(" 3"), "leading spaces belong to the value");
    assert_eq!(state.get("b"), None);
    assert_eq!(state.iter().collect::<Vec<_>>(), [("ab", "1"), ("a", "2"), ("abc", " 3")]);
    assert_eq!(TraceState::EMPTY.iter().count(), 0);
}

#[test]
fn a_change_outside_the_grammar_is_refused_with_the_rule() {
    let key = "tracestate: a key is 1 to 256 characters of a-z, 0-9, _, -, *, / and @, and starts \
               with a letter or digit";
    for bad in ["", "A", "_a", "a b", "a=b", "é", &"a".repeat(257)] {
        let error = TraceState::EMPTY.insert(bad, "1").unwrap_err();
        assert_eq!(error.to_string(), key, "{bad}");
    }
    let value = "tracestate: a value is 1 to 256 printable ASCII characters without comma and \
                 equals sign, and does not end with a space";
    for bad in ["", "a,b", "a=b", "a ", "a\tb", "a\n", "é", "\u{7f}", &"v".repeat(257)] {
        let error = TraceState::EMPTY.insert("a", bad).unwrap_err();
        assert_eq!(error.to_string(), value, "{bad}");
    }
    assert!(TraceState::EMPTY.insert(&"a".repeat(256), &"v".repeat(256)).is_ok());
}

#[test]
fn a_malformed_tracestate_is_refused_with_the_member_at_fault() {
    let starts = [
        ("a=1,rojo", "tracestate member 2: expected a key and a value"),
        ("a=1,,=2", "tracestate member 2: a key is"),
        ("a=1,b=2,c=", "tracestate member 3: a value is"),
        (&"a=1,".repeat(33), "tracestate has more than 32 members"),
    ];
    for (text, start) in starts {
        let error = text.parse::<TraceState>().unwrap_err().to_string();
        assert!(error.starts_with(start), "{error}");
    }
}

#[test]
fn empty_members_do_not_count() {
    let text = format!(" ,{},\t", ["k=v"; 32].join(", ,,"));
    assert_eq!(text.parse::<TraceState>().unwrap().as_str(), "k=v");
}

#[test]
fn a_long_tracestate_is_cut_by_whole_members_the_long_ones_first_and_then_from_the_end() {
    let long = |key: &str| format!("{key}={}", "x".repeat(127));
    let full = format!("a=1,{},b=2,{},c=3", long("l"), long("m"));
    let state: TraceState = full.parse().unwrap();

    assert_eq!(state.truncated(full.len()), state);
    assert_eq!(state.truncated(full.len() - 1).as_str(), format!("a=1,{},b=2,c=3", long("l")));
    assert_eq!(state.truncated(100).as_str(), "a=1,b=2,c=3");
    assert_eq!(state.truncated(11).as_str(), "a=1,b=2,c=3");
    assert_eq!(state.truncated(10).as_str(), "a=1,b=2");
    assert_eq!(state.truncated(3).as_str(), "a=1");
    assert!(state.truncated(2).is_empty());
}

#[test]
fn a_member_of_128_characters_is_not_long() {
    let member = |key: &str| format!("{key}={}", "x".repeat(126));
    let state: TraceState = format!("{},b=2", member("l")).parse().unwrap();
    assert_eq!(state.truncated(130).as_str(), member("l"));
}

#[test]
fn no_more_tracestate_is_sent_than_was_chosen_and_never_less_than_512_bytes() {
    let long: Vec<String> = (0..32).map(|n| format!("k{n:02}={}", "x".repeat(250))).collect();
    let short: Vec<String> = (0..32).map(|n| format!("k{n:02}={}", "x".repeat(12))).collect();
    let (long, short) = (long.join(","), short.join(","));
    assert_eq!((long.len(), short.len()), (8159, 543));

    let sent = |propagator: &TraceContextPropagator, state: &str| {
        let headers = injected(propagator, &context(TraceFlags::NONE, state));
        headers.get(1).map_or(0, |(_, value)| value.len())
    };
    let standard = TraceContextPropagator::new();
    assert_eq!(sent(&standard, &short), 543);
    assert_eq!(sent(&standard, &long), 16 * 255 - 1, "the whole members that fit 4096 bytes");
    assert_eq!(sent(&standard.clone().tracestate_bytes_max(8159), &long), 8159);
    assert_eq!(sent(&standard.tracestate_bytes_max(0), &short), 30 * 17 - 1);
}

#[test]
fn what_is_injected_is_extracted_again() {
    let propagator = TraceContextPropagator::new();
    for flags in 0..4 {
        for state in ["", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"] {
            let sent = context(TraceFlags::from_byte(flags), state);
            assert_eq!(propagator.extract(&injected(&propagator, &sent)), Some(sent));
        }
    }
}

#[test]
fn every_carrier_is_read_without_regard_to_case_and_rewritten_without_duplicates() {
    fn check(mut carrier: impl Getter + Setter, kind: &str) {
        carrier.set("Traceparent", "stale");
        let propagator = TraceContextPropagator::new();
        propagator.inject(&context(TraceFlags::SAMPLED, "rojo=1"), &mut carrier);
        let found = propagator.extract(&carrier);
        assert_eq!(found, Some(context(TraceFlags::SAMPLED, "rojo=1")), "{kind}");
    }
    check(Vec::<(String, String)>::new(), "Vec");
    check(HashMap::<String, String>::new(), "HashMap");
    check(BTreeMap::<String, String>::new(), "BTreeMap");
}

#[test]
fn carriers_are_used_behind_references_and_as_trait_objects() {
    let propagator = TraceContextPropagator::new();
    let mut headers: Vec<(String, String)> = Vec::new();
    let setter: &mut dyn Setter = &mut headers;
    propagator.inject(&context(TraceFlags::NONE, ""), setter);
    let getter: &dyn Getter = &headers;
    assert_eq!(propagator.extract(getter), propagator.extract(&&headers[..]));
    assert!(propagator.extract(getter).is_some());
}

#[test]
fn a_carrier_may_be_lent_to_whoever_takes_one_by_value() {
    fn send(mut carrier: impl Setter, flags: TraceFlags) {
        TraceContextPropagator::new().inject(&context(flags, ""), &mut carrier);
    }
    let mut headers: Vec<(String, String)> = Vec::new();
    send(&mut headers, TraceFlags::NONE);
    send(&mut headers as &mut dyn Setter, TraceFlags::SAMPLED);
    let expected = injected(&TraceContextPropagator::new(), &context(TraceFlags::SAMPLED, ""));
    assert_eq!(headers, expected, "the second one replaced what the first had set");
}

#[test]
fn fields_are_the_headers_that_inject_writes() {
    let propagator = TraceContextPropagator::new();
    let sent = injected(&propagator, &context(TraceFlags::NONE, "rojo=1"));
    let names: Vec<&str> = sent.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, TraceContextPropagator::FIELDS);
}
