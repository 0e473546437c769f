//! Handles that were not made here, and handles that came too late.

use loom::thread;
use nanospan::model::{Found, Table, Tracer};
use nanospan_loom_tests::check;

/// The number of one span's handle under another trace, and a number that nobody made, while the span is
/// started and ended: both are told from handles of the tracer, whatever happens to be in the slot.
#[test]
fn one_that_was_not_made_here() {
    check(&["done"], |outcomes| {
        let (tracer, _drain) = Tracer::new(1, 1);
        let span = tracer.start(1).unwrap();
        let id = tracer.id(span).span_id();
        let stranger = thread::spawn(move || {
            assert!(tracer.resolve(tracer.id_of(2, id)).is_none());
            assert!(tracer.resolve(tracer.id_of(1, id ^ 1)).is_none());
        });
        assert!(tracer.end(span));
        stranger.join().unwrap();
        assert_eq!((tracer.forged(), tracer.stale()), (2, 0), "forged and stale handles");
        outcomes.note("done");
    });
}

/// The same for the handles of a table.
#[test]
fn one_that_the_table_did_not_make() {
    check(&["done"], |outcomes| {
        let table = Table::new(1, 0);
        let id = table.start(1, 1).unwrap();
        let stranger = thread::spawn(move || {
            assert_eq!(table.read(2, id), Found::Forged);
            assert_eq!(table.read(1, id ^ 1), Found::Forged);
        });
        assert_eq!(table.end(1, id), Some([1; 2]));
        stranger.join().unwrap();
        outcomes.note("done");
    });
}
