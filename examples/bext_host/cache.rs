//! The plugin that keeps pages.

use crate::span::{Live, SharedTracer, attribute};
use nanospan::plugin::bext_plugin_api::tracer::{SpanHandle, SpanKind};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many pages are kept; the cache is emptied before the next one.
const CAPACITY: usize = 256;

pub(crate) struct Cache {
    tracer: SharedTracer,
    pages: Mutex<HashMap<u32, String>>,
}

impl Cache {
    pub(crate) fn new(tracer: SharedTracer) -> Self {
        Self { tracer, pages: Mutex::default() }
    }

    pub(crate) fn get(&self, parent: SpanHandle, id: u32) -> Option<String> {
        let asked = vec![attribute("cache.key", id)];
        let span = Live::start(&self.tracer, "cache.get", SpanKind::Client, Some(parent), asked);
        let page = self.pages().get(&id).cloned();
        span.set("cache.hit", page.is_some());
        match &page {
            Some(page) => span.set("cache.item.size", page.len() as i64),
            None => span.event("cache.miss", Vec::new()),
        }
        page
    }

    pub(crate) fn put(&self, parent: SpanHandle, id: u32, page: &str) {
        let asked = vec![attribute("cache.key", id)];
        let span = Live::start(&self.tracer, "cache.put", SpanKind::Producer, Some(parent), asked);
        let mut pages = self.pages();
        if pages.len() >= CAPACITY {
            span.event("cache.emptied", vec![attribute("cache.pages", pages.len() as i64)]);
            pages.clear();
        }
        pages.insert(id, page.to_owned());
        span.set("cache.load", pages.len() as f64 / CAPACITY as f64);
    }

    fn pages(&self) -> MutexGuard<'_, HashMap<u32, String>> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
