//! Whether an answer means that the same request should be sent again, and after how long.
//!
//! | transport | answer | verdict |
//! | --- | --- | --- |
//! | HTTP | 200 to 299 | delivered |
//! | HTTP | 429, 502, 503, 504 | again, after `Retry-After` if it can be read |
//! | HTTP | anything else | final |
//! | gRPC | `OK` | delivered |
//! | gRPC | `CANCELLED`, `DEADLINE_EXCEEDED`, `ABORTED`, `OUT_OF_RANGE`, `UNAVAILABLE`, `DATA_LOSS` | again, after what `RetryInfo` says if there is one |
//! | gRPC | `RESOURCE_EXHAUSTED` | again if there is a `RetryInfo`, else final |
//! | gRPC | anything else | final |
//!
//! (OTLP specification, sections "Failures", "OTLP/gRPC Throttling", "Retryable Response Codes" and
//! "OTLP/HTTP Throttling".)

mod backoff;
mod policy;

pub(crate) use backoff::Backoff;
pub use policy::RetryPolicy;

use std::time::Duration;
#[cfg(feature = "otlp-http")]
use std::time::SystemTime;

/// What to do after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The request arrived.
    Delivered,
    /// It should be sent again.
    Again {
        /// The least time that the server asked to wait before.
        after: Option<Duration>,
    },
    /// It must not be sent again.
    Final,
}

/// The verdict on an HTTP answer with this status code and, if there was one, `Retry-After` header.
///
/// Redirections are followed before anyone asks here; one that is left is final.
#[cfg(feature = "otlp-http")]
pub(crate) fn of_http(status: u16, retry_after: Option<&str>, now: SystemTime) -> Verdict {
    match status {
        200..=299 => Verdict::Delivered,
        429 | 502 | 503 | 504 => {
            Verdict::Again { after: retry_after.and_then(|value| parse_retry_after(value, now)) }
        }
        _ => Verdict::Final,
    }
}

/// A `Retry-After` header: seconds, or a date, from `now` on (RFC 9110, section 10.2.3). A date that
/// has passed is no wait; a value of neither form says nothing.
#[cfg(feature = "otlp-http")]
fn parse_retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim_matches([' ', '\t']);
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits that fail to parse are a number too large.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

/// The verdict on a gRPC status with this code and, if there was one among its details, the delay
/// of its `RetryInfo`.
#[cfg_attr(not(any(feature = "otlp-grpc", test)), expect(dead_code, reason = "gRPC's client asks for it"))]
pub(crate) fn of_grpc(code: u32, retry_delay: Option<Duration>) -> Verdict {
    // The numbers of `google.rpc.Code`.
    const OK: u32 = 0;
    const CANCELLED: u32 = 1;
    const DEADLINE_EXCEEDED: u32 = 4;
    const RESOURCE_EXHAUSTED: u32 = 8;
    const ABORTED: u32 = 10;
    const OUT_OF_RANGE: u32 = 11;
    const UNAVAILABLE: u32 = 14;
    const DATA_LOSS: u32 = 15;
    match code {
        OK => Verdict::Delivered,
        CANCELLED | DEADLINE_EXCEEDED | ABORTED | OUT_OF_RANGE | UNAVAILABLE | DATA_LOSS => {
            Verdict::Again { after: retry_delay }
        }
        // Without a delay the server does not expect to recover.
        RESOURCE_EXHAUSTED if retry_delay.is_some() => Verdict::Again { after: retry_delay },
        _ => Verdict::Final,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn of_all_grpc_codes_only_those_of_the_table_are_sent_again() {
        for code in (0..=20).chain([u32::MAX]) {
            for delay in [None, Some(Duration::ZERO), Some(SECOND)] {
                let expected = match code {
                    0 => Verdict::Delivered,
                    1 | 4 | 10 | 11 | 14 | 15 => Verdict::Again { after: delay },
                    8 if delay.is_some() => Verdict::Again { after: delay },
                    _ => Verdict::Final,
                };
                assert_eq!(of_grpc(code, delay), expected, "code {code}, delay {delay:?}");
            }
        }
    }

    #[cfg(feature = "otlp-http")]
    mod http {
        use super::*;

        /// 21 October 2015, 07:28:00 GMT.
        fn now() -> SystemTime {
            SystemTime::UNIX_EPOCH + Duration::from_secs(1_445_412_480)
        }

        #[test]
        fn of_all_http_codes_only_those_of_the_table_are_sent_again() {
            for status in 0..=999 {
                let expected = match status {
                    200..=299 => Verdict::Delivered,
                    429 | 502 | 503 | 504 => Verdict::Again { after: Some(SECOND) },
                    _ => Verdict::Final,
                };
                assert_eq!(of_http(status, Some("1"), now()), expected, "status {status}");
            }
        }

        #[test]
        fn retry_after_is_seconds_or_a_date_and_nothing_if_it_is_neither() {
            let hour = Duration::from_secs(3600);
            let cases = [
                ("0", Some(Duration::ZERO)),
                ("120", Some(120 * SECOND)),
                (" 7\t", Some(7 * SECOND)),
                ("18446744073709551615", Some(Duration::from_secs(u64::MAX))),
                ("99999999999999999999999999", Some(Duration::from_secs(u64::MAX))),
                ("Wed, 21 Oct 2015 08:28:00 GMT", Some(hour)),
                ("Wednesday, 21-Oct-15 08:28:00 GMT", Some(hour)),
                ("Wed Oct 21 08:28:00 2015", Some(hour)),
                ("Wed, 21 Oct 2015 07:28:00 GMT", Some(Duration::ZERO)),
                ("Wed, 21 Oct 2015 07:27:59 GMT", Some(Duration::ZERO)),
                ("Thu, 01 Jan 1970 00:00:00 GMT", Some(Duration::ZERO)),
                ("Wed, 21 Oct 2015 08:28:00 CET", None),
                ("", None),
                ("-1", None),
                ("+1", None),
                ("1.5", None),
                ("soon", None),
            ];
            for (value, after) in cases {
                assert_eq!(of_http(503, Some(value), now()), Verdict::Again { after }, "{value:?}");
            }
            assert_eq!(of_http(503, None, now()), Verdict::Again { after: None });
        }
    }
}
