//! One writer for each directory, in this process and among all others.
//!
//! The system's lock tells processes apart but not two writers of one process, and closing any
//! descriptor of the lock file would give it up. So a writer first claims the directory in a list
//! of this process, and the lock file is opened only under such a claim and closed before the
//! claim ends. Readers never open it.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::process;
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::Duration;

use crate::raw::os::{self, Lock};

/// The directories that this process writes to, and some that a forked child inherited.
static CLAIMS: Mutex<Vec<Claim>> = Mutex::new(Vec::new());

/// How often and how long to wait for [`CLAIMS`]: 100 ms in all.
///
/// It is held for a scan of a short list, so a wait of that length means that this is a forked
/// child and that the thread that held it stayed behind in the parent.
const CLAIM_ATTEMPTS: u32 = 1_000;
const CLAIM_PAUSE: Duration = Duration::from_micros(100);

/// One directory claimed by one process. A forked child inherits the list, so the process is part
/// of the entry: the parent's claims do not bind the child, the parent's lock does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Claim {
    pid: u32,
    device: u64,
    inode: u64,
}

/// The right to write to one directory; dropping it gives the right up.
#[derive(Debug)]
pub(super) struct WriterLock {
    claim: Claim,
    /// The locked file. Always there, but that it has to be closed before the claim ends.
    file: Option<File>,
}

/// Why there is no [`WriterLock`].
#[derive(Debug)]
pub(super) enum LockError {
    /// A writer of this process has the directory.
    HeldHere,
    /// Another process has it: the one of this id, where the system tells.
    HeldBy(Option<i32>),
    /// This forked child cannot learn what its process has claimed.
    Unknown,
    /// The system's own error.
    Io(io::Error),
}

impl WriterLock {
    /// Takes the lock of `directory`; `open` opens its lock file for writing.
    pub(super) fn acquire(
        directory: &File,
        open: impl FnOnce() -> io::Result<File>,
    ) -> Result<Self, LockError> {
        let metadata = directory.metadata().map_err(LockError::Io)?;
        let claim = Claim { pid: process::id(), device: metadata.dev(), inode: metadata.ino() };
        let mut claims = claims().ok_or(LockError::Unknown)?;
        if claims.contains(&claim) {
            return Err(LockError::HeldHere);
        }
        claims.push(claim);
        drop(claims);

        // From here on, leaving early ends the claim.
        let mut lock = Self { claim, file: None };
        let file = lock.file.insert(open().map_err(LockError::Io)?);
        match os::lock_exclusive(file).map_err(LockError::Io)? {
            Lock::Acquired => Ok(lock),
            Lock::HeldBy(pid) => Err(LockError::HeldBy(pid)),
        }
    }
}

impl Drop for WriterLock {
    fn drop(&mut self) {
        // Closing is what unlocks. In a forked child it unlocks nothing, for the lock is the
        // parent's.
        self.file = None;
        if self.claim.pid == process::id() {
            if let Some(mut claims) = claims() {
                claims.retain(|claim| *claim != self.claim);
            }
        }
    }
}

/// The list of claims; `None` if it stays taken.
pub(super) fn claims() -> Option<MutexGuard<'static, Vec<Claim>>> {
    for _ in 0..CLAIM_ATTEMPTS {
        match CLAIMS.try_lock() {
            Ok(claims) => return Some(claims),
            Err(TryLockError::Poisoned(poisoned)) => {
                return Some(PoisonError::into_inner(poisoned));
            }
            Err(TryLockError::WouldBlock) => thread::sleep(CLAIM_PAUSE),
        }
    }
    None
}
