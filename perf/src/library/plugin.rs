//! nanospan behind a host's trait: `&dyn TracerPlugin`, spans by handle, names and keys copied.

use crate::content::Field;
use crate::library::{Library, Setup, nanospan};
use crate::workload::{
    ADDRESS, ATTEMPT, ATTEMPTS, CACHED, CHILDREN, EVENT, KEYS, STATUS, TEXT, Types, status, value,
};
use ::nanospan::Tracer;
use ::nanospan::plugin::Plugin;
use ::nanospan::plugin::bext_plugin_api::tracer::{
    AttrValue, SpanEvent, SpanHandle, SpanStart, SpanStatus, TracerPlugin,
};
use std::hint::black_box;

#[derive(Debug)]
pub(crate) struct Hosted {
    tracer: Tracer,
    plugin: Plugin,
}

/// The trait has no guard: a root is ended by hand.
#[derive(Debug)]
pub(crate) struct Root {
    plugin: Plugin,
    handle: SpanHandle,
}

impl Drop for Root {
    fn drop(&mut self) {
        self.plugin.end_span(self.handle, None);
    }
}

impl Hosted {
    /// As a host has it: the compiler does not know what is behind the trait.
    #[inline(always)]
    fn host(&self) -> &dyn TracerPlugin {
        black_box(&self.plugin)
    }
}

#[inline(always)]
fn start(host: &dyn TracerPlugin, name: &str, parent: SpanHandle) -> SpanHandle {
    host.start_span(SpanStart { name, parent: Some(parent), ..SpanStart::default() })
}

#[inline(always)]
fn three_calls(host: &dyn TracerPlugin, span: SpanHandle, n: u64, text: &str) {
    host.set_attribute(span, STATUS, AttrValue::I64(black_box(status(n))));
    host.set_attribute(span, ADDRESS, AttrValue::from(black_box(text)));
    host.set_attribute(span, CACHED, AttrValue::Bool(black_box(true)));
}

#[inline(always)]
fn many(host: &dyn TracerPlugin, parent: SpanHandle, count: usize, n: u64) {
    let span = start(host, "many", parent);
    for (place, key) in KEYS[..count].iter().enumerate() {
        let value = match black_box(value(place, n)) {
            Field::Text(text) => AttrValue::from(text),
            Field::Flag(flag) => AttrValue::Bool(flag),
            Field::Integer(number) => AttrValue::I64(number),
            Field::Other => continue,
        };
        host.set_attribute(span, key, value);
    }
    host.end_span(span, None);
}

impl Library for Hosted {
    const TYPES: Types = Types::Kept;
    type Root = Root;
    type Scope<'a> = SpanHandle;
    type Open = SpanHandle;

    fn build(setup: &Setup) -> Result<Self, String> {
        let tracer = nanospan::tracer(setup)?;
        Ok(Self { tracer, plugin: Plugin::over("perf", tracer) })
    }

    fn root(&self) -> Root {
        let handle = self.host().start_span(SpanStart { name: "root", ..SpanStart::default() });
        Root { plugin: self.plugin.clone(), handle }
    }

    fn scope(&self, root: &Root) -> SpanHandle {
        root.handle
    }

    fn is_sampled(&self, root: &Root) -> bool {
        !root.handle.is_invalid()
    }

    #[inline(always)]
    fn w0(&self, parent: &SpanHandle) {
        let host = self.host();
        let span = start(host, "w0", *parent);
        host.end_span(span, None);
    }

    #[inline(always)]
    fn w1(&self, parent: &SpanHandle, n: u64) {
        self.w1d(parent, n, TEXT);
    }

    #[inline(always)]
    fn w1d(&self, parent: &SpanHandle, n: u64, text: &str) {
        let host = self.host();
        let span = start(host, "w1", *parent);
        three_calls(host, span, n, text);
        host.end_span(span, None);
    }

    #[inline(always)]
    fn w2(&self, parent: &SpanHandle, n: u64) {
        let host = self.host();
        let span = start(host, "w2", *parent);
        three_calls(host, span, n, TEXT);
        let attributes = vec![(ATTEMPT.to_owned(), AttrValue::I64(black_box(ATTEMPTS)))];
        host.add_event(span, SpanEvent { name: EVENT, attributes, time_unix_nanos: None });
        host.set_status(span, SpanStatus::Ok);
        host.end_span(span, None);
    }

    #[inline(always)]
    fn w3(&self, n: u64) {
        let host = self.host();
        let root = host.start_span(SpanStart { name: "root", ..SpanStart::default() });
        for _ in 0..CHILDREN {
            let span = start(host, "w3", root);
            three_calls(host, span, n, TEXT);
            host.end_span(span, None);
        }
        host.end_span(root, None);
    }

    #[inline(always)]
    fn a10(&self, parent: &SpanHandle, n: u64) {
        many(self.host(), *parent, 10, n);
    }

    #[inline(always)]
    fn a30(&self, parent: &SpanHandle, n: u64) {
        many(self.host(), *parent, 30, n);
    }

    #[inline(always)]
    fn open(&self, parent: &SpanHandle, n: u64) -> SpanHandle {
        let host = self.host();
        let span = start(host, "w4", *parent);
        three_calls(host, span, n, TEXT);
        span
    }

    #[inline(always)]
    fn open_bare(&self, parent: &SpanHandle) -> SpanHandle {
        start(self.host(), "w4", *parent)
    }

    #[inline(always)]
    fn add(&self, span: &mut SpanHandle, n: u64) {
        three_calls(self.host(), *span, n, TEXT);
    }

    #[inline(always)]
    fn end(&self, span: SpanHandle) {
        self.host().end_span(span, None);
    }

    fn settle(&self) {
        nanospan::settle(&self.tracer);
    }

    fn flush(&self) {
        nanospan::flush(&self.tracer);
    }

    fn waiting(&self, _: u64) -> u64 {
        nanospan::waiting(&self.tracer)
    }

    fn backlog(&self) -> u64 {
        nanospan::BACKLOG
    }

    fn account(&self) -> Vec<(&'static str, String)> {
        nanospan::account(&self.tracer)
    }
}
