//! How ended spans are delivered.

use super::{Reference, State, handle_of};
use crate::fault::Fault;
use nanospan::conformance::tracer::Delivered;
use std::thread;
use std::time::Duration;

impl Reference {
    /// Delivers what has ended. In an outage all of it is kept for the next flush.
    pub(super) fn deliver(&self) -> Result<(), String> {
        let in_two_steps =
            [Fault::OverlappingFlushesDeliverTwice, Fault::FlushLosesWhatEndsMeanwhile].map(Some);
        if in_two_steps.contains(&self.fault) && !self.state().unreachable {
            self.deliver_in_two_steps();
            return Ok(());
        }
        if self.has(Fault::OverlappingFlushPanics) {
            assert!(!std::mem::replace(&mut self.state().flushing, true), "a flush is under way");
            thread::sleep(Duration::from_millis(1));
            self.state().flushing = false;
        }
        let mut state = self.state();
        state.flushes += 1;
        if state.unreachable {
            return self.fail(&mut state);
        }
        let nothing = state.ended.is_empty();
        let batch = self.batch(&mut state);
        state.delivered.extend(batch);
        let failed = match self.fault {
            Some(Fault::FlushFails) => !nothing,
            Some(Fault::FlushOfNothingFails) => nothing,
            Some(Fault::OutageIsReportedForEver) => state.had_outage,
            _ => false,
        };
        if failed { Err("a fault".to_owned()) } else { Ok(()) }
    }

    /// What a flush does in an outage.
    fn fail(&self, state: &mut State) -> Result<(), String> {
        if state.ended.is_empty() && state.held_back.is_empty() {
            return Ok(());
        }
        state.had_outage = true;
        if self.has(Fault::OutageDeliversHalf) {
            let half = state.ended[..state.ended.len() / 2].to_vec();
            state.delivered.extend(half);
        }
        match self.fault {
            Some(Fault::OutageIsSilent) => Ok(()),
            Some(Fault::OutageHasNoText) => Err(String::new()),
            _ => Err("the back-end cannot be reached".to_owned()),
        }
    }

    /// What a flush delivers.
    fn batch(&self, state: &mut State) -> Vec<Delivered> {
        let mut batch = std::mem::take(&mut state.ended);
        match self.fault {
            Some(Fault::FlushIsLate) => std::mem::swap(&mut batch, &mut state.held_back),
            Some(Fault::FlushKeepsTheLastSpan) if batch.len() > 1 => state.ended.extend(batch.pop()),
            Some(Fault::FlushDeliversTwice) => {
                let again = std::mem::replace(&mut state.held_back, batch.clone());
                batch.extend(again);
            }
            Some(Fault::LiveSpansAreFlushed) => batch.extend(state.live.iter().map(|live| live.span.clone())),
            Some(Fault::OutageStopsDelivery) if state.had_outage => batch.clear(),
            _ => {}
        }
        match self.fault {
            Some(Fault::FlushDropsLiveSpans) => state.live.clear(),
            Some(Fault::FlushClearsLiveSpans) => {
                state.live.iter_mut().for_each(|live| live.span.attributes.clear());
            }
            _ => {}
        }
        batch
    }

    /// Without the lock between finding out what has ended and delivering it.
    fn deliver_in_two_steps(&self) {
        let batch = self.state().ended.clone();
        thread::sleep(Duration::from_millis(2));
        let mut state = self.state();
        if self.has(Fault::FlushLosesWhatEndsMeanwhile) {
            state.ended.clear();
        } else {
            state.ended.retain(|span| !batch.iter().any(|sent| handle_of(sent) == handle_of(span)));
        }
        state.delivered.extend(batch);
    }
}
