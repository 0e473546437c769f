//! Whose child a span is.

use crate::conformance::case::{Citation, Stop, Verdict, ensure};
use crate::conformance::tracer::Case;
use crate::conformance::tracer::Delivered;
use crate::conformance::tracer::probe::{Bench, Mark, Probe, Seen, alike, brief, expect, require};
use bext_plugin_api::tracer::SpanHandle;

const PARENT: &str = "SpanStart::parent";

pub(super) const CASES: &[Case] = &[
    Case {
        id: "root-has-no-parent",
        citation: Citation::of(PARENT, "Parent span handle, or `None` for a root span."),
        check: root_has_no_parent,
    },
    Case {
        id: "parent-is-explicit",
        citation: Citation::of(
            "module documentation",
            "Thread-local propagation, if wanted, is a concern for a helper layer above this trait, not the \
             trait itself.",
        )
        .read_as("a root that is started while another span is live has a trace of its own"),
        check: parent_is_explicit,
    },
    Case {
        id: "child-joins-its-parent",
        citation: Citation::of(PARENT, "Parent span handle, or `None` for a root span.")
            .read_as("OpenTelemetry's: the trace id is the parent's, and the parent id is its span id"),
        check: child_joins_its_parent,
    },
    Case {
        id: "foreign-parent-is-rooted",
        citation: Citation::of(
            PARENT,
            "Non-`None` parents belonging to a different tracer are treated as unknown and the new span is rooted.",
        ),
        check: foreign_parent_is_rooted,
    },
    Case {
        id: "unknown-parent-is-rooted",
        citation: Citation::of(PARENT, "treated as unknown and the new span is rooted")
            .read_as("so is a parent that no tracer made"),
        check: unknown_parent_is_rooted,
    },
    Case {
        id: "invalid-parent-is-passed-on",
        citation: Citation::of(
            "SpanHandle::INVALID",
            "the runtime treats it as a no-op but still threads it through as the parent of any child spans so \
             the shape of the caller's code does not change between sampled and non-sampled runs",
        )
        .read_as("the child of a span that was not sampled is not sampled: its handle is INVALID, too"),
        check: invalid_parent_is_passed_on,
    },
    Case {
        id: "ended-parent-does-not-cost-the-child",
        citation: Citation::of("TracerPlugin::end_span", "After this call the handle must not be used again")
            .read_as("a child that is started too late is delivered, as a child or as a root"),
        check: ended_parent_does_not_cost_the_child,
    },
    Case {
        id: "child-outlives-its-parent",
        citation: Citation::of("TracerPlugin::end_span", "End a live span.")
            .read_as("that span only: a child that is live goes on"),
        check: child_outlives_its_parent,
    },
];

fn root_has_no_parent(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let root = probe.root("root");
    probe.end(&root);
    probe.settled().judge(&root, |found| expect("the parent of a root", &None, &found.parent_span_id))
}

fn parent_is_explicit(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let live = probe.root("live");
    let root = probe.root("root");
    let message = || format!("expected a trace of its own, seen that of the live span: {:?}", root.handle);
    ensure(root.handle.trace_id != live.handle.trace_id, message)?;
    probe.end(&root);
    probe.end(&live);
    probe.settled().judge_pair(&root, &live, |root, live| {
        let apart = root.trace_id != live.trace_id && root.parent_span_id != Some(live.span_id);
        require(apart, || format!("expected {} to have nothing of {}", brief(root), brief(live)))
    })
}

fn child_joins_its_parent(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let mut line = vec![probe.root("root")];
    for name in ["child", "grandchild"] {
        line.push(probe.child(name, line[line.len() - 1].handle));
    }
    line.iter().rev().for_each(|span| probe.end(span));
    let seen = probe.settled();
    for pair in line.windows(2) {
        let [parent, child] = pair else { continue };
        seen.judge_pair(parent, child, |on_wire, found| {
            expect("the trace id in the handle", &parent.handle.trace_id, &child.handle.trace_id)?;
            expect("the trace id", &on_wire.trace_id, &found.trace_id)?;
            expect("the parent's span id", &Some(on_wire.span_id), &found.parent_span_id)
        })?;
    }
    Ok(())
}

/// Judges a span that must be a root although it was started with a parent: it differs from a root
/// in nothing, and has no id of the parent.
fn rooted(seen: &Seen, span: &Mark, root: &Mark, parent: SpanHandle) -> Verdict {
    let roots_like = |found: &Delivered, root: &Delivered| {
        expect("the parent of a span without a known one", &root.parent_span_id, &found.parent_span_id)?;
        let adopted = [found.trace_id, span.handle.trace_id].contains(&parent.trace_id);
        require(!adopted, || {
            format!("expected a trace of its own, seen the unknown parent's: {}", brief(found))
        })
    };
    seen.judge_pair(span, root, roots_like)
}

/// Starts a span below each of the handles, none of which the tracer knows.
fn all_rooted(probe: &Probe, root: &Mark, parents: &[SpanHandle]) -> Verdict {
    let span = |(number, &parent)| probe.child(&format!("span {number}"), parent);
    let spans: Vec<_> = parents.iter().enumerate().map(span).collect();
    spans.iter().for_each(|span| probe.end(span));
    let seen = probe.settled();
    for (span, &parent) in spans.iter().zip(parents) {
        rooted(&seen, span, root, parent)?;
    }
    Ok(())
}

/// A root that is over before anything else is live.
fn lone_root(probe: &Probe) -> Mark {
    let root = probe.root("root");
    probe.end(&root);
    root
}

/// A live span of a tracer other than the one under test.
///
/// Where both count their ids from the same number, which is the matter of the case about two
/// tracers, it is not among the first few.
pub(super) fn foreign(other: &Probe) -> Mark {
    for _ in 0..100 {
        let span = other.root("one of many");
        other.end(&span);
    }
    other.root("foreign")
}

fn foreign_parent_is_rooted(bench: &Bench) -> Verdict {
    let (probe, other) = (bench.recording()?, bench.recording()?);
    let root = lone_root(&probe);
    let (ended, live) = (foreign(&other), other.root("live"));
    other.end(&ended);
    all_rooted(&probe, &root, &[ended.handle, live.handle])?;
    other.end(&live);
    Ok(())
}

fn unknown_parent_is_rooted(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let root = lone_root(&probe);
    let live = probe.root("live");
    all_rooted(&probe, &root, &forged(live.handle))?;
    probe.end(&live);
    Ok(())
}

/// Handles that nobody made, most of them close to one that somebody did.
pub(super) fn forged(real: SpanHandle) -> Vec<SpanHandle> {
    let with = |change: &dyn Fn(&mut SpanHandle)| {
        let mut handle = real;
        change(&mut handle);
        handle
    };
    let all = [
        with(&|handle| handle.span_id[0] ^= 0x80),
        with(&|handle| handle.span_id[7] ^= 0x01),
        // The span's own id in traces that are not its own, one of them no trace.
        with(&|handle| handle.trace_id[8] ^= 0x40),
        with(&|handle| handle.trace_id = [0; 16]),
        SpanHandle { trace_id: *b"no trace at all.", span_id: *b"no span." },
    ];
    // If `real` has no span id, the one without a trace is the invalid handle, which is another sort.
    all.into_iter().filter(|handle| !handle.is_invalid()).collect()
}

fn invalid_parent_is_passed_on(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let child = probe.child("child", SpanHandle::INVALID);
    let grandchild = probe.child("grandchild", child.handle);
    for span in [&child, &grandchild] {
        ensure(span.handle.is_invalid(), || format!("expected SpanHandle::INVALID, seen {:?}", span.handle))?;
    }
    probe.end(&grandchild);
    probe.end(&child);
    for (backend, spans) in probe.settled().backends.iter().enumerate() {
        let message = || format!("expected nothing at back-end {backend}, seen {}", brief(spans));
        ensure(spans.is_empty(), message)?;
    }
    Ok(())
}

fn ended_parent_does_not_cost_the_child(bench: &Bench) -> Verdict {
    let probe = bench.recording()?;
    let parent = probe.root("parent");
    probe.end(&parent);
    let early = probe.child("before the parent is flushed", parent.handle);
    probe.end(&early);
    probe.settled();
    let late = probe.child("after the parent was flushed", parent.handle);
    probe.end(&late);
    let seen = probe.settled();
    seen.judge(&early, |_| Ok(()))?;
    seen.judge(&late, |_| Ok(()))
}

/// Spans of a family whose parent ends before the child is done, or after.
fn family(bench: &Bench, parent_first: bool) -> Result<Seen, Stop> {
    let probe = bench.recording()?;
    let parent = probe.root("parent");
    let child = probe.child("child", parent.handle);
    if parent_first {
        probe.end(&parent);
    }
    probe.attribute(&child, "late", true);
    probe.event(&child, "late");
    probe.end(&child);
    if !parent_first {
        probe.end(&parent);
    }
    Ok(probe.settled())
}

fn child_outlives_its_parent(bench: &Bench) -> Verdict {
    let expected = family(bench, false)?.outlines();
    alike("spans of a parent that ended first", &expected, &family(bench, true)?.outlines())
}
