//! `nanospan stats`: what is added up, and the two forms of it.

use nanospan::batch::{LinkHead, SpanHead};
use serde_json::{Value, json};

use crate::support::{Spool, batch, checkout, plain_batch, printed, run, segment, span};

fn stats(spool: &Spool) -> Value {
    let output = printed("stats", spool.path(), &["--json"]);
    assert_eq!(output.lines().count(), 1);
    serde_json::from_str(&output).expect("one JSON value")
}

#[test]
fn the_json_form_adds_up_the_example() {
    let spool = Spool::with(&checkout());
    let size = segment(&checkout()).len();
    let mut found = stats(&spool);
    let names = found["names"].take();
    assert_eq!(
        found,
        json!({
            "files": 1,
            "bytes": size,
            "batches": 2,
            "tracers": 1,
            "spans": 8,
            "traces": 1,
            "errors": 3,
            "bytes_per_span": size / 8,
            "first_start": "2023-11-14T22:13:20.000000000Z",
            "last_end": "2023-11-14T22:13:20.048200000Z",
            "ending_before_start": 0,
            "dropped": {"attributes": 2, "events": 1, "links": 0},
            "metrics": {"batches": 0, "exporters": 0, "data_points": 0, "names": []},
            "damage": {"files": 0, "places": 0, "skipped_bytes": 0, "unfinished_files": 0},
            "services": found["services"],
            "names": null,
        })
    );
    let services = found["services"].as_array().expect("a list");
    assert_eq!(services.len(), 2);
    assert_eq!((&services[1]["name"], &services[1]["errors"]), (&json!("shop"), &json!(2)));
    assert_eq!(names.as_array().map(Vec::len), Some(7));
    assert_eq!((&names[0]["name"], &names[0]["spans"]), (&json!("POST /charge"), &json!(2)));
    assert_eq!(names[0]["max_nanos"], 31_100_000);
}

#[test]
fn quantiles_are_within_0_4_percent_and_the_maximum_is_exact() {
    let spans: Vec<_> = (1..=1_000).map(|id| span(id, 0, "x", 0, id)).collect();
    let found = stats(&Spool::with(&[plain_batch(0, &spans)]));
    let near = |field: &str, exact: f64| {
        let value = found["names"][0][field].as_f64().expect("a number");
        assert!((value - exact).abs() <= exact * 0.004, "{field}: {value}");
    };
    near("p50_nanos", 500_000.0);
    near("p99_nanos", 990_000.0);
    assert_eq!(found["names"][0]["max_nanos"], 1_000_000);
}

#[test]
fn traces_and_tracers_are_counted_once() {
    let other = SpanHead { trace_id: 5, ..span(3, 0, "x", 0, 1) };
    let spool = Spool::with(&[
        plain_batch(0, &[span(1, 0, "x", 0, 1), other]),
        plain_batch(1, &[span(2, 0, "x", 0, 1), other]),
    ]);
    let found = stats(&spool);
    assert_eq!((&found["traces"], &found["tracers"]), (&json!(2), &json!(1)));
}

#[test]
fn a_span_that_ends_before_it_starts_is_in_no_quantile() {
    let found = stats(&Spool::with(&[plain_batch(0, &[span(1, 0, "x", 5, 3)])]));
    assert_eq!(found["ending_before_start"], 1);
    assert_eq!(found["names"][0]["spans"], 1);
    assert_eq!(found["names"][0]["max_nanos"], Value::Null);
}

#[test]
fn the_dropped_attributes_of_events_and_links_count_too() {
    let dropping = batch("shop", 0, |builder| {
        builder.begin_span(&span(1, 0, "x", 0, 1));
        builder.dropped(1, 20, 300);
        builder.begin_event("e".into(), 0);
        builder.item_dropped_attributes(4);
        builder.begin_link(&LinkHead { trace_id: 1, span_id: 2, flags: 0, trace_state: "" });
        builder.item_dropped_attributes(50);
    });
    let found = stats(&Spool::with(&[dropping]));
    assert_eq!(found["dropped"], json!({"attributes": 55, "events": 20, "links": 300}));
}

#[test]
fn the_table_shows_the_most_frequent_names_first_and_cuts_the_rest() {
    let mut spans = vec![span(1, 0, "rare", 0, 1), span(2, 0, "rarer", 0, 1)];
    spans.extend((10..14).map(|id| span(id, 0, "often \x1b[31m", 0, id)));
    let output = printed("stats", Spool::with(&[plain_batch(0, &spans)]).path(), &["--top", "2"]);
    let table = output.split("span name").nth(1).expect("a table of names");
    let rows: Vec<&str> = table.lines().skip(1).collect();
    assert!(rows[0].starts_with("often \\x1b[31m "), "{output}");
    assert!(rows[1].starts_with("rare "), "{output}");
    assert_eq!(rows[2], "… and 1 more name (--top 0 shows all)");
    assert!(rows[0].split_whitespace().any(|cell| cell == "4"), "{output}");
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let long = "a very long name of a span ".repeat(10);
    let spool = Spool::with(&[plain_batch(0, &[span(1, 0, &long, 0, 1)])]);
    let output = printed("stats", spool.path(), &[]);
    assert!(output.lines().all(|line| line.chars().count() <= 80), "{output}");
}

#[test]
fn what_is_intact_is_counted_around_damage_and_a_line_warns_of_it() {
    let mut bytes = segment(&[0, 1].map(|number| plain_batch(number, &[span(1, 0, "x", 0, 1)])));
    bytes[100] ^= 1;
    let spool = Spool::new();
    let path = spool.sealed(1, &bytes);
    let run = run("stats", spool.path(), &["--json"]);
    assert_eq!(run.code, Some(0));
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    let start = format!("nanospan: warning: {}: damaged segment at byte 32", path.display());
    assert!(run.stderr.starts_with(&start), "{}", run.stderr);
    let found: Value = serde_json::from_str(&run.stdout).expect("one JSON value");
    assert_eq!((&found["spans"], &found["damage"]["places"]), (&json!(1), &json!(1)));
}

#[test]
fn nothing_at_all_is_no_error() {
    let found = stats(&Spool::with(&[]));
    assert_eq!((&found["spans"], &found["bytes_per_span"]), (&json!(0), &Value::Null));
    assert!(printed("stats", Spool::with(&[]).path(), &[]).contains("spans    0\n"));
}
