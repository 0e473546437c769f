//! Batches of metrics that break one rule of `docs/batch-format.md` each, made by a builder that is tampered
//! with before it assembles them; and what the reader makes of FlatBuffers that the builder does not write.

use flatbuffers::{FlatBufferBuilder, WIPOffset};

use super::builder::Columns;
use super::schema::{self, DataKind, NumberType};
use super::{METRICS_FORMAT_MAJOR, MetricsBatchBuilder, MetricsView};
use crate::batch::BatchError;
use crate::batch::generated::nanospan::{Attribute, ValueType};
use crate::metrics::data::{Data, ResourceMetrics, Temporality};
use crate::{SpanId, TraceId, Value};

/// A text or entry that does not exist.
const NOWHERE: u32 = 1_000_000;

/// Metrics in which every list has an entry: one metric of each kind.
fn full() -> ResourceMetrics {
    let mut metrics = ResourceMetrics::default();
    metrics.resource.attributes.add("service.name", "checkout");
    metrics.resource.schema_url = "urn:resource".into();
    let scope = metrics.scopes.push();
    scope.scope.name = "shop".into();
    scope.scope.attributes.add("tags", Value::StrArray(&["one", "two"]));
    for kind in 0..5 {
        let metric = scope.metrics.push();
        metric.name = format!("metric.{kind}").into();
        metric.metadata.add("origin", kind);
        match kind {
            0 => metric.data.gauge().points.push().value = Some(1.into()),
            1 => {
                metric.data.sum().temporality = Temporality::Delta;
                let point = metric.data.sum().points.push();
                point.attributes.add("key", true);
                point.exemplars.push().filtered_attributes.add("of exemplar", 1.5);
            }
            2 => {
                let point = metric.data.histogram().points.push();
                (point.bucket_counts, point.bounds) = (vec![1, 2], vec![0.5]);
            }
            3 => {
                let point = metric.data.exponential_histogram().points.push();
                (point.positive.counts, point.negative.counts) = (vec![1, 2], vec![3]);
            }
            _ => metric.data.summary().points.push().quantiles = vec![Default::default()],
        }
    }
    metrics
}

/// A batch of [`full`] after `tamper` had its way with it.
fn tampered(tamper: impl FnOnce(&mut Columns)) -> Vec<u8> {
    let mut builder = MetricsBatchBuilder::new(7);
    builder.build(&full(), 0, 0).expect("the batch is small");
    tamper(builder.columns());
    builder.assemble(0, 0).expect("the batch is small").to_vec()
}

/// Why such a batch is refused: field and entry.
fn refusal(tamper: impl FnOnce(&mut Columns)) -> (&'static str, usize) {
    match MetricsView::parse(&tampered(tamper)) {
        Err(BatchError::Malformed { field, index, .. }) => (field, index),
        other => panic!("the batch is malformed, and this came of it: {other:?}"),
    }
}

#[test]
fn metrics_that_are_not_tampered_with_are_accepted() {
    let batch = tampered(|_| {});
    let view = MetricsView::parse(&batch).expect("the batch is valid");
    assert_eq!((view.metric_count(), view.data_point_count()), (5, 5));
    assert_eq!(view.to_metrics(1 << 10), Ok(full()));
}

#[test]
fn clause_4_4_each_text_of_metrics_that_is_named_must_exist() {
    assert_eq!(refusal(|columns| columns.resource_schema_url = NOWHERE), ("resource_schema_url", 0));
    let set: [fn(&mut schema::MetricScope); 3] = [
        |scope| scope.set_name(NOWHERE),
        |scope| scope.set_version(NOWHERE),
        |scope| {
            scope.set_schema_url(NOWHERE);
        },
    ];
    for set in set {
        assert_eq!(refusal(|columns| set(&mut columns.scopes[0])), ("scopes", 0));
    }
    let set: [fn(&mut schema::Metric); 3] = [
        |metric| metric.set_name(NOWHERE),
        |metric| metric.set_description(NOWHERE),
        |metric| {
            metric.set_unit(NOWHERE);
        },
    ];
    for set in set {
        assert_eq!(refusal(|columns| set(&mut columns.metrics[3])), ("metrics", 3));
    }
    let key = |attributes: &mut Vec<Attribute>| attributes[0].set_key(NOWHERE);
    assert_eq!(refusal(|columns| key(&mut columns.resource)), ("resource", 0));
    assert_eq!(refusal(|columns| key(&mut columns.scope_attributes)), ("scope_attributes", 0));
    assert_eq!(refusal(|columns| key(&mut columns.metadata)), ("metadata", 0));
    assert_eq!(refusal(|columns| key(&mut columns.attributes)), ("attributes", 0));
    assert_eq!(refusal(|columns| key(&mut columns.exemplar_attributes)), ("exemplar_attributes", 0));
}

#[test]
fn clause_4_3_texts_of_metrics_must_follow_each_other() {
    assert_eq!(refusal(|columns| columns.texts.tamper_end(0, 1)), ("text_ends", 0));
}

#[test]
fn clause_4_5_the_parts_of_metrics_must_follow_each_other_and_use_up_their_vector() {
    type Break = fn(&mut Columns, u32);
    let ends: [(&str, usize, Break); 13] = [
        ("scopes", 0, |columns, end| columns.scopes[0].set_attributes_end(end)),
        ("scopes", 0, |columns, end| columns.scopes[0].set_metrics_end(end)),
        ("metrics", 4, |columns, end| columns.metrics[4].set_metadata_end(end)),
        ("metrics", 4, |columns, end| columns.metrics[4].set_points_end(end)),
        ("points", 4, |columns, end| columns.points[4].set_attributes_end(end)),
        ("points", 4, |columns, end| columns.points[4].set_exemplars_end(end)),
        ("exemplars", 0, |columns, end| columns.exemplars[0].set_attributes_end(end)),
        ("histograms", 0, |columns, end| columns.histograms[0].set_counts_end(end)),
        ("histograms", 0, |columns, end| columns.histograms[0].set_bounds_end(end)),
        ("exponential_histograms", 0, |columns, end| {
            columns.exponential_histograms[0].set_positive_end(end);
        }),
        ("exponential_histograms", 0, |columns, end| {
            columns.exponential_histograms[0].set_negative_end(end);
        }),
        ("summaries", 0, |columns, end| columns.summaries[0].set_quantiles_end(end)),
        // One in the middle.
        ("metrics", 3, |columns, _| columns.metrics[2].set_points_end(NOWHERE)),
    ];
    for (field, index, set) in ends {
        assert_eq!(refusal(|columns| set(columns, NOWHERE)), (field, index), "too far");
        assert_eq!(refusal(|columns| set(columns, 0)), (field, index), "too short");
    }
}

#[test]
fn clause_9_3_there_are_as_many_details_as_points_of_their_kind() {
    assert_eq!(refusal(|columns| columns.metrics[1].set_kind(DataKind::Histogram)), ("histograms", 1));
    assert_eq!(refusal(|columns| columns.metrics[2].set_kind(DataKind::Gauge)), ("histograms", 0));
    let exponential = |kind| move |columns: &mut Columns| columns.metrics[3].set_kind(kind);
    assert_eq!(refusal(exponential(DataKind::Sum)), ("exponential_histograms", 0));
    let summary = |columns: &mut Columns| columns.metrics[4].set_kind(DataKind::Gauge);
    assert_eq!(refusal(summary), ("summaries", 0));
}

#[test]
fn clause_9_2_a_metric_of_an_unknown_kind_is_left_out_and_the_others_stay_what_they_are() {
    for kind in [DataKind::None, DataKind(6), DataKind(255)] {
        let batch = tampered(|columns| columns.metrics[1].set_kind(kind));
        let view = MetricsView::parse(&batch).expect("the batch is valid");
        assert_eq!(view.data_point_count(), 5);
        let mut expected = full();
        let metrics = &mut expected.scopes[0].metrics;
        *metrics = metrics.iter().filter(|metric| !matches!(metric.data, Data::Sum(_))).cloned().collect();
        assert_eq!(view.to_metrics(1 << 10), Ok(expected));
    }
}

#[test]
fn clause_9_4_an_unknown_type_of_number_is_none_and_an_unknown_temporality_cumulative() {
    let batch = tampered(|columns| {
        columns.points[0].set_type_(NumberType(9));
        columns.metrics[1].set_temporality(schema::Temporality(9));
    });
    let metrics = MetricsView::parse(&batch).and_then(|view| view.to_metrics(1 << 10));
    let mut metrics = metrics.expect("the batch is valid");
    let [gauge, sum, ..] = &mut *metrics.scopes[0].metrics else { panic!("there are five") };
    assert_eq!(gauge.data.gauge().points[0].value, None);
    assert_eq!(sum.data.sum().temporality, Temporality::Cumulative);
}

#[test]
fn clause_9_5_statistics_count_only_where_they_are_present_and_relations_are_not_relied_on() {
    for present in 0..=255_u8 {
        let batch = tampered(|columns| {
            let histogram = &mut columns.histograms[0];
            histogram.set_sum(1.0);
            histogram.set_min(2.0);
            histogram.set_max(3.0);
            histogram.set_present(present);
            // Both counts and the bound are handed out, though this is not how many there should be.
            columns.points[2].set_value(u64::MAX);
        });
        let metrics = MetricsView::parse(&batch).and_then(|view| view.to_metrics(1 << 10));
        let mut metrics = metrics.expect("the batch is valid");
        let point = &metrics.scopes[0].metrics[2].data.histogram().points[0];
        let there = |bit: u8, value| (present & bit != 0).then_some(value);
        assert_eq!((point.sum, point.min, point.max), (there(1, 1.0), there(2, 2.0), there(4, 3.0)));
        assert_eq!((point.count, point.bucket_counts.len(), point.bounds.len()), (u64::MAX, 2, 1));
    }
}

#[test]
fn clause_9_6_an_id_of_all_zeros_is_none_and_each_may_be_there_alone() {
    let ids = |trace: [u8; 16], span: [u8; 8]| {
        let batch = tampered(|columns| {
            columns.exemplars[0].set_trace_id(&trace);
            columns.exemplars[0].set_span_id(&span);
        });
        let metrics = MetricsView::parse(&batch).and_then(|view| view.to_metrics(1 << 10));
        let mut metrics = metrics.expect("the batch is valid");
        let exemplar = &metrics.scopes[0].metrics[1].data.sum().points[0].exemplars[0];
        (exemplar.trace_id.map(TraceId::to_bytes), exemplar.span_id.map(SpanId::to_bytes))
    };
    assert_eq!(ids([0; 16], [0; 8]), (None, None));
    assert_eq!(ids([7; 16], [0; 8]), (Some([7; 16]), None));
    assert_eq!(ids([0; 16], [8; 8]), (None, Some([8; 8])));
}

#[test]
fn clause_5_5_attributes_of_metrics_of_an_unknown_type_are_left_out_and_counted_where_there_is_a_count() {
    let batch = tampered(|columns| {
        for attributes in [&mut columns.resource, &mut columns.scope_attributes, &mut columns.attributes] {
            attributes[0].set_type_(ValueType(99));
        }
    });
    let metrics = MetricsView::parse(&batch).and_then(|view| view.to_metrics(1 << 10));
    let metrics = metrics.expect("the batch is valid");
    assert_eq!((metrics.resource.attributes.len(), metrics.resource.dropped_attributes_count), (0, 1));
    let scope = &metrics.scopes[0].scope;
    assert_eq!((scope.attributes.len(), scope.dropped_attributes_count), (0, 1));
}

#[test]
fn a_builder_refuses_metrics_beyond_its_limit_and_makes_the_next_batch() {
    let mut builder = MetricsBatchBuilder::new(7);
    let size = builder.build(&full(), 0, 0).expect("the batch is small").len();
    builder.limit = size - 1;
    assert!(
        matches!(builder.build(&full(), 1, 0), Err(BatchError::TooLarge { limit, .. }) if limit == size - 1)
    );
    assert!(builder.build(&ResourceMetrics::default(), 2, 0).is_ok());
}

/// A batch whose table is written by `table`, which gets the offsets of `text` and `text_ends`.
fn batch_of(table: impl FnOnce(&mut FlatBufferBuilder<'_>, WIPOffset<&str>, WIPOffset<()>)) -> Vec<u8> {
    let mut fbb = FlatBufferBuilder::new();
    let text = fbb.create_string("");
    let text_ends = fbb.create_vector(&[0_u32]);
    let start = fbb.start_table();
    table(&mut fbb, WIPOffset::new(text.value()), WIPOffset::new(text_ends.value()));
    let root = fbb.end_table(start);
    fbb.finish(root, Some(schema::METRICS_BATCH_IDENTIFIER));
    fbb.finished_data().to_vec()
}

#[test]
fn clauses_4_9_and_6_2_absent_vectors_of_metrics_are_empty_and_unknown_fields_ignored() {
    let bytes = batch_of(|fbb, text, text_ends| {
        fbb.push_slot_always(schema::MetricsBatch::VT_QUANTILES + 2, u64::MAX);
        fbb.push_slot_always(schema::MetricsBatch::VT_MAJOR, METRICS_FORMAT_MAJOR);
        fbb.push_slot_always(schema::MetricsBatch::VT_TEXT, text);
        fbb.push_slot_always(schema::MetricsBatch::VT_TEXT_ENDS, text_ends);
    });
    let view = MetricsView::parse(&bytes).expect("the batch is valid");
    assert_eq!(view.to_metrics(0), Ok(ResourceMetrics::default()));
}

#[test]
fn clause_6_5_any_minor_version_of_metrics_is_read_and_no_unknown_major_version() {
    let version = |major: u16, minor: u16| {
        batch_of(|fbb, text, text_ends| {
            fbb.push_slot_always(schema::MetricsBatch::VT_MAJOR, major);
            fbb.push_slot_always(schema::MetricsBatch::VT_MINOR, minor);
            fbb.push_slot_always(schema::MetricsBatch::VT_TEXT, text);
            fbb.push_slot_always(schema::MetricsBatch::VT_TEXT_ENDS, text_ends);
        })
    };
    let bytes = version(METRICS_FORMAT_MAJOR, u16::MAX);
    let view = MetricsView::parse(&bytes).expect("the batch is valid");
    assert_eq!(view.version(), (METRICS_FORMAT_MAJOR, u16::MAX));
    for major in [0, METRICS_FORMAT_MAJOR + 1, u16::MAX] {
        let unknown = BatchError::UnknownVersion { major, minor: 3 };
        assert_eq!(MetricsView::parse(&version(major, 3)).err(), Some(unknown));
    }
}

/// Whether our reader accepts `bytes`; if so, the crate's verifier must accept them too, and reading them in
/// full must not panic.
fn accepted_as_by_the_crate(bytes: &[u8]) -> bool {
    let Ok(view) = MetricsView::parse(bytes) else { return false };
    let _ = view.to_metrics(1 << 10);
    // At an address that is a multiple of 8, as the crate's verifier wants it.
    let mut memory = vec![0; bytes.len() + 8];
    let start = memory.as_ptr().align_offset(8);
    let memory = &mut memory[start..start + bytes.len()];
    memory.copy_from_slice(bytes);
    if let Err(error) = schema::root_as_metrics_batch(memory) {
        panic!("only our reader accepts {bytes:02x?}: {error}");
    }
    true
}

#[test]
fn clause_4_1_metrics_that_the_reader_accepts_the_verifier_of_the_flatbuffers_crate_accepts() {
    let intact = tampered(|_| {});
    assert!(accepted_as_by_the_crate(&intact));
    let (mut accepted, mut refused) = (0, 0);
    for at in 0..intact.len() {
        for change in [1, 2, 3, 4, 0x10, 0x80, 0xFF] {
            let mut bytes = intact.clone();
            bytes[at] = bytes[at].wrapping_add(change);
            if accepted_as_by_the_crate(&bytes) {
                accepted += 1;
            } else {
                refused += 1;
            }
        }
    }
    assert!(accepted > 100 && refused > 100, "{accepted} accepted, {refused} refused");
    // Up to seven bytes at the end are padding.
    for length in 0..=intact.len() - 8 {
        assert!(MetricsView::parse(&intact[..length]).is_err(), "cut to {length}");
    }
}
