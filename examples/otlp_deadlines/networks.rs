//! The ways in which a collector is not there.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::net::TcpSocket;

/// Where a collector should be and is not.
pub(crate) struct Network {
    pub(crate) name: &'static str,
    address: SocketAddr,
    /// What keeps the address as it is, for as long as the network is in use.
    _held: Held,
}

#[derive(Default)]
struct Held {
    _bound: Option<TcpSocket>,
    _connected: Vec<TcpStream>,
}

impl Network {
    /// All of them.
    ///
    /// # Errors
    ///
    /// If this machine has no port left.
    pub(crate) fn all() -> io::Result<Vec<Self>> {
        // Belongs to nobody (RFC 5737). Most networks drop what is sent there, some refuse it.
        let nobody = SocketAddr::from(([192, 0, 2, 1], 4318));
        Ok(vec![
            Self::of("black hole", BlackHole::open()?.address),
            Self::closed()?,
            Self::dropping()?,
            Self::of("192.0.2.1", nobody),
        ])
    }

    fn of(name: &'static str, address: SocketAddr) -> Self {
        Self { name, address, _held: Held::default() }
    }

    /// A port that is taken, so that nobody else can, and on which nobody listens.
    pub(crate) fn closed() -> io::Result<Self> {
        let socket = bound()?;
        let address = socket.local_addr()?;
        Ok(Self { name: "closed port", address, _held: Held { _bound: Some(socket), ..Held::default() } })
    }

    /// A port whose queue of connections is full, so that the kernel drops whatever comes for it, as a
    /// firewall would.
    pub(crate) fn dropping() -> io::Result<Self> {
        let socket = bound()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let listener = runtime.block_on(async { socket.listen(1) })?.into_std()?;
        let address = listener.local_addr()?;
        let mut connected = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            connected.push(stream);
        }
        // Nobody may accept, and nobody may close it.
        std::mem::forget(listener);
        Ok(Self { name: "dropped", address, _held: Held { _connected: connected, ..Held::default() } })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// A socket with a port of its own.
fn bound() -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    Ok(socket)
}

/// Accepts connections, and neither reads nor writes, as long as the process runs.
#[derive(Clone)]
pub(crate) struct BlackHole {
    pub(crate) address: SocketAddr,
    accepted: Arc<AtomicUsize>,
}

impl BlackHole {
    /// # Errors
    ///
    /// If this machine has no port left.
    pub(crate) fn open() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let hole = Self { address: listener.local_addr()?, accepted: Arc::default() };
        let accepted = Arc::clone(&hole.accepted);
        let kept = Mutex::new(Vec::new());
        thread::spawn(move || {
            for stream in listener.incoming() {
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
                accepted.fetch_add(1, Ordering::SeqCst);
            }
        });
        Ok(hole)
    }

    /// How many connections it has.
    pub(crate) fn connections(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}
