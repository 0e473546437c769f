//! A back-end that refuses.

use crate::conformance::case::{Stop, Verdict, ensure};
use crate::conformance::exporting::{Bench, Exported, Probe, ample, succeeded};
use crate::export::ExportError;

/// Has a batch fail, and says how. The back-end is left as it is.
fn fail<E: Exported>(probe: &Probe<E>, batch: &E::Batch) -> Result<Result<(), ExportError>, Stop> {
    probe.set_unreachable(true)?;
    Ok(probe.deliver(&ample(), batch))
}

pub(crate) fn failure_is_reported<E: Exported>(bench: &Bench<E>) -> Verdict {
    let probe = Probe::<E>::of(bench)?;
    match fail(&probe, &E::batch(0, 10))? {
        Ok(()) => Err(Stop::Failed("expected an error of an export that was refused, seen Ok".to_owned())),
        Err(error) => ensure(!error.to_string().is_empty(), || {
            "expected an error that says what failed, seen one without text".to_owned()
        }),
    }
}

pub(crate) fn failure_counts_what_was_lost<E: Exported>(bench: &Bench<E>) -> Verdict {
    const ITEMS: u64 = 10;
    let probe = Probe::<E>::of(bench)?;
    let batch = E::batch(0, ITEMS);
    probe.set_unreachable(true)?;
    // Whether it is an error at all is another case's matter.
    let Err(error) = probe.export(&ample(), &batch) else { return Ok(()) };
    let counts = probe.settled().counts(&batch);
    let somewhere = |item: &usize| counts.iter().any(|backend| backend[*item] > 0);
    let expected = ITEMS - (0..ITEMS as usize).filter(somewhere).count() as u64;
    let seen = error.lost().map_or(ITEMS, u64::from);
    ensure(seen == expected, || {
        let items = E::ITEMS;
        format!("expected an error that counts {expected} of {ITEMS} {items} as lost, seen {seen}: {error}")
    })
}

pub(crate) fn what_is_lost_stays_lost<E: Exported>(bench: &Bench<E>) -> Verdict {
    let probe = Probe::<E>::of(bench)?;
    let lost = E::batch(0, 10);
    probe.set_unreachable(true)?;
    let result = probe.export(&ample(), &lost);
    if !result.is_err_and(|error| error.lost().is_none_or(|lost| lost == 10)) {
        // It may be delivered yet, and whether that is right is another case's matter.
        return Ok(());
    }
    // What a broken one did at once is another case's matter as well.
    let before = probe.settled().counts(&lost);
    probe.set_unreachable(false)?;
    probe.put(&E::batch(1, 10));
    probe.settle();
    let _ = probe.shutdown(&ample());
    let after = probe.seen().counts(&lost);
    ensure(before == after, || {
        format!(
            "a batch that failed: expected its {} not to be delivered later, seen these counts: {after:?}",
            E::ITEMS
        )
    })
}

pub(crate) fn exports_go_on_after_a_failure<E: Exported>(bench: &Bench<E>) -> Verdict {
    let probe = Probe::<E>::of(bench)?;
    let _ = fail(&probe, &E::batch(0, 10))?;
    probe.set_unreachable(false)?;
    // What failed behind the calls so far may still be told by these.
    probe.settle();
    let next = E::batch(1, 10);
    succeeded("the export after one that failed", probe.export(&ample(), &next))?;
    probe.settled().all_of("the batch after one that failed", &next)
}
