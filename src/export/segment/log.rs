//! A file of whole frames: a frame is in it entirely or not at all.

use std::fs::File;
use std::io::{self, IoSlice, Write};

/// The file operations that a [`FrameLog`] is made of; a test puts a failing disk behind them.
pub(super) trait Storage {
    /// Writes some of `parts` at the end and returns how many bytes it took.
    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize>;

    /// Makes the file `length` bytes long.
    fn set_len(&mut self, length: u64) -> io::Result<()>;

    /// Waits until what was written is on the device.
    fn sync(&mut self) -> io::Result<()>;
}

/// A file opened for appending, so that it has no position to restore after a cut.
impl Storage for File {
    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        Write::write_vectored(self, parts)
    }

    fn set_len(&mut self, length: u64) -> io::Result<()> {
        File::set_len(self, length)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// Appends whole frames to a file, and takes back the part of one that did not fit.
#[derive(Debug)]
pub(super) struct FrameLog<S> {
    storage: S,
    /// Bytes up to the end of the last whole frame.
    length: u64,
    /// Whether the file may hold something that is neither a whole frame nor taken back.
    damaged: bool,
    /// Whether something was written since the last successful sync.
    unsynced: bool,
}

impl<S: Storage> FrameLog<S> {
    /// A log in an empty file.
    pub(super) fn new(storage: S) -> Self {
        Self { storage, length: 0, damaged: false, unsynced: false }
    }

    /// What the frames are written to.
    pub(super) fn storage(&self) -> &S {
        &self.storage
    }

    /// Bytes up to the end of the last whole frame.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Whether the file must not be written to any more, nor be called complete.
    pub(super) fn is_damaged(&self) -> bool {
        self.damaged
    }

    /// Appends the bytes of `parts`, as one frame, with one call if the system takes them all.
    ///
    /// # Errors
    ///
    /// The system's. The log then ends where it ended before, or is
    /// [damaged](FrameLog::is_damaged) if the system refused that as well.
    ///
    /// # Panics
    ///
    /// If the log is damaged.
    pub(super) fn append(&mut self, mut parts: &mut [IoSlice<'_>]) -> io::Result<()> {
        assert!(!self.damaged, "a damaged log takes no more frames");
        let frame: u64 = parts.iter().map(|part| part.len() as u64).sum();
        let mut left = frame;
        while left > 0 {
            match self.storage.write_vectored(parts) {
                Ok(0) => return Err(self.take_back(io::ErrorKind::WriteZero.into())),
                Ok(written) => {
                    self.unsynced = true;
                    left -= written as u64;
                    IoSlice::advance_slices(&mut parts, written);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.take_back(error)),
            }
        }
        self.length += frame;
        Ok(())
    }

    /// Waits until every frame is on the device; returns at once if they are already.
    ///
    /// # Errors
    ///
    /// The system's. The log is damaged then: a system may forget pages that it failed to write,
    /// so that a second attempt would succeed without them being on the device.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if self.unsynced {
            self.storage.sync().inspect_err(|_| self.damaged = true)?;
            self.unsynced = false;
        }
        Ok(())
    }

    /// Cuts the file back to its last whole frame after a write failed with `error`.
    fn take_back(&mut self, error: io::Error) -> io::Error {
        self.damaged = self.storage.set_len(self.length).is_err();
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk that takes `room` bytes, at most `stride` a call, and then fails.
    struct Disk {
        bytes: Vec<u8>,
        room: usize,
        stride: usize,
        interrupted: bool,
        calls: usize,
        failure: i32,
        cuts: bool,
        syncs: bool,
    }

    impl Disk {
        fn with_room(room: usize) -> Self {
            Self {
                bytes: Vec::new(),
                room,
                stride: usize::MAX,
                interrupted: false,
                calls: 0,
                failure: libc::ENOSPC,
                cuts: true,
                syncs: true,
            }
        }
    }

    impl Storage for Disk {
        fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
            self.calls += 1;
            if std::mem::take(&mut self.interrupted) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let all: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).collect();
            let take = all.len().min(self.stride).min(self.room - self.bytes.len());
            if take == 0 {
                return Err(io::Error::from_raw_os_error(self.failure));
            }
            self.bytes.extend_from_slice(&all[..take]);
            Ok(take)
        }

        fn set_len(&mut self, length: u64) -> io::Result<()> {
            if !self.cuts {
                return Err(io::Error::from_raw_os_error(libc::EIO));
            }
            self.bytes.truncate(length as usize);
            Ok(())
        }

        fn sync(&mut self) -> io::Result<()> {
            match self.syncs {
                true => Ok(()),
                false => Err(io::Error::from_raw_os_error(libc::EIO)),
            }
        }
    }

    fn append(log: &mut FrameLog<Disk>, frame: &[u8]) -> io::Result<()> {
        let (head, tail) = frame.split_at(frame.len() / 2);
        log.append(&mut [IoSlice::new(head), IoSlice::new(tail)])
    }

    #[test]
    fn a_frame_is_written_by_one_call_when_the_disk_takes_it_whole() {
        let mut log = FrameLog::new(Disk::with_room(100));
        append(&mut log, b"abcdefgh").unwrap();
        assert_eq!(log.storage.calls, 1);
        assert_eq!(log.storage.bytes, b"abcdefgh");
    }

    #[test]
    fn partial_and_interrupted_writes_add_up_to_the_frame() {
        for stride in 1..=9 {
            let mut disk = Disk::with_room(100);
            disk.stride = stride;
            disk.interrupted = true;
            let mut log = FrameLog::new(disk);
            append(&mut log, b"abcdefgh").unwrap();
            append(&mut log, b"ijklm").unwrap();
            assert_eq!(log.storage.bytes, b"abcdefghijklm");
            assert_eq!(log.length(), 13);
        }
    }

    #[test]
    fn a_full_disk_leaves_only_whole_frames_and_the_next_one_that_fits_is_taken() {
        for failure in [libc::ENOSPC, libc::EIO, libc::EDQUOT, libc::EFBIG] {
            for room in 4..12 {
                let mut disk = Disk::with_room(room);
                disk.failure = failure;
                let mut log = FrameLog::new(disk);
                append(&mut log, b"abcd").unwrap();
                let error = append(&mut log, b"efghijkl").unwrap_err();
                assert_eq!(error.raw_os_error(), Some(failure));
                assert_eq!(log.storage.bytes, b"abcd");
                assert!(!log.is_damaged());

                log.storage.room = 100;
                append(&mut log, b"mnop").unwrap();
                assert_eq!(log.storage.bytes, b"abcdmnop");
                assert_eq!(log.length(), 8);
            }
        }
    }

    #[test]
    fn a_log_that_cannot_be_cut_back_is_damaged() {
        let mut disk = Disk::with_room(6);
        disk.cuts = false;
        let mut log = FrameLog::new(disk);
        append(&mut log, b"abcd").unwrap();
        append(&mut log, b"efgh").unwrap_err();
        assert!(log.is_damaged());
        assert_eq!(log.length(), 4);
    }

    #[test]
    fn a_log_whose_sync_failed_is_damaged() {
        let mut disk = Disk::with_room(100);
        disk.syncs = false;
        let mut log = FrameLog::new(disk);
        log.sync().expect("nothing was written yet");
        append(&mut log, b"abcd").unwrap();
        log.sync().unwrap_err();
        assert!(log.is_damaged());
    }
}
