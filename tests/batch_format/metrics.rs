//! Section 9, and what of the other clauses holds for metrics: on made-up batches, and the golden file.

use nanospan::batch::segment::{
    AnyBatch, DamageKind, SegmentReader, frame_header, metrics_frame_header, padding, segment_header,
    valid_prefix,
};
use nanospan::batch::{BatchError, BatchView, MetricsBatchBuilder, MetricsView};
use nanospan::metrics::data::{Data, DataPointFlags, Number, QuantileValue, ResourceMetrics, Temporality};
use nanospan::{SpanId, Timestamp, TraceId, Value};

use crate::random::Random;
use crate::support::{frame, plain_batch, plain_span};

/// More text than any batch here has.
const ENOUGH: usize = 1 << 20;

fn written(metrics: &ResourceMetrics) -> Vec<u8> {
    let batch = MetricsBatchBuilder::new(7).build(metrics, 3, 5).expect("the batch is small").to_vec();
    assert_eq!(batch.len() % 8, 0, "clause 4.1");
    batch
}

fn read(batch: &[u8]) -> ResourceMetrics {
    let view = MetricsView::parse(batch).expect("the batch is valid");
    view.to_metrics(ENOUGH).expect("there is little text")
}

fn metrics_frame(payload: &[u8]) -> Vec<u8> {
    [&metrics_frame_header(payload), payload, padding(payload.len())].concat()
}

/// Whether the two are the same; no NaN equals itself, but is written as `NaN`.
fn assert_same(read: &ResourceMetrics, written: &ResourceMetrics, case: u64) {
    assert_eq!(format!("{read:?}"), format!("{written:?}"), "case {case}");
}

#[test]
fn whatever_metrics_are_written_are_read_back_equal_bit_for_bit() {
    let mut kinds = [0; 5];
    for case in 0..2000 {
        let metrics = Random(case).metrics();
        let batch = written(&metrics);
        let view = MetricsView::parse(&batch).unwrap_or_else(|error| panic!("case {case}: {error}"));
        assert_eq!((view.instance_id(), view.sequence(), view.created_unix_nanos()), (7, 3, 5));
        assert_eq!(view.data_point_count(), metrics.data_point_count());
        let read = read(&batch);
        assert_same(&read, &metrics, case);
        // What `Debug` does not show, such as the payload of a NaN, the bytes do.
        assert_eq!(written(&read), batch, "case {case}");
        for metric in metrics.scopes.iter().flat_map(|scope| &scope.metrics) {
            let kind = match metric.data {
                Data::Gauge(_) => 0,
                Data::Sum(_) => 1,
                Data::Histogram(_) => 2,
                Data::ExponentialHistogram(_) => 3,
                Data::Summary(_) => 4,
                _ => panic!("no other kind is made up"),
            };
            kinds[kind] += metric.data.point_count();
        }
    }
    assert!(kinds.iter().all(|&points| points > 100), "{kinds:?}");
}

#[test]
fn a_builder_of_metrics_that_is_reused_writes_what_a_new_one_writes() {
    let mut random = Random(1);
    let mut builder = MetricsBatchBuilder::new(7);
    for case in 0..500 {
        let metrics = random.metrics();
        let batch = builder.build(&metrics, 3, 5).expect("the batch is small");
        assert_eq!(batch, written(&metrics), "case {case}");
    }
}

#[test]
fn clause_9_7_a_batch_has_the_id_of_its_exporter_and_its_number() {
    for (instance, sequence) in [(0, 0), (u64::MAX, 1), (7, u64::MAX)] {
        let mut builder = MetricsBatchBuilder::new(instance);
        let batch = builder.build(&ResourceMetrics::default(), sequence, 0).expect("the batch is small");
        let view = MetricsView::parse(batch).expect("the batch is valid");
        assert_eq!((view.instance_id(), view.sequence()), (instance, sequence));
    }
}

#[test]
fn clause_4_1_batches_of_spans_and_of_metrics_are_told_apart() {
    let spans = plain_batch(0, vec![plain_span(1, "a span")]).write();
    let metrics = written(&Random(1).metrics());
    assert_eq!(spans.as_bytes()[4..8], *b"NSPB");
    assert_eq!(metrics[4..8], *b"NSPM");
    assert_eq!(BatchView::parse(&metrics).err(), Some(BatchError::NotABatch));
    assert_eq!(MetricsView::parse(spans.as_bytes()).err(), Some(BatchError::NotABatch));
}

#[test]
fn clause_4_2_a_batch_of_metrics_is_read_at_any_address() {
    let metrics = Random(2).metrics();
    let batch = written(&metrics);
    for offset in 0..8 {
        let moved = [&vec![0; offset], &*batch].concat();
        assert_same(&read(&moved[offset..]), &metrics, offset as u64);
    }
}

#[test]
fn clause_9_1_a_key_that_occurs_twice_is_written_and_handed_out_twice_and_in_order() {
    let mut metrics = ResourceMetrics::default();
    let point = metrics.scopes.push().metrics.push().data.gauge().points.push();
    for value in [2, 1, 2] {
        point.attributes.add("key", value);
    }
    assert_eq!(read(&written(&metrics)), metrics);
}

#[test]
fn clause_9_8_no_more_text_is_copied_than_is_allowed() {
    let mut metrics = ResourceMetrics::default();
    let scope = metrics.scopes.push();
    for _ in 0..10 {
        scope.metrics.push().name = "twenty bytes of text".into();
    }
    let batch = written(&metrics);
    let view = MetricsView::parse(&batch).expect("the batch is valid");
    assert_eq!(view.to_metrics(200), Ok(metrics));
    let error = view.to_metrics(199).expect_err("there is more");
    assert_eq!(error, BatchError::TooMuchText { limit: 199 });
    assert!(error.to_string().contains("199 bytes"), "{error}");
    assert_eq!(view.as_bytes(), batch, "nothing of it was copied before");
}

/// With the checksum made right again, only the checks of the batch itself stand between the damage and
/// what reads it.
#[test]
fn damaged_metrics_with_the_right_checksum_are_refused_or_can_be_read_in_full() {
    let (mut refused, mut accepted) = (0, 0);
    for case in 0..20_000 {
        let mut random = Random(case);
        let mut payload = written(&random.metrics());
        random.damage(&mut payload);
        let bytes = [&segment_header(0)[..], &metrics_frame(&payload)].concat();
        let reader = SegmentReader::new(&bytes).expect("the header is intact").metrics();
        for item in reader {
            match item {
                Ok(frame) => {
                    let view = frame.view();
                    let read = view.to_metrics(ENOUGH);
                    assert!(read.is_ok_and(|read| read.data_point_count() <= view.data_point_count()));
                    assert!(!format!("{view:?}").is_empty());
                    accepted += 1;
                }
                Err(damage) => {
                    assert!(!damage.to_string().is_empty());
                    refused += 1;
                }
            }
        }
    }
    assert!(accepted > 1000 && refused > 1000, "{accepted} accepted, {refused} refused");
}

#[test]
fn bytes_that_are_no_metrics_at_all_are_refused_without_a_panic() {
    for case in 0..3000 {
        let mut random = Random(case);
        let length = random.below(600);
        let mut bytes: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        if let Some(identifier) = bytes.get_mut(4..8) {
            identifier.copy_from_slice(b"NSPM");
        }
        assert!(MetricsView::parse(&bytes).is_err(), "case {case}");
    }
}

/// A segment of spans, metrics and spans again, each in a frame of its own.
fn mixed() -> (Vec<u8>, ResourceMetrics) {
    let spans = plain_batch(0, vec![plain_span(1, "a span")]).write();
    let metrics = (0..).map(|seed| Random(seed).metrics()).find(|metrics| metrics.data_point_count() > 2);
    let metrics = metrics.expect("most have more");
    let frames = [frame(spans.as_bytes()), metrics_frame(&written(&metrics)), frame(spans.as_bytes())];
    ([&segment_header(0)[..], &frames.concat()].concat(), metrics)
}

#[test]
fn clause_3_7_a_reader_of_one_kind_passes_over_the_other_and_one_of_all_over_neither() {
    let (bytes, metrics) = mixed();
    let reader = || SegmentReader::new(&bytes).expect("the header is intact");

    let mut spans = reader();
    assert_eq!(spans.by_ref().map(|frame| frame.unwrap().view().span_count()).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(spans.foreign_frames(), 1);

    let mut of_metrics = reader().metrics();
    let frame = of_metrics.next().expect("there is one").expect("it is intact");
    assert_same(&frame.view().to_metrics(ENOUGH).expect("there is little text"), &metrics, 0);
    assert!(of_metrics.next().is_none());
    assert_eq!(of_metrics.foreign_frames(), 2);

    let mut all = reader().all();
    let is_metrics = |batch| matches!(batch, AnyBatch::Metrics(_));
    let kinds: Vec<bool> = all.by_ref().map(|frame| is_metrics(frame.unwrap().view())).collect();
    assert_eq!((kinds, all.foreign_frames()), (vec![false, true, false], 0));
}

#[test]
fn clause_3_8_a_batch_in_a_frame_of_the_other_kind_is_damage() {
    let spans = plain_batch(0, vec![]).write();
    let metrics = written(&ResourceMetrics::default());
    for payload in [metrics_frame(spans.as_bytes()), [&frame_header(&metrics)[..], &metrics].concat()] {
        let bytes = [&segment_header(0)[..], &payload].concat();
        let mut reader = SegmentReader::new(&bytes).expect("the header is intact").all();
        let damage = reader.next().expect("there is a frame").expect_err("it holds something else");
        assert_eq!(damage.kind, DamageKind::BadBatch(BatchError::NotABatch));
    }
}

#[test]
fn clause_3_11_the_valid_prefix_counts_the_points_of_metrics() {
    let (bytes, metrics) = mixed();
    let prefix = valid_prefix(&bytes);
    assert_eq!((prefix.len, prefix.frames, prefix.spans), (bytes.len() as u64, 3, 2));
    assert_eq!(prefix.data_points, metrics.data_point_count() as u64);
    let torn = valid_prefix(&bytes[..bytes.len() - 1]);
    assert_eq!((torn.frames, torn.spans, torn.data_points), (2, 1, prefix.data_points));
}

/// What `tests/fixtures/golden-metrics-v1.segment` holds.
fn golden_metrics() -> ResourceMetrics {
    let at = |seconds: u64| Timestamp::from_unix_nanos(1_700_000_000_000_000_000 + seconds * 1_000_000_000);
    let mut metrics = ResourceMetrics::default();
    metrics.resource.attributes.add("service.name", "checkout");
    metrics.resource.dropped_attributes_count = 1;
    metrics.resource.schema_url = "https://opentelemetry.io/schemas/1.40.0".into();
    metrics.scopes.push().scope.name = "of nothing".into();
    let scope = metrics.scopes.push();
    scope.scope.name = "shop".into();
    scope.scope.version = "1.4".into();
    scope.scope.attributes.add("shop.tags", Value::StrArray(&["a", "b"]));
    scope.scope.dropped_attributes_count = 2;
    scope.scope.schema_url = "urn:shop".into();

    let gauge = scope.metrics.push();
    gauge.name = "shop.stock".into();
    gauge.description = "What is there \u{1F980}".into();
    gauge.unit = "{item}".into();
    gauge.metadata.add("origin", 7_i64);
    let point = gauge.data.gauge().points.push();
    (point.time, point.value) = (at(1), Some(Number::F64(-0.0)));
    let point = gauge.data.gauge().points.push();
    (point.time, point.flags) = (at(1), DataPointFlags::from_bits(0x8000_0001));

    let sum = scope.metrics.push();
    sum.name = "shop.orders".into();
    let sum = sum.data.sum();
    (sum.temporality, sum.is_monotonic) = (Temporality::Delta, true);
    let point = sum.points.push();
    (point.start, point.time, point.value) = (at(0), at(1), Some(Number::I64(i64::MIN)));
    point.attributes.add("shop.region", "eu");
    let exemplar = point.exemplars.push();
    (exemplar.time, exemplar.value) = (at(1), Some(Number::I64(3)));
    exemplar.filtered_attributes.add("app.user", true);
    exemplar.trace_id = Some(TraceId::from_u128(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c));
    exemplar.span_id = Some(SpanId::from_u64(0x00f0_67aa_0ba9_02b7));
    point.exemplars.push();

    let histogram = scope.metrics.push();
    histogram.name = "shop.wait".into();
    let point = histogram.data.histogram().points.push();
    (point.start, point.time, point.count) = (at(0), at(1), 3);
    (point.sum, point.min, point.max) = (Some(0.75), Some(0.1), Some(f64::INFINITY));
    (point.bounds, point.bucket_counts) = (vec![0.2, 0.5], vec![1, 2, 0]);
    histogram.data.histogram().points.push();

    let exponential = scope.metrics.push();
    exponential.name = "shop.size".into();
    exponential.data.exponential_histogram().temporality = Temporality::Delta;
    let point = exponential.data.exponential_histogram().points.push();
    (point.count, point.scale, point.zero_count, point.zero_threshold) = (9, -2, 1, 0.25);
    (point.positive.offset, point.positive.counts) = (-3, vec![4, 0, 1]);
    (point.negative.offset, point.negative.counts) = (5, vec![3]);

    let summary = scope.metrics.push();
    summary.name = "shop.old".into();
    let point = summary.data.summary().points.push();
    (point.count, point.sum) = (2, 1.5);
    point.quantiles = vec![QuantileValue { quantile: 0.5, value: 0.7 }];
    metrics
}

#[test]
fn clause_6_4_the_golden_metrics_of_version_1_read_back_to_their_content() {
    let bytes = include_bytes!("../fixtures/golden-metrics-v1.segment");
    let reader = SegmentReader::new(bytes).expect("the header is intact").metrics();
    let views: Vec<_> = reader.map(|frame| frame.expect("the frame is intact").view()).collect();
    let [first, second] = &views[..] else { panic!("{} frames", views.len()) };
    assert_eq!((first.version(), first.instance_id(), first.sequence()), ((1, 0), 7, 3));
    assert_eq!(first.to_metrics(ENOUGH), Ok(golden_metrics()));
    assert_eq!(second.to_metrics(ENOUGH), Ok(ResourceMetrics::default()));
}

#[test]
fn clause_6_4_what_is_written_today_reads_back_to_the_content_of_the_golden_metrics() {
    assert_eq!(read(&written(&golden_metrics())), golden_metrics());
}
