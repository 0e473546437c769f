//! The load: the host asks itself over loopback, and checks what it is answered. Some requests come
//! from a trace, sampled or not, and some of them say so in a way that cannot be read.

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use nanospan::propagation::{format_traceparent, parse_traceparent};
use nanospan::{SpanId, TraceFlags, TraceId};
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
        let mut request = Request::get(format!("/page/{page}"))
            .header(HOST, address.to_string())
            .header(AUTHORIZATION, format!("token {user}"));
        let caller = caller(client, number);
        if let Some(caller) = &caller {
            request = request.header("traceparent", caller).header("tracestate", "load=1");
        }
        let request = request.body(Empty::<Bytes>::new())?;
        sender.ready().await?;
        let (answer, body) = sender.send_request(request).await?.into_parts();
        body.collect().await?;
        if answer.status != expected {
            return Err(format!("page {page} for user {user}: {} for {expected}", answer.status).into());
        }
        let answered = answer.headers.get("traceparent").map(|value| parse_traceparent(value.as_bytes()));
        let answered = answered.transpose()?.map(|context| context.trace_id());
        let sent = caller.as_ref().and_then(|caller| parse_traceparent(caller.as_bytes()).ok());
        // Whether it is sampled or not; without a caller the trace is the host's.
        if sent.is_some_and(|sent| answered != Some(sent.trace_id())) {
            return Err(format!("the trace of {caller:?} goes on as {answered:?}").into());
        }
    }
    drop(sender);
    connection.await??;
    Ok(())
}

/// The header `traceparent` of a request, where it has one.
fn caller(client: u64, number: u64) -> Option<String> {
    let trace_id = TraceId::from_u128(u128::from(client + 1) << 64 | u128::from(number + 1));
    let header = |flags| {
        let header = format_traceparent(trace_id, SpanId::from_u64(number + 1), flags);
        String::from_utf8_lossy(&header).into_owned()
    };
    match number % 8 {
        0..=2 => Some(header(TraceFlags::SAMPLED)),
        3 => Some(header(TraceFlags::NONE)),
        // A digit short.
        4 => Some(header(TraceFlags::SAMPLED).replacen('0', "", 1)),
        _ => None,
    }
}
