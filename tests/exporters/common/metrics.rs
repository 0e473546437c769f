//! Metrics to export.

use nanospan::Timestamp;
use nanospan::metrics::data::{ResourceMetrics, Temporality};

const BEGIN: u64 = 1_700_000_000_000_000_000;

/// A collection of one sum with so many points.
pub(crate) fn metrics(sequence: u64, points: u64) -> ResourceMetrics {
    let mut metrics = ResourceMetrics::default();
    metrics.resource.attributes.add("service.name", "shop");
    let scope = metrics.scopes.push();
    scope.scope.name = "shop.cart".into();
    let metric = scope.metrics.push();
    metric.name = "shop.orders".into();
    let sum = metric.data.sum();
    (sum.temporality, sum.is_monotonic) = (Temporality::Delta, true);
    for number in 0..points {
        let point = sum.points.push();
        point.attributes.add("number", number as i64);
        point.start = Timestamp::from_unix_nanos(BEGIN + sequence * 60_000_000_000);
        point.time = Timestamp::from_unix_nanos(BEGIN + (sequence + 1) * 60_000_000_000);
        point.value = Some((sequence as i64).into());
    }
    metrics
}
