//! `tracing` with `tracing-opentelemetry`'s layer over the OpenTelemetry SDK. Spans are entered, except
//! those that go from place to place. The layer adds attributes of its own, as it does by default.

use crate::library::otel::Provider;
use crate::library::{Library, Setup};
use crate::workload::{ATTEMPTS, CHILDREN, TEXT, Types, status};
use ::tracing::span::{Entered, EnteredSpan};
use ::tracing::{Span, field, info, info_span};
use opentelemetry::trace::TraceContextExt;
use std::hint::black_box;
use tracing_opentelemetry::{OpenTelemetrySpanExt, layer};
use tracing_subscriber::layer::SubscriberExt;

#[derive(Debug)]
pub(crate) struct Tracing {
    provider: Provider,
}

/// A span with W1's attributes. The macro wants keys as literals; they are those of `workload`.
macro_rules! with_three {
    ($(parent: $parent:expr,)? $name:literal, $n:expr, $text:expr $(, $more:tt)*) => {
        info_span!(
            $(parent: $parent,)?
            $name,
            http.response.status_code = black_box(status($n)),
            server.address = black_box($text),
            cached = black_box(true),
            $($more)*
        )
    };
}

/// A span with an integer, a text and a boolean in turns for groups of three keys and one integer at
/// the end, if there is one.
macro_rules! many {
    ($n:expr, $($integer:ident $text:ident $flag:ident)* $(; $last:ident)?) => {
        info_span!(
            "many",
            $(
                $integer = black_box(status($n)),
                $text = black_box(TEXT),
                $flag = black_box(true),
            )*
            $($last = black_box(status($n)),)?
        )
        .entered()
    };
}

impl Library for Tracing {
    const TYPES: Types = Types::Kept;
    type Root = Span;
    type Scope<'a> = Entered<'a>;
    type Open = Span;

    fn build(setup: &Setup) -> Result<Self, String> {
        let provider = Provider::new(setup)?;
        let subscriber = tracing_subscriber::registry().with(layer().with_tracer(provider.tracer()));
        ::tracing::subscriber::set_global_default(subscriber).map_err(|error| format!("tracing: {error}"))?;
        Ok(Self { provider })
    }

    fn root(&self) -> Span {
        info_span!(parent: None, "root")
    }

    fn scope<'a>(&self, root: &'a Span) -> Entered<'a> {
        root.enter()
    }

    fn is_sampled(&self, root: &Span) -> bool {
        root.context().span().span_context().is_sampled()
    }

    #[inline(always)]
    fn w0(&self, _: &Entered<'_>) {
        black_box(&info_span!("w0").entered());
    }

    #[inline(always)]
    fn w1(&self, _: &Entered<'_>, n: u64) {
        black_box(&with_three!("w1", n, TEXT).entered());
    }

    #[inline(always)]
    fn w1d(&self, _: &Entered<'_>, n: u64, text: &str) {
        black_box(&with_three!("w1", n, text).entered());
    }

    #[inline(always)]
    fn w2(&self, _: &Entered<'_>, n: u64) {
        let span = info_span!(
            "w2",
            http.response.status_code = black_box(status(n)),
            server.address = black_box(TEXT),
            cached = black_box(true),
            otel.status_code = field::Empty,
        )
        .entered();
        info!(attempt = black_box(ATTEMPTS), "retry");
        span.record("otel.status_code", "ok");
    }

    #[inline(always)]
    fn w3(&self, n: u64) {
        let _root: EnteredSpan = self.root().entered();
        for _ in 0..CHILDREN {
            black_box(&with_three!("w3", n, TEXT).entered());
        }
    }

    #[inline(always)]
    fn a10(&self, _: &Entered<'_>, n: u64) {
        black_box(&many!(n, k00 k01 k02 k03 k04 k05 k06 k07 k08; k09));
    }

    #[inline(always)]
    fn a30(&self, _: &Entered<'_>, n: u64) {
        black_box(&many!(n, k00 k01 k02 k03 k04 k05 k06 k07 k08 k09 k10 k11 k12 k13 k14 k15 k16 k17
            k18 k19 k20 k21 k22 k23 k24 k25 k26 k27 k28 k29));
    }

    #[inline(always)]
    fn open(&self, _: &Entered<'_>, n: u64) -> Span {
        with_three!("w4", n, TEXT)
    }

    #[inline(always)]
    fn open_bare(&self, _: &Entered<'_>) -> Span {
        info_span!(
            "w4",
            http.response.status_code = field::Empty,
            server.address = field::Empty,
            cached = field::Empty
        )
    }

    #[inline(always)]
    fn add(&self, span: &mut Span, n: u64) {
        span.record("http.response.status_code", black_box(status(n)));
        span.record("server.address", black_box(TEXT));
        span.record("cached", black_box(true));
    }

    fn settle(&self) {
        self.provider.flush();
    }

    fn flush(&self) {
        self.provider.flush();
    }

    fn waiting(&self, produced: u64) -> u64 {
        self.provider.waiting(produced)
    }

    fn backlog(&self) -> u64 {
        self.provider.backlog
    }
}
