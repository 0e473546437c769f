//! The few calls to the operating system that the standard library has no safe form of.
//!
//! Everything here is about one directory of files: opening and renaming relative to a directory
//! that is held open, so that nobody can swap the directory between two calls; the lock that
//! makes a process its only writer.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd};

/// What [`lock_exclusive`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lock {
    /// This process now holds the lock.
    Acquired,
    /// Another process holds it: the one of this id, where the system tells.
    HeldBy(Option<i32>),
}

/// Opens `name` in the directory `directory` as `openat(2)` does, closing it on exec.
pub(crate) fn open_at(directory: &File, name: &CStr, flags: libc::c_int, mode: u32) -> io::Result<File> {
    loop {
        // SAFETY: `directory` is borrowed, so its descriptor is open for the whole call;
        // `name` is a NUL-terminated string that the call only reads. The mode is passed as
        // an unsigned int, to which C promotes a `mode_t` in a variable argument list.
        let fd = unsafe {
            libc::openat(directory.as_raw_fd(), name.as_ptr(), flags | libc::O_CLOEXEC, mode as libc::c_uint)
        };
        if fd >= 0 {
            // SAFETY: `openat` has just returned `fd`, so it is open and owned by nobody else.
            return Ok(unsafe { File::from_raw_fd(fd) });
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Renames `from` to `to` within `directory`, replacing a file that is called `to` already.
pub(crate) fn rename_at(directory: &File, from: &CStr, to: &CStr) -> io::Result<()> {
    let fd = directory.as_raw_fd();
    // SAFETY: `directory` is borrowed, so `fd` is open for the whole call; both names are
    // NUL-terminated strings that the call only reads.
    match unsafe { libc::renameat(fd, from.as_ptr(), fd, to.as_ptr()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Removes the file `name` from `directory`.
pub(crate) fn remove_at(directory: &File, name: &CStr) -> io::Result<()> {
    // SAFETY: `directory` is borrowed, so its descriptor is open for the whole call; `name` is a
    // NUL-terminated string that the call only reads.
    match unsafe { libc::unlinkat(directory.as_raw_fd(), name.as_ptr(), 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Tries to lock `file`, which must be open for writing, for this process alone.
///
/// This is a record lock in the sense of POSIX (`fcntl`, `F_SETLK`) rather than `flock`,
/// because it belongs to the process: it ends with the process even if a forked child lives
/// on with a copy of the descriptor. The price is that it does not keep two lockers of one
/// process apart, and that closing *any* descriptor of the file gives it up; the caller sees
/// to both.
pub(crate) fn lock_exclusive(file: &File) -> io::Result<Lock> {
    // SAFETY: `flock` is a C structure of integers, for which all bits zero is a value.
    let mut lock: libc::flock = unsafe { mem::zeroed() };
    lock.l_type = libc::F_WRLCK as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    loop {
        // SAFETY: `file` is borrowed, so its descriptor is open for the whole call, and
        // `lock` is a valid structure of the type that F_SETLK reads.
        if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLK, &raw const lock) } == 0 {
            return Ok(Lock::Acquired);
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            // POSIX lets a system report a lock held by somebody else in either way.
            Some(libc::EACCES | libc::EAGAIN) => break,
            Some(libc::EINTR) => {}
            _ => return Err(error),
        }
    }
    // SAFETY: as above, and F_GETLK writes the holder's lock into `lock`, which is borrowed
    // mutably for the call.
    let told = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETLK, &raw mut lock) } == 0;
    // The holder may have let go meanwhile, and one in another process namespace has no id
    // here.
    let known = told && lock.l_type != libc::F_UNLCK as libc::c_short && lock.l_pid > 0;
    Ok(Lock::HeldBy(known.then_some(lock.l_pid)))
}

/// The user that the system checks this process's file accesses against.
pub(crate) fn effective_user() -> u32 {
    // SAFETY: `geteuid` takes nothing, cannot fail and touches no memory of ours.
    unsafe { libc::geteuid() }
}

#[cfg(test)]
pub(crate) mod testing {
    //! Forked children, for what has to hold in them.

    use std::io;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// A forked child of this process.
    #[derive(Debug)]
    pub(crate) struct Child {
        pid: libc::pid_t,
    }

    /// Runs `run` in a forked child, whose exit code is what it returns.
    ///
    /// Only the calling thread lives on in the child, so `run` must not wait for another one, nor
    /// print, which takes a lock that another one may have had.
    pub(crate) fn fork(run: impl FnOnce() -> u8) -> Child {
        // SAFETY: the child runs `run` on the one thread that it has and leaves through `_exit`,
        // so nothing of the parent's is run down twice. The C library keeps its allocator usable
        // in a forked child, and all else that `run` may touch is its caller's to choose.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0, "fork: {}", io::Error::last_os_error());
        if pid == 0 {
            let code = catch_unwind(AssertUnwindSafe(run)).unwrap_or(101);
            // SAFETY: `_exit` only ends the process.
            unsafe { libc::_exit(i32::from(code)) };
        }
        Child { pid }
    }

    impl Child {
        /// Waits for the child to exit and returns its exit code; `None` if it was killed.
        pub(crate) fn wait(self) -> Option<i32> {
            let mut status = 0;
            // SAFETY: `status` is a live integer for the call to write to.
            let waited = unsafe { libc::waitpid(self.pid, &raw mut status, 0) };
            assert_eq!(waited, self.pid, "waitpid: {}", io::Error::last_os_error());
            libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status))
        }
    }
}
