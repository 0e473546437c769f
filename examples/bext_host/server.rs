//! Listens, and stops without breaking off what is being served.

use crate::request::Site;
use crate::span::SharedTracer;
use crate::wire::Wire;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task;

/// How long requests may take that are being served when the server is told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// How long to wait when no connection can be accepted, as when the process has too many.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A site that is being served.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    stopped: task::JoinHandle<()>,
    left: Left,
}

/// What is left of a server that has stopped.
#[derive(Debug)]
pub(crate) struct Left {
    handled: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Left {
    /// Waits for the threads of the site. Call it when the runtime is gone, and with it whatever
    /// outlasted the grace; all spans of the site have ended then. Returns the number of requests
    /// that were answered.
    pub(crate) fn join(self) -> u64 {
        for thread in self.threads {
            if thread.join().is_err() {
                eprintln!("bext_host: a thread of a plugin panicked");
            }
        }
        self.handled.load(Ordering::Relaxed)
    }
}

impl Server {
    /// Serves on a port of the loopback interface; port 0 is any that is free.
    ///
    /// # Errors
    ///
    /// If the port cannot be listened on; the error names it.
    pub(crate) async fn start(port: u16, tracer: SharedTracer, wire: Wire) -> io::Result<Self> {
        let cannot = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot listen on 127.0.0.1:{port}: {error}"))
        };
        let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(cannot)?;
        let address = listener.local_addr()?;
        let handled = Arc::default();
        let (site, threads) = Site::open(tracer, wire, Arc::clone(&handled))?;
        let (stop, told) = oneshot::channel();
        let stopped = tokio::spawn(accept(listener, Arc::new(site), told));
        Ok(Self { address, stop, stopped, left: Left { handled, threads } })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting and lets the requests under way finish.
    pub(crate) async fn stop(self) -> Left {
        // The loop has already ended if nobody receives this.
        let _ = self.stop.send(());
        if let Err(error) = self.stopped.await {
            eprintln!("bext_host: the accept loop failed: {error}");
        }
        self.left
    }
}

async fn accept(listener: TcpListener, site: Arc<Site>, mut told: oneshot::Receiver<()>) {
    let connections = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut told => break,
        };
        match accepted {
            Ok((stream, _)) => serve(stream, Arc::clone(&site), &connections),
            Err(error) => {
                eprintln!("bext_host: cannot accept a connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(GRACE, connections.shutdown()).await.is_err() {
        eprintln!("bext_host: gave up on requests that take longer than {} s", GRACE.as_secs());
    }
}

fn serve(stream: TcpStream, site: Arc<Site>, connections: &GracefulShutdown) {
    // Answers are small and written at once, so there is nothing to gather; a socket that cannot be
    // told so is slower and no worse.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service_fn(move |request| Arc::clone(&site).serve(request)));
    let connection = connections.watch(connection);
    tokio::spawn(async move {
        match connection.await {
            // A client may go away at any time, or keep a connection open and ask nothing more.
            Err(error) if !error.is_timeout() && !error.is_incomplete_message() && !is_gone(&error) => {
                eprintln!("bext_host: a connection broke: {error}");
            }
            _ => {}
        }
    });
}

/// Whether the client has closed the connection.
fn is_gone(error: &hyper::Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| {
        matches!(cause.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
    })
}
