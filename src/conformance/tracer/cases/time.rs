//! When spans begin and end, and events happen.

use crate::conformance::case::{Citation, Verdict};
use crate::conformance::tracer::Case;
use crate::conformance::tracer::probe::{Bench, Mark, event, expect, require};
use bext_plugin_api::tracer::{SpanEvent, SpanStart};
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const START: &str = "SpanStart::start_time_unix_nanos";
const END: &str = "TracerPlugin::end_span";
const EVENT: &str = "SpanEvent::time_unix_nanos";

/// How a clock reading is judged.
const AGREES: &str = "it agrees with `SystemTime`, read before and after the call, to within 25 ms";

pub(super) const CASES: &[Case] = &[
    Case {
        id: "start-time-override-is-kept",
        citation: Citation::of(START, "Start time override, in nanoseconds since the Unix epoch."),
        check: start_time_override_is_kept,
    },
    Case {
        id: "start-time-is-the-clocks",
        citation: Citation::of(START, "`None` means \"use the tracer's current clock\"").read_as(AGREES),
        check: start_time_is_the_clocks,
    },
    Case {
        id: "end-time-override-is-kept",
        citation: Citation::of(END, "`end_time_unix_nanos` is an optional override"),
        check: end_time_override_is_kept,
    },
    Case {
        id: "end-time-is-the-clocks",
        citation: Citation::of(END, "pass `None` to use the tracer's current clock").read_as(AGREES),
        check: end_time_is_the_clocks,
    },
    Case {
        id: "end-is-not-before-start",
        citation: Citation::of(END, "`end_time_unix_nanos` is an optional override")
            .read_as("one before the start becomes the start, so that no span has a negative duration"),
        check: end_is_not_before_start,
    },
    Case {
        id: "event-time-override-is-kept",
        citation: Citation::of(EVENT, "Event time override, nanoseconds since the Unix epoch.")
            .read_as("also one before the span's start or after its end"),
        check: event_time_override_is_kept,
    },
    Case {
        id: "event-time-is-the-clocks",
        citation: Citation::of(EVENT, "`None` means \"use the tracer's current clock\".").read_as(AGREES),
        check: event_time_is_the_clocks,
    },
];

/// The start of the year 2100: later than any clock reading.
const FUTURE: u64 = 4_102_444_800_000_000_000;

/// How far the tracer's clock may be from the system's. A tracer may read a counter that it relates
/// to the system's clock now and then, and the system's clock is slewed meanwhile.
const TOLERANCE: Duration = Duration::from_millis(25);

/// How far apart two calls are whose times must not be confused: more than two tolerances.
const APART: Duration = Duration::from_millis(60);

fn system_nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The times at which a call may have been made.
struct During {
    before: u64,
    after: u64,
}

impl During {
    fn of<T>(call: impl FnOnce() -> T) -> (Self, T) {
        let before = system_nanos();
        let result = call();
        (Self { before, after: system_nanos() }, result)
    }

    fn includes(&self, what: &str, seen: u64) -> Result<(), String> {
        let tolerance = TOLERANCE.as_nanos() as u64;
        let Self { before, after } = self;
        let times = before.saturating_sub(tolerance)..=after.saturating_add(tolerance);
        require(times.contains(&seen), || {
            format!("{what}: expected {before} to {after}, give or take {TOLERANCE:?}, seen {seen}")
        })
    }
}

fn start_time_override_is_kept(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let start = |(number, time): (usize, u64)| {
        let name = &*format!("span {number}");
        let span = probe.start(SpanStart { name, start_time_unix_nanos: Some(time), ..SpanStart::default() });
        probe.end(&span);
        (span, time)
    };
    let times = [0, 1, 1_234_567_890_123_456_789, FUTURE, i64::MAX as u64 + 1];
    let spans: Vec<_> = times.into_iter().enumerate().map(start).collect();
    let seen = probe.settled();
    for (span, time) in &spans {
        seen.judge(span, |found| expect("the start time", time, &found.start_unix_nanos))?;
    }
    Ok(())
}

fn start_time_is_the_clocks(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let (during, span) = During::of(|| probe.root("span"));
    sleep(APART);
    probe.end(&span);
    probe.settled().judge(&span, |found| during.includes("the start time", found.start_unix_nanos))
}

fn end_time_override_is_kept(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    // After the start, whatever the tracer's clock says.
    let times = [FUTURE, FUTURE + 1, i64::MAX as u64 + 1];
    let end = |(number, time): (usize, u64)| {
        let span = probe.root(&format!("span {number}"));
        probe.tracer.end_span(span.handle, Some(time));
        (span, time)
    };
    let spans: Vec<(Mark, u64)> = times.into_iter().enumerate().map(end).collect();
    let seen = probe.settled();
    for (span, time) in &spans {
        seen.judge(span, |found| expect("the end time", time, &found.end_unix_nanos))?;
    }
    Ok(())
}

fn end_time_is_the_clocks(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let span = probe.root("span");
    sleep(APART);
    let (during, ()) = During::of(|| probe.end(&span));
    sleep(APART);
    probe.settled().judge(&span, |found| during.includes("the end time", found.end_unix_nanos))
}

fn end_is_not_before_start(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let override_of = |name, start_time_unix_nanos, end| {
        let span = probe.start(SpanStart { name, start_time_unix_nanos, ..SpanStart::default() });
        probe.tracer.end_span(span.handle, end);
        span
    };
    let spans = [
        override_of("both given", Some(2_000), Some(1_000)),
        override_of("start in the future", Some(FUTURE), None),
        override_of("end in the past", None, Some(1_000)),
    ];
    let seen = probe.settled();
    for span in &spans {
        seen.judge(span, |found| {
            let (start, end) = (found.start_unix_nanos, found.end_unix_nanos);
            require(start <= end, || format!("expected an end not before the start at {start}, seen {end}"))
        })?;
    }
    Ok(())
}

fn event_time_override_is_kept(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let times = [0, 1, 1_234_567_890_123_456_789, FUTURE, i64::MAX as u64 + 1];
    let record = |(number, time): (usize, u64)| {
        let span = probe.root(&format!("span {number}"));
        probe.tracer.add_event(span.handle, SpanEvent { time_unix_nanos: Some(time), ..event("event") });
        probe.end(&span);
        (span, time)
    };
    let spans: Vec<_> = times.into_iter().enumerate().map(record).collect();
    let seen = probe.settled();
    for (span, time) in &spans {
        seen.judge(span, |found| match found.events.last() {
            Some(event) => expect("the event's time", time, &event.time_unix_nanos),
            // That events are recorded is another case's matter, here and below.
            None => Ok(()),
        })?;
    }
    Ok(())
}

fn event_time_is_the_clocks(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let span = probe.root("span");
    sleep(APART);
    let (during, ()) = During::of(|| probe.event(&span, "event"));
    sleep(APART);
    probe.end(&span);
    probe.settled().judge(&span, |found| match found.events.last() {
        Some(event) => during.includes("the event's time", event.time_unix_nanos),
        None => Ok(()),
    })
}
