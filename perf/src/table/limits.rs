//! What nanospan must show: ratios to floors and rivals, with limits that we set ourselves.

use crate::row::Row;
use crate::table::figures::{Figure, Figures, Key, Which};

/// Pairs that a row has to have.
type Pairs = &'static [(&'static str, &'static str)];

/// A figure of the profile with fat LTO.
#[derive(Debug, Clone, Copy)]
struct Quantity {
    library: &'static str,
    mode: &'static str,
    workload: &'static str,
    also: Pairs,
    what: &'static str,
}

const ONE: Pairs = &[("producers", "1")];
const TWO: Pairs = &[("producers", "2")];
const HEALTHY: Pairs = &[("rate", "400000"), ("exporter", "healthy")];
const HANGING: Pairs = &[("rate", "400000"), ("exporter", "hanging")];
const FAILING: Pairs = &[("rate", "400000"), ("exporter", "failing")];
const SENT: Pairs = &[("exporter", "healthy")];
const ENCODED: Pairs = &[("exporter", "encoding")];

/// How two quantities are compared, if they are.
#[derive(Debug, Clone, Copy)]
enum Measure {
    Ratio(Quantity, Quantity),
    Above(Quantity, Quantity),
    Alone(Quantity),
}

struct Limit {
    what: &'static str,
    unit: &'static str,
    measure: Measure,
    most: f64,
}

const fn burst(library: &'static str, workload: &'static str) -> Quantity {
    Quantity { library, mode: "burst", workload, also: ONE, what: "wall" }
}

const fn to(workload: &'static str, rival: &'static str) -> Measure {
    Measure::Ratio(burst("nanospan", workload), burst(rival, workload))
}

const fn w4(library: &'static str, step: &'static str) -> Quantity {
    Quantity { library, mode: "elsewhere", workload: "W4", also: &[], what: step }
}

const fn producers(count: Pairs) -> Quantity {
    Quantity { also: count, what: "cpu", ..burst("nanospan", "W1") }
}

const fn stream(library: &'static str, mode: &'static str, what: &'static str) -> Quantity {
    Quantity { library, mode, workload: "W1", also: &[], what }
}

const fn paced(library: &'static str, also: Pairs, what: &'static str) -> Quantity {
    Quantity { library, mode: "paced", workload: "W1", also, what }
}

const fn above_empty(exporter: Pairs, what: &'static str) -> Measure {
    Measure::Above(paced("nanospan", exporter, what), paced("empty", HEALTHY, what))
}

/// Processor time of the process for what is sent.
const fn sent(library: &'static str) -> Quantity {
    Quantity { also: SENT, ..stream(library, "sustained", "process_ns") }
}

const fn sent_to(ours: &'static str, rival: &'static str) -> Measure {
    Measure::Ratio(sent(ours), sent(rival))
}

const fn encoding(library: &'static str) -> Quantity {
    Quantity { also: ENCODED, ..stream(library, "sustained", "encode_ns") }
}

const fn sent_above_empty(exporter: Pairs, what: &'static str) -> Measure {
    Measure::Above(paced("nanospan-otlp", exporter, what), paced("empty", HEALTHY, what))
}

const fn limit(what: &'static str, unit: &'static str, measure: Measure, most: f64) -> Limit {
    Limit { what, unit, measure, most }
}

const LIMITS: &[Limit] = &[
    limit("W0 to two clock reads", "", to("W0", "clock-reads"), 1.8),
    limit("W1 to two clock reads", "", to("W1", "clock-reads"), 2.5),
    limit("W1d to two clock reads", "", to("W1d", "clock-reads"), 3.0),
    limit("W1 to puffin", "", to("W1", "puffin"), 0.8),
    limit("W1 to tracy", "", to("W1", "tracy"), 0.45),
    limit("W1 to fastrace", "", to("W1", "fastrace"), 0.15),
    limit("W1 to OpenTelemetry's batch processor, queue 65,536", "", to("W1", "otel-bsp64k"), 0.13),
    limit("W1 to tracing-opentelemetry over the same", "", to("W1", "tracing-otel-bsp64k"), 0.045),
    limit("W3, a tree of nine, to fastrace", "", to("W3", "fastrace"), 0.13),
    limit("W3, a tree of nine, to the batch processor, 65,536", "", to("W3", "otel-bsp64k"), 0.15),
    limit("W4, start on A, to fastrace", "", Measure::Ratio(w4("nanospan", "a"), w4("fastrace", "a")), 0.5),
    limit("W4, end on B, to fastrace", "", Measure::Ratio(w4("nanospan", "b"), w4("fastrace", "b")), 0.9),
    limit("W5, not sampled, to two clock reads", "", to("W5", "clock-reads"), 0.12),
    limit("W1, two producers' CPU to one's", "", Measure::Ratio(producers(TWO), producers(ONE)), 1.15),
    limit("paced W1, p99 above empty, healthy exporter", "ns", above_empty(HEALTHY, "p99"), 150.0),
    limit("paced W1, p99.9 above empty, healthy exporter", "ns", above_empty(HEALTHY, "p99.9"), 1_000.0),
    limit("paced W1, p99 above empty, hanging exporter", "ns", above_empty(HANGING, "p99"), 150.0),
    limit("paced W1, p99.9 above empty, hanging exporter", "ns", above_empty(HANGING, "p99.9"), 1_000.0),
    limit(
        "sustained W1, process CPU",
        "ns",
        Measure::Alone(stream("nanospan", "sustained", "process_ns")),
        120.0,
    ),
    limit(
        "sustained W1, process CPU to the batch processor's, 65,536",
        "",
        Measure::Ratio(
            stream("nanospan", "sustained", "process_ns"),
            stream("otel-bsp64k", "sustained", "process_ns"),
        ),
        0.25,
    ),
    limit(
        "sustained W1, wall, to fastrace's",
        "",
        Measure::Ratio(
            stream("nanospan", "sustained", "wall_ns"),
            stream("fastrace", "sustained", "wall_ns"),
        ),
        0.25,
    ),
    limit(
        "memory more at full speed, every span delivered or counted",
        "KiB",
        Measure::Alone(stream("nanospan", "full", "grown_kib")),
        24.0 * 1_024.0,
    ),
];

const OTLP: &[Limit] = &[
    limit("W1 to protobuf, CPU, in a stream", "ns", Measure::Alone(encoding("nanospan-otlp")), 150.0),
    limit("sustained W1 over HTTP, process CPU", "ns", Measure::Alone(sent("nanospan-otlp")), 300.0),
    limit("sustained W1 over gRPC, process CPU", "ns", Measure::Alone(sent("nanospan-otlp-grpc")), 300.0),
    limit(
        "the same over HTTP, to the batch processor's, 65,536, over HTTP",
        "",
        sent_to("nanospan-otlp", "otel-otlp"),
        0.25,
    ),
    limit(
        "the same over gRPC, to the batch processor's, 65,536, over gRPC",
        "",
        sent_to("nanospan-otlp-grpc", "otel-otlp-grpc"),
        0.25,
    ),
    limit("paced W1 over HTTP, p99 above empty", "ns", sent_above_empty(HEALTHY, "p99"), 150.0),
    limit("paced W1 over HTTP, p99.9 above empty", "ns", sent_above_empty(HEALTHY, "p99.9"), 1_000.0),
    limit("the same, a collector that never answers, p99", "ns", sent_above_empty(HANGING, "p99"), 150.0),
    limit(
        "the same, a collector that never answers, p99.9",
        "ns",
        sent_above_empty(HANGING, "p99.9"),
        1_000.0,
    ),
    limit("the same, no collector, p99", "ns", sent_above_empty(FAILING, "p99"), 150.0),
    limit("the same, no collector, p99.9", "ns", sent_above_empty(FAILING, "p99.9"), 1_000.0),
];

/// What came out.
enum Outcome {
    Measured(Figure),
    /// Why there is nothing to compare.
    Not(String),
}

impl Quantity {
    fn key(&self) -> Key<'static> {
        let Self { library, mode, workload, also, .. } = *self;
        Key { profile: "fat", library, mode, workload, also }
    }

    /// Why this quantity must not be compared.
    fn fault(&self, figures: &Figures<'_>) -> Option<String> {
        // What a tracer under way refuses, or an exporter does not deliver, has to be counted instead.
        if self.mode == "full" || [HANGING, FAILING].contains(&self.also) {
            let balanced = |row: &Row| row.get("balanced") == Some("true");
            return (!figures.rows(self.key()).all(balanced))
                .then(|| format!("{}: account not balanced", self.library));
        }
        let delivered = figures.delivered(self.key()).filter(|delivered| *delivered < 100.0)?;
        Some(format!("{} delivered {delivered} %", self.library))
    }
}

impl Measure {
    fn quantities(&self) -> Vec<Quantity> {
        match *self {
            Self::Ratio(first, second) | Self::Above(first, second) => vec![first, second],
            Self::Alone(first) => vec![first],
        }
    }

    fn outcome(&self, figures: &Figures<'_>, which: Which) -> Outcome {
        if let Some(fault) = self.quantities().iter().find_map(|quantity| quantity.fault(figures)) {
            return Outcome::Not(fault);
        }
        let of_round = |round| {
            let of = |quantity: &Quantity| figures.of_round(quantity.key(), round, quantity.what, which);
            Some(match self {
                Self::Ratio(first, second) => of(first)? / of(second)?,
                Self::Above(first, second) => of(first)? - of(second)?,
                Self::Alone(first) => of(first)?,
            })
        };
        match Figure::of((0..figures.rounds()).filter_map(of_round).collect()) {
            Some(figure) => Outcome::Measured(figure),
            None => Outcome::Not("not measured".to_owned()),
        }
    }
}

/// Each limit with what was measured. Ratios are made within each round; then come the median and the
/// range over the rounds.
pub(crate) fn table(figures: &Figures<'_>) -> String {
    listed("Must show", LIMITS, figures)
}

/// The same for what goes over OTLP.
pub(crate) fn otlp(figures: &Figures<'_>) -> String {
    listed("Must show over OTLP", OTLP, figures)
}

fn listed(title: &str, limits: &[Limit], figures: &Figures<'_>) -> String {
    let mut text = format!(
        "### {title}\n\n| | undisturbed | all samples | at most | |\n| --- | --- | --- | --- | --- |\n",
    );
    for limit in limits {
        let outcomes = [Which::Undisturbed, Which::All].map(|which| limit.measure.outcome(figures, which));
        let shown = outcomes.each_ref().map(|outcome| match outcome {
            Outcome::Measured(figure) => shown(figure, limit.unit),
            Outcome::Not(reason) => reason.clone(),
        });
        let verdict = match &outcomes {
            [Outcome::Measured(figure), _] => verdict(figure, limit.most),
            [_, Outcome::Measured(figure)] => format!("{} (disturbed)", verdict(figure, limit.most)),
            _ => "not compared".to_owned(),
        };
        let [undisturbed, all] = shown;
        let most = format!("{}{}{}", limit.most, if limit.unit.is_empty() { "" } else { " " }, limit.unit);
        text += &format!("| {} | {undisturbed} | {all} | {most} | {verdict} |\n", limit.what);
    }
    text
}

fn verdict(figure: &Figure, most: f64) -> String {
    if figure.median <= most { "holds" } else { "EXCEEDED" }.to_owned()
}

fn shown(figure: &Figure, unit: &str) -> String {
    let Figure { median, low, high } = figure;
    if unit.is_empty() {
        format!("{median:.3} [{low:.3}..{high:.3}]")
    } else {
        format!("{median:.0} [{low:.0}..{high:.0}] {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(library: &str, wall: &str, delivered: &str) -> Row {
        let line = format!(
            "row profile=fat library={library} mode=burst workload=W1 producers=1 round=0 \
             delivered={delivered} wall={wall}"
        );
        Row::parse(&line).expect("it is a row")
    }

    fn line_of(rows: &[Row], what: &str) -> String {
        let table = table(&Figures::new(rows));
        table.lines().find(|line| line.contains(what)).expect("the limit has a line").to_owned()
    }

    #[test]
    fn a_limit_says_whether_it_holds() {
        let ours = row("nanospan", "30.0:300", "100.00");
        let slow = [ours.clone(), row("puffin", "60.0:300", "100.00")];
        assert!(line_of(&slow, "W1 to puffin").ends_with("holds |"));
        let fast = [ours, row("puffin", "31.0:300", "100.00")];
        assert!(line_of(&fast, "W1 to puffin").ends_with("EXCEEDED |"));
    }

    #[test]
    fn a_rival_that_lost_spans_is_not_compared_by_its_caller_s_cost() {
        let rows = [row("nanospan", "30.0:300", "100.00"), row("fastrace", "90.0:300", "99.99")];
        let line = line_of(&rows, "W1 to fastrace");
        assert!(line.contains("fastrace delivered 99.99 %") && line.ends_with("not compared |"), "{line}");
    }

    #[test]
    fn what_was_not_measured_holds_nothing() {
        assert!(line_of(&[], "W0 to two clock reads").ends_with("not compared |"));
    }
}
