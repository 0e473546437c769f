//! The calls of the host's lifecycle, in the right order and in others.

use crate::support::{PATIENCE, Scratch, in_memory, names, record, start, started};
use nanospan::Tracer;
use nanospan::export::MemoryExporter;
use nanospan::export::segment::{SegmentFile, segments_in};
use nanospan::plugin::Plugin;
use nanospan::plugin::bext_plugin_api::lifecycle::LifecyclePlugin;
use nanospan::plugin::bext_plugin_api::tracer::TracerPlugin;
use nanospan::plugin::bext_plugin_api::types::priority;
use std::sync::Barrier;

#[test]
fn both_traits_have_the_name_that_was_given() {
    let (plugin, _) = in_memory();
    assert_eq!((TracerPlugin::name(&plugin), LifecyclePlugin::name(&plugin)), ("t", "t"));
}

#[test]
fn the_plugin_runs_where_the_host_has_its_tracing_before_plugins_that_name_no_place() {
    struct Unplaced;
    impl LifecyclePlugin for Unplaced {
        fn name(&self) -> &str {
            "unplaced"
        }
    }
    let (plugin, _) = in_memory();
    assert_eq!(plugin.priority(), priority::TRACING);
    assert!(plugin.priority() < Unplaced.priority(), "lower runs first");
}

#[test]
fn spans_before_the_start_are_invalid_and_the_next_flush_says_how_many_once() {
    let (plugin, memory) = in_memory();
    assert_eq!(plugin.flush(), Ok(()));
    for _ in 0..3 {
        let span = start(&plugin, "early");
        assert!(span.is_invalid());
        plugin.end_span(span, None);
    }
    let said = "t: flush: 3 spans were started while there was no tracer, before on_server_start";
    assert_eq!(plugin.flush().unwrap_err(), said);
    assert_eq!(plugin.flush(), Ok(()));
    assert!(start(&plugin, "early").is_invalid());
    plugin.on_server_start("").unwrap();
    let said = "t: flush: 1 span was started while there was no tracer, before on_server_start";
    assert_eq!(plugin.flush().unwrap_err(), said);
    record(&plugin, "s");
    assert_eq!(plugin.flush(), Ok(()));
    assert_eq!(names(&memory), ["s"]);
}

#[test]
fn a_second_start_is_refused_and_changes_nothing() {
    let (plugin, memory) = started("");
    record(&plugin, "a");
    for config in ["", "{\"sampler\": \"always_off\"}", "not JSON"] {
        assert_eq!(plugin.on_server_start(config).unwrap_err(), "t: start: it has a tracer already");
    }
    record(&plugin, "b");
    plugin.on_server_stop().unwrap();
    assert_eq!(names(&memory), ["a", "b"]);
}

#[test]
fn of_many_starts_at_once_one_succeeds() {
    let (plugin, memory) = in_memory();
    let together = Barrier::new(4);
    let successes = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    together.wait();
                    plugin.on_server_start("").is_ok()
                })
            })
            .collect();
        starts.into_iter().map(|start| start.join().unwrap()).filter(|done| *done).count()
    });
    assert_eq!(successes, 1);
    record(&plugin, "s");
    plugin.flush().unwrap();
    assert_eq!(names(&memory), ["s"]);
}

#[test]
fn a_plugin_over_a_tracer_is_started_already_and_stops_it() {
    let memory = MemoryExporter::new();
    let tracer = Tracer::builder("shop").exporter(memory.clone()).build().unwrap();
    let plugin = Plugin::over("t", tracer);
    plugin.set_shutdown_timeout(PATIENCE);
    assert_eq!(plugin.on_server_start("").unwrap_err(), "t: start: it has a tracer already");
    record(&plugin, "s");
    plugin.on_server_stop().unwrap();
    assert_eq!(names(&memory), ["s"]);
    assert!(memory.is_shut_down());
}

#[test]
fn a_flush_and_a_reload_deliver_what_has_ended_and_the_plugin_goes_on() {
    let (plugin, memory) = started("");
    let live = start(&plugin, "live");
    record(&plugin, "a");
    plugin.flush().unwrap();
    assert_eq!(names(&memory), ["a"]);
    record(&plugin, "b");
    plugin.on_reload().unwrap();
    assert_eq!(names(&memory), ["a", "b"]);
    plugin.end_span(live, None);
    plugin.on_reload().unwrap();
    assert_eq!(names(&memory), ["a", "b", "live"], "a span may live through a reload");
}

#[test]
fn a_failed_export_is_in_the_error_of_a_flush_and_of_a_reload() {
    let (plugin, memory) = started("");
    let said = |call: &str| {
        format!(
            "t: {call}: export failed: the memory exporter was told to fail; \
             1 span was lost, dropped after the failed export"
        )
    };
    for _ in 0..2 {
        memory.fail_next(1);
        record(&plugin, "s");
        assert_eq!(plugin.flush(), Err(said("flush")));
        assert_eq!(plugin.flush(), Ok(()), "each loss is said once");
    }
    memory.fail_next(1);
    record(&plugin, "s");
    assert_eq!(plugin.on_reload(), Err(said("flush")));
    memory.fail_next(1);
    record(&plugin, "s");
    assert_eq!(plugin.on_server_stop(), Err(said("stop")));
    assert_eq!(plugin.cleanup(), Ok(()));
}

#[test]
fn a_stop_delivers_everything_and_a_second_one_does_nothing() {
    let (plugin, memory) = started("");
    record(&plugin, "s");
    plugin.on_server_stop().unwrap();
    assert_eq!(names(&memory), ["s"]);
    assert!(memory.is_shut_down());
    assert_eq!(plugin.on_server_stop(), Ok(()));
    assert_eq!(plugin.cleanup(), Ok(()));
    assert_eq!(plugin.flush(), Ok(()));
    assert_eq!(plugin.on_reload(), Ok(()));
}

#[test]
fn a_cleanup_without_a_stop_delivers_everything() {
    let (plugin, memory) = started("");
    record(&plugin, "s");
    plugin.cleanup().unwrap();
    assert_eq!(names(&memory), ["s"]);
    assert!(memory.is_shut_down());
}

#[test]
fn a_stop_or_cleanup_before_the_start_does_nothing() {
    let (plugin, memory) = in_memory();
    assert_eq!(plugin.on_server_stop(), Ok(()));
    assert_eq!(plugin.cleanup(), Ok(()));
    plugin.on_server_start("").unwrap();
    record(&plugin, "s");
    plugin.flush().unwrap();
    assert_eq!(names(&memory), ["s"]);
}

#[test]
fn spans_live_at_the_stop_and_started_after_it_are_said_to_be_lost() {
    let (plugin, memory) = started("");
    let live = start(&plugin, "live");
    let said = |call: &str, spans: &str| {
        format!("t: {call}: {spans} started or still live after the tracer was shut down")
    };
    assert_eq!(plugin.on_server_stop(), Err(said("stop", "1 span was")));
    plugin.end_span(live, None);
    assert_eq!(plugin.flush(), Ok(()));
    for _ in 0..2 {
        assert!(start(&plugin, "late").is_invalid());
    }
    assert_eq!(plugin.flush(), Err(said("flush", "2 spans were")));
    assert_eq!(plugin.flush(), Ok(()));
    assert!(memory.spans().is_empty());
}

#[test]
fn a_start_after_a_stop_builds_another_tracer_for_the_same_directory() {
    let scratch = Scratch::new();
    let plugin = Plugin::new("t");
    plugin.set_shutdown_timeout(PATIENCE);
    let mut before = None;
    for name in ["first", "second"] {
        plugin.on_server_start(&scratch.config("")).unwrap();
        if let Some(handle) = before {
            // Of the tracer before: a handle that this one did not make.
            plugin.set_attribute(handle, "k", 1_i64.into());
            plugin.end_span(handle, None);
        }
        let span = start(&plugin, name);
        plugin.end_span(span, None);
        before = Some(span);
        plugin.on_server_stop().unwrap();
    }
    let mut names = Vec::new();
    for path in segments_in(scratch.spool()).unwrap() {
        let file = SegmentFile::open(path).unwrap();
        for frame in file.reader().unwrap() {
            names.extend(frame.unwrap().view().spans().map(|span| span.name().to_owned()));
        }
    }
    assert_eq!(names, ["first", "second"]);
}

#[test]
fn dropping_every_clone_of_a_plugin_loses_nothing_that_was_flushed() {
    let (plugin, memory) = started("");
    record(&plugin, "s");
    plugin.clone().flush().unwrap();
    drop(plugin);
    assert_eq!(names(&memory), ["s"]);
}
