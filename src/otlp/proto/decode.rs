//! From the bytes of a message to metrics.

use std::error::Error;
use std::fmt;

use crate::metrics::data::{
    Attributes, DataPointFlags, Exemplar, ExponentialBuckets, ExponentialHistogramPoint, HistogramPoint,
    KeyValue, List, Metric, Number, NumberPoint, QuantileValue, Resource, ResourceMetrics, Scope,
    ScopeMetrics, SummaryPoint, Temporality,
};
use crate::otlp::encode::fields::metrics as tags;
use crate::otlp::read::{self, Field, Problem, Value, fields};
use crate::{OwnedValue, SpanId, Timestamp, TraceId};

/// Why bytes are no message, or none that [`metrics::data`](crate::metrics::data) can hold.
///
/// The text says where: by the fields that lead there, with a number from 0 on where there may be several, as
/// in `scope_metrics[0].metrics[3].sum.data_points[1].flags: …`. It repeats nothing of what the bytes say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError(Fault);

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { problem, way } = &self.0;
        f.write_str("no ResourceMetrics: ")?;
        for (position, (field, index)) in way.iter().rev().enumerate() {
            let dot = if position > 0 { "." } else { "" };
            write!(f, "{dot}{field}")?;
            if let Some(index) = index {
                write!(f, "[{index}]")?;
            }
        }
        let colon = if way.is_empty() { "" } else { ": " };
        write!(f, "{colon}{problem}")
    }
}

impl Error for DecodeError {}

impl From<Fault> for DecodeError {
    fn from(fault: Fault) -> Self {
        Self(fault)
    }
}

/// What is wrong, and the way there from the innermost field outwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    problem: Problem,
    way: Vec<(&'static str, Option<usize>)>,
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self { problem, way: Vec::new() }
    }
}

/// Says that a fault is in this field.
pub(super) fn at<E: Into<Fault>>(field: &'static str) -> impl FnOnce(E) -> Fault {
    step(field, None)
}

/// Says that a fault is in one of the fields of this name.
pub(super) fn nth<E: Into<Fault>>(field: &'static str, index: usize) -> impl FnOnce(E) -> Fault {
    step(field, Some(index))
}

fn step<E: Into<Fault>>(field: &'static str, index: Option<usize>) -> impl FnOnce(E) -> Fault {
    move |error| {
        let mut fault = error.into();
        fault.way.push((field, index));
        fault
    }
}

const NO_TEXT: Problem = "a text is not UTF-8";

impl<'a> Field<'a> {
    /// The bytes of a field that is known by its tag to have some.
    fn bytes(&self) -> &'a [u8] {
        match self.value {
            Value::Bytes(bytes) => bytes,
            _ => &[],
        }
    }

    /// The text of such a field.
    fn text(&self) -> Result<&'a str, Problem> {
        std::str::from_utf8(self.bytes()).map_err(|_| NO_TEXT)
    }

    /// The number of a field that is known by its tag to have one.
    fn number(&self) -> u64 {
        match self.value {
            Value::Varint(number) | Value::Fixed64(number) => number,
            _ => 0,
        }
    }

    fn double(&self) -> f64 {
        f64::from_bits(self.number())
    }

    fn time(&self) -> Timestamp {
        Timestamp::from_unix_nanos(self.number())
    }

    /// Passes over a field that is not known. One that is, by its number, is of another type than `known` has
    /// it: then this is another message.
    fn skip(&self, known: &[u8]) -> Result<(), Fault> {
        match known.iter().any(|tag| u32::from(tag >> 3) == self.number) {
            true => Err(Fault::from("a field is of another type than the message has it")),
            false => Ok(()),
        }
    }
}

/// Calls `see` with each field of a message.
fn each<'a>(message: &'a [u8], mut see: impl FnMut(Field<'a>) -> Result<(), Fault>) -> Result<(), Fault> {
    for field in fields(message) {
        see(field?)?;
    }
    Ok(())
}

/// Reads all fields into `into`, behind what is there already.
pub(super) fn resource_metrics(message: &[u8], into: &mut ResourceMetrics) -> Result<(), DecodeError> {
    use tags::resource_metrics::*;
    let ResourceMetrics { resource: described, scopes } = into;
    let all = each(message, |field| {
        match field.tag() {
            RESOURCE => resource(field.bytes(), described).map_err(at("resource"))?,
            SCOPE_METRICS => {
                let index = scopes.len();
                scope_metrics(field.bytes(), scopes.push()).map_err(nth("scope_metrics", index))?;
            }
            SCHEMA_URL => described.schema_url = owned(&field, "schema_url")?.into(),
            _ => field.skip(ALL)?,
        }
        Ok(())
    });
    all.map_err(DecodeError::from)
}

/// The text of a field that is called `name`.
fn owned(field: &Field<'_>, name: &'static str) -> Result<String, Fault> {
    field.text().map(str::to_owned).map_err(at(name))
}

fn resource(message: &[u8], into: &mut Resource) -> Result<(), Fault> {
    use tags::resource::*;
    each(message, |field| {
        match field.tag() {
            ATTRIBUTES => attribute(&field, "attributes", &mut into.attributes)?,
            DROPPED_ATTRIBUTES_COUNT => into.dropped_attributes_count = field.number() as u32,
            _ => field.skip(ALL)?,
        }
        Ok(())
    })
}

fn scope_metrics(message: &[u8], into: &mut ScopeMetrics) -> Result<(), Fault> {
    use tags::scope_metrics::*;
    each(message, |field| {
        match field.tag() {
            SCOPE => scope(field.bytes(), &mut into.scope).map_err(at("scope"))?,
            METRICS => {
                let index = into.metrics.len();
                metric(field.bytes(), into.metrics.push()).map_err(nth("metrics", index))?;
            }
            SCHEMA_URL => into.scope.schema_url = owned(&field, "schema_url")?.into(),
            _ => field.skip(ALL)?,
        }
        Ok(())
    })
}

fn scope(message: &[u8], into: &mut Scope) -> Result<(), Fault> {
    use tags::scope::*;
    each(message, |field| {
        match field.tag() {
            NAME => into.name = owned(&field, "name")?.into(),
            VERSION => into.version = owned(&field, "version")?.into(),
            ATTRIBUTES => attribute(&field, "attributes", &mut into.attributes)?,
            DROPPED_ATTRIBUTES_COUNT => into.dropped_attributes_count = field.number() as u32,
            _ => field.skip(ALL)?,
        }
        Ok(())
    })
}

fn metric(message: &[u8], into: &mut Metric) -> Result<(), Fault> {
    use tags::metric::*;
    let Metric { name, description, unit, data, metadata } = into;
    let mut has_data = false;
    each(message, |field| {
        let message = field.bytes();
        match field.tag() {
            NAME => *name = owned(&field, "name")?.into(),
            DESCRIPTION => *description = owned(&field, "description")?.into(),
            UNIT => *unit = owned(&field, "unit")?.into(),
            GAUGE => {
                let points = &mut data.gauge().points;
                self::data(message, points, number_point).map(drop).map_err(at("gauge"))?;
            }
            SUM => {
                let into = data.sum();
                let read = self::data(message, &mut into.points, number_point);
                let read = read.and_then(|read| Ok((read.temporality()?, read.is_monotonic)));
                (into.temporality, into.is_monotonic) = read.map_err(at("sum"))?;
            }
            HISTOGRAM => {
                let into = data.histogram();
                let read = self::data(message, &mut into.points, histogram_point);
                let read = read.and_then(|read| read.temporality());
                into.temporality = read.map_err(at("histogram"))?;
            }
            EXPONENTIAL_HISTOGRAM => {
                let into = data.exponential_histogram();
                let read = self::data(message, &mut into.points, exponential_histogram_point);
                let read = read.and_then(|read| read.temporality());
                into.temporality = read.map_err(at("exponential_histogram"))?;
            }
            SUMMARY => {
                let points = &mut data.summary().points;
                self::data(message, points, summary_point).map(drop).map_err(at("summary"))?;
            }
            METADATA => attribute(&field, "metadata", metadata)?,
            _ => field.skip(ALL)?,
        }
        has_data |= matches!(field.tag(), GAUGE | SUM | HISTOGRAM | EXPONENTIAL_HISTOGRAM | SUMMARY);
        Ok(())
    })?;
    if has_data { Ok(()) } else { Err(Fault::from("the metric has no data of a kind that is known")) }
}

/// What is said of data besides its points.
#[derive(Default)]
struct About {
    temporality: u64,
    is_monotonic: bool,
}

impl About {
    fn temporality(&self) -> Result<Temporality, Fault> {
        const DELTA: u64 = tags::DELTA as u64;
        const CUMULATIVE: u64 = tags::CUMULATIVE as u64;
        match self.temporality {
            DELTA => Ok(Temporality::Delta),
            CUMULATIVE => Ok(Temporality::Cumulative),
            _ => Err(at("aggregation_temporality")("it is neither delta nor cumulative")),
        }
    }
}

fn data<P: crate::metrics::data::Clear>(
    message: &[u8],
    points: &mut List<P>,
    point: fn(&[u8], &mut P) -> Result<(), Fault>,
) -> Result<About, Fault> {
    use tags::data::*;
    let mut about = About::default();
    each(message, |field| {
        match field.tag() {
            DATA_POINTS => {
                let index = points.len();
                point(field.bytes(), points.push()).map_err(nth("data_points", index))?;
            }
            AGGREGATION_TEMPORALITY => about.temporality = field.number(),
            IS_MONOTONIC => about.is_monotonic = field.number() != 0,
            _ => field.skip(ALL)?,
        }
        Ok(())
    })?;
    Ok(about)
}

fn flags(field: &Field<'_>) -> DataPointFlags {
    DataPointFlags::from_bits(field.number() as u32)
}

fn number_point(message: &[u8], into: &mut NumberPoint) -> Result<(), Fault> {
    use tags::number_data_point::*;
    each(message, |field| {
        match field.tag() {
            START_TIME_UNIX_NANO => into.start = field.time(),
            TIME_UNIX_NANO => into.time = field.time(),
            AS_DOUBLE => into.value = Some(Number::F64(field.double())),
            AS_INT => into.value = Some(Number::I64(field.number() as i64)),
            EXEMPLARS => exemplar(&field, &mut into.exemplars)?,
            ATTRIBUTES => attribute(&field, "attributes", &mut into.attributes)?,
            FLAGS => into.flags = flags(&field),
            _ => field.skip(ALL)?,
        }
        Ok(())
    })
}

fn histogram_point(message: &[u8], into: &mut HistogramPoint) -> Result<(), Fault> {
    use tags::histogram_data_point::*;
    each(message, |field| {
        match field.tag() {
            START_TIME_UNIX_NANO => into.start = field.time(),
            TIME_UNIX_NANO => into.time = field.time(),
            COUNT => into.count = field.number(),
            SUM => into.sum = Some(field.double()),
            BUCKET_COUNTS => {
                packed(&field, read::fixed64, |count| into.bucket_counts.push(count))
                    .map_err(at("bucket_counts"))?;
            }
            BUCKET_COUNT => into.bucket_counts.push(field.number()),
            EXPLICIT_BOUNDS => {
                packed(&field, read::fixed64, |bits| into.bounds.push(f64::from_bits(bits)))
                    .map_err(at("explicit_bounds"))?;
            }
            EXPLICIT_BOUND => into.bounds.push(field.double()),
            EXEMPLARS => exemplar(&field, &mut into.exemplars)?,
            ATTRIBUTES => attribute(&field, "attributes", &mut into.attributes)?,
            FLAGS => into.flags = flags(&field),
            MIN => into.min = Some(field.double()),
            MAX => into.max = Some(field.double()),
            _ => field.skip(ALL)?,
        }
        Ok(())
    })
}

fn exponential_histogram_point(message: &[u8], into: &mut ExponentialHistogramPoint) -> Result<(), Fault> {
    use tags::exponential_histogram_data_point::*;
    each(message, |field| {
        match field.tag() {
            ATTRIBUTES => attribute(&field, "attributes", &mut into.attributes)?,
            START_TIME_UNIX_NANO => into.start = field.time(),
            TIME_UNIX_NANO => into.time = field.time(),
            COUNT => into.count = field.number(),
            SUM => into.sum = Some(field.double()),
            SCALE => into.scale = zigzag(field.number()),
            ZERO_COUNT => into.zero_count = field.number(),
            POSITIVE => buckets(field.bytes(), &mut into.positive).map_err(at("positive"))?,
            NEGATIVE => buckets(field.bytes(), &mut into.negative).map_err(at("negative"))?,
            FLAGS => into.flags = flags(&field),
            EXEMPLARS => exemplar(&field, &mut into.exemplars)?,
            MIN => into.min = Some(field.double()),
            MAX => into.max = Some(field.double()),
            ZERO_THRESHOLD => into.zero_threshold = field.double(),
            _ => field.skip(ALL)?,
        }
        Ok(())
    })
}

fn buckets(message: &[u8], into: &mut ExponentialBuckets) -> Result<(), Fault> {
    use tags::buckets::*;
    each(message, |field| {
        match field.tag() {
            OFFSET => into.offset = zigzag(field.number()),
            BUCKET_COUNTS => {
                packed(&field, read::varint, |count| into.counts.push(count)).map_err(at("bucket_counts"))?;
            }
            BUCKET_COUNT => into.counts.push(field.number()),
            _ => field.skip(ALL)?,
        }
        Ok(())
    })
}

fn summary_point(message: &[u8], into: &mut SummaryPoint) -> Result<(), Fault> {
    use tags::summary_data_point::*;
    each(message, |field| {
        match field.tag() {
            START_TIME_UNIX_NANO => into.start = field.time(),
            TIME_UNIX_NANO => into.time = field.time(),
            COUNT => into.count = field.number(),
            SUM => into.sum = field.double(),
            QUANTILE_VALUES => {
                let quantile =
                    quantile(field.bytes()).map_err(nth("quantile_values", into.quantiles.len()))?;
                into.quantiles.push(quantile);
            }
            ATTRIBUTES => attribute(&field, "attributes", &mut into.attributes)?,
            FLAGS => into.flags = flags(&field),
            _ => field.skip(ALL)?,
        }
        Ok(())
    })
}

fn quantile(message: &[u8]) -> Result<QuantileValue, Fault> {
    use tags::value_at_quantile::*;
    let mut value = QuantileValue::default();
    each(message, |field| {
        match field.tag() {
            QUANTILE => value.quantile = field.double(),
            VALUE => value.value = field.double(),
            _ => field.skip(ALL)?,
        }
        Ok(())
    })?;
    Ok(value)
}

fn exemplar(field: &Field<'_>, into: &mut List<Exemplar>) -> Result<(), Fault> {
    use tags::exemplar::*;
    let index = into.len();
    let into = into.push();
    let all = each(field.bytes(), |field| {
        match field.tag() {
            TIME_UNIX_NANO => into.time = field.time(),
            AS_DOUBLE => into.value = Some(Number::F64(field.double())),
            AS_INT => into.value = Some(Number::I64(field.number() as i64)),
            SPAN_ID => {
                into.span_id = id(field.bytes()).map_err(at("span_id"))?.map(SpanId::from_bytes);
            }
            TRACE_ID => {
                into.trace_id = id(field.bytes()).map_err(at("trace_id"))?.map(TraceId::from_bytes);
            }
            FILTERED_ATTRIBUTES => {
                attribute(&field, "filtered_attributes", &mut into.filtered_attributes)?;
            }
            _ => field.skip(ALL)?,
        }
        Ok(())
    });
    all.map_err(nth("exemplars", index))
}

/// An id, or none: then nothing was said.
fn id<const N: usize>(bytes: &[u8]) -> Result<Option<[u8; N]>, Problem> {
    match bytes.try_into() {
        Ok(id) => Ok(Some(id)),
        Err(_) if bytes.is_empty() => Ok(None),
        Err(_) => Err("the id is not as long as one is"),
    }
}

/// Adds the attribute in one of the fields that are called `name`.
fn attribute(field: &Field<'_>, name: &'static str, into: &mut Attributes) -> Result<(), Fault> {
    use tags::key_value::*;
    let index = into.len();
    let KeyValue { key, value } = into.push();
    let mut has_value = false;
    let all = each(field.bytes(), |field| {
        match field.tag() {
            KEY => *key = owned(&field, "key")?.into(),
            VALUE => {
                any(field.bytes(), value, array).map_err(at("value"))?;
                has_value = true;
            }
            _ => field.skip(ALL)?,
        }
        Ok(())
    });
    let all = all.and_then(|()| if has_value { Ok(()) } else { Err(at("value")(NO_VALUE)) });
    all.map_err(nth(name, index))
}

const NO_VALUE: Problem =
    "there is no value of a type that is known: a text, a boolean, a number, or an array";

/// Reads an `AnyValue`, an array by `array`. A text goes into the memory of the one that is there.
fn any(
    message: &[u8],
    into: &mut OwnedValue,
    array: fn(&[u8]) -> Result<OwnedValue, Fault>,
) -> Result<(), Fault> {
    use tags::any_value::*;
    let mut has_value = false;
    each(message, |field| {
        match field.tag() {
            STRING => {
                let text = field.text()?;
                match &mut *into {
                    OwnedValue::Str(memory) => {
                        memory.clear();
                        memory.push_str(text);
                    }
                    other => *other = text.into(),
                }
            }
            BOOL => *into = (field.number() != 0).into(),
            INT => *into = (field.number() as i64).into(),
            DOUBLE => *into = field.double().into(),
            ARRAY => *into = array(field.bytes()).map_err(at("array_value"))?,
            // Whatever else it may be has a number of its own, and stands alone.
            _ => return field.skip(ALL),
        }
        has_value = true;
        Ok(())
    })?;
    if has_value { Ok(()) } else { Err(Fault::from(NO_VALUE)) }
}

/// Reads an `ArrayValue`, all of whose elements are of one type. One without elements is of texts.
fn array(message: &[u8]) -> Result<OwnedValue, Fault> {
    use tags::array_value::*;
    let (mut array, mut index) = (None, 0);
    each(message, |field| {
        match field.tag() {
            VALUES => {
                let mut element = OwnedValue::Bool(false);
                any(field.bytes(), &mut element, |_| Err(Fault::from("an array has no arrays in it")))
                    .and_then(|()| add(&mut array, element).map_err(Fault::from))
                    .map_err(nth("values", index))?;
                index += 1;
            }
            _ => field.skip(ALL)?,
        }
        Ok(())
    })?;
    Ok(array.unwrap_or(OwnedValue::StrArray(Vec::new())))
}

/// Adds an element to an array, which the first one begins.
fn add(array: &mut Option<OwnedValue>, element: OwnedValue) -> Result<(), Problem> {
    match (array, element) {
        (Some(OwnedValue::StrArray(array)), OwnedValue::Str(element)) => array.push(element),
        (Some(OwnedValue::BoolArray(array)), OwnedValue::Bool(element)) => array.push(element),
        (Some(OwnedValue::I64Array(array)), OwnedValue::I64(element)) => array.push(element),
        (Some(OwnedValue::F64Array(array)), OwnedValue::F64(element)) => array.push(element),
        (Some(_), _) => return Err("an array has elements of one type"),
        (array @ None, element) => {
            *array = Some(match element {
                OwnedValue::Str(element) => OwnedValue::StrArray(vec![element]),
                OwnedValue::Bool(element) => OwnedValue::BoolArray(vec![element]),
                OwnedValue::I64(element) => OwnedValue::I64Array(vec![element]),
                OwnedValue::F64(element) => OwnedValue::F64Array(vec![element]),
                _ => return Err("an array has elements of one type"),
            });
        }
    }
    Ok(())
}

/// Numbers one behind the other.
fn packed(
    field: &Field<'_>,
    next: fn(&mut &[u8]) -> Result<u64, Problem>,
    mut see: impl FnMut(u64),
) -> Result<(), Problem> {
    let mut rest = field.bytes();
    while !rest.is_empty() {
        see(next(&mut rest)?);
    }
    Ok(())
}

/// A `sint32`, of which more than 32 bits are cut off, as elsewhere.
fn zigzag(number: u64) -> i32 {
    let number = number as u32;
    (number >> 1) as i32 ^ -((number & 1) as i32)
}
