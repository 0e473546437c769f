//! How many instructions the workloads take on the caller's thread, counted by Callgrind; see
//! `scripts/instructions`.
//!
//! Callgrind counts for each thread apart, and only while the thread is inside the benchmarked
//! function, so nothing that the tracer's own threads do is in the figures. They are repeatable
//! because those threads are asleep meanwhile: how full the supplies of blocks and chunks are does
//! not depend on timing.
//!
//! With the feature `otlp` there is a row more: a span's share in encoding batches of 64 for OTLP. With
//! `otlp-http` some workloads are counted once more with an exporter behind them that has sent a batch and
//! gets no answer: none of that is the caller's, so the counts are to be the same. So they are with a reader that
//! collects the tracer's account as metrics each millisecond: some workloads are counted with one, too.
//!
//! Without `--bench`, as under `cargo test --benches`, it only checks the workloads: that needs
//! neither Valgrind nor the runner.

#[cfg(feature = "otlp")]
#[path = "workloads/batch.rs"]
mod batch;
mod workloads;

mod counted {
    use crate::workloads::{ALL, Stage, Workload};
    use gungraun::{Callgrind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main};
    use nanospan::export::MemoryExporter;
    use std::time::Duration;

    /// Ten blocks of 64 spans each, so that changing blocks has its due weight. `scripts/instructions`
    /// divides by it.
    const REPEATS: u64 = 640;

    /// Longer than the benchmark runs.
    const NEVER: Duration = Duration::from_secs(3600);

    /// The workload at this place in `ALL`, and a stage on which the drain sleeps.
    fn prepare(index: usize) -> (&'static Workload, Stage) {
        let stage = Stage::new(MemoryExporter::new(), NEVER);
        let workload = &ALL[index];
        // Registers the thread with both tracers and wakes the drain, which sleeps for its whole
        // interval after a pass that found something.
        (workload.repeat)(&stage, 1);
        drop(stage.started());
        stage.finish();
        (workload, stage)
    }

    fn finish((workload, stage): (&'static Workload, Stage)) {
        let before = stage.tracer.stats().exported;
        stage.finish();
        let arrived = stage.tracer.stats().exported - before;
        assert_eq!(arrived, REPEATS * workload.arrives.spans(), "{}", workload.name);
    }

    #[library_benchmark(setup = prepare, teardown = finish)]
    #[bench::w0(0)]
    #[bench::w1_in_three_calls(1)]
    #[bench::w1_in_one_call(2)]
    #[bench::w1d(3)]
    #[bench::w2(4)]
    #[bench::w3(5)]
    #[bench::w5_child(6)]
    #[bench::w5_root(7)]
    #[bench::w1_by_handle(8)]
    #[bench::w1_by_plugin(9)]
    #[bench::w1_by_fan_out(10)]
    #[bench::host_types(11)]
    fn caller(prepared: (&'static Workload, Stage)) -> (&'static Workload, Stage) {
        (prepared.0.repeat)(&prepared.1, REPEATS);
        prepared
    }

    mod reader {
        use super::{NEVER, REPEATS, finish};
        use crate::workloads::{ALL, Stage, Workload};
        use gungraun::library_benchmark;
        use nanospan::Tracer;
        use nanospan::export::{Context, MemoryExporter};
        use nanospan::metrics::{MemoryMetricExporter, PeriodicReader};
        use std::time::Duration;

        /// As in `caller`, and a reader is at work.
        fn prepare(index: usize) -> (&'static Workload, Stage) {
            let metrics = MemoryMetricExporter::new();
            let reader = PeriodicReader::builder(metrics.clone()).interval(Duration::from_millis(1));
            let builder = Tracer::builder("benchmark").exporter(MemoryExporter::new()).metrics(reader);
            let stage = Stage::over(builder, NEVER);
            let workload = &ALL[index];
            (workload.repeat)(&stage, 1);
            drop(stage.started());
            stage.finish();
            metrics.wait_for_export(&Context::new()).expect("the reader exports");
            (workload, stage)
        }

        #[library_benchmark(setup = prepare, teardown = finish)]
        #[bench::w0_with_reader(0)]
        #[bench::w1_in_three_calls_with_reader(1)]
        #[bench::w2_with_reader(4)]
        #[bench::w3_with_reader(5)]
        fn read(prepared: (&'static Workload, Stage)) -> (&'static Workload, Stage) {
            (prepared.0.repeat)(&prepared.1, REPEATS);
            prepared
        }
    }

    #[cfg(feature = "otlp")]
    mod otlp {
        use super::REPEATS;
        use crate::batch::{add_spans, builder, finish};
        use gungraun::library_benchmark;
        use nanospan::batch::Batch;
        use nanospan::otlp::encode_protobuf;
        use std::hint::black_box;

        /// Spans in a batch.
        const SPANS: u64 = 64;

        fn batch() -> (Batch, Vec<u8>) {
            let mut builder = builder();
            add_spans(&mut builder, SPANS);
            let batch = finish(&mut builder);
            let mut bytes = Vec::new();
            encode_protobuf(&batch.view(), 0..batch.span_count(), &mut bytes);
            (batch, bytes)
        }

        #[library_benchmark(setup = batch)]
        #[bench::encode_protobuf()]
        fn encoder((batch, mut bytes): (Batch, Vec<u8>)) -> (Batch, Vec<u8>) {
            for _ in 0..REPEATS / SPANS {
                bytes.clear();
                encode_protobuf(&black_box(&batch).view(), 0..batch.span_count(), &mut bytes);
                black_box(&bytes);
            }
            (batch, bytes)
        }
    }

    #[cfg(feature = "otlp-http")]
    mod unanswered {
        use super::{NEVER, REPEATS};
        use crate::workloads::{ALL, Stage, Workload};
        use gungraun::library_benchmark;
        use nanospan::otlp::{OtlpExporter, Proxy};
        use std::io::Read;
        use std::net::TcpListener;
        use std::time::Duration;

        /// As in `caller`, and the exporter waits for an answer that does not come.
        fn prepare(index: usize) -> (&'static Workload, Stage) {
            let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
            let endpoint = format!("http://{}", listener.local_addr().expect("it has an address"));
            // Until the end of the benchmark, which takes less than this exporter's patience.
            let exporter = OtlpExporter::builder().endpoint(endpoint).proxy(Proxy::None).timeout(NEVER);
            let stage = Stage::new(exporter.build().expect("the exporter can be built"), NEVER);
            let workload = &ALL[index];
            (workload.repeat)(&stage, 1);
            drop(stage.started());
            stage.tracer.flush(Duration::from_secs(1)).expect_err("nobody answers");
            let (mut connection, _) = listener.accept().expect("the exporter has connected");
            connection.read_exact(&mut [0]).expect("the exporter has sent something");
            // Neither is ever closed.
            std::mem::forget((listener, connection));
            (workload, stage)
        }

        fn finish((workload, stage): (&'static Workload, Stage)) {
            let stats = stage.tracer.stats();
            assert_eq!((stats.exported, stats.dropped.total()), (0, 0), "{}: {stats:?}", workload.name);
            assert!(stats.started > REPEATS * workload.arrives.spans(), "{}: {stats:?}", workload.name);
        }

        #[library_benchmark(setup = prepare, teardown = finish)]
        #[bench::w0_unanswered(0)]
        #[bench::w1_in_three_calls_unanswered(1)]
        #[bench::w2_unanswered(4)]
        #[bench::w3_unanswered(5)]
        fn beside(prepared: (&'static Workload, Stage)) -> (&'static Workload, Stage) {
            (prepared.0.repeat)(&prepared.1, REPEATS);
            prepared
        }
    }

    #[cfg(feature = "otlp")]
    use otlp::encoder;
    use reader::read;
    #[cfg(feature = "otlp-http")]
    use unanswered::beside;

    #[cfg(feature = "otlp-http")]
    library_benchmark_group!(name = instructions; benchmarks = caller, read, encoder, beside);
    #[cfg(all(feature = "otlp", not(feature = "otlp-http")))]
    library_benchmark_group!(name = instructions; benchmarks = caller, read, encoder);
    #[cfg(not(feature = "otlp"))]
    library_benchmark_group!(name = instructions; benchmarks = caller, read);
    main!(
        config = LibraryBenchmarkConfig::default().tool(Callgrind::with_args(["--cache-sim=no"]));
        library_benchmark_groups = instructions
    );

    pub(super) fn run() {
        main();
    }
}

fn main() {
    let told = |what: &str| std::env::args().any(|argument| argument == what);
    if told("--bench") || told("--gungraun-run") {
        counted::run();
    } else {
        workloads::check::workloads();
    }
}
