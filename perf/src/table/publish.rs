//! The main table of a record in the documentation.

use crate::table::figures::{Figures, Which};
use crate::table::record::Record;
use crate::table::{limits, plot, report};
use std::path::Path;

/// Between these two lines of the document everything is written anew.
const BEGIN: &str = "<!-- rivals: written by perf/run -->";
const END: &str = "<!-- rivals: end -->";

/// Writes the picture beside the document, into a directory of its name, and the tables into it.
pub(crate) fn publish(record: &Path, document: &Path) -> Result<String, String> {
    let name = record.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| format!("{}: not the name of a file", record.display()))?;
    let record = Record::read(record)?;
    let figures = Figures::new(record.rows());
    let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let text = std::fs::read_to_string(document).map_err(|error| failed(document, error))?;
    let text = replaced(&text, &section(name, &record, &figures))
        .ok_or_else(|| format!("{}: no lines {BEGIN} and {END}", document.display()))?;
    let directory = document.with_extension("");
    let picture = directory.join("rivals.svg");
    std::fs::create_dir_all(&directory).map_err(|error| failed(&directory, error))?;
    std::fs::write(&picture, plot::svg(&figures)?).map_err(|error| failed(&picture, error))?;
    std::fs::write(document, text).map_err(|error| failed(document, error))?;
    Ok(format!("written: {} and {}", picture.display(), document.display()))
}

fn section(name: &str, record: &Record, figures: &Figures<'_>) -> String {
    let main = report::main(figures, report::FAT, Which::Undisturbed);
    let header = record.header().join("\n");
    let link = format!(
        "Record [{}](../perf/record/{name}), all tables and every sample:",
        name.trim_end_matches(".txt")
    );
    let remarks = report::remarks(record, figures);
    format!("{link}\n\n```text\n{header}\n```\n\n{main}{}\n{remarks}", limits::table(figures))
}

fn replaced(text: &str, section: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{section}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_two_lines_is_replaced() {
        let text = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let once = replaced(&text, "new").expect("both lines are there");
        assert_eq!(once, format!("before\n{BEGIN}\n\nnew\n{END}\nafter\n"));
        assert_eq!(replaced(&once, "new"), Some(once));
        assert_eq!(replaced("without lines", "new"), None);
    }
}
