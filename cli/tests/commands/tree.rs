//! `nanospan tree`: the layout, the choice of traces, and traces that are out to harm.

use nanospan::batch::SpanHead;
use nanospan::{StatusCode, Value};

use crate::support::{
    EPOCH, Run, Spool, TRACE, batch, checkout, nanospan, plain_batch, printed, run, segment, span,
};

const CHECKOUT: &str = r#"trace 0af7651916cd43dd8448eb211c80319c
8 spans, 3 failed, 48.2 ms from 2023-11-14T22:13:20.000000000Z
services: payments, shop

                                 kind     duration  0              48.2 ms
POST /checkout (shop)            server    48.2 ms  ━━━━━━━━━━━━━━━━━━━━━━ error
│ http.request.method=POST http.route=/checkout http.response.status_code=502
├╴authorize (shop)               internal  3.10 ms  ━━                     ok
├╴SELECT cart (shop)             client    12.0 ms   ╺━━━━━╸
│   db.system.name=postgresql db.query.text="SELECT * FROM cart WHERE user = $1"
│   • +2.40 ms row.locked  rows=3
└╴POST /charge (shop)            client    31.1 ms         ━━━━━━━━━━━━━━╸ error
  │ ✗ payment service answered 502
  │ ! 2 attributes, 1 event dropped
  │ server.address=payments.internal error.type=502
  └╴POST /charge (payments)      server    30.5 ms         ━━━━━━━━━━━━━━╸
    │ ! starts 300 µs before its parent
    │ → trace 00000000000000000000000000000abc span 0000000000000def
    ├╴reserve (payments)         internal  40.0 µs         ╺
    └╴bank.charge (payments)     internal  27.8 ms          ━━━━━━━━━━━━━  error
      │ ✗ card declined: insufficient funds
      │ • +27.7 ms exception  exception.type=CardDeclined exception.message="in…
      └╴audit.publish (payments) producer  1.08 ms                      ╺╸
          ! starts 20.0 µs after its parent ended
"#;

/// The lines of the tree itself, below the head.
fn rows(output: &str) -> Vec<&str> {
    let (_, tree) = output.split_once("duration").expect("the head of the columns");
    tree.lines().skip(1).collect()
}

#[test]
fn the_layout_at_80_columns_is_this() {
    let output = printed("tree", Spool::with(&checkout()).path(), &[]);
    assert_eq!(output, CHECKOUT, "\n{output}");
}

#[test]
fn lines_fill_the_terminal_and_do_not_exceed_it() {
    let spool = Spool::with(&checkout());
    for columns in [60, 80, 100, 160, 300] {
        let mut command = nanospan();
        let command = command.arg("tree").arg(spool.path());
        let output = command.env("COLUMNS", columns.to_string()).output();
        let run = Run::from(output.expect("the command can be started"));
        let rows = rows(&run.stdout);
        let widths = rows.iter().map(|line| line.chars().count());
        assert_eq!(widths.max(), Some(columns), "{}", run.stdout);
    }
}

#[test]
fn all_attributes_stand_on_lines_of_their_own_and_uncut() {
    let long = "v".repeat(300);
    let batch = batch("shop", 0, |builder| {
        builder.begin_span(&span(1, 0, "x", 0, 1));
        builder.attribute("my.key".into(), &Value::Str(&long));
        builder.attribute("list".into(), &Value::I64Array(&[1, -2]));
        builder.begin_event("happened".into(), EPOCH);
        builder.attribute("ratio".into(), &Value::F64(0.25));
    });
    let spool = Spool::with(&[batch]);
    let output = printed("tree", spool.path(), &["--attributes"]);
    let rows = rows(&output);
    let key = format!("  my.key = {long}");
    let expected = [&key, "  list = [1, -2]", "  • +0 ns happened", "    ratio = 0.25"];
    assert_eq!(rows[1..], expected, "{output}");
    let main = printed("tree", spool.path(), &[]);
    assert!(!main.contains("my.key") && main.contains("ratio=0.25"), "{main}");
}

/// Three traces that take 10, 30 and 20 µs; the first two have a failed span, the first one later.
fn three_traces() -> Spool {
    let trace = |id: u128, start, length, failed: bool| {
        batch("shop", id as u64, |builder| {
            builder.begin_span(&SpanHead { trace_id: id, ..span(id as u64, 0, "x", start, start + length) });
            if failed {
                builder.status(StatusCode::Error, "");
            }
        })
    };
    Spool::with(&[trace(1, 500, 10, true), trace(2, 100, 30, true), trace(3, 900, 20, false)])
}

/// The ids of the traces that are drawn, in order.
fn drawn(spool: &Spool, arguments: &[&str]) -> Vec<u128> {
    let output = printed("tree", spool.path(), arguments);
    let ids = output.lines().filter_map(|line| line.strip_prefix("trace "));
    ids.map(|id| u128::from_str_radix(id, 16).expect("an id")).collect()
}

#[test]
fn the_slowest_traces_are_drawn_and_by_default_one() {
    let spool = three_traces();
    assert_eq!(drawn(&spool, &[]), [2]);
    assert_eq!(drawn(&spool, &["--slowest", "2"]), [2, 3]);
    assert_eq!(drawn(&spool, &["--slowest", "9"]), [2, 3, 1]);
}

#[test]
fn a_trace_takes_from_its_first_start_to_its_last_end() {
    let other = SpanHead { trace_id: 5, ..span(3, 0, "in one piece", 0, 40) };
    let spans = [span(1, 0, "a", 20, 30), span(2, 1, "b", 30, 55), other, span(4, 1, "c", 10, 12)];
    let spool = Spool::with(&[plain_batch(0, &spans)]);
    assert_eq!(drawn(&spool, &[]), [TRACE]);
}

#[test]
fn the_latest_failed_traces_are_drawn() {
    let spool = three_traces();
    assert_eq!(drawn(&spool, &["--errors", "1"]), [1]);
    assert_eq!(drawn(&spool, &["--errors", "9"]), [1, 2]);
}

#[test]
fn a_trace_is_drawn_by_its_id_or_is_said_to_be_missing() {
    let spool = three_traces();
    let id = |number: u8| format!("{number:032x}");
    assert_eq!(drawn(&spool, &["--trace", &id(3)]), [3]);
    let run = run("tree", spool.path(), &["--trace", &id(4)]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    assert!(run.stderr.contains(&id(4)), "{}", run.stderr);
}

#[test]
fn nothing_to_draw_is_told_and_is_no_error() {
    let spool = Spool::with(&[plain_batch(0, &[span(1, 0, "x", 0, 1)])]);
    let failed = run("tree", spool.path(), &["--errors", "1"]);
    assert_eq!(failed.code, Some(0));
    assert!(failed.stderr.contains("no trace with a failed span"), "{}", failed.stderr);
    let empty = run("tree", Spool::with(&[]).path(), &[]);
    assert_eq!(empty.code, Some(0));
    assert!(empty.stderr.contains("there are no spans"), "{}", empty.stderr);
}

#[test]
fn a_trace_in_several_files_is_one_tree() {
    let spool = Spool::new();
    spool.sealed(1, &segment(&[plain_batch(0, &[span(2, 1, "child", 1, 2)])]));
    spool.sealed(2, &segment(&[plain_batch(1, &[span(1, 0, "parent", 0, 3)])]));
    let output = printed("tree", spool.path(), &[]);
    let rows = rows(&output);
    assert!(rows[0].starts_with("parent ") && rows[1].starts_with("└╴child "), "{output}");
}

#[test]
fn a_missing_parent_has_a_line_of_its_own() {
    let remote = SpanHead { flags: 0x301, ..span(3, 8, "handler", 7, 8) };
    let spans = [span(1, 9, "first", 0, 4), span(2, 9, "second", 5, 6), remote];
    let output = printed("tree", Spool::with(&[plain_batch(0, &spans)]).path(), &[]);
    let rows = rows(&output);
    assert_eq!(rows[0], "(missing parent 0000000000000009)");
    assert!(rows[1].starts_with("├╴first ") && rows[2].starts_with("└╴second "), "{output}");
    assert_eq!(rows[3], "(remote parent 0000000000000008)");
    assert!(rows[4].starts_with("└╴handler "), "{output}");
}

#[test]
fn a_child_outside_of_its_parent_is_drawn_where_it_was_and_marked() {
    let spans = [
        span(1, 0, "parent", 100, 200),
        span(2, 1, "inside", 100, 200),
        span(3, 1, "early", 50, 150),
        span(4, 1, "late", 150, 250),
        span(5, 1, "behind", 220, 240),
    ];
    let output = printed("tree", Spool::with(&[plain_batch(0, &spans)]).path(), &[]);
    let notices: Vec<&str> =
        rows(&output).into_iter().filter_map(|row| row.split_once("! ").map(|(_, notice)| notice)).collect();
    assert_eq!(
        notices,
        [
            "starts 50.0 µs before its parent",
            "ends 50.0 µs after its parent",
            "starts 20.0 µs after its parent ended",
        ],
        "{output}"
    );
    let begins = |name: &str| {
        let rows = rows(&output);
        let row = rows.iter().find(|row| row.contains(name)).expect("a row");
        row.find(['━', '╺', '╸']).expect("a bar")
    };
    assert!(begins("early") < begins("inside") && begins("inside") < begins("late"), "{output}");
}

#[test]
fn names_and_values_cannot_command_the_terminal() {
    let bad = "\x1b]0;title\x07\x1b[2J\r\n\u{9b}31m\u{202e}\0";
    let batch = batch(bad, 0, |builder| {
        builder.begin_span(&span(1, 0, bad, 0, 1));
        builder.status(StatusCode::Error, bad);
        builder.attribute("url.path".into(), &Value::Str(bad));
        builder.attribute(nanospan::Text::Copied(bad), &Value::StrArray(&[bad]));
        builder.begin_event(nanospan::Text::Copied(bad), EPOCH);
        builder.attribute(nanospan::Text::Copied(bad), &Value::Str(bad));
    });
    let spool = Spool::with(&[batch]);
    for arguments in [&["--color", "never"][..], &["--color", "never", "--attributes"]] {
        let output = printed("tree", spool.path(), arguments);
        let obeyed = |character: char| character.is_control() || character == '\u{202e}';
        assert!(!output.replace('\n', "").contains(obeyed), "{output:?}");
        assert!(output.contains("\\x1b]0;title\\x07\\x1b[2J\\r\\n"), "{output}");
    }
    for subcommand in ["stats", "verify"] {
        let output = printed(subcommand, spool.path(), &[]);
        assert!(!output.replace('\n', "").contains(char::is_control), "{output:?}");
    }
}

#[test]
fn colours_change_nothing_but_colours() {
    let spool = Spool::with(&checkout());
    let colored = printed("tree", spool.path(), &["--color", "always"]);
    let mut plain = String::new();
    let mut parts = colored.split('\x1b');
    plain.extend(parts.next());
    for part in parts {
        let (code, text) = part.split_once('m').expect("a colour");
        assert!(code.starts_with('['), "{code:?}");
        plain.push_str(text);
    }
    assert!(colored.contains("\x1b[31m"), "failed spans are red");
    assert_eq!(plain, CHECKOUT);
}

#[test]
fn a_choice_on_the_command_line_is_stronger_than_no_color() {
    let spool = Spool::with(&checkout());
    let output = |choice: &str| {
        let mut command = nanospan();
        command.env("NO_COLOR", "1").arg("tree").arg(spool.path()).args(["--color", choice]);
        Run::from(command.output().expect("the command can be started")).stdout
    };
    assert!(output("always").contains('\x1b'));
    assert_eq!(output("auto"), CHECKOUT);
    assert_eq!(output("never"), CHECKOUT);
}

/// Asserts that each of `ids` is drawn exactly once, by the name that is its number.
fn assert_drawn_once(output: &str, ids: impl IntoIterator<Item = u64>) {
    for id in ids {
        let times = rows(output).into_iter().filter(|row| {
            let name = row.split(" internal").next().unwrap_or_default();
            name.split_whitespace().any(|word| word.trim_start_matches(['└', '├', '╴']) == format!("n{id}"))
        });
        assert_eq!(times.count(), 1, "span {id} in\n{output}");
    }
}

#[test]
fn cycles_self_parents_and_duplicate_ids_are_drawn_once_and_named() {
    let spans = [
        span(1, 2, "n1", 5, 9),
        span(2, 3, "n2", 3, 9),
        span(3, 1, "n3", 4, 9),
        span(4, 3, "n4", 1, 9),
        span(5, 5, "n5", 0, 9),
        span(6, 0, "n6", 6, 9),
        span(6, 0, "n7", 7, 9),
        span(8, 6, "n8", 8, 9),
    ];
    let output = printed("tree", Spool::with(&[plain_batch(0, &spans)]).path(), &[]);
    assert_drawn_once(&output, 1..=8);
    for notice in [
        "! its parent 0000000000000003 is also its descendant: drawn as a root",
        "! names itself as its parent",
        "! another span of this trace has the same id 0000000000000006",
    ] {
        assert_eq!(output.matches(notice).count(), 1, "{notice:?} in\n{output}");
    }
}

#[test]
fn a_ring_of_many_spans_is_broken() {
    let count = 50_000;
    let parent = |id| if id == 1 { count } else { id - 1 };
    let spans: Vec<_> = (1..=count).map(|id| span(id, parent(id), "x", id, count)).collect();
    let spool = Spool::with(&[plain_batch(0, &spans)]);
    let output = printed("tree", spool.path(), &["--limit", "0"]);
    assert_eq!(output.matches("is also its descendant").count(), 1);
    assert_eq!(output.matches("internal").count() as u64, count);
}

#[test]
fn a_chain_of_100_000_spans_is_drawn_within_the_terminals_width() {
    let count = 100_000;
    let spans: Vec<_> = (1..=count).map(|id| span(id, id - 1, "x", id, 2 * count - id)).collect();
    let spool = Spool::with(&[plain_batch(0, &spans)]);
    let output = printed("tree", spool.path(), &["--limit", "0"]);
    assert_eq!(rows(&output).len() as u64, count);
    let widest = output.lines().map(|line| line.chars().count()).max();
    assert_eq!(widest, Some(80 - " error".len()));
    let limited = printed("tree", spool.path(), &[]);
    assert_eq!(rows(&limited).len(), 1_001);
    assert!(limited.ends_with("… and 99,000 more spans (--limit 0 draws all)\n"));
}

#[test]
fn times_at_the_ends_of_the_range_are_drawn() {
    let extreme = |id: u64, start, end| SpanHead {
        start_unix_nanos: start,
        end_unix_nanos: end,
        ..span(id, 0, "x", 0, 0)
    };
    let spans = [extreme(1, 0, u64::MAX), extreme(2, u64::MAX, 0), extreme(3, 0, 0)];
    let output = printed("tree", Spool::with(&[plain_batch(0, &spans)]).path(), &[]);
    assert!(output.contains("! ends 213503d 23h before it starts"), "{output}");
}

#[test]
fn wide_characters_do_not_move_the_columns() {
    let spans = [span(1, 0, "注文を確定する", 0, 9), span(2, 1, "plain", 1, 9)];
    let output = printed("tree", Spool::with(&[plain_batch(0, &spans)]).path(), &[]);
    // Each of the seven characters takes two columns.
    let columns = rows(&output)
        .iter()
        .map(|row| {
            row.split(" internal").next().map(|label| {
                label.chars().count() + label.chars().filter(|&character| character >= '\u{3000}').count()
            })
        })
        .collect::<Vec<_>>();
    assert_eq!(columns[0], columns[1], "{output}");
}

#[test]
fn the_trace_id_of_the_example_is_the_one_asked_for() {
    assert_eq!(drawn(&Spool::with(&checkout()), &["--trace", &format!("{TRACE:032x}")]), [TRACE]);
}
