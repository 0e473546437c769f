//! This crate's exporters, as the suite gets to see them.

use crate::metric_text;
use crate::sink::Sink;
use nanospan::conformance::metric_exporter::Subject;
use nanospan::export::Hold;
use nanospan::metrics::data::ResourceMetrics;
use nanospan::metrics::{
    FanOutMetricExporter, MemoryMetricExporter, MetricExporter, StdoutMetricExporter, StdoutMetricFormat,
};
use std::sync::{Arc, Mutex};

#[derive(Default)]
pub(crate) struct Memory {
    exporter: MemoryMetricExporter,
    hold: Mutex<Option<Hold>>,
}

impl Subject for Memory {
    fn exporter(&self) -> Arc<dyn MetricExporter> {
        Arc::new(self.exporter.clone())
    }

    fn delivered(&self) -> Vec<Vec<ResourceMetrics>> {
        vec![self.exporter.exported()]
    }

    fn set_unreachable(&self, unreachable: bool) -> bool {
        self.exporter.fail_next(if unreachable { u32::MAX } else { 0 });
        true
    }

    fn set_hanging(&self, hanging: bool) -> bool {
        *self.hold.lock().unwrap() = hanging.then(|| self.exporter.hold());
        true
    }

    fn is_released(&self) -> Option<bool> {
        Some(self.exporter.is_shut_down())
    }
}

/// The exporter to standard output, here to a sink.
pub(crate) struct Stdout {
    exporter: Arc<StdoutMetricExporter>,
    sink: Sink,
    parse: fn(&[u8]) -> Result<Vec<ResourceMetrics>, String>,
}

impl Stdout {
    fn new(format: StdoutMetricFormat, parse: fn(&[u8]) -> Result<Vec<ResourceMetrics>, String>) -> Self {
        let sink = Sink::default();
        let builder = StdoutMetricExporter::builder().format(format).writer(sink.writer(), "a sink");
        Self { exporter: Arc::new(builder.build()), sink, parse }
    }

    #[cfg(feature = "otlp")]
    pub(crate) fn otlp() -> Self {
        Self::new(StdoutMetricFormat::OtlpJson, crate::metric_lines::parse)
    }
}

impl Default for Stdout {
    fn default() -> Self {
        Self::new(StdoutMetricFormat::Human, metric_text::parse)
    }
}

impl Subject for Stdout {
    fn exporter(&self) -> Arc<dyn MetricExporter> {
        Arc::clone(&self.exporter) as _
    }

    fn delivered(&self) -> Vec<Vec<ResourceMetrics>> {
        vec![(self.parse)(&self.sink.written()).unwrap()]
    }

    fn set_unreachable(&self, unreachable: bool) -> bool {
        self.sink.set_broken(unreachable);
        true
    }

    fn set_hanging(&self, hanging: bool) -> bool {
        self.sink.set_full(hanging);
        true
    }

    fn is_released(&self) -> Option<bool> {
        Some(self.sink.is_released())
    }
}

/// A fan-out to other subjects.
pub(crate) struct FanOut {
    exporter: Arc<FanOutMetricExporter>,
    destinations: Vec<Box<dyn Subject>>,
}

impl FanOut {
    pub(crate) fn over(destinations: Vec<Box<dyn Subject>>) -> Self {
        let mut builder = FanOutMetricExporter::builder();
        for (index, destination) in destinations.iter().enumerate() {
            builder = builder.destination(format!("destination {index}"), destination.exporter());
        }
        Self { exporter: Arc::new(builder.build().unwrap()), destinations }
    }
}

impl Subject for FanOut {
    fn exporter(&self) -> Arc<dyn MetricExporter> {
        Arc::clone(&self.exporter) as _
    }

    fn delivered(&self) -> Vec<Vec<ResourceMetrics>> {
        self.destinations.iter().flat_map(|destination| destination.delivered()).collect()
    }

    fn set_unreachable(&self, unreachable: bool) -> bool {
        self.destinations.iter().all(|destination| destination.set_unreachable(unreachable))
    }

    fn set_hanging(&self, hanging: bool) -> bool {
        self.destinations.iter().all(|destination| destination.set_hanging(hanging))
    }

    fn is_released(&self) -> Option<bool> {
        self.destinations
            .iter()
            .map(|destination| destination.is_released())
            .try_fold(true, |all, one| Some(all && one?))
    }
}
