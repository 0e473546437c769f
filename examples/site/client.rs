//! The client: keeps connections open, asks over each as fast as it is answered, and writes down what
//! it sent and what it was told.

use crate::log::Entry;
use crate::plan::Plan;
use http_body_util::BodyExt;
use hyper::client::conn::http1;
use hyper::header::HeaderMap;
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// How much to ask.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) requests: usize,
    /// How many connections share the requests.
    pub(crate) clients: usize,
    pub(crate) seed: u64,
}

/// What came of a load.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) entries: Vec<Entry>,
    pub(crate) took: Duration,
    /// What the whole process computed meanwhile; `None` where the system does not tell.
    pub(crate) cpu: Option<Duration>,
}

type ClientError = Box<dyn Error + Send + Sync>;

/// Asks the server at `address`, on this thread, in a runtime of its own.
///
/// # Errors
///
/// If a connection fails: the client does not ask twice, since an answer that was lost on the way
/// may have a span.
pub(crate) fn drive(address: SocketAddr, load: Load) -> Result<Round, ClientError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let (begun, cpu_begun) = (Instant::now(), cpu_time());
    let entries = runtime.block_on(async {
        let mut clients = JoinSet::new();
        for client in 0..load.clients {
            let share = load.requests / load.clients + usize::from(client < load.requests % load.clients);
            let seed = load.seed.wrapping_mul(1_000_003).wrapping_add(client as u64);
            clients.spawn(converse(address, share, Plan::new(seed)));
        }
        let mut entries = Vec::with_capacity(load.requests);
        while let Some(answered) = clients.join_next().await {
            entries.extend(answered??);
        }
        Ok::<_, ClientError>(entries)
    })?;
    let cpu = cpu_time().zip(cpu_begun).map(|(now, begun)| now.saturating_sub(begun));
    Ok(Round { entries, took: begun.elapsed(), cpu })
}

/// What this process has computed so far, on all its threads: fields 14 and 15 of `/proc/self/stat`,
/// in hundredths of a second (proc_pid_stat(5)).
fn cpu_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in parentheses, which may hold spaces.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some(Duration::from_millis(10 * (ticks()? + ticks()?)))
}

/// Asks one question after another over one connection.
async fn converse(address: SocketAddr, requests: usize, mut plan: Plan) -> Result<Vec<Entry>, ClientError> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let host = address.to_string();
    let mut entries = Vec::with_capacity(requests);
    for _ in 0..requests {
        let ask = plan.next();
        let request = ask.to_request(&host)?;
        let begun = Instant::now();
        sender.ready().await?;
        let (answer, body) = sender.send_request(request).await?.into_parts();
        body.collect().await?;
        let micros = begun.elapsed().as_micros() as u64;
        entries.push(Entry {
            method: ask.method.to_string(),
            path: ask.path,
            traceparent: ask.traceparent,
            tracestate: ask.tracestate.map(str::to_owned),
            status: answer.status.as_u16(),
            traceresponse: header(&answer.headers, "traceresponse"),
            cache: header(&answer.headers, "x-cache"),
            spans: header(&answer.headers, "x-spans").and_then(|spans| spans.parse().ok()),
            micros,
        });
    }
    drop(sender);
    connection.await??;
    Ok(entries)
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}
