//! `nanospan stats`: what is in the input, summed up.

mod durations;
mod gather;
mod report;

use std::io::{self, BufWriter, Write};

pub(crate) use gather::service_name;

use crate::arguments::StatsOptions;
use crate::failure::{CLEAN, Failure};
use crate::input::Input;
use crate::json;
use crate::notices::Notices;
use crate::terminal::{self, Paint};
use gather::Stats;

pub(crate) fn run(options: &StatsOptions, notices: &mut Notices) -> Result<u8, Failure> {
    let input = Input::find(&options.paths, notices)?;
    let stats = Stats::of(&input, notices)?;
    let mut output = BufWriter::new(io::stdout().lock());
    if options.json {
        json::write_line(&mut output, &report::json(&stats))?;
    } else {
        let paint = Paint::new(options.output.color);
        let table = report::Table { stats: &stats, top: options.top, columns: terminal::columns(), paint };
        table.write(&mut output)?;
    }
    output.flush()?;
    Ok(CLEAN)
}
