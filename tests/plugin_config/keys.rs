//! What each key does.

use crate::support::{PATIENCE, Scratch, in_memory, names, record, resource, start, started};
use nanospan::OwnedValue;
use nanospan::export::Context;
use nanospan::export::segment::{SegmentFile, segments_in};
use nanospan::plugin::Plugin;
use nanospan::plugin::bext_plugin_api::lifecycle::LifecyclePlugin;
use nanospan::plugin::bext_plugin_api::tracer::{AttrValue, SpanEvent, SpanStart, TracerPlugin};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

fn text(text: &str) -> OwnedValue {
    OwnedValue::Str(text.to_owned())
}

#[test]
fn service_name_is_the_service_of_every_batch() {
    let (plugin, memory) = started(r#"{"service_name": "shop"}"#);
    record(&plugin, "s");
    plugin.flush().unwrap();
    let resource = resource(&memory);
    assert_eq!(resource["service.name"], text("shop"));
    assert_eq!(resource["telemetry.sdk.name"], text("nanospan"));
}

#[test]
fn without_service_name_the_service_is_unknown_but_for_the_process() {
    for empty in ["", " \n", "null", "{}", r#"{"resource": null, "segments": {}}"#] {
        let (plugin, memory) = started(empty);
        record(&plugin, "s");
        plugin.flush().unwrap();
        let OwnedValue::Str(name) = &resource(&memory)["service.name"] else { panic!("{empty:?}") };
        assert!(name.starts_with("unknown_service:plugin_config"), "{empty:?}: {name}");
    }
}

#[test]
fn resource_takes_values_of_every_type_and_may_replace_what_is_there() {
    let (plugin, memory) = started(
        r#"{"service_name": "shop", "resource": {
            "service.name": "other", "text": "", "flag": false, "whole": -3, "float": 2.5,
            "large": 18446744073709551615, "texts": ["a", "b"], "flags": [true],
            "wholes": [1, -2], "floats": [1, 2.5], "none": []}}"#,
    );
    record(&plugin, "s");
    plugin.flush().unwrap();
    let mut resource = resource(&memory);
    resource.retain(|key, _| !key.starts_with("telemetry."));
    let expected = [
        ("flag", OwnedValue::Bool(false)),
        ("flags", OwnedValue::BoolArray(vec![true])),
        ("float", OwnedValue::F64(2.5)),
        ("floats", OwnedValue::F64Array(vec![1.0, 2.5])),
        ("large", OwnedValue::F64(18_446_744_073_709_551_615.0)),
        ("none", OwnedValue::StrArray(vec![])),
        ("service.name", text("other")),
        ("text", text("")),
        ("texts", OwnedValue::StrArray(vec!["a".to_owned(), "b".to_owned()])),
        ("whole", OwnedValue::I64(-3)),
        ("wholes", OwnedValue::I64Array(vec![1, -2])),
    ];
    assert_eq!(
        resource.into_iter().collect::<Vec<_>>(),
        expected.map(|(key, value)| (key.to_owned(), value))
    );
}

/// How many of `roots` roots are recorded, each with a child that must share its fate.
fn sampled(config: &str, roots: usize) -> usize {
    let (plugin, memory) = started(config);
    let mut sampled = 0;
    for _ in 0..roots {
        let root = start(&plugin, "root");
        let child =
            plugin.start_span(SpanStart { name: "child", parent: Some(root), ..SpanStart::default() });
        assert_eq!(root.is_invalid(), child.is_invalid(), "{config}");
        sampled += usize::from(!root.is_invalid());
        plugin.end_span(child, None);
        plugin.end_span(root, None);
    }
    plugin.flush().unwrap();
    assert_eq!(memory.spans().len(), 2 * sampled, "{config}");
    sampled
}

#[test]
fn sampler_and_sampler_arg_decide_which_roots_are_recorded() {
    for (config, expected) in [
        ("{}", 100),
        (r#"{"sampler": "always_on"}"#, 100),
        (r#"{"sampler": "always_off"}"#, 0),
        (r#"{"sampler": "parentbased_always_on"}"#, 100),
        (r#"{"sampler": "parentbased_always_off"}"#, 0),
        (r#"{"sampler": "traceidratio"}"#, 100),
        (r#"{"sampler": "traceidratio", "sampler_arg": 1}"#, 100),
        (r#"{"sampler": "traceidratio", "sampler_arg": 0}"#, 0),
        (r#"{"sampler": "parentbased_traceidratio", "sampler_arg": 0.0}"#, 0),
    ] {
        assert_eq!(sampled(config, 100), expected, "{config}");
    }
    for name in ["traceidratio", "parentbased_traceidratio"] {
        // 25 of 1,000 would be seven standard deviations from the expected 100.
        let some = sampled(&format!(r#"{{"sampler": "{name}", "sampler_arg": 0.1}}"#), 1_000);
        assert!((25..=200).contains(&some), "{name}: {some}");
    }
}

#[test]
fn span_limits_bound_attributes_events_and_values() {
    let (plugin, memory) = started(
        r#"{"span_limits": {"attributes": 2, "events": 1, "attributes_per_event": 1,
            "attribute_value_length": 3}}"#,
    );
    let attributes = || ["a", "b", "c"].map(|key| (key.to_owned(), AttrValue::from("long"))).to_vec();
    let span = plugin.start_span(SpanStart { name: "s", attributes: attributes(), ..SpanStart::default() });
    for name in ["first", "second"] {
        plugin.add_event(span, SpanEvent { name, attributes: attributes(), time_unix_nanos: None });
    }
    plugin.end_span(span, None);
    let error = plugin.flush().unwrap_err();
    assert_eq!(
        error,
        "t: flush: 3 attributes were left out: over a limit, or no memory; \
         1 event was left out: over a limit, or no memory"
    );
    let span = &memory.spans()[0];
    let cut = |key: &str| (key.to_owned(), text("lon"));
    assert_eq!(span.attributes, [cut("a"), cut("b")]);
    assert_eq!(span.dropped_attributes_count, 1);
    assert_eq!((span.events.len(), span.dropped_events_count), (1, 1));
    assert_eq!((&span.events[0].name[..], &span.events[0].attributes[..]), ("first", &[cut("a")][..]));
    assert_eq!(span.events[0].dropped_attributes_count, 2);
}

#[test]
fn span_limits_bound_links_and_their_attributes() {
    let (plugin, memory) = started(r#"{"span_limits": {"links": 1, "attributes_per_link": 1}}"#);
    let tracer = plugin.tracer();
    let (to, span) = (tracer.span("to").start(), tracer.span("s").start());
    for _ in 0..2 {
        span.add_link(&to.context(), &nanospan::attributes!["a" => 1, "b" => 2]);
    }
    span.end();
    plugin.flush().unwrap_err();
    let span = &memory.spans_named("s")[0];
    assert_eq!((span.links.len(), span.dropped_links_count), (1, 1));
    assert_eq!((span.links[0].attributes.len(), span.links[0].dropped_attributes_count), (1, 1));
}

/// A plugin with segment files.
fn in_files(config: &str) -> Plugin {
    let plugin = Plugin::with("t", |builder| builder.error_handler(|_| {}));
    plugin.set_flush_timeout(PATIENCE);
    plugin.set_shutdown_timeout(PATIENCE);
    plugin.on_server_start(config).unwrap();
    plugin
}

fn span_names(paths: &[PathBuf]) -> Vec<String> {
    let mut names = Vec::new();
    for path in paths {
        let file = SegmentFile::open(path).unwrap();
        for frame in file.reader().unwrap() {
            names.extend(frame.unwrap().view().spans().map(|span| span.name().to_owned()));
        }
    }
    names
}

#[test]
fn segments_directory_is_where_the_files_are() {
    let scratch = Scratch::new();
    let plugin = in_files(&scratch.config(""));
    record(&plugin, "s");
    plugin.flush().unwrap();
    assert_eq!(span_names(&segments_in(scratch.spool()).unwrap()), ["s"]);
    plugin.cleanup().unwrap();
}

#[test]
fn a_plugin_with_another_exporter_makes_no_directory_and_needs_none() {
    let scratch = Scratch::new();
    let (plugin, memory) = started(&scratch.config(""));
    record(&plugin, "s");
    plugin.flush().unwrap();
    assert_eq!(names(&memory), ["s"]);
    assert!(!scratch.spool().exists());
    let (plugin, memory) = started(r#"{"segments": {"directory": "/dev/null/cannot be made"}}"#);
    record(&plugin, "s");
    plugin.flush().unwrap();
    assert_eq!(names(&memory), ["s"]);
}

#[test]
fn a_directory_that_the_embedding_program_names_keeps_the_limits_of_the_configuration() {
    let scratch = Scratch::new();
    let spool = scratch.spool();
    let plugin = Plugin::with("t", move |builder| builder.segments(&spool).error_handler(|_| {}));
    plugin.on_server_start(r#"{"segments": {"directory": "/dev/null/x", "max_total_bytes": 1}}"#).unwrap();
    record(&plugin, "s");
    let error = plugin.flush().unwrap_err();
    assert!(error.contains(&format!("{} is full", scratch.spool().display())), "{error}");
    plugin.cleanup().unwrap();
}

#[test]
fn max_segment_bytes_begins_a_new_file_for_each_batch_that_does_not_fit() {
    let scratch = Scratch::new();
    let plugin = in_files(&scratch.config(r#", "max_segment_bytes": 1"#));
    for name in ["a", "b", "c"] {
        record(&plugin, name);
        plugin.flush().unwrap();
    }
    plugin.cleanup().unwrap();
    let paths = segments_in(scratch.spool()).unwrap();
    assert_eq!((paths.len(), span_names(&paths)), (3, ["a", "b", "c"].map(str::to_owned).to_vec()));
}

#[test]
fn max_segment_age_ms_completes_a_file_at_the_flush_that_finds_it_old_enough() {
    let scratch = Scratch::new();
    let is_open = || {
        let paths = segments_in(scratch.spool()).unwrap();
        assert_eq!(paths.len(), 1);
        paths[0].extension().unwrap() == "open"
    };
    for (age, stays_open) in [("3600000", true), ("1", false)] {
        let _ = fs::remove_dir_all(scratch.spool());
        let plugin = in_files(&scratch.config(&format!(r#", "max_segment_age_ms": {age}"#)));
        record(&plugin, "s");
        plugin.flush().unwrap();
        std::thread::sleep(Duration::from_millis(2));
        plugin.flush().unwrap();
        assert_eq!(is_open(), stays_open, "{age}");
        plugin.cleanup().unwrap();
    }
}

#[test]
fn max_total_bytes_makes_a_flush_say_that_the_directory_is_full_until_there_is_room() {
    let scratch = Scratch::new();
    // Room for one batch of one span, and not for two.
    let plugin = in_files(&scratch.config(r#", "max_total_bytes": 900, "max_segment_bytes": 1"#));
    record(&plugin, "a");
    plugin.flush().unwrap();
    record(&plugin, "b");
    let error = plugin.flush().unwrap_err();
    let full =
        format!("t: flush: export failed: the segment directory {} is full", scratch.spool().display());
    assert!(error.starts_with(&full), "{error}");
    assert!(error.ends_with("; 1 span was lost, dropped after the failed export"), "{error}");
    for path in segments_in(scratch.spool()).unwrap() {
        fs::remove_file(path).unwrap();
    }
    record(&plugin, "c");
    plugin.flush().unwrap();
    assert_eq!(span_names(&segments_in(scratch.spool()).unwrap()), ["c"]);
    plugin.cleanup().unwrap();
}

#[test]
fn memory_budget_bytes_bounds_how_many_spans_are_live_at_once() {
    let live = |config| {
        let (plugin, _) = started(config);
        let spans: Vec<_> = (0..2_000).map(|_| start(&plugin, "s")).collect();
        let live = spans.iter().filter(|span| !span.is_invalid()).count();
        spans.iter().for_each(|span| plugin.end_span(*span, None));
        (live, plugin.flush())
    };
    let (few, error) = live(r#"{"memory_budget_bytes": 100000}"#);
    assert!((1..1_000).contains(&few), "{few}");
    let refused = format!("t: flush: {} spans were refused: the memory budget was used up", 2_000 - few);
    assert_eq!(error, Err(refused));
    assert_eq!(live(r#"{"memory_budget_bytes": 100000000}"#), (2_000, Ok(())));
}

#[test]
fn max_batch_spans_bounds_the_spans_of_a_batch() {
    let (plugin, memory) = started(r#"{"max_batch_spans": 2}"#);
    for _ in 0..5 {
        record(&plugin, "s");
    }
    plugin.flush().unwrap();
    assert_eq!((memory.batches().len(), memory.spans().len()), (3, 5));
}

#[test]
fn drain_interval_ms_does_not_delay_a_flush() {
    let (plugin, memory) = started(r#"{"drain_interval_ms": 3600000}"#);
    for round in 1..=3 {
        record(&plugin, "s");
        plugin.flush().unwrap();
        assert_eq!(memory.spans().len(), round);
    }
}

#[test]
fn export_timeout_ms_ends_an_export_that_takes_longer_and_its_spans_are_lost() {
    let (plugin, memory) = started(r#"{"export_timeout_ms": 1}"#);
    let hold = memory.hold();
    record(&plugin, "s");
    let error = plugin.flush().unwrap_err();
    assert!(error.starts_with("t: flush: export failed: "), "{error}");
    assert!(error.ends_with("; 1 span was lost, dropped after the failed export"), "{error}");
    drop(hold);
    assert!(memory.spans().is_empty());
}

#[test]
fn export_timeout_ms_of_zero_lets_an_export_take_as_long_as_it_takes() {
    let (plugin, memory) = started(r#"{"export_timeout_ms": 0}"#);
    let hold = memory.hold();
    record(&plugin, "s");
    std::thread::scope(|scope| {
        let flush = scope.spawn(|| plugin.flush());
        memory.wait_for_export(&Context::with_timeout(PATIENCE)).unwrap();
        drop(hold);
        flush.join().unwrap().unwrap();
    });
    assert_eq!(names(&memory), ["s"]);
}

#[test]
fn flush_timeout_ms_bounds_a_flush_which_goes_on_behind() {
    let (plugin, memory) = in_memory();
    plugin.on_server_start(r#"{"flush_timeout_ms": 3}"#).unwrap();
    let hold = memory.hold();
    record(&plugin, "s");
    let error = plugin.flush().unwrap_err();
    assert!(
        error.starts_with("t: flush: not done within 3 ms: the exporter is still at work, and "),
        "{error}"
    );
    drop(hold);
    plugin.set_flush_timeout(PATIENCE);
    plugin.flush().unwrap();
    assert_eq!(names(&memory), ["s"]);
}

#[test]
fn shutdown_timeout_ms_bounds_the_stop() {
    let (plugin, memory) = in_memory();
    plugin.on_server_start(r#"{"shutdown_timeout_ms": 3}"#).unwrap();
    let _hold = memory.hold();
    record(&plugin, "s");
    let error = plugin.on_server_stop().unwrap_err();
    // The export and who waits for it have one deadline; either may be first to see that it is over.
    let late = ["not done within 3 ms: ", "export failed: the deadline has passed; 1 span was lost"];
    let text = error.strip_prefix("t: stop: ").unwrap_or_else(|| panic!("{error}"));
    assert!(late.iter().any(|late| text.starts_with(late)), "{error}");
    assert_eq!(plugin.cleanup(), Ok(()));
    assert!(memory.spans().is_empty());
}
