//! Each wait that an export goes through on its way, and the three ways to end it: a deadline, a
//! cancellation, and a shutdown that has no time. A wait that does not end would hang the test.
//!
//! The resolver's is staged in the client's own tests, which have one that hangs; the one between two
//! attempts, in `retries`.

use std::any::Any;
use std::thread;
use std::time::{Duration, Instant};

use nanospan::batch::{Batch, BatchBuilder, SpanHead};
use nanospan::export::{Context, ExportErrorKind, SpanExporter};
use nanospan::otlp::{OtlpExporter, OtlpExporterBuilder, Protocol, Proxy, RetryPolicy};
use nanospan::{SpanKind, Text};

use crate::common::batches::batch;
use crate::common::black_hole::{BlackHole, Dropping};
use crate::common::collector::{Collector, Reply};
use crate::common::exporters::{PATIENCE, PROTOCOLS, builder};
use crate::common::proxy::TestProxy;

/// An exporter that will come to a wait and not beyond it.
struct Stage {
    exporter: OtlpExporter,
    batch: Batch,
    /// Whether the wait has begun, or is about to.
    is_reached: Box<dyn Fn(&OtlpExporter) -> bool + Sync>,
    /// What keeps the exporter waiting.
    _peers: Box<dyn Any>,
}

impl Stage {
    /// One at which nothing but its context ends an export of `builder`'s exporter.
    fn of<T: Any>(
        builder: OtlpExporterBuilder,
        is_reached: impl Fn(&OtlpExporter) -> bool + Sync + 'static,
        peers: T,
    ) -> Self {
        let exporter = builder.timeout(Duration::ZERO).retry(RetryPolicy::disabled()).build().unwrap();
        Self { exporter, batch: batch(0, 10), is_reached: Box::new(is_reached), _peers: Box::new(peers) }
    }

    fn is_reached(&self) -> bool {
        (self.is_reached)(&self.exporter)
    }

    /// How an export ends that may take this long, and whether it had come to the wait by then.
    fn after(&self, time: Duration) -> (ExportErrorKind, bool) {
        let error = self.exporter.export(&Context::with_timeout(time), &self.batch).unwrap_err();
        (error.kind(), self.is_reached())
    }

    /// How an export ends that is at the wait when `end` comes, which is given the export's context.
    fn beside(&self, end: impl FnOnce(&Context)) -> ExportErrorKind {
        let (context, batch, exporter) = (Context::new(), &self.batch, &self.exporter);
        thread::scope(|scope| {
            let export = scope.spawn(|| exporter.export(&context, batch).unwrap_err());
            let begun = Instant::now();
            while !self.is_reached() {
                assert!(begun.elapsed() < PATIENCE, "the wait is never reached");
                thread::sleep(Duration::from_millis(1));
            }
            end(&context);
            export.join().unwrap().kind()
        })
    }
}

fn assert_can_be_left(stage: impl Fn(Protocol) -> Stage) {
    for protocol in PROTOCOLS {
        // As often as it takes for the wait to be reached in time.
        let mut time = Duration::from_millis(20);
        loop {
            let (kind, is_reached) = stage(protocol).after(time);
            assert_eq!(kind, ExportErrorKind::DeadlineExceeded, "{protocol:?}");
            if is_reached {
                break;
            }
            time *= 2;
            assert!(time < PATIENCE, "{protocol:?}: the wait is never reached");
        }
        let kind = stage(protocol).beside(|context| context.cancellation().cancel());
        assert_eq!(kind, ExportErrorKind::Cancelled, "{protocol:?}");
        let stage = stage(protocol);
        let kind = stage.beside(|_| {
            let error = stage.exporter.shutdown(&Context::with_timeout(Duration::ZERO)).unwrap_err();
            assert_eq!(error.kind(), ExportErrorKind::DeadlineExceeded);
        });
        assert_eq!(kind, ExportErrorKind::Cancelled, "{protocol:?}");
    }
}

#[test]
fn the_wait_for_a_connection_can_be_left() {
    assert_can_be_left(|protocol| {
        let dropping = Dropping::new();
        let builder = builder(protocol, &format!("http://{}", dropping.address));
        Stage::of(builder, |exporter| exporter.stats().requests == 1, dropping)
    });
}

#[test]
fn the_wait_for_tls_can_be_left() {
    assert_can_be_left(|protocol| {
        let hole = BlackHole::new();
        let seen = hole.counter();
        Stage::of(builder(protocol, &format!("https://{}", hole.address)), move |_| seen() == 1, hole)
    });
}

#[test]
fn the_wait_for_a_tunnel_through_a_proxy_can_be_left() {
    assert_can_be_left(|protocol| {
        let hole = BlackHole::new();
        let seen = hole.counter();
        let builder = builder(protocol, "https://collector.invalid").proxy(Proxy::Url(hole.url()));
        Stage::of(builder, move |_| seen() == 1, hole)
    });
}

#[test]
fn the_wait_for_tls_with_a_proxy_can_be_left() {
    assert_can_be_left(|protocol| {
        let hole = BlackHole::new();
        let seen = hole.counter();
        let proxy = Proxy::Url(format!("https://{}", hole.address));
        Stage::of(builder(protocol, "https://collector.invalid").proxy(proxy), move |_| seen() == 1, hole)
    });
}

#[test]
fn the_wait_for_tls_inside_a_tunnel_can_be_left() {
    assert_can_be_left(|protocol| {
        let (proxy, hole) = (TestProxy::new(), BlackHole::new());
        let seen = hole.counter();
        let builder = builder(protocol, &format!("https://{}", hole.address));
        let builder = builder.proxy(Proxy::Url(format!("http://{}", proxy.address)));
        Stage::of(builder, move |_| seen() == 1, (proxy, hole))
    });
}

/// A span of more bytes than a socket's buffers hold.
fn large() -> Batch {
    let mut builder = BatchBuilder::new(&[], 7);
    builder.begin_span(&SpanHead {
        trace_id: 1,
        span_id: 1,
        parent_span_id: 0,
        start_unix_nanos: 1,
        end_unix_nanos: 2,
        name: Text::Copied(&"x".repeat(16 << 20)),
        kind: SpanKind::Internal,
        flags: 1,
    });
    builder.end_span();
    builder.finish(0, 1).unwrap()
}

#[test]
fn the_wait_for_room_to_send_can_be_left() {
    assert_can_be_left(|protocol| {
        let hole = BlackHole::new();
        let seen = hole.counter();
        let stage = Stage::of(builder(protocol, &hole.url()), move |_| seen() == 1, hole);
        Stage { batch: large(), ..stage }
    });
}

/// A collector that has been asked, and says no more than this.
fn at_the_answer(protocol: Protocol, reply: Reply) -> Stage {
    let collector = Collector::new([reply]);
    let asked = collector.counter();
    Stage::of(builder(protocol, &collector.url()), move |_| asked() == 1, collector)
}

#[test]
fn the_wait_for_an_answer_can_be_left() {
    assert_can_be_left(|protocol| at_the_answer(protocol, Reply::Never));
}

#[test]
fn the_wait_for_the_rest_of_an_answer_can_be_left() {
    assert_can_be_left(|protocol| at_the_answer(protocol, Reply::Unfinished));
}
