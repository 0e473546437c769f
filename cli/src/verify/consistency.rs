//! What must hold across all batches and spans of the input.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use nanospan::batch::segment::AnyBatch;
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
    data_points: u64,
    /// Per origin, how often each batch number occurs.
    sequences: BTreeMap<Origin, BTreeMap<u64, u64>>,
    present: HashSet<SpanKey>,
    /// Parents that spans refer to, with how many do, and one of those.
    parents: HashMap<SpanKey, Children>,
    duplicates: Cases,
    backward: Cases,
}

/// Who numbered batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    Tracer(u64),
    /// An exporter of metrics.
    Exporter(u64),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tracer(id) => write!(f, "tracer {id:016x}"),
            Self::Exporter(id) => write!(f, "exporter {id:016x}"),
        }
    }
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

    pub(super) fn data_points(&self) -> u64 {
        self.data_points
    }

    /// Takes in a batch.
    pub(super) fn add(&mut self, batch: &AnyBatch<'_>) {
        self.batches += 1;
        match batch {
            AnyBatch::Spans(batch) => self.add_spans(batch),
            AnyBatch::Metrics(batch) => {
                self.data_points += batch.data_point_count() as u64;
                self.number(Origin::Exporter(batch.instance_id()), batch.sequence());
            }
            _ => {}
        }
    }

    /// Takes in the number of a batch, and says whether it was there before.
    fn number(&mut self, origin: Origin, sequence: u64) -> bool {
        let times = self.sequences.entry(origin).or_default().entry(sequence).or_default();
        *times += 1;
        *times > 1
    }

    fn add_spans(&mut self, batch: &BatchView<'_>) {
        self.spans += batch.span_count() as u64;
        // The spans of a batch that is there twice are all there twice; that is told once.
        let repeated = self.number(Origin::Tracer(batch.instance_id()), batch.sequence());
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

    /// Batches are numbered per origin. What is before the first and behind the last is not known
    /// to have existed; what is missing in between was lost, or is in a file that was not given.
    fn lost_batches(&self) -> Finding {
        let mut cases = Cases::default();
        let mut told: u64 = 0;
        for (origin, sequences) in &self.sequences {
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
                    1 => format!("{origin}: batch {first}"),
                    _ => format!("{origin}: batches {first} to {last}"),
                });
            }
        }
        Finding { told, ..cases.finding("missing batches") }
    }

    fn repeated_batches(&self) -> Finding {
        let mut cases = Cases::default();
        for (origin, sequences) in &self.sequences {
            for (number, times) in sequences.iter().filter(|(_, times)| **times > 1) {
                cases.add(|| format!("{origin}: batch {number} is there {times} times"));
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
