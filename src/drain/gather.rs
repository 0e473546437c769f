//! The records of one span, wherever they stand: in the side table, in the logs, or copied with their
//! payloads.

use crate::drain::side::NONE;
use crate::raw::record::{Entry, Records};
use crate::raw::recorded::{At, Entries, Recorded};
use crate::seeded::{Bug, seeded};

/// Records of this pass that follow each other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<'g> {
    pub(crate) told: Told<'g>,
    /// The next one of the same span, or `NONE`.
    pub(crate) next: u32,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Told<'g> {
    /// Still in the log, which keeps them until the pass is over.
    InLog(Records<'g>),
    /// One record with a payload that did not fit in it.
    Copied(At),
}

/// All records of one span: first those of earlier passes, then those of this one.
#[derive(Debug, Clone)]
pub(crate) struct Gathered<'a> {
    earlier: Entries<'a>,
    run: Records<'a>,
    next: u32,
    nodes: &'a [Node<'a>],
    recorded: &'a Recorded,
}

impl<'a> Gathered<'a> {
    /// What was put aside in earlier passes, and the nodes of this pass from the `first` one on.
    #[inline(always)]
    pub(crate) fn new(
        earlier: Entries<'a>,
        first: u32,
        nodes: &'a [Node<'a>],
        recorded: &'a Recorded,
    ) -> Self {
        let mut gathered = Self { earlier, run: Records::default(), next: first, nodes, recorded };
        if gathered.earlier.is_empty() {
            gathered.advance();
        }
        gathered
    }

    /// Begins the next run that stands in a log, if that is what comes next.
    #[inline(always)]
    fn advance(&mut self) {
        if let Some(&Node { told: Told::InLog(run), next }) = self.nodes.get(self.next as usize) {
            self.run = run;
            self.next = next;
        }
    }

    /// The records at the front, if they stand in a log and there are any.
    #[inline(always)]
    pub(crate) fn first_run(&mut self) -> Option<&mut Records<'a>> {
        (!self.run.is_empty()).then_some(&mut self.run)
    }

    /// Whether nothing is left.
    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.run.is_empty() && self.next == NONE && self.earlier.is_empty()
    }
}

impl<'a> Iterator for Gathered<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            if let Some(record) = self.run.next() {
                return Some(record.into());
            }
            if !seeded(Bug::AsideLast) || self.next == NONE {
                if let Some(entry) = self.earlier.next() {
                    return Some(entry);
                }
            }
            let node = self.nodes.get(self.next as usize)?;
            self.next = node.next;
            match node.told {
                Told::InLog(records) => self.run = records,
                Told::Copied(at) => return self.recorded.get(at),
            }
        }
    }
}

/// How many nodes an emptied vector may keep room for, 1.5 MiB.
const KEEP_NODES: usize = 1 << 16;

/// `nodes` without its elements, for those of another pass.
pub(crate) fn emptied<'to>(mut nodes: Vec<Node<'_>>) -> Vec<Node<'to>> {
    nodes.clear();
    nodes.shrink_to(KEEP_NODES);
    // Of an empty vector nothing is mapped, and collecting keeps its memory.
    nodes.into_iter().map(|_| unreachable!("the vector is empty")).collect()
}
