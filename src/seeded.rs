//! Mistakes that are made on purpose, to see that a model, a history or a test notices each.
//!
//! In a library as it ships no mistake can be made: [`seeded`] is then a constant `false`, and what hangs on
//! it is not compiled. Built with `--cfg loom` or `--cfg nanospan_seeded`, one mistake at a time can be
//! switched on by its name.

/// A mistake; each is made where it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    not(any(loom, nanospan_seeded)),
    allow(dead_code, reason = "not all are in every set of features")
)]
#[repr(u8)]
pub(crate) enum Bug {
    /// The owner ends a span without telling the drain.
    OwnerMaskNotPublished = 1,
    /// A stranger ends a span without telling the drain.
    ForeignMaskNotPublished,
    /// Whether a slot is live is asked without regard to whose life it is.
    LiveOfAnyLife,
    /// A stranger ends whatever lives in the slot.
    SwapOfAnyLife,
    /// A stranger sets its bit in the mask of whatever life.
    MaskOfAnyLife,
    /// A shed record is counted for whatever lives in the slot.
    ShedOfAnyLife,
    /// The drain takes a record for whatever lives in the slot.
    RecordOfAnyLife,
    /// A block is retired without turning late strangers away.
    RetiredOpen,
    /// A block is recycled while its owner holds it.
    RecycledHeld,
    /// A stranger takes no number.
    NoNumberTaken,
    /// The drain reads the logs first, then looks which spans have ended.
    StepsSwapped,
    /// The drain does not read the log of the thread that took the block.
    AdopterUnread,
    /// The drain does not count whether it has found all foreign calls.
    ForeignCallsUncounted,
    /// The drain reads to the end of the chunk, not to the position that it loaded.
    WatermarkUnchecked,
    /// A chunk goes back to the threads at once, whoever is pinned.
    GuardDroppedEarly,
    /// A handle is taken for one of ours whatever its tag.
    TagUnchecked,
    /// A table's entry is read in whatever life.
    EntryOfAnyLife,
    /// A table's entry is not looked at again after it was read.
    NoSecondLook,
    /// A word beside a slot is taken whatever life it was written in.
    MateOfAnyLife,
    /// A thread's cells are not emptied before its place goes to another.
    SentinelMissing,
    /// A flush or shutdown does not wake the drain.
    WakeMissing,
    /// A flush is taken for done although it came while the pass was under way.
    TicketTakenLate,
    /// The last attribute in front of a chunk's end is not counted in its record.
    LostLastAttribute,
    /// The owner's end of a span that has ended takes effect, and counts as the first one.
    DoubleEnd,
    /// Of a stranger's record and the owner's that saw its number, the owner's comes first.
    OrderSwapped,
    /// The owner sets the mask's bit before it stores the end.
    EndBeforeSlot,
    /// A span that has lost attributes to a limit says one less.
    DroppedOffByOne,
    /// A span that finds no block is not counted.
    RefusalNotCounted,
    /// A span below one that has ended is a root.
    EndedParentLost,
    /// What was put aside in earlier passes comes behind what was recorded since.
    AsideLast,
    /// The first status counts, not the last.
    FirstStatusCounts,
    /// Of a payload in several parts all but the last one are blank.
    PayloadPartLost,
    /// What events and links lose to limits is not in the account.
    InsideNotCounted,
    /// A call on a handle that is not ours is not counted.
    ForgedNotCounted,
    /// A handle leads to whatever lives in its slot now.
    StaleAccepted,
}

#[cfg(not(any(loom, nanospan_seeded)))]
#[inline(always)]
pub(crate) const fn seeded(_: Bug) -> bool {
    false
}

#[cfg(any(loom, nanospan_seeded))]
pub(crate) use selection::{seeded, select};

#[cfg(any(loom, nanospan_seeded))]
mod selection {
    use super::Bug;

    const ALL: [Bug; 35] = [
        Bug::OwnerMaskNotPublished,
        Bug::ForeignMaskNotPublished,
        Bug::LiveOfAnyLife,
        Bug::SwapOfAnyLife,
        Bug::MaskOfAnyLife,
        Bug::ShedOfAnyLife,
        Bug::RecordOfAnyLife,
        Bug::RetiredOpen,
        Bug::RecycledHeld,
        Bug::NoNumberTaken,
        Bug::StepsSwapped,
        Bug::AdopterUnread,
        Bug::ForeignCallsUncounted,
        Bug::WatermarkUnchecked,
        Bug::GuardDroppedEarly,
        Bug::TagUnchecked,
        Bug::EntryOfAnyLife,
        Bug::NoSecondLook,
        Bug::MateOfAnyLife,
        Bug::SentinelMissing,
        Bug::WakeMissing,
        Bug::TicketTakenLate,
        Bug::LostLastAttribute,
        Bug::DoubleEnd,
        Bug::OrderSwapped,
        Bug::EndBeforeSlot,
        Bug::DroppedOffByOne,
        Bug::RefusalNotCounted,
        Bug::EndedParentLost,
        Bug::AsideLast,
        Bug::FirstStatusCounts,
        Bug::PayloadPartLost,
        Bug::InsideNotCounted,
        Bug::ForgedNotCounted,
        Bug::StaleAccepted,
    ];

    /// Whether this mistake is switched on.
    pub(crate) fn seeded(bug: Bug) -> bool {
        place::get() == bug as u8
    }

    /// Switches the mistake of this name on, and any other off.
    ///
    /// # Errors
    ///
    /// When there is none of this name; nothing has changed then.
    pub(crate) fn select(name: &str) -> Result<(), String> {
        let bug = ALL.iter().find(|bug| format!("{bug:?}") == name);
        let bug = bug.ok_or_else(|| format!("no mistake is called {name:?}, but {ALL:?} are"))?;
        place::set(*bug as u8);
        Ok(())
    }

    /// Models run side by side, each with all its threads on one thread of the system.
    #[cfg(loom)]
    mod place {
        use std::cell::Cell;

        thread_local!(static SELECTED: Cell<u8> = const { Cell::new(0) });

        pub(super) fn get() -> u8 {
            SELECTED.get()
        }

        pub(super) fn set(bug: u8) {
            SELECTED.set(bug);
        }
    }

    #[cfg(not(loom))]
    mod place {
        use std::sync::atomic::{AtomicU8, Ordering};

        static SELECTED: AtomicU8 = AtomicU8::new(0);

        // Relaxed: it is set before the threads are made that ask.
        pub(super) fn get() -> u8 {
            SELECTED.load(Ordering::Relaxed)
        }

        pub(super) fn set(bug: u8) {
            SELECTED.store(bug, Ordering::Relaxed);
        }
    }
}
