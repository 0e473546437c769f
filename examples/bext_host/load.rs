//! The load: the host asks itself over loopback, and checks what it is answered.

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

type LoadError = Box<dyn Error + Send + Sync>;

/// Sends `requests` requests over `clients` connections.
///
/// # Errors
///
/// If a connection fails, or a request is not answered as it must be.
pub(crate) async fn drive(address: SocketAddr, requests: u64, clients: u64) -> Result<(), LoadError> {
    let mut conversations = JoinSet::new();
    for client in 0..clients {
        let share = requests / clients + u64::from(client < requests % clients);
        conversations.spawn(converse(address, client, share));
    }
    while let Some(ended) = conversations.join_next().await {
        ended??;
    }
    Ok(())
}

/// Asks one question after another over one connection.
async fn converse(address: SocketAddr, client: u64, requests: u64) -> Result<(), LoadError> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    for number in 0..requests {
        // Some users are refused, some pages are not there, some are asked for again and again.
        let user = number + client;
        let page = (number * 7 + client * 5) % 1_021;
        let expected = match (user % 16, page % 32) {
            (13, _) => StatusCode::UNAUTHORIZED,
            (_, 31) => StatusCode::NOT_FOUND,
            _ => StatusCode::OK,
        };
        let request = Request::get(format!("/page/{page}"))
            .header(HOST, address.to_string())
            .header(AUTHORIZATION, format!("token {user}"))
            .body(Empty::<Bytes>::new())?;
        sender.ready().await?;
        let (answer, body) = sender.send_request(request).await?.into_parts();
        body.collect().await?;
        if answer.status != expected {
            return Err(format!("page {page} for user {user}: {} for {expected}", answer.status).into());
        }
    }
    drop(sender);
    connection.await??;
    Ok(())
}
