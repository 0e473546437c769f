//! What can be wrong with an exporter of whatever, one thing at a time.

/// A defect, and below it in [`Fault::all`] the only case that finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    ThirdExportIsAnError,
    LargeBatchIsCut,
    LastItemOfABatchIsLost,
    ShutdownDeliversAgain,
    FlushDeliversAgain,
    EmptyBatchIsAnError,
    BatchIsNotCopied,
    PassedDeadlineIsCancelled,
    PassedDeadlineIsOk,
    CancellationIsOther,
    CancellationIsOk,
    LateExportIsSentAllTheSame,
    HangIgnoresTheDeadline,
    HangEndsAsIo,
    HangIgnoresACancellation,
    FailureIsSwallowed,
    ErrorHasNoText,
    LostItemsAreNotCounted,
    PartOfAFailedBatchIsDelivered,
    FailedBatchIsSentLater,
    FailedBatchIsSentAtTheShutdown,
    FailureIsForEver,
    FlushIsLate,
    FlushOfNothingIsAnError,
    FlushIgnoresItsDeadline,
    FlushIgnoresItsCancellation,
    ShutdownIsAnError,
    ShutdownDropsWhatIsUnfinished,
    ShutdownIgnoresItsDeadline,
    ShutdownIgnoresItsCancellation,
    ShutdownReleasesNothing,
    LateShutdownReleasesNothing,
    LateShutdownLeavesItOpen,
    ExportAfterTheShutdownIsOk,
    ExportAfterTheShutdownIsOther,
    ExportAfterTheShutdownIsSent,
    FlushAfterTheShutdownIsOk,
    SecondShutdownIsOk,
    ContextComesBeforeTheShutdown,
    FlushDuringAnExportLosesTheBatch,
    ShutdownsRace,
    ShutdownWaitsForTheExport,
    HangOutlivesTheShutdown,
}

/// What a suite calls the cases that are named after what it exports.
pub(crate) struct Ids {
    pub(crate) whole: &'static str,
    pub(crate) once: &'static str,
    pub(crate) empty: &'static str,
    pub(crate) reused: &'static str,
}

impl Fault {
    pub(crate) fn all(ids: &Ids) -> Vec<(Fault, &'static str)> {
        vec![
            (Fault::ThirdExportIsAnError, "export-succeeds"),
            (Fault::LargeBatchIsCut, ids.whole),
            (Fault::LastItemOfABatchIsLost, ids.whole),
            (Fault::ShutdownDeliversAgain, ids.once),
            (Fault::FlushDeliversAgain, ids.once),
            (Fault::EmptyBatchIsAnError, ids.empty),
            (Fault::BatchIsNotCopied, ids.reused),
            (Fault::PassedDeadlineIsCancelled, "export-honours-a-passed-deadline"),
            (Fault::PassedDeadlineIsOk, "export-honours-a-passed-deadline"),
            (Fault::CancellationIsOther, "export-honours-a-cancellation"),
            (Fault::CancellationIsOk, "export-honours-a-cancellation"),
            (Fault::LateExportIsSentAllTheSame, "ended-context-delivers-nothing"),
            (Fault::HangIgnoresTheDeadline, "deadline-ends-a-hang"),
            (Fault::HangEndsAsIo, "deadline-ends-a-hang"),
            (Fault::HangIgnoresACancellation, "cancellation-ends-a-hang"),
            (Fault::FailureIsSwallowed, "failure-is-reported"),
            (Fault::ErrorHasNoText, "failure-is-reported"),
            (Fault::LostItemsAreNotCounted, "failure-counts-what-was-lost"),
            (Fault::PartOfAFailedBatchIsDelivered, "failure-counts-what-was-lost"),
            (Fault::FailedBatchIsSentLater, "what-is-lost-stays-lost"),
            (Fault::FailedBatchIsSentAtTheShutdown, "what-is-lost-stays-lost"),
            (Fault::FailureIsForEver, "exports-go-on-after-a-failure"),
            (Fault::FlushIsLate, "flush-delivers-what-is-unfinished"),
            (Fault::FlushOfNothingIsAnError, "flush-succeeds"),
            (Fault::FlushIgnoresItsDeadline, "flush-honours-a-passed-deadline"),
            (Fault::FlushIgnoresItsCancellation, "flush-honours-a-cancellation"),
            (Fault::ShutdownIsAnError, "shutdown-succeeds"),
            (Fault::ShutdownDropsWhatIsUnfinished, "shutdown-delivers-what-is-unfinished"),
            (Fault::ShutdownIgnoresItsDeadline, "shutdown-honours-a-passed-deadline"),
            (Fault::ShutdownIgnoresItsCancellation, "shutdown-honours-a-cancellation"),
            (Fault::ShutdownReleasesNothing, "shutdown-releases-everything"),
            (Fault::LateShutdownReleasesNothing, "shutdown-releases-everything"),
            (Fault::LateShutdownLeavesItOpen, "late-shutdown-is-final"),
            (Fault::ExportAfterTheShutdownIsOk, "export-after-the-shutdown-is-refused"),
            (Fault::ExportAfterTheShutdownIsOther, "export-after-the-shutdown-is-refused"),
            (Fault::ExportAfterTheShutdownIsSent, "refused-export-delivers-nothing"),
            (Fault::FlushAfterTheShutdownIsOk, "flush-after-the-shutdown-is-refused"),
            (Fault::SecondShutdownIsOk, "second-shutdown-is-refused"),
            (Fault::ContextComesBeforeTheShutdown, "shutdown-error-comes-before-the-contexts"),
            (Fault::FlushDuringAnExportLosesTheBatch, "flush-beside-exports-is-safe"),
            (Fault::ShutdownsRace, "one-of-twenty-shutdowns-does-it"),
            (Fault::ShutdownWaitsForTheExport, "shutdown-ends-beside-a-hang"),
            (Fault::HangOutlivesTheShutdown, "shutdown-ends-beside-a-hang"),
        ]
    }

    /// Whether a call never returns, or what is waited for never comes, in the case that finds the fault:
    /// that is not waited for as long as what is slow.
    pub(crate) fn hangs(self) -> bool {
        matches!(
            self,
            Fault::HangIgnoresTheDeadline
                | Fault::HangIgnoresACancellation
                | Fault::ShutdownReleasesNothing
                | Fault::LateShutdownReleasesNothing
                | Fault::ShutdownWaitsForTheExport
                | Fault::HangOutlivesTheShutdown
        )
    }
}
