//! Who may write to a segment directory, and what a writer refuses to touch.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::common::batches::batch;
use crate::common::scratch::Scratch;
use crate::common::segments::{export, names, open, shut_down};
use nanospan::export::ExportErrorKind;
use nanospan::export::segment::{SegmentExporter, SegmentFile};

fn refusal(directory: &Path) -> (ExportErrorKind, String) {
    let error = SegmentExporter::builder(directory).build().expect_err("the directory must be refused");
    (error.kind(), error.to_string())
}

fn mode(path: &Path) -> u32 {
    let metadata = path.symlink_metadata().expect("the path exists");
    metadata.permissions().mode() & 0o7777
}

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
    assert_eq!(fs::read(scratch.path("spans")).expect("it is there"), b"kept");
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
        assert!(text.contains("spans") && text.contains("this process"), "{text}");
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

#[test]
fn a_pipe_in_place_of_a_segment_or_of_the_lock_keeps_nobody_waiting() {
    let scratch = Scratch::new("pipe");
    let directory = scratch.path("spans");
    drop(open(&directory));
    let pipe = |name| {
        let path = directory.join(name);
        let made = Command::new("mkfifo").arg(&path).status();
        assert!(made.expect("a system with mkfifo").success());
        path
    };
    let leftover = pipe("spans-00000000000000000001.nsp.open");
    assert_eq!(open(&directory).recovery().left_alone[0].path, leftover);
    let error = SegmentFile::open(&leftover).expect_err("a pipe is no segment");
    assert!(error.to_string().contains("not a regular file"), "{error}");

    fs::remove_file(directory.join("writer.lock")).expect("it is there");
    pipe("writer.lock");
    assert_eq!(refusal(&directory).0, ExportErrorKind::Insecure);
}
