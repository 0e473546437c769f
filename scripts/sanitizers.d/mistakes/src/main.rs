//! Mistakes on purpose, by which each tool shows that it is at work: `scripts/sanitizers` fails if one is
//! not reported.

use std::env;
use std::hint::black_box;
use std::thread;

static mut SHARED: u64 = 0;

fn main() {
    match env::args().nth(1).as_deref() {
        Some("race") => race(),
        Some("after-free") => after_free(),
        other => panic!("no such mistake: {other:?}"),
    }
}

/// Two threads write a word that nothing orders.
fn race() {
    let writer = || {
        for n in 0..1000 {
            // No safety here: this is the mistake.
            unsafe { *black_box(&raw mut SHARED) = n };
        }
    };
    let threads = [thread::spawn(writer), thread::spawn(writer)];
    for thread in threads {
        thread.join().expect("the thread does not panic");
    }
}

/// A read of memory that was given back.
fn after_free() {
    let word = Box::into_raw(Box::new(1_u64));
    // No safety here: the second is the mistake.
    unsafe {
        drop(Box::from_raw(word));
        println!("{}", black_box(black_box(word).read()));
    }
}
