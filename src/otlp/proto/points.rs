//! Points and what is in them.

use super::attributes::attribute;
use super::fault::{Fault, at, nth};
use super::fields::{each, packed, zigzag};
use crate::metrics::data::{
    DataPointFlags, Exemplar, ExponentialBuckets, ExponentialHistogramPoint, HistogramPoint, List, Number,
    NumberPoint, QuantileValue, SummaryPoint,
};
use crate::otlp::encode::fields::metrics as tags;
use crate::otlp::read::{self, Field, Problem};
use crate::{SpanId, TraceId};

fn flags(field: &Field<'_>) -> DataPointFlags {
    DataPointFlags::from_bits(field.number() as u32)
}

pub(super) fn number_point(message: &[u8], into: &mut NumberPoint) -> Result<(), Fault> {
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

pub(super) fn histogram_point(message: &[u8], into: &mut HistogramPoint) -> Result<(), Fault> {
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

pub(super) fn exponential_histogram_point(
    message: &[u8],
    into: &mut ExponentialHistogramPoint,
) -> Result<(), Fault> {
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

pub(super) fn summary_point(message: &[u8], into: &mut SummaryPoint) -> Result<(), Fault> {
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
