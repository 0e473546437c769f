//! A reader that collects and exports each interval.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use super::MetricProducer;
use super::collector::{Collector, Wanted, reader_shut_down};
use super::counters::{Counters, Delivery, count, read};
use super::worker::{Call, Order, Worker};
use crate::export::gone::Gone;
use crate::export::owner::Owner;
use crate::export::{Cancellation, Component, Context, ExportError, ExportErrorKind};
use crate::metrics::MetricExporter;
use crate::metrics::data::Resource;
use crate::metrics::named::Named;

/// The defaults of OpenTelemetry's Metrics SDK, section "Periodic exporting MetricReader".
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// How often somebody who waits for another's shutdown looks whether it is done.
const PAUSE: Duration = Duration::from_millis(1);

/// How many readers there have been in the process.
static READERS: AtomicU64 = AtomicU64::new(0);

/// What is told of failures.
pub(super) type ErrorHandler = Arc<dyn Fn(&ExportError) + Send + Sync>;

/// Collects each interval, and exports what it has collected.
///
/// All of it is done by one thread of the reader's own, so no two exports come together, and whoever calls
/// leaves when its context ends, whatever the exporter does. Spans started on that thread are
/// [suppressed](crate::suppress_tracing).
///
/// Dropping the reader without a [`shutdown`](PeriodicReader::shutdown) has the thread do what a shutdown does, and
/// waits for nothing: what a process that ends at once had counted last is not exported then.
pub struct PeriodicReader {
    /// The process whose reader it is: a forked child has it too, but not its thread.
    owner: Owner,
    /// The thread, which cannot wait for itself.
    thread: ThreadId,
    /// There until it is dropped.
    orders: Option<Sender<Order>>,
    /// What the thread does of its own accord descends from it.
    work: Context,
    /// The flush that is under way.
    flushing: Arc<Mutex<Option<Cancellation>>>,
    /// Ends with the thread.
    done: Context,
    timeout: Option<Duration>,
    is_shut_down: AtomicBool,
    counters: Arc<Counters>,
    error_handler: ErrorHandler,
}

/// What a [`PeriodicReader`] has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PeriodicReaderStats {
    /// Collections that were begun.
    pub collections: u64,
    /// Collections whose time was over before the producers were done. Nothing of them was exported.
    pub failed_collections: u64,
    /// Data points that there were of such collections. What deltas among them said is lost; cumulative points say it
    /// again the next time.
    pub abandoned_data_points: u64,
    /// Data points that the exporter took.
    pub exported_data_points: u64,
    /// Data points that were collected, and that the exporter could not deliver.
    pub lost_data_points: u64,
    /// Panics in producers, the exporter and the error handler that were caught; the reader went on.
    pub panics: u64,
}

impl PeriodicReader {
    /// A reader without producers that exports to `exporter` every 60 seconds, to be changed.
    pub fn builder(exporter: impl MetricExporter + 'static) -> PeriodicReaderBuilder {
        PeriodicReaderBuilder {
            exporter: Arc::new(exporter),
            collector: Collector::default(),
            interval: DEFAULT_INTERVAL,
            timeout: DEFAULT_TIMEOUT,
            error_handler: Arc::new(|error| eprintln!("nanospan: {error}")),
        }
    }

    /// Collects, exports, and has the exporter complete what it has unfinished. The next interval begins then.
    ///
    /// A context without a deadline gets the reader's timeout.
    ///
    /// # Errors
    ///
    /// - [`ReaderShutdown`](ExportErrorKind::ReaderShutdown) after the shutdown, [`Forked`](ExportErrorKind::Forked)
    ///   in a forked child.
    /// - [`DeadlineExceeded`](ExportErrorKind::DeadlineExceeded) and [`Cancelled`](ExportErrorKind::Cancelled), the
    ///   latter also when a shutdown has called the flush off. What the flush had begun is called off, as far as the
    ///   exporter lets it; what the thread was at before goes on as long as it may.
    /// - [`Other`](ExportErrorKind::Other) if a producer, the exporter or the error handler calls, on the reader's
    ///   thread: it would wait for itself.
    /// - The exporter's error, the one of `export` before that of `force_flush`. A producer's failure is told to the
    ///   error handler, and so is an error of `export` with which no point is lost.
    pub fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        self.refuse_in_child()?;
        if self.is_shut_down.load(Ordering::Relaxed) {
            return Err(reader_shut_down());
        }
        if self.is_own_thread() {
            return Err(own_thread());
        }
        self.order(context, Order::Flush).wait()
    }

    /// Collects and exports for the last time, and shuts the exporter down.
    ///
    /// A context without a deadline gets the reader's timeout. When it ends first, the rest is called off, and whatever
    /// the thread was at before.
    ///
    /// # Errors
    ///
    /// Those of [`force_flush`](PeriodicReader::force_flush), the one of `export` before that of `shutdown`. The reader
    /// is shut down all the same; where it is called on the reader's own thread, when that has time for it.
    pub fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        let ordered = self.order_shutdown(context)?;
        self.end_shutdown(ordered)
    }

    /// Shuts all of them down at once, so that none has less time for another, for somebody who has no use for the
    /// errors: each one's error handler has its own. Only the first call does anything; others wait for it, as long
    /// as their context lets them.
    pub(crate) fn shut_all_down(readers: &[Self], context: &Context) {
        let ordered: Vec<_> = readers.iter().map(|reader| reader.order_shutdown(context)).collect();
        for (reader, ordered) in readers.iter().zip(ordered) {
            match ordered.map(|ordered| reader.end_shutdown(ordered)) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => reader.tell(&error),
                Err(refused) if refused.kind() == ExportErrorKind::ReaderShutdown => {
                    reader.wait_until_done(context);
                }
                // A forked child has no thread to wait for.
                Err(_) => {}
            }
        }
    }

    /// Waits until the thread has ended, but no longer than `context` lets it.
    fn wait_until_done(&self, context: &Context) {
        if self.is_own_thread() {
            return;
        }
        while !self.done.is_cancelled() && context.wait(PAUSE).is_ok() {}
    }

    fn is_own_thread(&self) -> bool {
        thread::current().id() == self.thread
    }

    fn tell(&self, error: &ExportError) {
        // As on the thread: a handler that panics is no matter of whoever shuts down.
        if catch_unwind(AssertUnwindSafe(|| (self.error_handler)(error))).is_err() {
            count(&self.counters.panics, 1);
        }
    }

    /// Only the first succeeds.
    fn order_shutdown(&self, context: &Context) -> Result<Ordered, ExportError> {
        self.refuse_in_child()?;
        // Relaxed: the swap alone decides who does it.
        if self.is_shut_down.swap(true, Ordering::Relaxed) {
            return Err(reader_shut_down());
        }
        Ok(self.order(context, Order::Shutdown))
    }

    fn end_shutdown(&self, ordered: Ordered) -> Result<(), ExportError> {
        if self.is_own_thread() {
            return Err(own_thread());
        }
        let result = ordered.wait();
        // Nobody waits any more for what is still under way. The thread looks in the opposite order.
        self.work.cancellation().cancel();
        let flushing = self.flushing.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(flushing) = flushing {
            flushing.cancel();
        }
        result
    }

    /// What the reader has done so far. It may be asked at any time, also after the shutdown.
    #[must_use]
    pub fn stats(&self) -> PeriodicReaderStats {
        let Counters {
            collections,
            failed_collections,
            abandoned_data_points,
            exported_data_points,
            lost_data_points,
            panics,
            ..
        } = &*self.counters;
        PeriodicReaderStats {
            collections: read(collections),
            failed_collections: read(failed_collections),
            abandoned_data_points: read(abandoned_data_points),
            exported_data_points: read(exported_data_points),
            lost_data_points: read(lost_data_points),
            panics: read(panics),
        }
    }

    /// Gives the thread an order.
    fn order(&self, context: &Context, order: impl FnOnce(Call) -> Order) -> Ordered {
        let context = match (context.deadline(), self.timeout) {
            (None, Some(timeout)) => context.child_with_timeout(timeout),
            _ => context.child(),
        };
        let (done, gone) = Gone::pair(&context);
        let outcome = Arc::new(Mutex::new(None));
        let call = Call { context: context.clone(), outcome: Arc::clone(&outcome), _gone: gone };
        // If nobody listens, the order is dropped, and with it `gone`.
        if let Some(orders) = &self.orders {
            let _ = orders.send(order(call));
        }
        Ordered { context, done, outcome }
    }

    /// Before anything is waited for: the thread is the parent's.
    fn refuse_in_child(&self) -> Result<(), ExportError> {
        self.owner.refuse_in_child("metric reader")
    }
}

fn own_thread() -> ExportError {
    let message = "the metric reader was called on its own thread, which cannot wait for itself";
    ExportError::new(ExportErrorKind::Other, message)
}

impl Drop for PeriodicReader {
    fn drop(&mut self) {
        if !self.owner.is_here() {
            // A forked child may have been forked while the thread, which it does not have, held the channel's lock.
            std::mem::forget(self.orders.take());
        }
    }
}

/// An order that the thread was given.
struct Ordered {
    context: Context,
    done: Context,
    outcome: Arc<Mutex<Option<Result<(), ExportError>>>>,
}

impl Ordered {
    /// Waits until it is done, or the context ends.
    fn wait(self) -> Result<(), ExportError> {
        let Self { context, done, outcome } = self;
        let _ = done.wait(Duration::MAX);
        let result = outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (result, context.check()) {
            (Some(result), _) => result,
            (None, Err(over)) => Err(over.into()),
            // Of a flush that came together with a shutdown, the shutdown was first.
            (None, Ok(())) => Err(reader_shut_down()),
        }
    }
}

impl fmt::Debug for PeriodicReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeriodicReader").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

/// Sets up a [`PeriodicReader`]; made by [`PeriodicReader::builder`].
#[must_use = "a builder does nothing until it is built"]
pub struct PeriodicReaderBuilder {
    exporter: Arc<dyn MetricExporter>,
    collector: Collector,
    interval: Duration,
    timeout: Duration,
    error_handler: ErrorHandler,
}

impl PeriodicReaderBuilder {
    /// What the metrics are about; nothing by default.
    pub fn resource(mut self, resource: Resource) -> Self {
        self.collector.resource = resource;
        self
    }

    /// What the metrics are about, unless that was said already.
    pub(crate) fn of(mut self, resource: &Resource) -> Self {
        if self.collector.resource == Resource::default() {
            self.collector.resource = resource.clone();
        }
        self
    }

    /// Adds a producer. They are asked in the order in which they were added.
    pub fn producer(mut self, producer: impl MetricProducer + 'static) -> Self {
        self.collector.producers.push(Box::new(producer));
        self
    }

    /// The time between two collections; 60 seconds by default. One that is due while the one before runs is left
    /// out.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// How long a collection and its export may take together; 30 seconds by default, and zero is no limit.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// What is told of failures that no caller hears of; standard error by default.
    pub fn error_handler(mut self, handler: impl Fn(&ExportError) + Send + Sync + 'static) -> Self {
        self.error_handler = Arc::new(handler);
        self
    }

    /// Asks the exporter what it wants, once for each kind of instrument, and starts the thread.
    ///
    /// # Errors
    ///
    /// - [`InvalidConfig`](ExportErrorKind::InvalidConfig) if the interval is zero.
    /// - [`Io`](ExportErrorKind::Io) if the thread cannot be started.
    pub fn start(self) -> Result<PeriodicReader, ExportError> {
        let Self { exporter, mut collector, interval, timeout, error_handler } = self;
        if interval.is_zero() {
            let message = "interval: 0 is no time between two collections";
            return Err(ExportError::new(ExportErrorKind::InvalidConfig, message));
        }
        collector.wanted = Wanted::new(|kind| exporter.temporality(kind), |kind| exporter.aggregation(kind));
        let (orders, received) = channel();
        let counters = Arc::new(Counters::default());
        // Relaxed: only that each gets another.
        let number = READERS.fetch_add(1, Ordering::Relaxed);
        collector.delivery = Some(Delivery {
            reader: Named::new(Component::new("periodic_metric_reader"), number),
            exporter: Named::new(exporter.component(), number),
            counters: Arc::clone(&counters),
        });
        let work = Context::new();
        let (done, gone) = Gone::pair(&Context::new());
        let flushing = Arc::default();
        let timeout = (!timeout.is_zero()).then_some(timeout);
        let worker = Worker {
            exporter,
            collector,
            interval,
            timeout,
            error_handler: Arc::clone(&error_handler),
            counters: Arc::clone(&counters),
            work: work.clone(),
            flushing: Arc::clone(&flushing),
            gone,
            metrics: Default::default(),
        };
        let started = thread::Builder::new().name("nanospan-metrics".into()).spawn(|| worker.run(received));
        let thread = started.map_err(|error| {
            let message = "cannot start the thread of the metric reader";
            ExportError::new(ExportErrorKind::Io, message).with_source(error)
        })?;
        let thread = thread.thread().id();
        let (owner, is_shut_down) = (Owner::this_process(), AtomicBool::new(false));
        let orders = Some(orders);
        Ok(PeriodicReader {
            owner,
            thread,
            orders,
            work,
            flushing,
            done,
            timeout,
            is_shut_down,
            counters,
            error_handler,
        })
    }
}

impl fmt::Debug for PeriodicReaderBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeriodicReaderBuilder")
            .field("collector", &self.collector)
            .field("interval", &self.interval)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
