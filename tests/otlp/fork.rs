//! A forked child, which has the exporter but not its thread.

use nanospan::export::{Context, ExportErrorKind, SpanExporter};
use nanospan::metrics::MetricExporter;

use crate::common::batches::batch;
use crate::common::collector::{Collector, Reply};
use crate::common::exporters::{PATIENCE, PROTOCOLS, export, exporter};
use crate::common::metrics::{metric_builder, metrics};
use crate::forked::{check, in_child};

#[test]
fn a_forked_child_is_refused_and_the_parent_goes_on() {
    for protocol in PROTOCOLS {
        let collector = Collector::new([]);
        let exporter = exporter(protocol, &collector.url());
        // So that there is a connection to be dropped.
        export(&exporter, 3).unwrap();
        let code = in_child(|| {
            let context = Context::with_timeout(PATIENCE);
            let is_refused = |result: Result<(), nanospan::export::ExportError>| {
                result.is_err_and(|error| error.kind() == ExportErrorKind::Forked)
            };
            check(1, is_refused(exporter.export(&context, &batch(0, 3))))?;
            check(2, is_refused(exporter.force_flush(&context)))?;
            check(3, is_refused(exporter.shutdown(&context)))?;
            // SAFETY: the copy is the child's own, and the parent's is not touched: this process ends
            // without dropping the original.
            #[allow(unsafe_code, reason = "the child drops what the parent goes on with")]
            drop(unsafe { std::ptr::read(&exporter) });
            Ok(())
        });
        assert_eq!(code, 0, "the check of this number failed in the child");
        export(&exporter, 3).unwrap();
        exporter.shutdown(&Context::with_timeout(PATIENCE)).unwrap();
        assert!(collector.asked().iter().all(|asked| asked.connection == 0));
    }
}

#[test]
fn a_forked_child_sends_no_metrics_and_the_parent_goes_on() {
    for protocol in PROTOCOLS {
        let collector = Collector::new([]);
        let exporter = metric_builder(protocol, &collector.url()).build().unwrap();
        let context = Context::with_timeout(PATIENCE);
        let metrics = metrics(3);
        exporter.export(&context, &metrics).unwrap();
        let code = in_child(|| {
            let is_refused = |result: Result<(), nanospan::export::ExportError>| {
                result.is_err_and(|error| error.kind() == ExportErrorKind::Forked)
            };
            check(1, is_refused(exporter.export(&context, &metrics)))?;
            check(2, is_refused(exporter.force_flush(&context)))?;
            check(3, is_refused(exporter.shutdown(&context)))
        });
        assert_eq!(code, 0, "the check of this number failed in the child");
        exporter.export(&context, &metrics).unwrap();
        exporter.shutdown(&context).unwrap();
        assert_eq!(collector.asked().len(), 2);
    }
}

#[test]
fn a_child_that_is_forked_amid_an_upload_does_not_wait_for_its_end() {
    let collector = Collector::new([Reply::Never]);
    let exporter = metric_builder(PROTOCOLS[0], &collector.url()).build().unwrap();
    let metrics = metrics(3);
    let upload = Context::with_timeout(PATIENCE);
    let code = std::thread::scope(|scope| {
        scope.spawn(|| exporter.export(&upload, &metrics));
        collector.wait_for(1);
        let code = in_child(|| {
            // Without a deadline: the upload, which is the parent's, comes to no end in the child.
            let is_refused = |result: Result<(), nanospan::export::ExportError>| {
                result.is_err_and(|error| error.kind() == ExportErrorKind::Forked)
            };
            check(1, is_refused(exporter.export(&Context::new(), &metrics)))?;
            check(2, is_refused(exporter.force_flush(&Context::new())))?;
            check(3, is_refused(exporter.shutdown(&Context::new())))
        });
        upload.cancellation().cancel();
        code
    });
    assert_eq!(code, 0, "the check of this number failed in the child");
}
