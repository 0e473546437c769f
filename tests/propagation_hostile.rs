//! What extraction promises whatever is received: it never panics, what it accepts is within the
//! limits, and what it writes it reads back as the same.
//!
//! Inputs are made from fixed seeds: bytes at random, bytes that the grammars give a meaning to, and
//! well-formed headers with a few bytes changed.

use nanospan::TraceState;
use nanospan::propagation::{
    BaggagePropagator, TraceContextPropagator, format_traceparent, parse_traceparent,
};

const ROUNDS: u64 = if cfg!(miri) { 50 } else { 50_000 };

const TRACEPARENT: &[u8] = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACESTATE: &[u8] = b"rojo=00f067aa0ba902b7, congo=t61rcWkgMzE,, t@v= x";
const BAGGAGE: &[u8] = b"userId=alice, serverNode=DF%2028;ttl=3;x ,isProduction=false";

/// SplitMix64: fixed numbers that look random.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn header(&mut self, well_formed: &[u8]) -> Vec<u8> {
        const MEANINGFUL: &[u8] = b"-,=;%@ \t09afAFz_*/\\\"\0\x7f\xc3\xa9\xff";
        match self.below(4) {
            0 => (0..self.below(80)).map(|_| self.next() as u8).collect(),
            1 => (0..self.below(80)).map(|_| MEANINGFUL[self.below(MEANINGFUL.len())]).collect(),
            _ => {
                let mut header = well_formed.to_vec();
                for _ in 0..self.below(3) {
                    let at = self.below(header.len());
                    let byte = MEANINGFUL[self.below(MEANINGFUL.len())];
                    match self.below(3) {
                        0 => header[at] = byte,
                        1 => header.insert(at, byte),
                        _ => drop(header.remove(at)),
                    }
                }
                header
            }
        }
    }
}

#[test]
fn a_traceparent_that_is_read_is_written_as_what_reads_the_same() {
    let mut numbers = Numbers(1);
    let mut accepted = 0;
    for _ in 0..ROUNDS {
        let header = numbers.header(TRACEPARENT);
        let Ok(read) = parse_traceparent(&header) else {
            continue;
        };
        accepted += 1;
        let written = format_traceparent(read.trace_id(), read.span_id(), read.flags());
        assert_eq!(parse_traceparent(&written), Ok(read), "{}", header.escape_ascii());
    }
    assert!(accepted > ROUNDS / 10 && accepted < ROUNDS, "{accepted} of {ROUNDS} were read");
}

#[test]
fn a_tracestate_that_is_read_is_written_as_what_reads_the_same() {
    let mut numbers = Numbers(2);
    let mut accepted = 0;
    for _ in 0..ROUNDS {
        let headers = [
            (&b"traceparent"[..], TRACEPARENT.to_vec()),
            (b"tracestate", numbers.header(TRACESTATE)),
            (b"tracestate", numbers.header(b"foo=1")),
        ];
        let headers = headers.map(|(name, value)| (std::str::from_utf8(name).unwrap(), value));
        let read = TraceContextPropagator::new().extract(&headers).expect("traceparent is good");
        let state = read.trace_state();
        accepted += u64::from(!state.is_empty());
        assert!(state.len() <= 32);
        assert!(state.iter().all(|(key, value)| key.len() <= 256 && value.len() <= 256));
        assert_eq!(state.as_str().parse::<TraceState>().as_ref(), Ok(state), "{headers:?}");
        for max in [0, 5, 20, 40] {
            let cut = state.truncated(max);
            assert!(cut.as_str().len() <= max);
            assert_eq!(cut.as_str().parse(), Ok(cut));
        }
    }
    assert!(accepted > ROUNDS / 20 && accepted < ROUNDS, "{accepted} of {ROUNDS} were read");
}

#[test]
fn baggage_that_is_read_is_written_as_what_reads_the_same() {
    let mut numbers = Numbers(3);
    let mut accepted = 0;
    for _ in 0..ROUNDS {
        let headers = [("baggage", numbers.header(BAGGAGE)), ("baggage", numbers.header(b"k=v"))];
        let Some(read) = BaggagePropagator::new().extract(&headers) else {
            continue;
        };
        accepted += 1;
        assert_eq!(read.to_string().parse(), Ok(read), "{headers:?}");
    }
    assert!(accepted > ROUNDS / 10 && accepted < ROUNDS, "{accepted} of {ROUNDS} were read");
}

#[test]
fn the_strict_and_the_lenient_reading_agree_on_well_formed_baggage() {
    let mut numbers = Numbers(4);
    let mut well_formed = 0;
    for _ in 0..ROUNDS {
        let header = numbers.header(BAGGAGE);
        let Some(strict) = std::str::from_utf8(&header).ok().and_then(|text| text.parse().ok()) else {
            continue;
        };
        well_formed += 1;
        let lenient = BaggagePropagator::new().extract(&[("baggage", &header)]);
        assert_eq!(lenient.unwrap_or_default(), strict, "{}", header.escape_ascii());
    }
    assert!(well_formed > ROUNDS / 10, "{well_formed} of {ROUNDS} were well-formed");
}

#[test]
fn headers_of_a_mebibyte_are_read_within_the_limits() {
    let fill = |unit: &str| unit.repeat((1 << 20) / unit.len());
    let units = ["a", ",", " ", "=", ";", "%", "%ff", "a=b,", "a=;", "a=b;c,", "a=%ff,", ", \t"];
    for unit in units {
        let header = fill(unit);
        assert!(parse_traceparent(header.as_bytes()).is_err(), "{unit:?}");

        let trace = [("traceparent", TRACEPARENT), ("tracestate", header.as_bytes())];
        let read = TraceContextPropagator::new().extract(&trace).expect("traceparent is good");
        assert!(read.trace_state().is_empty(), "{unit:?}");

        for header in [header.clone(), format!("k={header}"), format!("k=v;{header}")] {
            let read = BaggagePropagator::new().extract(&[("baggage", header)]);
            let read = read.unwrap_or_default();
            assert!(read.len() <= 64 && read.to_string().len() <= 8192, "{unit:?}");
        }
    }
}
