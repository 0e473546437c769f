//! The forms in which metrics are written as text.

/// How metrics are written as text, by [`StdoutMetricExporter`](super::StdoutMetricExporter).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum StdoutMetricFormat {
    /// For the eye: a line for each point, below its metric, scope and resource.
    ///
    /// ```text
    /// resource  service.name="shop"
    /// scope shop.cart  version "1.4"
    ///   shop.orders  in {order}  cumulative monotonic sum  "Orders that were placed"
    ///     17  shop.region="eu-west-1"  from 2026-11-22T09:00:00Z to 2026-11-22T09:01:00Z
    ///       • 1  app.user=7  at 2026-11-22T09:00:12.5Z  trace 0af7651916cd43dd8448eb211c80319c  span b7ad6b7169203331
    ///   shop.wait  in s  delta histogram
    ///     count 3 sum 0.75 min 0.1 max 0.4  from 2026-11-22T09:00:00Z to 2026-11-22T09:01:00Z
    ///       buckets  ≤0.2: 1  ≤0.5: 2  >0.5: 0
    /// ```
    ///
    /// Parts of a line are set apart by two blanks, and what is empty, absent or zero is left out. A line has,
    /// in this order:
    ///
    /// | line | parts |
    /// | --- | --- |
    /// | resource, scope | the scope's name and version; the attributes; the schema's URL; `−3 attributes` if it lost three |
    /// | metric | the name; the unit; the kind of data; the description, in quotes; the attributes of the metric itself |
    /// | point | the value; the attributes; the time; the flags that are set, such as `flags 0x1` for "no recorded value" |
    /// | buckets | of a histogram, how many measurements were up to each bound, and how many above the last one |
    /// | `positive`, `negative` | of an exponential histogram, how many measurements there were at each index |
    /// | quantiles | of a summary, the value at each quantile |
    /// | `•` | an exemplar: its value, the attributes that the point does not have, its time, trace and span |
    ///
    /// An integer has no point, a float has one or an exponent. Texts are written as in
    /// [`StdoutFormat::Human`](crate::export::StdoutFormat::Human), so none can fake a line or command a
    /// terminal. Nothing of the data is left out or rounded; but the layout may change in later versions.
    #[default]
    Human,
    /// For collectors: [JSON Lines](https://jsonlines.org), each of them OTLP's `MetricsData` in its JSON encoding
    /// (OpenTelemetry Protocol File Exporter, which is in development). With the feature `otlp`.
    ///
    /// Lines hold whole metrics, under their resource and scope, and no more than 16 KiB, which container runtimes
    /// take in one piece; they are longer when a single metric is, or by escapes, as in
    /// `StdoutFormat::OtlpJson`. A line that is torn has lost all of its points.
    #[cfg(feature = "otlp")]
    OtlpJson,
}
