//! The client with a resolver of the test's own, which hangs, panics or names what it likes.

#[cfg(feature = "otlp-http")]
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use bytes::Bytes;

use super::Client;
use super::connect::Resolver;
use crate::Tracer;
use crate::export::{Context, ExportErrorKind, MemoryExporter};
use crate::otlp::retry::RetryPolicy;
use crate::otlp::settings::{Pem, Protocol, Proxy, Settings};
use crate::otlp::signal::Signal;

/// Longer than anything takes that does not hang.
const PATIENCE: Duration = Duration::from_secs(30);

fn client(resolver: Resolver) -> Client {
    client_of("http://collector.invalid:4318", resolver)
}

fn client_of(endpoint: &str, resolver: Resolver) -> Client {
    let mut settings = Settings::builder(Signal::Traces);
    if cfg!(not(feature = "otlp-http")) {
        settings.set_protocol(Protocol::Grpc);
    }
    settings.set_endpoint(endpoint);
    settings.set_ca_certificate(Pem::Text(include_bytes!("../settings/tests/pem/ca.pem").to_vec()));
    settings.set_proxy(Proxy::None);
    settings.set_retry(RetryPolicy::disabled());
    Client::with_resolver(settings.build().unwrap(), resolver).unwrap()
}

fn to(addresses: Vec<SocketAddr>) -> Resolver {
    Arc::new(move |_, _| {
        let addresses = addresses.clone();
        Box::pin(async move { Ok(addresses) })
    })
}

fn hanging() -> Resolver {
    Arc::new(|_, _| Box::pin(std::future::pending()))
}

fn patient() -> Context {
    Context::with_timeout(PATIENCE)
}

/// A server that says to everybody, once, that all is well.
#[cfg(feature = "otlp-http")]
fn agreeable() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut seen = Vec::new();
            let mut buffer = [0; 1024];
            while !seen.ends_with(b"spans") {
                match stream.read(&mut buffer) {
                    Ok(bytes @ 1..) => seen.extend_from_slice(&buffer[..bytes]),
                    _ => return,
                }
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
    address
}

/// A port of this machine on which nobody listens.
fn refusing() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

const CONTENT: Bytes = Bytes::from_static(b"spans");

#[test]
fn a_resolver_that_hangs_is_left_when_the_deadline_passes() {
    let client = client(hanging());
    let error = client.upload(&Context::with_timeout(Duration::from_millis(20)), CONTENT).unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::DeadlineExceeded);
    client.shutdown(&patient()).unwrap();
}

#[test]
fn a_resolver_that_hangs_is_left_when_the_context_is_cancelled() {
    let client = client(hanging());
    let context = patient();
    let cancellation = context.cancellation();
    thread::scope(|scope| {
        let upload = scope.spawn(|| client.upload(&context, CONTENT));
        while client.state().uploads.is_empty() {
            thread::yield_now();
        }
        cancellation.cancel();
        assert_eq!(upload.join().unwrap().unwrap_err().kind(), ExportErrorKind::Cancelled);
    });
    assert!(client.state().uploads.is_empty());
}

#[test]
fn a_name_that_is_not_known_is_an_error_that_names_it() {
    let client = client(Arc::new(|_, _| Box::pin(async { Err(std::io::Error::other("no such name")) })));
    let error = client.upload(&patient(), CONTENT).unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Io);
    assert!(error.to_string().ends_with("cannot resolve collector.invalid: no such name"), "{error}");
    let client = self::client(to(Vec::new()));
    let error = client.upload(&patient(), CONTENT).unwrap_err();
    assert!(error.to_string().ends_with("the name has no address"), "{error}");
}

#[cfg(feature = "otlp-http")]
#[test]
fn an_address_that_refuses_does_not_keep_from_the_next() {
    let client = client(to(vec![refusing(), refusing(), agreeable()]));
    client.upload(&patient(), CONTENT).unwrap();
}

/// A listener whose queue is full, so that the kernel drops whatever else comes for it, as a firewall would.
#[cfg(feature = "otlp-http")]
fn dropping() -> (SocketAddr, impl Sized) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let listener = runtime.block_on(async { socket.listen(1) }).unwrap().into_std().unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        queued.push(stream);
    }
    (address, (listener, queued))
}

#[cfg(feature = "otlp-http")]
#[test]
fn an_address_that_does_not_answer_does_not_keep_from_the_next() {
    let (address, _full) = dropping();
    let client = client(to(vec![address, agreeable()]));
    client.upload(&patient(), CONTENT).unwrap();
}

#[test]
fn a_host_that_no_certificate_can_name_is_an_error_that_names_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = client_of("https://collector..invalid", to(vec![listener.local_addr().unwrap()]));
    let error = client.upload(&patient(), CONTENT).unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::InvalidConfig);
    assert!(error.to_string().contains("collector..invalid can have no certificate: "), "{error}");
}

#[test]
fn the_error_of_no_connection_names_the_address_that_was_tried() {
    let refusing = refusing();
    let client = client(to(vec![refusing]));
    let error = client.upload(&patient(), CONTENT).unwrap_err();
    let expected = format!("cannot connect to collector.invalid:4318 ({refusing}): ");
    assert!(error.to_string().contains(&expected), "{error}");
}

#[test]
fn a_panic_is_an_error_and_counted_and_the_next_upload_is_tried() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let client = client(Arc::new(move |_, _| {
        let call = count.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            tokio::task::yield_now().await;
            panic!("resolver {call} broke")
        })
    }));
    for number in 0..2 {
        let error = client.upload(&patient(), CONTENT).unwrap_err();
        assert_eq!(error.kind(), ExportErrorKind::Other);
        assert!(error.to_string().ends_with(&format!("panicked: resolver {number} broke")), "{error}");
    }
    assert_eq!(client.counters().panics.load(Ordering::Relaxed), 2);
    assert_eq!(client.counters().restarts.load(Ordering::Relaxed), 0);
}

#[cfg(feature = "otlp-http")]
#[test]
fn a_thread_that_has_ended_is_started_anew_and_counted() {
    let client = client(to(vec![agreeable()]));
    client.upload(&patient(), CONTENT).unwrap();
    let thread = Arc::clone(&client.state().thread);
    thread.kill();
    while !thread.has_ended() {
        thread::yield_now();
    }
    client.upload(&patient(), CONTENT).unwrap();
    assert_eq!(client.counters().restarts.load(Ordering::Relaxed), 1);
    client.shutdown(&patient()).unwrap();
}

#[test]
fn an_upload_under_way_ends_with_the_thread() {
    let client = client(hanging());
    thread::scope(|scope| {
        let upload = scope.spawn(|| client.upload(&patient(), CONTENT));
        while client.state().uploads.is_empty() {
            thread::yield_now();
        }
        client.state().thread.kill();
        let error = upload.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ExportErrorKind::Other);
        assert!(error.to_string().ends_with("ended before its work"), "{error}");
    });
}

#[test]
fn a_shutdown_without_time_left_calls_the_upload_off() {
    let client = client(hanging());
    thread::scope(|scope| {
        let upload = scope.spawn(|| client.upload(&patient(), CONTENT));
        while client.state().uploads.is_empty() {
            thread::yield_now();
        }
        let error = client.shutdown(&Context::with_timeout(Duration::from_millis(20))).unwrap_err();
        assert_eq!(error.kind(), ExportErrorKind::DeadlineExceeded);
        let error = upload.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ExportErrorKind::Cancelled);
        assert!(error.to_string().ends_with("when the exporter was shut down"), "{error}");
    });
    let error = client.upload(&patient(), CONTENT).unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::ExporterShutdown);
    assert_eq!(client.shutdown(&patient()).unwrap_err().kind(), ExportErrorKind::ExporterShutdown);
    assert_eq!(client.begin(&patient()).unwrap_err().kind(), ExportErrorKind::ExporterShutdown);
}

#[test]
fn the_thread_is_gone_when_the_shutdown_returns() {
    let client = client(hanging());
    let thread = Arc::clone(&client.state().thread);
    client.shutdown(&patient()).unwrap();
    assert!(thread.has_ended());
}

#[test]
fn whatever_an_upload_calls_starts_no_span() {
    let memory = MemoryExporter::new();
    let tracer = Tracer::builder("shop").memory_budget(8 << 20).exporter(memory.clone()).build().unwrap();
    let client = client(Arc::new(move |_, _| {
        Box::pin(async move {
            let look_up = move |span| tracer.span(span).start().is_recording();
            let recording = [
                look_up("on the exporter's thread"),
                // Where the system's resolver does its work.
                tokio::task::spawn_blocking(move || look_up("on a resolver's")).await?,
                tokio::spawn(async move { look_up("in a task of a connection's") }).await?,
            ];
            Err(std::io::Error::other(format!("recording: {recording:?}")))
        })
    }));
    let error = client.upload(&patient(), CONTENT).unwrap_err();
    assert!(error.to_string().ends_with("recording: [false, false, false]"), "{error}");
    assert_eq!((tracer.stats().suppressed, tracer.stats().started), (3, 0));
    // The one who waits for it is no thread of ours.
    tracer.span("request").start().end();
    tracer.shutdown(PATIENCE).unwrap();
    assert_eq!(memory.spans().len(), 1);
}
