//! Runs checks in a forked child process.
#![allow(unsafe_code, reason = "fork, _exit, waitpid and kill are what it is about")]

use crate::common::PATIENCE;
use std::time::Duration;

/// Runs `child` in a forked process and returns its exit code: 0, or the number of the check that
/// failed. A child that does not come to an end is killed, and the test fails.
pub(crate) fn in_child(child: impl FnOnce() -> Result<(), u8>) -> i32 {
    // SAFETY: the child calls only what is under test, which must work there, and the allocator,
    // which glibc and the other libcs make usable after a fork; then it exits.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
    if pid == 0 {
        let code = child().err().unwrap_or(0);
        // SAFETY: ends the process; no destructor of the harness runs.
        unsafe { libc::_exit(code.into()) };
    }
    let mut status = 0;
    let give_up = std::time::Instant::now() + PATIENCE;
    loop {
        // SAFETY: `pid` is a child of this process that nobody else waits for.
        match unsafe { libc::waitpid(pid, &mut status, libc::WNOHANG) } {
            0 if std::time::Instant::now() > give_up => {
                // SAFETY: the child has not been waited for, so the id is still its own.
                unsafe { libc::kill(pid, libc::SIGKILL) };
                panic!("the forked child hangs");
            }
            0 => std::thread::sleep(Duration::from_millis(1)),
            _ => break,
        }
    }
    assert!(libc::WIFEXITED(status), "the forked child was killed: status {status:#x}");
    libc::WEXITSTATUS(status)
}

/// Fails with this number.
pub(crate) fn check(number: u8, holds: bool) -> Result<(), u8> {
    if holds { Ok(()) } else { Err(number) }
}
