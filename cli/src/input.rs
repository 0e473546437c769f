//! Which segments a command reads, and how it gets around what is damaged in them.

use std::collections::HashSet;
use std::error::Error as _;
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use nanospan::batch::BatchView;
use nanospan::batch::segment::{AnyBatch, Damage, DamageKind, Frame, SegmentReader};
use nanospan::export::ExportError;
use nanospan::export::segment::{SegmentFile, segments_in};

use crate::failure::Failure;
use crate::notices::{Notices, shown};
use crate::units::counted;

/// The files that a command reads, in order.
#[derive(Debug)]
pub(crate) struct Input {
    files: Vec<Source>,
    /// Sum of the files' sizes when they were listed, in bytes.
    bytes: u64,
}

#[derive(Debug)]
struct Source {
    path: PathBuf,
    /// Whether it was found in a directory, and so may be gone by now without anyone's mistake.
    listed: bool,
}

/// A file, taken into memory.
#[derive(Debug)]
pub(crate) struct Segment<'a> {
    pub(crate) path: &'a Path,
    pub(crate) bytes: &'a [u8],
    parts: Parts<'a>,
}

impl Input {
    /// Finds the files that `paths` name.
    ///
    /// # Errors
    ///
    /// If a path does not exist or cannot be looked at. That is found before anything is read, so
    /// that a mistyped path does not give half a result.
    pub(crate) fn find(paths: &[PathBuf], notices: &mut Notices) -> Result<Self, Failure> {
        let mut input = Self { files: Vec::new(), bytes: 0 };
        let mut seen = HashSet::new();
        for path in paths {
            let wrong = |error: io::Error| Failure::Wrong(format!("{}: {}", shown(path), reason(&error)));
            if fs::metadata(path).map_err(wrong)?.is_dir() {
                let segments = segments_in(path).map_err(|error| Failure::Wrong(error.to_string()))?;
                if segments.is_empty() {
                    notices.warning(&format!("{}: {}", shown(path), none_in(path)));
                }
                for segment in segments {
                    input.add(segment, true, &mut seen);
                }
            } else {
                input.add(path.clone(), false, &mut seen);
            }
        }
        Ok(input)
    }

    fn add(&mut self, path: PathBuf, listed: bool, seen: &mut HashSet<PathBuf>) {
        // A path that cannot be resolved is reported when it is opened.
        let real = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        if seen.insert(real) {
            self.bytes += fs::metadata(&path).map_or(0, |metadata| metadata.len());
            self.files.push(Source { path, listed });
        }
    }

    /// Calls `visit` for each file, with one file in memory at a time, until it breaks.
    ///
    /// A file that cannot be read, or is not a segment, is reported and passed over.
    pub(crate) fn each_segment(
        &self,
        notices: &mut Notices,
        mut visit: impl FnMut(Segment<'_>, &mut Notices) -> Result<ControlFlow<()>, Failure>,
    ) -> Result<(), Failure> {
        notices.begin(self.bytes);
        for source in &self.files {
            let file = match SegmentFile::open(&source.path) {
                Ok(file) => file,
                Err(error) if source.listed && is_gone(&error) => {
                    let path = shown(&source.path);
                    notices.warning(&format!("{path}: the file is gone since it was listed"));
                    continue;
                }
                Err(error) => {
                    notices.wrong_input(&format!("{}: {}", shown(&source.path), root_cause(&error)));
                    continue;
                }
            };
            match Segment::new(&file) {
                Ok(segment) => {
                    if visit(segment, notices)?.is_break() {
                        break;
                    }
                }
                Err(problem) => {
                    notices.wrong_input(&format!("{}: {problem}", shown(file.path())));
                }
            }
        }
        notices.end();
        Ok(())
    }

    /// Calls `visit` for each batch that can be read, until it breaks. Each damaged file gets one
    /// line of warning.
    pub(crate) fn each_batch(
        &self,
        notices: &mut Notices,
        mut visit: impl FnMut(AnyBatch<'_>) -> Result<ControlFlow<()>, Failure>,
    ) -> Result<(), Failure> {
        self.each_segment(notices, |mut segment, notices| {
            let mut trouble = Trouble::default();
            let mut flow = ControlFlow::Continue(());
            let path = segment.path;
            for part in segment.parts(notices) {
                match part {
                    Part::Batch(frame) => flow = visit(frame.view())?,
                    Part::Damage(damage) => trouble.add(damage),
                    Part::Unfinished(_) => {}
                }
                if flow.is_break() {
                    break;
                }
            }
            trouble.report(path, notices);
            Ok(flow)
        })
    }

    /// Calls `visit` for each batch of spans that can be read. Says whether there were batches, and none of
    /// spans among them.
    pub(crate) fn each_span_batch(
        &self,
        notices: &mut Notices,
        mut visit: impl FnMut(BatchView<'_>),
    ) -> Result<bool, Failure> {
        let (mut spans, mut others) = (false, false);
        self.each_batch(notices, |batch| {
            match batch {
                AnyBatch::Spans(batch) => {
                    spans = true;
                    visit(batch);
                }
                _ => others = true,
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(others && !spans)
    }
}

impl<'a> Segment<'a> {
    /// Looks at how `file` begins. The error says what it is instead of a segment.
    fn new(file: &'a SegmentFile) -> Result<Self, String> {
        let bytes = file.bytes();
        let open = file.path().extension().is_some_and(|suffix| suffix == "open");
        let (reader, header) = match file.reader() {
            Ok(reader) => (reader.all(), None),
            Err(damage) => {
                let salvage = SegmentReader::salvage(bytes).all();
                match &damage.kind {
                    DamageKind::UnknownVersion { major, minor } => {
                        return Err(format!(
                            "the segment is of format version {major}.{minor}, which this version \
                             of nanospan does not know"
                        ));
                    }
                    // Nothing but a batch in it tells that this once was a segment.
                    DamageKind::UnknownMagic if !salvage.clone().any(|part| part.is_ok()) => {
                        return Err("this is not a segment file".to_owned());
                    }
                    _ => (salvage, Some(damage)),
                }
            }
        };
        Ok(Self {
            path: file.path(),
            bytes,
            parts: Parts { reader, header, length: bytes.len() as u64, open },
        })
    }

    /// The batches of the segment and what is damaged, in order. The progress follows.
    pub(crate) fn parts(&mut self, notices: &mut Notices) -> impl Iterator<Item = Part<'a>> {
        let mut counted = 0;
        self.parts.by_ref().inspect(move |part| {
            let end = part.end();
            notices.advance(end - counted);
            counted = end;
        })
    }

    /// How many intact frames the parts so far did not include, because they hold something else
    /// than spans or metrics: a newer version of the library may write such.
    pub(crate) fn foreign_frames(&self) -> u64 {
        self.parts.reader.foreign_frames()
    }
}

/// What a segment is made of.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a part is looked at where it is found, and none is kept")]
pub(crate) enum Part<'a> {
    Batch(Frame<AnyBatch<'a>>),
    Damage(Damage),
    /// The end of a segment that is being written, inside of a batch or of the header: its writer
    /// is at work, or was interrupted.
    Unfinished(Damage),
}

impl Part<'_> {
    /// Where the part ends, in bytes from the start of the file.
    fn end(&self) -> u64 {
        match self {
            Self::Batch(frame) => frame.end(),
            Self::Damage(damage) | Self::Unfinished(damage) => damage.offset + damage.skipped,
        }
    }
}

#[derive(Debug)]
struct Parts<'a> {
    reader: SegmentReader<'a, AnyBatch<'a>>,
    /// What is wrong with the segment's header, if that has not been told yet.
    header: Option<Damage>,
    length: u64,
    /// Whether a writer may still add to the file.
    open: bool,
}

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        let damage = match self.header.take() {
            // Up to the first batch, a reader without a header finds damage at 0; the header's own
            // tells why. If the batches begin at 0, nothing is skipped at all.
            Some(mut header) => {
                let mut ahead = self.reader.clone();
                header.skipped = 0;
                if let Some(Err(first)) = ahead.next() {
                    header.skipped = first.skipped;
                    self.reader = ahead;
                }
                header
            }
            None => match self.reader.next()? {
                Ok(frame) => return Some(Part::Batch(frame)),
                Err(damage) => damage,
            },
        };
        let at_the_end = damage.offset + damage.skipped == self.length;
        Some(if self.open && at_the_end && damage.kind == DamageKind::Torn {
            Part::Unfinished(damage)
        } else {
            Part::Damage(damage)
        })
    }
}

/// The damage in one file, summed up.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    pub(crate) places: u64,
    pub(crate) skipped: u64,
    first: Option<Damage>,
}

impl Trouble {
    pub(crate) fn add(&mut self, damage: Damage) {
        self.places += 1;
        self.skipped += damage.skipped;
        self.first.get_or_insert(damage);
    }

    /// Warns of the damage in the file `path`, if there is any.
    pub(crate) fn report(&self, path: &Path, notices: &mut Notices) {
        let Some(first) = &self.first else { return };
        let path = shown(path);
        let first = match first.kind {
            // By the rest of it, it is one.
            DamageKind::UnknownMagic => format!(
                "the segment's first bytes are gone or changed ({} skipped)",
                counted(first.skipped, "byte")
            ),
            _ => first.to_string(),
        };
        if self.places == 1 {
            notices.warning(&format!("{path}: {first}"));
        } else {
            notices.warning(&format!(
                "{path}: {} with {} skipped, the first: {first}",
                counted(self.places, "damaged place"),
                counted(self.skipped, "byte"),
            ));
        }
    }
}

/// That there are no segments in `directory`, and where there are some: directly below it, where metrics are
/// beside spans that are kept elsewhere.
fn none_in(directory: &Path) -> String {
    let mut below: Vec<String> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| segments_in(entry.path()).is_ok_and(|segments| !segments.is_empty()))
        .map(|entry| shown(&entry.path()))
        .collect();
    below.sort();
    let none = "there are no segments in this directory";
    if below.is_empty() { none.to_owned() } else { format!("{none}, but there are in {}", below.join(", ")) }
}

fn is_gone(error: &ExportError) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::NotFound)
}

/// What the system said, without the path that the caller names anyway.
fn root_cause(error: &ExportError) -> String {
    match error.source().and_then(|cause| cause.downcast_ref::<io::Error>()) {
        Some(cause) => reason(cause),
        None => error.to_string(),
    }
}

/// The system's text without its number: `No such file or directory`.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// How much damage there is, for a line that sums up.
pub(crate) fn places(places: u64, files: u64) -> String {
    format!("{} in {}", counted(places, "damaged place"), counted(files, "file"))
}
