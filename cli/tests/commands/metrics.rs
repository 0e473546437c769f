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
fn cat_prints_as_text_a_line_for_each_point_below_what_it_belongs_to() {
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
    assert_eq!(printed("cat", spool.path(), &["--text"]), expected);
}

/// The lines that `cat` prints, each a JSON value.
fn lines(spool: &Spool, arguments: &[&str]) -> Vec<Value> {
    let output = printed("cat", spool.path(), arguments);
    output.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

#[test]
fn cat_prints_metrics_as_a_message_of_otlp_for_each_batch() {
    let time = json!("1700000060000000000");
    let start = json!("1700000000000000000");
    let order = |region: &str, value: &str| {
        json!({
            "attributes": [{"key": "shop.region", "value": {"stringValue": region}}],
            "startTimeUnixNano": start, "timeUnixNano": time, "asInt": value,
        })
    };
    let expected = json!({"resourceMetrics": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
        "scopeMetrics": [
            {"scope": {"name": "shop.cart"}, "metrics": [
                {"name": "shop.orders", "unit": "{order}", "sum": {
                    "dataPoints": [order("eu", "17"), order("us", "4")],
                    "aggregationTemporality": 2, "isMonotonic": true,
                }},
                {"name": "shop.wait", "unit": "s", "histogram": {
                    "dataPoints": [{
                        "startTimeUnixNano": start, "timeUnixNano": time, "count": "3", "sum": 0.75,
                        "bucketCounts": ["1", "2", "0"], "explicitBounds": [0.2, 0.5], "min": 0.1, "max": 0.4,
                    }],
                    "aggregationTemporality": 2,
                }},
            ]},
            {"scope": {"name": "runtime"}, "metrics": [
                {"name": "process.thread.count", "gauge": {"dataPoints": [{"timeUnixNano": time, "asInt": "8"}]}},
            ]},
        ],
    }]});
    let spool = metrics(&[shop_metrics(), ResourceMetrics::default(), shop_metrics()]);
    assert_eq!(lines(&spool, &[]), [expected.clone(), expected], "a batch without points gives no line");
}

#[test]
fn cat_prints_spans_and_metrics_in_the_order_of_their_segments() {
    let spool = metrics(&[shop_metrics()]);
    spool.sealed(1, &segment(&checkout()));
    let keys: Vec<_> = lines(&spool, &[])
        .iter()
        .flat_map(|line| line.as_object().expect("a message").keys().cloned().collect::<Vec<_>>())
        .collect();
    assert_eq!(keys, ["resourceSpans", "resourceSpans", "resourceMetrics"]);
    let text = printed("cat", spool.path(), &["--text"]);
    assert!(text.starts_with("resource  service.name=\"shop\"\n"), "as text there are no spans: {text}");
}

#[test]
fn cat_as_text_says_that_there_are_only_spans() {
    let text = "there are no metrics in the input, only spans, which `nanospan tree` draws\n";
    let run = run("cat", Spool::with(&checkout()).path(), &["--text"]);
    let expected = (Some(0), String::new(), format!("nanospan: warning: {text}"));
    assert_eq!((run.code, run.stdout, run.stderr), expected);
}

#[test]
fn cat_as_text_has_no_trace_to_choose() {
    let run = run("cat", metrics(&[shop_metrics()]).path(), &["--text", "--trace", &"1".repeat(32)]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    let expected =
        "nanospan: the argument '--text' cannot be used with '--trace <ID>' (see nanospan --help)\n";
    assert_eq!(run.stderr, expected);
}

/// How many points are in a line.
fn points_of(line: &Value) -> usize {
    let scopes = line["resourceMetrics"][0]["scopeMetrics"].as_array().expect("scopes");
    let metrics = scopes.iter().flat_map(|scope| scope["metrics"].as_array().expect("metrics"));
    let points = metrics.map(|metric| {
        let data = metric.as_object().expect("a metric").values().find_map(|field| field.get("dataPoints"));
        data.and_then(Value::as_array).expect("a metric without points is left out").len()
    });
    let points: Vec<_> = points.collect();
    assert!(!scopes.is_empty() && !points.contains(&0), "{line}");
    points.iter().sum()
}

#[test]
fn cat_keeps_to_the_name_the_trace_and_the_limit() {
    let spool = metrics(&[shop_metrics(), shop_metrics()]);
    for (arguments, expected) in [
        (&[][..], 8),
        (&["--name", "shop.orders"], 4),
        (&["--name", "shop.*"], 6),
        (&["--name", "process*"], 2),
        (&["--name", "nothing"], 0),
        (&["--limit", "0"], 0),
        (&["--limit", "1"], 1),
        (&["--limit", "5"], 5),
        (&["--limit", "9"], 8),
        (&["--limit", "3", "--name", "shop.orders"], 3),
    ] {
        let in_json: usize = lines(&spool, arguments).iter().map(points_of).sum();
        assert_eq!(in_json, expected, "{arguments:?}");
        let text = printed("cat", spool.path(), &[arguments, &["--text"]].concat());
        let is_point = |line: &&str| line.starts_with("    ") && !line.starts_with("     ");
        assert_eq!(text.lines().filter(is_point).count(), expected, "{arguments:?}");
    }
    assert_eq!(printed("cat", spool.path(), &["--trace", "0af7651916cd43dd8448eb211c80319c"]), "");
}

#[test]
fn cat_shows_no_text_of_metrics_that_a_terminal_might_obey() {
    let mut harmful = shop_metrics();
    let name = "a\u{1b}[2J\u{202e}b\nc";
    harmful.scopes[0].metrics[0].name = name.into();
    let spool = metrics(&[harmful]);
    for (arguments, line_count) in [(&[][..], 1), (&["--text"], 11)] {
        let output = printed("cat", spool.path(), arguments);
        assert!(!output.contains(['\u{1b}', '\u{202e}']), "{output:?}");
        assert_eq!(output.lines().count(), line_count);
    }
    let line = &lines(&spool, &[])[0];
    assert_eq!(line["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0]["name"], name);
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
    let file = spool.sealed(1, &segment);
    for arguments in [&[][..], &["--text"]] {
        let run = run("cat", &file, arguments);
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
        assert_eq!(
            run.stderr,
            "nanospan: batch 0 of exporter 0000000000000009 has more than 256 MiB of text\n"
        );
    }
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
    assert_eq!(bytes_per_span(&both), bytes_per_span(&alone), "in one file");
    let beside = metrics(&[shop_metrics()]);
    beside.sealed(1, &segment(&checkout()));
    assert_eq!(bytes_per_span(&beside), bytes_per_span(&alone), "in a file of their own");
}

#[test]
fn tree_says_that_there_are_only_metrics() {
    let spool = metrics(&[shop_metrics()]);
    let text = "there are no spans in the input, only metrics, which `nanospan cat --text` shows\n";
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

#[test]
fn a_segment_with_other_first_bytes_is_read_all_the_same_and_not_called_something_else() {
    let mut bytes = metrics_segment(&[shop_metrics()]);
    bytes[0] ^= 1;
    let spool = Spool::new();
    let file = spool.sealed(1, &bytes);
    let run = run("cat", &file, &[]);
    let told = "the segment's first bytes are gone or changed (32 bytes skipped)";
    assert_eq!((run.code, run.stderr), (Some(0), format!("nanospan: warning: {}: {told}\n", file.display())));
    assert_eq!(run.stdout.lines().count(), 1);
}
