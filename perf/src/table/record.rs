//! A dated record: what the machine was, the versions, the tables, and every raw row.

use crate::row::Row;
use crate::table::plan::Options;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// The versions that matter, as the lock file has them.
const CRATES: [&str; 14] = [
    "nanospan",
    "bext-plugin-api",
    "fastrace",
    "opentelemetry",
    "opentelemetry_sdk",
    "opentelemetry-otlp",
    "reqwest",
    "tonic",
    "tracing",
    "tracing-subscriber",
    "tracing-opentelemetry",
    "puffin",
    "tracy-client",
    "tracy-client-sys",
];

/// How the header of a record says that there is nothing else in it.
const OTLP_ONLY: &str = ", over OTLP only";

const LOCK: &str = include_str!("../../Cargo.lock");

/// Rows with what is to be known about them.
#[derive(Debug, Default)]
pub(crate) struct Record {
    date: String,
    header: Vec<String>,
    notes: Vec<String>,
    rows: Vec<Row>,
}

impl Record {
    pub(crate) fn begin(options: &Options) -> Result<Self, String> {
        let date = first_line("date", &["-u", "+%Y-%m-%d-%H%M"])?;
        let read = |path: &str| std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"));
        let cpu = read("/proc/cpuinfo")?;
        let models = cpu.lines().filter_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let models: Vec<_> = models.map(|(_, model)| model).collect();
        let versions =
            CRATES.map(|name| format!("{name} {}", version(name).unwrap_or("not in the lock file")));
        let header = vec![
            format!("date       {date} UTC"),
            format!("processors {} of {}", models.len(), models.first().unwrap_or(&"an unknown model")),
            format!("kernel     {}", read("/proc/sys/kernel/osrelease")?.trim()),
            format!(
                "clock      {}",
                read("/sys/devices/system/clocksource/clocksource0/current_clocksource")?.trim()
            ),
            format!("load       {} before", read("/proc/loadavg")?.trim()),
            format!("compiler   {}", first_line("rustc", &["--version"])?),
            format!("allocator  the system's ({})", first_line("ldd", &["--version"]).unwrap_or_default()),
            format!("versions   {}", versions.join(", ")),
            format!(
                "pass       {}, {} rounds, profiles fat{}{}",
                if options.quick { "quick" } else { "full" },
                options.rounds,
                if options.plain.is_some() { " and plain" } else { "" },
                if options.otlp { OTLP_ONLY } else { "" }
            ),
        ];
        Ok(Self { date, header, ..Self::default() })
    }

    /// A row as a process printed it.
    pub(crate) fn add(&mut self, profile: &str, round: usize, line: &str) -> Result<(), String> {
        let mut row = Row::parse(line).ok_or_else(|| format!("not a row: {line:?}"))?;
        row.put("profile", profile);
        row.put("round", round);
        self.rows.push(row);
        Ok(())
    }

    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note.replace('\n', " "));
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// What the machine and the versions were, one line each.
    pub(crate) fn header(&self) -> &[String] {
        &self.header
    }

    pub(crate) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Whether only what goes over OTLP was measured.
    pub(crate) fn is_of_otlp_only(&self) -> bool {
        self.header.iter().any(|line| line.ends_with(OTLP_ONLY))
    }

    pub(crate) fn file_name(&self) -> String {
        format!("{}.txt", self.date)
    }

    pub(crate) fn write(&self, path: &Path, report: &str) -> Result<(), String> {
        let mut text = self.header.join("\n");
        let _ = writeln!(text, "\n\n{report}\nRaw rows\n");
        self.notes.iter().for_each(|note| {
            let _ = writeln!(text, "note {note}");
        });
        self.rows.iter().for_each(|row| {
            let _ = writeln!(text, "{row}");
        });
        let failed = |error| format!("{}: {error}", path.display());
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory).map_err(failed)?;
        }
        std::fs::write(path, text).map_err(failed)
    }

    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let rows: Vec<_> = text.lines().filter_map(Row::parse).collect();
        if rows.is_empty() {
            return Err(format!("{}: there are no raw rows in it", path.display()));
        }
        let header = text.lines().take_while(|line| !line.is_empty()).map(str::to_owned).collect();
        let notes = text.lines().filter_map(|line| line.strip_prefix("note ")).map(str::to_owned).collect();
        Ok(Self { header, notes, rows, ..Self::default() })
    }
}

fn first_line(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().next().map(str::to_owned).ok_or_else(|| format!("{program} printed nothing"))
}

/// The version of a crate in the lock file.
fn version(name: &str) -> Option<&'static str> {
    let (_, rest) = LOCK.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    rest.split_once('"').map(|(version, _)| version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_has_a_version_of_every_crate_that_is_named() {
        for name in CRATES {
            assert!(version(name).is_some_and(|version| version.contains('.')), "{name}");
        }
    }
}
