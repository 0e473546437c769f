//! fastrace: local spans below a root that is the thread's local parent; spans that move are `Span`s.
//! It keeps every value as a string and has no status; a property stands for that.

use crate::content::{Content, Field, Sink};
use crate::library::{Library, Setup};
use crate::workload::{
    ADDRESS, ATTEMPT, ATTEMPTS, CACHED, CHILDREN, EVENT, KEYS, STATUS, STATUS_PROPERTY, TEXT, Types, status,
    value,
};
use fastrace::collector::{Config, Reporter, SpanContext, SpanId, SpanRecord};
use fastrace::local::{LocalParentGuard, LocalSpan};
use fastrace::{Event, Span};
use std::borrow::Cow;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

type Property = (&'static str, Cow<'static, str>);

#[derive(Debug)]
pub(crate) struct Fastrace {
    sink: Arc<Sink>,
    sampled: bool,
}

/// A root, and a guard that makes it the thread's local parent.
pub(crate) struct Scope<'a> {
    root: &'a Span,
    _local: LocalParentGuard,
}

/// Spans that may be under way while a producer is throttled: eight local parents' worth.
const BACKLOG: u64 = 8 * 5_120;

struct Counting(Arc<Sink>);

impl Reporter for Counting {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        if self.0.is_verifying() {
            for span in &spans {
                let mut content = Content::new(&span.name, span.parent_id != SpanId(0));
                for (key, value) in &span.properties {
                    content.attribute(key, Field::Text(value));
                }
                for event in &span.events {
                    let fields = event.properties.iter().map(|(key, value)| (&**key, Field::Text(value)));
                    content.event(&event.name, fields);
                }
                self.0.add(content);
            }
        }
        self.0.count(black_box(spans).len() as u64);
    }
}

#[inline(always)]
fn three(n: u64) -> [Property; 3] {
    with_text(n, Cow::Borrowed(black_box(TEXT)))
}

#[inline(always)]
fn with_text(n: u64, text: Cow<'static, str>) -> [Property; 3] {
    let cached = if black_box(true) { "true" } else { "false" };
    [(STATUS, black_box(status(n)).to_string().into()), (ADDRESS, text), (CACHED, cached.into())]
}

#[inline(always)]
fn many(count: usize, n: u64) -> impl Iterator<Item = Property> {
    KEYS[..count].iter().enumerate().map(move |(place, key)| {
        let value = match black_box(value(place, n)) {
            Field::Text(text) => text.into(),
            Field::Integer(number) => number.to_string().into(),
            Field::Flag(flag) => if flag { "true" } else { "false" }.into(),
            Field::Other => "".into(),
        };
        (*key, value)
    })
}

impl Library for Fastrace {
    const TYPES: Types = Types::Strings;
    type Root = Span;
    type Scope<'a> = Scope<'a>;
    type Open = Span;

    fn build(setup: &Setup) -> Result<Self, String> {
        let mut config = Config::default();
        if setup.throttled {
            config = config.report_interval(Duration::from_millis(1));
        }
        fastrace::set_reporter(Counting(Arc::clone(&setup.sink)), config);
        Ok(Self { sink: Arc::clone(&setup.sink), sampled: setup.sampled })
    }

    fn root(&self) -> Span {
        Span::root("root", SpanContext::random().sampled(self.sampled))
    }

    fn scope<'a>(&self, root: &'a Span) -> Scope<'a> {
        Scope { root, _local: root.set_local_parent() }
    }

    fn is_sampled(&self, root: &Span) -> bool {
        SpanContext::from_span(root).is_some_and(|context| context.sampled)
    }

    #[inline(always)]
    fn w0(&self, _: &Scope<'_>) {
        black_box(&LocalSpan::enter_with_local_parent("w0"));
    }

    #[inline(always)]
    fn w1(&self, _: &Scope<'_>, n: u64) {
        black_box(&LocalSpan::enter_with_local_parent("w1").with_properties(|| three(n)));
    }

    #[inline(always)]
    fn w1d(&self, _: &Scope<'_>, n: u64, text: &str) {
        let properties = || with_text(n, Cow::Owned(black_box(text).to_owned()));
        black_box(&LocalSpan::enter_with_local_parent("w1").with_properties(properties));
    }

    #[inline(always)]
    fn w2(&self, _: &Scope<'_>, n: u64) {
        let span = LocalSpan::enter_with_local_parent("w2").with_properties(|| three(n));
        let attempts = || (ATTEMPT, black_box(ATTEMPTS).to_string());
        LocalSpan::add_event(Event::new(EVENT).with_property(attempts));
        black_box(&span.with_property(|| (STATUS_PROPERTY, "ok")));
    }

    #[inline(always)]
    fn w3(&self, n: u64) {
        let root = self.root();
        let _local = root.set_local_parent();
        for _ in 0..CHILDREN {
            black_box(&LocalSpan::enter_with_local_parent("w3").with_properties(|| three(n)));
        }
    }

    #[inline(always)]
    fn a10(&self, _: &Scope<'_>, n: u64) {
        black_box(&LocalSpan::enter_with_local_parent("many").with_properties(|| many(10, n)));
    }

    #[inline(always)]
    fn a30(&self, _: &Scope<'_>, n: u64) {
        black_box(&LocalSpan::enter_with_local_parent("many").with_properties(|| many(30, n)));
    }

    #[inline(always)]
    fn open(&self, scope: &Scope<'_>, n: u64) -> Span {
        Span::enter_with_parent("w4", scope.root).with_properties(|| three(n))
    }

    #[inline(always)]
    fn open_bare(&self, scope: &Scope<'_>) -> Span {
        Span::enter_with_parent("w4", scope.root)
    }

    #[inline(always)]
    fn add(&self, span: &mut Span, n: u64) {
        span.add_properties(|| three(n));
    }

    fn settle(&self) {
        fastrace::flush();
    }

    fn flush(&self) {
        fastrace::flush();
    }

    fn waiting(&self, produced: u64) -> u64 {
        produced.saturating_sub(self.sink.spans())
    }

    fn backlog(&self) -> u64 {
        BACKLOG
    }
}
