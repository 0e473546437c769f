//! Messages that are too large for one request.

use nanospan::export::{Context, ExportErrorKind};
use nanospan::metrics::data::{Metric, ResourceMetrics};
use nanospan::otlp::{Compression, MetricClient, Protocol};

use crate::common::collector::{Collector, Reply};
use crate::common::exporters::PROTOCOLS;
use crate::common::metrics::{expected, message, metric_builder, metrics, received};

/// The bytes of a request with these metrics.
fn size(protocol: Protocol, metrics: &ResourceMetrics) -> usize {
    let collector = Collector::new([]);
    let client = metric_builder(protocol, &collector.url()).build_client().unwrap();
    client.upload_metrics(&Context::new(), &message(metrics)).unwrap();
    collector.only().content().len()
}

/// The metrics of a message, each alone with its resource and its scope.
fn alone(metrics: &ResourceMetrics) -> Vec<ResourceMetrics> {
    let mut all = Vec::new();
    for scope in &metrics.scopes {
        for metric in &scope.metrics {
            let mut one = ResourceMetrics { resource: metrics.resource.clone(), ..Default::default() };
            let own = one.scopes.push();
            own.scope = scope.scope.clone();
            own.metrics.extend([Metric::clone(metric)]);
            all.push(one);
        }
    }
    all
}

#[test]
fn a_message_that_is_too_large_is_cut_between_its_metrics() {
    for protocol in PROTOCOLS {
        for compression in [Compression::None, Compression::Gzip] {
            let metrics = metrics(30);
            let limit = size(protocol, &metrics).div_ceil(3);
            let collector = Collector::new([]);
            let builder = metric_builder(protocol, &collector.url()).compression(compression);
            let client = builder.max_request_bytes(limit).build_client().unwrap();
            client.upload_metrics(&Context::new(), &message(&metrics)).unwrap();
            let asked = collector.asked();
            assert!((3..=8).contains(&asked.len()), "{}", asked.len());
            assert!(asked.iter().all(|asked| asked.content().len() <= limit));
            // Each part has the resource and the scopes of what is in it, and all metrics come once, in order.
            let mut left = alone(&metrics).into_iter().map(|one| expected(&one));
            for part in asked.iter().flat_map(received) {
                for scope in &part.scope_metrics {
                    for metric in &scope.metrics {
                        let expected = left.next().expect("no metric more than there are");
                        assert_eq!(
                            (&part.resource, &part.schema_url),
                            (&expected.resource, &expected.schema_url)
                        );
                        let own = &expected.scope_metrics[0];
                        assert_eq!((&scope.scope, &scope.schema_url), (&own.scope, &own.schema_url));
                        assert_eq!(metric, &own.metrics[0]);
                    }
                    assert!(!scope.metrics.is_empty(), "a scope without metrics is left out");
                }
            }
            assert_eq!(left.next(), None);
            let stats = client.stats();
            assert_eq!((stats.split_messages, stats.oversized_data_points), (1, 0));
        }
    }
}

#[test]
fn a_metric_that_is_too_large_alone_is_lost_with_its_points_and_the_others_arrive() {
    for protocol in PROTOCOLS {
        let mut metrics = metrics(10);
        metrics.scopes[1].metrics[2].description = "x".repeat(1000).into();
        let limit = 1000;
        let collector = Collector::new([]);
        let builder = metric_builder(protocol, &collector.url()).max_request_bytes(limit);
        let client = builder.build_client().unwrap();
        let error = client.upload_metrics(&Context::new(), &message(&metrics)).unwrap_err();
        assert_eq!((error.kind(), error.lost_data_points()), (ExportErrorKind::Full, Some(2)), "{error}");
        let expected = "a metric alone makes a request of more than 1000 bytes, which are allowed";
        assert_eq!(error.to_string(), expected);
        let asked = collector.asked();
        let arrived = asked.iter().flat_map(received).flat_map(|part| part.scope_metrics);
        assert_eq!(arrived.map(|scope| scope.metrics.len()).sum::<usize>(), 9);
        assert_eq!(client.stats().oversized_data_points, 2);
    }
}

#[test]
fn a_part_that_is_refused_does_not_keep_the_others() {
    let metrics = metrics(10);
    let limit = size(Protocol::HttpProtobuf, &metrics) - 1;
    let collector = Collector::new([Reply::status(400)]);
    let builder = metric_builder(Protocol::HttpProtobuf, &collector.url()).max_request_bytes(limit);
    let error =
        builder.build_client().unwrap().upload_metrics(&Context::new(), &message(&metrics)).unwrap_err();
    assert_eq!((error.kind(), error.lost_data_points()), (ExportErrorKind::Rejected, Some(10)));
    assert_eq!(collector.asked().len(), 2);
}

#[test]
fn metrics_without_points_make_no_request_of_their_own() {
    for protocol in PROTOCOLS {
        let mut metrics = ResourceMetrics::default();
        let scope = metrics.scopes.push();
        for name in ["a", "b", "c", "d"] {
            scope.metrics.push().name = name.repeat(400).into();
        }
        scope.metrics.push().data.gauge().points.push().value = Some(1.into());
        let collector = Collector::new([]);
        let builder = metric_builder(protocol, &collector.url()).max_request_bytes(600);
        builder.build_client().unwrap().upload_metrics(&Context::new(), &message(&metrics)).unwrap();
        let [part] = &received(&collector.only())[..] else { panic!("one message") };
        assert!(part.scope_metrics[0].metrics.iter().any(|metric| metric.data.is_some()));
    }
}
