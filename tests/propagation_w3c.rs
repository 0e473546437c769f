//! The cases of the W3C Trace Context conformance suite, by the names that they have there.
//!
//! That suite drives a service over HTTP and looks at the headers of the service's own calls. Here
//! a call is `extract`, a child span with an id of its own, and `inject`. Where the suite expects a
//! new trace id, `extract` must find no parent.

use std::collections::HashSet;

use nanospan::propagation::TraceContextPropagator;
use nanospan::{SpanContext, SpanId, TraceState};

const TRACE_ID: &str = "12345678901234567890123456789012";
const SAMPLED: (&str, &str) = ("traceparent", "00-12345678901234567890123456789012-1234567890123456-01");
const NOT_SAMPLED: (&str, &str) = ("traceparent", "00-12345678901234567890123456789012-1234567890123456-00");

fn extract(headers: &[(&str, &str)]) -> Option<SpanContext> {
    TraceContextPropagator::new().extract(headers)
}

/// The headers of the outgoing call that a child of `parent` makes.
fn inject_child(parent: &SpanContext, span_id: u64) -> Vec<(String, String)> {
    let child = SpanContext::new(
        parent.trace_id(),
        SpanId::from_u64(span_id),
        parent.flags(),
        parent.trace_state().clone(),
    );
    let mut sent = Vec::new();
    TraceContextPropagator::new().inject(&child, &mut sent);
    sent
}

/// Asserts that the trace goes on: what is sent has the trace id that was received.
#[track_caller]
fn assert_continued(headers: &[(&str, &str)]) {
    let parent = extract(headers).unwrap_or_else(|| panic!("no parent in {headers:?}"));
    let sent = inject_child(&parent, 0xfeed);
    assert_eq!(sent[0].0, "traceparent");
    assert_eq!(sent[0].1[..53], format!("00-{TRACE_ID}-000000000000feed-"));
}

#[track_caller]
fn assert_restarted(traceparent: &str) {
    assert_eq!(extract(&[("traceparent", traceparent)]), None, "{traceparent:?}");
}

/// The `tracestate` that is sent after `tracestates` were received with a valid `traceparent`.
#[track_caller]
fn propagated(tracestates: &[&str]) -> TraceState {
    let mut headers = vec![NOT_SAMPLED];
    headers.extend(tracestates.iter().map(|value| ("tracestate", *value)));
    assert_continued(&headers);
    let sent = inject_child(&extract(&headers).unwrap(), 0xfeed);
    match &sent[1..] {
        [] => TraceState::EMPTY,
        [(name, value)] => {
            assert_eq!(name, "tracestate");
            assert!(!value.is_empty(), "an empty tracestate should not be sent");
            value.parse().expect("what is sent is well-formed")
        }
        more => panic!("expected one tracestate header, found {more:?}"),
    }
}

#[test]
fn test_both_traceparent_and_tracestate_missing() {
    assert_eq!(extract(&[]), None);
}

#[test]
fn test_traceparent_included_tracestate_missing() {
    assert_continued(&[SAMPLED]);
    assert!(extract(&[SAMPLED]).unwrap().trace_state().is_empty());
}

#[test]
fn test_traceparent_duplicated() {
    let other = ("traceparent", "00-12345678901234567890123456789011-1234567890123456-01");
    assert_eq!(extract(&[other, SAMPLED]), None);
    assert_eq!(extract(&[other, SAMPLED, other]), None);
}

#[test]
fn test_traceparent_header_name() {
    assert_eq!(extract(&[("trace-parent", SAMPLED.1)]), None);
    assert_eq!(extract(&[("trace.parent", SAMPLED.1)]), None);
}

#[test]
fn test_traceparent_header_name_valid_casing() {
    assert_continued(&[("TraceParent", SAMPLED.1)]);
    assert_continued(&[("TrAcEpArEnT", SAMPLED.1)]);
    assert_continued(&[("TRACEPARENT", SAMPLED.1)]);
}

#[test]
fn test_traceparent_version_0x00() {
    assert_restarted("00-12345678901234567890123456789012-1234567890123456-01.");
    assert_restarted("00-12345678901234567890123456789012-1234567890123456-01-what-the-future-will-be-like");
}

#[test]
fn test_traceparent_version_0xcc() {
    let valid = "cc-12345678901234567890123456789012-1234567890123456-01";
    assert_continued(&[("traceparent", valid)]);
    assert_continued(&[("traceparent", &format!("{valid}-what-the-future-will-be-like"))]);
    assert_restarted(&format!("{valid}.what-the-future-will-be-like"));
}

#[test]
fn test_traceparent_version_0xff() {
    assert_restarted("ff-12345678901234567890123456789012-1234567890123456-01");
}

#[test]
fn test_traceparent_version_illegal_characters() {
    assert_restarted(".0-12345678901234567890123456789012-1234567890123456-01");
    assert_restarted("0.-12345678901234567890123456789012-1234567890123456-01");
}

#[test]
fn test_traceparent_version_too_long() {
    assert_restarted("000-12345678901234567890123456789012-1234567890123456-01");
    assert_restarted("0000-12345678901234567890123456789012-1234567890123456-01");
}

#[test]
fn test_traceparent_version_too_short() {
    assert_restarted("0-12345678901234567890123456789012-1234567890123456-01");
}

#[test]
fn test_traceparent_trace_id_all_zero() {
    assert_restarted("00-00000000000000000000000000000000-1234567890123456-01");
}

#[test]
fn test_traceparent_trace_id_illegal_characters() {
    assert_restarted("00-.2345678901234567890123456789012-1234567890123456-01");
    assert_restarted("00-1234567890123456789012345678901.-1234567890123456-01");
}

#[test]
fn test_traceparent_trace_id_too_long() {
    assert_restarted("00-123456789012345678901234567890123-1234567890123456-01");
}

#[test]
fn test_traceparent_trace_id_too_short() {
    assert_restarted("00-1234567890123456789012345678901-1234567890123456-01");
}

#[test]
fn test_traceparent_parent_id_all_zero() {
    assert_restarted("00-12345678901234567890123456789012-0000000000000000-01");
}

#[test]
fn test_traceparent_parent_id_illegal_characters() {
    assert_restarted("00-12345678901234567890123456789012-.234567890123456-01");
    assert_restarted("00-12345678901234567890123456789012-123456789012345.-01");
}

#[test]
fn test_traceparent_parent_id_too_long() {
    assert_restarted("00-12345678901234567890123456789012-12345678901234567-01");
}

#[test]
fn test_traceparent_parent_id_too_short() {
    assert_restarted("00-12345678901234567890123456789012-123456789012345-01");
}

#[test]
fn test_traceparent_trace_flags_illegal_characters() {
    assert_restarted("00-12345678901234567890123456789012-1234567890123456-.0");
    assert_restarted("00-12345678901234567890123456789012-1234567890123456-0.");
}

#[test]
fn test_traceparent_trace_flags_too_long() {
    assert_restarted("00-12345678901234567890123456789012-1234567890123456-001");
}

#[test]
fn test_traceparent_trace_flags_too_short() {
    assert_restarted("00-12345678901234567890123456789012-1234567890123456-1");
}

#[test]
fn test_traceparent_ows_handling() {
    let value = SAMPLED.1;
    for (before, after) in [(" ", ""), ("\t", ""), ("", " "), ("", "\t"), ("\t ", " \t")] {
        assert_continued(&[("traceparent", &format!("{before}{value}{after}"))]);
    }
}

#[test]
fn test_tracestate_included_traceparent_missing() {
    assert_eq!(extract(&[("tracestate", "foo=1")]), None);
    assert_eq!(extract(&[("tracestate", "foo=1,bar=2")]), None);
}

#[test]
fn test_tracestate_included_traceparent_included() {
    assert_eq!(propagated(&["foo=1,bar=2"]).as_str(), "foo=1,bar=2");
}

#[test]
fn test_tracestate_header_name() {
    for name in ["trace-state", "trace.state"] {
        let context = extract(&[NOT_SAMPLED, (name, "foo=1")]).unwrap();
        assert!(context.trace_state().is_empty(), "{name}");
    }
}

#[test]
fn test_tracestate_header_name_valid_casing() {
    for name in ["TraceState", "TrAcEsTaTe", "TRACESTATE"] {
        let context = extract(&[NOT_SAMPLED, (name, "foo=1")]).unwrap();
        assert_eq!(context.trace_state().get("foo"), Some("1"), "{name}");
    }
}

#[test]
fn test_tracestate_empty_header() {
    assert!(propagated(&[""]).is_empty());
    assert_eq!(propagated(&["foo=1", ""]).as_str(), "foo=1");
    assert_eq!(propagated(&["", "foo=1"]).as_str(), "foo=1");
}

#[test]
fn test_tracestate_multiple_headers_different_keys() {
    let state = propagated(&["foo=1,bar=2", "rojo=1,congo=2", "baz=3"]);
    assert_eq!(state.as_str(), "foo=1,bar=2,rojo=1,congo=2,baz=3");
}

#[test]
fn test_tracestate_duplicated_keys() {
    assert_eq!(propagated(&["foo=1,foo=1"]).as_str(), "foo=1");
    assert_eq!(propagated(&["foo=1,foo=2"]).as_str(), "foo=1");
    assert_eq!(propagated(&["foo=1", "foo=1"]).as_str(), "foo=1");
    assert_eq!(propagated(&["foo=1", "foo=2"]).as_str(), "foo=1");
}

#[test]
fn test_tracestate_all_allowed_characters() {
    let without_vendor = "abcdefghijklmnopqrstuvwxyz0123456789_-*/";
    let with_vendor = format!("{without_vendor}@a-z0-9_-*/");
    let value: String = (' '..='~').filter(|char| !matches!(char, ',' | '=')).collect();
    assert_eq!(value.len(), 93);
    for key in [without_vendor, &with_vendor] {
        assert_eq!(propagated(&[&format!("{key}={value}")]).get(key), Some(&*value));
    }
}

#[test]
fn test_tracestate_ows_handling() {
    for spaced in ["foo=1 \t , \t bar=2, \t baz=3", "foo=1\t \t,\t \tbar=2,\t \tbaz=3"] {
        assert_eq!(propagated(&[spaced]).as_str(), "foo=1,bar=2,baz=3");
    }
    for spaced in [" foo=1", "\tfoo=1", "foo=1 ", "foo=1\t", "\t foo=1 \t"] {
        assert_eq!(propagated(&[spaced]).as_str(), "foo=1", "{spaced:?}");
    }
}

#[test]
fn test_tracestate_key_illegal_characters() {
    for bad in ["foo =1", "FOO=1", "foo.bar=1"] {
        assert!(propagated(&[bad]).is_empty(), "{bad:?}");
    }
}

/// Level 2 allows the at sign anywhere but at the start, and any number of them.
#[test]
fn test_tracestate_key_illegal_vendor_format() {
    for good in ["foo@=1,bar=2", "foo@@bar=1,bar=2", "foo@bar@baz=1,bar=2"] {
        assert_eq!(propagated(&[good]).as_str(), good);
    }
    assert!(propagated(&["@foo=1,bar=2"]).is_empty());
}

#[test]
fn test_tracestate_member_count_limit() {
    let members: Vec<String> = (1..=33).map(|n| format!("bar{n:02}={n:02}")).collect();
    let rows: Vec<String> = members[..30].chunks(10).map(|row| row.join(",")).collect();
    let [first, second, third] = &rows[..] else { unreachable!("30 members make three rows") };

    let state = propagated(&[first, second, third, &members[30..32].join(",")]);
    assert_eq!(state.len(), 32);
    assert_eq!(state.as_str(), members[..32].join(","));

    assert!(propagated(&[first, second, third, &members[30..].join(",")]).is_empty());
}

#[test]
fn test_tracestate_key_length_limit() {
    let good = [
        "z".repeat(256),
        format!("{}@{}", "t".repeat(241), "v".repeat(14)),
        format!("{}@v", "t".repeat(242)),
        format!("t@{}", "v".repeat(15)),
    ];
    for key in good {
        let state = propagated(&["foo=1", &format!("{key}=1")]);
        assert_eq!((state.get("foo"), state.get(&key)), (Some("1"), Some("1")), "{key}");
    }
    assert!(propagated(&["foo=1", &format!("{}=1", "z".repeat(257))]).is_empty());
}

#[test]
fn test_tracestate_value_illegal_characters() {
    assert!(propagated(&["foo=bar=baz"]).is_empty());
    assert!(propagated(&["foo=,bar=3"]).is_empty());
}

#[test]
fn test_multiple_requests_with_valid_traceparent() {
    let parent = extract(&[SAMPLED]).unwrap();
    let sent: HashSet<String> =
        (1..=3).map(|span_id| inject_child(&parent, span_id).swap_remove(0).1).collect();
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|value| value[3..35] == *TRACE_ID), "{sent:?}");
}

#[test]
fn test_multiple_requests_without_traceparent() {
    let propagator = TraceContextPropagator::new();
    assert!(propagator.extract(&[SAMPLED]).is_some());
    let nothing: [(&str, &str); 0] = [];
    for _ in 0..3 {
        assert_eq!(propagator.extract(&nothing), None, "a request remembers nothing of others");
    }
}

#[test]
fn test_multiple_requests_with_illegal_traceparent() {
    let propagator = TraceContextPropagator::new();
    let illegal = [("traceparent", "00-00000000000000000000000000000000-1234567890123456-01")];
    for _ in 0..3 {
        assert_eq!(propagator.extract(&illegal), None);
        assert!(propagator.extract(&[SAMPLED]).is_some(), "a bad request spoils no other");
    }
}

#[test]
fn test_propagates_random_flag() {
    let random = ("traceparent", "00-12345678901234567890123456789012-1234567890123456-02");
    assert_continued(&[random]);
    let sent = inject_child(&extract(&[random]).unwrap(), 0xfeed);
    assert!(sent[0].1.ends_with("-02"), "{sent:?}");

    let sent = inject_child(&extract(&[SAMPLED]).unwrap(), 0xfeed);
    assert!(sent[0].1.ends_with("-01"), "a flag that was not received is not sent: {sent:?}");
}
