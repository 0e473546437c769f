//! OpenTelemetry's own entry of the trace state, `ot`: the sampling threshold `th` and the explicit
//! randomness `rv` (OpenTelemetry specification, "TraceState: Handling" and "TraceState: Probability
//! Sampling").

use super::threshold::{RANDOM_BITS, RANDOM_MASK, Threshold};
use crate::context::TraceState;

/// The key of OpenTelemetry's entry.
const KEY: &str = "ot";

/// Digits of a threshold or of the randomness.
const DIGITS: usize = RANDOM_BITS as usize / 4;

/// The longest value of the entry ("The complete list length MUST NOT exceed 256 characters").
const ENTRY_MAX: usize = 256;

/// The sub-keys of the entry and their values, in order.
fn entries(state: &TraceState) -> impl Iterator<Item = (&str, &str)> {
    let entry = state.get(KEY).unwrap_or_default();
    entry.split(';').filter_map(|pair| pair.split_once(':'))
}

fn entry<'a>(state: &'a TraceState, key: &str) -> Option<&'a str> {
    entries(state).find(|(found, _)| *found == key).map(|(_, value)| value)
}

/// Lowercase hexadecimal digits, as many as `digits` says at most and one at least.
fn hexadecimal(text: &str, digits: usize) -> Option<u64> {
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_number = (1..=digits).contains(&text.len()) && text.as_bytes().iter().all(is_digit);
    is_number.then(|| u64::from_str_radix(text, 16).ok())?
}

/// The randomness to decide by: the explicit one, if the trace carries one, or the low 56 bits of its id.
pub(crate) fn randomness(state: &TraceState, trace_id: u128) -> u64 {
    explicit_randomness(state).unwrap_or(trace_id as u64 & RANDOM_MASK)
}

/// The randomness that a trace carries.
pub(crate) fn explicit_randomness(state: &TraceState) -> Option<u64> {
    let explicit = entry(state, "rv").filter(|value| value.len() == DIGITS);
    explicit.and_then(|value| hexadecimal(value, DIGITS))
}

/// The threshold that the trace was sampled by so far.
fn threshold(state: &TraceState) -> Option<Threshold> {
    let digits = entry(state, "th")?;
    let value = hexadecimal(digits, DIGITS)?;
    Some(Threshold::of(value << (4 * (DIGITS - digits.len()))))
}

/// The state with `threshold` for its `th`. Without it, when the entry would get too long for that.
pub(crate) fn with_threshold(state: &TraceState, threshold: Threshold) -> TraceState {
    let mut value = format!("th:{}", threshold.digits());
    for (key, kept) in entries(state).filter(|(key, _)| *key != "th") {
        value.push(';');
        value.push_str(key);
        value.push(':');
        value.push_str(kept);
    }
    if value.len() > ENTRY_MAX {
        return without_threshold(state);
    }
    state.insert(KEY, &value).unwrap_or_else(|_| without_threshold(state))
}

/// The state without a `th`, and without the entry if nothing else is in it.
pub(crate) fn without_threshold(state: &TraceState) -> TraceState {
    if entry(state, "th").is_none() {
        return state.clone();
    }
    let kept = entries(state).filter(|(key, _)| *key != "th");
    let value = kept.map(|(key, value)| format!("{key}:{value}")).collect::<Vec<_>>().join(";");
    if value.is_empty() { state.delete(KEY) } else { state.insert(KEY, &value).unwrap_or_default() }
}

/// The state as it is passed on by a sampler that keeps to the parent's decision: the threshold is taken
/// out when it contradicts that decision, since what counts by it would count wrongly.
pub(crate) fn consistent(state: &TraceState, trace_id: u128, sampled: bool) -> TraceState {
    match threshold(state) {
        Some(threshold) if threshold.keeps_random(randomness(state, trace_id)) == sampled => state.clone(),
        _ => without_threshold(state),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(text: &str) -> TraceState {
        text.parse().unwrap()
    }

    #[test]
    fn the_randomness_is_the_explicit_one_or_the_low_bits_of_the_trace_id() {
        let trace_id = u128::MAX << 64 | 0xff12_3456_789a_bcde;
        let of = |text| randomness(&state(text), trace_id);
        assert_eq!(of("ot=rv:6e6d1a75832a2f"), 0x006e_6d1a_7583_2a2f);
        assert_eq!(of("a=1,ot=th:c;rv:00000000000000;x:y"), 0);
        for bad in
            ["", "a=1", "ot=th:c", "ot=rv:6e6d1a75832a2", "ot=rv:6E6D1A75832A2F", "ot=rv:6e6d1a75832a2f0"]
        {
            assert_eq!(of(bad), 0x0012_3456_789a_bcde, "{bad}");
        }
    }

    #[test]
    fn setting_a_threshold_keeps_all_other_entries_and_moves_ot_to_the_front() {
        let quarter = Threshold::of(0x00c0_0000_0000_0000);
        let set = |text| with_threshold(&state(text), quarter);
        assert_eq!(set("").as_str(), "ot=th:c");
        assert_eq!(
            set("a=1,ot=rv:6e6d1a75832a2f;th:8;p:1,b=2").as_str(),
            "ot=th:c;rv:6e6d1a75832a2f;p:1,a=1,b=2"
        );
        assert_eq!(with_threshold(&state("ot=th:c"), Threshold::ALWAYS).as_str(), "ot=th:0");
    }

    #[test]
    fn an_entry_that_would_get_too_long_goes_without_a_threshold() {
        let long = format!("ot=x:{}", "y".repeat(ENTRY_MAX - 2));
        assert_eq!(with_threshold(&state(&long), Threshold::ALWAYS).as_str(), long);
        let fits = format!("ot=x:{}", "y".repeat(ENTRY_MAX - 7));
        assert_eq!(with_threshold(&state(&fits), Threshold::ALWAYS).as_str().len(), 3 + ENTRY_MAX);
    }

    #[test]
    fn a_threshold_that_contradicts_the_decision_is_taken_out() {
        let kept = 0x00c0_0000_0000_0000;
        let of = |text, trace_id, sampled| consistent(&state(text), trace_id, sampled).as_str().to_owned();
        assert_eq!(of("ot=th:c", kept, true), "ot=th:c");
        assert_eq!(of("ot=th:c", kept - 1, true), "");
        assert_eq!(of("ot=th:c", kept - 1, false), "ot=th:c");
        assert_eq!(of("ot=th:c", kept, false), "");
        assert_eq!(of("ot=th:c;rv:00000000000000,a=1", kept, true), "ot=rv:00000000000000,a=1");
        assert_eq!(of("ot=th:C;p:1", kept, true), "ot=p:1");
        assert_eq!(of("a=1", kept, true), "a=1");
    }
}
