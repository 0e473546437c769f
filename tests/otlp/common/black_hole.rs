//! Servers that accept and never answer, and addresses where nobody is.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tokio::net::TcpSocket;

/// Accepts connections, and neither reads nor writes.
pub(crate) struct BlackHole {
    pub(crate) address: SocketAddr,
    accepted: Arc<Mutex<Vec<TcpStream>>>,
}

impl BlackHole {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::downgrade(&accepted);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Some(kept) = kept.upgrade() else { return };
                kept.lock().unwrap().push(stream.unwrap());
            }
        });
        Self { address, accepted }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.accepted.lock().unwrap().len()
    }

    /// Counts the connections, for whoever does not have the hole.
    pub(crate) fn counter(&self) -> impl Fn() -> usize + Send + Sync + use<> {
        let accepted = Arc::downgrade(&self.accepted);
        move || accepted.upgrade().map_or(0, |accepted| accepted.lock().unwrap().len())
    }
}

impl Drop for BlackHole {
    fn drop(&mut self) {
        self.accepted = Arc::default();
        // The thread waits for one more connection before it sees that nobody is left.
        let _ = TcpStream::connect(self.address);
    }
}

/// A port whose queue of connections is full, so that the kernel drops whatever comes for it, as a
/// firewall would.
pub(crate) struct Dropping {
    pub(crate) address: SocketAddr,
    _listener: TcpListener,
    _queued: Vec<TcpStream>,
}

impl Dropping {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let listener = runtime.block_on(async { socket.listen(1) }).unwrap().into_std().unwrap();
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        // What finds room is let in at once; what does not is never told.
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            queued.push(stream);
        }
        Self { address, _listener: listener, _queued: queued }
    }
}

/// A port of this machine on which nobody listens.
pub(crate) fn refusing() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
