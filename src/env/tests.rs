use std::ffi::OsString;
use std::time::Duration;

use super::{Environment, Warning};

/// What `read` makes of a variable `X` with the given value, and what it warns of.
fn with<T>(value: &str, read: impl FnOnce(&mut Environment<'_>) -> T) -> (T, Vec<String>) {
    with_os(Some(value.into()), read)
}

fn with_os<T>(value: Option<OsString>, read: impl FnOnce(&mut Environment<'_>) -> T) -> (T, Vec<String>) {
    let mut warnings = Vec::new();
    let lookup = move |name: &str| value.clone().filter(|_| name == "X");
    let mut warn = |warning: Warning| warnings.push(warning.to_string());
    let read = read(&mut Environment::new(&lookup, &mut warn));
    (read, warnings)
}

const SHAPES: [(&str, char); 2] = [("round", 'o'), ("square", '#')];

#[test]
fn unset_empty_and_blank_are_the_same_to_every_reader() {
    for value in [None, Some(""), Some(" "), Some("\t \n")] {
        let with = |read: fn(&mut Environment<'_>) -> bool| with_os(value.map(Into::into), read);
        assert_eq!(with(|x| x.raw("X").is_none()), (true, vec![]), "{value:?}");
        assert_eq!(with(|x| x.boolean("X").is_none()), (true, vec![]), "{value:?}");
        assert_eq!(with(|x| x.number("X", 0..=9, "a number").is_none()), (true, vec![]), "{value:?}");
        assert_eq!(with(|x| x.duration("X").is_none()), (true, vec![]), "{value:?}");
        assert_eq!(with(|x| x.choice("X", &SHAPES).is_none()), (true, vec![]), "{value:?}");
    }
}

#[test]
fn a_variable_is_found_by_its_own_name_only() {
    assert_eq!(with("1", |x| x.number("Y", 0..=9, "a number")), (None, vec![]));
}

#[test]
fn whitespace_around_a_value_does_not_count() {
    assert_eq!(with(" a b\n", |x| x.raw("X")).0, Some("a b".into()));
    assert_eq!(with(" true ", |x| x.boolean("X")), (Some(true), vec![]));
    assert_eq!(with("\t7 ", |x| x.number("X", 0..=9, "a number")), (Some(7), vec![]));
    assert_eq!(with(" round", |x| x.choice("X", &SHAPES)), (Some('o'), vec![]));
}

#[test]
fn only_the_word_true_is_true_and_only_other_words_than_false_warn() {
    for value in ["true", "True", "TRUE", "tRuE"] {
        assert_eq!(with(value, |x| x.boolean("X")), (Some(true), vec![]), "{value}");
    }
    for value in ["false", "False", "FALSE"] {
        assert_eq!(with(value, |x| x.boolean("X")), (Some(false), vec![]), "{value}");
    }
    for value in ["1", "yes", "on", "t", "truee", "0"] {
        let warning = format!("X={value:?} is neither true nor false: taken as false");
        assert_eq!(with(value, |x| x.boolean("X")), (Some(false), vec![warning]), "{value}");
    }
}

#[test]
fn a_number_is_decimal_digits_within_the_range() {
    for (value, number) in [("3", 3), ("9", 9), ("0005", 5)] {
        let read = with(value, |x| x.number("X", 3..=9, "a number"));
        assert_eq!(read, (Some(number), vec![]), "{value}");
    }
    for value in ["2", "10", "-3", "+3", "3.0", "3e0", "0x3", "three", "3 4", "18446744073709551616"] {
        let warning = format!("X={value:?} is not a number of spans from 3 to 9: ignored");
        let read = with(value, |x| x.number("X", 3..=9, "a number of spans"));
        assert_eq!(read, (None, vec![warning]), "{value}");
    }
}

#[test]
fn a_number_without_a_most_is_told_without_one() {
    let warning = r#"X="0" is not a size from 1 on: ignored"#.to_owned();
    assert_eq!(with("0", |x| x.number("X", 1..=u64::MAX, "a size")), (None, vec![warning]));
}

#[test]
fn a_duration_is_milliseconds_and_may_be_zero() {
    let good = [("12000", Duration::from_secs(12)), ("0", Duration::ZERO)];
    for (value, duration) in good {
        assert_eq!(with(value, |x| x.duration("X")), (Some(duration), vec![]), "{value}");
    }
    for value in ["-1", "10s", "1.5", "18446744073709551616"] {
        let warning = format!("X={value:?} is not a number of milliseconds: ignored");
        assert_eq!(with(value, |x| x.duration("X")), (None, vec![warning]), "{value}");
    }
}

#[test]
fn a_choice_is_known_in_any_case_and_else_the_warning_names_what_is() {
    assert_eq!(with("Round", |x| x.choice("X", &SHAPES)), (Some('o'), vec![]));
    assert_eq!(with("SQUARE", |x| x.choice("X", &SHAPES)), (Some('#'), vec![]));
    let warning = r#"X="oval" is not one of round, square: ignored"#.to_owned();
    assert_eq!(with("oval", |x| x.choice("X", &SHAPES)), (None, vec![warning]));
}

#[test]
fn a_list_has_each_known_name_once_and_the_others_give_a_warning_each() {
    const NAMES: [(&str, char); 3] = [("round", 'o'), ("square", '#'), ("none", ' ')];
    let of = |value| with(value, |x| x.choices("X", &NAMES));
    assert_eq!(of("square, ROUND,,"), (Some(vec!['#', 'o']), vec![]));
    assert_eq!(of("None"), (Some(vec![' ']), vec![]));
    for nothing in ["", ",", " , "] {
        assert_eq!(of(nothing), (None, vec![]), "{nothing:?}");
    }
    let unknown = r#"X="oval" is not one of round, square, none: ignored"#.to_owned();
    assert_eq!(of("oval,round"), (Some(vec!['o']), vec![unknown.clone()]));
    assert_eq!(of("oval"), (None, vec![unknown]));
    let again = r#"X="Round" is named more than once: taken once"#.to_owned();
    assert_eq!(of("round,square,Round"), (Some(vec!['o', '#']), vec![again]));
    let beside = r#"X="none" stands beside other names: ignored"#.to_owned();
    assert_eq!(of("none,round"), (Some(vec!['o']), vec![beside]));
    let again = r#"X="none" is named more than once: taken once"#.to_owned();
    assert_eq!(of("none,none"), (Some(vec![' ']), vec![again]));
}

#[test]
fn a_warning_is_one_line_and_shows_no_more_than_the_beginning_of_a_value() {
    let value = format!("a\nb\u{1b}{}", "ä".repeat(100_000));
    let (_, warnings) = with(&value, |x| x.boolean("X"));
    let [warning] = warnings.as_slice() else { panic!("one warning, not {warnings:?}") };
    assert!(warning.starts_with(r#"X="a\nb\u{1b}ää"#), "{warning}");
    assert!(warning.contains("ä…\""), "{warning}");
    assert!(!warning.contains(char::is_control), "{warning}");
    assert!(warning.chars().count() < 150, "{warning}");
}

#[cfg(unix)]
#[test]
fn a_value_that_is_not_unicode_is_kept_raw_and_bad_for_every_other_kind() {
    use std::os::unix::ffi::OsStringExt;
    let value = || Some(OsString::from_vec(b"/etc/\xff.pem ".to_vec()));
    assert_eq!(with_os(value(), |x| x.raw("X")), (value(), vec![]));
    assert_eq!(with_os(value(), |x| x.boolean("X")).1.len(), 1);
    assert_eq!(with_os(value(), |x| x.duration("X")).1.len(), 1);
    let (choice, warnings) = with_os(value(), |x| x.choice("X", &SHAPES));
    let warning = "X=\"/etc/\u{fffd}.pem\" is not one of round, square: ignored".to_owned();
    assert_eq!((choice, warnings), (None, vec![warning]));
}
