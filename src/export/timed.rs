//! How often an operation was done and how long it took, by how it ended.

use super::{ExportError, ExportErrorKind, ResponseStatus};
use std::iter;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const KINDS: usize = ExportErrorKind::ALL.len();

/// How many different statuses are told apart. A receiver has a handful; what comes beyond these is told by the kind of
/// its error alone.
const STATUSES: usize = 16;

/// How an operation ended: well, or with an error of a kind and the status of the answer that it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct End {
    pub(crate) failure: Option<ExportErrorKind>,
    pub(crate) status: Option<ResponseStatus>,
}

impl End {
    /// That of an operation with this result. An error with which nothing is lost is a warning: it went well.
    pub(crate) fn of(result: &Result<(), ExportError>) -> Self {
        match result {
            Ok(()) => Self::default(),
            Err(warning) if warning.lost() == Some(0) => Self::default(),
            Err(error) => Self { failure: Some(error.kind()), status: error.response_status() },
        }
    }
}

/// Operations by how they ended: those that went well, those without a status by the kind of their error, then those
/// with one. One thread writes.
#[derive(Debug, Default)]
pub(crate) struct Timed {
    plain: [Timer; 1 + KINDS],
    answered: [Answered; STATUSES],
}

#[derive(Debug, Default)]
struct Timer {
    count: AtomicU64,
    nanos: AtomicU64,
}

#[derive(Debug, Default)]
struct Answered {
    /// A kind and a status in one word; 0 where there is none yet.
    end: AtomicU64,
    timer: Timer,
}

impl Timer {
    /// Relaxed: sums of their own.
    fn add(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> Times {
        Times { count: self.count.load(Ordering::Relaxed), nanos: self.nanos.load(Ordering::Relaxed) }
    }
}

impl Timed {
    /// One more, by the one thread that writes.
    pub(crate) fn add(&self, took: Duration, end: End) {
        let plain = &self.plain[end.failure.map_or(0, |kind| 1 + kind as usize)];
        let timer = end.word().and_then(|word| self.answered(word)).unwrap_or(plain);
        timer.add(took);
    }

    /// That of this word, which is taken if there is none. Relaxed: nobody else writes, and who reads needs the word
    /// alone.
    fn answered(&self, word: u64) -> Option<&Timer> {
        let found = self.answered.iter().find(|one| [0, word].contains(&one.end.load(Ordering::Relaxed)))?;
        found.end.store(word, Ordering::Relaxed);
        Some(&found.timer)
    }

    pub(crate) fn read(&self) -> Timings {
        let mut timings = Timings::default();
        for (times, timer) in timings.plain.iter_mut().zip(&self.plain) {
            *times = timer.read();
        }
        for (times, answered) in timings.answered.iter_mut().zip(&self.answered) {
            *times = (answered.end.load(Ordering::Relaxed), answered.timer.read());
        }
        timings
    }
}

impl End {
    /// What names it in [`Answered`], if it has a status.
    fn word(self) -> Option<u64> {
        let kind = 1 + self.failure? as u64;
        let (protocol, code) = match self.status? {
            ResponseStatus::Http(code) => (1, u32::from(code)),
            ResponseStatus::Grpc(code) => (2, code),
        };
        Some(kind << 40 | protocol << 32 | u64::from(code))
    }

    fn from_word(word: u64) -> Option<Self> {
        let kind = usize::try_from(word >> 40).ok()?.checked_sub(1)?;
        let code = word as u32;
        let status = match word >> 32 & 0xff {
            1 => ResponseStatus::Http(code as u16),
            _ => ResponseStatus::Grpc(code),
        };
        Some(Self { failure: ExportErrorKind::ALL.get(kind).copied(), status: Some(status) })
    }
}

/// How often something was done until a moment, and for how long in all.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Times {
    pub(crate) count: u64,
    pub(crate) nanos: u64,
}

/// [`Timed`] at a moment.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Timings {
    plain: [Times; 1 + KINDS],
    answered: [(u64, Times); STATUSES],
}

impl Timings {
    /// What ended well, and each other end that there was, with what it was `before`.
    pub(crate) fn beside(&self, before: &Self) -> impl Iterator<Item = (End, Times, Times)> {
        let failures = iter::once(None).chain(ExportErrorKind::ALL.into_iter().map(Some));
        let plain = failures
            .map(|failure| End { failure, status: None })
            .zip(self.plain)
            .zip(before.plain)
            .map(|((end, now), before)| (end, now, before))
            .filter(|(end, now, _)| end.failure.is_none() || now.count > 0);
        // An end keeps its place.
        let answered = self.answered.into_iter().zip(before.answered);
        let answered = answered
            .filter_map(|((word, now), (_, before))| End::from_word(word).map(|end| (end, now, before)));
        plain.chain(answered)
    }

    /// All of them together.
    pub(crate) fn total(&self) -> Times {
        let all = self.plain.iter().chain(self.answered.iter().map(|(_, times)| times));
        all.fold(Times::default(), |sum, times| Times {
            count: sum.count + times.count,
            nanos: sum.nanos + times.nanos,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn rejected(status: ResponseStatus) -> End {
        End { failure: Some(ExportErrorKind::Rejected), status: Some(status) }
    }

    /// How often each end was, but for such as never were.
    fn counts(timings: &Timings) -> BTreeMap<String, u64> {
        let nothing = Timings::default();
        let all = timings.beside(&nothing).filter(|(_, now, _)| now.count > 0);
        all.map(|(end, now, _)| (format!("{:?} {:?}", end.failure, end.status), now.count)).collect()
    }

    #[test]
    fn each_end_is_counted_by_itself_and_the_total_has_all() {
        let timed = Timed::default();
        let second = Duration::from_secs(1);
        let io = End { failure: Some(ExportErrorKind::Io), status: None };
        let ends =
            [End::default(), io, rejected(ResponseStatus::Http(400)), rejected(ResponseStatus::Grpc(3))];
        for (times, end) in ends.into_iter().enumerate() {
            (0..=times).for_each(|_| timed.add(second, end));
        }
        let timings = timed.read();
        let expected = [
            ("None None", 1),
            ("Some(Io) None", 2),
            ("Some(Rejected) Some(Http(400))", 3),
            ("Some(Rejected) Some(Grpc(3))", 4),
        ];
        let expected = expected.map(|(end, count)| (end.to_owned(), count));
        assert_eq!(counts(&timings), expected.into());
        let total = timings.total();
        assert_eq!((total.count, total.nanos), (10, 10_000_000_000));
    }

    #[test]
    fn an_end_is_compared_with_itself_before() {
        let timed = Timed::default();
        timed.add(Duration::ZERO, rejected(ResponseStatus::Http(503)));
        let before = timed.read();
        timed.add(Duration::ZERO, rejected(ResponseStatus::Http(404)));
        timed.add(Duration::ZERO, rejected(ResponseStatus::Http(503)));
        let more: Vec<_> = timed
            .read()
            .beside(&before)
            .filter_map(|(end, now, before)| Some((end.status?, now.count - before.count)))
            .collect();
        assert_eq!(more, [(ResponseStatus::Http(503), 1), (ResponseStatus::Http(404), 1)]);
    }

    #[test]
    fn statuses_beyond_those_that_there_is_room_for_are_told_by_their_kind_and_none_is_lost() {
        let timed = Timed::default();
        for code in 400..500 {
            timed.add(Duration::ZERO, rejected(ResponseStatus::Http(code)));
            timed.add(Duration::ZERO, rejected(ResponseStatus::Http(400)));
        }
        let counts = counts(&timed.read());
        assert_eq!(counts["Some(Rejected) Some(Http(400))"], 101);
        assert_eq!(counts["Some(Rejected) Some(Http(415))"], 1);
        assert_eq!(counts["Some(Rejected) None"], 84);
        assert_eq!(timed.read().total().count, 200);
    }
}
