//! Bars on a time line.

/// The time line that the bars of a trace share.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimeLine {
    start: u64,
    /// At least 1, so that a trace without any length can be drawn.
    length: u64,
    columns: usize,
}

impl TimeLine {
    /// A time line from `start` to `end`, in nanoseconds since the Unix epoch, on `columns` columns.
    pub(super) fn new(start: u64, end: u64, columns: usize) -> Self {
        Self { start, length: end.saturating_sub(start).max(1), columns }
    }

    /// The bar of a span, in half columns; a span too short for one gets a whole half. All columns
    /// are filled up with blanks.
    pub(super) fn bar(&self, start: u64, end: u64) -> String {
        let halves = 2 * self.columns;
        let (start, end) = (start.min(end), start.max(end));
        let first = self.half_at(start, false).min(halves.saturating_sub(1));
        let behind = self.half_at(end, true).clamp(first + 1, halves.max(first + 1));
        let is_drawn = |half: usize| (first..behind).contains(&half);
        (0..self.columns)
            .map(|column| match (is_drawn(2 * column), is_drawn(2 * column + 1)) {
                (true, true) => '━',
                (true, false) => '╸',
                (false, true) => '╺',
                (false, false) => ' ',
            })
            .collect()
    }

    /// The half column that `time` falls into; with `up`, the one that begins there or later.
    fn half_at(&self, time: u64, up: bool) -> usize {
        let halves = 2 * self.columns as u128;
        let passed = u128::from(time.saturating_sub(self.start)) * halves;
        let length = u128::from(self.length);
        let half = if up { passed.div_ceil(length) } else { passed / length };
        half.min(halves) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bar_begins_and_ends_where_its_span_does() {
        let line = TimeLine::new(1_000, 2_000, 10);
        assert_eq!(line.bar(1_000, 2_000), "━━━━━━━━━━");
        assert_eq!(line.bar(1_000, 1_500), "━━━━━     ");
        assert_eq!(line.bar(1_500, 1_700), "     ━━   ");
        assert_eq!(line.bar(1_550, 1_750), "     ╺━╸  ");
        assert_eq!(line.bar(1_000, 1_001), "╸         ");
        assert_eq!(line.bar(2_000, 2_000), "         ╺");
        assert_eq!(TimeLine::new(5, 5, 3).bar(5, 5), "╸  ");
    }

    proptest! {
        #[test]
        fn every_bar_is_visible_and_as_wide_as_its_column(
            line in any::<(u64, u64)>(),
            span in any::<(u64, u64)>(),
            columns in 1_usize..200,
        ) {
            let bar = TimeLine::new(line.0, line.1, columns).bar(span.0, span.1);
            prop_assert_eq!(bar.chars().count(), columns);
            prop_assert!(bar.chars().any(|character| character != ' '));
        }
    }
}
