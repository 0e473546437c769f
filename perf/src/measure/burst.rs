//! What a repetition costs the caller, in bursts.

use crate::library::Library;
use crate::machine::{self, PRODUCER, WORKERS, control, resident_kib, thread_time};
use crate::measure::{Job, Produced, burst_of};
use crate::row::{Row, Sample};
use crate::workload::{TEXT, Workload};
use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// Bursts before the first sample.
const WARM_UP: usize = 10;

#[derive(Debug, Default)]
struct Figures {
    produced: Produced,
    wall: Vec<Sample>,
    cpu: Vec<Sample>,
}

/// Each thread takes `samples` samples, all at the same time.
pub(super) fn measure<L: Library>(library: &L, job: &Job, row: &mut Row) -> Result<Produced, String> {
    let before = resident_kib("VmRSS")?;
    let barrier = Barrier::new(job.producers);
    // Nobody waits for ever: this thread ran on that processor when it built the library.
    let second = || {
        machine::pin(WORKERS)?;
        Ok::<_, String>(produce(library, job, &barrier, false))
    };
    let all: Vec<Figures> = thread::scope(|scope| {
        let others: Vec<_> = (1..job.producers).map(|_| scope.spawn(second)).collect();
        let mut all = vec![produce(library, job, &barrier, true)];
        for other in others {
            all.push(other.join().map_err(|_| "the second producer panicked".to_owned())??);
        }
        Ok::<_, String>(all)
    })?;
    machine::pin(PRODUCER)?;
    row.put("producers", job.producers);
    row.put("grown_kib", resident_kib("VmRSS")?.saturating_sub(before));
    let mut produced = Produced::default();
    let (mut wall, mut cpu) = (Vec::new(), Vec::new());
    for figures in all {
        produced.spans += figures.produced.spans;
        produced.roots += figures.produced.roots;
        produced.sampled += figures.produced.sampled;
        wall.extend(figures.wall);
        cpu.extend(figures.cpu);
    }
    row.put_samples("wall", &wall);
    if matches!(job.workload, Workload::W1 | Workload::W3) {
        row.put_samples("cpu", &cpu);
    }
    Ok(produced)
}

fn produce<L: Library>(library: &L, job: &Job, barrier: &Barrier, settles: bool) -> Figures {
    let times = burst_of(job.workload);
    let mut figures = Figures::default();
    let stays = (job.workload == Workload::Long).then(|| library.root());
    if let Some(root) = &stays {
        figures.produced.root(library.is_sampled(root));
    }
    for sample in 0..WARM_UP + job.samples {
        barrier.wait();
        let control = control();
        let (cpu, wall) = (thread_time(), Instant::now());
        match &stays {
            Some(root) => repeat(library, job.workload, &library.scope(root), times),
            None => below_a_root(library, job.workload, times, &mut figures.produced),
        }
        let (wall, cpu) = (wall.elapsed(), thread_time() - cpu);
        figures.produced.spans += times * job.workload.spans();
        if sample >= WARM_UP {
            let a_time = |taken: Duration| Sample { nanos: taken.as_nanos() as f64 / times as f64, control };
            figures.wall.push(a_time(wall));
            figures.cpu.push(a_time(cpu));
        }
        barrier.wait();
        if settles {
            library.settle();
        }
    }
    figures
}

/// A burst below a root of its own; the root's cost is the burst's. W3 brings its roots along.
pub(super) fn below_a_root<L: Library>(library: &L, workload: Workload, times: u64, produced: &mut Produced) {
    if workload == Workload::W3 {
        // Whether W3's roots are sampled is asked of one beside them, which is a span, too.
        (0..times).for_each(|n| library.w3(n));
        let root = library.root();
        produced.root(library.is_sampled(&root));
        drop(library.scope(&root));
    } else {
        let root = library.root();
        produced.root(library.is_sampled(&root));
        repeat(library, workload, &library.scope(&root), times);
    }
}

/// So many repetitions below a root that is there.
#[inline(never)]
pub(super) fn repeat<L: Library>(library: &L, workload: Workload, scope: &L::Scope<'_>, times: u64) {
    // The compiler must not know the text, nor that it lives for ever.
    let text = black_box(String::from(TEXT));
    match workload {
        Workload::W0 | Workload::W5 => (0..times).for_each(|_| library.w0(scope)),
        Workload::W1 | Workload::Long => (0..times).for_each(|n| library.w1(scope, n)),
        Workload::W1d => (0..times).for_each(|n| library.w1d(scope, n, &text)),
        Workload::W2 => (0..times).for_each(|n| library.w2(scope, n)),
        Workload::W3 => (0..times).for_each(|n| library.w3(n)),
        Workload::A10 => (0..times).for_each(|n| library.a10(scope, n)),
        Workload::A30 => (0..times).for_each(|n| library.a30(scope, n)),
        Workload::W4 | Workload::Open | Workload::Move => {
            (0..times).for_each(|n| library.end(library.open(scope, n)));
        }
    }
}
