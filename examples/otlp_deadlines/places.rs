//! The places from which a shutdown is called.

use crate::shut_down;
use nanospan::{FlushError, Tracer};
use std::panic;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// What a shutdown returned, and after how long.
type Outcome = (Result<(), FlushError>, Duration);

type Place = fn(Tracer) -> Outcome;

pub(crate) const PLACES: [(&str, Place); 6] = [
    ("no runtime", shut_down),
    ("current thread", in_a_current_thread_runtime),
    ("one worker", on_the_only_worker),
    ("spawn_blocking", in_spawn_blocking),
    ("Drop", in_a_destructor),
    ("panic hook", in_a_panic_hook),
];

fn in_a_current_thread_runtime(tracer: Tracer) -> Outcome {
    made(Builder::new_current_thread()).block_on(async { shut_down(tracer) })
}

fn on_the_only_worker(tracer: Tracer) -> Outcome {
    let runtime = made(Builder::new_multi_thread());
    runtime.block_on(runtime.spawn(async move { shut_down(tracer) })).expect("a shutdown does not panic")
}

fn in_spawn_blocking(tracer: Tracer) -> Outcome {
    let runtime = made(Builder::new_current_thread());
    runtime.block_on(runtime.spawn_blocking(move || shut_down(tracer))).expect("a shutdown does not panic")
}

fn made(mut builder: Builder) -> Runtime {
    builder.worker_threads(1).enable_all().build().expect("the system gives a thread")
}

/// In one that runs because of a panic.
fn in_a_destructor(tracer: Tracer) -> Outcome {
    struct Dropped(Tracer, mpsc::Sender<Outcome>);

    impl Drop for Dropped {
        fn drop(&mut self) {
            // Whoever receives it waits for it.
            let _ = self.1.send(shut_down(self.0));
        }
    }

    let (sender, receiver) = mpsc::channel();
    let _ = thread::spawn(move || {
        let _dropped = Dropped(tracer, sender);
        panic::resume_unwind(Box::new("unwinding"));
    })
    .join();
    receiver.recv().expect("a destructor runs")
}

fn in_a_panic_hook(tracer: Tracer) -> Outcome {
    let (sender, receiver) = mpsc::channel();
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |_| {
        // Whoever receives it waits for it.
        let _ = sender.send(shut_down(tracer));
    }));
    let _ = thread::spawn(|| panic!("for the hook")).join();
    panic::set_hook(before);
    receiver.recv().expect("a panic hook runs")
}
