//! nanospan beside its rivals: one process a measurement, and tables of what they measured.
//!
//! See the README beside this crate, and `nanospan-perf` without arguments.

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
compile_error!("these measurements read the time stamp counter and /proc: x86-64 Linux only");

mod collector;
mod content;
#[cfg(feature = "flame")]
mod flame;
mod library;
mod machine;
mod measure;
mod row;
mod table;
mod workload;

use measure::Job;
use std::path::Path;
use std::process::ExitCode;
use table::record::Record;

fn usage() -> String {
    format!(
        "usage: nanospan-perf measure LIBRARY MODE WORKLOAD [KEY=VALUE ...]
       nanospan-perf collector KIND
       nanospan-perf table [--quick] [--otlp] [--rounds N] [--plain PROGRAM] [--records DIRECTORY]
       nanospan-perf report RECORD
       nanospan-perf plot RECORD FIGURE.svg
       nanospan-perf publish RECORD DOCUMENT.md
       nanospan-perf flame STACKS FIGURE.svg TITLE [THREAD]   (feature `flame`)

LIBRARY   {}
MODE      burst, full, sustained, paced, elsewhere, verify
WORKLOAD  {}
KEY       samples, spans, rate, producers, backlog, batch,
          exporter (healthy, hanging, failing, encoding)
KIND      counting, verifying, silent, closed",
        library::names(),
        workload::WORKLOADS.map(workload::Workload::name).join(", "),
    )
}

fn run(arguments: &[&str]) -> Option<Result<String, String>> {
    Some(match arguments {
        ["measure", job @ ..] => Job::parse(job).and_then(|job| job.run()).map(|row| row.to_string()),
        ["collector", kind] => kind.parse().and_then(collector::serve),
        ["table", options @ ..] => table::options(options).and_then(|options| table::table(&options)),
        ["report", record] => Record::read(Path::new(record)).map(|record| table::report(&record)),
        ["plot", record, figure] => table::plot(Path::new(record), Path::new(figure)),
        ["publish", record, document] => table::publish::publish(Path::new(record), Path::new(document)),
        #[cfg(feature = "flame")]
        ["flame", stacks, figure, title, thread @ ..] if thread.len() <= 1 => {
            flame::draw(Path::new(stacks), Path::new(figure), title, thread.first().copied())
        }
        _ => return None,
    })
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Some(Ok(text)) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Some(Err(error)) => {
            eprintln!("nanospan-perf: {error}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!("{}", usage());
            ExitCode::from(2)
        }
    }
}
