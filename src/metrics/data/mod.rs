//! What is measured, in the shape of OpenTelemetry's data model for metrics (OTLP 1.11,
//! `opentelemetry/proto/metrics/v1/metrics.proto`; Metrics Data Model).
//!
//! ```text
//! ResourceMetrics ─┬─ Resource
//!                  └─ ScopeMetrics ─┬─ Scope
//!                                   └─ Metric ── Data ─┬─ Gauge, Sum             ── NumberPoint ── Exemplar
//!                                                      ├─ Histogram              ── HistogramPoint
//!                                                      ├─ ExponentialHistogram   ── ExponentialHistogramPoint
//!                                                      └─ Summary                ── SummaryPoint
//! ```
//!
//! Everything is made to be filled again and again: a [`List`] keeps what it is cleared of, so that a
//! collection like the one before allocates nothing.
//!
//! ```
//! use nanospan::Timestamp;
//! use nanospan::metrics::data::{Clear, ResourceMetrics};
//!
//! let mut all = ResourceMetrics::default();
//! for second in 1..=3 {
//!     all.clear();
//!     let scope = all.scopes.push();
//!     scope.scope.name = "shop.cart".into();
//!     let metric = scope.metrics.push();
//!     metric.name = "shop.cart.items".into();
//!     metric.unit = "{item}".into();
//!     let point = metric.data.gauge().points.push();
//!     point.attributes.add("shop.region", "eu-west-1");
//!     point.time = Timestamp::from_unix_nanos(second * 1_000_000_000);
//!     point.value = Some(17_i64.into());
//! }
//! assert_eq!(all.data_point_count(), 1);
//! ```

mod attributes;
mod list;
mod metric;
mod point;

pub use attributes::{Attributes, KeyValue};
pub use list::{Clear, List};
pub use metric::{
    Data, ExponentialHistogram, Gauge, Histogram, Metric, Resource, ResourceMetrics, Scope, ScopeMetrics,
    Sum, Summary, Temporality,
};
pub use point::{
    DataPointFlags, Exemplar, ExponentialBuckets, ExponentialHistogramPoint, HistogramPoint, Number,
    NumberPoint, QuantileValue, SummaryPoint,
};
