//! What a budget that is too small does: less, and everything that it leaves out is counted.

mod common;

use common::{Account, Counter, PATIENCE, assert_account, quiet_builder, until};
use nanospan::export::{Context, MemoryExporter};
use nanospan::{
    BuildError, Span, SpanContext, Status, StatusCode, Text, Timestamp, Tracer, TracerBuilder, attributes,
};
use std::time::Duration;

/// The least budget there is: two blocks of 64 spans, two chunks.
fn least() -> TracerBuilder {
    let Err(BuildError::MemoryBudget { minimum, .. }) =
        quiet_builder().exporter(Counter::default()).memory_budget(0).build()
    else {
        panic!("no memory is too little")
    };
    quiet_builder().memory_budget(minimum)
}

fn least_in_memory() -> (Tracer, MemoryExporter) {
    let exporter = MemoryExporter::new();
    (least().exporter(exporter.clone()).build().unwrap(), exporter)
}

#[test]
fn the_least_budget_holds_two_blocks_of_live_spans_and_no_more() {
    let (tracer, exporter) = least_in_memory();
    let live: Vec<_> = (0..200).map(|_| tracer.span("s").start()).collect();
    let recording = live.iter().filter(|span| span.is_recording()).count();
    assert_eq!(recording, 2 * 64);
    let expected = Account { started: 200, live: 128, overload: 72, ..Account::default() };
    assert_account(&tracer.stats(), &expected);
    drop(live);
    tracer.flush(PATIENCE).unwrap();
    assert_eq!(exporter.spans().len(), 128);
    // The blocks come back, and with them the room for as many spans again.
    until("the blocks are back", || {
        let again: Vec<_> = (0..128).map(|_| tracer.span("again").start()).collect();
        again.iter().all(|span| span.is_recording())
    });
}

#[test]
fn under_paced_load_the_least_budget_delivers_and_counts_exactly() {
    let counter = Counter::default();
    let tracer = least().exporter(counter.clone()).build().unwrap();
    let (mut started, mut refused, mut attributes) = (0, 0, 0);
    for _ in 0..200 {
        for _ in 0..150 {
            let span = tracer.span("s").start();
            span.set_attribute("k", 1);
            started += 1;
            refused += u64::from(!span.is_recording());
            attributes += u64::from(span.is_recording());
        }
        // The pace: the drain has been here.
        tracer.flush(PATIENCE).unwrap();
    }
    let stats = tracer.stats();
    assert!(refused > 0, "150 spans at once do not fit into 128 places");
    let expected = Account { started, exported: counter.spans(), overload: refused, ..Account::default() };
    assert_account(&stats, &expected);
    assert!(counter.spans() >= 200 * 64, "{} spans were delivered", counter.spans());
    assert_eq!(counter.attributes() + counter.dropped_attributes(), attributes);
    assert_eq!(stats.lost_attributes, counter.dropped_attributes());
    assert_eq!(stats.log_bytes % 4032, 0, "whole chunks");
    assert!(stats.memory_bytes <= 40_000, "{} bytes are more than two of each", stats.memory_bytes);
}

/// Until the drain has passed, two chunks take what they take; what comes then is shed, and each
/// span says what it lost.
#[test]
fn what_finds_no_chunk_is_shed_and_counted_in_its_span_and_in_the_account() {
    let (tracer, exporter) = least_in_memory();
    let text = "x".repeat(1000);
    let mut spans: Vec<_> = (0..100).map(|_| tracer.span("s").start()).collect();
    for span in &mut spans {
        span.set_attribute("text", &text);
        span.set_attributes(&attributes!["a" => 1, "b" => &text]);
        span.add_event("event", &attributes!["text" => &text]);
        span.add_link(&SpanContext::INVALID, &attributes!["text" => &text]);
        span.set_status(Status::error(&text));
        span.update_name(Text::Copied(&text));
    }
    drop(spans);
    tracer.flush(PATIENCE).unwrap();
    let spans = exporter.spans();
    assert_eq!(spans.len(), 100, "a span itself is never shed");
    let (mut attributes, mut events, mut links) = (0, 0, 0);
    for span in &spans {
        // Everything arrives or is counted: three attributes of the span's own, and those of an
        // event or link that arrived without.
        let inner = span.events.iter().map(|event| 1 - event.attributes.len() as u32).sum::<u32>()
            + span.links.iter().map(|link| 1 - link.attributes.len() as u32).sum::<u32>();
        let facts = u32::from(span.status_message.is_empty()) + u32::from(span.name == "s");
        let own = 3 - span.attributes.len() as u32;
        assert_eq!(span.dropped_attributes_count, own + inner + facts, "{span:?}");
        assert_eq!(span.dropped_events_count, 1 - span.events.len() as u32);
        assert_eq!(span.dropped_links_count, 1 - span.links.len() as u32);
        for (_, value) in &span.attributes {
            assert!(*value == 1.into() || *value == (&*text).into(), "whole or not at all");
        }
        attributes += u64::from(span.dropped_attributes_count);
        events += u64::from(span.dropped_events_count);
        links += u64::from(span.dropped_links_count);
    }
    let stats = tracer.stats();
    assert!(attributes > 0 && events > 0 && links > 0, "two chunks do not hold 700 kB");
    assert_eq!([stats.lost_attributes, stats.lost_events, stats.lost_links], [attributes, events, links]);
    assert_eq!(stats.dropped.overload, 0);
}

#[test]
fn a_value_that_runs_out_of_chunks_halfway_harms_no_record_after_it() {
    let (tracer, exporter) = least_in_memory();
    // More than the two chunks together, and less than the limit of a value.
    let long = "y".repeat(20_000);
    for round in 0..200i64 {
        let span = tracer.span("s").start();
        span.set_attribute("long", &long);
        // The drain takes what was written of it, and the chunks come back.
        tracer.flush(PATIENCE).unwrap();
        span.set_attribute("round", round);
        span.end();
        tracer.flush(PATIENCE).unwrap();
    }
    let stats = tracer.stats();
    let spans = exporter.spans();
    assert_eq!(spans.len() as u64 + stats.dropped.overload, 200);
    let mut arrived = 0;
    for span in &spans {
        assert_eq!(span.attribute("long"), None, "it cannot have found room");
        let lost = 2 - span.attributes.len() as u32;
        assert_eq!(span.dropped_attributes_count, lost);
        arrived += span.attributes.len();
    }
    assert!(arrived > 150, "only {arrived} of 200 small attributes arrived after the large ones");
}

#[test]
fn a_full_side_table_sheds_records_of_live_spans_and_no_spans() {
    let (tracer, exporter) = least_in_memory();
    let live = tracer.span("live").start();
    let text = "z".repeat(100);
    for i in 0..100i64 {
        live.set_attributes(&[(Text::Copied(&format!("key {i}")), (&*text).into())]);
        // The drain moves what it finds to the side table, and the chunks come back.
        tracer.flush(PATIENCE).unwrap();
    }
    live.end();
    tracer.flush(PATIENCE).unwrap();
    let [span] = &exporter.spans()[..] else { panic!("one span was recorded") };
    let kept = span.attributes.len();
    assert!((5..90).contains(&kept), "{kept} attributes in a table of some 10 KiB");
    assert_eq!(span.dropped_attributes_count as usize, 100 - kept);
    assert_eq!(tracer.stats().lost_attributes as usize, 100 - kept);
    for (i, (key, value)) in span.attributes.iter().enumerate() {
        assert_eq!((&**key, value), (&*format!("key {i}"), &(&*text).into()), "the first ones are kept");
    }
    // What the span held is free again.
    let next = tracer.span("next").start();
    next.set_attribute("k", &text);
    tracer.flush(PATIENCE).unwrap();
    next.end();
    tracer.flush(PATIENCE).unwrap();
    assert_eq!(exporter.spans_named("next")[0].attributes.len(), 1);
}

#[test]
fn what_a_full_side_table_sheds_is_counted_as_what_it_is() {
    let (tracer, exporter) = least_in_memory();
    let lost = || {
        let stats = tracer.stats();
        [stats.lost_attributes, stats.lost_events, stats.lost_links]
    };
    let mut live = tracer.span("live").start();
    // Small ones, so that no room is left for what is larger.
    until("the side table is full", || {
        (0..20).for_each(|n| live.set_attribute("fill", n));
        tracer.flush(PATIENCE).unwrap();
        lost()[0] > 0
    });
    let full = lost();
    let text = "z".repeat(200);
    let mut expect = |what: &str, record: &dyn Fn(&mut Span), expected: [u64; 3]| {
        let before = lost();
        record(&mut live);
        // The drain is to keep it aside, as the span goes on.
        tracer.flush(PATIENCE).unwrap();
        let after = lost();
        let more: [u64; 3] = std::array::from_fn(|kind| after[kind] - before[kind]);
        assert_eq!(more, expected, "attributes, events and links: {what}");
    };
    let three = attributes!["a" => &text, "b" => &text, "c" => &text];
    expect("attributes of one call, one by one", &|span| span.set_attributes(&three), [3, 0, 0]);
    expect("an event as a whole", &|span| span.add_event("e", &three), [0, 1, 0]);
    expect("a link as a whole", &|span| span.add_link(&SpanContext::INVALID, &three), [0, 0, 1]);
    expect("a status as an attribute", &|span| span.set_status(Status::error(&text)), [1, 0, 0]);
    expect("a name as an attribute", &|span| span.update_name(Text::Copied(&text)), [1, 0, 0]);
    live.end();
    tracer.flush(PATIENCE).unwrap();
    let [span] = &exporter.spans()[..] else { panic!("one span was recorded") };
    assert_eq!(
        (&*span.name, span.status, &span.events, &span.links),
        ("live", StatusCode::Unset, &vec![], &vec![])
    );
    let counted = [span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count];
    assert_eq!(counted.map(u64::from), lost(), "all of it is this span's");
    assert_eq!(lost(), [full[0] + 5, 1, 1]);
}

/// The drain is made to wait for room in its queue, so that no chunk comes back meanwhile.
#[test]
fn an_end_time_that_finds_no_chunk_is_lost_and_counted_and_the_span_ends_by_the_clock() {
    let exporter = MemoryExporter::new();
    let hold = exporter.hold();
    let builder = quiet_builder().memory_budget(2 << 20).max_batch_spans(1).export_timeout(Duration::ZERO);
    let tracer = builder.exporter(exporter.clone()).build().unwrap();
    tracer.span("being exported").start().end();
    exporter.wait_for_export(&Context::with_timeout(PATIENCE)).unwrap();
    let filled = tracer.span("filled").start();
    let spans: Vec<_> = (0..4).map(|_| tracer.span("s").start()).collect();
    // More than the queue takes, which is 8 % of the budget.
    let large = tracer.span("large").start();
    let text = "x".repeat(60_000);
    ["a", "b", "c", "d"].into_iter().for_each(|key| large.set_attribute(key, &text));
    large.end();
    until("the drain waits for room", || tracer.stats().buffered == 2);
    let lost = || tracer.stats().lost_attributes;
    until("no chunk is left", || {
        (0..100).for_each(|n| filled.set_attribute("n", n));
        lost() > 0
    });
    let before = lost();
    // One may find the last words of a chunk, but not four.
    let given = Timestamp::from_unix_nanos(u64::MAX / 4);
    spans.into_iter().for_each(|span| span.end_at(given));
    let more = lost() - before;
    assert!(more >= 3, "{more} of four end times are lost");
    drop(hold);
    tracer.flush(PATIENCE).unwrap();
    let spans = exporter.spans_named("s");
    assert_eq!(spans.len(), 4);
    for span in &spans {
        let is_as_given = span.end_unix_nanos == given.unix_nanos();
        assert_eq!(span.dropped_attributes_count, u32::from(!is_as_given), "{span:?}");
        assert!(span.end_unix_nanos >= span.start_unix_nanos);
    }
    assert_eq!(spans.iter().map(|span| u64::from(span.dropped_attributes_count)).sum::<u64>(), more);
}

#[test]
fn a_span_open_for_the_whole_run_holds_up_nothing() {
    let counter = Counter::default();
    let tracer = quiet_builder().memory_budget(8 << 20).exporter(counter.clone()).build().unwrap();
    let long = tracer.span("long").start();
    long.set_attribute("first", 1);
    for _ in 0..100 {
        (0..10_000).for_each(|_| tracer.span("short").start().end());
        tracer.flush(PATIENCE).unwrap();
    }
    long.set_attribute("last", 2);
    let stats = tracer.stats();
    assert_account(
        &stats,
        &Account { started: 1_000_001, exported: 1_000_000, live: 1, ..Account::default() },
    );
    long.end();
    tracer.flush(PATIENCE).unwrap();
    assert_eq!((counter.spans(), counter.attributes()), (1_000_001, 2));
}

/// A thread's share of the blocks is what it may take while the drain is kept from working, here some
/// 65,000 spans. An exporter that hangs is no such case: until it is back, the budget bridges the gap.
#[test]
fn while_the_exporter_hangs_one_thread_may_use_the_whole_budget() {
    let exporter = MemoryExporter::new();
    let hold = exporter.hold();
    let tracer = quiet_builder().exporter(exporter.clone()).memory_budget(64 << 20).build().unwrap();
    let places = 64 * tracer.stats().blocks.size;
    // Batches take some 57,000 spans, and the share is 65,536: together less than nine tenths of the places. How
    // many more there are than places depends on where in a pass the drain is held up, since the blocks that it has
    // read until then are taken, too.
    assert!(places * 9 / 10 > 130_000, "{places} places");
    let mut recorded = 0_u64;
    until("the budget is used", || {
        recorded += (0..10_000).filter(|_| tracer.span("s").start().is_recording()).count() as u64;
        recorded > places * 9 / 10
    });
    drop(hold);
    tracer.flush(PATIENCE).unwrap();
    assert_eq!(tracer.stats().exported, recorded);
}
