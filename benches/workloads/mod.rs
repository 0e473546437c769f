//! What the benchmarks record, in one place, so that nanoseconds, instructions and system calls are
//! those of the same code.
//!
//! | name | what one repetition does |
//! | --- | --- |
//! | W0 | starts and ends a child span |
//! | W1 | W0, and sets an integer, a static string of 16 bytes and a boolean, with static keys |
//! | W1d | W1 with a string that must be copied |
//! | W2 | W1, an event with one attribute, and the status "ok" |
//! | W3 | a root and eight children, each as W1 |
//! | W4 | starts a span and sets W1's attributes on one thread, ends it on another |
//! | W5 | starts and ends a span that is not sampled |
//! | W1 by handle | W1d on a handle, the name and the keys copied, too |
//! | W1 by plugin | the same through `&dyn TracerPlugin` |
//! | W1 by fan-out | the same through a fan-out over two plugins, each with a tracer of its own |
//! | host types | makes and drops what the trait's signature makes W1's caller allocate |

pub(crate) mod check;

use nanospan::batch::Batch;
use nanospan::export::{Context, ExportError, MemoryExporter, SpanExporter};
use nanospan::plugin::bext_plugin_api::tracer::{AttrValue, SpanHandle, SpanStart, TracerPlugin};
use nanospan::plugin::{FanOut, Plugin};
use nanospan::sampling::Sampler;
use nanospan::{
    Span, SpanContext, Status, Text, TraceFlags, TraceId, TraceState, Tracer, TracerBuilder, Value,
    attributes,
};
use std::hint::black_box;
use std::time::Duration;

/// What the workloads need to have at hand.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) tracer: Tracer,
    parent: Span,
    not_sampled: Span,
    /// A tracer whose sampler takes nothing.
    off: Tracer,
    /// 16 bytes that the tracer has to copy.
    text: String,
    plugin: Plugin,
    fan: Fan,
}

/// A fan-out over two plugins, and what they record with.
#[derive(Debug)]
struct Fan {
    fan_out: FanOut,
    tracers: [Tracer; 2],
    parent: SpanHandle,
}

impl Fan {
    fn new(drain_interval: Duration) -> Self {
        let tracers = [(); 2].map(|()| {
            let builder = Tracer::builder("benchmark").exporter(Discard).drain_interval(drain_interval);
            builder.build().expect("the tracer can be built")
        });
        let [first, second] = tracers.map(|tracer| Plugin::over("benchmark", tracer));
        let fan_out = FanOut::builder().child(first).child(second).build().expect("there are two children");
        let parent = fan_out.start_span(SpanStart { name: "parent", ..SpanStart::default() });
        Self { fan_out, tracers, parent }
    }
}

/// Takes batches and keeps nothing.
#[derive(Debug)]
struct Discard;

impl SpanExporter for Discard {
    fn export(&self, _: &Context, _: &Batch) -> Result<(), ExportError> {
        Ok(())
    }

    fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }
}

/// Sixteen bytes that live as long as the program.
const STATIC_TEXT: &str = "0123456789abcdef";

impl Stage {
    /// Builds the tracers on the calling thread: their threads run on the processors that this one
    /// may run on now. `drain_interval` is as in `TracerBuilder`.
    pub(crate) fn new(exporter: impl SpanExporter + 'static, drain_interval: Duration) -> Self {
        Self::over(Tracer::builder("benchmark").exporter(exporter), drain_interval)
    }

    /// The same, with whatever else the tracer is to have.
    pub(crate) fn over(builder: TracerBuilder, drain_interval: Duration) -> Self {
        let tracer = builder
            // An exporter that nobody answers is to go on waiting, however slow the machine.
            .export_timeout(Duration::ZERO)
            .drain_interval(drain_interval)
            .build()
            .expect("the tracer can be built");
        let off = Tracer::builder("benchmark")
            .exporter(MemoryExporter::new())
            .drain_interval(drain_interval)
            .sampler(Sampler::always_off())
            .build()
            .expect("the tracer can be built");
        let remote = SpanContext::remote(
            TraceId::from_u128(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c),
            nanospan::SpanId::from_u64(0xb7ad_6b71_6920_3331),
            TraceFlags::NONE,
            TraceState::EMPTY,
        );
        let not_sampled = tracer.span("not sampled").child_of_context(&remote).start();
        assert!(!not_sampled.is_recording(), "the parent was not sampled, so the span is not");
        Self {
            tracer,
            parent: tracer.span("parent").start(),
            not_sampled,
            off,
            text: STATIC_TEXT.to_owned(),
            plugin: Plugin::over("benchmark", tracer),
            fan: Fan::new(drain_interval),
        }
    }

    /// Every tracer that a workload records with. Each has one span that stays live.
    pub(crate) fn tracers(&self) -> [Tracer; 3] {
        let [first, second] = self.fan.tracers;
        [self.tracer, first, second]
    }

    /// Fails if anything that was recorded so far did not arrive or was cut short.
    pub(crate) fn assert_nothing_lost(&self) {
        for stats in self.tracers().map(|tracer| tracer.stats()) {
            let lost = stats.dropped.total() + stats.lost_attributes + stats.lost_events + stats.truncated;
            assert_eq!(lost, 0, "the figures are worthless, spans or parts of them were lost: {stats:?}");
        }
    }

    /// Exports everything, and fails if something recorded so far did not arrive.
    pub(crate) fn finish(&self) {
        for tracer in self.tracers() {
            tracer.flush(Duration::from_secs(60)).expect("everything is exported");
        }
        self.assert_nothing_lost();
    }

    /// W4's first half: a span with W1's attributes.
    #[inline(always)]
    pub(crate) fn started(&self) -> Span {
        let span = self.parent.child("w4").start();
        three_calls(&span);
        span
    }
}

/// What arrives at the exporter for each repetition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrives {
    Nothing,
    /// A child without attributes.
    Bare,
    /// A child with W1's attributes.
    Attributes,
    /// The same with an event and a status.
    Everything,
    /// A root and eight children with W1's attributes.
    Tree,
    /// A child with W1's attributes at both tracers of the fan-out, and nothing at the stage's own.
    InFan,
}

impl Arrives {
    /// How many spans arrive for each repetition.
    pub(crate) const fn spans(self) -> u64 {
        match self {
            Arrives::Nothing | Arrives::InFan => 0,
            Arrives::Tree => 1 + CHILDREN,
            Arrives::Bare | Arrives::Attributes | Arrives::Everything => 1,
        }
    }
}

/// One workload.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) arrives: Arrives,
    /// Repeats it so many times.
    pub(crate) repeat: fn(&Stage, u64),
}

macro_rules! workload {
    ($name:literal, $once:ident, $arrives:ident) => {
        Workload {
            name: $name,
            arrives: Arrives::$arrives,
            repeat: |stage, times| {
                for _ in 0..times {
                    $once(stage);
                }
            },
        }
    };
}

/// All workloads on one thread.
pub(crate) const ALL: &[Workload] = &[
    workload!("W0", w0, Bare),
    workload!("W1 in three calls", w1_three_calls, Attributes),
    workload!("W1 in one call", w1_one_call, Attributes),
    workload!("W1d", w1d, Attributes),
    workload!("W2", w2, Everything),
    workload!("W3", w3, Tree),
    workload!("W5 child", w5_child, Nothing),
    workload!("W5 root", w5_root, Nothing),
    workload!("W1 by handle", w1_by_handle, Attributes),
    workload!("W1 by plugin", w1_by_plugin, Attributes),
    workload!("W1 by fan-out", w1_by_fan_out, InFan),
    workload!("host types", host_types, Nothing),
];

#[inline(always)]
fn w0(stage: &Stage) {
    black_box(&stage.parent.child("w0").start());
}

#[inline(always)]
fn three_calls(span: &Span) {
    span.set_attribute("http.response.status_code", black_box(200_i64));
    span.set_attribute("server.address", Value::StaticStr(black_box(STATIC_TEXT)));
    span.set_attribute("cached", black_box(true));
}

#[inline(always)]
fn w1_three_calls(stage: &Stage) {
    let span = stage.parent.child("w1").start();
    three_calls(&span);
}

#[inline(always)]
fn w1_one_call(stage: &Stage) {
    let span = stage.parent.child("w1").start();
    span.set_attributes(&attributes![
        "http.response.status_code" => black_box(200_i64),
        "server.address" => Value::StaticStr(black_box(STATIC_TEXT)),
        "cached" => black_box(true),
    ]);
}

#[inline(always)]
fn w1d(stage: &Stage) {
    let span = stage.parent.child("w1d").start();
    span.set_attribute("http.response.status_code", black_box(200_i64));
    span.set_attribute("server.address", black_box(&stage.text));
    span.set_attribute("cached", black_box(true));
}

#[inline(always)]
fn w2(stage: &Stage) {
    let mut span = stage.parent.child("w2").start();
    three_calls(&span);
    span.add_event("retry", &attributes!["attempt" => black_box(2_i64)]);
    span.set_status(Status::Ok);
}

const CHILDREN: u64 = 8;

#[inline(always)]
fn w3(stage: &Stage) {
    let root = stage.tracer.span("root").start();
    for _ in 0..CHILDREN {
        let child = root.child("w3").start();
        three_calls(&child);
    }
}

#[inline(always)]
fn w5_child(stage: &Stage) {
    black_box(&stage.not_sampled.child("w5").start());
}

#[inline(always)]
fn w5_root(stage: &Stage) {
    black_box(&stage.off.span("w5").start());
}

#[inline(always)]
fn w1_by_handle(stage: &Stage) {
    let tracer = &stage.tracer;
    let parent = black_box(stage.parent.handle());
    let span = tracer.span(Text::Copied(black_box("w1"))).child_of_handle(parent).start_handle();
    tracer.set_attribute(span, Text::Copied(black_box("http.response.status_code")), black_box(200_i64));
    tracer.set_attribute(span, Text::Copied(black_box("server.address")), black_box(&stage.text));
    tracer.set_attribute(span, Text::Copied(black_box("cached")), black_box(true));
    tracer.end_span(span, None);
}

#[inline(always)]
fn w1_by_plugin(stage: &Stage) {
    w1_through(&stage.plugin, stage.parent.handle().into());
}

#[inline(always)]
fn w1_by_fan_out(stage: &Stage) {
    w1_through(&stage.fan.fan_out, stage.fan.parent);
}

#[inline(always)]
fn w1_through(plugin: &dyn TracerPlugin, parent: SpanHandle) {
    // Behind it the compiler does not know which tracer it is, as in a host: else it would call the one
    // there is directly, and inline it where it is small.
    let plugin = black_box(plugin);
    let span = plugin.start_span(SpanStart { name: "w1", parent: Some(parent), ..SpanStart::default() });
    plugin.set_attribute(span, "http.response.status_code", AttrValue::I64(black_box(200)));
    plugin.set_attribute(span, "server.address", AttrValue::from(black_box(STATIC_TEXT)));
    plugin.set_attribute(span, "cached", AttrValue::Bool(black_box(true)));
    plugin.end_span(span, None);
}

#[inline(always)]
fn host_types(_: &Stage) {
    drop(black_box(SpanStart { name: "w1", ..SpanStart::default() }));
    drop(black_box(AttrValue::I64(black_box(200))));
    drop(black_box(AttrValue::from(black_box(STATIC_TEXT))));
    drop(black_box(AttrValue::Bool(black_box(true))));
}
