//! What the tests of the suites over exporters share: that a suite finds what is wrong, and that what is written
//! about it is true.

use nanospan::conformance::{Case, Outcome, Report};
use std::collections::HashSet;
use std::fmt::Debug;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

/// How many broken exporters are tried at a time. A run mostly sleeps.
const THREADS: usize = 6;

/// An exporter that is wrong in one way.
pub(crate) struct Broken<S: ?Sized> {
    name: String,
    /// The only case that finds it.
    case: &'static str,
    /// Whether a call never returns, or what is waited for never comes, in that case: it is not waited for
    /// as long as what is slow.
    hangs: bool,
    make: Box<dyn Fn() -> Box<S> + Send + Sync>,
}

impl<S: ?Sized + Send + Sync> Broken<S> {
    pub(crate) fn new(
        fault: impl Debug,
        case: &'static str,
        hangs: bool,
        make: impl Fn() -> Box<S> + Send + Sync + 'static,
    ) -> Self {
        Self { name: format!("{fault:?}"), case, hangs, make: Box::new(make) }
    }

    /// What is wrong with the outcomes.
    fn complaints(&self, cases: &[&'static Case<S>]) -> Vec<String> {
        let run = |case: &'static Case<S>| {
            let hangs = self.hangs && case.id() == self.case;
            if hangs { case.run_within(Duration::from_secs(2), &self.make) } else { case.run(&self.make) }
        };
        let wrong = |case: &&'static Case<S>| match (run(case), case.id() == self.case) {
            (Outcome::Failed(_), true) | (Outcome::Passed, false) => None,
            (outcome, _) => Some(format!("{}: {} {outcome}", self.name, case.id())),
        };
        cases.iter().filter_map(wrong).collect()
    }
}

/// Asserts that each of the broken ones is found by its case and by no other, and that each case finds one.
pub(crate) fn assert_finds<S: ?Sized + Send + Sync>(cases: &[&'static Case<S>], broken: &[Broken<S>]) {
    let next = Mutex::new(broken.iter());
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let Some(broken) = next.lock().unwrap().next() else { break };
                    let complaints = broken.complaints(cases);
                    found.lock().unwrap().extend(complaints);
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Asserts that there is a broken one for each case.
pub(crate) fn assert_all_find<S: ?Sized + Send + Sync>(cases: &[&'static Case<S>], broken: &[Broken<S>]) {
    let found: HashSet<_> = broken.iter().map(|broken| broken.case).collect();
    assert_eq!(found, cases.iter().map(|case| case.id()).collect());
}

pub(crate) fn assert_ids_are_in_kebab_case_and_differ<S: ?Sized + Send + Sync>(cases: &[&'static Case<S>]) {
    let mut ids = HashSet::new();
    for case in cases {
        let is_kebab = case.id().split('-').all(|word| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        });
        assert!(is_kebab, "{}", case.id());
        assert!(ids.insert(case.id()), "{} is there twice", case.id());
    }
}

/// The code spans of `text`.
fn code_spans(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// Asserts that the documentation of the suite, in `source`, lists every case in order.
pub(crate) fn assert_lists<S: ?Sized + Send + Sync>(source: &str, cases: &[&'static Case<S>]) {
    let (_, list) = source.split_once("# The cases").expect("the list");
    let (list, _) = list.split_once("//! # ").expect("the section after it");
    let ids: Vec<_> = cases.iter().map(|case| case.id()).collect();
    assert_eq!(code_spans(list), ids);
}

/// Asserts that `page` names every case between the headings `begin` and `end`, and from `end` on only tests
/// that there are.
pub(crate) fn assert_page_is_true<S: ?Sized + Send + Sync>(
    page: &str,
    (begin, end): (&str, &str),
    cases: &[&'static Case<S>],
) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join(page)).expect("the page");
    let (_, contract) = page.split_once(begin).expect("the section");
    let (contract, rest) = contract.split_once(end).expect("the section after it");
    let named: HashSet<_> = code_spans(contract).into_iter().filter(|span| span.contains('-')).collect();
    assert_eq!(named, cases.iter().map(|case| case.id()).collect());

    let mut tests = String::new();
    let mut folders = vec![root.join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                tests += &std::fs::read_to_string(path).expect("a source");
            }
        }
    }
    let is_test =
        |span: &&str| span.contains('_') && span.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    for test in code_spans(rest).into_iter().filter(is_test).filter(|name| name.matches('_').count() > 2) {
        assert!(tests.contains(&format!("fn {test}()")), "no such test: {test}");
    }
}

/// Asserts that every clause that is said to be the trait's stands in its documentation, which begins in
/// `source` with `begin`.
pub(crate) fn assert_quotes<S: ?Sized + Send + Sync>(source: &str, begin: &str, cases: &[&'static Case<S>]) {
    let (_, documentation) = source.split_once(begin).expect("the trait");
    let words = documentation.replace("///", " ").split_whitespace().collect::<Vec<_>>().join(" ");
    // Links are cited by their texts.
    let mut plain = String::new();
    let mut rest = &*words;
    while let Some((before, after)) = rest.split_once("](") {
        let (before, text) = before.rsplit_once('[').expect("the beginning of a link");
        plain.extend([before, text]);
        rest = after.split_once(')').expect("the end of a link").1;
    }
    plain.push_str(rest);
    for case in cases.iter().filter(|case| case.citation().item().starts_with("nanospan")) {
        let quote = case.citation().quote();
        assert!(plain.contains(quote), "{}: {quote:?} is not in the trait's documentation", case.id());
    }
}

/// Asserts that a report has no case that failed, and none that did not apply but these.
pub(crate) fn assert_all_passed_but(not_applicable: &[&str], report: &Report) {
    report.assert_conformant();
    let skipped = report.outcomes().filter(|(_, outcome)| matches!(outcome, Outcome::NotApplicable(_)));
    let skipped: Vec<_> = skipped.map(|(id, _)| id).collect();
    assert_eq!(skipped, not_applicable, "{report}");
}
