//! What must hold across all spans of the input.

use std::collections::{BTreeMap, HashMap, HashSet};

use nanospan::batch::{BatchView, SpanView};

use crate::text::{cut, harmless};
use crate::units::{Hex, counted, duration};

/// How many cases of a finding are told one by one.
const EXAMPLES: usize = 10;

/// Columns that a span's name takes at most in an example.
const NAME_COLUMNS: usize = 40;

/// OTLP's `SpanFlags`: whether the parent is remote is known, and it is.
const REMOTE_PARENT: u32 = 0x100 | 0x200;

type SpanKey = ([u8; 16], [u8; 8]);

/// Gathers what must be known of every span to tell what is wrong with the input as a whole.
#[derive(Debug, Default)]
pub(super) struct Consistency {
    batches: u64,
    spans: u64,
    /// Per tracer, how often each batch number occurs.
    sequences: BTreeMap<u64, BTreeMap<u64, u64>>,
    present: HashSet<SpanKey>,
    /// Parents that spans refer to, with how many do, and one of those.
    parents: HashMap<SpanKey, Children>,
    duplicates: Cases,
    backward: Cases,
}

#[derive(Debug)]
struct Children {
    count: u64,
    first: String,
}

/// Cases of one finding: all are counted, some are kept.
#[derive(Debug, Default)]
struct Cases {
    count: u64,
    examples: Vec<String>,
}

/// Something that is wrong, or may be.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) title: &'static str,
    pub(super) is_error: bool,
    /// How many cases there are.
    pub(super) count: u64,
    /// How many of them the examples are about.
    pub(super) told: u64,
    pub(super) examples: Vec<String>,
}

impl Consistency {
    pub(super) fn batches(&self) -> u64 {
        self.batches
    }

    pub(super) fn spans(&self) -> u64 {
        self.spans
    }

    /// Takes in a batch.
    pub(super) fn add(&mut self, batch: &BatchView<'_>) {
        self.batches += 1;
        self.spans += batch.span_count() as u64;
        let sequences = self.sequences.entry(batch.instance_id()).or_default();
        let times = sequences.entry(batch.sequence()).or_default();
        *times += 1;
        // The spans of a batch that is there twice are all there twice; that is told once.
        let repeated = *times > 1;
        for span in batch.spans() {
            self.add_span(&span, repeated);
        }
    }

    fn add_span(&mut self, span: &SpanView<'_>, repeated: bool) {
        let trace_id = span.trace_id();
        if !self.present.insert((trace_id, span.span_id())) && !repeated {
            self.duplicates.add(|| described(span));
        }
        if let Some(nanos) = span.start_unix_nanos().checked_sub(span.end_unix_nanos()) {
            if nanos > 0 {
                self.backward
                    .add(|| format!("{} ends {} before it starts", described(span), duration(nanos)));
            }
        }
        if let Some(parent) = span.parent_span_id() {
            if span.flags() & REMOTE_PARENT != REMOTE_PARENT && !repeated {
                let children = self.parents.entry((trace_id, parent));
                let children = children.or_insert_with(|| Children { count: 0, first: name_of(span) });
                children.count += 1;
            }
        }
    }

    /// What was found, errors first. With `strict`, missing parents are errors.
    pub(super) fn findings(&self, strict: bool) -> Vec<Finding> {
        let mut findings = vec![
            self.lost_batches(),
            self.repeated_batches(),
            self.duplicates.finding("span ids that occur twice in their trace"),
            self.backward.finding("spans that end before they start"),
            self.orphans(strict),
        ];
        findings.retain(|finding| finding.count > 0);
        findings
    }

    /// Batches are numbered per tracer. What is before the first and behind the last is not known
    /// to have existed; what is missing in between was lost, or is in a file that was not given.
    fn lost_batches(&self) -> Finding {
        let mut cases = Cases::default();
        let mut told: u64 = 0;
        for (instance, sequences) in &self.sequences {
            let numbers = sequences.keys();
            for (before, after) in numbers.clone().zip(numbers.skip(1)) {
                let missing = after - before - 1;
                if missing == 0 {
                    continue;
                }
                let (first, last) = (before + 1, after - 1);
                if cases.examples.len() < EXAMPLES {
                    told = missing.saturating_add(told);
                }
                cases.add_many(missing, || match missing {
                    1 => format!("tracer {instance:016x}: batch {first}"),
                    _ => format!("tracer {instance:016x}: batches {first} to {last}"),
                });
            }
        }
        Finding { told, ..cases.finding("missing batches") }
    }

    fn repeated_batches(&self) -> Finding {
        let mut cases = Cases::default();
        for (instance, sequences) in &self.sequences {
            for (number, times) in sequences.iter().filter(|(_, times)| **times > 1) {
                cases.add(|| format!("tracer {instance:016x}: batch {number} is there {times} times"));
            }
        }
        cases.finding("batches that occur more than once")
    }

    fn orphans(&self, strict: bool) -> Finding {
        let missing = self.parents.iter().filter(|(key, _)| !self.present.contains(*key));
        // In the order of their ids: that of a hash map differs from run to run.
        let mut missing: Vec<_> = missing.collect();
        missing.sort_unstable_by_key(|(key, _)| **key);
        let told = missing.iter().take(EXAMPLES);
        Finding {
            title: "spans whose parent is missing",
            is_error: strict,
            count: missing.iter().map(|(_, children)| children.count).sum(),
            told: told.clone().map(|(_, children)| children.count).sum(),
            examples: told
                .map(|((trace, parent), children)| {
                    let others = match children.count {
                        1 => String::new(),
                        many => format!(" and {}", counted(many - 1, "other")),
                    };
                    let first = &children.first;
                    format!("trace {} parent {} of {first}{others}", Hex(*trace), Hex(*parent))
                })
                .collect(),
        }
    }
}

impl Cases {
    fn add(&mut self, describe: impl FnOnce() -> String) {
        self.add_many(1, describe);
    }

    /// Adds `count` cases that one description tells of.
    fn add_many(&mut self, count: u64, describe: impl FnOnce() -> String) {
        // The numbers come from the input: a sum of gaps may be anything.
        self.count = self.count.saturating_add(count);
        if self.examples.len() < EXAMPLES {
            self.examples.push(describe());
        }
    }

    /// The finding, an error, with one case told by each example.
    fn finding(&self, title: &'static str) -> Finding {
        Finding {
            title,
            is_error: true,
            count: self.count,
            told: self.examples.len() as u64,
            examples: self.examples.clone(),
        }
    }
}

fn described(span: &SpanView<'_>) -> String {
    format!("trace {} span {} {}", Hex(span.trace_id()), Hex(span.span_id()), name_of(span))
}

fn name_of(span: &SpanView<'_>) -> String {
    format!("\"{}\"", cut(&harmless(span.name()), NAME_COLUMNS))
}
