//! The thread that does the client's input and output.
//!
//! It runs one current-thread runtime of tokio's and nothing else, so it can be used from anywhere:
//! from inside another runtime, from a destructor, from a panic hook. Whoever waits for something
//! that it does waits by a context, and goes away when that ends.
//!
//! Nothing that it calls starts a span, nor does what runs on the threads that names are resolved on:
//! an export that were traced would be exported in turn.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::thread;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::export::gone::Gone;
use crate::suppress_tracing;

/// The thread's name, and that of those which it resolves names on.
const NAME: &str = "nanospan-otlp";

/// How many names may be looked up at once. A lookup cannot be interrupted: one that hangs keeps its
/// thread, and no more than this many are given away like that.
const RESOLVERS: usize = 2;

/// A thread that runs tasks until it is told to stop.
pub(super) struct IoThread {
    runtime: Handle,
    orders: mpsc::UnboundedSender<Order>,
    has_ended: Arc<AtomicBool>,
}

enum Order {
    Stop(Gone),
    #[cfg(test)]
    Panic,
}

impl IoThread {
    pub(super) fn start() -> io::Result<Self> {
        let has_ended = Arc::new(AtomicBool::new(false));
        let mut running = Running { runtime: None, has_ended: Arc::clone(&has_ended), told: None };
        let runtime = running.runtime.insert(
            Builder::new_current_thread()
                .enable_io()
                .enable_time()
                .thread_name(NAME)
                .max_blocking_threads(RESOLVERS)
                // For as long as the thread lives; without it, the guard has nothing left to undo.
                .on_thread_start(|| mem::forget(suppress_tracing()))
                .build()?,
        );
        let runtime = runtime.handle().clone();
        let (orders, received) = mpsc::unbounded_channel();
        thread::Builder::new().name(NAME.into()).spawn(move || running.run(received))?;
        Ok(Self { runtime, orders, has_ended })
    }

    /// Whether the thread is gone, for whatever reason.
    pub(super) fn has_ended(&self) -> bool {
        // Acquire: pairs with the Release store in `Running::drop`.
        self.has_ended.load(Ordering::Acquire)
    }

    /// Starts a task. On a thread that has ended it is dropped unrun.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        self.runtime.spawn(task).abort_handle()
    }

    /// Has the thread drop what it has, and end; `gone` goes last. This does not wait for it.
    pub(super) fn stop(&self, gone: Gone) {
        // If nobody listens, it has ended.
        let _ = self.orders.send(Order::Stop(gone));
    }

    /// Has the runtime panic, as by a mistake of its own.
    #[cfg(test)]
    pub(super) fn kill(&self) {
        let _ = self.orders.send(Order::Panic);
    }
}

/// The thread's own side.
struct Running {
    runtime: Option<Runtime>,
    has_ended: Arc<AtomicBool>,
    /// Behind the others: it is dropped when they are gone.
    told: Option<Gone>,
}

impl Running {
    fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        let _quiet = suppress_tracing();
        let Some(runtime) = &self.runtime else { return };
        match runtime.block_on(orders.recv()) {
            Some(Order::Stop(gone)) => self.told = Some(gone),
            // The client was dropped.
            None => {}
            #[cfg(test)]
            Some(Order::Panic) => panic!("told to"),
        }
    }
}

impl Drop for Running {
    /// Also when the runtime panics, or the thread could not be started.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // In the background: nobody waits for a resolver that hangs.
            runtime.shutdown_background();
        }
        // Release: pairs with the Acquire load in `has_ended`.
        self.has_ended.store(true, Ordering::Release);
    }
}

/// Runs `task`; a panic in it becomes its text.
pub(super) async fn caught<T>(task: impl Future<Output = T>) -> Result<T, String> {
    let mut task = Box::pin(task);
    poll_fn(move |context| match catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(context))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
        Err(panic) => Poll::Ready(Err(text(panic.as_ref()))),
    })
    .await
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::Context;
    use std::time::Duration;

    #[test]
    fn a_panic_in_a_task_becomes_its_text_and_the_thread_goes_on() {
        let thread = IoThread::start().unwrap();
        for _ in 0..2 {
            let (done, gone) = Gone::pair(&Context::with_timeout(Duration::from_secs(30)));
            let (sender, receiver) = std::sync::mpsc::channel();
            thread.spawn(async move {
                let _gone = gone;
                let result = caught(async {
                    tokio::task::yield_now().await;
                    panic!("number {}", 7);
                });
                sender.send(result.await).unwrap();
            });
            assert!(done.wait(Duration::MAX).is_err());
            let result: Result<(), String> = receiver.recv().unwrap();
            assert_eq!(result, Err(String::from("number 7")));
        }
        assert!(!thread.has_ended());
    }

    #[test]
    fn a_task_that_hangs_is_dropped_when_the_thread_stops() {
        let thread = IoThread::start().unwrap();
        let limit = Context::with_timeout(Duration::from_secs(30));
        let (done, gone) = Gone::pair(&limit);
        thread.spawn(async move {
            let _gone = gone;
            std::future::pending().await
        });
        let (end, gone) = Gone::pair(&limit);
        thread.stop(gone);
        assert!(end.wait(Duration::MAX).is_err() && done.wait(Duration::MAX).is_err());
        assert_eq!(limit.check(), Ok(()));
        assert!(thread.has_ended());
        // So is one that comes too late.
        let (done, gone) = Gone::pair(&limit);
        thread.spawn(async move { drop(gone) });
        assert!(done.wait(Duration::MAX).is_err());
        assert_eq!(limit.check(), Ok(()));
    }

    #[test]
    fn the_end_does_not_wait_for_what_cannot_be_interrupted() {
        let thread = IoThread::start().unwrap();
        let (release, held) = std::sync::mpsc::channel::<()>();
        let (started, has_started) = std::sync::mpsc::channel();
        thread.spawn(async move {
            let blocking = tokio::task::spawn_blocking(move || {
                started.send(()).unwrap();
                let _ = held.recv();
            });
            let _ = blocking.await;
        });
        has_started.recv().unwrap();
        let limit = Context::with_timeout(Duration::from_secs(30));
        let (end, gone) = Gone::pair(&limit);
        thread.stop(gone);
        assert!(end.wait(Duration::MAX).is_err());
        assert_eq!(limit.check(), Ok(()));
        drop(release);
    }
}
