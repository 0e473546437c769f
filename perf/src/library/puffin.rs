//! puffin: a scope has a name and one string, no ids and no attributes. A thread ends a frame every
//! millisecond, as a game's loop does, and hands it to a sink.

use crate::content::Sink;
use crate::library::{Exporter, Library, Setup};
use crate::workload::{CHILDREN, TEXT, Types};
use ::puffin::{FrameData, GlobalProfiler, ProfilerScope, profile_scope, profile_scope_custom};
use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Puffin {
    sink: Arc<Sink>,
}

/// Scopes that may be under way while a producer is throttled.
const BACKLOG: u64 = 65_536;

const FRAME: Duration = Duration::from_millis(1);

impl Library for Puffin {
    const TYPES: Types = Types::Nothing("has one string, no keys");
    const HAS_VALUES: bool = false;
    type Root = ();
    type Scope<'a> = Option<ProfilerScope>;
    type Open = Infallible;

    fn build(setup: &Setup) -> Result<Self, String> {
        if setup.exporter != Exporter::Healthy {
            return Err("only nanospan is measured with a hanging or failing exporter".to_owned());
        }
        ::puffin::set_scopes_on(setup.sampled);
        let sink = Arc::clone(&setup.sink);
        let count = move |frame: Arc<FrameData>| sink.count(black_box(frame).meta().num_scopes as u64);
        GlobalProfiler::lock().add_sink(Box::new(count));
        let frames = || {
            loop {
                thread::sleep(FRAME);
                GlobalProfiler::lock().new_frame();
            }
        };
        thread::Builder::new()
            .name("puffin-frames".to_owned())
            .spawn(frames)
            .map_err(|error| error.to_string())?;
        Ok(Self { sink: Arc::clone(&setup.sink) })
    }

    fn root(&self) {}

    fn scope(&self, (): &()) -> Option<ProfilerScope> {
        profile_scope_custom!("root")
    }

    fn is_sampled(&self, (): &()) -> bool {
        ::puffin::are_scopes_on()
    }

    #[inline(always)]
    fn w0(&self, _: &Option<ProfilerScope>) {
        profile_scope!("w0");
    }

    #[inline(always)]
    fn w1(&self, _: &Option<ProfilerScope>, _: u64) {
        profile_scope!("w1", black_box(TEXT));
    }

    #[inline(always)]
    fn w1d(&self, _: &Option<ProfilerScope>, _: u64, text: &str) {
        profile_scope!("w1", black_box(text));
    }

    #[inline(always)]
    fn w2(&self, scope: &Option<ProfilerScope>, n: u64) {
        self.w1(scope, n);
    }

    #[inline(always)]
    fn w3(&self, _: u64) {
        profile_scope!("root");
        for _ in 0..CHILDREN {
            profile_scope!("w3", black_box(TEXT));
        }
    }

    /// It cannot: as W1.
    fn a10(&self, scope: &Option<ProfilerScope>, n: u64) {
        self.w1(scope, n);
    }

    /// It cannot: as W1.
    fn a30(&self, scope: &Option<ProfilerScope>, n: u64) {
        self.w1(scope, n);
    }

    fn open(&self, _: &Option<ProfilerScope>, _: u64) -> Infallible {
        unreachable!("a scope is not a value; nobody asks for one")
    }

    fn open_bare(&self, scope: &Option<ProfilerScope>) -> Infallible {
        self.open(scope, 0)
    }

    fn add(&self, span: &mut Infallible, _: u64) {
        match *span {}
    }

    fn settle(&self) {
        self.flush();
    }

    fn flush(&self) {
        GlobalProfiler::lock().new_frame();
    }

    fn waiting(&self, produced: u64) -> u64 {
        produced.saturating_sub(self.sink.spans())
    }

    fn backlog(&self) -> u64 {
        BACKLOG
    }
}
