//! Several propagators as one: each keeps to its own headers.

use nanospan::propagation::{Baggage, BaggagePropagator, Propagators, TraceContextPropagator};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

const RECEIVED: [(&str, &str); 3] =
    [("traceparent", PARENT), ("tracestate", "a=1"), ("baggage", "tenant=blue")];

fn sent(propagators: &Propagators) -> Vec<(String, String)> {
    let caller = Propagators::default().extract(&RECEIVED);
    let mut sent = Vec::new();
    propagators.inject(caller.span.as_ref(), &caller.baggage, &mut sent);
    sent
}

#[test]
fn each_reads_and_writes_its_own_headers_and_no_others() {
    let trace = Propagators::none().with_trace_context(TraceContextPropagator::new());
    let baggage = Propagators::none().with_baggage(BaggagePropagator::new());
    let all = Propagators::default();
    for (propagators, traces, carries) in [
        (&trace, true, false),
        (&baggage, false, true),
        (&all, true, true),
        (&Propagators::none(), false, false),
    ] {
        let caller = propagators.extract(&RECEIVED);
        assert_eq!(caller.span.is_some(), traces, "{propagators:?}");
        assert_eq!(caller.baggage.get("tenant").is_some(), carries, "{propagators:?}");
        let sent = sent(propagators);
        let names: Vec<_> = sent.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, propagators.fields().collect::<Vec<_>>());
        for (name, value) in &sent {
            assert!(RECEIVED.contains(&(name.as_str(), value.as_str())), "{name}: {value}");
        }
    }
}

#[test]
fn one_that_finds_nothing_it_can_use_does_not_keep_the_other_from_reading() {
    let caller = Propagators::default().extract(&[("traceparent", "00-bad"), ("baggage", "tenant=blue")]);
    assert_eq!((caller.span, caller.baggage.len()), (None, 1));
    let caller = Propagators::default().extract(&[("traceparent", PARENT), ("baggage", "=;,")]);
    assert_eq!((caller.span.is_some(), caller.baggage.len()), (true, 0));
}

#[test]
fn nothing_is_written_for_no_span_and_no_baggage() {
    let mut sent: Vec<(String, String)> = Vec::new();
    Propagators::default().inject(None, &Baggage::new(), &mut sent);
    assert!(sent.is_empty());
}
