//! Many measurements, interleaved, and the tables made of them.

pub(crate) mod figures;
pub(crate) mod limits;
pub(crate) mod plan;
pub(crate) mod plot;
pub(crate) mod publish;
pub(crate) mod record;
pub(crate) mod report;

use figures::Figures;
use plan::{Options, Step};
use record::Record;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Measures everything and writes the record; what it returns is the report.
pub(crate) fn table(options: &Options) -> Result<String, String> {
    let began = Instant::now();
    let mut record = Record::begin(options)?;
    if options.tracy.is_none() && !options.otlp {
        record.note("without tracy: it did not build here, it needs a C++ compiler".to_owned());
    }
    let steps = plan::steps(options);
    for round in 0..options.rounds {
        // Every other round the other way round, so that no library always follows the same one.
        let mut steps: Vec<&Step> = steps.iter().filter(|step| round == 0 || !step.once).collect();
        if round % 2 == 1 {
            steps.reverse();
        }
        let count = steps.len();
        for (done, step) in steps.into_iter().enumerate() {
            if std::io::stderr().is_terminal() {
                eprint!("\rround {} of {}, {} of {count}  ", round + 1, options.rounds, done + 1);
            }
            match measure(options.binary(step)?, step) {
                Ok(line) => record.add(step.profile, round, &line)?,
                Err(error) => record.note(format!("{} {}: {error}", step.profile, step.arguments.join(" "))),
            }
        }
    }
    if std::io::stderr().is_terminal() {
        eprintln!();
    }
    let load = std::fs::read_to_string("/proc/loadavg").map_err(|error| format!("/proc/loadavg: {error}"))?;
    record.note(format!("took {} s, load {} after", began.elapsed().as_secs(), load.trim()));
    let (alone, processes) = Figures::new(record.rows()).undisturbed_processes();
    if alone * 2 < processes {
        record
            .note("the machine was busy with other work: these figures are for orientation only".to_owned());
    }
    let report = report(&record);
    let path = options.records.join(record.file_name());
    record.write(&path, &report)?;
    Ok(format!("{report}\nwritten: {}", path.display()))
}

/// The tables of a record.
pub(crate) fn report(record: &Record) -> String {
    let figures = Figures::new(record.rows());
    let mut parts = vec![report::tables(&figures)];
    if !record.is_of_otlp_only() {
        parts.push(limits::table(&figures));
    }
    parts.extend([limits::otlp(&figures), report::remarks(record, &figures)]);
    parts.join("\n")
}

/// One process. Its row is the only line on its standard output.
fn measure(binary: &Path, step: &Step) -> Result<String, String> {
    let mut command = Command::new(binary);
    // What is sent to a collector goes to it, whatever proxies there are.
    command.arg("measure").args(&step.arguments).env("NO_PROXY", "127.0.0.1");
    let output = command.output();
    let output = output.map_err(|error| format!("{}: {error}", binary.display()))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(format!("{} {}", output.status, text(&output.stderr)))
    }
}

/// The figure is written anew from a record.
pub(crate) fn plot(record: &Path, figure: &Path) -> Result<String, String> {
    let record = Record::read(record)?;
    let svg = plot::svg(&Figures::new(record.rows()))?;
    std::fs::write(figure, svg).map_err(|error| format!("{}: {error}", figure.display()))?;
    Ok(format!("written: {}", figure.display()))
}

/// The options of `table`.
pub(crate) fn options(arguments: &[&str]) -> Result<Options, String> {
    let records = PathBuf::from("record");
    let mut options = Options { quick: false, rounds: 5, otlp: false, plain: None, tracy: None, records };
    let mut rounds = None;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} wants a value"));
        match *argument {
            "--quick" => options.quick = true,
            "--otlp" => options.otlp = true,
            "--rounds" => rounds = Some(count(value()?)?),
            "--plain" => options.plain = Some(PathBuf::from(value()?)),
            "--tracy" => options.tracy = Some(PathBuf::from(value()?)),
            "--records" => options.records = PathBuf::from(value()?),
            _ => return Err(format!("no option is called {argument:?}")),
        }
    }
    options.rounds = rounds.unwrap_or(if options.quick { 1 } else { 5 });
    Ok(options)
}

fn count(value: &str) -> Result<usize, String> {
    match value.parse() {
        Ok(count) if (1..=100).contains(&count) => Ok(count),
        _ => Err(format!("--rounds is a whole number from 1 to 100, not {value:?}")),
    }
}
