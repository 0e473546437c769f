//! Writers that do not simply take everything.

use std::collections::HashSet;
use std::io::{self, ErrorKind, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;

use nanospan::plugin::bext_plugin_api::tracer::TracerPlugin;
use nanospan::plugin::{StdoutFormat, StdoutTracer};

use crate::support::{By, PATIENCE, Sink, event, failure, json_builder, names, record, start};

/// A trace of two spans with an event, and another trace.
fn record_three(tracer: &StdoutTracer) {
    let root = tracer.start_span(start("root", None));
    let child = tracer.start_span(start("child", Some(root)));
    tracer.add_event(child, event("événement", 1_000_001, &[]));
    tracer.end_span(child, Some(1_000_500));
    tracer.end_span(root, Some(1_000_900));
    record(tracer, &["other"]);
}

/// What a writer that takes everything gets of [`record_three`].
fn undisturbed(format: StdoutFormat) -> Vec<u8> {
    let sink = Sink::default();
    let tracer = json_builder().format(format).writer(sink.clone(), "a sink").build();
    record_three(&tracer);
    tracer.flush().expect("the sink takes all");
    sink.take()
}

fn full() -> io::Error {
    io::Error::new(ErrorKind::StorageFull, "no space")
}

#[test]
fn a_flush_goes_on_at_whichever_byte_the_last_one_stopped() {
    for format in [StdoutFormat::Human, StdoutFormat::Json] {
        let text = undisturbed(format);
        for stop in 0..text.len() {
            let sink = Sink::default();
            let mut room = Some(stop);
            let mut into = sink.clone();
            let writer = By(move |bytes: &[u8]| match room {
                None => into.write(bytes),
                Some(0) => {
                    room = None;
                    Err(full())
                }
                Some(left) => {
                    let taken = into.write(&bytes[..bytes.len().min(left)])?;
                    room = Some(left - taken);
                    Ok(taken)
                }
            });
            let tracer = json_builder().format(format).writer(writer, "a disk").build();
            record_three(&tracer);
            let error = tracer.flush().expect_err("the disk is full");
            let stats = tracer.stats();
            assert!(stats.is_balanced() && stats.waiting > 0, "{stats:?}");
            let kept =
                if stats.waiting == 1 { "1 span is".into() } else { format!("{} spans are", stats.waiting) };
            let expected =
                format!("tracer-stdout: cannot write to a disk: no space; {kept} kept for the next flush");
            assert_eq!(error, expected);
            tracer.flush().expect("there is room again");
            assert_eq!(String::from_utf8_lossy(&sink.take()), String::from_utf8_lossy(&text), "stop {stop}");
            assert_eq!(tracer.stats().written, 3);
        }
    }
}

#[test]
fn a_writer_that_takes_little_is_interrupted_and_fails_gets_every_byte_once() {
    let sink = Sink::default();
    let into = sink.clone();
    let mut call = 0_usize;
    let writer = By(move |bytes: &[u8]| {
        call += 1;
        match call % 7 {
            0 => Err(full()),
            2 | 3 => Err(ErrorKind::Interrupted.into()),
            n => {
                let taken = bytes.len().min(n);
                into.push(&bytes[..taken]);
                Ok(taken)
            }
        }
    });
    let tracer = json_builder().writer(writer, "a disk").build();
    let recorded: Vec<String> = (0..50).map(|n| format!("span {n}")).collect();
    let mut failures = 0;
    for name in &recorded {
        record(&tracer, &[name]);
        failures += usize::from(tracer.flush().is_err());
    }
    // Each flush writes a byte at least.
    for _ in 0..100_000 {
        if tracer.stats().waiting == 0 {
            break;
        }
        failures += usize::from(tracer.flush().is_err());
    }
    assert!(failures > 50, "{failures} failures");
    assert_eq!(names(&sink.take_spans()), recorded);
    assert!(tracer.stats().is_balanced());
}

#[test]
fn spans_that_end_while_the_writer_fails_wait_behind_those_that_could_not_be_written() {
    let sink = Sink::default();
    let works = Arc::new(AtomicBool::new(false));
    let (into, may_work) = (sink.clone(), Arc::clone(&works));
    let writer = By(move |bytes: &[u8]| match may_work.load(Ordering::SeqCst) {
        true => into.clone().write(bytes),
        false => Err(full()),
    });
    let tracer = json_builder().max_finished(2).writer(writer, "a disk").build();
    record(&tracer, &["a", "b"]);
    assert!(tracer.flush().is_err());
    record(&tracer, &["c", "d", "e"]);
    assert_eq!(
        failure(&tracer),
        "tracer-stdout: cannot write to a disk: no space; 4 spans are kept for the next flush; \
         the oldest 1 span was dropped because 2 waited"
    );
    for _ in 0..10 {
        record(&tracer, &["f", "g", "h"]);
        assert!(tracer.flush().is_err());
        assert_eq!(tracer.stats().waiting, 4, "two of them were rendered by the first flush");
    }
    works.store(true, Ordering::SeqCst);
    // The losses since the last error were said with it.
    assert_eq!(tracer.flush(), Ok(()));
    assert_eq!(names(&sink.take_spans()), ["a", "b", "g", "h"]);
    assert!(tracer.stats().is_balanced());
}

#[test]
fn an_interrupted_write_is_tried_again_by_the_same_flush() {
    let sink = Sink::default();
    let mut into = sink.clone();
    let mut interruptions = 3;
    let writer = By(move |bytes: &[u8]| match interruptions {
        0 => into.write(bytes),
        _ => {
            interruptions -= 1;
            Err(ErrorKind::Interrupted.into())
        }
    });
    let tracer = json_builder().writer(writer, "a sink").build();
    record(&tracer, &["a"]);
    assert_eq!(tracer.flush(), Ok(()));
    assert_eq!(names(&sink.take_spans()), ["a"]);
}

#[test]
fn a_writer_that_takes_no_byte_is_an_error() {
    let tracer = json_builder().writer(By(|_: &[u8]| Ok(0)), "a wall").build();
    record(&tracer, &["a"]);
    let error = tracer.flush().expect_err("nothing was taken");
    assert!(error.starts_with("tracer-stdout: cannot write to a wall: "), "{error}");
    assert_eq!(tracer.stats().waiting, 1);
}

#[cfg(unix)]
#[test]
fn a_broken_pipe_is_an_error_and_keeps_the_spans() {
    let (writer, reader) = std::os::unix::net::UnixStream::pair().expect("a pair of sockets");
    drop(reader);
    let tracer = StdoutTracer::builder().name("mine").writer(writer, "a pipe").build();
    record(&tracer, &["a", "b"]);
    for _ in 0..2 {
        let error = tracer.flush().expect_err("nobody reads");
        assert!(error.starts_with("mine: cannot write to a pipe: Broken pipe"), "{error}");
        assert!(error.ends_with("; 2 spans are kept for the next flush"), "{error}");
    }
}

/// Takes everything, and does not pass it on as often as it was told.
struct Unflushable(Sink, u32);

impl Write for Unflushable {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.1 == 0 {
            return Ok(());
        }
        self.1 -= 1;
        Err(full())
    }
}

#[test]
fn a_writer_that_cannot_pass_on_what_it_took_is_asked_again_and_given_nothing_twice() {
    let sink = Sink::default();
    let tracer = json_builder().writer(Unflushable(sink.clone(), 2), "a disk").build();
    record(&tracer, &["a"]);
    let told = |spans| {
        format!(
            "tracer-stdout: cannot flush a disk: no space; {spans} in its buffer, the next flush tries again"
        )
    };
    assert_eq!(failure(&tracer), told("1 span is"));
    record(&tracer, &["b"]);
    assert_eq!(failure(&tracer), told("2 spans are"));
    assert_eq!(tracer.flush(), Ok(()));
    assert_eq!(names(&sink.take_spans()), ["a", "b"]);
}

#[test]
fn a_writer_that_panics_leaves_a_tracer_that_works() {
    let sink = Sink::default();
    let into = sink.clone();
    let mut panics = true;
    let writer = By(move |bytes: &[u8]| {
        assert!(!std::mem::take(&mut panics), "the writer's own defect");
        into.clone().write(bytes)
    });
    let tracer = json_builder().writer(writer, "a sink").build();
    record(&tracer, &["a"]);
    assert!(catch_unwind(AssertUnwindSafe(|| tracer.flush())).is_err());
    record(&tracer, &["b"]);
    assert_eq!(tracer.flush(), Ok(()));
    assert_eq!(names(&sink.take_spans()), ["a", "b"]);
    assert!(tracer.stats().is_balanced());
}

#[test]
fn recording_goes_on_while_the_writer_blocks() {
    let sink = Sink::default();
    let into = sink.clone();
    let (is_blocked, blocked) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let writer = By(move |bytes: &[u8]| {
        // Later calls find both ends gone and go through.
        let _ = is_blocked.send(());
        let _ = released.recv();
        into.clone().write(bytes)
    });
    let tracer = Arc::new(json_builder().writer(writer, "a terminal").build());
    record(&*tracer, &["a"]);
    let flushing = Arc::clone(&tracer);
    let flush = thread::spawn(move || flushing.flush());
    blocked.recv_timeout(PATIENCE).expect("the writer is called");

    let recording = Arc::clone(&tracer);
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        record(&*recording, &["b", "c"]);
        let live = recording.start_span(start("live", None));
        recording.set_attribute(live, "key", true.into());
        let _ = done.send(recording.stats());
    });
    let stats = is_done.recv_timeout(PATIENCE).expect("recording does not wait for the writer");
    assert_eq!((stats.live, stats.waiting, stats.written), (1, 3, 0));
    assert!(stats.is_balanced());

    drop(release);
    assert_eq!(flush.join().expect("the flush does not panic"), Ok(()));
    assert_eq!(tracer.flush(), Ok(()));
    assert_eq!(names(&sink.take_spans()), ["a", "b", "c"]);
}

#[test]
fn a_writer_may_record_on_the_tracer_that_writes_to_it() {
    let own: Arc<OnceLock<Arc<StdoutTracer>>> = Arc::default();
    let (sink, tracer) = (Sink::default(), Arc::clone(&own));
    let into = sink.clone();
    let writer = By(move |bytes: &[u8]| {
        let tracer = tracer.get().expect("it was set before the first flush");
        if tracer.stats().started < 2 {
            record(&**tracer, &["written"]);
        }
        into.clone().write(bytes)
    });
    let tracer = own.get_or_init(|| Arc::new(json_builder().writer(writer, "a sink").build()));
    record(&**tracer, &["a"]);
    tracer.flush().expect("the sink takes all");
    assert_eq!(names(&sink.take_spans()), ["a"]);
    tracer.flush().expect("the sink takes all");
    assert_eq!(names(&sink.take_spans()), ["written"]);
}

#[test]
fn threads_that_record_and_flush_at_once_write_every_span_once_and_one_at_a_time() {
    const THREADS: usize = 4;
    const TRACES: usize = 500;
    let sink = Sink::default();
    let into = sink.clone();
    let busy = AtomicBool::new(false);
    let writer = By(move |bytes: &[u8]| {
        if busy.swap(true, Ordering::SeqCst) {
            return Err(io::Error::other("two flushes write at once"));
        }
        // In small pieces, so that another flush would find a gap.
        let taken = into.clone().write(&bytes[..bytes.len().min(100)]);
        thread::yield_now();
        busy.store(false, Ordering::SeqCst);
        taken
    });
    let tracer = json_builder().writer(writer, "a sink").build();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for trace in 0..TRACES {
                    let root = tracer.start_span(start("root", None));
                    let child = tracer.start_span(start("child", Some(root)));
                    tracer.set_attribute(root, "trace", (trace as i64).into());
                    tracer.end_span(child, None);
                    tracer.end_span(root, None);
                    if trace % 10 == 0 {
                        tracer.flush().expect("the sink takes all");
                    }
                }
            });
        }
    });
    tracer.flush().expect("the sink takes all");
    let spans = sink.take_spans();
    assert_eq!(spans.len(), 2 * THREADS * TRACES);
    let handles: HashSet<_> = spans.iter().map(|span| span.handle()).collect();
    assert_eq!(handles.len(), spans.len());
    let traces: HashSet<_> = spans.iter().map(|span| span.trace_id).collect();
    assert_eq!(traces.len(), spans.len() / 2);
    for span in &spans {
        assert_eq!(span.name == "root", span.attribute("trace").is_some());
    }
    let stats = tracer.stats();
    assert_eq!((stats.live, stats.waiting, stats.written), (0, 0, spans.len() as u64));
    assert!(stats.is_balanced());
}
