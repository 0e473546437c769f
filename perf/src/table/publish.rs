//! The main table of a record in the documentation.

use crate::table::figures::{Figures, Which};
use crate::table::record::Record;
use crate::table::{limits, plot, report};
use std::path::Path;

/// Between two such lines of the document everything is written anew.
#[derive(Debug, Clone, Copy)]
struct Lines {
    begin: &'static str,
    end: &'static str,
}

const RIVALS: Lines = Lines { begin: "<!-- rivals: written by perf/run -->", end: "<!-- rivals: end -->" };
const OTLP: Lines =
    Lines { begin: "<!-- otlp: written by perf/run, also with --otlp -->", end: "<!-- otlp: end -->" };

/// Writes the picture beside the document, into a directory of its name, and the tables into it; of a record
/// of OTLP alone only what it is about.
pub(crate) fn publish(record: &Path, document: &Path) -> Result<String, String> {
    let name = record.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| format!("{}: not the name of a file", record.display()))?;
    let record = Record::read(record)?;
    let figures = Figures::new(record.rows());
    let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let text = std::fs::read_to_string(document).map_err(|error| failed(document, error))?;
    let missing =
        |lines: Lines| format!("{}: no lines {} and {}", document.display(), lines.begin, lines.end);
    let mut text = replaced(&text, OTLP, &otlp(name, &record, &figures)).ok_or_else(|| missing(OTLP))?;
    if !record.is_of_otlp_only() {
        text = replaced(&text, RIVALS, &section(name, &record, &figures)).ok_or_else(|| missing(RIVALS))?;
        let directory = document.with_extension("");
        let picture = directory.join("rivals.svg");
        std::fs::create_dir_all(&directory).map_err(|error| failed(&directory, error))?;
        std::fs::write(&picture, plot::svg(&figures)?).map_err(|error| failed(&picture, error))?;
    }
    std::fs::write(document, text).map_err(|error| failed(document, error))?;
    Ok(format!("written: {}", document.display()))
}

/// Where all of it is, and on what machine it came about.
fn origin(name: &str, record: &Record) -> String {
    let header = record.header().join("\n");
    let name_alone = name.trim_end_matches(".txt");
    format!(
        "Record [{name_alone}](../perf/record/{name}), all tables and every sample:\n\n```text\n{header}\n```\n\n"
    )
}

fn section(name: &str, record: &Record, figures: &Figures<'_>) -> String {
    let main = report::main(figures, report::FAT, Which::Undisturbed);
    let remarks = report::remarks(record, figures);
    format!("{}{main}{}\n{remarks}", origin(name, record), limits::table(figures))
}

fn otlp(name: &str, record: &Record, figures: &Figures<'_>) -> String {
    let tables = [report::otlp(figures), report::behind(figures), limits::otlp(figures)];
    let mut text = origin(name, record) + &tables.concat();
    // Of a whole record the other section has them.
    if record.is_of_otlp_only() {
        text = format!("{text}\n{}", report::remarks(record, figures));
    }
    text
}

fn replaced(text: &str, lines: Lines, section: &str) -> Option<String> {
    let Lines { begin, end } = lines;
    let (before, rest) = text.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}\n\n{section}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_two_lines_is_replaced() {
        let Lines { begin, end } = OTLP;
        let text = format!("before\n{begin}\nold\n{end}\nafter\n");
        let once = replaced(&text, OTLP, "new").expect("both lines are there");
        assert_eq!(once, format!("before\n{begin}\n\nnew\n{end}\nafter\n"));
        assert_eq!(replaced(&once, OTLP, "new"), Some(once));
        assert_eq!(replaced(&text, RIVALS, "new"), None);
    }
}
