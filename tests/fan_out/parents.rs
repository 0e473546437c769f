//! Parents that the children made themselves.

use crate::notebook::{Notebook, builder_of, over, start, start_below};
use nanospan::plugin::FanOutParentError;
use nanospan::plugin::bext_plugin_api::tracer::{SpanHandle, TracerPlugin};

#[test]
fn each_child_gets_the_handle_that_it_made() {
    for count in [1, 2, 3, 9, 64] {
        let children: Vec<Notebook> = (0..count).map(|n| Notebook::new(&format!("child-{n}"))).collect();
        let tracer = over(&children.iter().collect::<Vec<_>>());
        let handles: Vec<SpanHandle> = children.iter().map(|child| child.handle(77)).collect();
        let parent = tracer.parent_of(&handles).unwrap();
        assert_eq!(parent.handle().trace_id, handles[0].trace_id);
        start_below(&tracer, "s", parent.handle());
        for (child, handle) in children.iter().zip(&handles) {
            assert_eq!(child.starts()[0].parent, Some(*handle));
        }
    }
}

#[test]
fn a_parent_is_no_span() {
    let (a, b) = (Notebook::new("a"), Notebook::new("b"));
    let tracer = over(&[&a, &b]);
    let parent = tracer.parent_of(&[a.handle(7), b.handle(8)]).unwrap();
    tracer.set_attribute(parent.handle(), "k", 1_i64.into());
    tracer.end_span(parent.handle(), None);
    assert_eq!((a.calls(), b.calls()), (Vec::new(), Vec::new()));
    assert_eq!(tracer.stats().stale_calls, 2);
    start_below(&tracer, "s", parent.handle());
    assert_eq!(b.starts()[0].parent, Some(b.handle(8)));
}

#[test]
fn a_parent_takes_room_until_it_is_dropped() {
    let a = Notebook::new("a");
    let tracer = builder_of(&[&a]).max_live_spans(1).build().unwrap();
    for _ in 0..100 {
        let parent = tracer.parent_of(&[a.handle(7)]).unwrap();
        assert_eq!(tracer.stats().live_spans, 1);
        assert!(start_below(&tracer, "s", parent.handle()).is_invalid());
        let refused = tracer.parent_of(&[a.handle(7)]).unwrap_err();
        assert_eq!(refused, FanOutParentError::Refused);
        assert_eq!(refused.to_string(), "no entry is free for the parent");
        // From whichever thread.
        std::thread::spawn(move || drop(parent)).join().unwrap();
        assert_eq!(tracer.stats().live_spans, 0);
        tracer.end_span(start(&tracer, "s"), None);
    }
    assert_eq!(tracer.stats().refused_capacity, 200);
}

#[test]
fn a_child_without_a_parent_of_its_own_gets_the_invalid_one() {
    let (a, b) = (Notebook::new("a"), Notebook::new("b"));
    let tracer = over(&[&a, &b]);
    let parent = tracer.parent_of(&[SpanHandle::INVALID, b.handle(8)]).unwrap();
    start_below(&tracer, "s", parent.handle());
    assert_eq!(a.starts()[0].parent, Some(SpanHandle::INVALID));
    assert_eq!(b.starts()[0].parent, Some(b.handle(8)));
    let none = tracer.parent_of(&[SpanHandle::INVALID; 2]).unwrap();
    assert!(none.handle().is_invalid());
}

#[test]
fn a_wrong_number_of_handles_is_an_error_that_says_so() {
    let (a, b) = (Notebook::new("a"), Notebook::new("b"));
    let tracer = over(&[&a, &b]);
    for handles in [&[][..], &[a.handle(1)], &[a.handle(1); 3]] {
        let error = tracer.parent_of(handles).unwrap_err();
        assert_eq!(error.to_string(), format!("{} handles for 2 children", handles.len()));
    }
    assert_eq!(tracer.stats().live_spans, 0);
}
