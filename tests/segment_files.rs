//! What segment files and their directory promise; docs/segment-files.md has the promises.
#![cfg(unix)]

mod common {
    pub(crate) mod batches;
    pub(crate) mod scratch;
}

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::batches::batch;
use common::scratch::Scratch;
use nanospan::batch::Batch;
use nanospan::batch::segment::SEGMENT_HEADER_LEN;
use nanospan::export::segment::{SegmentExporter, SegmentFile, segments_in};
use nanospan::export::{Context, ExportErrorKind, SpanExporter};

fn open(directory: &Path) -> SegmentExporter {
    SegmentExporter::builder(directory)
        .build()
        .expect("the directory is free")
}

fn export(exporter: &SegmentExporter, batch: &Batch) {
    exporter
        .export(&Context::new(), batch)
        .expect("there is room");
}

fn shut_down(exporter: &SegmentExporter) {
    exporter
        .shutdown(&Context::new())
        .expect("nothing is in the way");
}

fn refusal(directory: &Path) -> (ExportErrorKind, String) {
    let error = SegmentExporter::builder(directory)
        .build()
        .expect_err("the directory must be refused");
    (error.kind(), error.to_string())
}

/// The bytes of every batch in the segments at `paths`.
fn batches_in(paths: &[PathBuf]) -> Vec<Vec<u8>> {
    let mut batches = Vec::new();
    for path in paths {
        let file = SegmentFile::open(path).expect("a listed segment can be read");
        for frame in file.reader().expect("it begins as a segment does") {
            let frame = frame.expect("a whole batch reads back");
            batches.push(frame.view().as_bytes().to_vec());
        }
    }
    batches
}

/// The bytes of every batch in the directory.
fn batches(directory: &Path) -> Vec<Vec<u8>> {
    batches_in(&segments_in(directory).expect("the directory holds segments only"))
}

fn bytes(batches: &[Batch]) -> Vec<Vec<u8>> {
    batches
        .iter()
        .map(|batch| batch.as_bytes().to_vec())
        .collect()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("the directory exists");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("it can be listed").file_name())
        .map(|name| name.into_string().expect("names are ASCII"))
        .collect();
    names.sort();
    names
}

fn open_segments(directory: &Path) -> Vec<PathBuf> {
    let mut paths = segments_in(directory).expect("the directory holds segments only");
    paths.retain(|path| path.extension().is_some_and(|suffix| suffix == "open"));
    paths
}

fn mode(path: &Path) -> u32 {
    let metadata = path.symlink_metadata().expect("the path exists");
    metadata.permissions().mode() & 0o7777
}

// What is written is read.

#[test]
fn everything_exported_is_read_back_equal_and_in_order() {
    let scratch = Scratch::new("equal");
    let directory = scratch.path("spans");
    let written: Vec<Batch> = (0..50)
        .map(|number| batch(number, number as usize % 7))
        .collect();
    let exporter = SegmentExporter::builder(&directory)
        .max_segment_bytes(4096)
        .build()
        .expect("the directory is free");
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
    assert!(
        SegmentFile::open(&listed[0])
            .expect("it is there")
            .is_sealed()
    );
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
    let exporter = SegmentExporter::builder(&directory)
        .max_segment_bytes(limit)
        .build()
        .expect("the directory is free");
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
    let exporter = SegmentExporter::builder(&directory)
        .max_segment_bytes(4096)
        .build()
        .expect("the directory is free");
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
    for builder in [
        builder.clone().max_segment_bytes(0),
        builder.max_total_bytes(0),
    ] {
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
        let sizes = paths
            .iter()
            .map(|path| path.metadata().expect("it is there").len());
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

// Who may write.

#[test]
fn a_directory_that_others_may_write_to_is_refused_and_left_as_it_is() {
    let scratch = Scratch::new("writable");
    for bits in [0o720, 0o702, 0o777, 0o1777] {
        let directory = scratch.path("spans");
        fs::create_dir_all(&directory).expect("a fresh directory");
        fs::set_permissions(&directory, fs::Permissions::from_mode(bits)).expect("it is ours");
        let (kind, text) = refusal(&directory);
        assert_eq!(kind, ExportErrorKind::Insecure, "{bits:o}");
        assert!(text.contains(&format!("{bits:04o}")), "{text}");
        assert_eq!(mode(&directory), bits);
        assert!(names(&directory).is_empty());
    }
}

#[test]
fn a_directory_that_others_may_only_read_keeps_its_mode() {
    let scratch = Scratch::new("readable");
    let directory = scratch.path("spans");
    fs::create_dir(&directory).expect("a fresh directory");
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).expect("it is ours");
    drop(open(&directory));
    assert_eq!(mode(&directory), 0o755);
}

#[test]
fn a_symbolic_link_in_place_of_the_directory_is_refused_however_it_is_spelt() {
    let scratch = Scratch::new("linked-directory");
    let target = scratch.path("target");
    fs::create_dir(&target).expect("a fresh directory");
    fs::set_permissions(&target, fs::Permissions::from_mode(0o700)).expect("it is ours");
    symlink(&target, scratch.path("link")).expect("a fresh directory");
    symlink(scratch.path("missing"), scratch.path("dangling")).expect("a fresh directory");
    for spelling in ["link", "link/", "link//", "link/.", "dangling", "dangling/"] {
        let (kind, text) = refusal(&scratch.path(spelling));
        assert_eq!(kind, ExportErrorKind::Insecure, "{spelling}");
        assert!(text.contains("symbolic link"), "{spelling}: {text}");
    }
    assert!(names(&target).is_empty());
    assert!(!scratch.path("missing").exists());
}

#[test]
fn a_file_in_place_of_the_directory_is_refused() {
    let scratch = Scratch::new("file");
    fs::write(scratch.path("spans"), "kept").expect("a fresh directory");
    let (kind, text) = refusal(&scratch.path("spans"));
    assert_eq!(kind, ExportErrorKind::Insecure);
    assert!(text.contains("not a directory"), "{text}");
    assert_eq!(
        fs::read(scratch.path("spans")).expect("it is there"),
        b"kept"
    );
}

#[test]
fn a_symbolic_link_in_place_of_the_lock_is_refused_and_its_target_untouched() {
    let scratch = Scratch::new("linked-lock");
    let directory = scratch.path("spans");
    drop(open(&directory));
    fs::remove_file(directory.join("writer.lock")).expect("it is there");
    let target = scratch.path("target");
    fs::write(&target, "kept").expect("a fresh directory");
    let before = mode(&target);
    symlink(&target, directory.join("writer.lock")).expect("the name is free");
    let (kind, text) = refusal(&directory);
    assert_eq!(kind, ExportErrorKind::Insecure);
    assert!(text.contains("writer.lock"), "{text}");
    assert_eq!(fs::read(&target).expect("it is there"), b"kept");
    assert_eq!(mode(&target), before);
}

#[test]
fn a_symbolic_link_in_place_of_a_leftover_is_left_alone_and_its_target_untouched() {
    let scratch = Scratch::new("linked-leftover");
    let directory = scratch.path("spans");
    drop(open(&directory));
    let target = scratch.path("target");
    fs::write(&target, "no whole batch").expect("a fresh directory");
    let link = directory.join("spans-00000000000000000001.nsp.open");
    symlink(&target, &link).expect("the name is free");
    let exporter = open(&directory);
    let recovery = exporter.recovery();
    assert!(recovery.sealed.is_empty());
    assert_eq!(recovery.left_alone.len(), 1);
    assert_eq!(recovery.left_alone[0].path, link);
    assert_eq!(fs::read(&target).expect("it is there"), b"no whole batch");
    assert!(link.is_symlink());
}

#[test]
fn a_second_writer_is_refused_until_the_first_is_dropped_or_shut_down() {
    let scratch = Scratch::new("second");
    let directory = scratch.path("spans");
    let first = open(&directory);
    for spelling in ["spans", "spans/", "./spans", "other/../spans"] {
        fs::create_dir_all(scratch.path("other")).expect("a fresh directory");
        let (kind, text) = refusal(&scratch.path(spelling));
        assert_eq!(kind, ExportErrorKind::Locked, "{spelling}");
        assert!(
            text.contains("spans") && text.contains("this process"),
            "{text}"
        );
    }
    // A refusal must not have cost the first one its lock.
    export(&first, &batch(0, 1));
    assert_eq!(refusal(&directory).0, ExportErrorKind::Locked);
    drop(first);

    let second = open(&directory);
    shut_down(&second);
    let third = open(&directory);
    assert_eq!(refusal(&directory).0, ExportErrorKind::Locked);
    drop(second);
    assert_eq!(refusal(&directory).0, ExportErrorKind::Locked);
    drop(third);
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
    for (context, kind) in [
        (&late, ExportErrorKind::DeadlineExceeded),
        (&cancelled, ExportErrorKind::Cancelled),
    ] {
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
    assert_eq!(again.kind(), ExportErrorKind::Shutdown);

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
            assert_eq!(error.kind(), ExportErrorKind::Shutdown);
        }
    }
    assert_eq!(names(&directory), before);
}

// What a crash leaves.

#[test]
fn a_torn_tail_of_every_length_is_cut_to_the_last_whole_batch() {
    let scratch = Scratch::new("torn");
    let written = [batch(0, 1), batch(1, 0), batch(2, 2)];
    let (whole, ends) = segment_of(&scratch.path("whole"), &written);

    let directory = scratch.path("torn");
    let leftover = "spans-00000000000000000001.nsp.open";
    for length in 0..=whole.len() {
        drop(open(&directory));
        fs::write(directory.join(leftover), &whole[..length]).expect("the directory is ours");
        let survivors = ends.iter().filter(|end| **end <= length).count();
        // A segment without a whole batch is cut to its header, or to nothing if that is torn.
        let kept = match ends[..survivors].last() {
            Some(end) => *end,
            None if length < SEGMENT_HEADER_LEN => 0,
            None => SEGMENT_HEADER_LEN,
        };

        let exporter = open(&directory);
        let [sealed] = exporter.recovery().sealed.as_slice() else {
            panic!("one segment was left open, of {length} bytes");
        };
        assert_eq!(sealed.batches, survivors as u64, "{length}");
        assert_eq!(sealed.bytes_cut, (length - kept) as u64, "{length}");
        assert_eq!(sealed.damage, []);
        assert!(exporter.recovery().left_alone.is_empty());
        let now = fs::read(&sealed.path).expect("it is sealed");
        assert_eq!(now.len(), kept.max(SEGMENT_HEADER_LEN), "{length}");
        assert_eq!(
            batches(&directory),
            bytes(&written[..survivors]),
            "{length}"
        );
        fs::remove_file(&sealed.path).expect("it is there");
    }
}

#[test]
fn damage_in_the_middle_costs_no_batch_behind_it() {
    let scratch = Scratch::new("damaged");
    let written = [batch(0, 1), batch(1, 1), batch(2, 1)];
    let (mut whole, ends) = segment_of(&scratch.path("whole"), &written);
    // One bit of the second batch, and a third one that is not whole.
    whole[(ends[0] + ends[1]) / 2] ^= 1;
    let directory = scratch.path("damaged");
    drop(open(&directory));
    let leftover = directory.join("spans-00000000000000000001.nsp.open");
    let torn = [&whole, &whole[ends[1]..ends[2] - 1]].concat();
    fs::write(leftover, torn).expect("the directory is ours");

    let exporter = open(&directory);
    let [sealed] = exporter.recovery().sealed.as_slice() else {
        panic!("one segment was left open");
    };
    assert_eq!(sealed.batches, 2);
    assert_eq!(sealed.spans, 2);
    assert_eq!(sealed.bytes_cut, (ends[2] - 1 - ends[1]) as u64);
    assert_eq!(sealed.damage.len(), 1);
    assert_eq!(sealed.damage[0].offset, ends[0] as u64);
    assert_eq!(fs::read(&sealed.path).expect("it is sealed"), whole);
}

#[test]
fn a_leftover_that_this_version_does_not_understand_is_left_alone() {
    let scratch = Scratch::new("unknown");
    let directory = scratch.path("spans");
    drop(open(&directory));
    let (mut future, _) = segment_of(&scratch.path("whole"), &[batch(0, 1)]);
    // The major version, and the checksum of the header with it.
    future[8] = 2;
    let checksum = crc32(&future[..28]);
    future[28..32].copy_from_slice(&checksum.to_le_bytes());
    let leftover = "spans-00000000000000000001.nsp.open";
    for contents in [future.as_slice(), b"a diary"] {
        fs::write(directory.join(leftover), contents).expect("the directory is ours");
        let exporter = open(&directory);
        assert!(exporter.recovery().sealed.is_empty());
        assert_eq!(exporter.recovery().left_alone.len(), 1);
        let kept = fs::read(directory.join(leftover)).expect("it is left alone");
        assert_eq!(kept, contents);
    }
}

/// The checksum of zlib and Ethernet, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[test]
fn recovery_touches_no_sealed_segment_and_no_other_file() {
    let scratch = Scratch::new("untouched");
    let directory = scratch.path("spans");
    drop(open(&directory));
    let torn = "spans-00000000000000000001.nsp";
    fs::write(directory.join(torn), "not a batch").expect("the directory is ours");
    fs::write(directory.join("notes.txt"), "kept").expect("the directory is ours");
    // An open segment whose sealed name is taken cannot be sealed.
    let rival = "spans-00000000000000000001.nsp.open";
    fs::write(directory.join(rival), "").expect("the directory is ours");

    let exporter = open(&directory);
    assert!(exporter.recovery().sealed.is_empty());
    assert_eq!(exporter.recovery().left_alone.len(), 1);
    assert_eq!(
        exporter.recovery().left_alone[0].path,
        directory.join(rival)
    );
    let read = |name| fs::read(directory.join(name)).expect("it is there");
    assert_eq!(read(torn), b"not a batch");
    assert_eq!(read("notes.txt"), b"kept");
}

#[test]
fn a_clean_directory_has_nothing_to_recover() {
    let scratch = Scratch::new("clean");
    let directory = scratch.path("spans");
    let first = open(&directory);
    assert!(first.recovery().is_clean());
    export(&first, &batch(0, 1));
    shut_down(&first);
    assert!(open(&directory).recovery().is_clean());
}

/// The bytes of a segment of `written`, and where each batch ends in it.
fn segment_of(directory: &Path, written: &[Batch]) -> (Vec<u8>, Vec<usize>) {
    let exporter = open(directory);
    let mut ends = Vec::new();
    for batch in written {
        export(&exporter, batch);
        let path = open_segments(directory).remove(0);
        let size = path.metadata().expect("it is there").len();
        ends.push(usize::try_from(size).expect("a small file"));
    }
    shut_down(&exporter);
    let path = segments_in(directory).expect("segments").remove(0);
    (fs::read(path).expect("it is sealed"), ends)
}
