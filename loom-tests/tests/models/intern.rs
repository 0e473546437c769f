//! The table of kept texts between threads that keep and look up.

use loom::thread;
use nanospan::model::{SeenTexts, Texts};
use nanospan_loom_tests::check;

const TEXT: &str = "http.response.status_code";

/// One thread keeps a text while another looks for it: the other finds nothing or the whole text.
#[test]
fn a_text_is_found_whole_or_not_at_all() {
    check(&["found", "not found"], |outcomes| {
        let texts = Texts::default();
        let looker = thread::spawn(move || texts.get(TEXT, &SeenTexts::default()));
        let seen = SeenTexts::default();
        assert_eq!(texts.get(TEXT, &seen), None, "not seen before");
        assert_eq!(texts.get(TEXT, &seen), Some(TEXT));
        let found = looker.join().unwrap();
        outcomes.note(if found.is_some() { "found" } else { "not found" });
        assert!(found.is_none_or(|found| found == TEXT), "found {found:?}");
        assert_eq!(texts.get(TEXT, &SeenTexts::default()), Some(TEXT));
    });
}

/// Two threads keep the same text at once: both get it.
#[test]
fn two_keep_the_same_text() {
    check(&["done"], |outcomes| {
        let texts = Texts::default();
        let keep = move || {
            let seen = SeenTexts::default();
            let _ = texts.get(TEXT, &seen);
            assert_eq!(texts.get(TEXT, &seen), Some(TEXT));
        };
        let other = thread::spawn(keep);
        keep();
        other.join().unwrap();
        outcomes.note("done");
    });
}
