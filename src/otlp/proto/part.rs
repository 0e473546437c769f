//! Parts of an encoded message, which are cut between its metrics.

use std::ops::Range;

use super::fault::{DecodeError, Fault, at, nth};
use crate::otlp::encode::fields::metrics::{data, metric, resource_metrics, scope_metrics};
use crate::otlp::read::{Value, fields};

/// Calls `see` with each metric, counted over all scopes, of the message.
fn each_metric<'a>(
    message: &'a [u8],
    mut see: impl FnMut(usize, &'a [u8]) -> Result<(), Fault>,
) -> Result<(), DecodeError> {
    let mut all = || {
        let (mut scopes, mut metrics) = (0, 0);
        for field in fields(message) {
            let field = field?;
            let (resource_metrics::SCOPE_METRICS, Value::Bytes(scope)) = (field.tag(), field.value) else {
                continue;
            };
            let before = metrics;
            for field in fields(scope) {
                let field = field.map_err(nth("scope_metrics", scopes))?;
                if let (scope_metrics::METRICS, Value::Bytes(metric)) = (field.tag(), field.value) {
                    see(metrics, metric)
                        .map_err(nth("metrics", metrics - before))
                        .map_err(nth("scope_metrics", scopes))?;
                    metrics += 1;
                }
            }
            scopes += 1;
        }
        Ok::<(), Fault>(())
    };
    all().map_err(DecodeError::from)
}

/// How many points the metrics `chosen` have.
pub(in crate::otlp) fn data_point_count(message: &[u8], chosen: Range<usize>) -> Result<usize, DecodeError> {
    let mut count = 0;
    each_metric(message, |index, metric| {
        if chosen.contains(&index) {
            for field in fields(metric) {
                let field = field?;
                if let (
                    metric::GAUGE
                    | metric::SUM
                    | metric::HISTOGRAM
                    | metric::EXPONENTIAL_HISTOGRAM
                    | metric::SUMMARY,
                    Value::Bytes(points),
                ) = (field.tag(), field.value)
                {
                    for field in fields(points) {
                        count += usize::from(field.map_err(at("data"))?.tag() == data::DATA_POINTS);
                    }
                }
            }
        }
        Ok(())
    })?;
    Ok(count)
}

/// How many metrics there are in all.
#[cfg(any(feature = "otlp-grpc", feature = "otlp-http"))]
pub(in crate::otlp) fn metric_count(message: &[u8]) -> Result<usize, DecodeError> {
    let mut count = 0;
    each_metric(message, |_, _| {
        count += 1;
        Ok(())
    })?;
    Ok(count)
}
