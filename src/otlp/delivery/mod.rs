//! What the exporters of all signals have in common: from something that can be encoded in parts to requests,
//! and from the answers to them to one result.

mod body;
mod outcome;

use std::fmt;
use std::mem;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::body::{Buffers, Fitted};
use self::outcome::Outcome;
use super::client::{self, Client};
use super::settings::{Compression, Protocol, Settings};
use super::signal::Signal;
use crate::export::{Component, Context, ExportError};

/// What is to be delivered: a batch, or a message of metrics.
pub(super) trait Source {
    /// How many parts it has, spans or metrics, none of which is cut.
    fn parts(&self) -> usize;

    /// How many items, spans or data points, the parts `range` are.
    fn items(&self, range: Range<usize>) -> u64;

    /// Puts a request with parts of `range`, from the first one on, that takes at most `limit` bytes into
    /// `into`, which is empty. Gives their number; 0 if there is no room for the first one alone.
    fn encode(&self, range: Range<usize>, limit: usize, into: &mut Vec<u8>) -> usize;
}

/// Delivers to one endpoint. Any thread may call, at any time.
pub(super) struct Delivery {
    client: Client,
    signal: Signal,
    form: Form,
    /// Taken by the delivery that uses them.
    buffers: Mutex<Buffers>,
    counters: Arc<Counters>,
    component: Component,
}

/// How items become requests.
#[derive(Debug, Clone, Copy)]
struct Form {
    protocol: Protocol,
    compression: Compression,
    /// Of a request, before and after compression.
    max_bytes: usize,
}

/// What is counted. Each is a sum of its own, in order with no other.
#[derive(Debug)]
pub(super) struct Counters {
    client: Arc<client::Counters>,
    rejected: AtomicU64,
    split: AtomicU64,
    oversized: AtomicU64,
}

/// The counters at a moment.
#[derive(Debug)]
pub(super) struct Counts {
    pub(super) requests: u64,
    pub(super) request_bytes: u64,
    pub(super) retries: u64,
    /// Items that a receiver refused while it took others of the same request.
    pub(super) rejected: u64,
    /// Batches or messages that one request had no room for.
    pub(super) split: u64,
    /// Items that were lost since the part that they are makes too large a request alone.
    pub(super) oversized: u64,
    pub(super) panics: u64,
    pub(super) restarts: u64,
}

impl Counters {
    pub(super) fn read(&self) -> Counts {
        // Relaxed: sums of their own.
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            requests: read(&self.client.requests),
            request_bytes: read(&self.client.request_bytes),
            retries: read(&self.client.retries),
            rejected: read(&self.rejected),
            split: read(&self.split),
            oversized: read(&self.oversized),
            panics: read(&self.client.panics),
            restarts: read(&self.client.restarts),
        }
    }
}

/// Relaxed: sums of their own.
fn count(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

impl Delivery {
    /// Checks the settings and starts the client's thread. Nothing is sent.
    pub(super) fn new(settings: Settings) -> Result<Self, ExportError> {
        let signal = settings.signal;
        let form = Form {
            protocol: settings.protocol,
            compression: settings.compression,
            max_bytes: settings.max_request_bytes,
        };
        let component = settings.component();
        let client = Client::new(settings)?;
        let counters = Arc::new(Counters {
            client: Arc::clone(client.counters()),
            rejected: AtomicU64::default(),
            split: AtomicU64::default(),
            oversized: AtomicU64::default(),
        });
        Ok(Self { client, signal, form, buffers: Mutex::default(), counters, component })
    }

    /// The context of a call that begins now; see [`Client::begin`].
    pub(super) fn begin(&self, context: &Context) -> Result<Context, ExportError> {
        self.client.begin(context)
    }

    pub(super) fn protocol(&self) -> Protocol {
        self.form.protocol
    }

    /// What the exporter is called in metrics about it.
    pub(super) fn component(&self) -> &Component {
        &self.component
    }

    pub(super) fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Sends all of `source`, in parts if need be, and waits for the answers. Without items, nothing is sent.
    pub(super) fn deliver(&self, context: &Context, source: &impl Source) -> Result<(), ExportError> {
        let items = source.items(0..source.parts());
        if items == 0 {
            return Ok(());
        }
        // Taken out, and not locked for as long as it takes: deliveries that overlap have their own.
        let mut buffers = mem::take(&mut *self.buffers());
        let outcome = self.send(context, source, &mut buffers);
        *self.buffers() = buffers;
        count(&self.counters.rejected, outcome.rejected());
        outcome.into_result(items)
    }

    fn send(&self, context: &Context, source: &impl Source, buffers: &mut Buffers) -> Outcome {
        let mut outcome = Outcome::new(self.signal, self.component.success);
        let parts = source.parts();
        let mut is_split = false;
        let mut sent = 0;
        while sent < parts && !outcome.is_over() {
            let part = match body::fitted(&self.form, source, sent..parts, buffers) {
                Ok(Some(Fitted { content, parts })) => {
                    let items = source.items(sent..sent + parts);
                    // Metrics without points may be a part by themselves.
                    if items > 0 {
                        let answer = self.client.upload(context, content.clone());
                        outcome.uploaded(items, answer);
                    }
                    buffers.reuse(content);
                    parts
                }
                Ok(None) => {
                    let items = source.items(sent..sent + 1);
                    if items > 0 {
                        count(&self.counters.oversized, items);
                        outcome.oversized(items, self.form.max_bytes);
                    }
                    1
                }
                Err(error) => {
                    outcome.failed(source.items(sent..parts), error);
                    parts - sent
                }
            };
            is_split |= part < parts;
            sent += part;
        }
        outcome.skipped(source.items(sent..parts));
        count(&self.counters.split, is_split.into());
        outcome
    }

    /// Ends the client; see [`Client::shutdown`].
    pub(super) fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        self.client.shutdown(context)
    }

    fn buffers(&self) -> MutexGuard<'_, Buffers> {
        self.buffers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client, form, .. } = self;
        f.debug_struct("Delivery").field("client", client).field("form", form).finish_non_exhaustive()
    }
}
