//! What arrives.

use crate::conformance::case::{Stop, Verdict, ensure};
use crate::conformance::exporting::{Bench, Exported, Probe, ample, cancelled, late, succeeded};

pub(crate) fn export_succeeds<E: Exported>(bench: &Bench<E>) -> Verdict {
    let probe = Probe::<E>::of(bench)?;
    for sequence in 0..3 {
        succeeded("an export", probe.export(&ample(), &E::batch(sequence, 10)))?;
        // Whatever it left unfinished is finished.
        probe.settle();
    }
    Ok(())
}

pub(crate) fn batch_is_delivered_whole<E: Exported>(bench: &Bench<E>) -> Verdict {
    let probe = Probe::<E>::of(bench)?;
    for (sequence, items) in [(0, 1), (1, 12), (2, 200)] {
        let batch = E::batch(sequence, items);
        probe.put(&batch);
        probe.settled().whole(&batch)?;
    }
    Ok(())
}

pub(crate) fn item_is_delivered_once<E: Exported>(bench: &Bench<E>) -> Verdict {
    let probe = Probe::<E>::of(bench)?;
    let batches = [E::batch(0, 10), E::batch(1, 10), E::batch(2, 10)];
    for batch in &batches {
        probe.put(batch);
        probe.settle();
    }
    let _ = probe.shutdown(&ample());
    for batch in &batches {
        let counts = probe.seen().counts(batch);
        // One that is missing is another case's matter.
        ensure(counts.iter().flatten().all(|&count| count <= 1), || {
            format!("expected each of the {} once, seen these counts: {counts:?}", E::ITEMS)
        })?;
    }
    Ok(())
}

pub(crate) fn empty_batch_succeeds<E: Exported>(bench: &Bench<E>) -> Verdict {
    let probe = Probe::<E>::of(bench)?;
    for sequence in 0..2 {
        succeeded(&format!("an export of no {}", E::ITEMS), probe.export(&ample(), &E::batch(sequence, 0)))?;
    }
    Ok(())
}

/// Exports two batches, the second in the memory of the first, and says of each whether it was delivered.
fn two_batches<E: Exported>(bench: &Bench<E>, settle_between: bool) -> Result<Vec<bool>, Stop> {
    let probe = Probe::<E>::of(bench)?;
    let mut memory = E::Memory::default();
    let first = E::fill(&mut memory, 0, 10);
    // What to look for; `first` itself is written over.
    let copies = [E::batch(0, 10), E::batch(1, 10)];
    probe.put(&first);
    if settle_between {
        probe.settle();
    }
    E::recycle(&mut memory, first);
    let second = E::fill(&mut memory, 1, 10);
    probe.put(&second);
    E::recycle(&mut memory, second);
    let third = E::fill(&mut memory, 2, 10);
    let seen = probe.settled();
    drop(third);
    Ok(copies.iter().map(|batch| seen.counts(batch).into_iter().flatten().all(|count| count > 0)).collect())
}

pub(crate) fn batch_may_be_reused<E: Exported>(bench: &Bench<E>) -> Verdict {
    // What an exporter delivers that is given time before each batch is written over is another case's
    // matter.
    let (expected, seen) = (two_batches::<E>(bench, true)?, two_batches::<E>(bench, false)?);
    ensure(expected == seen, || {
        format!("expected the first and the second batch to be delivered ({expected:?}), seen {seen:?}")
    })
}

pub(crate) fn no_call_panics<E: Exported>(bench: &Bench<E>) -> Verdict {
    let probe = Probe::<E>::of(bench)?;
    let call_all = || {
        for context in [late(), cancelled(), ample()] {
            let _ = probe.force_flush(&context);
            for batch in [E::odd_batch(), E::batch(0, 0), E::batch(1, 1), E::batch(2, 300)] {
                let _ = probe.export(&context, &batch);
            }
            let _ = probe.force_flush(&context);
        }
    };
    call_all();
    for context in [late(), cancelled(), ample()] {
        let _ = probe.shutdown(&context);
        call_all();
    }
    Ok(())
}
