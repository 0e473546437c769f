//! A raw row of a record: `row` and any number of `key=value`, on one line.

use std::fmt;

/// One measurement of one process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    pairs: Vec<(String, String)>,
}

/// One sample: nanoseconds a repetition, and what a turn of the empty loop took right before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) nanos: f64,
    pub(crate) control: f64,
}

impl Row {
    pub(crate) fn put(&mut self, key: &str, value: impl fmt::Display) {
        let value = value.to_string();
        debug_assert!(!value.contains(char::is_whitespace), "{key}={value:?} would be two words");
        self.pairs.push((key.to_owned(), value));
    }

    pub(crate) fn put_samples(&mut self, key: &str, samples: &[Sample]) {
        // Short, since a record has thousands: the empty loop's turn in picoseconds.
        let text = |it: &Sample| match it.nanos {
            ..1_000.0 => format!("{:.1}:{:.0}", it.nanos, it.control * 1e3),
            _ => format!("{:.0}:{:.0}", it.nanos, it.control * 1e3),
        };
        let texts: Vec<_> = samples.iter().map(text).collect();
        self.put(key, texts.join(","));
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.pairs.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    pub(crate) fn number(&self, key: &str) -> Option<f64> {
        self.get(key)?.parse().ok()
    }

    pub(crate) fn samples(&self, key: &str) -> Vec<Sample> {
        let texts = self.get(key).unwrap_or_default().split(',');
        let sample = |text: &str| {
            let (nanos, control) = text.split_once(':')?;
            Some(Sample { nanos: nanos.parse().ok()?, control: control.parse::<f64>().ok()? / 1e3 })
        };
        texts.filter_map(sample).collect()
    }

    pub(crate) fn parse(line: &str) -> Option<Self> {
        let pairs = line.strip_prefix("row ")?.split_whitespace();
        let pairs =
            pairs.map(|pair| pair.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned())));
        pairs.collect::<Option<_>>().map(|pairs| Self { pairs })
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("row")?;
        self.pairs.iter().try_for_each(|(key, value)| write!(f, " {key}={value}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_read_back_has_what_was_put_into_it() {
        let mut row = Row::default();
        row.put("library", "nanospan");
        row.put("delivered", 100);
        row.put_samples(
            "wall",
            &[Sample { nanos: 31.5, control: 0.281 }, Sample { nanos: 30.0, control: 0.3 }],
        );
        let read = Row::parse(&row.to_string()).expect("it is a row");
        assert_eq!(read.get("library"), Some("nanospan"));
        assert_eq!(read.number("delivered"), Some(100.0));
        let samples = read.samples("wall");
        assert_eq!(samples.len(), 2);
        assert_eq!((samples[0].nanos, samples[0].control), (31.5, 0.281));
        assert!(Row::parse("another line").is_none());
    }
}
