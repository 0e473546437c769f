//! The site owner's guide, `docs/bext.md`, says of keys and errors what the code says.

use crate::support::{record, refusal, started};
use nanospan::plugin::bext_plugin_api::lifecycle::LifecyclePlugin;
use nanospan::plugin::bext_plugin_api::tracer::TracerPlugin;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

const GUIDE: &str = include_str!("../../docs/bext.md");

/// The keys that are known at a level: the plugin tells them when it is asked for another one.
fn known(level: &str) -> Option<Vec<String>> {
    let nonsense = format!("{}nonsense", if level.is_empty() { String::new() } else { format!("{level}.") });
    let config = nonsense.rsplit('.').fold("1".to_owned(), |value, key| format!(r#"{{"{key}": {value}}}"#));
    // A level whose keys are free takes it.
    if level == "resource" {
        return None;
    }
    let said = refusal(&config);
    let (_, known) = said.split_once(&format!("{nonsense}: unknown key; known are "))?;
    Some(known.split(", ").map(str::to_owned).collect())
}

/// Every key that the code knows, with the keys that lead to it.
fn keys_of_the_code() -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for key in known("").unwrap() {
        let below = known(&key).unwrap_or_default();
        keys.extend(below.iter().map(|lower| format!("{key}.{lower}")));
        keys.insert(key);
    }
    keys
}

/// The cells of each row of the table of keys.
fn rows() -> Vec<Vec<&'static str>> {
    let (_, rest) = GUIDE.split_once("\n### The keys\n").unwrap();
    let (section, _) = rest.split_once("\n## ").unwrap();
    section
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix('|'))
        .filter(|line| line.starts_with('`'))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect()
}

#[test]
fn the_table_has_every_key_of_the_code_once_and_no_other() {
    let keys: Vec<_> = rows().iter().map(|row| row[0].trim_matches('`').to_owned()).collect();
    assert_eq!(keys.iter().cloned().collect::<BTreeSet<_>>(), keys_of_the_code());
    assert_eq!(keys.len(), keys_of_the_code().len(), "a key is there twice");
}

#[test]
fn every_row_of_the_table_has_type_range_default_and_meaning() {
    for row in rows() {
        assert_eq!(row.len(), 5, "{row:?}");
        let is_object = row[1] == "object";
        for (column, cell) in row.iter().enumerate() {
            assert!(!cell.is_empty() || (column == 2 && is_object), "{row:?}");
        }
    }
}

/// The text between a fence of this language and its end.
fn sample(language: &str) -> &'static str {
    let (_, rest) = GUIDE.split_once(&format!("\n```{language}\n")).unwrap();
    rest.split_once("\n```\n").unwrap().0
}

/// Reads the TOML of the sample, whose values are written as in JSON, below `[plugins.<name>]`.
fn toml() -> Value {
    let mut top = Map::new();
    let mut section = String::new();
    for line in sample("toml").lines().filter(|line| !line.is_empty()) {
        if let Some(header) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = header.strip_prefix("plugins.tracer-nanospan").unwrap().to_owned();
            continue;
        }
        let (key, value) = line.split_once(" = ").unwrap();
        let key = key.trim_matches('"').to_owned();
        let value = serde_json::from_str(value).unwrap();
        let table = match section.strip_prefix('.') {
            None => &mut top,
            Some(name) => {
                let table = top.entry(name).or_insert_with(|| Value::Object(Map::new()));
                table.as_object_mut().unwrap()
            }
        };
        assert!(table.insert(key, value).is_none(), "{line}");
    }
    Value::Object(top)
}

#[test]
fn both_samples_are_one_configuration_with_every_key_and_the_plugin_takes_it() {
    let json: Value = serde_json::from_str(sample("json")).unwrap();
    assert_eq!(toml(), json);
    let mut keys = BTreeSet::new();
    for (key, value) in json.as_object().unwrap() {
        if let (Some(object), true) = (value.as_object(), key != "resource") {
            keys.extend(object.keys().map(|lower| format!("{key}.{lower}")));
        }
        keys.insert(key.clone());
    }
    assert_eq!(keys, keys_of_the_code());

    // The rest as it stands; a quarter of the traces would be few to look at.
    let (plugin, memory) = started(&sample("json").replace("\"sampler_arg\": 0.25", "\"sampler_arg\": 1.0"));
    record(&plugin, "s");
    plugin.flush().unwrap();
    plugin.on_server_stop().unwrap();
    assert_eq!(memory.spans().len(), 1);
}

/// The texts between quotation marks in a line of code, without what is filled in.
fn literals(code: &str) -> Vec<&str> {
    let texts = code.split('"').skip(1).step_by(2);
    texts
        .flat_map(|text| text.split(['{', '}']).step_by(2))
        .map(|part| part.trim_matches([' ', ':', ';']))
        .collect()
}

#[test]
fn every_error_of_a_flush_is_explained() {
    let tables = GUIDE.split_once("\n## Errors\n").unwrap().1.split_once("\n## ").unwrap().0;
    let of_plugin = include_str!("../../src/plugin/report.rs").split("\n/// What was done").next().unwrap();
    let fan_out = concat!(
        include_str!("../../src/plugin/fan_out/flush.rs"),
        include_str!("../../src/plugin/fan_out/children.rs")
    );
    for (code, at_least) in [(of_plugin, 12), (fan_out, 8)] {
        let mut count = 0;
        for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
            // One word is a noun or a call.
            for text in literals(line).into_iter().filter(|text| text.contains(' ')) {
                assert!(tables.contains(text), "{text:?} is not in the guide");
                count += 1;
            }
        }
        assert!(count >= at_least, "only {count} texts were found in the code");
    }
    let forked = nanospan::FlushError::Forked.to_string();
    for text in [forked, nanospan::FlushError::WorkerGone.to_string()] {
        assert!(tables.contains(&text), "{text:?} is not in the guide");
    }
}
