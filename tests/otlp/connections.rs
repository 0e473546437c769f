//! Connections that are kept, and that turn out closed.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use nanospan::otlp::{Protocol, RetryPolicy};

use crate::common::exporters::{builder, export};

/// Answers one request on each connection and closes it, without a word that it will.
fn forgetful(requests: &Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::clone(requests);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut seen = Vec::new();
            let mut buffer = [0; 4096];
            let is_whole = |seen: &[u8]| {
                let text = String::from_utf8_lossy(seen);
                let Some(end) = text.find("\r\n\r\n") else { return false };
                let length = text[..end].lines().find_map(|line| line.strip_prefix("content-length: "));
                // Lossy text has other lengths: the body is what is behind the head's bytes.
                let head = seen.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
                seen.len() - head == length.unwrap().parse::<usize>().unwrap()
            };
            while !is_whole(&seen) {
                match stream.read(&mut buffer) {
                    Ok(bytes @ 1..) => seen.extend_from_slice(&buffer[..bytes]),
                    _ => break,
                }
            }
            requests.fetch_add(1, Ordering::SeqCst);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
        }
    });
    url
}

#[test]
fn a_connection_that_the_server_has_closed_is_opened_anew_and_no_batch_is_lost() {
    let requests = Arc::new(AtomicUsize::new(0));
    let builder = builder(Protocol::HttpProtobuf, &forgetful(&requests));
    let exporter = builder.retry(RetryPolicy::disabled()).build().unwrap();
    for _ in 0..20 {
        export(&exporter, 3).unwrap();
        // The end of the connection has to arrive; without it a request may go out on it, which is for
        // the retry policy.
        thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(requests.load(Ordering::SeqCst), 20);
    assert_eq!(exporter.stats().requests, 20);
}
