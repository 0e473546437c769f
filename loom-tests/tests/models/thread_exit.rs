//! How a thread leaves. loom has no destructors of a real thread's locals, so these are threads of the
//! system, which wait for each other: one order of events, the one that matters.

use nanospan::model::Threads;
use nanospan_loom_tests::make_mistake;
use std::cell::RefCell;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// Asks for the thread's own once more when the thread's place has been given to another.
struct Late {
    threads: Threads,
    gone: Sender<()>,
    inherited: Receiver<()>,
    found: Sender<[Option<usize>; 2]>,
}

impl Drop for Late {
    fn drop(&mut self) {
        // Whoever is not there any more has failed, and says so.
        let _ = self.gone.send(());
        let _ = self.inherited.recv();
        let _ = self.found.send([self.threads.own(), self.threads.own_aside()]);
    }
}

thread_local!(static LATE: RefCell<Option<Late>> = const { RefCell::new(None) });

/// A thread leaves. Its place is given to another, and then, in its last destructor, it asks for its own:
/// it has none any more, so no two threads ever write to one local.
#[test]
fn a_thread_that_leaves_while_another_takes_its_place() {
    let threads = Threads::default();
    let ((gone, is_gone), (inherits, inherited), (found, finds)) = (channel(), channel(), channel());
    let leaving = thread::spawn(move || {
        make_mistake();
        // Before the registry's own destructors are registered: the last one first.
        LATE.set(Some(Late { threads, gone, inherited, found }));
        threads.own().unwrap()
    });
    is_gone.recv().unwrap();
    let (keep, kept) = channel::<()>();
    let (tell, told) = channel();
    let heir = thread::spawn(move || {
        tell.send(threads.own()).unwrap();
        // It keeps the place.
        let _ = kept.recv();
    });
    let inherited = told.recv().unwrap();
    inherits.send(()).unwrap();
    let found = finds.recv().unwrap();
    drop(keep);
    let left = leaving.join().unwrap();
    heir.join().unwrap();
    assert_eq!(inherited, Some(left), "the place was given to the other thread");
    assert_eq!(found, [None, None], "two threads have one local");
}
