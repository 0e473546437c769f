//! Runs a case where it can do no harm: on a thread of its own, for a limited time.

use super::case::{Case, Stop};
use super::probe::Bench;
use super::{Factory, Outcome, Setup, Subject};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How long a case may take: far longer than any does on a busy machine, so that only a call that
/// hangs takes it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What a case's thread tells the one that runs the suite.
pub(super) enum Message {
    /// It needs a subject. The factory need not be `Sync`, so the case cannot call it by itself.
    Need(Setup),
    Done(Outcome),
}

/// What a case's thread gets for [`Message::Need`].
pub(super) type Made = Option<Box<dyn Subject>>;

pub(super) fn run(case: &'static Case, patience: Duration, factory: &Factory<'_>) -> Outcome {
    let (to_runner, messages) = mpsc::channel();
    let (to_case, made) = mpsc::channel();
    let work = move || {
        let bench = Bench::new(to_runner.clone(), made);
        let verdict = catch_unwind(AssertUnwindSafe(|| (case.check)(&bench)));
        // Nobody listens any more after the patience is over.
        let _ = to_runner.send(Message::Done(match verdict {
            Ok(Ok(())) => Outcome::Passed,
            Ok(Err(Stop::Failed(message))) => Outcome::Failed(message),
            Ok(Err(Stop::NotApplicable(reason))) => Outcome::NotApplicable(reason),
            Err(panic) => Outcome::Failed(format!("expected no panic, seen one: {}", text_of(&*panic))),
        }));
    };
    let spawned = thread::Builder::new().name(case.id().to_owned()).spawn(work);
    spawned.unwrap_or_else(|error| panic!("no thread for the case {}: {error}", case.id()));

    let begun = Instant::now();
    loop {
        match messages.recv_timeout(patience.saturating_sub(begun.elapsed())) {
            // A case that has ended meanwhile needs no subject.
            Ok(Message::Need(setup)) => drop(to_case.send(factory(&setup))),
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
