//! Randomness from the operating system.

use std::hash::{BuildHasher, Hasher, RandomState};

/// A random word. Drawn anew each time, so that two processes that were forked from one parent do
/// not draw the same.
pub(crate) fn word() -> u64 {
    from_kernel().unwrap_or_else(from_hasher)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn from_kernel() -> Option<u64> {
    let mut bytes = [0u8; 8];
    // SAFETY: the pointer and length are those of a writable array that outlives the call.
    let n = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), libc::GRND_NONBLOCK) };
    (n == bytes.len() as isize).then(|| u64::from_ne_bytes(bytes))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn from_kernel() -> Option<u64> {
    None
}

/// The standard library's hash keys come from the operating system once a thread; the process id and
/// the time tell forked processes apart.
fn from_hasher() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    hasher.write_u128(now.as_nanos());
    hasher.finish()
}

#[cfg(all(test, not(loom)))]
mod tests {
    #[test]
    fn words_differ() {
        let mut words: Vec<u64> = (0..1000).map(|_| super::word()).collect();
        words.extend((0..1000).map(|_| super::from_hasher()));
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), 2000);
    }
}
