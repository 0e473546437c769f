//! Orders, which are packed after the customer has got an answer: several at a time, so the span
//! that packs them has links to those that sent them and not one parent.

use crate::reply::Failure;
use nanospan::{SpanContext, SpanKind, Tracer, Value, attributes};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// What a customer ordered.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) items: u32,
    /// The span that sent the order.
    pub(crate) from: SpanContext,
}

/// The most orders that are packed in one go.
const BATCH_MAX: usize = 16;

/// The queue of orders.
#[derive(Debug)]
pub(crate) struct Orders(mpsc::Sender<Order>);

impl Orders {
    pub(crate) fn open(tracer: Tracer) -> (Self, JoinHandle<()>) {
        let (sender, mut queue) = mpsc::channel(1024);
        let task = tokio::spawn(async move {
            let mut orders = Vec::with_capacity(BATCH_MAX);
            while queue.recv_many(&mut orders, BATCH_MAX).await > 0 {
                pack(&tracer, &orders);
                orders.clear();
            }
        });
        (Self(sender), task)
    }

    pub(crate) async fn send(&self, order: Order) -> Result<(), Failure> {
        self.0.send(order).await.map_err(|_| Failure::Internal)
    }
}

fn pack(tracer: &Tracer, orders: &[Order]) {
    let senders: Vec<SpanContext> =
        orders.iter().map(|order| order.from.clone()).filter(SpanContext::is_sampled).collect();
    let span = tracer
        .span("process orders")
        .kind(SpanKind::Consumer)
        .links(&senders)
        .attributes(&attributes![
            "messaging.system" => Value::StaticStr("in_memory"),
            "messaging.operation.type" => Value::StaticStr("process"),
            "messaging.destination.name" => Value::StaticStr("orders"),
            "messaging.batch.message_count" => orders.len() as i64,
        ])
        .start();
    let items: u32 = orders.iter().map(|order| order.items).sum();
    span.set_attribute("site.items", items);
}
