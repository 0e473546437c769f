//! The tables.

use crate::library::{LIBRARIES, MORE, is_over_otlp};
use crate::table::figures::{FOREIGN, Figure, Figures, Key, UNDISTURBED, Which};
use crate::table::plan::{BESIDE, MAIN, SENT, SUSTAINED, can, is_floor};
use crate::table::record::Record;
use std::fmt::Write as _;

/// The profile that most tables are of.
pub(crate) const FAT: &str = "fat";

fn key<'a>(profile: &'a str, library: &'a str, mode: &'a str, workload: &'a str) -> Key<'a> {
    Key { profile, library, mode, workload, also: &[] }
}

/// Bursts of one producer.
fn burst<'a>(profile: &'a str, library: &'a str, workload: &'a str) -> Key<'a> {
    Key { also: &[("producers", "1")], ..key(profile, library, "burst", workload) }
}

/// A Markdown table. Rows without any figure are left out.
fn markdown(title: &str, columns: &[&str], rows: Vec<Vec<String>>) -> String {
    let rows: Vec<_> = rows.into_iter().filter(|row| row[1..].iter().any(|cell| cell != "-")).collect();
    if rows.is_empty() {
        return String::new();
    }
    let mut text =
        format!("### {title}\n\n| {} |\n|{}\n", columns.join(" | "), " --- |".repeat(columns.len()));
    rows.iter().for_each(|row| {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    });
    text + "\n"
}

fn number(value: f64) -> String {
    match value.abs() {
        ..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// `median [min..max]`, and what was delivered if that is less than everything.
fn cell(figure: Option<Figure>, delivered: Option<f64>) -> String {
    let Some(figure) = figure else { return "-".to_owned() };
    let [median, low, high] = [figure.median, figure.low, figure.high].map(number);
    match delivered.filter(|delivered| *delivered < 100.0) {
        Some(delivered) => format!("{median} [{low}..{high}] **{delivered} %**"),
        None => format!("{median} [{low}..{high}]"),
    }
}

/// The undisturbed figure, or that of everything, which is marked, where nothing was undisturbed.
fn marked_cell(figures: &Figures<'_>, key: Key<'_>, what: &str, delivered: Option<f64>) -> String {
    match figures.figure(key, what, Which::Undisturbed) {
        Some(figure) => cell(Some(figure), delivered),
        None => match figures.figure(key, what, Which::All) {
            Some(figure) => format!("{} (disturbed)", cell(Some(figure), delivered)),
            None => "-".to_owned(),
        },
    }
}

fn series_cell(figures: &Figures<'_>, key: Key<'_>, what: &str) -> String {
    marked_cell(figures, key, what, figures.delivered(key))
}

fn by_library(cells: impl Fn(&str) -> Vec<String>) -> Vec<Vec<String>> {
    let row = |library: &str| [vec![library.to_owned()], cells(library)].concat();
    LIBRARIES.into_iter().chain(MORE).map(row).collect()
}

/// All tables.
pub(crate) fn tables(figures: &Figures<'_>) -> String {
    let parts = [
        main(figures, FAT, Which::Undisturbed),
        main(figures, FAT, Which::All),
        main(figures, "plain", Which::Undisturbed),
        more(figures),
        two_producers(figures),
        elsewhere(figures),
        sustained(figures),
        otlp(figures),
        full(figures),
        paced(figures),
        beside(figures),
        content(figures),
    ];
    parts.concat()
}

/// The lowest or only value of a column for the main workloads of a library.
fn least(figures: &Figures<'_>, profile: &str, library: &str, column: &str) -> String {
    let numbers = MAIN.iter().flat_map(|workload| figures.rows(burst(profile, library, workload)));
    let least = numbers.filter_map(|row| row.number(column)).reduce(f64::min);
    least.map_or("n/a".to_owned(), |least| format!("{least} %"))
}

/// What the caller pays.
pub(crate) fn main(figures: &Figures<'_>, profile: &str, which: Which) -> String {
    let rows = by_library(|library| {
        let mut cells: Vec<_> = MAIN
            .iter()
            .map(|workload| {
                let key = burst(profile, library, workload);
                match which {
                    Which::Undisturbed => series_cell(figures, key, "wall"),
                    Which::All => cell(figures.figure(key, "wall", which), figures.delivered(key)),
                }
            })
            .collect();
        if cells.iter().any(|cell| cell != "-") {
            cells.push(least(figures, profile, library, "delivered"));
            cells.push(least(figures, profile, library, "sampling"));
            cells.push(verdict(figures, library));
        }
        cells
    });
    let samples = match which {
        Which::Undisturbed => "undisturbed samples",
        Which::All => "all samples",
    };
    let title =
        format!("caller's wall ns a repetition, in bursts, profile {profile}, {samples}: median [min..max]");
    let columns = ["library", "W0", "W1", "W1d", "W2", "W3", "delivered", "sampled", "content"];
    markdown(&title, &columns, rows)
}

fn more(figures: &Figures<'_>) -> String {
    const MORE: [&str; 5] = ["W5", "W1", "a10", "a30", "long"];
    let rows = by_library(|library| {
        MORE.map(|workload| series_cell(figures, burst(FAT, library, workload), "wall")).to_vec()
    });
    let columns =
        ["library", "W5, not sampled", "3 attributes (W1)", "10", "30", "W1 beside a long-lived span"];
    markdown("caller's wall ns a repetition, in bursts: more workloads", &columns, rows)
}

fn two_producers(figures: &Figures<'_>) -> String {
    let rows = by_library(|library| {
        let of = |workload, producers| {
            let also = [("producers", producers)];
            series_cell(figures, Key { also: &also, ..key(FAT, library, "burst", workload) }, "cpu")
        };
        vec![of("W1", "1"), of("W1", "2"), of("W3", "1"), of("W3", "2")]
    });
    let columns = ["library", "W1, one", "W1, two", "W3, one", "W3, two"];
    markdown("caller's processor ns a repetition, one producer and two", &columns, rows)
}

fn elsewhere(figures: &Figures<'_>) -> String {
    let rows = by_library(|library| {
        let of = |workload, step| series_cell(figures, key(FAT, library, "elsewhere", workload), step);
        vec![
            of("W4", "a"),
            of("W4", "b"),
            of("move", "a"),
            of("move", "b"),
            of("move", "c"),
            of("open", "a"),
            of("open", "b"),
        ]
    });
    let columns = [
        "library",
        "W4: start + 3 attributes on A",
        "end on B",
        "move: start on A",
        "3 attributes on B",
        "end on C",
        "10,000 open: start + 3 attributes",
        "end",
    ];
    markdown("wall ns a span: on several threads, and many open at once", &columns, rows)
}

/// Numbers of a row, one column each.
fn numbers(figures: &Figures<'_>, key: Key<'_>, columns: &[&str]) -> Vec<String> {
    let delivered = figures.delivered(key);
    let mut cells: Vec<_> = columns.iter().map(|column| marked_cell(figures, key, column, None)).collect();
    if figures.rows(key).next().is_some() {
        let sampling = figures.rows(key).filter_map(|row| row.number("sampling")).reduce(f64::min);
        cells.push(delivered.map_or("n/a".to_owned(), |delivered| format!("{delivered} %")));
        cells.push(sampling.map_or("n/a".to_owned(), |sampling| format!("{sampling} %")));
        cells.push(balanced(figures, key));
    }
    cells
}

/// Whether the library's own account says where every span went.
fn balanced(figures: &Figures<'_>, key: Key<'_>) -> String {
    let mut lost = 0.0_f64;
    for row in figures.rows(key) {
        match row.get("balanced") {
            None => return "keeps none".to_owned(),
            Some("true") => lost = lost.max(row.number("lost_attributes").unwrap_or(f64::NAN)),
            Some(_) => return "NOT BALANCED".to_owned(),
        }
    }
    if lost == 0.0 { "balanced".to_owned() } else { format!("balanced, {lost} attributes lost") }
}

fn sustained(figures: &Figures<'_>) -> String {
    let columns = ["wall_ns", "caller_ns", "process_ns", "grown_kib"];
    let rows = SUSTAINED.map(|library| {
        let cells = numbers(figures, key(FAT, library, "sustained", "W1"), &columns);
        [vec![library.to_owned()], cells].concat()
    });
    let titles = [
        "library",
        "wall",
        "caller's CPU",
        "process's CPU",
        "memory, KiB more",
        "delivered",
        "sampled",
        "account",
    ];
    markdown("sustained W1, nothing dropped: ns a span", &titles, rows.to_vec())
}

/// What goes over OTLP.
pub(crate) fn otlp(figures: &Figures<'_>) -> String {
    let columns =
        ["wall_ns", "caller_ns", "process_ns", "encode_ns", "span_bytes", "request_spans", "grown_kib"];
    let rows = SENT.into_iter().flat_map(|(library, exporters)| {
        exporters.iter().map(move |exporter| {
            let also = [("exporter", *exporter)];
            let key = Key { also: &also, ..key(FAT, library, "sustained", "W1") };
            let name = match *exporter {
                "encoding" => format!("{library}, encoded and discarded"),
                _ => library.to_owned(),
            };
            [vec![name], numbers(figures, key, &columns)].concat()
        })
    });
    let titles = [
        "library",
        "wall",
        "caller's CPU",
        "process's CPU",
        "encoding, CPU",
        "bytes a span",
        "spans a request",
        "memory, KiB more",
        "delivered",
        "sampled",
        "account",
    ];
    markdown("sustained W1 over OTLP, nothing dropped: ns a span", &titles, rows.collect())
}

/// What the caller notices of what is behind the tracer.
pub(crate) fn behind(figures: &Figures<'_>) -> String {
    const ROWS: [(&str, &str, &str); 5] = [
        ("empty", "healthy", "nothing is recorded"),
        ("nanospan-segments", "healthy", "segment files, the default"),
        ("nanospan-otlp", "healthy", "OTLP over HTTP"),
        ("nanospan-otlp", "hanging", "OTLP over HTTP, a collector that never answers"),
        ("nanospan-otlp", "failing", "OTLP over HTTP, no collector"),
    ];
    let rows = ROWS.map(|(library, exporter, name)| {
        let also = [("rate", "400000"), ("exporter", exporter)];
        let key = Key { also: &also, ..key(FAT, library, "paced", "W1") };
        let cells = ["p50", "p99", "p99.9"].map(|column| marked_cell(figures, key, column, None));
        [vec![name.to_owned()], cells.to_vec()].concat()
    });
    let titles = ["behind the tracer", "p50", "p99", "p99.9"];
    markdown("paced W1, 400,000 spans a second: ns of each, by a fenced clock", &titles, rows.to_vec())
}

fn full(figures: &Figures<'_>) -> String {
    let columns = ["wall_ns", "caller_ns", "process_ns", "before_kib", "grown_kib"];
    let rows = by_library(|library| numbers(figures, key(FAT, library, "full", "W1"), &columns));
    let spans = figures.rows(key(FAT, "nanospan", "full", "W1")).find_map(|row| row.number("produced"));
    let titles = [
        "library",
        "wall",
        "caller's CPU",
        "process's CPU",
        "resident before, KiB",
        "at most, KiB more",
        "delivered",
        "sampled",
        "account",
    ];
    let title = format!("W1 at full speed, whatever is dropped: ns a span, {} spans", spans.unwrap_or(0.0));
    markdown(&title, &titles, rows)
}

fn paced(figures: &Figures<'_>) -> String {
    let columns = ["p50", "p90", "p99", "p99.9", "p99.99", "max", "others_ns", "grown_kib"];
    let mut rows = Vec::new();
    for library in LIBRARIES.into_iter().chain(MORE) {
        for (exporter, rate) in
            [("healthy", "400000"), ("hanging", "400000"), ("failing", "400000"), ("healthy", "4000000")]
        {
            let also = [("rate", rate), ("exporter", exporter)];
            let key = Key { also: &also, ..key(FAT, library, "paced", "W1") };
            let name = match (exporter, rate) {
                ("healthy", "400000") => library.to_owned(),
                ("healthy", _) => format!("{library}, 4 million a second"),
                ("hanging", _) if is_over_otlp(library) => {
                    format!("{library}, a collector that never answers")
                }
                ("failing", _) if is_over_otlp(library) => format!("{library}, no collector"),
                _ => format!("{library}, exporter {exporter}"),
            };
            rows.push([vec![name], numbers(figures, key, &columns)].concat());
        }
    }
    let titles = [
        "library",
        "p50",
        "p90",
        "p99",
        "p99.9",
        "p99.99",
        "max",
        "others' CPU a span",
        "memory, KiB more",
        "delivered",
        "sampled",
        "account",
    ];
    markdown("paced W1, 400,000 spans a second: ns of each, by a fenced clock", &titles, rows)
}

/// What the drain's work grows with.
fn beside(figures: &Figures<'_>) -> String {
    let rows = [
        ("idle", "others_ns", "idle threads that have recorded: others' CPU, ns a span"),
        ("idle", "at_rest", "the same: % of a processor while nothing is recorded"),
        ("live", "others_ns", "live spans with W1's attributes: others' CPU, ns a span"),
        ("flushes", "others_ns", "flushes: others' CPU, ns a span"),
    ];
    let rows = rows.map(|(what, column, name)| {
        let cells = BESIDE.map(|count| {
            let also = [("beside", what), ("count", count)];
            let key = Key { also: &also, ..key(FAT, "nanospan", "beside", "W1") };
            series_cell(figures, key, column)
        });
        [vec![name.to_owned()], cells.to_vec()].concat()
    });
    let titles = [&["nanospan beside so many"], &BESIDE[..]].concat();
    markdown("W1 at a million spans a second beside other things", &titles, rows.to_vec())
}

/// Whether all workloads arrived as they were recorded.
fn verdict(figures: &Figures<'_>, library: &str) -> String {
    let mut types = None;
    for workload in MAIN {
        let Some(row) = figures.rows(key(FAT, library, "verify", workload)).next() else {
            return if is_floor(library) { "not a tracer" } else { "not verified" }.to_owned();
        };
        match row.get("content") {
            Some("n/a") => {
                return format!("n/a: {}", row.get("reason").unwrap_or_default().replace('_', " "));
            }
            content if content != row.get("expected") => return format!("DIFFERS in {workload}"),
            _ => types = row.get("types"),
        }
    }
    match types {
        Some("strings") => "as recorded, all as strings".to_owned(),
        _ => "as recorded".to_owned(),
    }
}

fn content(figures: &Figures<'_>) -> String {
    const WORKLOADS: [&str; 10] = ["W0", "W1", "W1d", "W2", "W3", "W4", "a10", "a30", "move", "open"];
    let rows = by_library(|library| {
        let mut extra = 0.0_f64;
        let cells = WORKLOADS.map(|workload| {
            let Some(row) = figures.rows(key(FAT, library, "verify", workload)).next() else {
                return if can(library, workload) { "-" } else { "cannot" }.to_owned();
            };
            extra = extra
                .max(row.number("extra_attributes").unwrap_or(0.0) / row.number("arrived").unwrap_or(1.0));
            match row.get("content") {
                Some("n/a") => "n/a".to_owned(),
                Some(content) if row.get("expected") == Some(content) => content[..6].to_owned(),
                _ => "DIFFERS".to_owned(),
            }
        });
        let shows = cells.iter().any(|cell| !["-", "cannot"].contains(&cell.as_str()));
        let extra = if shows { number(extra) } else { "-".to_owned() };
        let cells = if shows { cells.to_vec() } else { vec!["-".to_owned(); WORKLOADS.len()] };
        [cells, vec![extra]].concat()
    });
    let columns = [&["library"], &WORKLOADS[..], &["own attributes a span"]].concat();
    markdown("hash of what reached the sink: equal hashes are equal content in equal types", &columns, rows)
}

/// What one has to know to read the tables.
pub(crate) fn remarks(record: &Record, figures: &Figures<'_>) -> String {
    let (alone, processes) = figures.undisturbed_processes();
    let (kept, all) = figures.undisturbed_samples();
    let mut text = format!(
        "A process is undisturbed when others, the host included, used at most {FOREIGN} % of one processor\n\
         meanwhile: {alone} of {processes} were.",
    );
    // Without bursts there are no samples.
    if all > 0 {
        let _ = write!(
            text,
            " A sample is when its process is, and an empty loop right before\n\
             it took at most {:.3} ns a turn, {UNDISTURBED} times that of the fastest hundredth of this record: {kept} of\n\
             {all} samples of bursts were.",
            figures.bound()
        );
    }
    text.push_str(
        " A figure is the median over a process's samples; then come the median\n\
         and the range over the processes. Percentages in bold: not everything was delivered, so the time is\n\
         no price of a delivered span.\n",
    );
    for note in record.notes() {
        let _ = writeln!(text, "note: {note}");
    }
    text
}
