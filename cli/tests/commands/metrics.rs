//! Segments of metrics: what each command makes of them.

use nanospan::batch::segment::segment_header;
use nanospan::metrics::data::ResourceMetrics;
use serde_json::{Value, json};

use crate::support::{
    EPOCH, Spool, checkout, metrics_frame, metrics_segment, printed, run, segment, shop_metrics,
};

/// A directory with a segment of metrics.
fn metrics(batches: &[ResourceMetrics]) -> Spool {
    let spool = Spool::new();
    spool.file("metrics-00000000000000000002.nsp", &metrics_segment(batches));
    spool
}

#[test]
fn cat_prints_a_line_for_each_point_below_what_it_belongs_to() {
    let spool = metrics(&[shop_metrics()]);
    let expected = "\
resource  service.name=\"shop\"
scope shop.cart
  shop.orders  in {order}  cumulative monotonic sum
    17  shop.region=\"eu\"  from 2023-11-14T22:13:20Z to 2023-11-14T22:14:20Z
    4  shop.region=\"us\"  from 2023-11-14T22:13:20Z to 2023-11-14T22:14:20Z
  shop.wait  in s  cumulative histogram
    count 3 sum 0.75 min 0.1 max 0.4  from 2023-11-14T22:13:20Z to 2023-11-14T22:14:20Z
      buckets  ≤0.2: 1  ≤0.5: 2  >0.5: 0
scope runtime
  process.thread.count  gauge
    8  at 2023-11-14T22:14:20Z
";
    assert_eq!(printed("cat", spool.path(), &[]), expected);
}

#[test]
fn cat_prints_spans_and_metrics_in_the_order_of_their_segments() {
    let spool = metrics(&[shop_metrics()]);
    spool.sealed(1, &segment(&checkout()));
    let output = printed("cat", spool.path(), &[]);
    let lines: Vec<_> = output.lines().collect();
    assert!(lines[0].starts_with("{\"resourceSpans\"") && lines[1].starts_with("{\"resourceSpans\""));
    assert_eq!(lines[2], "resource  service.name=\"shop\"");
}

#[test]
fn cat_keeps_to_the_name_the_trace_and_the_limit() {
    let spool = metrics(&[shop_metrics(), shop_metrics()]);
    let points = |arguments: &[&str]| {
        let output = printed("cat", spool.path(), arguments);
        output.lines().filter(|line| line.starts_with("    ") && !line.starts_with("     ")).count()
    };
    assert_eq!(points(&[]), 8);
    assert_eq!(points(&["--name", "shop.orders"]), 4);
    assert_eq!(points(&["--name", "shop.*"]), 6);
    assert_eq!(points(&["--name", "nothing"]), 0);
    assert_eq!(points(&["--limit", "1"]), 1);
    assert_eq!(points(&["--limit", "5"]), 5);
    assert_eq!(points(&["--limit", "3", "--name", "shop.orders"]), 3);
    assert_eq!(printed("cat", spool.path(), &["--trace", "0af7651916cd43dd8448eb211c80319c"]), "");
}

#[test]
fn cat_shows_no_text_of_metrics_that_a_terminal_might_obey() {
    let mut harmful = shop_metrics();
    harmful.scopes[0].metrics[0].name = "a\u{1b}[2J\u{202e}b\nc".into();
    let output = printed("cat", metrics(&[harmful]).path(), &[]);
    assert!(!output.contains(['\u{1b}', '\u{202e}']), "{output:?}");
    assert_eq!(output.lines().count(), 11);
}

#[test]
fn cat_refuses_a_batch_that_unfolds_without_end() {
    let mut huge = ResourceMetrics::default();
    let scope = huge.scopes.push();
    let text = "x".repeat(1 << 20);
    for _ in 0..300 {
        let metric = scope.metrics.push();
        metric.name = text.clone().into();
        metric.data.gauge().points.push();
    }
    let segment = metrics_segment(&[huge]);
    assert!(segment.len() < 2 << 20);
    let spool = Spool::new();
    let run = run("cat", &spool.sealed(1, &segment), &[]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    assert_eq!(run.stderr, "nanospan: batch 0 of exporter 0000000000000009 has more than 256 MiB of text\n");
}

#[test]
fn stats_add_up_points_by_name() {
    let spool = metrics(&[shop_metrics(), shop_metrics()]);
    let output = printed("stats", spool.path(), &["--json"]);
    let found: Value = serde_json::from_str(&output).expect("one JSON value");
    assert_eq!(
        found["metrics"],
        json!({
            "batches": 2,
            "exporters": 1,
            "data_points": 8,
            "names": [
                {"name": "shop.orders", "data_points": 4},
                {"name": "process.thread.count", "data_points": 2},
                {"name": "shop.wait", "data_points": 2},
            ],
        })
    );
    assert_eq!((&found["batches"], &found["spans"]), (&json!(0), &json!(0)));
    let table = printed("stats", spool.path(), &["--top", "1"]);
    assert!(table.contains("metrics  8 data points in 2 batches from 1 exporter\n"), "{table}");
    assert!(
        table.ends_with("shop.orders             4\n… and 2 more names (--top 0 shows all)\n"),
        "{table}"
    );
}

#[test]
fn stats_do_not_count_the_bytes_of_metrics_as_those_of_spans() {
    let alone = Spool::with(&checkout());
    let both = metrics(&[shop_metrics()]);
    let mut bytes = segment(&checkout());
    bytes.extend(metrics_frame(0, &shop_metrics()));
    both.file("metrics-00000000000000000002.nsp", &bytes);
    let bytes_per_span = |spool: &Spool| {
        let output = printed("stats", spool.path(), &["--json"]);
        serde_json::from_str::<Value>(&output).expect("one JSON value")["bytes_per_span"].take()
    };
    assert_eq!(bytes_per_span(&both), bytes_per_span(&alone));
}

#[test]
fn tree_says_that_there_are_only_metrics() {
    let spool = metrics(&[shop_metrics()]);
    let text = "there are no spans in the input, only metrics, which `nanospan cat` shows\n";
    for arguments in [&[][..], &["--errors", "1"]] {
        let run = run("tree", spool.path(), arguments);
        assert_eq!((run.code, run.stderr), (Some(0), format!("nanospan: warning: {text}")));
    }
    let run = run("tree", spool.path(), &["--trace", "0af7651916cd43dd8448eb211c80319c"]);
    assert_eq!((run.code, run.stderr), (Some(2), format!("nanospan: {text}")));
}

#[test]
fn verify_counts_points_and_finds_what_is_missing_or_damaged() {
    let intact = metrics(&[shop_metrics(), shop_metrics()]);
    let output = printed("verify", intact.path(), &[]);
    assert!(output.contains("2 batches, 8 data points, "), "{output}");
    assert!(output.ends_with("clean: 1 file, 2 batches, 8 data points\n"), "{output}");

    let frames = [0, 2, 2].map(|sequence| metrics_frame(sequence, &shop_metrics()));
    let mut bytes = [&segment_header(EPOCH)[..], &frames.concat()].concat();
    let spool = Spool::new();
    let gap = run("verify", &spool.sealed(1, &bytes), &[]);
    assert_eq!(gap.code, Some(1));
    assert!(gap.stdout.contains("exporter 0000000000000009: batch 1\n"), "{}", gap.stdout);
    assert!(gap.stdout.contains("exporter 0000000000000009: batch 2 is there 2 times\n"), "{}", gap.stdout);

    let last = bytes.len() - 9;
    bytes[last] ^= 1;
    let damaged = run("verify", &spool.sealed(1, &bytes), &[]);
    assert_eq!(damaged.code, Some(1));
    assert!(damaged.stdout.contains("recovered 2 batches with 8 data points"), "{}", damaged.stdout);
}
