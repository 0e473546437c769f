//! Servers that accept and never answer, and addresses where nobody is.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

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
}

impl Drop for BlackHole {
    fn drop(&mut self) {
        self.accepted = Arc::default();
        // The thread waits for one more connection before it sees that nobody is left.
        let _ = TcpStream::connect(self.address);
    }
}

/// A port of this machine on which nobody listens.
pub(crate) fn refusing() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
