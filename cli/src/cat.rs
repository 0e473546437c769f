//! `nanospan cat`: spans and metrics as OTLP/JSON lines, or metrics as text.

use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;

use nanospan::batch::segment::AnyBatch;
use nanospan::batch::{BatchView, MetricsView, SpanView};
use nanospan::otlp::{MetricsData, TracesData};

use crate::arguments::CatOptions;
use crate::failure::{CLEAN, Failure};
use crate::input::Input;
use crate::json;
use crate::metrics;
use crate::notices::Notices;
use crate::terminal;

const BUFFER_BYTES: usize = 256 << 10;

const ONLY_SPANS: &str = "there are no metrics in the input, only spans, which `nanospan tree` draws";

pub(crate) fn run(options: &CatOptions, notices: &mut Notices) -> Result<u8, Failure> {
    let input = Input::find(&options.paths, notices)?;
    let mut output = BufWriter::with_capacity(BUFFER_BYTES, io::stdout().lock());
    if !terminal::output_is_file() {
        notices.forbid_bar();
    }
    let mut left = options.limit.unwrap_or(u64::MAX);
    if left == 0 {
        return Ok(CLEAN);
    }
    let (mut spans, mut metrics) = (false, false);
    input.each_batch(notices, |batch| {
        left -= match batch {
            AnyBatch::Spans(batch) => {
                spans = true;
                if options.text { 0 } else { cat_spans(options, &batch, left, &mut output)? }
            }
            AnyBatch::Metrics(batch) => {
                metrics = true;
                cat_metrics(options, &batch, left, &mut output)?
            }
            _ => 0,
        };
        Ok(if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    output.flush()?;
    if options.text && spans && !metrics {
        notices.warning(ONLY_SPANS);
    }
    Ok(CLEAN)
}

/// Writes the spans that are wanted, at most `left`, and says how many.
fn cat_spans(
    options: &CatOptions,
    batch: &BatchView<'_>,
    left: u64,
    output: &mut impl Write,
) -> Result<u64, Failure> {
    let filtered = options.trace.is_some() || options.name.is_some();
    let spans = batch.spans().enumerate();
    let wanted = spans.filter(|(_, span)| !filtered || matches(options, span));
    let wanted = wanted.map(|(index, _)| index);
    let chosen: Vec<usize> = wanted.take(usize::try_from(left).unwrap_or(usize::MAX)).collect();
    // An envelope without spans says nothing, and OTLP wants none.
    if !chosen.is_empty() {
        json::write_line(output, &TracesData::new(*batch, chosen.iter().copied()))?;
    }
    Ok(chosen.len() as u64)
}

/// Writes the points of the metrics that are wanted, at most `left`, and says how many. No metric is of a
/// trace.
fn cat_metrics(
    options: &CatOptions,
    batch: &MetricsView<'_>,
    left: u64,
    output: &mut impl Write,
) -> Result<u64, Failure> {
    let is_wanted = |name: &str| options.name.as_ref().is_none_or(|pattern| is_like(name, pattern));
    // Most batches have nothing of a name that is rare, and are not copied for that.
    if options.trace.is_some() || !batch.names().any(|(name, points)| points > 0 && is_wanted(name)) {
        return Ok(0);
    }
    let mut wanted = metrics::copied(batch)?;
    let mut rest = left;
    for scope in &mut wanted.scopes {
        scope.metrics.retain(|metric| is_wanted(&metric.name));
        for metric in &mut scope.metrics {
            metric.data.truncate(usize::try_from(rest).unwrap_or(usize::MAX));
            rest -= metric.data.point_count() as u64;
        }
        // OTLP wants no envelope without points, and neither does who reads the text.
        scope.metrics.retain(|metric| metric.data.point_count() > 0);
    }
    wanted.scopes.retain(|scope| !scope.metrics.is_empty());
    if wanted.scopes.is_empty() {
        // What there was is of kinds that are not known.
        return Ok(0);
    }
    if options.text {
        output.write_all(&metrics::text(&wanted)?)?;
    } else {
        json::write_line(output, &MetricsData::new(&wanted))?;
    }
    Ok(left - rest)
}

fn matches(options: &CatOptions, span: &SpanView<'_>) -> bool {
    options.trace.is_none_or(|trace| span.trace_id() == trace)
        && options.name.as_ref().is_none_or(|pattern| is_like(span.name(), pattern))
}

/// Whether `name` is `pattern` with each `*` of it replaced by some text.
///
/// The time is at most the product of the two lengths: it is enough to go back to the last `*`.
fn is_like(name: &str, pattern: &str) -> bool {
    let (name, pattern) = (name.as_bytes(), pattern.as_bytes());
    let (mut at, mut expected) = (0, 0);
    let mut star = None;
    while at < name.len() {
        match pattern.get(expected) {
            Some(b'*') => {
                star = Some((at, expected));
                expected += 1;
            }
            Some(byte) if *byte == name[at] => {
                at += 1;
                expected += 1;
            }
            _ => {
                let Some((covered, position)) = star else {
                    return false;
                };
                star = Some((covered + 1, position));
                (at, expected) = (covered + 1, position + 1);
            }
        }
    }
    pattern[expected..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::is_like;

    #[test]
    fn a_star_stands_for_any_text_and_all_else_for_itself() {
        for (name, pattern, expected) in [
            ("GET /cart", "GET /cart", true),
            ("GET /cart", "GET", false),
            ("GET /cart", "GET *", true),
            ("GET /cart", "*cart", true),
            ("GET /cart", "*/c*t", true),
            ("GET /cart", "*", true),
            ("GET /cart", "**", true),
            ("GET /cart", "", false),
            ("", "", true),
            ("", "*", true),
            ("", "a", false),
            ("aab", "*ab", true),
            ("aab", "a*ab*b", false),
            ("日本", "日*", true),
            ("a.c", "a?c", false),
        ] {
            assert_eq!(is_like(name, pattern), expected, "{name:?} like {pattern:?}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_ends_soon() {
        let name = "a".repeat(5_000);
        assert!(!is_like(&name, &format!("{}b", "*a".repeat(500))));
    }
}
