//! A `FanOut` for a long time under load: two tracers of this crate must deliver exactly what was
//! recorded, beside a child that panics and fails at random and one whose flush hangs all the time.
//!
//! By default a few thousand spans on each thread. `NANOSPAN_SOAK_SECONDS` makes it run as long and
//! watch the memory, too; `scripts/soak-fan-out` does that.
#![cfg(feature = "bext")]

mod common;

use common::{By, Numbers, PATIENCE, quiet_builder, until};
use nanospan::batch::{SpanView, ValueView};
use nanospan::plugin::bext_plugin_api::tracer::{
    AttrValue, SpanEvent, SpanHandle, SpanStart, SpanStatus, TracerPlugin,
};
use nanospan::plugin::{FanOut, Plugin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

const THREADS: u64 = 8;
/// Pairs of spans on each thread when no time is given.
const PAIRS: u64 = 2_000;
/// Spans on their way at most: what the tracers can buffer by far, so that nothing is shed.
const IN_FLIGHT: u64 = 10_000;
/// How long a flush waits; the child that hangs makes each take as long.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);
/// By how much a flush may be late on a machine with other work to do.
const LATE: Duration = Duration::from_secs(4);
/// By how much more memory may be in use in the last fifth of the time than in the second: as the load
/// on the machine is, more spans are in flight.
const GROWTH_MAX: u64 = 64 << 20;

/// A multiset of spans: how many, and the sum of their hashes.
#[derive(Debug, Default)]
struct Digest {
    spans: AtomicU64,
    sum: AtomicU64,
}

impl Digest {
    fn add(&self, content: &Content) {
        let text = content.text.bytes().fold(0, |hash: u64, byte| hash.wrapping_mul(31) + u64::from(byte));
        let flags = u64::from(content.below) << 1 | u64::from(content.odd);
        let mut numbers = Numbers(content.tag ^ text.rotate_left(20) ^ flags.rotate_left(50));
        self.sum.fetch_add(numbers.next(), Ordering::Relaxed);
        self.spans.fetch_add(1, Ordering::Relaxed);
    }

    fn value(&self) -> (u64, u64) {
        (self.spans.load(Ordering::Relaxed), self.sum.load(Ordering::Relaxed))
    }
}

/// What is recorded of a span, and read back.
struct Content {
    tag: u64,
    text: String,
    /// Whether it has a parent.
    below: bool,
    odd: bool,
}

impl Content {
    fn of(tag: u64, below: bool) -> Self {
        Self { tag, text: format!("text of {tag}"), below, odd: tag % 2 == 1 }
    }

    fn read(span: &SpanView<'_>) -> Self {
        let mut content =
            Self { tag: 0, text: String::new(), below: span.parent_span_id().is_some(), odd: false };
        let mut names = 0;
        for (key, value) in span.attributes() {
            names += 1;
            match (key, value) {
                ("tag", ValueView::I64(tag)) => content.tag = tag as u64,
                ("text", ValueView::Str(text)) => content.text = text.to_owned(),
                ("odd", ValueView::Bool(odd)) => content.odd = odd,
                other => panic!("nobody set this attribute: {other:?}"),
            }
        }
        let lost = span.dropped_attributes_count() + span.dropped_events_count();
        assert_eq!(
            (names, span.events().count()),
            (3, 1),
            "attributes and events of {:?}, which says that it lost {lost}",
            span.name()
        );
        assert_eq!(span.name(), format!("span {}", content.tag));
        content
    }
}

/// A tracer of this crate, and what it delivered.
fn delivering() -> (Plugin, Arc<Digest>) {
    let digest = Arc::new(Digest::default());
    let delivered = Arc::clone(&digest);
    let exporter = By(move |_: &_, batch: &nanospan::batch::Batch| {
        batch.view().spans().for_each(|span| delivered.add(&Content::read(&span)));
        Ok(())
    });
    (Plugin::over("delivering", quiet_builder().exporter(exporter).build().unwrap()), digest)
}

/// Panics in one call of 64 and fails every third flush; in the others it takes any handle.
struct Failing(Mutex<Numbers>);

impl Failing {
    fn maybe(&self) {
        let unlucky = self.0.lock().unwrap().below(64) == 0;
        assert!(!unlucky, "on purpose");
    }
}

impl TracerPlugin for Failing {
    fn name(&self) -> &str {
        "failing"
    }

    fn start_span(&self, _: SpanStart<'_>) -> SpanHandle {
        self.maybe();
        SpanHandle { trace_id: [7; 16], span_id: [7; 8] }
    }

    fn set_attribute(&self, _: SpanHandle, _: &str, _: AttrValue) {
        self.maybe();
    }

    fn set_status(&self, _: SpanHandle, _: SpanStatus) {
        self.maybe();
    }

    fn add_event(&self, _: SpanHandle, _: SpanEvent<'_>) {
        self.maybe();
    }

    fn end_span(&self, _: SpanHandle, _: Option<u64>) {
        self.maybe();
    }

    fn flush(&self) -> Result<(), String> {
        match self.0.lock().unwrap().below(3) {
            0 => Err("on purpose".to_owned()),
            _ => Ok(()),
        }
    }
}

/// Its flush waits until the end.
struct Hanging(Arc<(Mutex<bool>, Condvar)>);

impl TracerPlugin for Hanging {
    fn name(&self) -> &str {
        "hanging"
    }

    fn start_span(&self, _: SpanStart<'_>) -> SpanHandle {
        SpanHandle { trace_id: [8; 16], span_id: [8; 8] }
    }

    fn set_attribute(&self, _: SpanHandle, _: &str, _: AttrValue) {}

    fn set_status(&self, _: SpanHandle, _: SpanStatus) {}

    fn add_event(&self, _: SpanHandle, _: SpanEvent<'_>) {}

    fn end_span(&self, _: SpanHandle, _: Option<u64>) {}

    fn flush(&self) -> Result<(), String> {
        let (over, changed) = &*self.0;
        drop(changed.wait_while(over.lock().unwrap(), |over| !*over).unwrap());
        Ok(())
    }
}

/// What the threads share.
struct Run {
    tracer: FanOut,
    recorded: Digest,
    delivered: [Arc<Digest>; 2],
    stop: AtomicBool,
}

impl Run {
    fn start(&self, content: &Content, parent: Option<SpanHandle>) -> SpanHandle {
        let name = format!("span {}", content.tag);
        let attributes = vec![("tag".to_owned(), AttrValue::I64(content.tag as i64))];
        let span = SpanStart { name: &name, parent, attributes, ..SpanStart::default() };
        self.tracer.start_span(span)
    }

    fn finish(&self, span: SpanHandle, content: &Content) {
        self.tracer.set_attribute(span, "text", AttrValue::String(content.text.clone()));
        self.tracer.set_attribute(span, "odd", AttrValue::Bool(content.odd));
        self.tracer.add_event(span, SpanEvent { name: "e", attributes: Vec::new(), time_unix_nanos: None });
        self.tracer.end_span(span, None);
        self.recorded.add(content);
    }

    /// A root, and a child below it. The root goes to the neighbour, and roots that come are ended.
    fn thread(
        &self,
        thread: u64,
        pairs: u64,
        neighbour: SyncSender<(SpanHandle, u64)>,
        inbox: &Receiver<(SpanHandle, u64)>,
    ) {
        let end = |(span, tag)| self.finish(span, &Content::of(tag, false));
        for n in 0..pairs {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let tag = (n * THREADS + thread) * 2;
            let (root, child) = (Content::of(tag, false), Content::of(tag + 1, true));
            let root_span = self.start(&root, None);
            let child_span = self.start(&child, Some(root_span));
            let mut mine = Some((root_span, tag));
            while let Some(message) = mine.take() {
                if let Err(TrySendError::Full(back)) = neighbour.try_send(message) {
                    mine = Some(back);
                }
                inbox.try_iter().for_each(end);
            }
            self.finish(child_span, &child);
            let recorded = self.recorded.value().0;
            while self.delivered.iter().any(|digest| recorded > digest.value().0 + IN_FLIGHT) {
                std::thread::sleep(Duration::from_millis(1));
                inbox.try_iter().for_each(end);
            }
        }
        drop(neighbour);
        inbox.iter().for_each(end);
    }
}

/// Bytes of the process that are in memory.
fn resident() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(statm.split(' ').nth(1)?.parse::<u64>().ok()? * 4096)
}

#[test]
fn two_tracers_deliver_everything_beside_one_that_fails_and_one_that_hangs() {
    let seconds = std::env::var("NANOSPAN_SOAK_SECONDS").ok();
    let seconds = seconds.map(|text| text.parse().expect("NANOSPAN_SOAK_SECONDS is a number of seconds"));
    let time: Option<Duration> = seconds.map(Duration::from_secs);
    // The panics are meant; anything else is worth a word.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if info.payload().downcast_ref() != Some(&"on purpose") {
            hook(info);
        }
    }));
    let over = Arc::new((Mutex::new(false), Condvar::new()));
    let [(first, delivered_first), (second, delivered_second)] = [delivering(), delivering()];
    let tracer = FanOut::builder()
        .child(first.clone())
        .child(Failing(Mutex::new(Numbers(1))))
        .child(Hanging(Arc::clone(&over)))
        .child(second.clone())
        .flush_timeout(FLUSH_TIMEOUT)
        .build()
        .unwrap();
    let delivered = [delivered_first, delivered_second];
    let run = Run { tracer, recorded: Digest::default(), delivered, stop: AtomicBool::new(false) };
    let began = Instant::now();
    let (mut flushes, mut longest, mut failures) = (0, Duration::ZERO, 0);
    // The most memory in each fifth of the time.
    let mut resident_max = [0; 5];
    std::thread::scope(|scope| {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| sync_channel(256)).unzip();
        let mut threads = Vec::new();
        for (thread, inbox) in (0..).zip(receivers) {
            let neighbour = senders[(thread as usize + 1) % senders.len()].clone();
            let (run, pairs) = (&run, if time.is_some() { u64::MAX } else { PAIRS });
            threads.push(scope.spawn(move || run.thread(thread, pairs, neighbour, &inbox)));
        }
        drop(senders);
        while !threads.iter().all(|thread| thread.is_finished()) {
            let asked = Instant::now();
            let told = run.tracer.flush().expect_err("a child hangs");
            longest = longest.max(asked.elapsed());
            flushes += 1;
            failures += u64::from(told.contains("child `failing` (2 of 4): on purpose"));
            assert!(told.contains("child `hanging` (3 of 4): its flush has been running for "), "{told}");
            if let Some(time) = time {
                let fifth = began.elapsed().as_secs() * 5 / time.as_secs().max(1);
                let most = &mut resident_max[fifth.min(4) as usize];
                *most = resident().unwrap_or(0).max(*most);
            }
            if time.is_some_and(|time| began.elapsed() > time) {
                run.stop.store(true, Ordering::Relaxed);
            }
        }
    });
    let took = began.elapsed();
    for plugin in [&first, &second] {
        until("the tracer has delivered", || plugin.flush().is_ok());
    }
    let stats = run.tracer.stats();
    println!("{} spans in {:.1} s on {THREADS} threads", run.recorded.value().0, took.as_secs_f64());
    println!(
        "{flushes} flushes, the longest took {:.3} s, the failing child failed {failures} of them",
        longest.as_secs_f64()
    );
    if time.is_some() {
        println!(
            "resident at most, in each fifth of the time: {:?} MiB",
            resident_max.map(|bytes| bytes >> 20)
        );
    }
    println!("{stats:#?}");
    for plugin in [&first, &second] {
        println!("{:#?}", plugin.tracer().stats());
    }
    for (name, digest) in ["first", "second"].iter().zip(&run.delivered) {
        assert_eq!(
            digest.value(),
            run.recorded.value(),
            "the {name} tracer's spans and the sum of their hashes"
        );
    }
    for plugin in [&first, &second] {
        let of_tracer = plugin.tracer().stats();
        assert_eq!((of_tracer.dropped.total(), of_tracer.stale_calls, of_tracer.forged_calls), (0, 0, 0));
    }
    assert_eq!((stats.started, stats.live_spans), (run.recorded.value().0, 0));
    assert_eq!(
        (stats.refused_capacity, stats.stale_calls, stats.forged_calls, stats.invalid_calls),
        (0, 0, 0, 0)
    );
    let panics: Vec<u64> = stats.children.iter().map(|child| child.panics).collect();
    assert!(matches!(panics[..], [0, n, 0, 0] if n > 0), "panics of each child: {panics:?}");
    assert!(longest < FLUSH_TIMEOUT + LATE, "a flush took {longest:?}");
    let [_, second, .., last] = resident_max;
    assert!(last <= second + GROWTH_MAX, "bytes in memory in each fifth of the time: {resident_max:?}");
    let hanging = &stats.children[2];
    assert_eq!((hanging.flushes, hanging.late_flushes), (0, flushes));
    *over.0.lock().unwrap() = true;
    over.1.notify_all();
    until("the child that hung is idle", || run.tracer.stats().children[2].flush_running.is_none());
    assert!(took < PATIENCE + time.unwrap_or_default(), "the run took {took:?}");
}
