//! `nanospan tree`: traces as trees with a time line.

mod bar;
mod choose;
mod details;
mod draw;
mod forest;
mod trace;

use std::io::{self, BufWriter, Write};

use crate::arguments::TreeOptions;
use crate::failure::{CLEAN, Failure};
use crate::input::Input;
use crate::notices::Notices;
use crate::terminal::{self, Paint};
use crate::units::Hex;
use choose::{Choice, choose};

const ONLY_METRICS: &str = "there are no spans in the input, only metrics, which `nanospan cat --text` shows";

pub(crate) fn run(options: &TreeOptions, notices: &mut Notices) -> Result<u8, Failure> {
    let input = Input::find(&options.paths, notices)?;
    let (ids, only_metrics) = match (options.trace, options.errors, options.slowest) {
        (Some(id), _, _) => (vec![id], false),
        (None, Some(wanted), _) => choose(&input, Choice::Errors(wanted), notices)?,
        (None, None, wanted) => choose(&input, Choice::Slowest(wanted.unwrap_or(1)), notices)?,
    };
    if options.trace.is_none() {
        if ids.is_empty() {
            // If some of the input is unreadable, that has been told and is reason enough.
            if notices.exit_code() == CLEAN {
                notices.warning(match options.errors {
                    _ if only_metrics => ONLY_METRICS,
                    Some(_) => "there is no trace with a failed span in the input",
                    None => "there are no spans in the input",
                });
            }
            return Ok(CLEAN);
        }
        notices.silence();
    }
    let (traces, only_metrics) = trace::gather(&input, &ids, notices)?;
    let mut output = BufWriter::new(io::stdout().lock());
    for (index, trace) in traces.iter().enumerate() {
        if trace.spans.is_empty() {
            if only_metrics {
                return Err(Failure::Wrong(ONLY_METRICS.to_owned()));
            }
            let id = Hex(trace.id);
            return Err(Failure::Wrong(format!("there are no spans of trace {id} in the input")));
        }
        if index > 0 {
            writeln!(output)?;
        }
        let drawing = draw::Drawing::new(trace, options, terminal::columns());
        drawing.write(&mut output, Paint::new(options.output.color))?;
    }
    output.flush()?;
    Ok(CLEAN)
}
