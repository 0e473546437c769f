//! What the libraries are compared with: nothing at all, two clock reads, and two clock reads with a
//! record that goes to the other processor.

use crate::library::{Library, Setup};
use crate::machine::ticks;
use crate::workload::{CHILDREN, TEXT, Types, status};
use std::cell::RefCell;
use std::hint::black_box;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

/// What is measured when nothing is: the harness.
#[derive(Debug)]
pub(crate) struct Empty;

/// Two reads of the clock, without which there is no span.
#[derive(Debug)]
pub(crate) struct ClockReads;

/// The same, and a record of 128 bytes into a block of 64 that is handed over full and comes back empty.
#[derive(Debug)]
pub(crate) struct Record128 {
    /// Each thread that records takes its own end once.
    writers: Mutex<Vec<Writer>>,
}

const NOT_A_SPAN: Types = Types::Nothing("not a tracer");

macro_rules! floor {
    ($name:ident, $build:expr, $once:expr) => {
        impl Library for $name {
            const TYPES: Types = NOT_A_SPAN;
            type Root = ();
            type Scope<'a> = ();
            type Open = u64;

            fn build(_: &Setup) -> Result<Self, String> {
                $build
            }

            fn root(&self) {}

            fn scope(&self, (): &()) {}

            fn is_sampled(&self, (): &()) -> bool {
                true
            }

            #[inline(always)]
            fn w0(&self, (): &()) {
                ($once)(self, 0, "");
            }

            #[inline(always)]
            fn w1(&self, (): &(), n: u64) {
                ($once)(self, n, TEXT);
            }

            #[inline(always)]
            fn w1d(&self, (): &(), n: u64, text: &str) {
                ($once)(self, n, text);
            }

            #[inline(always)]
            fn w2(&self, (): &(), n: u64) {
                ($once)(self, n, TEXT);
            }

            #[inline(always)]
            fn w3(&self, n: u64) {
                for _ in 0..=CHILDREN {
                    ($once)(self, n, TEXT);
                }
            }

            #[inline(always)]
            fn a10(&self, (): &(), n: u64) {
                ($once)(self, n, TEXT);
            }

            #[inline(always)]
            fn a30(&self, (): &(), n: u64) {
                ($once)(self, n, TEXT);
            }

            #[inline(always)]
            fn open(&self, (): &(), n: u64) -> u64 {
                ($once)(self, n, TEXT);
                n
            }

            #[inline(always)]
            fn open_bare(&self, (): &()) -> u64 {
                0
            }

            #[inline(always)]
            fn add(&self, span: &mut u64, _: u64) {
                black_box(span);
            }

            fn settle(&self) {}

            fn flush(&self) {}

            fn waiting(&self, _: u64) -> u64 {
                0
            }
        }
    };
}

#[inline(always)]
fn nothing(_: &Empty, n: u64, text: &str) {
    black_box((n, text));
}

#[inline(always)]
fn clock_reads(_: &ClockReads, n: u64, text: &str) {
    black_box((n, text));
    black_box(ticks());
    black_box(ticks());
}

#[inline(always)]
fn record(floor: &Record128, n: u64, text: &str) {
    let start = ticks();
    LOCAL.with(|local| {
        let mut local = local.borrow_mut();
        let writer = local.get_or_insert_with(|| floor.writer());
        let mut words = [0; WORDS];
        let (bytes, _) = black_box(text).as_bytes().as_chunks::<8>();
        words[0] = start;
        words[1] = n;
        words[2] = black_box(status(n)) as u64;
        words[3] = u64::from(black_box(true));
        for (word, bytes) in words[4..].iter_mut().zip(bytes) {
            *word = u64::from_ne_bytes(*bytes);
        }
        words[15] = ticks();
        writer.push(words);
    });
}

floor!(Empty, Ok(Self), nothing);
floor!(ClockReads, Ok(Self), clock_reads);
floor!(Record128, Self::new(), record);

/// 128 bytes.
const WORDS: usize = 16;
const RECORDS: usize = 64;
/// Blocks of each thread that records.
const BLOCKS: usize = 64;

type Block = Vec<[u64; WORDS]>;

thread_local! {
    static LOCAL: RefCell<Option<Writer>> = const { RefCell::new(None) };
}

/// One thread's end: the block that it fills, where full ones go and empty ones come from.
#[derive(Debug)]
struct Writer {
    block: Block,
    full: SyncSender<Block>,
    empty: Receiver<Block>,
}

impl Writer {
    #[inline(always)]
    fn push(&mut self, words: [u64; WORDS]) {
        self.block.push(words);
        if self.block.len() == RECORDS {
            self.hand_over();
        }
    }

    #[inline(never)]
    fn hand_over(&mut self) {
        // A block that nobody empties in time is written again: this is a floor, not a tracer.
        match self.empty.try_recv() {
            Ok(empty) => {
                let full = std::mem::replace(&mut self.block, empty);
                // There is room for every block.
                let _ = self.full.try_send(full);
            }
            Err(_) => self.block.clear(),
        }
    }
}

impl Record128 {
    fn new() -> Result<Self, String> {
        let mut writers = Vec::new();
        for _ in 0..2 {
            let (full, to_empty) = sync_channel::<Block>(BLOCKS);
            let (emptied, empty) = sync_channel(BLOCKS);
            for _ in 1..BLOCKS {
                emptied.try_send(Vec::with_capacity(RECORDS)).map_err(|error| error.to_string())?;
            }
            let drain = move || {
                loop {
                    match to_empty.try_recv() {
                        Ok(mut block) => {
                            black_box(block.iter().fold(0, |sum, words| sum ^ words[0]));
                            block.clear();
                            let _ = emptied.try_send(block);
                        }
                        // Not a blocking wait: the writer would have to wake us.
                        Err(TryRecvError::Empty) => thread::sleep(Duration::from_micros(50)),
                        Err(TryRecvError::Disconnected) => return,
                    }
                }
            };
            thread::Builder::new().spawn(drain).map_err(|error| error.to_string())?;
            writers.push(Writer { block: Vec::with_capacity(RECORDS), full, empty });
        }
        Ok(Self { writers: Mutex::new(writers) })
    }

    /// For one of two threads.
    fn writer(&self) -> Writer {
        let mut writers = self.writers.lock().expect("nobody panics with it");
        writers.pop().expect("two threads record at most")
    }
}
