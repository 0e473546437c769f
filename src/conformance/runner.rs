//! Runs a case where it can do no harm: on a thread of its own, for a limited time.

use super::Outcome;
use super::case::{Stop, Verdict};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// How long a case may take: far longer than any does on a busy machine, so that only a call that
/// hangs takes it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What a case's thread tells the one that runs the suite.
enum Message<N> {
    /// It needs a subject. The factory need not be `Sync`, so the case cannot call it by itself.
    Need(N),
    Done(Outcome),
}

/// Where a check gets its subjects: for each need of the kind `N` one `M`.
#[derive(Debug)]
pub(super) struct Bench<N, M> {
    runner: Sender<Message<N>>,
    made: Receiver<M>,
}

impl<N, M> Bench<N, M> {
    /// What the factory makes of `need`; `None` if the suite has gone on without this case, so that nobody
    /// hears what it finds.
    pub(super) fn ask(&self, need: N) -> Option<M> {
        self.runner.send(Message::Need(need)).ok()?;
        self.made.recv().ok()
    }
}

/// Runs the check of the case `id` over what `factory` makes.
pub(super) fn run<N: Send + 'static, M: Send + 'static>(
    id: &str,
    patience: Duration,
    factory: impl Fn(&N) -> M,
    check: fn(&Bench<N, M>) -> Verdict,
) -> Outcome {
    let (to_runner, messages) = mpsc::channel();
    let (to_case, made) = mpsc::channel();
    let work = move || {
        let bench = Bench { runner: to_runner.clone(), made };
        let verdict = catch_unwind(AssertUnwindSafe(|| check(&bench)));
        // Nobody listens any more after the patience is over.
        let _ = to_runner.send(Message::Done(match verdict {
            Ok(Ok(())) => Outcome::Passed,
            Ok(Err(Stop::Failed(message))) => Outcome::Failed(message),
            Ok(Err(Stop::NotApplicable(reason))) => Outcome::NotApplicable(reason),
            Err(panic) => Outcome::Failed(format!("expected no panic, seen one: {}", text_of(&*panic))),
        }));
    };
    let spawned = thread::Builder::new().name(id.to_owned()).spawn(work);
    spawned.unwrap_or_else(|error| panic!("no thread for the case {id}: {error}"));

    let begun = Instant::now();
    loop {
        match messages.recv_timeout(patience.saturating_sub(begun.elapsed())) {
            // A case that has ended meanwhile needs no subject.
            Ok(Message::Need(need)) => drop(to_case.send(factory(&need))),
            Ok(Message::Done(outcome)) => return outcome,
            Err(_) => {
                let message = format!("expected every call to return, but one still runs after {patience:?}");
                return Outcome::Failed(message);
            }
        }
    }
}

/// What a panic says.
fn text_of(panic: &(dyn Any + Send)) -> &str {
    if let Some(text) = panic.downcast_ref::<&str>() {
        text
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text
    } else {
        "with something that is no text"
    }
}
