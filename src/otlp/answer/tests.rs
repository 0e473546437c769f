use super::*;
use crate::otlp::signal::Signal;

/// A field that is a varint, below 2048.
fn varint(number: u8, value: u16) -> Vec<u8> {
    match value {
        0..0x80 => vec![number << 3, value as u8],
        _ => vec![number << 3, value as u8 | 0x80, (value >> 7) as u8],
    }
}

/// A field of bytes, fewer than 128.
fn bytes(number: u8, value: &[u8]) -> Vec<u8> {
    assert!(value.len() < 128);
    [&[number << 3 | 2, value.len() as u8], value].concat()
}

fn partial(rejected: u64, message: &str) -> PartialSuccess {
    PartialSuccess { rejected, message: message.to_owned() }
}

/// A `RetryInfo` with this `Duration`, as an `Any`.
fn retry_info(duration: &[u8]) -> Vec<u8> {
    let any = [bytes(1, b"type.googleapis.com/google.rpc.RetryInfo"), bytes(2, &bytes(1, duration))].concat();
    bytes(3, &any)
}

#[test]
fn an_empty_answer_took_everything_and_says_nothing() {
    assert_eq!(partial_success(Signal::Traces, b""), Ok(PartialSuccess::default()));
    for json in ["{}", r#"{"partialSuccess":{}}"#, r#"{"partialSuccess":null}"#] {
        assert_eq!(
            partial_success_json(Signal::Traces, json.as_bytes()),
            Ok(PartialSuccess::default()),
            "{json}"
        );
    }
}

#[test]
fn the_three_partial_successes_are_told_apart() {
    for (rejected, message) in [(300, "too old"), (0, "slow down"), (7, "")] {
        let fields = [varint(1, rejected), bytes(2, message.as_bytes())].concat();
        let expected = partial(rejected.into(), message);
        assert_eq!(partial_success(Signal::Traces, &bytes(1, &fields)).as_ref(), Ok(&expected));
        for number in [format!("\"{rejected}\""), rejected.to_string()] {
            let json =
                format!(r#"{{"partialSuccess":{{"rejectedSpans":{number},"errorMessage":"{message}"}}}}"#);
            assert_eq!(
                partial_success_json(Signal::Traces, json.as_bytes()).as_ref(),
                Ok(&expected),
                "{json}"
            );
        }
    }
}

#[test]
fn the_answer_to_metrics_tells_of_data_points() {
    let fields = [varint(1, 300), bytes(2, b"too old")].concat();
    let expected = Ok(partial(300, "too old"));
    assert_eq!(partial_success(Signal::Metrics, &bytes(1, &fields)), expected);
    let json = br#"{"partialSuccess":{"rejectedDataPoints":"300","errorMessage":"too old"}}"#;
    assert_eq!(partial_success_json(Signal::Metrics, json), expected);
    // Nothing that is said of metrics is said of spans.
    assert_eq!(partial_success_json(Signal::Traces, json), Ok(partial(0, "too old")));
    let error = partial_success_json(Signal::Metrics, b"[").unwrap_err().to_string();
    assert!(error.starts_with("the answer is no ExportMetricsServiceResponse: "), "{error}");
}

#[test]
fn fields_that_are_not_known_are_skipped() {
    let unknown = [
        varint(9, 1),
        bytes(10, b"x"),
        vec![11 << 3 | 1, 0, 0, 0, 0, 0, 0, 0, 0],
        vec![12 << 3 | 5, 0, 0, 0, 0],
    ]
    .concat();
    let fields = [unknown.clone(), varint(1, 3), unknown.clone(), bytes(2, b"no"), unknown.clone()].concat();
    let answer = [unknown.clone(), bytes(1, &fields), unknown].concat();
    assert_eq!(partial_success(Signal::Traces, &answer), Ok(partial(3, "no")));
    let json = br#"{"x":[{"y":1}],"partialSuccess":{"z":{},"rejectedSpans":3,"errorMessage":"no"}}"#;
    assert_eq!(partial_success_json(Signal::Traces, json), Ok(partial(3, "no")));
}

#[test]
fn the_last_of_a_field_counts_and_messages_are_merged() {
    let twice = [bytes(1, &varint(1, 5)), bytes(1, &bytes(2, b"no")), bytes(1, &varint(1, 6))].concat();
    assert_eq!(partial_success(Signal::Traces, &twice), Ok(partial(6, "no")));
}

#[test]
fn a_negative_number_of_rejected_spans_is_none() {
    let minus_one = [&[1 << 3][..], &[0xff; 9], &[1]].concat();
    assert_eq!(partial_success(Signal::Traces, &bytes(1, &minus_one)), Ok(partial(0, "")));
    assert_eq!(
        partial_success_json(Signal::Traces, br#"{"partialSuccess":{"rejectedSpans":"-1"}}"#),
        Ok(partial(0, ""))
    );
}

#[test]
fn words_that_are_no_utf_8_do_not_hide_how_much_was_rejected() {
    let fields = [varint(1, 5), bytes(2, b"b\xffd")].concat();
    assert_eq!(partial_success(Signal::Traces, &bytes(1, &fields)), Ok(partial(5, "b\u{fffd}d")));
}

#[test]
fn a_status_has_code_message_and_the_delay_of_its_retry_info() {
    let other = bytes(3, &bytes(1, b"type.googleapis.com/google.rpc.ErrorInfo"));
    let info = retry_info(&[varint(1, 2), varint(2, 500)].concat());
    let answer = [varint(1, 8), bytes(2, b"full"), other.clone(), info, other].concat();
    let expected =
        |nanos| Status { code: 8, message: "full".to_owned(), retry_delay: Some(Duration::new(2, nanos)) };
    assert_eq!(status(&answer), Ok(expected(500)));
    let json = br#"{"code": 8, "message": "full", "details": [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "FULL"},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2.5s"}
    ]}"#;
    assert_eq!(status_json(json), Ok(expected(500_000_000)));
}

#[test]
fn without_a_retry_info_there_is_no_delay() {
    assert_eq!(status(b""), Ok(Status::default()));
    assert_eq!(status_json(b"{}"), Ok(Status::default()));
    assert_eq!(status_json(br#"{"code":null,"message":null,"details":null}"#), Ok(Status::default()));
    let other = bytes(3, &[bytes(1, b"x/google.rpc.Other"), bytes(2, b"\xff")].concat());
    assert_eq!(status(&other).map(|status| status.retry_delay), Ok(None));
}

#[test]
fn a_retry_info_that_asks_for_nothing_or_less_is_a_delay_of_zero() {
    let minus_one = [&[1 << 3][..], &[0xff; 9], &[1]].concat();
    let no_value = bytes(3, &bytes(1, b"x/google.rpc.RetryInfo"));
    for answer in [retry_info(b""), retry_info(&minus_one), no_value] {
        assert_eq!(status(&answer).map(|status| status.retry_delay), Ok(Some(Duration::ZERO)));
    }
    for retry_delay in [r#""0s""#, r#""-3.5s""#, "null"] {
        let json =
            format!(r#"{{"details":[{{"@type":"x/google.rpc.RetryInfo","retryDelay":{retry_delay}}}]}}"#);
        let delay = status_json(json.as_bytes()).map(|status| status.retry_delay);
        assert_eq!(delay, Ok(Some(Duration::ZERO)), "{json}");
    }
}

#[test]
fn durations_have_up_to_nine_decimals_and_end_in_s() {
    let delay = |text: &str| {
        let json = format!(r#"{{"details":[{{"@type":"x/google.rpc.RetryInfo","retryDelay":"{text}"}}]}}"#);
        status_json(json.as_bytes()).ok().and_then(|status| status.retry_delay)
    };
    assert_eq!(delay("1s"), Some(Duration::from_secs(1)));
    assert_eq!(delay("0.000000001s"), Some(Duration::from_nanos(1)));
    assert_eq!(delay("3.25s"), Some(Duration::from_millis(3250)));
    assert_eq!(delay("315576000000s"), Some(Duration::from_secs(315_576_000_000)));
    for text in
        ["", "s", "1", ".5s", "1.s", "1.0000000001s", "1e3s", "+1s", "--1s", "1.-5s", "99999999999999999999s"]
    {
        assert_eq!(delay(text), None, "{text}");
    }
}

#[test]
fn a_delay_out_of_range_saturates() {
    assert_eq!(delay(i64::MAX, i32::MAX), Duration::new(i64::MAX as u64 + 2, 147_483_647));
    assert_eq!(delay(1, -1), Duration::ZERO);
}

#[test]
fn bytes_that_are_no_message_are_malformed() {
    let cases: [&[u8]; 9] = [
        // A tag without a value.
        b"\x0a",
        // A length beyond the end, up to the largest there is.
        b"\x0a\x05abc",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        // A number without an end, one with eleven bytes.
        b"\x08\xff",
        b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        // The beginning of a group, field number 0, a wire type that does not exist.
        b"\x0b",
        b"\x00\x00",
        b"\x0f",
        // A number of fixed size, cut off.
        b"\x09\x00\x00",
    ];
    for case in cases {
        assert!(partial_success(Signal::Traces, case).is_err(), "{case:x?}");
        assert!(status(case).is_err(), "{case:x?}");
    }
    // The same one level down, where the number on the first level is right.
    for case in cases {
        assert!(partial_success(Signal::Traces, &bytes(1, case)).is_err(), "{case:x?}");
    }
}

#[test]
fn text_that_is_no_answer_is_malformed_and_is_not_repeated_in_the_error() {
    for json in ["", "null", "<html>", "[]", "{", r#"{"code":"secret"}"#, r#"{"message":1}"#, "{} {}"] {
        let error = status_json(json.as_bytes()).expect_err(json).to_string();
        assert!(!error.contains("secret") && error.contains("line"), "{error}");
    }
    for json in [
        r#"{"partialSuccess":1}"#,
        r#"{"partialSuccess":{"rejectedSpans":1.5}}"#,
        r#"{"partialSuccess":{"rejectedSpans":18446744073709551615}}"#,
        r#"{"partialSuccess":{"errorMessage":{}}}"#,
    ] {
        assert!(partial_success_json(Signal::Traces, json.as_bytes()).is_err(), "{json}");
    }
}

#[test]
fn no_bytes_make_reading_panic() {
    // Each answer that is understood, with each byte replaced by each value, and cut off anywhere.
    let info = retry_info(&[varint(1, 2), varint(2, 500)].concat());
    let answers = [
        [varint(1, 8), bytes(2, b"full"), info].concat(),
        bytes(1, &[varint(1, 300), bytes(2, b"no")].concat()),
        br#"{"code":8,"details":[{"@type":"x/google.rpc.RetryInfo","retryDelay":"2.5s"}]}"#.to_vec(),
        br#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"no"}}"#.to_vec(),
    ];
    let mut understood = 0;
    let mut read = |bytes: &[u8]| {
        understood += usize::from(partial_success(Signal::Traces, bytes).is_ok());
        understood += usize::from(partial_success_json(Signal::Traces, bytes).is_ok());
        understood += usize::from(status(bytes).is_ok());
        understood += usize::from(status_json(bytes).is_ok());
    };
    for answer in answers {
        for at in 0..answer.len() {
            read(&answer[..at]);
            let mut changed = answer.clone();
            for byte in 0..=u8::MAX {
                changed[at] = byte;
                read(&changed);
            }
        }
    }
    assert!(understood > 0, "some changes do no harm");
}

#[test]
fn deep_nesting_is_malformed_and_no_overflow() {
    let json = format!("{{\"x\":{}", "[".repeat(1 << 20));
    assert!(status_json(json.as_bytes()).is_err());
    assert!(partial_success_json(Signal::Traces, json.as_bytes()).is_err());
}
