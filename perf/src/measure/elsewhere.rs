//! Spans that are values: started here and ended there, or many of them open at once.

use crate::library::Library;
use crate::machine::{self, PRODUCER, WORKERS, control, resident_kib};
use crate::measure::{Job, Produced};
use crate::row::{Row, Sample};
use crate::workload::Workload;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Instant;

/// Spans that go from thread to thread together.
const HANDED_OVER: u64 = 4_096;
/// Spans that are open at once.
const OPEN: u64 = 10_000;
/// Rounds before the first sample.
const WARM_UP: usize = 3;

type Spans<L> = Vec<<L as Library>::Open>;

/// One step of a span's way, taken by all `count` spans of a round.
fn timed<L: Library>(
    mut spans: Spans<L>,
    count: u64,
    step: impl FnOnce(&mut Spans<L>),
) -> (Spans<L>, Sample) {
    let control = control();
    let start = Instant::now();
    step(&mut spans);
    let nanos = start.elapsed().as_nanos() as f64 / count as f64;
    (spans, Sample { nanos, control })
}

/// A thread that takes one step with all spans that it gets. Each thread works while the others wait,
/// and spans travel in one vector: what the channels cost is not measured.
struct Station<L: Library> {
    there: SyncSender<Spans<L>>,
    back: Receiver<(Spans<L>, Sample)>,
}

impl<L: Library> Station<L> {
    fn new<'s>(
        scope: &'s thread::Scope<'s, '_>,
        processor: usize,
        step: impl Fn(&mut Spans<L>) + Send + 's,
    ) -> Self {
        let (there, spans) = sync_channel::<Spans<L>>(1);
        let (done, back) = sync_channel(1);
        scope.spawn(move || {
            // Elsewhere than wanted the figures are another machine's: the channel closes instead.
            if machine::pin(processor).is_err() {
                return;
            }
            for batch in spans {
                let count = batch.len() as u64;
                if done.send(timed::<L>(batch, count, &step)).is_err() {
                    return;
                }
            }
        });
        Self { there, back }
    }

    fn pass(&self, spans: Spans<L>) -> Result<(Spans<L>, Sample), String> {
        const GONE: &str = "the other thread is gone";
        self.there.send(spans).map_err(|_| GONE.to_owned())?;
        self.back.recv().map_err(|_| GONE.to_owned())
    }
}

pub(super) fn measure<L: Library>(library: &L, job: &Job, row: &mut Row) -> Result<Produced, String> {
    let before = resident_kib("VmRSS")?;
    let count = if job.workload == Workload::Open { OPEN } else { HANDED_OVER };
    let mut produced = Produced::default();
    let mut series: [Vec<Sample>; 3] = Default::default();
    thread::scope(|threads| {
        let end_all = |spans: &mut Spans<L>| spans.drain(..).for_each(|span| library.end(span));
        let add_to_all = |spans: &mut Spans<L>| {
            spans.iter_mut().enumerate().for_each(|(n, span)| library.add(span, n as u64));
        };
        let on_b = Station::<L>::new(threads, WORKERS, move |spans| match job.workload {
            Workload::Move => add_to_all(spans),
            _ => end_all(spans),
        });
        let on_c = Station::<L>::new(threads, PRODUCER, end_all);
        let mut spans = Vec::with_capacity(count as usize);
        for round in 0..WARM_UP + job.samples {
            let root = library.root();
            produced.root(library.is_sampled(&root));
            let scope = library.scope(&root);
            let a;
            (spans, a) = timed::<L>(spans, count, |spans| match job.workload {
                Workload::Move => spans.extend((0..count).map(|_| library.open_bare(&scope))),
                _ => spans.extend((0..count).map(|n| library.open(&scope, n))),
            });
            let mut samples = vec![a];
            let mut sample;
            if job.workload == Workload::Open {
                (spans, sample) = timed::<L>(spans, count, end_all);
                samples.push(sample);
            } else {
                (spans, sample) = on_b.pass(spans)?;
                samples.push(sample);
            }
            if job.workload == Workload::Move {
                (spans, sample) = on_c.pass(spans)?;
                samples.push(sample);
            }
            drop(scope);
            drop(root);
            produced.spans += count;
            library.settle();
            if round >= WARM_UP {
                series.iter_mut().zip(samples).for_each(|(series, sample)| series.push(sample));
            }
        }
        Ok::<_, String>(())
    })?;
    row.put("grown_kib", resident_kib("VmRSS")?.saturating_sub(before));
    for (key, series) in ["a", "b", "c"].into_iter().zip(&series).filter(|(_, series)| !series.is_empty()) {
        row.put_samples(key, series);
    }
    Ok(produced)
}
