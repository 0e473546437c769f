//! Finding the trees in a list of spans that may claim anything.
//!
//! Ids can occur twice, parents can be missing, a span can name itself or a descendant as its
//! parent, and a chain can be as long as the list. So nothing here is recursive, every step is
//! linear but for the sorting, and each span is drawn exactly once.

use std::collections::HashMap;

use super::trace::Span;

/// A line of the forest: a span, or a parent that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    /// The span of this index.
    Span(usize),
    /// A parent that spans refer to and that is not in the input.
    Missing {
        id: [u8; 8],
        /// Whether it is known to be in another process.
        remote: bool,
    },
}

/// A node and where it is drawn.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) node: Node,
    /// 0 for a root.
    pub(super) depth: usize,
    /// Whether no sibling follows.
    pub(super) last: bool,
    pub(super) has_children: bool,
    /// The parent, if it is a span.
    pub(super) parent: Option<usize>,
    pub(super) oddity: Option<Oddity>,
}

/// What is wrong with the place of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Oddity {
    /// Another span before it has the same id; children are drawn below that one.
    DuplicateId,
    /// It names itself as its parent.
    OwnParent,
    /// Its parent is also its descendant. It is the one of its cycle that starts first.
    Cycle,
}

/// All rows, parents before their children, siblings in the order of their starts.
pub(super) fn rows(spans: &[Span]) -> Vec<Row> {
    let mut plan = Plan::new(spans);
    plan.break_cycles(spans);
    plan.rows(spans)
}

struct Plan {
    /// The spans in order, then the missing parents.
    nodes: Vec<Node>,
    /// For each node, the index of its parent.
    parents: Vec<Option<usize>>,
    oddities: Vec<Option<Oddity>>,
}

impl Plan {
    fn new(spans: &[Span]) -> Self {
        let mut ids = HashMap::with_capacity(spans.len());
        let mut plan = Self {
            nodes: (0..spans.len()).map(Node::Span).collect(),
            parents: vec![None; spans.len()],
            oddities: vec![None; spans.len()],
        };
        for (index, span) in spans.iter().enumerate() {
            if *ids.entry(span.id).or_insert(index) != index {
                plan.oddities[index] = Some(Oddity::DuplicateId);
            }
        }
        for (index, span) in spans.iter().enumerate() {
            let Some(parent) = span.parent else { continue };
            if parent == span.id {
                plan.oddities[index] = Some(Oddity::OwnParent);
                continue;
            }
            let next = plan.nodes.len();
            let parent_index = *ids.entry(parent).or_insert(next);
            if parent_index == next {
                plan.nodes.push(Node::Missing { id: parent, remote: span.remote_parent });
            }
            plan.parents[index] = Some(parent_index);
        }
        plan.parents.resize(plan.nodes.len(), None);
        plan.oddities.resize(plan.nodes.len(), None);
        plan
    }

    /// Makes a root of one span of each cycle.
    fn break_cycles(&mut self, spans: &[Span]) {
        // Each node is given the number of the walk that first came by. A walk that meets its own
        // number has found a cycle.
        let mut walks = vec![usize::MAX; self.nodes.len()];
        for begin in 0..spans.len() {
            let mut at = Some(begin);
            while let Some(index) = at.filter(|&index| walks[index] == usize::MAX) {
                walks[index] = begin;
                at = self.parents[index];
            }
            let Some(met) = at.filter(|&index| walks[index] == begin) else {
                continue;
            };
            let (mut earliest, mut index) = (met, met);
            while let Some(next) = self.parents[index].filter(|&next| next != met) {
                if spans[next].start < spans[earliest].start {
                    earliest = next;
                }
                index = next;
            }
            self.parents[earliest] = None;
            self.oddities[earliest] = Some(Oddity::Cycle);
        }
    }

    fn rows(&self, spans: &[Span]) -> Vec<Row> {
        let mut starts: Vec<u64> = spans.iter().map(|span| span.start).collect();
        starts.resize(self.nodes.len(), u64::MAX);
        let mut children = vec![Vec::new(); self.nodes.len()];
        let mut roots = Vec::new();
        for (index, parent) in self.parents.iter().enumerate() {
            match parent {
                Some(parent) => {
                    children[*parent].push(index);
                    // A missing parent stands where its first child does.
                    if *parent >= spans.len() {
                        starts[*parent] = starts[*parent].min(starts[index]);
                    }
                }
                None => roots.push(index),
            }
        }
        let by_start = |nodes: &mut Vec<usize>| nodes.sort_by_key(|&node| starts[node]);
        children.iter_mut().for_each(by_start);
        by_start(&mut roots);

        let mut rows = Vec::with_capacity(self.nodes.len());
        // The next one is at the end, so siblings are put there in reverse.
        let mut waiting: Vec<(usize, usize, bool)> = Vec::new();
        let put = |waiting: &mut Vec<_>, nodes: &[usize], depth| {
            let last = nodes.last().copied();
            let entry = |&node: &usize| (node, depth, Some(node) == last);
            waiting.extend(nodes.iter().rev().map(entry));
        };
        put(&mut waiting, &roots, 0);
        while let Some((node, depth, last)) = waiting.pop() {
            rows.push(Row {
                node: self.nodes[node],
                depth,
                last,
                has_children: !children[node].is_empty(),
                parent: self.parents[node].filter(|&parent| parent < spans.len()),
                oddity: self.oddities[node],
            });
            put(&mut waiting, &children[node], depth + 1);
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::rc::Rc;

    use nanospan::{SpanKind, StatusCode};
    use proptest::prelude::*;

    use super::*;

    fn span(id: u8, parent: u8, start: u64) -> Span {
        let wide = |id: u8| [0, 0, 0, 0, 0, 0, 0, id];
        Span {
            id: wide(id),
            parent: (parent != 0).then(|| wide(parent)),
            remote_parent: false,
            service: Rc::from(""),
            name: String::new(),
            kind: SpanKind::Internal,
            start,
            end: start,
            status: StatusCode::Unset,
            message: String::new(),
            attributes: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
            dropped: [0; 3],
        }
    }

    /// Depth and span of each row, and -1 for a missing parent.
    fn drawn(spans: &[Span]) -> Vec<(usize, i64)> {
        let place = |row: &Row| match row.node {
            Node::Span(index) => (row.depth, index as i64),
            Node::Missing { .. } => (row.depth, -1),
        };
        rows(spans).iter().map(place).collect()
    }

    #[test]
    fn siblings_stand_in_the_order_of_their_starts() {
        let spans = [span(3, 1, 30), span(1, 0, 10), span(2, 1, 20), span(4, 2, 25)];
        assert_eq!(drawn(&spans), [(0, 1), (1, 2), (2, 3), (1, 0)]);
    }

    #[test]
    fn orphans_of_one_parent_stand_below_it_together() {
        let spans = [span(1, 9, 10), span(2, 0, 15), span(3, 9, 20)];
        assert_eq!(drawn(&spans), [(0, -1), (1, 0), (1, 2), (0, 1)]);
    }

    #[test]
    fn a_cycle_is_broken_at_its_earliest_span() {
        let spans = [span(1, 3, 20), span(2, 1, 10), span(3, 2, 30), span(4, 3, 5)];
        assert_eq!(drawn(&spans), [(0, 1), (1, 2), (2, 3), (2, 0)]);
        let rows = rows(&spans);
        assert_eq!(rows[0].oddity, Some(Oddity::Cycle));
        assert!(rows[1..].iter().all(|row| row.oddity.is_none()));
    }

    #[test]
    fn a_span_that_is_its_own_parent_is_a_root() {
        let rows = rows(&[span(1, 1, 0)]);
        assert_eq!((rows.len(), rows[0].depth), (1, 0));
        assert_eq!(rows[0].oddity, Some(Oddity::OwnParent));
    }

    proptest! {
        #[test]
        fn every_span_is_drawn_once_below_its_parent_whatever_the_ids(
            list in proptest::collection::vec((0_u8..12, 0_u8..14, 0_u64..9), 0..40),
        ) {
            let list: Vec<Span> = list.iter().map(|&(id, parent, start)| span(id, parent, start)).collect();
            let rows = rows(&list);
            let mut path: Vec<Node> = Vec::new();
            let mut seen = HashSet::new();
            for row in &rows {
                prop_assert!(row.depth <= path.len());
                path.truncate(row.depth);
                if let Node::Span(index) = row.node {
                    prop_assert!(seen.insert(index));
                    match path.last() {
                        Some(Node::Span(parent)) => {
                            prop_assert_eq!(list[index].parent, Some(list[*parent].id));
                            prop_assert_eq!(row.parent, Some(*parent));
                        }
                        Some(Node::Missing { id, .. }) => {
                            prop_assert_eq!(list[index].parent, Some(*id));
                        }
                        None => prop_assert!(list[index].parent.is_none() || row.oddity.is_some()),
                    }
                }
                path.push(row.node);
            }
            prop_assert_eq!(seen.len(), list.len());
        }
    }
}
