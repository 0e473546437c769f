//! A simple exporter of metrics that keeps the contract, but for the fault that it is given.

use crate::exporter_faults::{Fault, Ids};
use crate::reference_exporter::Reference;
use crate::suite::Broken;
use nanospan::conformance::metric_exporter::Subject;
use nanospan::export::{Context, ExportError};
use nanospan::metrics::data::{Data, Exemplar, List, Number, ResourceMetrics, Temporality};
use nanospan::metrics::{Aggregation, InstrumentKind, MetricExporter};
use nanospan::{Timestamp, metrics::data::DataPointFlags};
use std::sync::{Arc, OnceLock};
use std::thread::{self, ThreadId};
use std::time::Duration;

const WHOLE: &str = "metrics-are-delivered-whole";
const BESIDE_A_HANG: &str = "preferences-answer-beside-a-hang";
const TO_MANY_THREADS: &str = "preferences-answer-to-many-threads";
const AFTER_THE_SHUTDOWN: &str = "preferences-outlast-the-shutdown";

/// What can be wrong with metrics themselves, and with what is wanted of them, one thing at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MetricFault {
    ResourceIsLost,
    SchemaUrlIsLost,
    ScopeVersionIsLost,
    ScopeAttributesAreLost,
    DroppedCountIsLost,
    UnitIsLost,
    DescriptionIsLost,
    MetadataIsLost,
    LastAttributeIsLost,
    StartIsLost,
    TimeIsLost,
    DeltaIsCumulative,
    MonotonicIsLost,
    IntIsFloat,
    GaugeIsASum,
    NoRecordedValueIsZero,
    UnknownFlagIsLost,
    ExemplarsAreLost,
    ExemplarAttributesAreLost,
    ExemplarIdsAreLost,
    CountHas53Bits,
    AbsentSumIsZero,
    MinAndMaxAreLost,
    LastBoundIsLost,
    BucketsAreLost,
    ScaleIsLost,
    OffsetIsLost,
    NegativeBucketsAreLost,
    ZeroThresholdIsLost,
    QuantilesAreLost,
    EmptyNamePanics,
    TemporalityWaitsForTheExport,
    AggregationWaitsForTheExport,
    TemporalityIsOfTheThread,
    AggregationIsOfTheThread,
    TemporalityIsForgotten,
    AggregationIsForgotten,
}

impl MetricFault {
    const ALL: [(Self, &str); 37] = [
        (Self::ResourceIsLost, WHOLE),
        (Self::SchemaUrlIsLost, WHOLE),
        (Self::ScopeVersionIsLost, WHOLE),
        (Self::ScopeAttributesAreLost, WHOLE),
        (Self::DroppedCountIsLost, WHOLE),
        (Self::UnitIsLost, WHOLE),
        (Self::DescriptionIsLost, WHOLE),
        (Self::MetadataIsLost, WHOLE),
        (Self::LastAttributeIsLost, WHOLE),
        (Self::StartIsLost, WHOLE),
        (Self::TimeIsLost, WHOLE),
        (Self::DeltaIsCumulative, WHOLE),
        (Self::MonotonicIsLost, WHOLE),
        (Self::IntIsFloat, WHOLE),
        (Self::GaugeIsASum, WHOLE),
        (Self::NoRecordedValueIsZero, WHOLE),
        (Self::UnknownFlagIsLost, WHOLE),
        (Self::ExemplarsAreLost, WHOLE),
        (Self::ExemplarAttributesAreLost, WHOLE),
        (Self::ExemplarIdsAreLost, WHOLE),
        (Self::CountHas53Bits, WHOLE),
        (Self::AbsentSumIsZero, WHOLE),
        (Self::MinAndMaxAreLost, WHOLE),
        (Self::LastBoundIsLost, WHOLE),
        (Self::BucketsAreLost, WHOLE),
        (Self::ScaleIsLost, WHOLE),
        (Self::OffsetIsLost, WHOLE),
        (Self::NegativeBucketsAreLost, WHOLE),
        (Self::ZeroThresholdIsLost, WHOLE),
        (Self::QuantilesAreLost, WHOLE),
        (Self::EmptyNamePanics, "no-call-panics"),
        (Self::TemporalityWaitsForTheExport, BESIDE_A_HANG),
        (Self::AggregationWaitsForTheExport, BESIDE_A_HANG),
        (Self::TemporalityIsOfTheThread, TO_MANY_THREADS),
        (Self::AggregationIsOfTheThread, TO_MANY_THREADS),
        (Self::TemporalityIsForgotten, AFTER_THE_SHUTDOWN),
        (Self::AggregationIsForgotten, AFTER_THE_SHUTDOWN),
    ];

    fn hangs(self) -> bool {
        matches!(self, Self::TemporalityWaitsForTheExport | Self::AggregationWaitsForTheExport)
    }
}

/// Every broken exporter, with the case that finds it.
pub(crate) fn broken() -> Vec<Broken<dyn Subject>> {
    let ids = Ids {
        whole: WHOLE,
        once: "point-is-delivered-once",
        empty: "empty-metrics-succeed",
        reused: "metrics-may-be-reused",
    };
    let shared = Fault::all(&ids)
        .into_iter()
        .map(|(fault, case)| Broken::new(fault, case, fault.hangs(), move || boxed(Some(fault), None)));
    let own = MetricFault::ALL
        .into_iter()
        .map(|(fault, case)| Broken::new(fault, case, fault.hangs(), move || boxed(None, Some(fault))));
    shared.chain(own).collect()
}

/// The reference with a fault, or without one.
pub(crate) fn boxed(shared: Option<Fault>, own: Option<MetricFault>) -> Box<dyn Subject> {
    let exporter = Metrics { reference: Reference::new(shared), fault: own, first_thread: OnceLock::new() };
    Box::new(ReferenceSubject(Arc::new(exporter)))
}

/// Its items are collections of one point each.
struct Metrics {
    reference: Reference<ResourceMetrics>,
    fault: Option<MetricFault>,
    /// Who asked first for a preference.
    first_thread: OnceLock<ThreadId>,
}

impl Metrics {
    /// Whether a preference is answered as it should be, given the faults that would change it.
    fn is_right(&self, waits: MetricFault, of_the_thread: MetricFault, is_forgotten: MetricFault) -> bool {
        while self.fault == Some(waits) && self.reference.is_exporting() {
            thread::sleep(Duration::from_millis(1));
        }
        let me = thread::current().id();
        let is_another = *self.first_thread.get_or_init(|| me) != me;
        !(self.fault == Some(of_the_thread) && is_another
            || self.fault == Some(is_forgotten) && self.reference.is_shut_down())
    }

    fn read(&self, metrics: &ResourceMetrics) -> Vec<ResourceMetrics> {
        let mut points = split(metrics);
        if let Some(fault) = self.fault {
            points.iter_mut().for_each(|point| spoil(fault, point));
        }
        points
    }
}

/// Each point by itself, with all that it belongs to.
fn split(metrics: &ResourceMetrics) -> Vec<ResourceMetrics> {
    let mut all = Vec::new();
    for scope in &metrics.scopes {
        for metric in &scope.metrics {
            for number in 0..metric.data.point_count() {
                let mut one = ResourceMetrics { resource: metrics.resource.clone(), ..Default::default() };
                let own = one.scopes.push();
                own.scope = scope.scope.clone();
                let own = own.metrics.push();
                *own = metric.clone();
                match &mut own.data {
                    Data::Gauge(data) => keep(&mut data.points, number),
                    Data::Sum(data) => keep(&mut data.points, number),
                    Data::Histogram(data) => keep(&mut data.points, number),
                    Data::ExponentialHistogram(data) => keep(&mut data.points, number),
                    Data::Summary(data) => keep(&mut data.points, number),
                    other => panic!("data of an unknown kind: {other:?}"),
                }
                all.push(one);
            }
        }
    }
    all
}

fn keep<T>(points: &mut List<T>, number: usize) {
    points.swap(0, number);
    points.truncate(1);
}

/// Makes the mistake in a collection of one point.
fn spoil(fault: MetricFault, one: &mut ResourceMetrics) {
    use MetricFault::*;
    match fault {
        ResourceIsLost => one.resource.attributes.clear(),
        SchemaUrlIsLost => one.resource.schema_url = "".into(),
        _ => {}
    }
    let scope = &mut one.scopes[0];
    match fault {
        ScopeVersionIsLost => scope.scope.version = "".into(),
        ScopeAttributesAreLost => scope.scope.attributes.clear(),
        DroppedCountIsLost => scope.scope.dropped_attributes_count = 0,
        _ => {}
    }
    let metric = &mut scope.metrics[0];
    match fault {
        UnitIsLost => metric.unit = "".into(),
        DescriptionIsLost => metric.description = "".into(),
        MetadataIsLost => metric.metadata.clear(),
        EmptyNamePanics => assert!(!metric.name.is_empty(), "no name"),
        _ => {}
    }
    if let (GaugeIsASum, Data::Gauge(gauge)) = (fault, &metric.data) {
        let points = gauge.points.clone();
        metric.data.sum().points = points;
    }
    match &mut metric.data {
        Data::Gauge(data) => spoil_number(fault, &mut data.points[0]),
        Data::Sum(data) => {
            spoil_temporality(fault, &mut data.temporality);
            data.is_monotonic &= fault != MonotonicIsLost;
            spoil_number(fault, &mut data.points[0]);
        }
        Data::Histogram(data) => {
            spoil_temporality(fault, &mut data.temporality);
            let point = &mut data.points[0];
            spoil_exemplars(fault, &mut point.exemplars);
            match fault {
                CountHas53Bits => point.count = point.count as f64 as u64,
                AbsentSumIsZero => drop(point.sum.get_or_insert(0.0)),
                MinAndMaxAreLost => (point.min, point.max) = (None, None),
                LastBoundIsLost => drop(point.bounds.pop()),
                BucketsAreLost => point.bucket_counts.clear(),
                _ => {}
            }
        }
        Data::ExponentialHistogram(data) => {
            spoil_temporality(fault, &mut data.temporality);
            let point = &mut data.points[0];
            match fault {
                ScaleIsLost => point.scale = 0,
                OffsetIsLost => point.positive.offset = 0,
                NegativeBucketsAreLost => point.negative.counts.clear(),
                ZeroThresholdIsLost => point.zero_threshold = 0.0,
                _ => {}
            }
        }
        Data::Summary(data) if fault == QuantilesAreLost => data.points[0].quantiles.clear(),
        _ => {}
    }
}

fn spoil_number(fault: MetricFault, point: &mut nanospan::metrics::data::NumberPoint) {
    use MetricFault::*;
    spoil_exemplars(fault, &mut point.exemplars);
    match (fault, point.value) {
        // The first one is what the suite finds the point by.
        (LastAttributeIsLost, _) => {
            point.attributes.truncate(point.attributes.len().saturating_sub(1).max(1))
        }
        (StartIsLost, _) => point.start = Timestamp::default(),
        (TimeIsLost, _) => point.time = point.start,
        (IntIsFloat, Some(Number::I64(value))) => point.value = Some(Number::F64(value as f64)),
        (NoRecordedValueIsZero, None) => point.value = Some(Number::I64(0)),
        (UnknownFlagIsLost, _) => {
            point.flags = DataPointFlags::from_bits(point.flags.bits() & 1);
        }
        _ => {}
    }
}

fn spoil_temporality(fault: MetricFault, temporality: &mut Temporality) {
    if fault == MetricFault::DeltaIsCumulative {
        *temporality = Temporality::Cumulative;
    }
}

fn spoil_exemplars(fault: MetricFault, exemplars: &mut List<Exemplar>) {
    match fault {
        MetricFault::ExemplarsAreLost => exemplars.clear(),
        MetricFault::ExemplarAttributesAreLost => {
            exemplars.iter_mut().for_each(|exemplar| exemplar.filtered_attributes.clear());
        }
        MetricFault::ExemplarIdsAreLost => {
            exemplars.iter_mut().for_each(|exemplar| (exemplar.trace_id, exemplar.span_id) = (None, None));
        }
        _ => {}
    }
}

impl MetricExporter for Metrics {
    fn temporality(&self, kind: InstrumentKind) -> Temporality {
        let is_right = self.is_right(
            MetricFault::TemporalityWaitsForTheExport,
            MetricFault::TemporalityIsOfTheThread,
            MetricFault::TemporalityIsForgotten,
        );
        let is_delta = is_right && kind == InstrumentKind::Counter;
        if is_delta { Temporality::Delta } else { Temporality::Cumulative }
    }

    fn aggregation(&self, kind: InstrumentKind) -> Aggregation {
        let is_right = self.is_right(
            MetricFault::AggregationWaitsForTheExport,
            MetricFault::AggregationIsOfTheThread,
            MetricFault::AggregationIsForgotten,
        );
        let is_set = is_right && kind == InstrumentKind::Histogram;
        if is_set { Aggregation::base2_exponential_histogram() } else { Aggregation::Default }
    }

    fn export(&self, context: &Context, metrics: &ResourceMetrics) -> Result<(), ExportError> {
        self.reference.export(context, self.read(metrics))
    }

    fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        self.reference.force_flush(context)
    }

    fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        self.reference.shutdown(context)
    }
}

struct ReferenceSubject(Arc<Metrics>);

impl Subject for ReferenceSubject {
    fn exporter(&self) -> Arc<dyn MetricExporter> {
        Arc::clone(&self.0) as _
    }

    fn delivered(&self) -> Vec<Vec<ResourceMetrics>> {
        vec![self.0.reference.back_end().delivered()]
    }

    fn set_unreachable(&self, unreachable: bool) -> bool {
        self.0.reference.back_end().set_unreachable(unreachable);
        true
    }

    fn set_hanging(&self, hanging: bool) -> bool {
        self.0.reference.back_end().set_hanging(hanging);
        true
    }

    fn is_released(&self) -> Option<bool> {
        Some(self.0.reference.is_released())
    }
}
