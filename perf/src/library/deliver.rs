//! Exporters that deliver: over OTLP, nanospan's and OpenTelemetry's, and to segment files. Each is as its
//! users have it but that it counts what was acknowledged. And what comes before sending, encoding, alone.

use crate::content::Sink;
use crate::library::{Exporter, Setup};
use crate::machine::thread_time;
use nanospan::batch::Batch;
use nanospan::export::segment::SegmentExporter;
use nanospan::export::{Context, ExportError, SpanExporter};
use nanospan::otlp::{OtlpExporter, Protocol, encode_protobuf};
use opentelemetry_otlp::WithExportConfig;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SpanData};
use prost::Message;
use std::fmt;
use std::hint::black_box;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Runtime;

/// The library's exporter; the sink counts what it has delivered.
struct Acknowledged<E> {
    exporter: E,
    sink: Arc<Sink>,
}

impl<E: SpanExporter> SpanExporter for Acknowledged<E> {
    fn export(&self, context: &Context, batch: &Batch) -> Result<(), ExportError> {
        self.exporter.export(context, batch)?;
        self.sink.count(batch.span_count() as u64);
        Ok(())
    }

    fn force_flush(&self, context: &Context) -> Result<(), ExportError> {
        self.exporter.force_flush(context)
    }

    fn shutdown(&self, context: &Context) -> Result<(), ExportError> {
        self.exporter.shutdown(context)
    }
}

/// Encodes each batch as `OtlpExporter` does, into a buffer that is used again, and discards it.
struct Encoding {
    buffer: Mutex<Vec<u8>>,
    sink: Arc<Sink>,
}

impl SpanExporter for Encoding {
    fn export(&self, _: &Context, batch: &Batch) -> Result<(), ExportError> {
        let mut buffer = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
        let began = thread_time();
        buffer.clear();
        encode_protobuf(&batch.view(), 0..batch.span_count(), &mut buffer);
        black_box(&buffer);
        self.sink.encoded(thread_time() - began);
        self.sink.count(batch.span_count() as u64);
        Ok(())
    }

    fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }
}

/// nanospan's exporter over OTLP, or one that only encodes.
pub(super) fn nanospan(setup: &Setup) -> Result<Arc<dyn SpanExporter>, String> {
    let sink = Arc::clone(&setup.sink);
    if setup.exporter == Exporter::Encoding {
        return Ok(Arc::new(Encoding { buffer: Mutex::default(), sink }));
    }
    let protocol = if is_grpc(setup) { Protocol::Grpc } else { Protocol::HttpProtobuf };
    let builder = OtlpExporter::builder().protocol(protocol).endpoint(setup.url()?);
    let exporter = builder.build().map_err(|error| format!("nanospan: {error}"))?;
    Ok(Arc::new(Acknowledged { exporter, sink }))
}

/// The tracer's own default: segment files.
pub(super) fn segments(setup: &Setup) -> Result<Arc<dyn SpanExporter>, String> {
    let exporter = SegmentExporter::builder(setup.directory()?).build();
    let exporter = exporter.map_err(|error| format!("nanospan: {error}"))?;
    Ok(Arc::new(Acknowledged { exporter, sink: Arc::clone(&setup.sink) }))
}

fn is_grpc(setup: &Setup) -> bool {
    setup.name.ends_with("-grpc")
}

/// The same around OpenTelemetry's exporters.
impl<E: opentelemetry_sdk::trace::SpanExporter> opentelemetry_sdk::trace::SpanExporter for Acknowledged<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        self.exporter.export(batch).await?;
        self.sink.count(spans);
        Ok(())
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.exporter.shutdown()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl<E> fmt::Debug for Acknowledged<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acknowledged").finish_non_exhaustive()
    }
}

/// Encodes each batch as OpenTelemetry's exporter over HTTP does, and discards it.
#[derive(Debug)]
struct OtelEncoding {
    resource: ResourceAttributesWithSchema,
    sink: Arc<Sink>,
}

impl opentelemetry_sdk::trace::SpanExporter for OtelEncoding {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        let began = thread_time();
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        black_box(ExportTraceServiceRequest { resource_spans }.encode_to_vec());
        self.sink.encoded(thread_time() - began);
        self.sink.count(spans);
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}

/// OpenTelemetry's batch processor with its exporter over OTLP, and the runtime that gRPC wants.
pub(super) fn otel(
    setup: &Setup,
    config: BatchConfigBuilder,
) -> Result<(BatchSpanProcessor, Option<Runtime>), String> {
    let sink = Arc::clone(&setup.sink);
    let failed = |error: &dyn fmt::Display| format!("opentelemetry: {error}");
    if setup.exporter == Exporter::Encoding {
        let exporter = OtelEncoding { resource: ResourceAttributesWithSchema::default(), sink };
        return Ok((processor(exporter, config), None));
    }
    let builder = opentelemetry_otlp::SpanExporter::builder();
    if is_grpc(setup) {
        // As many threads as there is work for: one.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| failed(&error))?;
        let _inside = runtime.enter();
        let exporter = builder.with_tonic().with_endpoint(setup.url()?).build();
        let exporter = exporter.map_err(|error| failed(&error))?;
        return Ok((processor(Acknowledged { exporter, sink }, config), Some(runtime)));
    }
    let exporter = builder
        .with_http()
        .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", setup.url()?))
        .build()
        .map_err(|error| failed(&error))?;
    Ok((processor(Acknowledged { exporter, sink }, config), None))
}

fn processor(
    exporter: impl opentelemetry_sdk::trace::SpanExporter + 'static,
    config: BatchConfigBuilder,
) -> BatchSpanProcessor {
    BatchSpanProcessor::builder(exporter).with_batch_config(config.build()).build()
}
