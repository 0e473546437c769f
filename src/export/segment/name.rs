//! What segment files are called, and which files of a directory are segments.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::export::{ExportError, ExportErrorKind};

/// What a writer writes to a directory.
///
/// The order is without meaning; it makes that of names complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Signal {
    Metrics,
    Spans,
}

impl Signal {
    const ALL: [Self; 2] = [Self::Metrics, Self::Spans];

    /// What the names of its segments begin with.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Metrics => "metrics-",
            Self::Spans => "spans-",
        }
    }
}

const SEALED_SUFFIX: &str = ".nsp";
const OPEN_SUFFIX: &str = ".nsp.open";

/// As many digits as the largest `u64` has, so that names sort as numbers do.
const DIGITS: usize = 20;

/// The name of a segment: when it was begun, and whether it may still grow.
///
/// The order is that of the files' contents in time, and of the names as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SegmentName {
    /// Nanoseconds since the Unix epoch; unique in its directory.
    pub(super) begun_unix_ns: u64,
    /// What its writer wrote.
    pub(super) signal: Signal,
    /// Whether a writer may still add to the file, or was killed while it did.
    pub(super) open: bool,
}

impl SegmentName {
    /// The name of a new segment of `signal` begun at `now_unix_ns`, in a directory whose newest segment,
    /// of whichever signal, was begun at `newest`.
    ///
    /// A clock that was set back must not make a new segment sort before an old one, nor give it
    /// an old one's name.
    #[cfg(unix)]
    pub(super) fn next(signal: Signal, now_unix_ns: u64, newest: Option<u64>) -> Self {
        let begun_unix_ns = newest.map_or(now_unix_ns, |newest| now_unix_ns.max(newest.saturating_add(1)));
        Self { begun_unix_ns, signal, open: true }
    }

    /// The name that the segment has once it is complete.
    pub(super) fn sealed(self) -> Self {
        Self { open: false, ..self }
    }

    /// Reads a file's name: `None` if it is not meant to be a segment's at all, an error if it is
    /// meant to be one and is not.
    fn parse(name: &OsStr) -> Option<Result<Self, &'static str>> {
        let name = name.to_str()?;
        let of = |signal: Signal| Some((signal, name.strip_prefix(signal.prefix())?));
        let (signal, name) = Signal::ALL.into_iter().find_map(of)?;
        if !name.ends_with(SEALED_SUFFIX) && !name.ends_with(OPEN_SUFFIX) {
            return None;
        }
        let (digits, open) = match name.strip_suffix(OPEN_SUFFIX) {
            Some(digits) => (digits, true),
            None => (name.strip_suffix(SEALED_SUFFIX).unwrap_or(name), false),
        };
        if digits.len() != DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(Err(match signal {
                Signal::Metrics => "its name does not have 20 digits between `metrics-` and `.nsp`",
                Signal::Spans => "its name does not have 20 digits between `spans-` and `.nsp`",
            }));
        }
        Some(match digits.parse() {
            Ok(begun_unix_ns) => Ok(Self { begun_unix_ns, signal, open }),
            Err(_) => Err("the time in its name is beyond the year 2554"),
        })
    }
}

impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suffix = if self.open { OPEN_SUFFIX } else { SEALED_SUFFIX };
        write!(f, "{}{:0DIGITS$}{suffix}", self.signal.prefix(), self.begun_unix_ns)
    }
}

/// Whether `path` is named like a segment that is complete.
pub(super) fn is_sealed(path: &Path) -> bool {
    let name = path.file_name().and_then(SegmentName::parse);
    matches!(name, Some(Ok(SegmentName { open: false, .. })))
}

/// The path that an open segment has once it is sealed; `None` if `path` is not an open segment's.
pub(super) fn sealed_path(path: &Path) -> Option<PathBuf> {
    match SegmentName::parse(path.file_name()?)? {
        Ok(name) if name.open => Some(path.with_file_name(name.sealed().to_string())),
        _ => None,
    }
}

/// What a directory holds, as far as it is named like a segment.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The segments, oldest first.
    pub(super) segments: Vec<SegmentName>,
    /// Files named like a segment that are none, and why.
    pub(super) strangers: Vec<(PathBuf, &'static str)>,
}

impl Listing {
    /// Lists `directory`. Files that are not named like a segment are not looked at.
    pub(super) fn of(directory: &Path) -> io::Result<Self> {
        let mut listing = Self::default();
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            match SegmentName::parse(&entry.file_name()) {
                None => {}
                Some(Err(why)) => listing.strangers.push((entry.path(), why)),
                Some(Ok(name)) => match entry.file_type() {
                    Ok(kind) if kind.is_file() => listing.segments.push(name),
                    Ok(kind) if kind.is_symlink() => {
                        listing.strangers.push((entry.path(), "it is a symbolic link"));
                    }
                    Ok(_) => listing.strangers.push((entry.path(), "it is not a regular file")),
                    // A reader of the directory may have deleted it since it was listed.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                },
            }
        }
        listing.segments.sort_unstable();
        listing.strangers.sort_unstable();
        Ok(listing)
    }
}

/// The segment files of a directory, oldest first, with the one that is being written last.
///
/// Files that are not named `spans-…` or `metrics-…` with `.nsp` or `.nsp.open` at the end are not looked at.
/// A segment may
/// be sealed, and so renamed, between this call and its opening;
/// [`SegmentFile::open`](super::SegmentFile::open) follows that.
///
/// # Errors
///
/// Of kind [`Io`](ExportErrorKind::Io) if the directory cannot be read, and of kind
/// [`Insecure`](ExportErrorKind::Insecure) if a file is named like a segment but cannot be one: a
/// symbolic link, a directory, or a name without the 20 digits.
pub fn segments_in(directory: impl AsRef<Path>) -> Result<Vec<PathBuf>, ExportError> {
    let directory = directory.as_ref();
    let listing = Listing::of(directory).map_err(|error| {
        let message = format!("cannot list the segment directory {}", directory.display());
        ExportError::new(ExportErrorKind::Io, message).with_source(error)
    })?;
    if let Some((path, why)) = listing.strangers.first() {
        let message = format!("{} is not a segment: {why}", path.display());
        return Err(ExportError::new(ExportErrorKind::Insecure, message));
    }
    let paths = listing.segments.iter();
    Ok(paths.map(|name| directory.join(name.to_string())).collect())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn parse(name: &str) -> Option<Result<SegmentName, &'static str>> {
        SegmentName::parse(OsStr::new(name))
    }

    #[test]
    fn every_name_reads_back_as_itself() {
        for begun_unix_ns in [0, 1, 1_763_722_800_123_456_789, u64::MAX] {
            for (open, signal) in
                [false, true].into_iter().flat_map(|open| Signal::ALL.map(|signal| (open, signal)))
            {
                let name = SegmentName { begun_unix_ns, signal, open };
                assert_eq!(parse(&name.to_string()), Some(Ok(name)));
            }
        }
    }

    #[test]
    fn names_sort_as_text_in_the_order_of_their_times() {
        let times = [0, 9, 10, 1_763_722_800_123_456_789, u64::MAX - 1];
        let names = times.map(|time| SegmentName::next(Signal::Spans, time, None).sealed().to_string());
        assert!(names.is_sorted());
    }

    #[test]
    fn a_clock_set_back_still_gives_a_later_name() {
        for signal in Signal::ALL {
            assert_eq!(SegmentName::next(signal, 5, Some(9)).begun_unix_ns, 10);
            assert_eq!(SegmentName::next(signal, 9, Some(9)).begun_unix_ns, 10);
            assert_eq!(SegmentName::next(signal, 11, Some(9)).begun_unix_ns, 11);
            assert_eq!(SegmentName::next(signal, 11, None).begun_unix_ns, 11);
        }
    }

    #[test]
    fn other_peoples_files_are_not_taken_for_segments() {
        for name in ["writer.lock", "spans.nsp", "spans-1.txt", "metrics-1.txt", "a.nsp", "", "lost+found"] {
            assert_eq!(parse(name), None, "{name}");
        }
    }

    #[test]
    fn a_name_that_is_almost_a_segments_is_an_error() {
        for name in [
            "spans-.nsp",
            "spans-1.nsp",
            "metrics-1.nsp",
            "spans-0000000000000000001.nsp",
            "spans-000000000000000000001.nsp",
            "spans-+0000000000000000001.nsp",
            "spans-99999999999999999999.nsp",
            "spans-99999999999999999999.nsp.open",
        ] {
            assert!(matches!(parse(name), Some(Err(_))), "{name}");
        }
    }

    #[test]
    fn sealing_only_drops_the_suffix() {
        let open = Path::new("d/spans-00000000000000000007.nsp.open");
        let sealed = Path::new("d/spans-00000000000000000007.nsp");
        assert_eq!(sealed_path(open).as_deref(), Some(sealed));
        assert_eq!(sealed_path(sealed), None);
        assert!(is_sealed(sealed));
        assert!(!is_sealed(open));
    }
}
