//! What the client sends, and what it makes of the answers.

use nanospan::export::{Context, ExportError, ExportErrorKind};
use nanospan::metrics::data::{ResourceMetrics, Temporality};
use nanospan::metrics::{Aggregation, InstrumentKind, TemporalityPreference};
use nanospan::otlp::{Compression, MetricClient, OtlpMetricClient, Protocol, proto};

use crate::common::collector::{Collector, Reply};
use crate::common::exporters::{PATIENCE, PROTOCOLS};
use crate::common::metrics::{expected, message, metric_builder, metrics, partial, received};

fn client(protocol: Protocol, collector: &Collector) -> OtlpMetricClient {
    metric_builder(protocol, &collector.url()).build_client().unwrap()
}

fn upload(client: &OtlpMetricClient, metrics: &ResourceMetrics) -> Result<(), ExportError> {
    client.upload_metrics(&Context::with_timeout(PATIENCE), &message(metrics))
}

#[test]
fn a_message_arrives_whole_where_metrics_go() {
    for protocol in PROTOCOLS {
        for compression in [Compression::None, Compression::Gzip] {
            let collector = Collector::new([]);
            let builder = metric_builder(protocol, &collector.url()).compression(compression);
            let client = builder.build_client().unwrap();
            let metrics = metrics(10);
            upload(&client, &metrics).unwrap();
            let asked = collector.only();
            assert_eq!(received(&asked), [expected(&metrics)], "{protocol:?}, {compression:?}");
            let (path, content_type) = match protocol {
                Protocol::Grpc => {
                    ("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", "application/grpc")
                }
                Protocol::HttpProtobuf => ("/v1/metrics", "application/x-protobuf"),
                _ => ("/v1/metrics", "application/json"),
            };
            assert!(asked.target.ends_with(path), "{}", asked.target);
            assert_eq!((asked.method.as_str(), asked.header("content-type")), ("POST", content_type));
            assert!(asked.header("user-agent").starts_with("nanospan-OTLP-Exporter-Rust/"));
            assert_eq!((client.stats().requests, client.stats().retries), (1, 0));
        }
    }
}

#[test]
fn by_protobuf_the_message_is_sent_byte_for_byte() {
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        let collector = Collector::new([]);
        let message = message(&metrics(10));
        // A field that is not known, of a newer message.
        let newer = proto::ResourceMetrics::from_bytes([message.as_bytes(), &[0xf8, 0x7f, 1]].concat());
        client(protocol, &collector).upload_metrics(&Context::new(), &newer).unwrap();
        assert!(collector.only().content().ends_with(newer.as_bytes()));
    }
}

#[test]
fn without_points_nothing_is_sent() {
    for protocol in PROTOCOLS {
        let collector = Collector::new([]);
        let client = client(protocol, &collector);
        let mut empty = ResourceMetrics::default();
        upload(&client, &empty).unwrap();
        empty.scopes.push().metrics.push().name = "a metric without points".into();
        upload(&client, &empty).unwrap();
        client.upload_metrics(&Context::new(), &proto::ResourceMetrics::default()).unwrap();
        assert_eq!((collector.asked().len(), client.stats().requests), (0, 0));
    }
}

#[test]
fn what_is_no_message_is_refused_and_not_sent() {
    for protocol in PROTOCOLS {
        let collector = Collector::new([]);
        let broken = proto::ResourceMetrics::from_bytes(vec![0x12, 5, 0]);
        let error = client(protocol, &collector).upload_metrics(&Context::new(), &broken).unwrap_err();
        assert_eq!((error.kind(), error.lost_data_points()), (ExportErrorKind::Other, None));
        let expected =
            "cannot send the message: no ResourceMetrics: a field ends behind the message that it is in";
        assert_eq!(error.to_string(), expected);
        assert_eq!(collector.asked().len(), 0);
    }
}

#[test]
fn points_that_are_refused_are_counted_and_words_alone_lose_nothing() {
    for protocol in PROTOCOLS {
        let replies =
            [partial(protocol, 2, "bad data"), partial(protocol, 0, ""), partial(protocol, 0, "slow")];
        let collector = Collector::new(replies);
        let client = client(protocol, &collector);
        let metrics = metrics(5);
        let error = upload(&client, &metrics).unwrap_err();
        assert_eq!((error.kind(), error.lost_data_points()), (ExportErrorKind::Rejected, Some(2)));
        assert_eq!(error.to_string(), "the receiver refused 2 of 10 data points: bad data");
        upload(&client, &metrics).unwrap();
        let error = upload(&client, &metrics).unwrap_err();
        assert_eq!((error.kind(), error.lost_data_points()), (ExportErrorKind::Other, Some(0)));
        assert_eq!(error.to_string(), "the receiver took all data points, and says: slow");
        assert_eq!((client.stats().requests, client.stats().rejected_data_points), (3, 2));
    }
}

#[test]
fn a_receiver_that_is_away_for_a_moment_is_asked_again_within_the_call() {
    for protocol in PROTOCOLS {
        let away = if protocol == Protocol::Grpc { Reply::grpc(14, "") } else { Reply::status(503) };
        let collector = Collector::new([away.clone(), Reply::Close, away]);
        let client = client(protocol, &collector);
        let metrics = metrics(3);
        upload(&client, &metrics).unwrap();
        assert_eq!(collector.asked().len(), 4);
        assert!(collector.asked().iter().all(|asked| received(asked) == [expected(&metrics)]));
        assert_eq!((client.stats().requests, client.stats().retries), (4, 3));
    }
}

#[test]
fn a_final_answer_is_an_error_that_tells_of_data_points() {
    for protocol in PROTOCOLS {
        let refusal =
            if protocol == Protocol::Grpc { Reply::grpc(3, "no") } else { Reply::status(400).body("no") };
        let collector = Collector::new([refusal]);
        let error = upload(&client(protocol, &collector), &metrics(3)).unwrap_err();
        assert_eq!((error.kind(), error.lost_data_points()), (ExportErrorKind::Rejected, None));
        assert!(error.to_string().contains(" did not take the data points: it answered "), "{error}");
        assert!(error.to_string().ends_with(": no"), "{error}");
        collector.only();
    }
}

#[test]
fn an_upload_that_is_called_off_tells_of_data_points() {
    for protocol in PROTOCOLS {
        let collector = Collector::new([Reply::Never]);
        let client = client(protocol, &collector);
        let context = Context::with_timeout(PATIENCE);
        let error = std::thread::scope(|scope| {
            let upload = scope.spawn(|| client.upload_metrics(&context, &message(&metrics(1))).unwrap_err());
            collector.wait_for(1);
            context.cancellation().cancel();
            upload.join().unwrap()
        });
        assert_eq!(error.kind(), ExportErrorKind::Cancelled);
        assert!(error.to_string().ends_with(" had taken the data points"), "{error}");
    }
}

#[test]
fn what_is_wanted_of_each_kind_is_as_it_was_set() {
    let builder = metric_builder(Protocol::HttpProtobuf, "http://localhost:4318");
    let client = builder.clone().build_client().unwrap();
    for kind in InstrumentKind::ALL {
        assert_eq!(client.temporality(kind), Temporality::Cumulative);
        assert_eq!(client.aggregation(kind), Aggregation::Default);
    }
    let client = builder
        .temporality(|kind| TemporalityPreference::LowMemory.of(kind))
        .aggregation(|kind| match kind {
            InstrumentKind::Histogram => Aggregation::base2_exponential_histogram(),
            _ => Aggregation::Default,
        })
        .build_client()
        .unwrap();
    assert_eq!(client.temporality(InstrumentKind::Counter), Temporality::Delta);
    assert_eq!(client.temporality(InstrumentKind::ObservableCounter), Temporality::Cumulative);
    assert_eq!(client.aggregation(InstrumentKind::Histogram), Aggregation::base2_exponential_histogram());
    assert_eq!(client.aggregation(InstrumentKind::Counter), Aggregation::Default);
}
