//! The manual, `docs/command-line.md`: its examples are run, and it tells of every option.

use std::fs;
use std::path::Path;

use crate::support::{
    Run, Spool, checkout, metrics_segment, nanospan, plain_batch, segment, shop_metrics, span,
};

fn manual() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/command-line.md");
    fs::read_to_string(path).expect("the manual is in the repository")
}

/// The directories that the manual's examples are about.
fn example_directories() -> Spool {
    let spool = Spool::new();
    let name = |begun: u64| format!("spans-{begun:020}.nsp");
    for directory in ["spans", "metrics", "damaged"] {
        fs::create_dir(spool.path().join(directory)).expect("a directory");
    }
    spool.file(&format!("spans/{}", name(1_700_000_000_000_000_000)), &segment(&checkout()));

    let metrics = metrics_segment(&[shop_metrics(), shop_metrics()]);
    spool.file("metrics/metrics-01700000000000000000.nsp", &metrics);

    let batches = [0, 1, 3].map(|number| {
        plain_batch(number, &[span(2 * number + 1, 0, "GET /", 0, 9), span(2 * number + 2, 9, "query", 5, 3)])
    });
    let mut damaged = segment(&batches[..2]);
    // In the header of the first frame: no checksum, which is another one for each version, is told.
    damaged[40] ^= 1;
    spool.file(&format!("damaged/{}", name(1_700_000_000_000_000_000)), &damaged);
    let open = segment(&batches[2..]);
    let name = format!("{}.open", name(1_700_000_060_000_000_000));
    spool.file(&format!("damaged/{name}"), &[&open[..], &open[32..100]].concat());
    spool
}

#[test]
fn the_examples_print_what_the_manual_says() {
    let manual = manual();
    let spool = example_directories();
    let examples: Vec<&str> = manual
        .split("```console\n$ nanospan ")
        .skip(1)
        .map(|rest| rest.split("```").next().expect("the block ends"))
        .collect();
    assert_eq!(examples.len(), 7);
    for example in examples {
        let (arguments, expected) = example.split_once('\n').expect("a command and its output");
        let expected = expected.replace("\"0.1.0\"", concat!("\"", env!("CARGO_PKG_VERSION"), "\""));
        let mut command = nanospan();
        command.current_dir(spool.path()).args(arguments.split(' '));
        let run = Run::from(command.output().expect("the command can be started"));
        assert_eq!(run.stdout, expected, "nanospan {arguments} prints\n{}", run.stdout);
        assert_eq!(run.stderr, "");
    }
}

#[test]
fn every_option_is_in_the_manual() {
    let manual = manual();
    for subcommand in ["stats", "cat", "tree", "verify"] {
        let output = nanospan().args([subcommand, "-h"]).output();
        let help = Run::from(output.expect("the command can be started")).stdout;
        let options = help.split_whitespace().filter(|word| word.starts_with("--"));
        for option in options {
            let option = option.trim_end_matches([',', ']']);
            let known = ["--help", "--help')"].contains(&option);
            assert!(known || manual.contains(&format!("`{option}")), "{subcommand} {option}");
        }
    }
}
