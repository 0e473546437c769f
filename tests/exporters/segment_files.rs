//! What segment files promise to whoever writes and reads them; docs/segment-files.md has the
//! promises.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Duration;

use crate::common::batches::batch;
use crate::common::scratch::Scratch;
use crate::common::segments::{batches, batches_in, bytes, export, names, open, open_segments, shut_down};
use nanospan::batch::Batch;
use nanospan::export::segment::{SegmentExporter, SegmentFile, segments_in};
use nanospan::export::{Context, ExportErrorKind, SpanExporter};

// What is written is read.

#[test]
fn everything_exported_is_read_back_equal_and_in_order() {
    let scratch = Scratch::new("equal");
    let directory = scratch.path("spans");
    let written: Vec<Batch> = (0..50).map(|number| batch(number, number as usize % 7)).collect();
    let exporter =
        SegmentExporter::builder(&directory).max_segment_bytes(4096).build().expect("the directory is free");
    for batch in &written {
        export(&exporter, batch);
    }
    shut_down(&exporter);
    assert!(segments_in(&directory).expect("segments").len() > 1);
    assert_eq!(batches(&directory), bytes(&written));
}

#[test]
fn the_open_segment_is_read_as_far_as_it_is_written() {
    let scratch = Scratch::new("active");
    let directory = scratch.path("spans");
    let exporter = open(&directory);
    let written = [batch(0, 3), batch(1, 2)];
    export(&exporter, &written[0]);
    assert_eq!(batches(&directory), bytes(&written[..1]));
    export(&exporter, &written[1]);
    assert_eq!(batches(&directory), bytes(&written));
    let path = open_segments(&directory).remove(0);
    assert!(!SegmentFile::open(path).expect("it is there").is_sealed());
}

#[test]
fn a_segment_sealed_between_listing_and_opening_is_still_read() {
    let scratch = Scratch::new("sealed-meanwhile");
    let directory = scratch.path("spans");
    let exporter = open(&directory);
    let written = [batch(0, 1)];
    export(&exporter, &written[0]);
    let listed = segments_in(&directory).expect("segments");
    shut_down(&exporter);
    assert_eq!(batches_in(&listed), bytes(&written));
    let file = SegmentFile::open(&listed[0]).expect("it is there");
    assert!(file.is_sealed());
    let sealed = segments_in(&directory).expect("segments").remove(0);
    assert_ne!(sealed, listed[0]);
    assert_eq!(file.path(), sealed, "where it was read, not where it was looked for");
}

#[test]
fn a_segment_file_holds_every_byte_of_the_file_as_it_was_when_opened() {
    let scratch = Scratch::new("whole-file");
    let directory = scratch.path("spans");
    let exporter = open(&directory);
    export(&exporter, &batch(0, 2));
    let path = open_segments(&directory).remove(0);
    let before = fs::read(&path).expect("it is there");
    let file = SegmentFile::open(&path).expect("it is there");
    export(&exporter, &batch(1, 2));
    assert!(fs::read(&path).expect("it is there").len() > before.len());
    assert_eq!((file.path(), file.bytes()), (&*path, &*before));
    assert_eq!(file.reader().expect("it begins as a segment does").count(), 1);
}

#[test]
fn what_is_no_regular_file_is_not_read() {
    let scratch = Scratch::new("irregular");
    let directory = scratch.path("spans-00000000000000000001.nsp");
    fs::create_dir(&directory).expect("a fresh directory");
    let error = SegmentFile::open(&directory).expect_err("a directory is no segment");
    assert_eq!(error.kind(), ExportErrorKind::Io);
    assert!(error.to_string().contains("not a regular file"), "{error}");

    let missing = scratch.path("missing.nsp");
    let error = SegmentFile::open(&missing).expect_err("there is no such file");
    assert!(error.to_string().contains("missing.nsp"), "{error}");
}

#[test]
fn segments_are_listed_in_the_order_they_were_begun_and_other_files_are_not() {
    let scratch = Scratch::new("listing");
    let directory = scratch.path("");
    for name in [
        "spans-00000000000000000010.nsp",
        "spans-00000000000000000009.nsp",
        "spans-00000000000000000011.nsp.open",
        "writer.lock",
        "notes.txt",
    ] {
        fs::write(directory.join(name), "").expect("a fresh directory");
    }
    let listed = segments_in(&directory).expect("segments");
    let expected = [
        "spans-00000000000000000009.nsp",
        "spans-00000000000000000010.nsp",
        "spans-00000000000000000011.nsp.open",
    ];
    assert_eq!(listed, expected.map(|name| directory.join(name)));
}

#[test]
fn a_file_that_only_looks_like_a_segment_is_named_in_the_error() {
    let scratch = Scratch::new("strangers");
    let directory = scratch.path("");
    let named = "spans-1.nsp";
    fs::write(directory.join(named), "").expect("a fresh directory");
    let error = segments_in(&directory).expect_err("a name without 20 digits");
    assert!(error.to_string().contains(named), "{error}");
    fs::remove_file(directory.join(named)).expect("it was written");

    let linked = "spans-00000000000000000001.nsp";
    symlink("/dev/null", directory.join(linked)).expect("a fresh directory");
    let error = segments_in(&directory).expect_err("a symbolic link");
    assert!(error.to_string().contains(linked), "{error}");
    assert!(error.to_string().contains("symbolic link"), "{error}");

    let error = segments_in(scratch.path("missing")).expect_err("no such directory");
    assert_eq!(error.kind(), ExportErrorKind::Io);
}

// When a segment is complete.

#[test]
fn no_segment_is_larger_than_its_limit() {
    let scratch = Scratch::new("size");
    let directory = scratch.path("spans");
    let limit = 3000;
    let exporter =
        SegmentExporter::builder(&directory).max_segment_bytes(limit).build().expect("the directory is free");
    for number in 0..40 {
        export(&exporter, &batch(number, 2));
    }
    shut_down(&exporter);
    let segments = segments_in(&directory).expect("segments");
    assert!(segments.len() > 1);
    for path in segments {
        let size = path.metadata().expect("it is there").len();
        assert!(size <= limit && size > 0, "{}: {size}", path.display());
    }
}

#[test]
fn a_batch_larger_than_the_limit_gets_a_segment_of_its_own() {
    let scratch = Scratch::new("oversize");
    let directory = scratch.path("spans");
    let written = [batch(0, 1), batch(1, 100), batch(2, 1)];
    let exporter =
        SegmentExporter::builder(&directory).max_segment_bytes(4096).build().expect("the directory is free");
    for batch in &written {
        export(&exporter, batch);
    }
    shut_down(&exporter);
    assert_eq!(segments_in(&directory).expect("segments").len(), 3);
    assert_eq!(batches(&directory), bytes(&written));
}

#[test]
fn a_segment_that_is_old_enough_is_sealed_by_the_next_export_or_flush() {
    let scratch = Scratch::new("age");
    let directory = scratch.path("spans");
    let exporter = SegmentExporter::builder(&directory)
        .max_segment_age(Duration::ZERO)
        .build()
        .expect("the directory is free");
    let written = [batch(0, 1), batch(1, 1)];
    export(&exporter, &written[0]);
    export(&exporter, &written[1]);
    assert_eq!(segments_in(&directory).expect("segments").len(), 2);
    assert_eq!(open_segments(&directory).len(), 1);
    exporter.force_flush(&Context::new()).expect("a sound disk");
    assert_eq!(open_segments(&directory).len(), 0);
    assert_eq!(batches(&directory), bytes(&written));
}

#[test]
fn a_segment_never_sorts_before_an_older_one_even_if_the_clock_was_set_back() {
    let scratch = Scratch::new("clock");
    let directory = scratch.path("spans");
    drop(open(&directory));
    let future = "spans-18000000000000000000.nsp";
    fs::write(directory.join(future), "").expect("the directory is ours");
    let exporter = open(&directory);
    export(&exporter, &batch(0, 1));
    let listed = segments_in(&directory).expect("segments");
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0], directory.join(future));
}

#[test]
fn an_exporter_that_gets_no_batch_creates_no_segment() {
    let scratch = Scratch::new("idle");
    let directory = scratch.path("spans");
    let exporter = open(&directory);
    exporter.force_flush(&Context::new()).expect("a sound disk");
    shut_down(&exporter);
    assert_eq!(names(&directory), ["writer.lock"]);
}

#[test]
fn dropping_the_exporter_seals_its_segment() {
    let scratch = Scratch::new("drop");
    let directory = scratch.path("spans");
    let exporter = open(&directory);
    let written = [batch(0, 1)];
    export(&exporter, &written[0]);
    drop(exporter);
    assert_eq!(open_segments(&directory).len(), 0);
    assert_eq!(batches(&directory), bytes(&written));
}

#[test]
fn a_deleted_open_segment_does_not_swallow_the_batches_after_it() {
    let scratch = Scratch::new("deleted");
    let directory = scratch.path("spans");
    let exporter = open(&directory);
    export(&exporter, &batch(0, 1));
    fs::remove_file(open_segments(&directory).remove(0)).expect("it is there");
    let written = [batch(1, 1)];
    export(&exporter, &written[0]);
    shut_down(&exporter);
    assert_eq!(batches(&directory), bytes(&written));
}

#[test]
fn a_limit_of_zero_bytes_is_refused() {
    let scratch = Scratch::new("zero");
    let builder = SegmentExporter::builder(scratch.path("spans"));
    for builder in [builder.clone().max_segment_bytes(0), builder.max_total_bytes(0)] {
        let error = builder.build().expect_err("no batch would fit");
        assert_eq!(error.kind(), ExportErrorKind::InvalidConfig);
    }
    assert!(!scratch.path("spans").exists());
}

#[test]
fn a_full_directory_refuses_batches_until_there_is_room_and_never_exceeds_its_limit() {
    let scratch = Scratch::new("full");
    let directory = scratch.path("spans");
    let limit = 8192;
    let total = || -> u64 {
        let paths = segments_in(&directory).expect("segments");
        let sizes = paths.iter().map(|path| path.metadata().expect("it is there").len());
        sizes.sum()
    };
    // The limit is for all segments, also those of an earlier writer.
    for number in 0..2 {
        let exporter = SegmentExporter::builder(&directory)
            .max_segment_bytes(2048)
            .max_total_bytes(limit)
            .build()
            .expect("the directory is free");
        let refused = (0..100)
            .map(|_| exporter.export(&Context::new(), &batch(number, 1)))
            .find_map(Result::err)
            .expect("the directory is full at some time");
        assert_eq!(refused.kind(), ExportErrorKind::Full);
        assert_eq!(refused.lost_spans(), None);
        assert!(refused.to_string().contains("8192"), "{refused}");
        assert!(total() <= limit);

        let oldest = segments_in(&directory).expect("segments").remove(0);
        fs::remove_file(oldest).expect("it is there");
        export(&exporter, &batch(number, 1));
        assert!(total() <= limit);
    }
}

// What a context and a shutdown do.

#[test]
fn a_context_that_is_over_does_no_work() {
    let scratch = Scratch::new("over");
    let directory = scratch.path("spans");
    let exporter = open(&directory);
    let late = Context::with_timeout(Duration::ZERO);
    let cancelled = Context::new();
    cancelled.cancellation().cancel();
    for (context, kind) in
        [(&late, ExportErrorKind::DeadlineExceeded), (&cancelled, ExportErrorKind::Cancelled)]
    {
        let error = exporter.export(context, &batch(0, 1)).expect_err("over");
        assert_eq!(error.kind(), kind);
        assert_eq!(error.lost_spans(), None, "the whole batch is lost");
        let error = exporter.force_flush(context).expect_err("over");
        assert_eq!(error.kind(), kind);
    }
    assert_eq!(names(&directory), ["writer.lock"]);
}

#[test]
fn a_shutdown_whose_context_is_over_still_frees_the_directory() {
    let scratch = Scratch::new("late-shutdown");
    let directory = scratch.path("spans");
    let exporter = open(&directory);
    let written = [batch(0, 1)];
    export(&exporter, &written[0]);
    let late = Context::with_timeout(Duration::ZERO);
    let error = exporter.shutdown(&late).expect_err("over");
    assert_eq!(error.kind(), ExportErrorKind::DeadlineExceeded);
    let again = exporter.shutdown(&Context::new()).expect_err("shut down");
    assert_eq!(again.kind(), ExportErrorKind::ExporterShutdown);

    assert_eq!(open_segments(&directory).len(), 1);
    let next = open(&directory);
    assert_eq!(next.recovery().sealed.len(), 1);
    assert_eq!(next.recovery().bytes_cut(), 0);
    assert_eq!(open_segments(&directory).len(), 0);
    assert_eq!(batches(&directory), bytes(&written));
}

#[test]
fn every_call_after_the_shutdown_returns_the_shutdown_error_and_does_nothing() {
    let scratch = Scratch::new("shutdown");
    let directory = scratch.path("spans");
    let exporter = open(&directory);
    export(&exporter, &batch(0, 1));
    shut_down(&exporter);
    let before = names(&directory);
    let context = Context::new();
    let late = Context::with_timeout(Duration::ZERO);
    for context in [&context, &late] {
        let errors = [
            exporter.export(context, &batch(1, 1)),
            exporter.force_flush(context),
            exporter.shutdown(context),
        ];
        for error in errors {
            let error = error.expect_err("the exporter is shut down");
            assert_eq!(error.kind(), ExportErrorKind::ExporterShutdown);
        }
    }
    assert_eq!(names(&directory), before);
}
