//! Numbers as people read them: durations, sizes, counts and moments.

use std::fmt;

use nanospan::Timestamp;

/// A duration in nanoseconds, to three significant digits: `850 ns`, `12.3 ms`, `2m 05s`.
pub(crate) fn duration(nanos: u64) -> String {
    const UNITS: [(&str, f64); 4] = [("ns", 1.0), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)];
    for (unit, scale) in UNITS {
        let value = nanos as f64 / scale;
        let limit = if unit == "s" { 59.95 } else { 999.5 };
        if value < limit {
            return match unit {
                "ns" => format!("{nanos} ns"),
                _ => format!("{} {unit}", three_digits(value)),
            };
        }
    }
    let seconds = nanos.saturating_add(500_000_000) / 1_000_000_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    if hours == 0 {
        format!("{minutes}m {:02}s", seconds % 60)
    } else if days == 0 {
        format!("{hours}h {:02}m", minutes % 60)
    } else {
        format!("{days}d {:02}h", hours % 24)
    }
}

/// A size in bytes, to at least three significant digits: `312 B`, `1.25 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"].iter();
    let mut unit = units.next();
    while value >= 1023.5 {
        unit = units.next();
        value /= 1024.0;
    }
    let unit = unit.copied().unwrap_or("EiB");
    match unit {
        "B" => format!("{bytes} B"),
        _ => format!("{} {unit}", three_digits(value)),
    }
}

fn three_digits(value: f64) -> String {
    let decimals = if value < 9.995 {
        2
    } else if value < 99.95 {
        1
    } else {
        0
    };
    format!("{value:.decimals$}")
}

/// A number with its thousands set apart: `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number of things: `1 span`, `1,234 spans`. `one` is the thing's name in the singular.
pub(crate) fn counted(number: u64, one: &str) -> String {
    let plural = match one {
        "batch" => "es",
        _ => "s",
    };
    let ending = if number == 1 { "" } else { plural };
    format!("{} {one}{ending}", count(number))
}

/// A moment in nanoseconds since the Unix epoch, as RFC 3339 writes it in UTC.
pub(crate) fn moment(unix_nanos: u64) -> String {
    Timestamp::from_unix_nanos(unix_nanos).to_string()
}

/// An id as W3C Trace Context prints it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hex<const N: usize>(pub(crate) [u8; N]);

impl<const N: usize> fmt::Display for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(hex(&self.0, &mut [0; 32]))
    }
}

/// The bytes of an id in hexadecimal, written into `buffer`. Ids have at most 16 bytes.
pub(crate) fn hex<'a>(id: &[u8], buffer: &'a mut [u8; 32]) -> &'a str {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (digits, byte) in buffer.chunks_exact_mut(2).zip(id) {
        digits[0] = DIGITS[usize::from(byte >> 4)];
        digits[1] = DIGITS[usize::from(byte & 15)];
    }
    std::str::from_utf8(&buffer[..2 * id.len()]).expect("hexadecimal digits are ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_keep_three_digits_and_never_show_a_thousand_of_a_unit() {
        for (nanos, text) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (9_994, "9.99 µs"),
            (9_996, "10.0 µs"),
            (999_499, "999 µs"),
            (999_600, "1.00 ms"),
            (48_213_000, "48.2 ms"),
            (999_600_000, "1.00 s"),
            (59_940_000_000, "59.9 s"),
            (59_960_000_000, "1m 00s"),
            (125_000_000_000, "2m 05s"),
            (3_599_600_000_000, "1h 00m"),
            (90_000_000_000_000, "1d 01h"),
            (u64::MAX, "213503d 23h"),
        ] {
            assert_eq!(duration(nanos), text, "{nanos}");
        }
    }

    #[test]
    fn sizes_and_counts_are_grouped() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1_023), "1023 B");
        assert_eq!(bytes(1_024), "1.00 KiB");
        assert_eq!(bytes(1_047_000), "1022 KiB");
        assert_eq!(bytes(1_048_500), "1.00 MiB");
        assert_eq!(bytes(64 << 20), "64.0 MiB");
        assert_eq!(bytes(u64::MAX), "16.0 EiB");
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(counted(1, "batch"), "1 batch");
        assert_eq!(counted(2_000, "batch"), "2,000 batches");
        assert_eq!(counted(0, "span"), "0 spans");
    }

    #[test]
    fn digits_are_those_of_the_standard_library() {
        for shift in 0..64 {
            for number in [u64::MAX >> shift, 1 << shift, 1_u64.rotate_right(shift) - 1] {
                assert_eq!(Hex(number.to_be_bytes()).to_string(), format!("{number:016x}"));
            }
        }
        assert_eq!(Hex([0xab; 16]).to_string(), "ab".repeat(16));
    }
}
