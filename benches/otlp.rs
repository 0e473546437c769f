//! What encoding for OTLP costs: nanoseconds a span of W1, in batches of 64 and of 4,096 spans.
//!
//! Beside it stand rows to compare with: two reads of the clock, making the same batch out of spans that
//! are at hand, and `prost` writing the same request from messages that somebody has already built.

#[path = "workloads/batch.rs"]
mod batch;
#[path = "spans/floor.rs"]
#[allow(dead_code, reason = "shared with a benchmark that has an empty loop, too")]
mod floor;

use batch::{add_spans, builder, finish};
use criterion::Criterion;
use nanospan::otlp::{encode_json, encode_protobuf};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Times `once`, which does `spans` spans, for `times` spans: whole batches, and the part of their time.
fn timed(times: u64, spans: u64, mut once: impl FnMut()) -> Duration {
    let batches = times.div_ceil(spans);
    let start = Instant::now();
    for _ in 0..batches {
        once();
    }
    start.elapsed().mul_f64(times as f64 / (batches * spans) as f64)
}

fn measure(criterion: &mut Criterion, spans: u64) {
    let mut group = criterion.benchmark_group(format!("W1, batches of {spans}"));
    let mut builder = builder();
    group.bench_function("build the batch", |bench| {
        bench.iter_custom(|times| {
            timed(times, spans, || {
                add_spans(&mut builder, spans);
                let batch = finish(&mut builder);
                builder.recycle(black_box(batch));
            })
        });
    });

    add_spans(&mut builder, spans);
    let batch = finish(&mut builder);
    let all = 0..batch.span_count();
    let mut expected = Vec::new();
    encode_protobuf(&batch.view(), all.clone(), &mut expected);
    group.bench_function("protobuf", |bench| {
        let mut bytes = Vec::new();
        bench.iter_custom(|times| {
            timed(times, spans, || {
                bytes.clear();
                encode_protobuf(&black_box(&batch).view(), all.clone(), &mut bytes);
                black_box(&bytes);
            })
        });
    });
    group.bench_function("JSON", |bench| {
        let mut bytes = Vec::new();
        bench.iter_custom(|times| {
            timed(times, spans, || {
                bytes.clear();
                encode_json(&black_box(&batch).view(), all.clone(), &mut bytes);
                black_box(&bytes);
            })
        });
    });

    let message = ExportTraceServiceRequest::decode(&expected[..]).expect("it is a request");
    group.bench_function("prost, messages at hand", |bench| {
        let mut again = Vec::new();
        bench.iter_custom(|times| {
            timed(times, spans, || {
                again.clear();
                black_box(&message).encode(&mut again).expect("a vector takes all");
                black_box(&again);
            })
        });
    });
    assert_eq!(message.encode_to_vec(), expected, "both encoders write the same");
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(500))
        .configure_from_args();
    criterion.bench_function("two clock reads", |bench| {
        bench.iter_custom(|times| {
            let start = Instant::now();
            floor::clock_reads(times);
            start.elapsed()
        });
    });
    measure(&mut criterion, 64);
    measure(&mut criterion, 4096);
    criterion.final_summary();
}
