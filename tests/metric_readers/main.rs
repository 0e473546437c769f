//! What readers of metrics promise, with producers and exporters that do as they are told.

#[path = "../common/mod.rs"]
mod common;
#[cfg(unix)]
#[path = "../common/forked.rs"]
mod forked;
mod manual;
mod periodic;

use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use nanospan::export::{Context, ExportError, ExportErrorKind};
use nanospan::metrics::data::{List, Number, ResourceMetrics, ScopeMetrics, Temporality};
use nanospan::metrics::{Aggregation, Collection, InstrumentKind, MetricExporter, MetricProducer};

/// Produces one sum a collection: how many there have been.
#[derive(Default)]
struct Counting {
    so_far: i64,
}

impl MetricProducer for Counting {
    fn produce(
        &mut self,
        collection: &Collection<'_>,
        into: &mut List<ScopeMetrics>,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        self.so_far += 1;
        let scope = into.push();
        scope.scope.name = "counting".into();
        let metric = scope.metrics.push();
        metric.name = "collections".into();
        let sum = metric.data.sum();
        sum.temporality = collection.temporality(InstrumentKind::Counter);
        let point = sum.points.push();
        point.attributes.add("by", "counting");
        point.time = collection.time();
        point.value = Some(self.so_far.into());
        Ok(())
    }
}

/// A producer that is a function.
struct By<F>(F);

impl<F> MetricProducer for By<F>
where
    F: FnMut(&Collection<'_>, &mut List<ScopeMetrics>) -> Result<(), Box<dyn Error + Send + Sync>> + Send,
{
    fn produce(
        &mut self,
        collection: &Collection<'_>,
        into: &mut List<ScopeMetrics>,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        (self.0)(collection, into)
    }
}

/// Waits for its context to end, as a producer does that asks somebody who does not answer.
fn hanging() -> impl MetricProducer {
    By(|collection: &Collection<'_>, _: &mut List<ScopeMetrics>| {
        collection.context().wait(std::time::Duration::MAX).map_err(Into::into)
    })
}

/// The value of the only point of the first metric.
fn value(metrics: &ResourceMetrics) -> Option<Number> {
    let nanospan::metrics::data::Data::Sum(sum) = &metrics.scopes[0].metrics[0].data else {
        panic!("a sum, not {metrics:?}")
    };
    sum.points[0].value
}

/// Writes down what it is asked, and can be told to fail or to hang.
#[derive(Default)]
struct Recorder {
    calls: Mutex<Vec<Call>>,
    called: Condvar,
    running: AtomicU32,
    overlaps: AtomicU64,
    /// What the next export does.
    next: Mutex<Option<Deed>>,
    /// Whether flushes and the shutdown fail.
    fails_to_end: AtomicBool,
}

#[derive(Debug, Clone, PartialEq)]
enum Call {
    Export(ResourceMetrics),
    ForceFlush,
    Shutdown,
}

#[derive(Debug, Clone, Copy)]
enum Deed {
    /// Fails, with so many points lost, or all.
    Fail(Option<u32>),
    /// Waits until its context ends.
    Hang,
    Panic,
}

impl Recorder {
    fn new() -> Arc<Self> {
        Arc::default()
    }

    fn will(&self, deed: Deed) {
        *self.next.lock().unwrap() = Some(deed);
    }

    fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    fn exported(&self) -> Vec<ResourceMetrics> {
        let calls = self.calls().into_iter();
        calls.filter_map(|call| if let Call::Export(metrics) = call { Some(metrics) } else { None }).collect()
    }

    /// Waits until it has been called so many times.
    fn wait_for_calls(&self, count: usize) {
        let mut calls = self.calls.lock().unwrap();
        while calls.len() < count {
            calls = self.called.wait(calls).unwrap();
        }
    }

    /// Waits until an export hangs as it was told to.
    fn wait_for_the_hang(&self) {
        let mut calls = self.calls.lock().unwrap();
        while self.next.lock().unwrap().is_some() {
            calls = self.called.wait(calls).unwrap();
        }
    }

    fn end(&self, context: &Context, failure: &str) -> Result<(), ExportError> {
        match self.fails_to_end.load(Ordering::SeqCst) {
            true => Err(ExportError::new(ExportErrorKind::Io, failure)),
            false => Ok(context.check()?),
        }
    }

    fn called(&self, call: Call) {
        self.calls.lock().unwrap().push(call);
        self.called.notify_all();
    }
}

impl MetricExporter for Recorder {
    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        if kind == InstrumentKind::Counter { Temporality::Delta } else { Temporality::Cumulative }
    }

    fn aggregation(&self, kind: InstrumentKind) -> Aggregation {
        if kind == InstrumentKind::Histogram { Aggregation::Drop } else { Aggregation::Default }
    }

    fn export(&self, context: &Context, metrics: &ResourceMetrics) -> Result<(), ExportError> {
        if self.running.fetch_add(1, Ordering::SeqCst) > 0 {
            self.overlaps.fetch_add(1, Ordering::SeqCst);
        }
        let deed = self.next.lock().unwrap().take();
        self.called(Call::Export(metrics.clone()));
        let result = match deed {
            None => context.check().map_err(ExportError::from),
            Some(Deed::Hang) => context.wait(std::time::Duration::MAX).map_err(ExportError::from),
            Some(Deed::Fail(lost)) => {
                let error = ExportError::new(ExportErrorKind::Io, "told to fail");
                Err(lost.map_or(error, |lost| {
                    ExportError::new(ExportErrorKind::Io, "told to fail").with_lost_data_points(lost)
                }))
            }
            Some(Deed::Panic) => {
                self.running.fetch_sub(1, Ordering::SeqCst);
                panic!("told to")
            }
        };
        self.running.fetch_sub(1, Ordering::SeqCst);
        result
    }

    fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        self.called(Call::ForceFlush);
        self.end(context, "told to fail in the flush")
    }

    fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        self.called(Call::Shutdown);
        self.end(context, "told to fail in the shutdown")
    }
}
