//! What exporters are called in the metrics about them, and how their operations are told.

use super::*;

/// Delivers to a named place, so that its metrics name it.
struct Named;

impl SpanExporter for Named {
    fn export(&self, _: &Context, _: &nanospan::batch::Batch) -> Result<(), ExportError> {
        Err(ExportError::new(ExportErrorKind::Rejected, "no").with_lost_spans(1))
    }

    fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }

    fn component(&self) -> Component {
        Component::new("test_exporter").with_server("collector.example", 4318)
    }
}

#[test]
fn an_exporter_is_named_with_where_it_sends() {
    let tracer = builder().exporter(Named).build().unwrap();
    record(&tracer, 3);
    tracer.shutdown(PATIENCE).unwrap_err();
    let reader = ManualReader::builder().producer(tracer.metric_producer()).build();
    let metrics = collected(&reader);
    let is = figures(&metrics);
    let described = "otel.component.type=test_exporter,server.address=collector.example,server.port=4318";
    let exported = |rest: &str| of(&is, &format!("otel.sdk.exporter.span.exported{{{described}{rest}}}"));
    assert_eq!((exported(""), exported(",error.type=rejected")), (2, 1));
    let operations =
        |rest: &str| of(&is, &format!("otel.sdk.exporter.operation.duration{{{described}{rest}}}"));
    assert_eq!((operations(""), operations(",error.type=rejected")), (0, 1), "no success is not a full one");
    let names: Vec<_> = metrics.scopes[0]
        .metrics
        .iter()
        .filter(|metric| metric.name == "otel.sdk.exporter.span.inflight")
        .map(|metric| {
            let Data::Sum(sum) = &metric.data else { panic!() };
            sum.points[0].attributes[0].clone()
        })
        .collect();
    assert_eq!(names[0].key, "otel.component.name");
    let OwnedValue::Str(name) = &names[0].value else { panic!() };
    let number = name.strip_prefix("test_exporter/").unwrap();
    assert!(number.parse::<u64>().is_ok(), "{name}");
}

/// Is answered with one status after the other; the last is a success.
#[derive(Default)]
struct Answered(AtomicUsize);

impl SpanExporter for Answered {
    fn export(&self, _: &Context, _: &nanospan::batch::Batch) -> Result<(), ExportError> {
        let rejected =
            |status| Err(ExportError::new(ExportErrorKind::Rejected, "told to").with_response_status(status));
        match self.0.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => rejected(ResponseStatus::Http(503)),
            2 => rejected(ResponseStatus::Grpc(3)),
            3 => Err(ExportError::new(ExportErrorKind::Other, "words alone").with_lost_spans(0)),
            _ => Ok(()),
        }
    }

    fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
        Ok(())
    }

    fn component(&self) -> Component {
        Component::new("answered").with_success(ResponseStatus::Http(200))
    }
}

#[test]
fn operations_are_told_with_the_status_of_their_last_answer_and_words_alone_are_a_success() {
    let tracer = builder().exporter(Answered::default()).build().unwrap();
    let reader = ManualReader::builder().producer(tracer.metric_producer()).build();
    for _ in 0..5 {
        record(&tracer, 1);
        // What it says of failures is not the matter here.
        let _ = tracer.flush(PATIENCE);
    }
    let is = figures(&collected(&reader));
    let operations = |rest: &str| {
        of(&is, &format!("otel.sdk.exporter.operation.duration{{otel.component.type=answered,{rest}}}"))
    };
    assert_eq!(operations("http.response.status_code=503,error.type=rejected"), 2);
    assert_eq!(operations("rpc.response.status_code=INVALID_ARGUMENT,error.type=rejected"), 1);
    assert_eq!(operations("http.response.status_code=200"), 2);
    assert_eq!(tracer.stats().exports, 5);
    tracer.shutdown(PATIENCE).unwrap();
}

#[test]
fn exporters_of_the_crate_are_named_by_the_paths_that_programs_use() {
    let kinds = [
        MemoryExporter::new().component(),
        StdoutExporter::builder().build().component(),
        FanOutExporter::builder().destination("one", MemoryExporter::new()).build().unwrap().component(),
        FanOutMetricExporter::builder()
            .destination("one", MemoryMetricExporter::new())
            .build()
            .unwrap()
            .component(),
        MemoryMetricExporter::new().component(),
        StdoutMetricExporter::builder().build().component(),
    ]
    .map(|component| component.kind);
    let paths = [
        "nanospan::export::MemoryExporter",
        "nanospan::export::StdoutExporter",
        "nanospan::export::FanOutExporter",
        "nanospan::metrics::FanOutMetricExporter",
        "nanospan::metrics::MemoryMetricExporter",
        "nanospan::metrics::StdoutMetricExporter",
    ];
    assert_eq!(kinds, paths);
}

#[test]
fn an_exporter_that_does_not_say_what_it_is_called_is_named_by_its_type() {
    struct Theirs;

    impl SpanExporter for Theirs {
        fn export(&self, _: &Context, _: &nanospan::batch::Batch) -> Result<(), ExportError> {
            Ok(())
        }

        fn shutdown(&self, _: &Context) -> Result<(), ExportError> {
            Ok(())
        }
    }

    assert!(SpanExporter::component(&Theirs).kind.ends_with("::Theirs"));
    assert!(MetricExporter::component(&Kept::default()).kind.ends_with("::Kept"));
}
