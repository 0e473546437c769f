//! The rules of batches of metrics that FlatBuffers does not know: clauses 4 and 9 of
//! `docs/batch-format.md`.
//!
//! Each entry of each vector is looked at once and each array element once, so the time is linear in the
//! size of the batch however its indices are set.

use super::MetricsView;
use super::schema::DataKind;
use crate::batch::BatchError;
use crate::batch::verify::{Ends, Values, text, texts};

/// Checks every index and range that reading follows.
pub(super) fn check(view: &MetricsView<'_>) -> Result<(), BatchError> {
    texts(&view.store.texts)?;
    let texts = view.store.texts.ends.len();
    text("resource_schema_url", 0, texts, view.resource_schema_url)?;

    let mut values = Values::of(&view.store);
    values.check("resource", view.resource)?;
    values.check("scope_attributes", view.scope_attributes)?;
    values.check("metadata", view.metadata)?;
    values.check("attributes", view.attributes)?;
    values.check("exemplar_attributes", view.exemplar_attributes)?;

    let mut attributes = Ends::new("scopes");
    let mut metrics = Ends::new("scopes");
    for (index, scope) in view.scopes.iter().enumerate() {
        for name in [scope.name(), scope.version(), scope.schema_url()] {
            text("scopes", index, texts, name)?;
        }
        attributes.step(index, scope.attributes_end())?;
        metrics.step(index, scope.metrics_end())?;
    }
    attributes.finish(view.scope_attributes.len())?;
    metrics.finish(view.metrics.len())?;

    kinds(view, texts)?;
    points(view)?;
    details(view)
}

/// Checks the metrics, and that each of their points has what its kind needs besides.
fn kinds(view: &MetricsView<'_>, texts: usize) -> Result<(), BatchError> {
    let mut metadata = Ends::new("metrics");
    let mut points = Ends::new("metrics");
    let (mut histograms, mut exponential_histograms, mut summaries) = (0_usize, 0_usize, 0_usize);
    for (index, metric) in view.metrics.iter().enumerate() {
        for name in [metric.name(), metric.description(), metric.unit()] {
            text("metrics", index, texts, name)?;
        }
        metadata.step(index, metric.metadata_end())?;
        let count = points.step(index, metric.points_end())? as usize;
        match metric.kind() {
            DataKind::Histogram => histograms += count,
            DataKind::ExponentialHistogram => exponential_histograms += count,
            DataKind::Summary => summaries += count,
            _ => {}
        }
    }
    metadata.finish(view.metadata.len())?;
    points.finish(view.points.len())?;
    for (field, expected, length) in [
        ("histograms", histograms, view.histograms.len()),
        ("exponential_histograms", exponential_histograms, view.exponential_histograms.len()),
        ("summaries", summaries, view.summaries.len()),
    ] {
        if expected != length {
            let problem = "there are not as many entries as points of this kind";
            return Err(BatchError::malformed(field, expected.min(length), problem));
        }
    }
    Ok(())
}

fn points(view: &MetricsView<'_>) -> Result<(), BatchError> {
    let mut attributes = Ends::new("points");
    let mut exemplars = Ends::new("points");
    for (index, point) in view.points.iter().enumerate() {
        attributes.step(index, point.attributes_end())?;
        exemplars.step(index, point.exemplars_end())?;
    }
    attributes.finish(view.attributes.len())?;
    exemplars.finish(view.exemplars.len())?;

    let mut attributes = Ends::new("exemplars");
    for (index, exemplar) in view.exemplars.iter().enumerate() {
        attributes.step(index, exemplar.attributes_end())?;
    }
    attributes.finish(view.exemplar_attributes.len())
}

/// Checks what points of some kinds have besides.
fn details(view: &MetricsView<'_>) -> Result<(), BatchError> {
    let mut counts = Ends::new("histograms");
    let mut bounds = Ends::new("histograms");
    for (index, histogram) in view.histograms.iter().enumerate() {
        counts.step(index, histogram.counts_end())?;
        bounds.step(index, histogram.bounds_end())?;
    }
    counts.finish(view.bucket_counts.len())?;
    bounds.finish(view.bounds.len())?;

    let mut positive = Ends::new("exponential_histograms");
    let mut negative = Ends::new("exponential_histograms");
    for (index, histogram) in view.exponential_histograms.iter().enumerate() {
        positive.step(index, histogram.positive_end())?;
        negative.step(index, histogram.negative_end())?;
    }
    positive.finish(view.positive_counts.len())?;
    negative.finish(view.negative_counts.len())?;

    let mut quantiles = Ends::new("summaries");
    for (index, summary) in view.summaries.iter().enumerate() {
        quantiles.step(index, summary.quantiles_end())?;
    }
    quantiles.finish(view.quantiles.len())
}
