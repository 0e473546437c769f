//! Reads what `StdoutMetricExporter` writes for the eye back into metrics, to show that nothing is left out.
//!
//! Strict: each line must be of the documented form, and there is no other.

use nanospan::metrics::data::{
    Attributes, Data, DataPointFlags, Exemplar, ExponentialBuckets, KeyValue, List, Metric, Number,
    QuantileValue, ResourceMetrics, ScopeMetrics, Temporality,
};
use nanospan::{OwnedValue, SpanId, Timestamp, TraceId};
use std::str::FromStr;

type Read<T> = Result<T, String>;

/// Reads what any number of exports wrote.
pub(crate) fn parse(text: &[u8]) -> Read<Vec<ResourceMetrics>> {
    let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
    let mut all = Vec::new();
    for line in text.split_inclusive('\n') {
        let whole = line.strip_suffix('\n').ok_or("the line does not end");
        whole
            .map_err(str::to_owned)
            .and_then(|line| read_line(&mut all, line))
            .map_err(|error| format!("{error}: {line:?}"))?;
    }
    Ok(all)
}

fn read_line(all: &mut Vec<ResourceMetrics>, line: &str) -> Read<()> {
    let text = line.trim_start_matches(' ');
    let mut parts = Parts::of(text);
    match line.len() - text.len() {
        0 if text == "resource" || text.starts_with("resource  ") => {
            parts.next()?;
            let mut metrics = ResourceMetrics::default();
            metrics.resource.attributes = parts.attributes()?;
            metrics.resource.schema_url = parts.text_after("schema ")?.into();
            metrics.resource.dropped_attributes_count = parts.dropped()?;
            all.push(metrics);
        }
        0 => {
            let scopes = &mut all.last_mut().ok_or("a scope before a resource")?.scopes;
            let scope = scopes.push();
            scope.scope.name = name(parts.next()?.strip_prefix("scope ").ok_or("no scope")?)?.into();
            scope.scope.version = parts.text_after("version ")?.into();
            scope.scope.attributes = parts.attributes()?;
            scope.scope.schema_url = parts.text_after("schema ")?.into();
            scope.scope.dropped_attributes_count = parts.dropped()?;
        }
        2 => read_metric(last_scope(all)?.metrics.push(), &mut parts)?,
        4 => read_point(&mut last_metric(all)?.data, &mut parts)?,
        6 => read_detail(&mut last_metric(all)?.data, &mut parts)?,
        other => return Err(format!("{other} blanks before the line")),
    }
    parts.end()
}

fn last_scope(all: &mut [ResourceMetrics]) -> Read<&mut ScopeMetrics> {
    let scope = all.last_mut().and_then(|metrics| metrics.scopes.last_mut());
    scope.ok_or_else(|| "a line before a scope".to_owned())
}

fn last_metric(all: &mut [ResourceMetrics]) -> Read<&mut Metric> {
    last_scope(all)?.metrics.last_mut().ok_or_else(|| "a line before a metric".to_owned())
}

fn read_metric(metric: &mut Metric, parts: &mut Parts<'_>) -> Read<()> {
    metric.name = name(parts.next()?)?.into();
    if let Some(unit) = parts.after("in ") {
        metric.unit = name(unit)?.into();
    }
    let kind = parts.next()?;
    let (temporality, what) = match kind.split_once(' ') {
        Some(("cumulative", what)) => (Temporality::Cumulative, what),
        Some(("delta", what)) => (Temporality::Delta, what),
        _ => (Temporality::Cumulative, kind),
    };
    match what {
        "gauge" => drop(metric.data.gauge()),
        "summary" => drop(metric.data.summary()),
        "histogram" => metric.data.histogram().temporality = temporality,
        "exponential histogram" => metric.data.exponential_histogram().temporality = temporality,
        "sum" | "monotonic sum" => {
            let sum = metric.data.sum();
            (sum.temporality, sum.is_monotonic) = (temporality, what != "sum");
        }
        _ => return Err(format!("no kind of data: {kind}")),
    }
    metric.description = parts.text_after("")?.into();
    metric.metadata = parts.attributes()?;
    Ok(())
}

fn read_point(data: &mut Data, parts: &mut Parts<'_>) -> Read<()> {
    let value = parts.next()?;
    let (attributes, (start, time), flags) = (parts.attributes()?, parts.times()?, parts.flags()?);
    match data {
        Data::Gauge(data) => {
            let point = data.points.push();
            (point.attributes, point.start, point.time, point.flags) = (attributes, start, time, flags);
            point.value = number(value)?;
        }
        Data::Sum(data) => {
            let point = data.points.push();
            (point.attributes, point.start, point.time, point.flags) = (attributes, start, time, flags);
            point.value = number(value)?;
        }
        Data::Histogram(data) => {
            let point = data.points.push();
            (point.attributes, point.start, point.time, point.flags) = (attributes, start, time, flags);
            let mut words = Words(value);
            point.count = words.value("count")?.ok_or("no count")?;
            (point.sum, point.min, point.max) =
                (words.value("sum")?, words.value("min")?, words.value("max")?);
            words.end()?;
        }
        Data::ExponentialHistogram(data) => {
            let point = data.points.push();
            (point.attributes, point.start, point.time, point.flags) = (attributes, start, time, flags);
            let mut words = Words(value);
            point.count = words.value("count")?.ok_or("no count")?;
            (point.sum, point.min, point.max) =
                (words.value("sum")?, words.value("min")?, words.value("max")?);
            point.scale = words.value("scale")?.ok_or("no scale")?;
            point.zero_count = words.value("zero")?.ok_or("no zero count")?;
            point.zero_threshold = words.value("within")?.ok_or("no threshold")?;
            words.end()?;
        }
        Data::Summary(data) => {
            let point = data.points.push();
            (point.attributes, point.start, point.time, point.flags) = (attributes, start, time, flags);
            let mut words = Words(value);
            point.count = words.value("count")?.ok_or("no count")?;
            point.sum = words.value("sum")?.ok_or("no sum")?;
            words.end()?;
        }
        _ => return Err("data of an unknown kind".to_owned()),
    }
    Ok(())
}

/// A line below a point.
fn read_detail(data: &mut Data, parts: &mut Parts<'_>) -> Read<()> {
    let what = parts.next()?;
    let no_point = "a line before a point";
    if let Some(value) = what.strip_prefix("• ") {
        let exemplars: &mut List<Exemplar> = match data {
            Data::Gauge(data) => &mut data.points.last_mut().ok_or(no_point)?.exemplars,
            Data::Sum(data) => &mut data.points.last_mut().ok_or(no_point)?.exemplars,
            Data::Histogram(data) => &mut data.points.last_mut().ok_or(no_point)?.exemplars,
            Data::ExponentialHistogram(data) => &mut data.points.last_mut().ok_or(no_point)?.exemplars,
            _ => return Err("an exemplar that has no place".to_owned()),
        };
        let exemplar = exemplars.push();
        exemplar.value = number(value)?;
        exemplar.filtered_attributes = parts.attributes()?;
        exemplar.time = moment(parts.after("at ").ok_or("no time")?)?;
        exemplar.trace_id = parts.after("trace ").map(read::<TraceId>).transpose()?;
        exemplar.span_id = parts.after("span ").map(read::<SpanId>).transpose()?;
        return Ok(());
    }
    match (what, data) {
        ("buckets", Data::Histogram(data)) => {
            let point = data.points.last_mut().ok_or(no_point)?;
            while let Some((bound, count)) = parts.pair()? {
                point.bucket_counts.push(read(count)?);
                if let Some(bound) = bound.strip_prefix('≤') {
                    point.bounds.push(read(bound)?);
                } else if bound != "all" {
                    let last = point.bounds.last().ok_or("no bound before the last bucket")?;
                    let above: f64 = read(bound.strip_prefix('>').ok_or("no bound")?)?;
                    if above != *last {
                        return Err("the last bucket has another bound".to_owned());
                    }
                }
            }
        }
        ("positive" | "negative", Data::ExponentialHistogram(data)) => {
            let point = data.points.last_mut().ok_or(no_point)?;
            let side = if what == "positive" { &mut point.positive } else { &mut point.negative };
            read_buckets(side, parts)?;
        }
        ("quantiles", Data::Summary(data)) => {
            let point = data.points.last_mut().ok_or(no_point)?;
            while let Some((quantile, value)) = parts.pair()? {
                point.quantiles.push(QuantileValue { quantile: read(quantile)?, value: read(value)? });
            }
        }
        _ => return Err("a line that has no place".to_owned()),
    }
    Ok(())
}

fn read_buckets(buckets: &mut ExponentialBuckets, parts: &mut Parts<'_>) -> Read<()> {
    while let Some((index, count)) = parts.pair()? {
        let index: i32 = read(index)?;
        if buckets.counts.is_empty() {
            buckets.offset = index;
        } else if index != buckets.offset + buckets.counts.len() as i32 {
            return Err("an index is missing".to_owned());
        }
        buckets.counts.push(read(count)?);
    }
    Ok(())
}

/// The parts of a line, which two blanks set apart.
struct Parts<'a>(Vec<&'a str>);

impl<'a> Parts<'a> {
    fn of(line: &'a str) -> Self {
        let (mut parts, mut begin, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
        let mut blank = None;
        for (at, character) in line.char_indices() {
            match character {
                ' ' if !quoted && blank == Some(at.wrapping_sub(1)) => {
                    parts.push(&line[begin..at - 1]);
                    begin = at + 1;
                }
                ' ' if !quoted => blank = Some(at),
                '"' if !escaped => quoted = !quoted,
                _ => {}
            }
            escaped = character == '\\' && !escaped;
        }
        parts.push(&line[begin..]);
        // The next one is the last.
        parts.reverse();
        Self(parts)
    }

    fn next(&mut self) -> Read<&'a str> {
        self.0.pop().ok_or_else(|| "a part is missing".to_owned())
    }

    fn end(&self) -> Read<()> {
        if self.0.is_empty() { Ok(()) } else { Err(format!("parts that are too many: {:?}", self.0)) }
    }

    /// What is behind `word`, if the next part begins with it.
    fn after(&mut self, word: &str) -> Option<&'a str> {
        let rest = self.0.last()?.strip_prefix(word)?;
        self.0.pop();
        Some(rest)
    }

    /// The text in quotes behind `word`; empty if the next part is none.
    fn text_after(&mut self, word: &str) -> Read<String> {
        let quoted = self.0.last().and_then(|part| part.strip_prefix(word));
        let Some((text, "")) = quoted.and_then(string) else { return Ok(String::new()) };
        self.0.pop();
        Ok(text)
    }

    /// The attributes, if the next part is some.
    fn attributes(&mut self) -> Read<Attributes> {
        let Some(mut rest) = self.0.last().copied() else { return Ok(Attributes::new()) };
        let mut attributes = Vec::new();
        while let Some((key, value)) = key(rest) {
            let (value, behind) = value_of(value)?;
            attributes.push(KeyValue::new(key, value));
            rest = behind.strip_prefix(' ').unwrap_or(behind);
        }
        if !attributes.is_empty() {
            if !rest.is_empty() {
                return Err(format!("no attribute: {rest}"));
            }
            self.0.pop();
        }
        Ok(attributes.into())
    }

    fn dropped(&mut self) -> Read<u32> {
        let Some(rest) = self.after("−") else { return Ok(0) };
        read(rest.strip_suffix(" attributes").ok_or("no count of attributes")?)
    }

    fn times(&mut self) -> Read<(Timestamp, Timestamp)> {
        if let Some(time) = self.after("at ") {
            return Ok((Timestamp::default(), moment(time)?));
        }
        let both = self.after("from ").and_then(|both| both.split_once(" to "));
        let (start, time) = both.ok_or("no time")?;
        Ok((moment(start)?, moment(time)?))
    }

    fn flags(&mut self) -> Read<DataPointFlags> {
        let Some(bits) = self.after("flags 0x") else { return Ok(DataPointFlags::NONE) };
        u32::from_str_radix(bits, 16).map(DataPointFlags::from_bits).map_err(|error| error.to_string())
    }

    /// The next part, of the form `key: value`.
    fn pair(&mut self) -> Read<Option<(&'a str, &'a str)>> {
        let Some(part) = self.0.pop() else { return Ok(None) };
        part.split_once(": ").map(Some).ok_or_else(|| format!("no pair: {part}"))
    }
}

/// Words of one part, each before its value.
struct Words<'a>(&'a str);

impl Words<'_> {
    /// The value behind `word`, if that is the next.
    fn value<T: FromStr>(&mut self, word: &str) -> Read<Option<T>> {
        let next = self.0.strip_prefix(word).and_then(|rest| rest.strip_prefix(' '));
        let Some(next) = next else { return Ok(None) };
        let (value, rest) = next.split_once(' ').unwrap_or((next, ""));
        self.0 = rest;
        read(value).map(Some)
    }

    fn end(&self) -> Read<()> {
        if self.0.is_empty() { Ok(()) } else { Err(format!("words that are too many: {}", self.0)) }
    }
}

fn read<T: FromStr>(text: &str) -> Read<T> {
    text.parse().map_err(|_| format!("no value: {text}"))
}

/// A name, which is in quotes where it could be taken for more.
fn name(text: &str) -> Read<String> {
    if !text.starts_with('"') {
        return Ok(text.to_owned());
    }
    match string(text) {
        Some((name, "")) => Ok(name),
        _ => Err(format!("no name: {text}")),
    }
}

/// A text in quotes at the beginning, and what is behind it.
fn string(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('"')?.chars();
    let mut string = String::new();
    loop {
        match rest.next()? {
            '"' => return Some((string, rest.as_str())),
            '\\' => string.push(match rest.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => {
                    let (digits, behind) = rest.as_str().strip_prefix('{')?.split_once('}')?;
                    rest = behind.chars();
                    char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
                }
                other => other,
            }),
            other => string.push(other),
        }
    }
}

/// A key at the beginning, and what is behind its equals sign; `None` if no attribute begins.
fn key(text: &str) -> Option<(String, &str)> {
    if let Some((key, rest)) = string(text) {
        return Some((key, rest.strip_prefix('=')?));
    }
    let (key, rest) = text.split_once('=')?;
    (!key.contains(' ')).then(|| (key.to_owned(), rest))
}

/// A value at the beginning, and what is behind it.
fn value_of(text: &str) -> Read<(OwnedValue, &str)> {
    let Some(mut rest) = text.strip_prefix('[') else { return one_value(text) };
    let mut items = Vec::new();
    loop {
        let (item, behind) = one_value(rest)?;
        items.push(item);
        match behind.strip_prefix(", ") {
            Some(next) => rest = next,
            None => {
                let behind = behind.strip_prefix(']').ok_or("the list does not end")?;
                return Ok((array(items)?, behind));
            }
        }
    }
}

fn one_value(text: &str) -> Read<(OwnedValue, &str)> {
    if text.starts_with('"') {
        let (value, rest) = string(text).ok_or("the text does not end")?;
        return Ok((OwnedValue::Str(value), rest));
    }
    let (word, rest) = text.split_at(text.find([' ', ',', ']']).unwrap_or(text.len()));
    let value = match word {
        "true" => OwnedValue::Bool(true),
        "false" => OwnedValue::Bool(false),
        _ => match number(word)?.ok_or("no value")? {
            Number::I64(value) => OwnedValue::I64(value),
            Number::F64(value) => OwnedValue::F64(value),
        },
    };
    Ok((value, rest))
}

/// Of an empty list the type is not to be seen, so it is an error here.
fn array(items: Vec<OwnedValue>) -> Read<OwnedValue> {
    macro_rules! all {
        ($one:ident, $many:ident) => {{
            let item =
                |item| if let OwnedValue::$one(value) = item { Ok(value) } else { Err("a mixed list") };
            OwnedValue::$many(items.into_iter().map(item).collect::<Result<_, _>>()?)
        }};
    }
    Ok(match items.first() {
        Some(OwnedValue::Str(_)) => all!(Str, StrArray),
        Some(OwnedValue::Bool(_)) => all!(Bool, BoolArray),
        Some(OwnedValue::I64(_)) => all!(I64, I64Array),
        Some(OwnedValue::F64(_)) => all!(F64, F64Array),
        _ => return Err("an empty list".to_owned()),
    })
}

fn number(text: &str) -> Read<Option<Number>> {
    if text == "no value" {
        return Ok(None);
    }
    let is_float = text.contains(['.', 'e', 'N', 'i']);
    Ok(Some(if is_float { Number::F64(read(text)?) } else { Number::I64(read(text)?) }))
}

/// RFC 3339, in UTC. Days are counted one by one, in another way than by what is tested.
fn moment(text: &str) -> Read<Timestamp> {
    let text = text.strip_suffix('Z').ok_or("no UTC")?;
    let (text, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let fields: Vec<u64> = text.split(['-', 'T', ':']).map(read).collect::<Read<_>>()?;
    let [year, month, day, hour, minute, second] = fields[..] else { return Err("no moment".to_owned()) };
    let is_leap = |year: u64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let february = if is_leap(year) { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let years: u64 = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
    let days = years + months[..month as usize - 1].iter().sum::<u64>() + day - 1;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    Ok(Timestamp::from_unix_nanos(seconds * 1_000_000_000 + read::<u64>(&format!("{fraction:0<9}"))?))
}
