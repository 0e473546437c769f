//! The payment gateway: a library with a thread of its own, as such libraries have. What it knows of
//! a trace is a handle.

use crate::reply::Failure;
use crate::visit::thread_id;
use nanospan::{SpanBuilder, SpanHandle, Status, Tracer, Value, attributes};
use std::io;
use std::thread::{self, JoinHandle};
use tokio::sync::{mpsc, oneshot};

#[derive(Debug)]
struct Charge {
    card: u32,
    span: SpanHandle,
    answer: oneshot::Sender<Result<(), Failure>>,
}

/// A connection to the gateway.
#[derive(Debug)]
pub(crate) struct Gateway(mpsc::Sender<Charge>);

impl Gateway {
    pub(crate) fn open(tracer: Tracer) -> io::Result<(Self, JoinHandle<()>)> {
        let (sender, mut charges) = mpsc::channel(64);
        let thread = thread::Builder::new().name("payments".to_owned()).spawn(move || {
            while let Some(charge) = charges.blocking_recv() {
                process(tracer, charge);
            }
        })?;
        Ok((Self(sender), thread))
    }

    /// Charges the card. The span begins once the gateway has room for the charge: from then on it is
    /// certain that the gateway ends it, also when this future is dropped.
    pub(crate) async fn charge(&self, card: u32, span: SpanBuilder<'_>) -> Result<(), Failure> {
        let (answer, answered) = oneshot::channel();
        let room = self.0.reserve().await.map_err(|_| Failure::Internal)?;
        room.send(Charge { card, span: span.start_handle(), answer });
        answered.await.map_err(|_| Failure::Internal)?
    }
}

fn process(tracer: Tracer, Charge { card, span, answer }: Charge) {
    let result = charge(card);
    let approved = result.is_ok();
    tracer
        .set_attributes(span, &attributes!["payment.approved" => approved, "site.thread.end" => thread_id()]);
    if let Err(failure) = &result {
        tracer.set_attribute(span, "error.type", Value::StaticStr(failure.error_type()));
        tracer.set_status(span, Status::error("not charged"));
    }
    tracer.end_span(span, None);
    // Nobody waits any more when the client has gone away.
    let _ = answer.send(result);
}

fn charge(card: u32) -> Result<(), Failure> {
    match card % 10_000 {
        2 => Err(Failure::Declined),
        119 => Err(Failure::Gateway),
        _ => Ok(()),
    }
}
