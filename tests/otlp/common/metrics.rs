//! Metrics for collectors, and exporters of them.

use nanospan::metrics::data::{ResourceMetrics, Temporality};
use nanospan::otlp::proto;
use nanospan::otlp::{OtlpMetricExporter, OtlpMetricExporterBuilder, Protocol, Proxy, RetryPolicy};
use nanospan::{SpanId, Timestamp, TraceId};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::metrics::v1 as oracle;
use prost::Message;

use super::collector::{Asked, Reply};
use super::exporters::PATIENCE;

/// To this endpoint, whatever proxies the environment has, with waits as short as can be.
pub(crate) fn metric_builder(protocol: Protocol, endpoint: &str) -> OtlpMetricExporterBuilder {
    let impatient = RetryPolicy::new()
        .initial(std::time::Duration::from_millis(2))
        .max(std::time::Duration::from_millis(10));
    OtlpMetricExporter::builder()
        .protocol(protocol)
        .endpoint(endpoint)
        .proxy(Proxy::None)
        .timeout(PATIENCE)
        .retry(impatient)
}

/// So many metrics in two scopes, of all five kinds in turn, with two points each.
pub(crate) fn metrics(count: u64) -> ResourceMetrics {
    let mut all = ResourceMetrics::default();
    all.resource.attributes.add("service.name", "shop");
    all.resource.schema_url = "https://opentelemetry.io/schemas/1.38.0".into();
    for (name, numbers) in [("shop.cart", 0..count / 2), ("shop.till", count / 2..count)] {
        let scope = all.scopes.push();
        scope.scope.name = name.into();
        scope.scope.schema_url = "https://shop.example/schema".into();
        for number in numbers {
            let metric = scope.metrics.push();
            metric.name = format!("metric {number}").into();
            metric.unit = "{item}".into();
            let time = Timestamp::from_unix_nanos(1_700_000_000_000_000_000 + number);
            for point in 0..2_u32 {
                let of = f64::from(point) + 0.5;
                match number % 5 {
                    0 => {
                        let point = metric.data.gauge().points.push();
                        (point.time, point.value) = (time, Some((number as i64).into()));
                        point.attributes.add("shop.region", "eu-west-1");
                        let exemplar = point.exemplars.push();
                        exemplar.value = Some(1.into());
                        exemplar.trace_id = Some(TraceId::from_u128(7));
                        exemplar.span_id = Some(SpanId::from_u64(7));
                    }
                    1 => {
                        let sum = metric.data.sum();
                        (sum.is_monotonic, sum.temporality) = (true, Temporality::Delta);
                        let point = sum.points.push();
                        (point.start, point.time, point.value) = (time, time, Some(of.into()));
                    }
                    2 => {
                        let point = metric.data.histogram().points.push();
                        (point.time, point.count, point.sum) = (time, 3, Some(of));
                        (point.bucket_counts, point.bounds) = (vec![1, 2], vec![of]);
                    }
                    3 => {
                        let point = metric.data.exponential_histogram().points.push();
                        (point.time, point.count, point.scale) = (time, 3, -1);
                        point.positive.counts = vec![1, 2];
                    }
                    _ => {
                        let point = metric.data.summary().points.push();
                        (point.time, point.count, point.sum) = (time, 3, of);
                    }
                }
            }
        }
    }
    all
}

/// The message of metrics.
pub(crate) fn message(metrics: &ResourceMetrics) -> proto::ResourceMetrics {
    let mut message = proto::ResourceMetrics::default();
    message.encode(metrics);
    message
}

/// The messages of a request, as OpenTelemetry's own types read them.
pub(crate) fn received(asked: &Asked) -> Vec<oracle::ResourceMetrics> {
    let content = asked.content();
    let request: ExportMetricsServiceRequest = if asked.header("content-type") == "application/json" {
        serde_json::from_slice(&content).unwrap()
    } else {
        ExportMetricsServiceRequest::decode(&content[..]).unwrap()
    };
    request.resource_metrics
}

/// What is expected of a message.
pub(crate) fn expected(metrics: &ResourceMetrics) -> oracle::ResourceMetrics {
    oracle::ResourceMetrics::decode(message(metrics).as_bytes()).unwrap()
}

/// The answer that a receiver gives which took a request in this way.
pub(crate) fn partial(protocol: Protocol, rejected: i64, words: &str) -> Reply {
    let partial_success =
        ExportMetricsPartialSuccess { rejected_data_points: rejected, error_message: words.to_owned() };
    let response = ExportMetricsServiceResponse { partial_success: Some(partial_success) };
    match protocol {
        Protocol::Grpc => {
            let message = response.encode_to_vec();
            let mut frame = vec![0];
            frame.extend((message.len() as u32).to_be_bytes());
            frame.extend(message);
            Reply::grpc(0, "").body(frame)
        }
        Protocol::HttpProtobuf => {
            Reply::status(200).header("content-type", "application/x-protobuf").body(response.encode_to_vec())
        }
        _ => {
            let json = format!(
                r#"{{"partialSuccess":{{"rejectedDataPoints":"{rejected}","errorMessage":"{words}"}}}}"#
            );
            Reply::status(200).header("content-type", "application/json").body(json)
        }
    }
}
