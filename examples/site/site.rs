//! The site: a small shop, the services behind it, and what a request goes through.

use crate::orders::Orders;
use crate::payment::Gateway;
use crate::products::{Cache, Database};
use crate::reply::Failure;
use crate::routes::{self, Route};
use crate::visit::Visit;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use nanospan::Tracer;
use nanospan::propagation::Propagators;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::{io, thread};
use tokio::task::{JoinHandle, spawn_blocking};

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) tracer: Tracer,
    pub(crate) propagators: Propagators,
    pub(crate) address: String,
    pub(crate) port: u16,
    pub(crate) cache: Cache,
    pub(crate) database: Database,
    pub(crate) gateway: Gateway,
    pub(crate) orders: Orders,
}

/// What runs behind a site, and ends when that is dropped.
#[derive(Debug)]
pub(crate) struct Background {
    database: JoinHandle<()>,
    gateway: thread::JoinHandle<()>,
    orders: JoinHandle<()>,
}

impl Background {
    pub(crate) async fn ended(self) {
        let gateway = spawn_blocking(|| self.gateway.join());
        let (database, gateway, orders) = tokio::join!(self.database, gateway, self.orders);
        if database.is_err() || orders.is_err() || !matches!(gateway, Ok(Ok(()))) {
            eprintln!("site: a service behind it panicked");
        }
    }
}

impl Site {
    /// A site that is reached at `address`, and what runs behind it.
    pub(crate) fn open(
        tracer: Tracer,
        propagators: Propagators,
        address: SocketAddr,
    ) -> io::Result<(Arc<Self>, Background)> {
        let (gateway, gateway_thread) = Gateway::open(tracer)?;
        let (database, database_task) = Database::open();
        let (orders, orders_task) = Orders::open(tracer);
        let site = Self {
            tracer,
            propagators,
            address: address.ip().to_string(),
            port: address.port(),
            cache: Cache::default(),
            database,
            gateway,
            orders,
        };
        let background = Background { database: database_task, gateway: gateway_thread, orders: orders_task };
        Ok((Arc::new(site), background))
    }

    /// Serves one request, under a span of its own.
    pub(crate) async fn serve(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let route = Route::of(&head.method, &head.uri);
        let mut visit = Visit::begin(&self, &head, &route);
        let outcome = match route {
            Route::Index => Ok(routes::index(&mut visit)),
            Route::Product(id) => routes::product(&self, &mut visit, id).await,
            Route::Search(query) => routes::search(&mut visit, query).await,
            Route::Checkout => routes::checkout(&self, &mut visit, body).await,
            Route::Report(year) => routes::report(&mut visit, year).await,
            Route::Slow => Ok(routes::slow(&mut visit).await),
            Route::Unknown => Err(Failure::NotFound),
        };
        Ok(visit.end(outcome))
    }
}
