//! The plugin that makes pages, on threads of its own: its spans begin on the thread of the request
//! and end on another one.

use crate::span::{Live, SharedTracer, attribute};
use nanospan::plugin::bext_plugin_api::tracer::{AttrValue, SpanEvent, SpanHandle, SpanKind, SpanStart};
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::oneshot;

const THREADS: usize = 2;

struct Job {
    id: u32,
    queued_unix_nanos: u64,
    span: Live,
    answer: oneshot::Sender<Result<String, &'static str>>,
}

/// Pages are made for as long as it is there.
pub(crate) struct Render {
    tracer: SharedTracer,
    jobs: Sender<Job>,
}

impl Render {
    pub(crate) fn open(tracer: SharedTracer) -> io::Result<(Self, Vec<JoinHandle<()>>)> {
        let (jobs, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        let worker = |number| {
            let (tracer, queue) = (Arc::clone(&tracer), Arc::clone(&queue));
            thread::Builder::new().name(format!("render-{number}")).spawn(move || work(&tracer, &queue))
        };
        let threads = (0..THREADS).map(worker).collect::<io::Result<_>>()?;
        Ok((Self { tracer, jobs }, threads))
    }

    /// Makes a page.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub(crate) async fn page(&self, parent: SpanHandle, id: u32) -> Result<String, &'static str> {
        let asked = vec![attribute("page.id", id)];
        let span = Live::start(&self.tracer, "render.page", SpanKind::Internal, Some(parent), asked);
        let (answer, answered) = oneshot::channel();
        let job = Job { id, queued_unix_nanos: now(), span, answer };
        // Where no thread is left, the span ends here.
        self.jobs.send(job).map_err(|_| "nobody renders")?;
        answered.await.map_err(|_| "the renderer failed")?
    }
}

fn work(tracer: &SharedTracer, queue: &Mutex<Receiver<Job>>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { id, queued_unix_nanos, span, answer }) = next else { return };
        waited(tracer, span.handle(), queued_unix_nanos);
        let page = template(tracer, span.handle(), id);
        match &page {
            Ok(page) => span.set("page.size", page.len() as i64),
            Err(why) => span.fail(why),
        }
        span.set("thread.name", thread::current().name().unwrap_or_default());
        drop(span);
        // Nobody waits any more when the client has gone away.
        let _ = answer.send(page);
    }
}

/// Records the time in the queue when it is over.
fn waited(tracer: &SharedTracer, parent: SpanHandle, queued_unix_nanos: u64) {
    let begun = now().max(queued_unix_nanos);
    let span = tracer.start_span(SpanStart {
        name: "render.queue",
        parent: Some(parent),
        start_time_unix_nanos: Some(queued_unix_nanos),
        ..SpanStart::default()
    });
    let taken = SpanEvent { name: "taken", attributes: Vec::new(), time_unix_nanos: Some(begun) };
    tracer.add_event(span, taken);
    tracer.end_span(span, Some(begun));
}

fn template(tracer: &SharedTracer, parent: SpanHandle, id: u32) -> Result<String, &'static str> {
    let span = Live::start(tracer, "render.template", SpanKind::Internal, Some(parent), Vec::new());
    let parts = ["head", "body", "foot"].map(str::to_owned).to_vec();
    // Long enough that some request is always under way when the host is told to end.
    thread::sleep(Duration::from_micros(u64::from(id % 8) * 250));
    if id % 32 == 31 {
        let reason = "no such page";
        span.event(
            "exception",
            vec![attribute("exception.type", "NotFound"), attribute("exception.message", reason)],
        );
        span.fail(reason);
        return Err(reason);
    }
    span.set("template.parts", AttrValue::StringArray(parts));
    span.set("template.sizes", AttrValue::I64Array(vec![i64::from(id), -1, i64::MAX]));
    span.set("template.scores", AttrValue::F64Array(vec![0.1, f64::from(id) / 3.0]));
    span.set("template.cached", AttrValue::BoolArray(vec![true, false, id % 2 == 0]));
    Ok(format!("<h1>Page {id}</h1>\n"))
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
