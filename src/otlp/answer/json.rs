//! Answers in JSON (OTLP specification, section "JSON Protobuf Encoding"; protobuf documentation,
//! "ProtoJSON Format").
//!
//! Numbers may be strings, `null` is the default value, and members that are not known are skipped
//! without being kept.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Unexpected, Visitor};
use serde_json::error::Category;

use super::{Malformed, PartialSuccess, RETRY_INFO, STATUS, Status, delay};
use crate::otlp::signal::Signal;

/// Reads the response to an export: an `ExportTraceServiceResponse`, or its sibling of another signal.
pub(crate) fn partial_success_json(signal: Signal, json: &[u8]) -> Result<PartialSuccess, Malformed> {
    #[derive(Deserialize)]
    struct Response {
        #[serde(rename = "partialSuccess")]
        partial_success: Option<Partial>,
    }

    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Partial {
        rejected_spans: Option<Integer>,
        rejected_data_points: Option<Integer>,
        error_message: Option<String>,
    }

    let partial = read::<Response>(json, signal.response())?.partial_success.unwrap_or_default();
    let rejected = match signal {
        Signal::Traces => partial.rejected_spans,
        Signal::Metrics => partial.rejected_data_points,
    };
    Ok(PartialSuccess {
        rejected: rejected.map_or(0, |rejected| rejected.0.max(0) as u64),
        message: partial.error_message.unwrap_or_default(),
    })
}

/// Reads a `google.rpc.Status`.
pub(crate) fn status_json(json: &[u8]) -> Result<Status, Malformed> {
    #[derive(Deserialize)]
    struct Answer {
        code: Option<Integer>,
        message: Option<String>,
        details: Option<Details>,
    }

    let answer = read::<Answer>(json, STATUS)?;
    Ok(Status {
        code: answer.code.map_or(0, |code| code.0 as i32),
        message: answer.message.unwrap_or_default(),
        retry_delay: answer.details.and_then(|details| details.retry_delay),
    })
}

/// Reads `json`, of which the errors name the kind of trouble and the place, but none of the server's
/// text: that may be as long as the answer.
fn read<'de, T: Deserialize<'de>>(json: &'de [u8], message: &'static str) -> Result<T, Malformed> {
    serde_json::from_slice(json).map_err(|error| {
        let what = match error.classify() {
            Category::Data => "a member is not of its type",
            Category::Eof => "the JSON ends too early",
            Category::Syntax | Category::Io => "it is not JSON",
        };
        let problem = format!("{what}, at line {} column {}", error.line(), error.column());
        Malformed { message, problem: problem.into() }
    })
}

/// An integer of up to 64 bits: a number, or a string that holds one.
struct Integer(i64);

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl Visitor<'_> for Any {
            type Value = Integer;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer or a string that holds one")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Integer, E> {
                Ok(Integer(number))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Integer, E> {
                i64::try_from(number)
                    .map(Integer)
                    .map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Integer, E> {
                text.parse().map(Integer).map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

/// The details of a status, of which one kind matters. They are looked at one after another.
struct Details {
    retry_delay: Option<Duration>,
}

impl<'de> Deserialize<'de> for Details {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        #[derive(Deserialize)]
        struct Detail {
            #[serde(rename = "@type")]
            url: Option<String>,
            #[serde(rename = "retryDelay")]
            retry_delay: Option<String>,
        }

        impl<'de> Visitor<'de> for List {
            type Value = Details;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of messages")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Details, A::Error> {
                let mut details = Details { retry_delay: None };
                while let Some(detail) = list.next_element::<Detail>()? {
                    if detail.url.is_some_and(|url| url.ends_with(RETRY_INFO)) {
                        let text = detail.retry_delay.as_deref().unwrap_or("0s");
                        let delay = duration(text)
                            .ok_or_else(|| A::Error::invalid_value(Unexpected::Str(text), &"a duration"))?;
                        details.retry_delay = Some(delay);
                    }
                }
                Ok(details)
            }
        }

        deserializer.deserialize_seq(List)
    }
}

/// A `google.protobuf.Duration`: seconds with at most nine decimals, and an `s`.
fn duration(text: &str) -> Option<Duration> {
    let number = text.strip_suffix('s')?;
    let (is_negative, number) = match number.strip_prefix('-') {
        Some(number) => (true, number),
        None => (false, number),
    };
    let (seconds, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(seconds) || !is_digits(decimals) || decimals.len() > 9 {
        return None;
    }
    let seconds = seconds.parse().ok()?;
    let nanos = format!("{decimals:0<9}").parse().ok()?;
    Some(if is_negative { Duration::ZERO } else { delay(seconds, nanos) })
}
