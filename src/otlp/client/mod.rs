//! Sends requests that are already encoded, by HTTP or gRPC, until one of them is answered for good.
//!
//! ```text
//! Client ── upload ──▶ IoThread: Exchange::upload ──▶ attempt ──▶ Kept::send ──▶ Connector
//!   waits by Context     one task an upload            http, grpc    connection    resolve, connect,
//!                        (thread.rs, exchange.rs)                                  proxy, TLS
//! ```
//!
//! Whoever calls waits on a context that is cancelled when the task is gone, and aborts the task when
//! its own context ends first. The task is dropped at its next wait, wherever that is.

mod address;
#[cfg(feature = "otlp-grpc")]
mod base64;
mod body;
mod connect;
mod connection;
mod exchange;
mod failure;
#[cfg(feature = "otlp-grpc")]
mod grpc;
#[cfg(feature = "otlp-http")]
mod http;
mod proxy;
#[cfg(feature = "otlp-http")]
mod redirect;
mod setup;
#[cfg(test)]
mod tests;
mod text;
mod thread;

use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::AbortHandle;

use self::connect::Resolver;
use self::exchange::{Exchange, Progress};
use self::failure::Failure;
use self::thread::{IoThread, caught};
use crate::export::gone::Gone;
use crate::export::owner::Owner;
use crate::export::{Context, ExportError, ExportErrorKind};
use crate::otlp::answer::PartialSuccess;
use crate::otlp::settings::Settings;

pub(crate) use self::exchange::Counters;

/// Sends encoded requests to one endpoint. Any thread may call, at any time.
pub(crate) struct Client {
    /// The process whose client it is: a forked child has the client too, but not its thread.
    owner: Owner,
    exporter: String,
    timeout: Duration,
    exchange: Arc<Exchange>,
    /// Locked for an instant only, never during input and output.
    state: Mutex<State>,
}

struct State {
    thread: Arc<IoThread>,
    is_shut_down: bool,
    /// The uploads under way, each with its number.
    uploads: Vec<(u64, AbortHandle)>,
    next_upload: u64,
    /// Dropped with the last of them, once there is a shutdown that waits.
    when_idle: Option<Gone>,
}

/// Where a task leaves its result.
type Outcome = Result<Result<PartialSuccess, (Failure, u64)>, String>;

impl Client {
    /// Checks the settings and starts the thread. Nothing is sent, and no name looked up.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`](ExportErrorKind::InvalidConfig) for settings that cannot be used,
    /// [`Io`](ExportErrorKind::Io) if the thread cannot be started.
    pub(crate) fn new(settings: Settings) -> Result<Self, ExportError> {
        Self::with_resolver(settings, connect::system_resolver())
    }

    fn with_resolver(settings: Settings, resolver: Resolver) -> Result<Self, ExportError> {
        let timeout = settings.timeout;
        let exchange = Arc::new(setup::exchange(settings, resolver)?);
        let thread = Arc::new(IoThread::start().map_err(unstarted)?);
        Ok(Self {
            owner: Owner::this_process(),
            exporter: format!("OTLP exporter to {}", exchange.shown_url),
            timeout,
            exchange,
            state: Mutex::new(State {
                thread,
                is_shut_down: false,
                uploads: Vec::new(),
                next_upload: 0,
                when_idle: None,
            }),
        })
    }

    /// The context of a call that begins now: it ends with `context`, or with the configured timeout.
    ///
    /// # Errors
    ///
    /// If the client cannot be used, or the context has ended.
    pub(crate) fn begin(&self, context: &Context) -> Result<Context, ExportError> {
        self.refuse_in_child()?;
        if self.state().is_shut_down {
            return Err(self.shut_down_error());
        }
        context.check()?;
        Ok(if self.timeout.is_zero() { context.child() } else { context.child_with_timeout(self.timeout) })
    }

    /// Sends `content`, which is encoded and compressed as the settings say, until it is answered for
    /// good. What the server says about it has been made fit to be shown.
    ///
    /// # Errors
    ///
    /// What the last attempt met, or the end of the context, with what the attempt before met.
    pub(crate) fn upload(&self, context: &Context, content: Bytes) -> Result<PartialSuccess, ExportError> {
        self.refuse_in_child()?;
        context.check()?;
        let progress = Arc::new(Progress::default());
        let outcome = Arc::new(Mutex::new(None));
        let (done, gone) = Gone::pair(context);
        let task = {
            let exchange = Arc::clone(&self.exchange);
            let (progress, outcome) = (Arc::clone(&progress), Arc::clone(&outcome));
            let deadline = context.deadline();
            async move {
                // Last of all, the one who waits is told: also if this is dropped half-way.
                let _gone = gone;
                let result = caught(exchange.upload(content, deadline, &progress)).await;
                *outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
            }
        };
        let upload = self.start(task)?;
        // It ends one way or the other: by the task's end, or with the context.
        let _ = done.wait(Duration::MAX);
        drop(upload);
        let outcome: Option<Outcome> = outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
        match outcome {
            Some(Ok(Ok(answer))) => Ok(answer),
            Some(Ok(Err((failure, attempts)))) => {
                Err(failure.into_error(self.exchange.signal, &self.exchange.shown_url, attempts))
            }
            Some(Err(panic)) => {
                Counters::add(&self.exchange.counters.panics);
                let message = format!("the {} panicked: {panic}", self.exporter);
                Err(ExportError::new(ExportErrorKind::Other, message))
            }
            None => Err(self.unfinished(context, &progress)),
        }
    }

    /// Waits for the uploads under way, or calls them off when the context ends; then ends the thread
    /// and closes what it has open.
    ///
    /// # Errors
    ///
    /// The context's, if it has ended; the client is shut down all the same. An error of kind
    /// [`ExporterShutdown`](ExportErrorKind::ExporterShutdown) if it was shut down before.
    pub(crate) fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        self.refuse_in_child()?;
        let (idle, when_idle) = Gone::pair(context);
        let thread = {
            let mut state = self.state();
            if state.is_shut_down {
                return Err(self.shut_down_error());
            }
            state.is_shut_down = true;
            // Without any, it is dropped here, and nothing is waited for.
            state.when_idle = (!state.uploads.is_empty()).then_some(when_idle);
            Arc::clone(&state.thread)
        };
        let _ = idle.wait(Duration::MAX);
        for (_, task) in &self.state().uploads {
            task.abort();
        }
        let (end, when_ended) = Gone::pair(context);
        thread.stop(when_ended);
        let _ = end.wait(Duration::MAX);
        Ok(context.check()?)
    }

    /// What is counted about the client's work.
    pub(crate) fn counters(&self) -> &Arc<Counters> {
        &self.exchange.counters
    }

    /// Starts a task on the thread, which is itself started anew if it has ended.
    fn start(&self, task: impl Future<Output = ()> + Send + 'static) -> Result<Upload<'_>, ExportError> {
        let mut state = self.state();
        if state.is_shut_down {
            return Err(self.shut_down_error());
        }
        if state.thread.has_ended() {
            state.thread = Arc::new(IoThread::start().map_err(unstarted)?);
            Counters::add(&self.exchange.counters.restarts);
        }
        let number = state.next_upload;
        state.next_upload += 1;
        let task = state.thread.spawn(task);
        state.uploads.push((number, task));
        Ok(Upload { client: self, number })
    }

    /// The error of an upload whose task has left no result.
    fn unfinished(&self, context: &Context, progress: &Progress) -> ExportError {
        let (url, items) = (&self.exchange.shown_url, self.exchange.signal.items());
        let (kind, mut message) = match context.check() {
            Err(over) => (over.into(), format!("{over} before {url} had taken the {items}")),
            Ok(()) if self.state().is_shut_down => {
                let message = format!("{url} had not taken the {items} when the exporter was shut down");
                (ExportErrorKind::Cancelled, message)
            }
            Ok(()) => {
                let message = format!("the thread of the {} ended before its work", self.exporter);
                (ExportErrorKind::Other, message)
            }
        };
        if let Some(failure) = progress.last_failure() {
            message.push_str("; the last attempt: ");
            message.push_str(&failure);
        }
        ExportError::new(kind, message)
    }

    /// Before the state is locked: in a forked child, a thread that is gone may hold it.
    fn refuse_in_child(&self) -> Result<(), ExportError> {
        self.owner.refuse_in_child(&self.exporter)
    }

    fn shut_down_error(&self) -> ExportError {
        ExportError::shutdown(&self.exporter)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if self.owner.is_here() {
            // With the sender of its orders, the thread is told to end.
            return;
        }
        // In a forked child, closing anything would go through the locks of a runtime whose thread is
        // gone. So it is left as it is.
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        mem::forget((Arc::clone(&state.thread), Arc::clone(&self.exchange)));
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("url", &self.exchange.shown_url).finish_non_exhaustive()
    }
}

fn unstarted(error: std::io::Error) -> ExportError {
    ExportError::new(ExportErrorKind::Io, "cannot start the thread of the OTLP exporter").with_source(error)
}

/// An upload under way. Dropping it ends its task, if that has not ended by itself.
struct Upload<'a> {
    client: &'a Client,
    number: u64,
}

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        let mut state = self.client.state();
        if let Some(at) = state.uploads.iter().position(|(number, _)| *number == self.number) {
            state.uploads.swap_remove(at).1.abort();
        }
        if state.uploads.is_empty() {
            // A shutdown may wait for it.
            let idle = state.when_idle.take();
            drop(state);
            drop(idle);
        }
    }
}
