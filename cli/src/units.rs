//! Numbers as people read them: durations, sizes, counts and moments.

use std::fmt;

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
    let (seconds, nanos) = (unix_nanos / 1_000_000_000, unix_nanos % 1_000_000_000);
    let (year, month, day) = civil_date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z")
}

/// The year, month and day of the Gregorian calendar, `days` after 1970-01-01.
///
/// Years are counted from March, so that the leap day is the last one of its year; an era is the 400
/// years after which the calendar repeats.
fn civil_date(days: u64) -> (u64, u64, u64) {
    const DAYS_PER_ERA: u64 = 146_097;
    // Between 0000-03-01 and 1970-01-01.
    let days = days + 719_468;
    let era = days / DAYS_PER_ERA;
    let day_of_era = days % DAYS_PER_ERA;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let months_since_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * months_since_march + 2) / 5 + 1;
    let month = (months_since_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
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

    #[test]
    fn moments_follow_the_gregorian_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (951_782_399, "2000-02-28T23:59:59.000000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000000Z"),
            (1_700_000_000, "2023-11-14T22:13:20.000000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000000Z"),
        ] {
            assert_eq!(moment(seconds * 1_000_000_000), text);
        }
        assert_eq!(moment(u64::MAX), "2554-07-21T23:34:33.709551615Z");
    }
}
