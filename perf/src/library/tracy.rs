//! tracy: a zone has a number, a text and a colour, no ids and no keys. No server is connected, so its
//! queue grows and nothing is delivered: only the caller's cost can be compared.

use crate::library::{Exporter, Library, Setup};
use crate::workload::{CHILDREN, TEXT, Types, status};
use std::convert::Infallible;
use std::hint::black_box;
use tracy_client::{Client, Span, span};

#[derive(Debug)]
pub(crate) struct Tracy;

#[inline(always)]
fn three(zone: &Span, n: u64, text: &str) {
    zone.emit_value(black_box(status(n)) as u64);
    zone.emit_text(black_box(text));
    zone.emit_color(u32::from(black_box(true)));
}

impl Library for Tracy {
    const TYPES: Types = Types::Nothing("no server, nothing delivered");
    const HAS_VALUES: bool = false;
    type Root = ();
    type Scope<'a> = Span;
    type Open = Infallible;

    fn build(setup: &Setup) -> Result<Self, String> {
        if setup.exporter != Exporter::Healthy || !setup.sampled {
            return Err("tracy has no exporter and no sampling to measure".to_owned());
        }
        let _runs_until_the_end = Client::start();
        Ok(Self)
    }

    fn root(&self) {}

    fn scope(&self, (): &()) -> Span {
        span!("root")
    }

    fn is_sampled(&self, (): &()) -> bool {
        Client::is_running()
    }

    #[inline(always)]
    fn w0(&self, _: &Span) {
        black_box(&span!("w0"));
    }

    #[inline(always)]
    fn w1(&self, _: &Span, n: u64) {
        three(&span!("w1"), n, TEXT);
    }

    #[inline(always)]
    fn w1d(&self, _: &Span, n: u64, text: &str) {
        three(&span!("w1"), n, text);
    }

    /// A zone has no events and no status: a second text stands for the event.
    #[inline(always)]
    fn w2(&self, _: &Span, n: u64) {
        let zone = span!("w2");
        three(&zone, n, TEXT);
        zone.emit_text(black_box("retry"));
    }

    #[inline(always)]
    fn w3(&self, n: u64) {
        let _root = span!("root");
        for _ in 0..CHILDREN {
            three(&span!("w3"), n, TEXT);
        }
    }

    /// It cannot: as W1.
    fn a10(&self, scope: &Span, n: u64) {
        self.w1(scope, n);
    }

    /// It cannot: as W1.
    fn a30(&self, scope: &Span, n: u64) {
        self.w1(scope, n);
    }

    fn open(&self, _: &Span, _: u64) -> Infallible {
        unreachable!("a zone belongs to its thread; nobody asks for one that moves")
    }

    fn open_bare(&self, scope: &Span) -> Infallible {
        self.open(scope, 0)
    }

    fn add(&self, span: &mut Infallible, _: u64) {
        match *span {}
    }

    fn settle(&self) {}

    fn flush(&self) {}

    fn waiting(&self, _: u64) -> u64 {
        0
    }
}
