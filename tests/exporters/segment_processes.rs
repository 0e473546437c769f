//! What segment files promise across processes: modes under any umask, locks, kills, full disks.
//!
//! A test that needs a process to spoil runs this binary again, with itself as the only test and
//! the directory in an environment variable.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Output};

use crate::common::batches::batch;
use crate::common::scratch::Scratch;
use nanospan::export::segment::{SegmentExporter, SegmentFile, segments_in};
use nanospan::export::{Context, ExportErrorKind, SpanExporter};

const DIRECTORY: &str = "NANOSPAN_TEST_DIRECTORY";

/// The directory to work on, if this is the process that a test started.
fn spoilt_process() -> Option<PathBuf> {
    env::var_os(DIRECTORY).map(PathBuf::from)
}

/// Runs the test `name` of this module in a process of its own, from a shell that ran `setup` before.
fn run_alone(name: &str, setup: &str, directory: &Path) -> Output {
    Command::new("sh")
        .arg("-c")
        .arg(format!(r#"{setup}; exec "$0" --exact "$1" --test-threads=1"#))
        .arg(env::current_exe().expect("this process has a file"))
        .arg(format!("{}::{name}", module_path!().trim_start_matches("exporters::")))
        .env(DIRECTORY, directory)
        .output()
        .expect("a system with a shell")
}

fn assert_passed(output: &Output) {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}{stderr}");
    // With a misspelt name, nothing would run and nothing fail.
    assert!(stdout.contains("1 passed"), "{stdout}");
}

fn mode(path: &Path) -> u32 {
    let metadata = path.symlink_metadata().expect("the path exists");
    metadata.permissions().mode() & 0o7777
}

/// The number of whole batches in the directory.
fn batch_count(directory: &Path) -> usize {
    let paths = segments_in(directory).expect("the directory holds segments only");
    let count = |path: &PathBuf| {
        let file = SegmentFile::open(path).expect("a listed segment can be read");
        let reader = file.reader().expect("it begins as a segment does");
        reader.filter(Result::is_ok).count()
    };
    paths.iter().map(count).sum()
}

#[test]
fn directories_are_0700_and_files_0600_under_any_umask() {
    if let Some(directory) = spoilt_process() {
        let exporter = SegmentExporter::builder(directory).build().expect("free");
        exporter.export(&Context::new(), &batch(0, 1)).expect("room");
        exporter.shutdown(&Context::new()).expect("sound");
        let exporter = SegmentExporter::builder(exporter.directory()).build().expect("free");
        exporter.export(&Context::new(), &batch(1, 1)).expect("room");
        // Leaves the second segment open.
        let _ = exporter.shutdown(&Context::with_timeout(std::time::Duration::ZERO));
        return;
    }
    let scratch = Scratch::new("umask");
    for umask in ["000", "022", "077", "177", "277", "377", "777"] {
        let directory = scratch.path(umask);
        let name = "directories_are_0700_and_files_0600_under_any_umask";
        assert_passed(&run_alone(name, &format!("umask {umask}"), &directory));
        assert_eq!(mode(&directory), 0o700, "umask {umask}");
        let mut files = 0;
        for entry in fs::read_dir(&directory).expect("it is there") {
            let path = entry.expect("it can be listed").path();
            assert_eq!(mode(&path), 0o600, "umask {umask}: {}", path.display());
            files += 1;
        }
        assert_eq!(files, 3, "two segments and the lock");
    }
}

#[test]
fn a_writer_in_another_process_is_refused_and_told_who_holds_the_lock() {
    if let Some(directory) = spoilt_process() {
        let error = SegmentExporter::builder(&directory).build().expect_err("held");
        assert_eq!(error.kind(), ExportErrorKind::Locked);
        let text = error.to_string();
        let holder = env::var("NANOSPAN_TEST_HOLDER").expect("the holder's id");
        assert!(text.contains(&format!("process {holder}")), "{text}");
        assert!(text.contains(&directory.display().to_string()), "{text}");
        return;
    }
    let scratch = Scratch::new("held");
    let directory = scratch.path("spans");
    let exporter = SegmentExporter::builder(&directory).build().expect("free");
    let name = "a_writer_in_another_process_is_refused_and_told_who_holds_the_lock";
    let setup = format!("export NANOSPAN_TEST_HOLDER={}", process::id());
    assert_passed(&run_alone(name, &setup, &directory));
    drop(exporter);
}

#[test]
fn a_killed_writer_leaves_its_batches_and_no_lock() {
    if let Some(directory) = spoilt_process() {
        let exporter = SegmentExporter::builder(directory).build().expect("free");
        for number in 0..5 {
            exporter.export(&Context::new(), &batch(number, 1)).expect("room");
        }
        process::abort();
    }
    let scratch = Scratch::new("killed");
    let directory = scratch.path("spans");
    let name = "a_killed_writer_leaves_its_batches_and_no_lock";
    let output = run_alone(name, "ulimit -c 0", &directory);
    assert!(output.status.signal().is_some(), "{:?}", output.status);

    let exporter = SegmentExporter::builder(&directory).build().expect("free");
    assert_eq!(exporter.recovery().sealed.len(), 1);
    assert_eq!(exporter.recovery().bytes_cut(), 0);
    assert_eq!(batch_count(&directory), 5);
}

#[test]
fn a_file_that_may_not_grow_keeps_its_whole_batches_and_the_next_export_is_tried_afresh() {
    if let Some(directory) = spoilt_process() {
        // The limit applies to each file, so the failure has to come from one large batch.
        let exporter = SegmentExporter::builder(&directory).build().expect("free");
        exporter.export(&Context::new(), &batch(0, 1)).expect("room");
        let error = exporter
            .export(&Context::new(), &batch(1, 2_000))
            .expect_err("the file may not grow to that size");
        assert_eq!(error.kind(), ExportErrorKind::Io);
        assert_eq!(error.lost_spans(), None, "all of the batch is lost");
        let text = error.to_string();
        assert!(text.contains(&directory.display().to_string()), "{text}");
        assert!(text.contains("File too large"), "{text}");
        exporter.export(&Context::new(), &batch(2, 1)).expect("room");
        exporter.shutdown(&Context::new()).expect("sound");
        return;
    }
    let scratch = Scratch::new("too-large");
    let directory = scratch.path("spans");
    let name = "a_file_that_may_not_grow_keeps_its_whole_batches_and_the_next_export_is_tried_afresh";
    // In units of 512 or 1024 bytes, as the shell has it. Without the trap the system would kill.
    let output = run_alone(name, "trap '' XFSZ; ulimit -f 32", &directory);
    assert_passed(&output);
    assert_eq!(segments_in(&directory).expect("segments").len(), 1);
    assert_eq!(batch_count(&directory), 2);
}

#[test]
fn a_segment_whose_only_batch_did_not_fit_is_not_left_behind() {
    if let Some(directory) = spoilt_process() {
        let exporter = SegmentExporter::builder(&directory).build().expect("free");
        exporter.export(&Context::new(), &batch(0, 2_000)).expect_err("the file may not grow to that size");
        exporter.shutdown(&Context::new()).expect("sound");
        return;
    }
    let scratch = Scratch::new("empty");
    let directory = scratch.path("spans");
    let name = "a_segment_whose_only_batch_did_not_fit_is_not_left_behind";
    let output = run_alone(name, "trap '' XFSZ; ulimit -f 32", &directory);
    assert_passed(&output);
    assert_eq!(segments_in(&directory).expect("segments").len(), 0);
}
