//! Segment files of metrics: what differs from those of spans, which are written by the same code.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::common;
use crate::common::batches::batch;
use crate::common::scratch::Scratch;
use crate::common::segments;
use nanospan::export::segment::{SegmentFile, segments_in};
use nanospan::export::{Context, ExportErrorKind};
use nanospan::metrics::data::{ResourceMetrics, Temporality};
use nanospan::metrics::{Aggregation, InstrumentKind, MetricExporter, SegmentMetricExporter};

fn open(directory: &Path) -> SegmentMetricExporter {
    SegmentMetricExporter::builder(directory).build().expect("the directory is free")
}

/// A collection with this many points.
fn metrics(points: u64) -> ResourceMetrics {
    common::metrics::metrics(0, points)
}

fn export(exporter: &SegmentMetricExporter, metrics: &ResourceMetrics) {
    exporter.export(&Context::new(), metrics).expect("there is room");
}

fn names(directory: &Path) -> Vec<String> {
    let name = |path: &Path| path.file_name().expect("a segment").to_string_lossy().into_owned();
    segments_in(directory).expect("segments").iter().map(|path| name(path)).collect()
}

/// The number and the points of each batch of metrics in the directory, and which exporter made it.
fn read(directory: &Path) -> Vec<(u64, ResourceMetrics, u64)> {
    let mut batches = Vec::new();
    for path in segments_in(directory).expect("segments") {
        let file = SegmentFile::open(path).expect("it can be read");
        for frame in file.reader().expect("it begins as a segment does").metrics() {
            let view = frame.expect("a whole batch reads back").view();
            let metrics = view.to_metrics(1 << 20).expect("there is little text");
            batches.push((view.sequence(), metrics, view.instance_id()));
        }
    }
    batches
}

#[test]
fn each_collection_is_a_batch_numbered_in_a_segment_named_for_metrics() {
    let scratch = Scratch::new("metrics");
    let directory = scratch.path("metrics");
    let exporter = open(&directory);
    export(&exporter, &metrics(0));
    assert!(names(&directory).is_empty(), "metrics without points are not written");
    export(&exporter, &metrics(1));
    export(&exporter, &metrics(0));
    export(&exporter, &metrics(2));
    let [name] = &names(&directory)[..] else { panic!("one segment") };
    assert!(name.starts_with("metrics-") && name.ends_with(".nsp.open"), "{name}");
    exporter.shutdown(&Context::new()).expect("nothing is in the way");
    assert_eq!(names(&directory), [name.trim_end_matches(".open")]);

    let batches = read(&directory);
    let [(0, first, id), (1, second, same)] = &batches[..] else { panic!("{batches:?}") };
    assert_eq!((first, second, id), (&metrics(1), &metrics(2), same));
    let next = open(&directory);
    export(&next, &metrics(3));
    assert_ne!(read(&directory)[2].2, *id, "each exporter has numbers of its own");
}

#[test]
fn a_collection_that_finds_no_room_leaves_a_gap_in_the_numbers() {
    let scratch = Scratch::new("metrics-full");
    let directory = scratch.path("metrics");
    let exporter = SegmentMetricExporter::builder(&directory).max_total_bytes(4 << 10).build().expect("free");
    export(&exporter, &metrics(1));
    let error = exporter.export(&Context::new(), &metrics(1_000)).expect_err("there is no room");
    assert_eq!((error.kind(), error.lost_data_points()), (ExportErrorKind::Full, None));
    export(&exporter, &metrics(2));
    let numbers: Vec<_> = read(&directory).iter().map(|(number, ..)| *number).collect();
    assert_eq!(numbers, [0, 2]);
}

#[test]
fn a_directory_has_one_writer_of_spans_or_of_metrics() {
    let scratch = Scratch::new("metrics-locked");
    let directory = scratch.path("shared");
    let spans = segments::open(&directory);
    let refused = SegmentMetricExporter::builder(&directory).build().expect_err("it has a writer");
    assert_eq!(refused.kind(), ExportErrorKind::Locked);
    drop(spans);
    drop(open(&directory));
}

#[test]
fn whoever_writes_next_seals_what_a_killed_writer_of_either_left_open() {
    let scratch = Scratch::new("metrics-killed");
    let directory = scratch.path("shared");
    let exporter = open(&directory);
    export(&exporter, &metrics(3));
    export(&exporter, &metrics(4));
    let written = segments_in(&directory).expect("segments").remove(0);
    let bytes = fs::read(&written).expect("it is there");
    exporter.shutdown(&Context::new()).expect("nothing is in the way");
    fs::remove_file(directory.join(names(&directory).remove(0))).expect("it is there");
    // As a killed writer leaves it: the second batch is not whole.
    fs::write(directory.join("metrics-00000000000000000002.nsp.open"), &bytes[..bytes.len() - 8])
        .expect("the directory is ours");

    let spans = segments::open(&directory);
    let [sealed] = &spans.recovery().sealed[..] else { panic!("one segment was left open") };
    assert_eq!((sealed.batches, sealed.spans, sealed.data_points), (1, 0, 3));
    assert!(sealed.bytes_cut > 0);
    assert!(sealed.to_string().contains("with 1 batches of 3 data points; cut "), "{sealed}");
    segments::export(&spans, &batch(0, 2));
    segments::shut_down(&spans);
    let names = names(&directory);
    assert_eq!(names[0], "metrics-00000000000000000002.nsp");
    assert!(names[1].starts_with("spans-"), "oldest first: {names:?}");
    assert_eq!(read(&directory).len(), 1);
    assert_eq!(segments::batches(&directory).len(), 1);
}

#[test]
fn the_exporter_tells_where_it_writes_and_what_it_found_there() {
    let scratch = Scratch::new("metrics-recovery");
    let directory = scratch.path("metrics");
    let exporter = open(&directory);
    assert_eq!(exporter.directory(), directory);
    assert!(exporter.recovery().sealed.is_empty() && exporter.recovery().left_alone.is_empty());
    export(&exporter, &metrics(3));
    let written = segments_in(&directory).expect("segments").remove(0);
    let bytes = fs::read(&written).expect("it is there");
    exporter.shutdown(&Context::new()).expect("nothing is in the way");
    fs::write(directory.join("metrics-00000000000000000002.nsp.open"), bytes).expect("the directory is ours");
    let exporter = open(&directory);
    let [sealed] = &exporter.recovery().sealed[..] else { panic!("one segment was left open") };
    assert_eq!((sealed.batches, sealed.spans, sealed.data_points, sealed.bytes_cut), (1, 0, 3, 0));
}

#[test]
fn a_segment_that_is_as_old_as_it_may_be_is_sealed_before_the_next_collection() {
    let scratch = Scratch::new("metrics-age");
    let directory = scratch.path("metrics");
    let exporter =
        SegmentMetricExporter::builder(&directory).max_segment_age(Duration::ZERO).build().expect("free");
    for points in 1..=3 {
        export(&exporter, &metrics(points));
    }
    assert_eq!(segments_in(&directory).expect("segments").len(), 3);
    assert_eq!(read(&directory).len(), 3);
}

#[test]
fn a_segment_of_metrics_is_no_larger_than_its_limit() {
    let scratch = Scratch::new("metrics-limit");
    let directory = scratch.path("metrics");
    let exporter =
        SegmentMetricExporter::builder(&directory).max_segment_bytes(2 << 10).build().expect("free");
    for _ in 0..10 {
        export(&exporter, &metrics(5));
    }
    exporter.shutdown(&Context::new()).expect("nothing is in the way");
    let paths = segments_in(&directory).expect("segments");
    assert!(paths.len() > 1);
    for path in &paths {
        assert!(fs::metadata(path).expect("it is there").len() <= 2 << 10);
    }
    let numbers: Vec<_> = read(&directory).iter().map(|(number, ..)| *number).collect();
    assert_eq!(numbers, (0..10).collect::<Vec<_>>());
}

#[test]
fn what_is_wanted_of_each_kind_is_what_was_set() {
    let scratch = Scratch::new("metrics-wanted");
    let is_counter = |kind| kind == InstrumentKind::Counter;
    let delta = move |kind| if is_counter(kind) { Temporality::Delta } else { Temporality::Cumulative };
    let sum = move |kind| if is_counter(kind) { Aggregation::Drop } else { Aggregation::Default };
    let builder = SegmentMetricExporter::builder(scratch.path("metrics"));
    let exporter = builder.temporality(delta).aggregation(sum).build().expect("the directory is free");
    for kind in InstrumentKind::ALL {
        assert_eq!((exporter.temporality(kind), exporter.aggregation(kind)), (delta(kind), sum(kind)));
    }
    for builder in [
        SegmentMetricExporter::builder(scratch.path("none")).max_segment_bytes(0),
        SegmentMetricExporter::builder(scratch.path("none")).max_total_bytes(0),
    ] {
        assert_eq!(builder.build().expect_err("no room").kind(), ExportErrorKind::InvalidConfig);
    }
}
