//! Flame graphs of what `perf script` printed.

use inferno::collapse::Collapse;
use inferno::collapse::perf::Folder;
use inferno::flamegraph::{Options, from_lines};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// Draws the stacks of one thread, by the beginning of its name, or of all.
pub(crate) fn draw(
    stacks: &Path,
    figure: &Path,
    title: &str,
    thread: Option<&str>,
) -> Result<String, String> {
    let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let stacks_file = File::open(stacks).map_err(|error| failed(stacks, error))?;
    let mut folded = Vec::new();
    let mut folder = Folder::default();
    folder.collapse(BufReader::new(stacks_file), &mut folded).map_err(|error| failed(stacks, error))?;
    let folded = String::from_utf8_lossy(&folded);
    let lines: Vec<_> =
        folded.lines().filter(|line| thread.is_none_or(|name| line.starts_with(name))).collect();
    if lines.is_empty() {
        return Err(format!("{}: no stacks of a thread called {:?}", stacks.display(), thread.unwrap_or("")));
    }
    let mut options = Options::default();
    options.title = title.to_owned();
    // What perf prints with a stack is the period of its software clock.
    options.count_name = "ns".to_owned();
    let svg = File::create(figure).map_err(|error| failed(figure, error))?;
    from_lines(&mut options, lines, svg).map_err(|error| format!("{}: {error}", figure.display()))?;
    Ok(format!("written: {}", figure.display()))
}
