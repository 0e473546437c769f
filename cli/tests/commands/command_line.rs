//! What holds for every subcommand: exit codes, messages, help.

use std::path::Path;

use proptest::prelude::*;

use crate::support::{Run, Spool, checkout, metrics_segment, nanospan, run, segment, shop_metrics};

const SUBCOMMANDS: [&str; 4] = ["stats", "cat", "tree", "verify"];

/// Asserts that the run ended with exit code 2 and one line on standard error that holds each of
/// `expected`.
fn assert_refused(run: &Run, expected: &[&str]) {
    assert_eq!(run.code, Some(2), "{run:?}");
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    assert!(run.stderr.starts_with("nanospan: "), "{}", run.stderr);
    for text in expected {
        assert!(run.stderr.contains(text), "{text:?} is missing in {}", run.stderr);
    }
}

fn with(arguments: &[&str]) -> Run {
    Run::from(nanospan().args(arguments).output().expect("the command can be started"))
}

#[test]
fn a_missing_path_is_named_before_anything_is_read() {
    let spool = Spool::with(&checkout());
    for subcommand in SUBCOMMANDS {
        let run = run(subcommand, spool.path(), &["/no/such/path"]);
        assert_refused(&run, &["/no/such/path: ", "No such file"]);
        assert_eq!(run.stdout, "");
    }
}

#[test]
fn a_file_that_is_no_segment_is_named_and_the_others_are_read() {
    let spool = Spool::with(&checkout());
    let other = spool.file("notes.txt", b"a text that is long enough to hold a segment header");
    for subcommand in SUBCOMMANDS {
        let run = run(subcommand, spool.path(), &[other.to_str().expect("UTF-8")]);
        assert_refused(&run, &["notes.txt: this is not a segment file"]);
        assert_ne!(run.stdout, "", "{subcommand}");
    }
}

#[cfg(unix)]
#[test]
fn what_is_not_a_regular_file_is_refused() {
    for subcommand in SUBCOMMANDS {
        let run = run(subcommand, Path::new("/dev/null"), &[]);
        assert_refused(&run, &["/dev/null: it is not a regular file"]);
    }
}

#[cfg(unix)]
#[test]
fn a_link_in_a_segment_directory_is_refused() {
    let spool = Spool::with(&checkout());
    let link = spool.path().join("spans-00000000000000000002.nsp");
    std::os::unix::fs::symlink("/etc/hostname", link).expect("a link");
    assert_refused(&run("stats", spool.path(), &[]), &["symbolic link"]);
}

#[test]
fn a_path_cannot_smuggle_commands_to_the_terminal() {
    let run = run("stats", Path::new("/no/such/\x1b[2Jpath"), &[]);
    assert_refused(&run, &["/no/such/\\x1b[2Jpath"]);
}

#[test]
fn a_directory_without_segments_is_told_and_is_no_error() {
    for subcommand in SUBCOMMANDS {
        let run = run(subcommand, Spool::new().path(), &[]);
        assert_eq!(run.code, Some(0), "{run:?}");
        assert!(run.stderr.contains("there are no segments in this directory"), "{run:?}");
    }
}

#[test]
fn a_directory_with_segments_only_below_it_is_told_and_so_is_where_they_are() {
    let spool = Spool::new();
    for name in ["metrics", "empty"] {
        std::fs::create_dir(spool.path().join(name)).expect("a directory");
    }
    spool.file("metrics/metrics-00000000000000000001.nsp", &metrics_segment(&[shop_metrics()]));
    for subcommand in SUBCOMMANDS {
        let run = run(subcommand, spool.path(), &[]);
        let expected = format!("this directory, but there are in {}/metrics\n", spool.path().display());
        assert!(run.code == Some(0) && run.stderr.contains(&expected), "{run:?}");
    }
}

#[test]
fn mistakes_on_the_command_line_get_one_line() {
    assert_refused(&with(&[]), &["a subcommand is required"]);
    assert_refused(&with(&["frobnicate"]), &["'frobnicate'"]);
    assert_refused(&with(&["cat"]), &["<PATH>"]);
    assert_refused(&with(&["cat", "--wat", "x"]), &["'--wat'"]);
    assert_refused(&with(&["cat", "--trace", "12", "x"]), &["'12'", "32 hexadecimal digits"]);
    assert_refused(&with(&["tree", "--trace", &"0".repeat(32), "x"]), &["not all of them zero"]);
    assert_refused(&with(&["cat", "--limit", "-1", "x"]), &["'-1'"]);
    assert_refused(&with(&["tree", "--slowest", "many", "x"]), &["'many'"]);
    assert_refused(&with(&["tree", "--slowest", "1", "--errors", "1", "x"]), &["--errors"]);
    assert_refused(&with(&["tree", "--color", "pink", "x"]), &["'pink'", "always"]);
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_cannot_be_written_is_an_error() {
    let spool = Spool::with(&checkout());
    for subcommand in SUBCOMMANDS {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("/dev/full");
        let output = nanospan().arg(subcommand).arg(spool.path()).stdout(full).output();
        let run = Run::from(output.expect("the command can be started"));
        assert_refused(&run, &["cannot write the output: No space left"]);
    }
}

#[test]
fn help_and_version_are_on_standard_output() {
    let version = with(&["--version"]);
    let expected = format!("nanospan {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!((version.code, version.stdout), (Some(0), expected));
    let help = with(&["--help"]);
    assert_eq!(help.code, Some(0));
    for subcommand in SUBCOMMANDS {
        assert!(help.stdout.contains(&format!("\n  {subcommand} ")), "{}", help.stdout);
        let help = with(&[subcommand, "--help"]);
        assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
        assert!(help.stdout.contains("Segment files, or directories of them"));
    }
}

/// What can happen to a file.
#[derive(Debug, Clone)]
enum Harm {
    /// A byte gets this value.
    Change(prop::sample::Index, u8),
    /// The file is cut off here.
    Cut(prop::sample::Index),
    /// These bytes get in.
    Insert(prop::sample::Index, Vec<u8>),
}

impl Harm {
    fn any() -> impl Strategy<Value = Self> {
        let place = any::<prop::sample::Index>;
        prop_oneof![
            6 => (place(), any::<u8>()).prop_map(|(at, byte)| Self::Change(at, byte)),
            1 => place().prop_map(Self::Cut),
            1 => (place(), prop::collection::vec(any::<u8>(), 1..40))
                .prop_map(|(at, bytes)| Self::Insert(at, bytes)),
        ]
    }

    fn apply(&self, bytes: &mut Vec<u8>) {
        let length = bytes.len();
        match self {
            Self::Change(at, byte) if length > 0 => bytes[at.index(length)] = *byte,
            Self::Change(..) => {}
            Self::Cut(at) => bytes.truncate(at.index(length + 1)),
            Self::Insert(at, new) => {
                let at = at.index(length + 1);
                bytes.splice(at..at, new.iter().copied());
            }
        }
    }
}

proptest! {
    // Each case runs the command five times.
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_happened_to_a_file_no_command_fails_in_an_undocumented_way(
        harms in prop::collection::vec(Harm::any(), 1..6),
        of_metrics in any::<bool>(),
    ) {
        let mut bytes = match of_metrics {
            true => metrics_segment(&[shop_metrics(), shop_metrics()]),
            false => segment(&checkout()),
        };
        harms.iter().for_each(|harm| harm.apply(&mut bytes));
        let spool = Spool::new();
        spool.sealed(1, &bytes);
        let verified = run("verify", spool.path(), &[]).code;
        prop_assert!(matches!(verified, Some(0..=2)), "{:?}", verified);
        for (subcommand, arguments) in [("stats", &[][..]), ("cat", &[]), ("cat", &["--text"]), ("tree", &[])] {
            let run = run(subcommand, spool.path(), arguments);
            // What `verify` cannot read at all is wrong input for every other command.
            let expected = if verified == Some(2) { 2 } else { 0 };
            prop_assert_eq!(run.code, Some(expected), "{:?}", run);
        }
    }
}
