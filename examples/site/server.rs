//! Listens, and stops without breaking off what is being served.

use crate::site::{Background, Site};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use nanospan::Tracer;
use nanospan::propagation::Propagators;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A site that is being served.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    stopped: JoinHandle<()>,
    background: Background,
}

/// How long requests may take that are being served when the server is told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// How long to wait when no connection can be accepted, as when the process has too many.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

impl Server {
    /// Serves a site on a port of the loopback interface; port 0 is any that is free.
    ///
    /// # Errors
    ///
    /// If the port cannot be listened on; the error names it.
    pub(crate) async fn start(port: u16, tracer: Tracer, propagators: Propagators) -> io::Result<Self> {
        let cannot = |error: io::Error| {
            io::Error::new(error.kind(), format!("cannot listen on 127.0.0.1:{port}: {error}"))
        };
        let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(cannot)?;
        let address = listener.local_addr()?;
        let (site, background) = Site::open(tracer, propagators, address)?;
        let (stop, told) = oneshot::channel();
        let stopped = tokio::spawn(accept(listener, site, told));
        Ok(Self { address, stop, stopped, background })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, lets the requests under way finish and waits for all that belongs to them.
    /// Every span of the site has ended then,
    /// unless something took longer than the grace.
    pub(crate) async fn stop(self) {
        // The loop has already ended if nobody receives this.
        let _ = self.stop.send(());
        if let Err(error) = self.stopped.await {
            eprintln!("site: the accept loop failed: {error}");
        }
        if tokio::time::timeout(GRACE, self.background.ended()).await.is_err() {
            eprintln!("site: gave up on services that are still in use");
        }
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
                eprintln!("site: cannot accept a connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(GRACE, connections.shutdown()).await.is_err() {
        eprintln!("site: gave up on requests that take longer than {} s", GRACE.as_secs());
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
            // A client that keeps a connection open and asks nothing more breaks no rule.
            Err(error) if !error.is_timeout() => eprintln!("site: a connection broke: {error}"),
            _ => {}
        }
    });
}
