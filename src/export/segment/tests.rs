//! What needs a look inside or a forked child; the rest is tested from outside.

use std::env;
use std::fs;
use std::io::Read;
use std::mem;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::{SegmentExporter, SegmentFile, lock, segments_in};
use crate::batch::{Batch, BatchBuilder};
use crate::export::{Context, ExportErrorKind, SpanExporter};
use crate::raw::os::testing::fork;

/// A directory name that no other test has, removed with what is in it.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(env::temp_dir().join(format!("nanospan-test-{}-{number}", process::id())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn open(directory: &Path) -> SegmentExporter {
    SegmentExporter::builder(directory).build().expect("the directory is free")
}

fn batch() -> Batch {
    BatchBuilder::new(&[], 7).finish(0, 0).expect("an empty batch is small")
}

fn batch_count(directory: &Path) -> usize {
    let paths = segments_in(directory).expect("the directory holds segments only");
    let count = |path: PathBuf| {
        let file = SegmentFile::open(path).expect("a listed segment can be read");
        let reader = file.reader().expect("it begins as a segment does");
        reader.filter(Result::is_ok).count()
    };
    paths.into_iter().map(count).sum()
}

#[test]
fn a_forked_child_neither_writes_nor_seals_nor_unlocks() {
    let scratch = Scratch::new();
    let context = Context::new();
    let batch = batch();
    let mut exporter = Some(open(&scratch.0));
    let parents = exporter.as_ref().expect("it was just opened");
    parents.export(&context, &batch).expect("there is room");

    let child = fork(|| {
        let inherited = exporter.take().expect("the child has a copy");
        let results = [
            inherited.export(&context, &batch),
            inherited.force_flush(&context),
            inherited.shutdown(&context),
        ];
        drop(inherited);
        let forked = |result: &Result<(), crate::export::ExportError>| matches!(result, Err(error) if error.kind() == ExportErrorKind::Forked);
        u8::from(!results.iter().all(forked))
    });
    assert_eq!(child.wait(), Some(0));

    let parents = exporter.expect("only the child took its copy");
    let locked = SegmentExporter::builder(&scratch.0).build().expect_err("held");
    assert_eq!(locked.kind(), ExportErrorKind::Locked);
    parents.export(&context, &batch).expect("there is room");
    parents.shutdown(&context).expect("nothing is in the way");
    assert_eq!(segments_in(&scratch.0).expect("segments").len(), 1);
    assert_eq!(batch_count(&scratch.0), 2);
}

#[test]
fn a_forked_child_that_opens_the_parents_directory_is_refused() {
    let scratch = Scratch::new();
    let exporter = open(&scratch.0);
    // No other thread has the list of claims at the moment of the fork, as it might by chance.
    let claims = lock::claims();
    let child = fork(|| {
        drop(claims);
        match SegmentExporter::builder(&scratch.0).build() {
            Err(error) if error.kind() == ExportErrorKind::Locked => 0,
            _ => 1,
        }
    });
    assert_eq!(child.wait(), Some(0));
    drop(exporter);
}

#[test]
fn a_writers_lock_ends_with_it_even_if_a_child_that_it_forked_lives_on() {
    let scratch = Scratch::new();
    let (ours, mut theirs) = UnixStream::pair().expect("two connected sockets");
    let claims = lock::claims();
    let writer = fork(|| {
        drop(claims);
        let exporter = open(&scratch.0);
        let _survivor = fork(|| {
            drop(ours);
            // Lives until the test closes its end.
            let _ = theirs.read(&mut [0]);
            0
        });
        let exported = exporter.export(&Context::new(), &batch());
        // Leaves without dropping the exporter, as a killed process does.
        mem::forget(exporter);
        u8::from(exported.is_err())
    });
    assert_eq!(writer.wait(), Some(0));

    let next = open(&scratch.0);
    assert_eq!(next.recovery().sealed.len(), 1);
    assert_eq!(batch_count(&scratch.0), 1);
}

#[test]
fn a_call_that_waits_for_another_gives_up_with_its_own_context() {
    let scratch = Scratch::new();
    let exporter = open(&scratch.0);
    let turn = exporter.files.turn(&Context::new()).expect("nobody has it");
    let short = Context::with_timeout(Duration::from_millis(2));
    let error = exporter.force_flush(&short).expect_err("the writer is taken");
    assert_eq!(error.kind(), ExportErrorKind::DeadlineExceeded);
    drop(turn);
    exporter.force_flush(&Context::new()).expect("it was put back");
}

#[test]
fn a_shutdown_that_gives_up_waiting_leaves_the_rest_to_the_call_under_way() {
    let scratch = Scratch::new();
    let exporter = open(&scratch.0);
    exporter.export(&Context::new(), &batch()).expect("there is room");
    let turn = exporter.files.turn(&Context::new()).expect("nobody has it");
    let short = Context::with_timeout(Duration::from_millis(2));
    let error = exporter.shutdown(&short).expect_err("the writer is taken");
    assert_eq!(error.kind(), ExportErrorKind::DeadlineExceeded);
    let error = exporter.force_flush(&Context::new()).expect_err("shut down");
    assert_eq!(error.kind(), ExportErrorKind::ExporterShutdown);
    drop(turn);
    // The lock is free and the segment sealed, though the exporter is still there.
    assert!(open(&scratch.0).recovery().is_clean());
    assert_eq!(batch_count(&scratch.0), 1);
}
