//! From the bytes of a message to metrics.

use super::attributes::attribute;
use super::fault::{DecodeError, Fault, at, nth};
use super::fields::{each, owned};
use super::points::{exponential_histogram_point, histogram_point, number_point, summary_point};
use crate::metrics::data::{
    Clear, List, Metric, Resource, ResourceMetrics, Scope, ScopeMetrics, Temporality,
};
use crate::otlp::encode::fields::metrics as tags;

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

fn data<P: Clear>(
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
