//! Medians and spreads over the processes of a record.

use crate::row::{Row, Sample};

/// How much slower than at its fastest the empty loop may be for the processor to count as
/// undisturbed. Its fastest is the fastest hundredth of a record: single turns of the clock are faster
/// than any processor.
pub(crate) const UNDISTURBED: f64 = 1.1;

/// How much of one processor, in per cent, others may have used during a process for the machine to
/// count as undisturbed: the empty loop does not see what happens on the other processor.
pub(crate) const FOREIGN: f64 = 20.0;

/// What a figure is of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key<'a> {
    pub(crate) profile: &'a str,
    pub(crate) library: &'a str,
    pub(crate) mode: &'a str,
    pub(crate) workload: &'a str,
    /// Other pairs that the row has to have.
    pub(crate) also: &'a [(&'a str, &'a str)],
}

/// Which samples count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    All,
    Undisturbed,
}

/// A median over processes with its spread.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Figure {
    /// `None` without any numbers.
    pub(crate) fn of(mut numbers: Vec<f64>) -> Option<Self> {
        numbers.retain(|number| number.is_finite());
        numbers.sort_by(f64::total_cmp);
        let (&low, &high) = (numbers.first()?, numbers.last()?);
        Some(Self { median: median(&numbers), low, high })
    }
}

/// Of numbers in order; the mean of the middle two of an even count.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

/// Whether the process had the machine for itself.
fn is_alone(row: &Row) -> bool {
    row.number("foreign").is_none_or(|foreign| foreign <= FOREIGN)
}

/// The rows of a record, and how fast the empty loop is when nothing disturbs it.
#[derive(Debug)]
pub(crate) struct Figures<'a> {
    rows: &'a [Row],
    fastest: f64,
}

/// Series that a row may have.
const SERIES: [&str; 5] = ["wall", "cpu", "a", "b", "c"];

impl<'a> Figures<'a> {
    pub(crate) fn new(rows: &'a [Row]) -> Self {
        let samples = rows.iter().flat_map(|row| SERIES.map(|series| row.samples(series)));
        let mut controls: Vec<f64> = samples.flatten().map(|sample| sample.control).collect();
        controls.sort_by(f64::total_cmp);
        Self { rows, fastest: controls.get(controls.len() / 100).copied().unwrap_or(f64::INFINITY) }
    }

    /// The slowest empty loop, in nanoseconds a turn, that still counts as undisturbed.
    pub(crate) fn bound(&self) -> f64 {
        self.fastest * UNDISTURBED
    }

    pub(crate) fn rows<'k>(&self, key: Key<'k>) -> impl Iterator<Item = &'a Row> + use<'a, 'k> {
        let is = move |row: &&Row| {
            row.get("profile") == Some(key.profile)
                && row.get("library") == Some(key.library)
                && row.get("mode") == Some(key.mode)
                && row.get("workload") == Some(key.workload)
                && key.also.iter().all(|(other, value)| row.get(other) == Some(value))
        };
        self.rows.iter().filter(is)
    }

    /// One process's figure: the median of a series, or a number.
    pub(crate) fn of_row(&self, row: &Row, what: &str, which: Which) -> Option<f64> {
        if which == Which::Undisturbed && !is_alone(row) {
            return None;
        }
        if !SERIES.contains(&what) {
            return row.number(what);
        }
        let counts = |sample: &Sample| which == Which::All || sample.control <= self.bound();
        let samples = row.samples(what).into_iter().filter(counts);
        Figure::of(samples.map(|sample| sample.nanos).collect()).map(|figure| figure.median)
    }

    pub(crate) fn figure(&self, key: Key<'_>, what: &str, which: Which) -> Option<Figure> {
        Figure::of(self.rows(key).filter_map(|row| self.of_row(row, what, which)).collect())
    }

    /// The figure of one round.
    pub(crate) fn of_round(&self, key: Key<'_>, round: usize, what: &str, which: Which) -> Option<f64> {
        let row = self.rows(key).find(|row| row.number("round") == Some(round as f64))?;
        self.of_row(row, what, which)
    }

    pub(crate) fn rounds(&self) -> usize {
        let rounds = self.rows.iter().filter_map(|row| row.number("round"));
        rounds.fold(0, |most, round| most.max(round as usize + 1))
    }

    /// The least that was delivered in any process, in per cent; `None` where nothing can be.
    pub(crate) fn delivered(&self, key: Key<'_>) -> Option<f64> {
        self.rows(key).filter_map(|row| row.number("delivered")).reduce(f64::min)
    }

    /// How many samples of bursts, of how many, were undisturbed.
    pub(crate) fn undisturbed_samples(&self) -> (usize, usize) {
        let (mut kept, mut all) = (0, 0);
        for row in self.rows {
            let samples = row.samples("wall");
            all += samples.len();
            if is_alone(row) {
                kept += samples.iter().filter(|sample| sample.control <= self.bound()).count();
            }
        }
        (kept, all)
    }

    /// How many processes, of how many, had the machine for themselves.
    pub(crate) fn undisturbed_processes(&self) -> (usize, usize) {
        (self.rows.iter().filter(|row| is_alone(row)).count(), self.rows.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(round: usize, wall: &str) -> Row {
        let line = format!(
            "row profile=fat library=a mode=burst workload=W1 round={round} delivered=100.00 wall={wall}"
        );
        Row::parse(&line).expect("it is a row")
    }

    const KEY: Key<'static> = Key { profile: "fat", library: "a", mode: "burst", workload: "W1", also: &[] };

    #[test]
    fn samples_after_a_slow_empty_loop_are_left_out_of_the_undisturbed_figure_only() {
        let rows = [row(0, "10.0:300,90.0:400,12.0:310"), row(1, "20.0:300")];
        let figures = Figures::new(&rows);
        let all = figures.figure(KEY, "wall", Which::All).expect("there are samples");
        assert_eq!((all.median, all.low, all.high), (16.0, 12.0, 20.0));
        let kept = figures.figure(KEY, "wall", Which::Undisturbed).expect("there are samples");
        assert_eq!((kept.median, kept.low, kept.high), (15.5, 11.0, 20.0));
        assert_eq!(figures.undisturbed_samples(), (3, 4));
    }

    #[test]
    fn the_bound_is_that_of_the_whole_record_not_of_one_process() {
        let rows = [row(0, "10.0:300"), row(1, "20.0:400,20.0:400")];
        let figures = Figures::new(&rows);
        assert!(figures.of_round(KEY, 1, "wall", Which::Undisturbed).is_none());
        assert_eq!(figures.of_round(KEY, 1, "wall", Which::All), Some(20.0));
    }

    #[test]
    fn a_process_beside_which_others_worked_has_no_undisturbed_figure() {
        let mut beside = row(0, "10.0:300");
        beside.put("foreign", "80");
        let rows = [beside, row(1, "20.0:300")];
        let figures = Figures::new(&rows);
        let kept = figures.figure(KEY, "wall", Which::Undisturbed).expect("the other process was alone");
        assert_eq!((kept.low, kept.high), (20.0, 20.0));
        assert_eq!(figures.undisturbed_processes(), (1, 2));
    }

    #[test]
    fn the_worst_delivery_of_all_processes_counts() {
        let lossy =
            Row::parse("row profile=fat library=a mode=burst workload=W1 delivered=99.99").expect("a row");
        assert_eq!(Figures::new(&[row(0, "1.0:300"), lossy]).delivered(KEY), Some(99.99));
    }
}
