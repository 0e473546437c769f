//! The exporter's contract: contexts that have ended, shutdowns, and what comes after them.

use std::thread;
use std::time::Duration;

use nanospan::export::{Context, ExportError, ExportErrorKind, SpanExporter};
use nanospan::otlp::{OtlpExporter, Protocol};

use crate::common::batches::batch;
use crate::common::collector::{Collector, Reply};
use crate::common::exporters::{PATIENCE, PROTOCOLS, builder, export, exporter};

fn patient() -> Context {
    Context::with_timeout(PATIENCE)
}

fn ended() -> [(Context, ExportErrorKind); 2] {
    let cancelled = Context::new();
    cancelled.cancellation().cancel();
    [
        (Context::with_timeout(Duration::ZERO), ExportErrorKind::DeadlineExceeded),
        (cancelled, ExportErrorKind::Cancelled),
    ]
}

type Call = fn(&OtlpExporter, &Context) -> Result<(), ExportError>;

const CALLS: [Call; 4] = [
    |exporter, context| exporter.export(context, &batch(0, 3)),
    |exporter, context| exporter.export(context, &batch(0, 0)),
    |exporter, context| exporter.force_flush(context),
    |exporter, context| exporter.shutdown(context),
];

#[test]
fn no_call_goes_on_after_the_end_of_its_context() {
    for protocol in PROTOCOLS {
        for call in CALLS {
            for (context, kind) in ended() {
                let collector = Collector::new([]);
                let exporter = exporter(protocol, &collector.url());
                assert_eq!(call(&exporter, &context).unwrap_err().kind(), kind);
                assert_eq!(collector.asked().len(), 0);
            }
        }
    }
}

#[test]
fn every_call_after_the_shutdown_says_so_however_it_went() {
    for protocol in PROTOCOLS {
        for context in [patient(), Context::with_timeout(Duration::ZERO)] {
            let collector = Collector::new([]);
            let exporter = exporter(protocol, &collector.url());
            let _ = exporter.shutdown(&context);
            for call in CALLS {
                assert_eq!(
                    call(&exporter, &patient()).unwrap_err().kind(),
                    ExportErrorKind::ExporterShutdown
                );
            }
            assert_eq!(collector.asked().len(), 0);
        }
    }
}

#[test]
fn one_of_many_shutdowns_at_once_succeeds() {
    for protocol in PROTOCOLS {
        let collector = Collector::new([]);
        let exporter = exporter(protocol, &collector.url());
        export(&exporter, 3).unwrap();
        let results: Vec<_> = thread::scope(|scope| {
            let calls: Vec<_> = (0..20).map(|_| scope.spawn(|| exporter.shutdown(&patient()))).collect();
            calls.into_iter().map(|call| call.join().unwrap()).collect()
        });
        let (done, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        assert_eq!((done.len(), refused.len()), (1, 19));
        assert!(
            refused.into_iter().all(|error| error.unwrap_err().kind() == ExportErrorKind::ExporterShutdown)
        );
    }
}

#[test]
fn a_shutdown_waits_for_the_export_under_way() {
    for protocol in PROTOCOLS {
        let reply = if protocol == Protocol::Grpc { Reply::grpc(0, "") } else { Reply::status(200) };
        let collector = Collector::new([reply.late(Duration::from_millis(200))]);
        let exporter = exporter(protocol, &collector.url());
        thread::scope(|scope| {
            let export = scope.spawn(|| export(&exporter, 3));
            collector.wait_for(1);
            exporter.shutdown(&patient()).unwrap();
            export.join().unwrap().unwrap();
        });
    }
}

#[test]
fn a_shutdown_that_is_cancelled_calls_the_export_off() {
    for protocol in PROTOCOLS {
        let collector = Collector::new([Reply::Never]);
        let exporter = builder(protocol, &collector.url()).timeout(Duration::ZERO).build().unwrap();
        let context = Context::new();
        let cancellation = context.cancellation();
        thread::scope(|scope| {
            let export = scope.spawn(|| exporter.export(&Context::new(), &batch(0, 3)).unwrap_err());
            collector.wait_for(1);
            let shutdown = scope.spawn(|| exporter.shutdown(&context).unwrap_err());
            cancellation.cancel();
            assert_eq!(shutdown.join().unwrap().kind(), ExportErrorKind::Cancelled);
            assert_eq!(export.join().unwrap().kind(), ExportErrorKind::Cancelled);
        });
    }
}

#[test]
fn a_shutdown_may_come_at_any_time_during_exports() {
    for protocol in PROTOCOLS {
        let collector = Collector::new([]);
        let exporter = exporter(protocol, &collector.url());
        let (delivered, error) = thread::scope(|scope| {
            let exports = scope.spawn(|| {
                let mut delivered = 0;
                loop {
                    match exporter.export(&patient(), &batch(delivered, 3)) {
                        Ok(()) => delivered += 1,
                        Err(error) => return (delivered, error),
                    }
                }
            });
            collector.wait_for(5);
            exporter.shutdown(&patient()).unwrap();
            exports.join().unwrap()
        });
        assert_eq!(error.kind(), ExportErrorKind::ExporterShutdown);
        assert_eq!(collector.asked().len() as u64, delivered);
    }
}

#[test]
fn exporters_come_and_go() {
    for protocol in PROTOCOLS {
        let collector = Collector::new([]);
        for _ in 0..10 {
            let exporter = exporter(protocol, &collector.url());
            export(&exporter, 1).unwrap();
            exporter.shutdown(&patient()).unwrap();
        }
        assert_eq!(collector.asked().len(), 10);
    }
}

#[test]
fn a_flush_has_nothing_to_wait_for() {
    for protocol in PROTOCOLS {
        let collector = Collector::new([]);
        let exporter = exporter(protocol, &collector.url());
        export(&exporter, 3).unwrap();
        exporter.force_flush(&patient()).unwrap();
        assert_eq!(collector.asked().len(), 1);
    }
}

#[test]
fn batches_are_not_mixed_when_exports_overlap() {
    for protocol in PROTOCOLS {
        let collector = Collector::new([]);
        let exporter = exporter(protocol, &collector.url());
        thread::scope(|scope| {
            for sequence in 0..8 {
                let exporter = &exporter;
                scope.spawn(move || exporter.export(&patient(), &batch(sequence, 20)).unwrap());
            }
        });
        let mut contents: Vec<_> = collector.asked().iter().map(|asked| asked.content()).collect();
        contents.sort();
        contents.dedup();
        assert_eq!(contents.len(), 8);
    }
}
