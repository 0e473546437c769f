//! `force_flush`.

use crate::conformance::case::Verdict;
use crate::conformance::exporting::{Bench, Exported, Probe, ample, cancelled, late, refused, succeeded};
use crate::export::ExportErrorKind;

pub(crate) fn flush_delivers_what_is_unfinished<E: Exported>(bench: &Bench<E>) -> Verdict {
    let probe = Probe::<E>::of(bench)?;
    probe.must_flush()?;
    for sequence in 0..3 {
        let batch = E::batch(sequence, 10);
        probe.put(&batch);
        if probe.force_flush(&ample()).is_ok() {
            probe.seen().all_of("a batch that was flushed", &batch)?;
        }
    }
    Ok(())
}

pub(crate) fn flush_succeeds<E: Exported>(bench: &Bench<E>) -> Verdict {
    let probe = Probe::<E>::of(bench)?;
    probe.must_flush()?;
    succeeded("a flush before the first export", probe.force_flush(&ample()))?;
    for sequence in 0..2 {
        probe.put(&E::batch(sequence, 10));
        succeeded("a flush after an export", probe.force_flush(&ample()))?;
        succeeded("another flush", probe.force_flush(&ample()))?;
    }
    Ok(())
}

pub(crate) fn flush_honours_a_passed_deadline<E: Exported>(bench: &Bench<E>) -> Verdict {
    let probe = Probe::<E>::of(bench)?;
    probe.must_flush()?;
    probe.put(&E::batch(0, 10));
    let result = probe.force_flush(&late());
    refused("a flush whose deadline has passed", ExportErrorKind::DeadlineExceeded, result)
}

pub(crate) fn flush_honours_a_cancellation<E: Exported>(bench: &Bench<E>) -> Verdict {
    let probe = Probe::<E>::of(bench)?;
    probe.must_flush()?;
    probe.put(&E::batch(0, 10));
    let result = probe.force_flush(&cancelled());
    refused("a cancelled flush", ExportErrorKind::Cancelled, result)
}
