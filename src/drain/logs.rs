//! The logs of all threads, how far each was read, and which a pass reads.
//!
//! # Which logs a pass has to read
//!
//! Whatever happened before an end that the pass saw must be in the span. A record of it is in
//!
//! * the log of the thread that took the span's block, if it was made by that thread as the owner: the
//!   block says whose that is, and the pass reads it;
//! * any log, if it was made from elsewhere. Such a call counts in the span's slot, before its record and
//!   so before the end. When the pass has found records of fewer calls than the slot has counted, it
//!   reads all logs that it has not read yet. What it then has may still be less: calls that were turned
//!   away, shed or come after the end count as well.
//!
//! Besides, each log is read while there is something new in it, in its turn otherwise, and in a pass
//! that a flush waits for, so that its chunks come back and calls that came too late are counted.

use crate::drain::turns::{Next, Quiet, Share, Turns};
use crate::raw::engine::Engine;
use crate::raw::local::Local;
use crate::raw::log::{Log, Reader};
use crate::raw::prefetch::prefetch;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    /// By the number of the thread's local.
    all: Vec<Option<Followed>>,
    found: usize,
    turns: Turns,
    pass: u64,
    /// How many were read in this pass.
    read: usize,
}

#[derive(Debug)]
struct Followed {
    log: &'static Log,
    reader: Reader,
    quiet: Quiet,
    is_busy: bool,
    /// The last pass in which it was read.
    read_in: u64,
}

impl Logs {
    /// Begins a pass: with those that are to be read in any case.
    pub(crate) fn begin(&mut self, engine: &'static Engine, share: Share) {
        self.pass += 1;
        self.read = 0;
        self.find(engine);
        let Self { all: logs, turns, .. } = self;
        turns.begin(share, |id| {
            let Some(log) = &mut logs[id as usize] else { return false };
            !std::mem::replace(&mut log.is_busy, true)
        });
    }

    /// Learns of logs that are new.
    fn find(&mut self, engine: &'static Engine) {
        // A local that is not found yet is not there yet: it is counted first.
        if engine.registry.made() == self.found {
            return;
        }
        for local in engine.registry.iter() {
            let Local { log, number, .. } = local;
            let id = *number as usize;
            if id >= self.all.len() {
                self.all.resize_with(id + 1, || None);
            }
            if self.all[id].is_none() {
                let reader = Reader::new();
                let quiet = Quiet::default();
                self.all[id] = Some(Followed { log, reader, quiet, is_busy: false, read_in: 0 });
                self.turns.add_at_rest(*number);
                self.found += 1;
            }
        }
    }

    /// How many are to be read in any case.
    pub(crate) fn now(&self) -> usize {
        self.turns.now().len()
    }

    /// The `n`-th of those.
    pub(crate) fn nth(&self, n: usize) -> u32 {
        self.turns.now()[n]
    }

    /// Asks for what is needed some logs after the `n`-th of those.
    #[inline]
    pub(crate) fn prefetch_after(&self, n: usize) {
        let [next, later] = self.turns.after(n);
        if let Some(later) = later {
            prefetch(&self.all[later as usize]);
        }
        if let Some(Some(next)) = next.map(|next| &self.all[next as usize]) {
            next.log.prefetch();
        }
    }

    /// The log of this number, and its reader, if it was not read in this pass and there is something new.
    ///
    /// Read once in a pass, after the ends were looked at.
    #[inline]
    pub(crate) fn take(
        &mut self,
        engine: &'static Engine,
        id: u32,
    ) -> Option<(&'static Log, u64, &mut Reader)> {
        if !matches!(self.all.get(id as usize), Some(Some(_))) {
            // The thread's first span ended, or it made its first record, after the pass had begun.
            self.find(engine);
        }
        let Self { all, turns, pass, read, .. } = self;
        let followed = all.get_mut(id as usize)?.as_mut()?;
        if followed.read_in == *pass {
            return None;
        }
        followed.read_in = *pass;
        *read += 1;
        let target = followed.log.committed();
        let has_news = followed.reader.is_behind(target);
        followed.quiet.after(has_news);
        if !has_news {
            return None;
        }
        if !followed.is_busy {
            followed.is_busy = true;
            turns.add(id);
        }
        Some((followed.log, target, &mut followed.reader))
    }

    /// Whether some were not read in this pass.
    pub(crate) fn has_unread(&self, engine: &'static Engine) -> bool {
        self.read < engine.registry.made()
    }

    /// How many there may be, by number.
    pub(crate) fn numbers(&mut self, engine: &'static Engine) -> u32 {
        self.find(engine);
        self.all.len() as u32
    }

    /// Ends a pass.
    pub(crate) fn settle(&mut self) {
        let Self { all, turns, .. } = self;
        turns.settle(|id| {
            let Some(log) = &mut all[id as usize] else { return Next::Gone };
            let next = log.quiet.next();
            log.is_busy = next == Next::Busy;
            next
        });
    }
}
