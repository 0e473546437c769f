//! What is refused, and what is said of it: which key, what was expected and what was found.

use crate::support::{Scratch, in_memory, names, record, refusal};
use nanospan::plugin::Plugin;
use nanospan::plugin::bext_plugin_api::lifecycle::LifecyclePlugin;
use nanospan::plugin::bext_plugin_api::tracer::TracerPlugin;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;

const ATTRIBUTE: &str = "a text, a boolean, a number, or an array of one of these";
const TEXT: &str = "a text that is not empty";
const MILLISECONDS: &str = "a whole number from 1 to 3600000";
const POSITIVE: &str = "a whole number from 1 on";
const LIMIT: &str = "a whole number from 0 to 4294967295";

/// A configuration in which only the key at `path`, with dots between names, has a value.
fn only(path: &str, value: Value) -> Value {
    path.rsplit('.').fold(value, |value, key| json!({key: value}))
}

#[test]
fn a_wrong_value_is_named_with_its_key_and_what_was_expected() {
    let text = || vec![json!(""), json!(5), json!(null), json!(["shop"])];
    let milliseconds = || vec![json!(0), json!(3_600_001), json!(-1), json!(1.5), json!("1"), json!(null)];
    let positive = || vec![json!(0), json!(-1), json!(0.5), json!("1"), json!(true)];
    let limit = || vec![json!(-1), json!(4_294_967_296_u64), json!("9")];
    let sampler = "always_on, always_off, traceidratio, or one of these with parentbased_ before it";
    let cases = [
        ("service_name", TEXT, text()),
        ("resource.a", ATTRIBUTE, vec![json!(null), json!({}), json!([1, "b"]), json!([[1]])]),
        ("sampler", sampler, vec![json!("sometimes"), json!("parentbased_"), json!(1), json!(null)]),
        ("span_limits.attributes", LIMIT, limit()),
        ("span_limits.events", LIMIT, limit()),
        ("span_limits.links", LIMIT, limit()),
        ("span_limits.attributes_per_event", LIMIT, limit()),
        ("span_limits.attributes_per_link", LIMIT, limit()),
        ("span_limits.attribute_value_length", LIMIT, limit()),
        ("segments.directory", TEXT, text()),
        ("segments.max_segment_bytes", POSITIVE, positive()),
        ("segments.max_segment_age_ms", MILLISECONDS, milliseconds()),
        ("segments.max_total_bytes", POSITIVE, positive()),
        ("max_batch_spans", POSITIVE, positive()),
        ("drain_interval_ms", MILLISECONDS, milliseconds()),
        ("export_timeout_ms", "a whole number from 0 to 3600000", vec![json!(-1), json!(3_600_001)]),
        ("flush_timeout_ms", MILLISECONDS, milliseconds()),
        ("shutdown_timeout_ms", MILLISECONDS, milliseconds()),
    ];
    for (key, expected, values) in cases {
        for value in values {
            let said = format!("t: configuration: {key}: expected {expected}, found {value}");
            assert_eq!(refusal(&only(key, value).to_string()), said);
        }
    }
}

#[test]
fn a_memory_budget_that_is_too_small_is_refused_with_the_least_that_works() {
    let said = refusal(r#"{"memory_budget_bytes": 1}"#);
    let least = said
        .strip_prefix("t: configuration: memory_budget_bytes: expected a whole number from ")
        .and_then(|rest| rest.strip_suffix(" on, found 1"))
        .unwrap_or_else(|| panic!("{said}"));
    let config = format!(r#"{{"memory_budget_bytes": {least}}}"#);
    let (plugin, memory) = in_memory();
    plugin.on_server_start(&config).unwrap();
    record(&plugin, "s");
    plugin.flush().unwrap();
    assert_eq!(names(&memory), ["s"]);
}

#[test]
fn a_memory_budget_that_the_system_does_not_give_is_refused_and_ends_no_process() {
    for bytes in [1_u64 << 60, u64::MAX] {
        let said = format!("t: start: memory budget: the system does not give {bytes} bytes");
        assert_eq!(refusal(&format!(r#"{{"memory_budget_bytes": {bytes}}}"#)), said);
    }
}

#[test]
fn a_sampler_arg_is_from_0_to_1_and_only_for_a_sampler_that_has_one() {
    for arg in ["-0.1", "1.1", "\"0.5\"", "null"] {
        let config = format!(r#"{{"sampler": "traceidratio", "sampler_arg": {arg}}}"#);
        let said = format!("t: configuration: sampler_arg: expected a number from 0 to 1, found {arg}");
        assert_eq!(refusal(&config), said);
    }
    for sampler in ["", r#""sampler": "always_on", "#, r#""sampler": "parentbased_always_off", "#] {
        let said = "t: configuration: sampler_arg: expected nothing: \
                    only the sampler traceidratio has an argument, found 0.5";
        assert_eq!(refusal(&format!(r#"{{{sampler}"sampler_arg": 0.5}}"#)), said);
    }
}

#[test]
fn a_sampler_that_is_misspelt_is_one_error_with_or_without_an_argument() {
    let one = refusal(r#"{"sampler": "traceid_ratio"}"#);
    assert_eq!(refusal(r#"{"sampler": "traceid_ratio", "sampler_arg": 0.5}"#), one);
}

#[test]
fn an_attribute_of_the_resource_has_a_key() {
    let said = "t: configuration: resource.\"\": expected a key that is not empty, found 1";
    assert_eq!(refusal(r#"{"resource": {"": 1}}"#), said);
}

#[test]
fn an_unknown_key_is_named_with_those_that_are_known_at_its_level() {
    for (level, known) in [
        ("", "service_name, resource, sampler, sampler_arg, span_limits, segments, "),
        ("segments.", "directory, max_segment_bytes, max_segment_age_ms, max_total_bytes"),
        ("span_limits.", "attributes, events, links, attributes_per_event, attributes_per_link, "),
    ] {
        let said = refusal(&only(&format!("{level}nonsense"), json!(1)).to_string());
        let begins = format!("t: configuration: {level}nonsense: unknown key; known are {known}");
        assert!(said.starts_with(&begins), "{said}");
    }
}

#[test]
fn a_key_or_value_cannot_forge_a_line_or_flood_the_log() {
    let config = json!({"a\nb": 1, "": 2, "service_name": ["x".repeat(1_000)], "sampler": "é\n"});
    let said = refusal(&config.to_string());
    for part in [r#""a\nb": unknown key"#, r#""": unknown key"#, r#"found ["xxxx"#, r#"found "é\n""#] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains('\n') && said.len() < 1_500, "{said}");
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let said = refusal(
        r#"{"service_name": 1, "sampler": "x", "resource": {"a": {}, "b": null}, "segments": {"dir": 1},
            "span_limits": 7, "memory_budget_bytes": 0, "flush_timeout_ms": 0, "colour": "red"}"#,
    );
    let text = said.strip_prefix("t: configuration: ").unwrap();
    let keys: Vec<_> = text.split("; ").filter_map(|part| Some(part.split_once(": ")?.0)).collect();
    let expected = [
        "service_name",
        "resource.a",
        "resource.b",
        "sampler",
        "span_limits",
        "segments.dir",
        "memory_budget_bytes",
        "flush_timeout_ms",
        "colour",
    ];
    assert_eq!(keys, expected, "{said}");
}

#[test]
fn what_is_no_json_object_is_refused() {
    for (text, said) in [
        ("{", "not JSON: EOF while parsing an object at line 1 column 1"),
        ("service_name = \"shop\"", "not JSON: expected value at line 1 column 1"),
        ("{} {}", "not JSON: trailing characters at line 1 column 4"),
        ("[]", "the whole: expected an object, found []"),
        ("\"shop\"", "the whole: expected an object, found \"shop\""),
        ("7", "the whole: expected an object, found 7"),
        ("false", "the whole: expected an object, found false"),
        (r#"{"segments": "spool"}"#, "segments: expected an object, found \"spool\""),
        (r#"{"resource": []}"#, "resource: expected an object, found []"),
    ] {
        assert_eq!(refusal(text), format!("t: configuration: {said}"), "{text}");
    }
}

#[test]
fn a_directory_that_cannot_be_used_is_refused_with_its_path_and_the_reason() {
    let start = |config: &str| Plugin::new("t").on_server_start(config).unwrap_err();
    let scratch = Scratch::new();
    fs::create_dir(scratch.spool()).unwrap();
    fs::set_permissions(scratch.spool(), fs::Permissions::from_mode(0o777)).unwrap();
    let said = start(&scratch.config(""));
    let path = scratch.spool();
    let begins =
        format!("t: start: exporter: refused the segment directory {}: its mode 0777", path.display());
    assert!(said.starts_with(&begins), "{said}");

    fs::set_permissions(scratch.spool(), fs::Permissions::from_mode(0o700)).unwrap();
    let first = Plugin::new("first");
    first.on_server_start(&scratch.config("")).unwrap();
    let said = start(&scratch.config(""));
    let path = path.display();
    let taken =
        format!("t: start: exporter: the segment directory {path} already has a writer: this process");
    assert_eq!(said, taken);
    first.cleanup().unwrap();

    let said = start(r#"{"segments": {"directory": "/dev/null/spool"}}"#);
    assert!(
        said.starts_with("t: start: exporter: cannot open the segment directory /dev/null/spool: "),
        "{said}"
    );
}

#[test]
fn a_start_that_was_refused_may_be_made_again() {
    let (plugin, memory) = in_memory();
    plugin.on_server_start("[]").unwrap_err();
    plugin.on_server_start("{}").unwrap();
    record(&plugin, "s");
    plugin.flush().unwrap();
    assert_eq!(names(&memory), ["s"]);
}
