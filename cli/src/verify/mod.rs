//! `nanospan verify`: damage in the files, and what cannot be in the spans.

mod consistency;

use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;

use nanospan::batch::segment::{AnyBatch, Damage, DamageKind};

use crate::arguments::VerifyOptions;
use crate::failure::{CLEAN, DAMAGED, Failure};
use crate::input::{Input, Part, Segment, places};
use crate::notices::{Notices, shown};
use crate::terminal::{self, BAD, FAINT, GOOD, ODD, Paint};
use crate::text::{left_aligned, right_aligned};
use crate::units::{bytes, count, counted};
use consistency::Consistency;

pub(crate) fn run(options: &VerifyOptions, notices: &mut Notices) -> Result<u8, Failure> {
    let input = Input::find(&options.paths, notices)?;
    let mut check = Check {
        output: BufWriter::new(io::stdout().lock()),
        paint: Paint::new(options.output.color),
        consistency: Consistency::default(),
        files: 0,
        damaged_files: 0,
        damaged_places: 0,
    };
    if !terminal::output_is_file() {
        notices.forbid_bar();
    }
    input.each_segment(notices, |segment, notices| {
        check.file(segment, notices)?;
        Ok(ControlFlow::Continue(()))
    })?;
    let unread = notices.exit_code() != CLEAN;
    let code = check.conclude(options.strict, unread)?;
    check.output.flush()?;
    Ok(code)
}

struct Check<W: Write> {
    output: W,
    paint: Paint,
    consistency: Consistency,
    files: u64,
    damaged_files: u64,
    damaged_places: u64,
}

impl<W: Write> Check<W> {
    fn file(&mut self, mut segment: Segment<'_>, notices: &mut Notices) -> Result<(), Failure> {
        let (path, size) = (shown(segment.path), segment.bytes.len() as u64);
        let (mut frames, mut spans, mut points) = (0, 0, 0);
        let mut damage = Vec::new();
        let mut unfinished = None;
        for part in segment.parts(notices) {
            match part {
                Part::Batch(frame) => {
                    frames += 1;
                    match frame.view() {
                        AnyBatch::Spans(batch) => spans += batch.span_count() as u64,
                        AnyBatch::Metrics(batch) => points += batch.data_point_count() as u64,
                        _ => {}
                    }
                    self.consistency.add(&frame.view());
                }
                Part::Damage(found) => damage.push(found),
                Part::Unfinished(found) => unfinished = Some(found),
            }
        }
        self.files += 1;
        self.damaged_files += u64::from(!damage.is_empty());
        self.damaged_places += damage.len() as u64;

        let (verdict, style) = match (damage.is_empty(), unfinished.is_some()) {
            (false, _) => ("damaged", BAD),
            (true, true) => ("open", ODD),
            (true, false) => ("intact", GOOD),
        };
        let verdict = self.paint.paint(style, &left_aligned(verdict, 8));
        writeln!(
            self.output,
            "{verdict} {path}  {}",
            self.paint.paint(
                FAINT,
                &format!("{}, {}, {}", counted(frames, "batch"), contents(spans, points), bytes(size))
            )
        )?;
        for found in &damage {
            self.place(found)?;
        }
        if !damage.is_empty() {
            let skipped: u64 = damage.iter().map(|found| found.skipped).sum();
            writeln!(
                self.output,
                "         recovered {} with {}; skipped {} of {} bytes",
                counted(frames, "batch"),
                contents(spans, points),
                count(skipped),
                count(size),
            )?;
        }
        if segment.foreign_frames() > 0 {
            writeln!(
                self.output,
                "         passed over {} without spans or metrics, as only a newer version writes",
                counted(segment.foreign_frames(), "frame"),
            )?;
        }
        if let Some(found) = unfinished {
            writeln!(
                self.output,
                "         ends inside of a batch, at byte {} with {} more: its writer is at work or \
                 was interrupted",
                found.offset,
                counted(found.skipped, "byte"),
            )?;
        }
        Ok(())
    }

    fn place(&mut self, damage: &Damage) -> io::Result<()> {
        let detail = match &damage.kind {
            DamageKind::UnknownMagic => "the segment's first bytes are gone or changed".to_owned(),
            DamageKind::UnknownVersion { major, minor } => {
                format!("the batch is of format version {major}.{minor}, which is not known")
            }
            DamageKind::BadSegmentHeader => "the segment's header is changed".to_owned(),
            DamageKind::Torn if damage.offset == 0 => "the file ends inside of its header".to_owned(),
            DamageKind::Torn => "the file ends inside of a batch".to_owned(),
            DamageKind::BadFrameHeader => "here should be the header of a batch".to_owned(),
            DamageKind::BadChecksum { stated, found } => {
                format!("the batch has the CRC-32 {found:08x} and should have {stated:08x}")
            }
            DamageKind::BadBatch(error) => error.to_string(),
            other => format!("{other:?}"),
        };
        writeln!(
            self.output,
            "         {} {}  {}  {detail}",
            self.paint.paint(BAD, &left_aligned(kind_name(&damage.kind), 16)),
            left_aligned(&format!("at byte {}", damage.offset), 18),
            right_aligned(&format!("{} skipped", counted(damage.skipped, "byte")), 20),
        )
    }

    /// Tells what is wrong with the input as a whole, and the verdict. `unread` says that some of
    /// the input could not be read at all.
    fn conclude(&mut self, strict: bool, unread: bool) -> Result<u8, Failure> {
        let findings = self.consistency.findings(strict);
        if !findings.is_empty() {
            writeln!(self.output)?;
        }
        for finding in &findings {
            let style = if finding.is_error { BAD } else { ODD };
            let title = format!("{}: {}", finding.title, count(finding.count));
            writeln!(self.output, "{}", self.paint.paint(style, &title))?;
            for example in &finding.examples {
                writeln!(self.output, "    {example}")?;
            }
            let more = finding.count.saturating_sub(finding.told);
            if more > 0 {
                let text = format!("    … and {} more", count(more));
                writeln!(self.output, "{}", self.paint.paint(FAINT, &text))?;
            }
        }

        let mut problems = Vec::new();
        if unread {
            problems.push("some of the input could not be read".to_owned());
        }
        if self.damaged_places > 0 {
            problems.push(places(self.damaged_places, self.damaged_files));
        }
        let errors = findings.iter().filter(|finding| finding.is_error);
        problems.extend(errors.map(|finding| format!("{}: {}", finding.title, count(finding.count))));
        let total = format!(
            "{}, {}, {}",
            counted(self.files, "file"),
            counted(self.consistency.batches(), "batch"),
            contents(self.consistency.spans(), self.consistency.data_points()),
        );
        let (verdict, style) = match problems.is_empty() {
            true => ("clean", GOOD.bold()),
            false => ("not clean", BAD.bold()),
        };
        let verdict = self.paint.paint(style, verdict);
        writeln!(self.output, "\n{verdict}: {total}")?;
        for problem in &problems {
            writeln!(self.output, "    {problem}")?;
        }
        Ok(if problems.is_empty() { CLEAN } else { DAMAGED })
    }
}

/// What batches hold. Spans are told of even if there are none, unless there are points of metrics.
fn contents(spans: u64, data_points: u64) -> String {
    match (spans, data_points) {
        (_, 0) => counted(spans, "span"),
        (0, _) => counted(data_points, "data point"),
        _ => format!("{}, {}", counted(spans, "span"), counted(data_points, "data point")),
    }
}

/// A short name for a kind of damage, as documented in the manual.
fn kind_name(kind: &DamageKind) -> &'static str {
    match kind {
        DamageKind::UnknownMagic => "unknown magic",
        DamageKind::UnknownVersion { .. } => "unknown version",
        DamageKind::BadSegmentHeader => "bad file header",
        DamageKind::Torn => "torn",
        DamageKind::BadFrameHeader => "bad frame header",
        DamageKind::BadChecksum { .. } => "bad checksum",
        DamageKind::BadBatch(_) => "bad batch",
        _ => "other",
    }
}
