//! Products: a database that answers from a task of its own, and a cache in front of it.

use crate::reply::Failure;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Product {
    id: u32,
    price_cents: u32,
}

impl Product {
    pub(crate) fn to_json(self) -> String {
        format!(r#"{{"id":{},"price_cents":{}}}"#, self.id, self.price_cents)
    }
}

/// How many products the cache holds: fewer than there are, so that some requests miss it.
const CACHED_MAX: usize = 256;

/// The products that were asked for lately. It starts afresh when it is full.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<HashMap<u32, Product>>);

impl Cache {
    pub(crate) fn get(&self, id: u32) -> Option<Product> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied()
    }

    pub(crate) fn put(&self, product: Product) {
        let mut products = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if products.len() >= CACHED_MAX {
            products.clear();
        }
        products.insert(product.id, product);
    }
}

#[derive(Debug)]
struct Query {
    id: u32,
    answer: oneshot::Sender<Result<Option<Product>, Failure>>,
}

/// A connection to the database.
#[derive(Debug)]
pub(crate) struct Database(mpsc::Sender<Query>);

impl Database {
    pub(crate) fn open() -> (Self, JoinHandle<()>) {
        let (sender, mut queries) = mpsc::channel::<Query>(64);
        let task = tokio::spawn(async move {
            while let Some(Query { id, answer }) = queries.recv().await {
                // Nobody waits any more when the client has gone away.
                let _ = answer.send(look_up(id));
            }
        });
        (Self(sender), task)
    }

    /// The product with this id, if there is one.
    pub(crate) async fn find(&self, id: u32) -> Result<Option<Product>, Failure> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Query { id, answer }).await.map_err(|_| Failure::Internal)?;
        answered.await.map_err(|_| Failure::Internal)?
    }
}

/// There are a thousand products, and every 97th is on a bad disk.
fn look_up(id: u32) -> Result<Option<Product>, Failure> {
    match id {
        _ if id % 97 == 0 => Err(Failure::Database),
        0..1000 => Ok(Some(Product { id, price_cents: 100 + id * 7 % 900 })),
        _ => Ok(None),
    }
}
