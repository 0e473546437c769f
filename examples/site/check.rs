//! Compares the segment files with what the client wrote down, as multisets: for every request its
//! ids, its parent, trace state, method, path, route, status and events, and the names of all spans
//! below it. No counter of the tracer has a part in this.

use crate::files::{Files, Key, Named, Row};
use crate::log::Entry;
use nanospan::propagation::parse_traceparent;
use nanospan::{SpanId, SpanKind, StatusCode, TraceId};
use std::collections::HashMap;

/// What the comparison found.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// What is wrong; nothing if the two are equal.
    pub(crate) problems: Vec<String>,
    /// How many requests the log has.
    pub(crate) requests: usize,
    /// How many of them had to have a span.
    pub(crate) recorded: usize,
    /// How many spans the files hold.
    pub(crate) spans: usize,
    /// How many spans of requests ended on another thread than they began on.
    pub(crate) migrated: usize,
    /// How many spans were moved to a blocking thread, or ended by their handle on another thread.
    pub(crate) handed_over: usize,
}

/// Compares the files with the log.
pub(crate) fn compare(entries: &[Entry], files: &Files<'_>) -> Verdict {
    let mut verdict = Verdict {
        problems: files.problems.clone(),
        requests: entries.len(),
        spans: files.rows.len(),
        ..Verdict::default()
    };

    // How often the log has a line more than the files.
    let mut lines: HashMap<String, i64> = HashMap::new();
    let mut accepted = 0;
    for entry in entries {
        match expected(entry) {
            Ok(Some(line)) => {
                *lines.entry(line).or_default() += 1;
                verdict.recorded += 1;
            }
            Ok(None) => {}
            Err(why) => verdict.problems.push(format!("{} {}: {why}", entry.method, entry.path)),
        }
        accepted += i64::from(entry.method == "POST" && entry.status == 200);
    }
    let mut reached = 0;
    for row in files.rows.iter().filter(|row| files.span(row).kind() == SpanKind::Server) {
        let below = shape(files, row, &mut reached);
        *lines.entry(found(files, row, &below)).or_default() -= 1;
    }
    let mut unequal: Vec<String> = Vec::new();
    for (line, more) in lines {
        if more != 0 {
            let what = if more > 0 { "missing in the files" } else { "extra in the files" };
            unequal.push(format!("{what}: {line}"));
        }
    }
    unequal.sort();
    verdict.problems.append(&mut unequal);

    reached += compare_orders(files, accepted, &mut verdict.problems);
    if reached != verdict.spans {
        let stray = verdict.spans as i64 - reached as i64;
        verdict.problems.push(format!("{stray} spans belong to no request and no orders"));
    }
    compare_threads(files, &mut verdict);
    verdict
}

/// The line that a request must have in the files, or `None` if the client asked not to record it.
fn expected(entry: &Entry) -> Result<Option<String>, String> {
    let sent = entry.traceparent.as_ref().and_then(|sent| parse_traceparent(sent.as_bytes()).ok());
    let told = entry.traceresponse.as_ref().ok_or("no traceresponse came back")?;
    let told =
        parse_traceparent(told.as_bytes()).map_err(|error| format!("traceresponse {told}: {error}"))?;
    if let Some(sent) = &sent {
        if told.trace_id() != sent.trace_id() || told.is_sampled() != sent.is_sampled() {
            return Err(format!("sent {sent:?} and was told {told:?}"));
        }
        if !sent.is_sampled() {
            return Ok(None);
        }
    }
    let (route, mut below, event) = work_of(entry)?;
    below.sort_unstable();
    if entry.spans != Some(below.len() as u32) {
        return Err(format!("must begin {} spans and was told {:?}", below.len(), entry.spans));
    }
    let failed = entry.status >= 500;
    let events: Vec<&str> = event.into_iter().chain(failed.then_some("exception")).collect();
    Ok(Some(line(&Line {
        key: (told.trace_id(), told.span_id()),
        parent: sent.as_ref().map_or("none".to_owned(), |sent| sent.span_id().to_string()),
        // Without a trace to continue, a trace state has no meaning.
        state: sent.as_ref().and(entry.tracestate.as_deref()).unwrap_or_default(),
        name: &route.map_or(entry.method.clone(), |route| format!("{} {route}", entry.method)),
        method: Some(&entry.method),
        path: &entry.path,
        route,
        status: Some(i64::from(entry.status)),
        failed,
        events: &events.join(", "),
        below: &below.join(", "),
    })))
}

/// What the site does for a request that ended so: route, spans below, and an event.
type Work = (Option<&'static str>, Vec<&'static str>, Option<&'static str>);

/// The site's behaviour in a table, apart from its code.
fn work_of(entry: &Entry) -> Result<Work, String> {
    const SHARDS: [&str; 3] = ["search shard (rank hits)"; 3];
    let path = entry.path.split_once('?').map_or(entry.path.as_str(), |(path, _)| path);
    let prefix = path.rfind('/').map_or(path, |end| &path[..end]);
    Ok(match (path, prefix, entry.status, entry.cache.as_deref()) {
        ("/", _, 200, None) => (Some("/"), vec!["render index"], None),
        ("/slow", _, 200, None) => (Some("/slow"), vec!["wait"; 3], None),
        ("/search", _, 200, None) => (Some("/search"), SHARDS.to_vec(), None),
        ("/search", _, 400, None) => (Some("/search"), vec![], None),
        (_, "/product", 200, Some("hit")) => (Some("/product/{id}"), vec!["cache lookup"], None),
        (_, "/product", 200, Some("miss")) | (_, "/product", 404 | 500, None) => {
            (Some("/product/{id}"), vec!["cache lookup", "SELECT products"], Some("cache.miss"))
        }
        (_, "/product", 400, None) => (Some("/product/{id}"), vec![], None),
        (_, "/report", 200 | 500, None) => (Some("/report/{year}"), vec!["sum figures"], None),
        (_, "/report", 400, None) => (Some("/report/{year}"), vec![], None),
        ("/checkout", _, status, None) => {
            let steps = match status {
                400 => 0,
                409 => 1,
                402 | 502 => 2,
                200 => 3,
                _ => return Err(format!("no checkout ends with {status}")),
            };
            (Some("/checkout"), ["reserve stock", "charge card", "send orders"][..steps].to_vec(), None)
        }
        (_, "/nowhere", 404, None) => (None, vec![], None),
        (_, _, status, cache) => return Err(format!("no route answers {status}, cache {cache:?}")),
    })
}

/// The line of a SERVER span in the files.
fn found(files: &Files<'_>, row: &Row<'_>, below: &str) -> String {
    let span = files.span(row);
    let events: Vec<&str> = span.events().map(|event| event.name()).collect();
    let mut path = files.str(row, "url.path").unwrap_or("none").to_owned();
    if let Some(query) = files.str(row, "url.query") {
        path = format!("{path}?{query}");
    }
    let parent = row.parent.map_or("none".to_owned(), |parent| parent.to_string());
    line(&Line {
        key: row.key(),
        parent: if row.parent.is_some() && !row.is_entry { format!("{parent} (local)") } else { parent },
        state: span.trace_state(),
        name: row.name,
        method: files.str(row, "http.request.method"),
        path: &path,
        route: files.str(row, "http.route"),
        status: files.int(row, "http.response.status_code"),
        failed: span.status().0 == StatusCode::Error,
        events: &events.join(", "),
        below,
    })
}

/// What is compared of a request.
struct Line<'a> {
    key: Key,
    parent: String,
    state: &'a str,
    name: &'a str,
    method: Option<&'a str>,
    /// With its query.
    path: &'a str,
    route: Option<&'a str>,
    status: Option<i64>,
    failed: bool,
    events: &'a str,
    below: &'a str,
}

fn line(line: &Line<'_>) -> String {
    let Line { key: (trace, id), parent, state, name, path, failed, events, below, .. } = line;
    format!(
        "trace {trace} span {id} parent {parent} state `{state}` `{name}` {} {path} route {} status {} \
         error {failed} events [{events}] spans [{below}]",
        line.method.unwrap_or("none"),
        line.route.unwrap_or("none"),
        line.status.map_or("none".to_owned(), |status| status.to_string()),
    )
}

/// The names of all spans below `row`, sorted, those below them in parentheses. Adds the spans, and
/// `row` itself, to `reached`.
fn shape(files: &Files<'_>, row: &Row<'_>, reached: &mut usize) -> String {
    *reached += 1;
    let mut names: Vec<String> = Vec::new();
    for child in files.children(row) {
        let below = shape(files, child, reached);
        names.push(if below.is_empty() {
            child.name.to_owned()
        } else {
            format!("{} ({below})", child.name)
        });
    }
    names.sort_unstable();
    names.join(", ")
}

/// Whether the spans that pack orders link to each span that sent one, exactly once, and the orders
/// are as many as the client was thanked for. Returns the number of spans that pack orders.
fn compare_orders(files: &Files<'_>, accepted: i64, problems: &mut Vec<String>) -> usize {
    let mut links: HashMap<Key, i64> = HashMap::new();
    let mut packed = 0;
    let mut spans = 0;
    for row in &files.rows {
        match files.span(row).kind() {
            SpanKind::Producer => *links.entry(row.key()).or_default() += 1,
            SpanKind::Consumer => {
                spans += 1;
                packed += files.int(row, "messaging.batch.message_count").unwrap_or(0);
                if row.parent.is_some() || row.name != "process orders" {
                    problems.push(format!("{}: not a root that processes orders", Named(row)));
                }
                for link in files.span(row).links() {
                    let to = (TraceId::from_bytes(link.trace_id()), SpanId::from_bytes(link.span_id()));
                    *links.entry(to).or_default() -= 1;
                }
            }
            _ => {}
        }
    }
    for ((trace, id), _) in links.into_iter().filter(|(_, more)| *more != 0) {
        problems
            .push(format!("span {id} of trace {trace}: sent an order, or is linked to, but not both once"));
    }
    if packed != accepted {
        problems.push(format!("{accepted} orders were accepted and {packed} packed"));
    }
    spans
}

/// Counts the spans that ended on another thread, and finds those that had to and did not.
fn compare_threads(files: &Files<'_>, verdict: &mut Verdict) {
    for row in &files.rows {
        let threads = (files.int(row, "thread.id"), files.int(row, "site.thread.end"));
        let moved = matches!(threads, (Some(begun), Some(ended)) if begun != ended);
        match row.name {
            "reserve stock" | "charge card" if moved => verdict.handed_over += 1,
            "reserve stock" | "charge card" => {
                verdict.problems.push(format!("{}: did not end on another thread: {threads:?}", Named(row)));
            }
            _ => verdict.migrated += usize::from(moved),
        }
    }
}
