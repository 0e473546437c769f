//! The routes, and what each does for its answer.

use crate::orders::Order;
use crate::reply::{Failure, Reply};
use crate::site::Site;
use crate::visit::{Visit, thread_id};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::{Method, Uri};
use nanospan::{Span, SpanKind, Status, Value, attributes};
use std::time::Duration;
use tokio::task::{JoinSet, spawn_blocking};

/// Where a request goes, with the part of its path or query that varies.
#[derive(Debug)]
pub(crate) enum Route<'a> {
    Index,
    Product(&'a str),
    Search(Option<&'a str>),
    Checkout,
    Report(&'a str),
    Slow,
    Unknown,
}

impl<'a> Route<'a> {
    pub(crate) fn of(method: &Method, uri: &'a Uri) -> Self {
        let path = uri.path();
        match *method {
            Method::POST if path == "/checkout" => Route::Checkout,
            Method::GET => match path {
                "/" => Route::Index,
                "/search" => Route::Search(uri.query()),
                "/slow" => Route::Slow,
                _ => match path.split_once('/').and_then(|(_, path)| path.split_once('/')) {
                    Some(("product", id)) => Route::Product(id),
                    Some(("report", year)) => Route::Report(year),
                    _ => Route::Unknown,
                },
            },
            _ => Route::Unknown,
        }
    }

    /// The name of the request's span: the route, not the path, of which there are endlessly many.
    pub(crate) fn span_name(&self) -> Option<&'static str> {
        match self {
            Route::Index => Some("GET /"),
            Route::Product(_) => Some("GET /product/{id}"),
            Route::Search(_) => Some("GET /search"),
            Route::Checkout => Some("POST /checkout"),
            Route::Report(_) => Some("GET /report/{year}"),
            Route::Slow => Some("GET /slow"),
            Route::Unknown => None,
        }
    }

    /// `http.route`.
    pub(crate) fn template(&self) -> Option<&'static str> {
        self.span_name()?.split_once(' ').map(|(_, template)| template)
    }
}

pub(crate) fn index(visit: &mut Visit) -> Reply {
    let span = visit.child("render index").start();
    let body = String::from("<h1>The shop</h1>");
    span.set_attribute("site.body.size", body.len() as i64);
    Reply::ok(body)
}

/// Asks the cache and, where that does not know, the database: a CLIENT span that is held while the
/// task waits, and goes with it to whichever worker thread takes it up again.
pub(crate) async fn product(site: &Site, visit: &mut Visit, id: &str) -> Result<Reply, Failure> {
    let id: u32 = id.parse().map_err(|_| Failure::BadRequest("a product's id is a number"))?;
    let lookup = visit.child("cache lookup").start();
    let cached = site.cache.get(id);
    lookup.set_attribute("cache.hit", cached.is_some());
    lookup.end();
    if let Some(product) = cached {
        return Ok(Reply { cache: Some("hit"), ..Reply::ok(product.to_json()) });
    }
    visit.span().add_event("cache.miss", &attributes!["product.id" => id]);

    let mut query = visit
        .child("SELECT products")
        .kind(SpanKind::Client)
        .attributes(&attributes![
            "db.system.name" => Value::StaticStr("postgresql"),
            "db.operation.name" => Value::StaticStr("SELECT"),
            "db.collection.name" => Value::StaticStr("products"),
            "db.query.text" => Value::StaticStr("SELECT id, price FROM products WHERE id = $1"),
        ])
        .start();
    match site.database.find(id).await {
        Ok(found) => {
            query.end();
            let product = found.ok_or(Failure::NotFound)?;
            site.cache.put(product);
            Ok(Reply { cache: Some("miss"), ..Reply::ok(product.to_json()) })
        }
        Err(failure) => {
            query.set_attribute("error.type", Value::StaticStr(failure.error_type()));
            query.set_status(Status::error("timeout"));
            Err(failure)
        }
    }
}

/// How many parts the index of products has.
const SHARDS: u32 = 3;

/// Searches all parts at once: each in a task that takes its span along.
pub(crate) async fn search(visit: &mut Visit, query: Option<&str>) -> Result<Reply, Failure> {
    let terms = query.and_then(|query| query.strip_prefix("q=")).filter(|terms| !terms.is_empty());
    let terms = terms.ok_or(Failure::BadRequest("a search needs a q"))?;
    let list: Vec<&str> = terms.split('+').collect();
    visit.span().set_attribute("search.terms", list.as_slice());

    let mut tasks = JoinSet::new();
    for shard in 0..SHARDS {
        let span = visit.child("search shard").attributes(&attributes!["search.shard" => shard]).start();
        tasks.spawn(search_shard(span, shard, terms.len()));
    }
    let mut found = 0;
    while let Some(hits) = tasks.join_next().await {
        found += hits.map_err(|_| Failure::Internal)?;
    }
    Ok(Reply::ok(format!("{found} found")))
}

async fn search_shard(span: Span, shard: u32, terms: usize) -> usize {
    let hits = (terms * 7 + shard as usize) % 5;
    // To whoever else wants to run: a search that waits for nothing must not keep them waiting.
    tokio::task::yield_now().await;
    let rank = span.child("rank hits").start();
    tokio::task::yield_now().await;
    rank.set_attribute("search.hits", hits as i64);
    hits
}

/// More than any order form takes.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// Takes an order: its items from the stock, in a blocking thread; the money through a gateway whose
/// own thread ends the span; and the order into a queue.
pub(crate) async fn checkout(site: &Site, visit: &mut Visit, body: Incoming) -> Result<Reply, Failure> {
    let body = Limited::new(body, MAX_BODY_BYTES).collect().await;
    let body = body.map_err(|_| Failure::BadRequest("the form is too long or broken off"))?.to_bytes();
    let (card, items) = parse_form(&body).ok_or(Failure::BadRequest("a form has a card and items"))?;

    let reserve = visit.child("reserve stock").attributes(&attributes!["thread.id" => thread_id()]).start();
    let reserved = spawn_blocking(move || {
        reserve.set_attribute("site.thread.end", thread_id());
        items <= 90 // The span was moved here and ends here.
    });
    if !reserved.await.map_err(|_| Failure::Internal)? {
        return Err(Failure::OutOfStock);
    }

    let thread = attributes!["thread.id" => thread_id()];
    let charge = visit.child("charge card").kind(SpanKind::Client).attributes(&thread);
    site.gateway.charge(card, charge).await?;

    let send = visit
        .child("send orders")
        .kind(SpanKind::Producer)
        .attributes(&attributes![
            "messaging.system" => Value::StaticStr("in_memory"),
            "messaging.operation.type" => Value::StaticStr("send"),
            "messaging.destination.name" => Value::StaticStr("orders"),
        ])
        .start();
    site.orders.send(Order { items, from: send.context() }).await?;
    Ok(Reply::ok(String::from("thank you")))
}

/// Reads `card=...&items=...`.
fn parse_form(body: &[u8]) -> Option<(u32, u32)> {
    let (card, items) = std::str::from_utf8(body).ok()?.split_once('&')?;
    Some((card.strip_prefix("card=")?.parse().ok()?, items.strip_prefix("items=")?.parse().ok()?))
}

/// Adds figures up in a blocking thread; there are none before 2000.
pub(crate) async fn report(visit: &mut Visit, year: &str) -> Result<Reply, Failure> {
    let year: u32 = year.parse().map_err(|_| Failure::BadRequest("a year is a number"))?;
    let mut sum = visit.child("sum figures").start();
    let sum = spawn_blocking(move || {
        if year < 2000 {
            sum.set_status(Status::error("no figures"));
            return Err(Failure::Archive(year));
        }
        Ok((1..=12).map(|month| u64::from(year * month)).sum::<u64>())
    });
    let total = sum.await.map_err(|_| Failure::Internal)??;
    Ok(Reply::ok(total.to_string()))
}

/// Three steps that wait, each under a span.
pub(crate) async fn slow(visit: &mut Visit) -> Reply {
    for number in 1..=3_u32 {
        let step = visit.child("wait").attributes(&attributes!["step" => number]).start();
        tokio::time::sleep(Duration::from_millis(u64::from(number))).await;
        step.end();
    }
    Reply::ok(String::from("at last"))
}
