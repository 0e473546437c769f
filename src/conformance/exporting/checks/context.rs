//! Deadlines and cancellation of an export.

use crate::conformance::case::Verdict;
use crate::conformance::exporting::{
    Bench, Exported, Probe, ample, cancelled, cancelled_amid, late, refused,
};
use crate::export::{Context, ExportErrorKind};
use std::time::Duration;

pub(crate) fn export_honours_a_passed_deadline<E: Exported>(bench: &Bench<E>) -> Verdict {
    let result = Probe::<E>::of(bench)?.export(&late(), &E::batch(0, 10));
    refused("an export whose deadline has passed", ExportErrorKind::DeadlineExceeded, result)
}

pub(crate) fn export_honours_a_cancellation<E: Exported>(bench: &Bench<E>) -> Verdict {
    let result = Probe::<E>::of(bench)?.export(&cancelled(), &E::batch(0, 10));
    refused("a cancelled export", ExportErrorKind::Cancelled, result)
}

pub(crate) fn ended_context_delivers_nothing<E: Exported>(bench: &Bench<E>) -> Verdict {
    let probe = Probe::<E>::of(bench)?;
    for (context, sequence) in [(late(), 0), (cancelled(), 1)] {
        let batch = E::batch(sequence, 10);
        let _ = probe.export(&context, &batch);
        probe.settled().nothing_of("a batch whose context was over", &batch)?;
    }
    Ok(())
}

pub(crate) fn deadline_ends_a_hang<E: Exported>(bench: &Bench<E>) -> Verdict {
    let probe = Probe::<E>::of(bench)?;
    probe.set_hanging(true)?;
    let context = Context::with_timeout(Duration::from_millis(50));
    let result = probe.deliver(&context, &E::batch(0, 10));
    probe.set_hanging(false)?;
    refused("an export to a back-end that hangs, with a deadline", ExportErrorKind::DeadlineExceeded, result)
}

pub(crate) fn cancellation_ends_a_hang<E: Exported>(bench: &Bench<E>) -> Verdict {
    let probe = Probe::<E>::of(bench)?;
    probe.set_hanging(true)?;
    let context = ample();
    // The clause is the same for one that has ended by then.
    let (result, _) = cancelled_amid(&context, || probe.deliver(&context, &E::batch(0, 10)));
    probe.set_hanging(false)?;
    refused("a cancelled export to a back-end that hangs", ExportErrorKind::Cancelled, result)
}
