//! What all requests of a client have in common, and attempts one after another.

use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::header::HeaderValue;
use hyper::{HeaderMap, Uri};

use super::connect::Connector;
use super::connection::Kept;
use super::failure::Failure;
#[cfg(feature = "otlp-grpc")]
use super::grpc;
#[cfg(feature = "otlp-http")]
use super::http;
use super::text::Secrets;
use crate::otlp::answer::PartialSuccess;
use crate::otlp::retry::{Backoff, RetryPolicy};
use crate::otlp::settings::Protocol;
use crate::otlp::signal::Signal;
use crate::raw::random;

/// Everything that a request takes, and the connection to send it on.
pub(super) struct Exchange {
    pub(super) signal: Signal,
    pub(super) protocol: Protocol,
    pub(super) url: Uri,
    /// The URL without anything secret in it.
    pub(super) shown_url: String,
    /// The configured ones.
    pub(super) headers: HeaderMap,
    pub(super) content_type: HeaderValue,
    pub(super) user_agent: HeaderValue,
    pub(super) is_compressed: bool,
    pub(super) max_response_bytes: usize,
    pub(super) retry: RetryPolicy,
    pub(super) secrets: Secrets,
    pub(super) connector: Connector,
    pub(super) kept: Kept,
    pub(super) counters: Arc<Counters>,
}

/// What a client counts. Each is a sum of its own, read at any time: none is ordered with another.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Requests begun, each attempt being one.
    pub(crate) requests: AtomicU64,
    /// Bytes of their bodies.
    pub(crate) request_bytes: AtomicU64,
    /// Those of them that were not the first of their upload.
    pub(crate) retries: AtomicU64,
    /// Uploads that ended in a panic.
    pub(crate) panics: AtomicU64,
    /// Threads that were started in place of one that had ended.
    pub(crate) restarts: AtomicU64,
}

impl Counters {
    pub(super) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// How far an upload has come, for whoever gives up waiting for it.
#[derive(Debug, Default)]
pub(super) struct Progress(Mutex<Option<String>>);

impl Progress {
    fn failed(&self, message: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(message.to_owned());
    }

    /// What was wrong with the last attempt that has ended, if one has.
    pub(super) fn last_failure(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Exchange {
    /// Sends `content` until it is answered for good, or until `deadline` leaves no time for the
    /// next attempt. The failure is the last one's, and the number that of the attempts.
    pub(super) async fn upload(
        &self,
        content: Bytes,
        deadline: Option<Instant>,
        progress: &Progress,
    ) -> Result<PartialSuccess, (Failure, u64)> {
        let mut backoff = Backoff::new(&self.retry, random::word);
        let mut attempts = 0;
        loop {
            attempts += 1;
            Counters::add(&self.counters.requests);
            self.counters.request_bytes.fetch_add(content.len() as u64, Ordering::Relaxed);
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            let failure = match self.attempt(&content, left).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let Some(wait) = failure.again().and_then(|asked| backoff.next(asked)) else {
                return Err((failure, attempts));
            };
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left <= wait) {
                return Err((failure.cut_short(deadline), attempts));
            }
            progress.failed(failure.message());
            tokio::time::sleep(wait).await;
            Counters::add(&self.counters.retries);
        }
    }

    #[cfg_attr(not(feature = "otlp-grpc"), expect(unused_variables, reason = "gRPC tells the server"))]
    async fn attempt(&self, content: &Bytes, left: Option<Duration>) -> Result<PartialSuccess, Failure> {
        match self.protocol {
            #[cfg(feature = "otlp-grpc")]
            Protocol::Grpc => grpc::attempt(self, content, left).await,
            #[cfg(feature = "otlp-http")]
            Protocol::HttpProtobuf | Protocol::HttpJson => http::attempt(self, content).await,
            #[cfg(not(all(feature = "otlp-grpc", feature = "otlp-http")))]
            _ => unreachable!("a client is not made for a protocol that is not compiled in"),
        }
    }

    /// What the server said, fit to be shown.
    pub(super) fn shown(&self, answer: PartialSuccess) -> PartialSuccess {
        PartialSuccess { message: self.secrets.shown(&answer.message), ..answer }
    }

    /// An answer that says that everything was taken, and of which the rest cannot be understood.
    pub(super) fn warning(&self, what: &dyn Display) -> PartialSuccess {
        let message = format!("taken, but the answer cannot be understood: {what}");
        PartialSuccess { rejected: 0, message: self.secrets.shown(&message) }
    }
}
