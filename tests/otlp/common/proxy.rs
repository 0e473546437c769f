//! A proxy that makes tunnels and passes requests on, and remembers what it was asked for.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A proxy on a port of its own.
pub(crate) struct TestProxy {
    pub(crate) address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl TestProxy {
    /// One for everybody.
    pub(crate) fn new() -> Self {
        Self::start(None)
    }

    /// One for those who send this `Proxy-Authorization`.
    pub(crate) fn for_whom(authorization: &str) -> Self {
        Self::start(Some(format!("proxy-authorization: {authorization}")))
    }

    fn start(wanted: Option<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let book = Arc::clone(&heads);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (book, wanted) = (Arc::clone(&book), wanted.clone());
                thread::spawn(move || serve(stream.unwrap(), &book, wanted.as_deref()));
            }
        });
        Self { address, heads }
    }

    /// The heads of the requests that came, one each.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, book: &Mutex<Vec<String>>, wanted: Option<&str>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    book.lock().unwrap().push(head.clone());
    let has_shown = |wanted: &str| head.lines().any(|line| line.eq_ignore_ascii_case(wanted));
    if !wanted.is_none_or(has_shown) {
        let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
        return stream.write_all(refusal.as_bytes()).ok();
    }
    let mut words = head.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let is_tunnel = method == "CONNECT";
    let place = target.trim_start_matches("http://").split('/').next()?;
    let mut server = match TcpStream::connect(place) {
        Ok(server) => server,
        Err(_) => {
            let refusal = "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n";
            return stream.write_all(refusal.as_bytes()).ok();
        }
    };
    if is_tunnel {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    } else {
        server.write_all(head.as_bytes()).ok()?;
    }
    let (mut up, mut down) = (server.try_clone().ok()?, stream);
    thread::spawn(move || pump(&mut reader, &mut up));
    pump(&mut server, &mut down);
    Some(())
}

/// Copies until one side has had enough.
fn pump(from: &mut impl Read, to: &mut TcpStream) {
    let mut buffer = [0; 4096];
    while let Ok(bytes @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..bytes]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
