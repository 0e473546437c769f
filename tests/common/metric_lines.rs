//! Reads what `StdoutMetricExporter` writes as lines of OTLP back, by OpenTelemetry's own types.

use nanospan::metrics::data::ResourceMetrics;
use nanospan::otlp::proto;
use opentelemetry_proto::tonic::metrics::v1::MetricsData;
use prost::Message;

/// What each line has. Each line must end in a line feed, and be one message under one resource.
pub(crate) fn parse(text: &[u8]) -> Result<Vec<ResourceMetrics>, String> {
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    lines.map(|line| parse_line(line).map_err(|error| format!("{error}: {line:?}"))).collect()
}

fn parse_line(line: &[u8]) -> Result<ResourceMetrics, String> {
    let line = line.strip_suffix(b"\n").ok_or("the line does not end")?;
    let data: MetricsData = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let [of_resource] = &*data.resource_metrics else { return Err("not one resource".to_owned()) };
    let mut metrics = ResourceMetrics::default();
    let message = proto::ResourceMetrics::from_bytes(of_resource.encode_to_vec());
    message.decode(&mut metrics).map_err(|error| error.to_string())?;
    Ok(metrics)
}
