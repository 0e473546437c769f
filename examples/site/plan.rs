//! What the client asks for: a mix of requests that follows from a seed.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request};

/// One request.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: String,
    pub(crate) traceparent: Option<String>,
    pub(crate) tracestate: Option<&'static str>,
}

impl Ask {
    /// The request as it is sent.
    pub(crate) fn to_request(&self, host: &str) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        let mut request = Request::builder().method(&self.method).uri(&self.path).header("host", host);
        request = request.header("user-agent", "site-self-load/1");
        if let Some(traceparent) = &self.traceparent {
            request = request.header("traceparent", traceparent);
        }
        if let Some(tracestate) = self.tracestate {
            request = request.header("tracestate", tracestate);
        }
        request.body(Full::new(Bytes::from(self.body.clone())))
    }
}

/// An endless row of requests.
#[derive(Debug)]
pub(crate) struct Plan {
    random: Random,
    /// The trace of the request before.
    trace_id: u128,
}

impl Plan {
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: Random(seed), trace_id: 0 }
    }

    pub(crate) fn next(&mut self) -> Ask {
        let random = &mut self.random;
        let (path, body) = match random.below(100) {
            0..22 => ("/".to_owned(), String::new()),
            // One in ten asks for a product that is not there.
            22..60 => (format!("/product/{}", random.below(1100)), String::new()),
            60 => ("/product/chair".to_owned(), String::new()),
            61..73 => (format!("/search?q=oak+chair+{}", random.below(50)), String::new()),
            73 => ("/search".to_owned(), String::new()),
            74..88 => ("/checkout".to_owned(), self.form()),
            88..94 => (format!("/report/{}", 1995 + random.below(30)), String::new()),
            94 => ("/slow".to_owned(), String::new()),
            95 => ("/report/last".to_owned(), String::new()),
            _ => (format!("/nowhere/{}", random.below(1000)), String::new()),
        };
        let method = if path == "/checkout" { Method::POST } else { Method::GET };
        let (traceparent, tracestate) = self.caller();
        Ask { method, path, body, traceparent, tracestate }
    }

    /// An order, of which some name a card that is declined or a gateway that is away, want too much,
    /// or make no sense.
    fn form(&mut self) -> String {
        let random = &mut self.random;
        let card = match random.below(20) {
            0 => 5555_0002,
            1 => 5555_0119,
            2 => return "card=none".to_owned(),
            _ => 5555_1000 + random.below(1000),
        };
        format!("card={card}&items={}", 1 + random.below(100))
    }

    /// What the client says of its own span: half of the time nothing, else mostly a sampled one,
    /// sometimes in the trace of the request before, and now and then nonsense.
    fn caller(&mut self) -> (Option<String>, Option<&'static str>) {
        let random = &mut self.random;
        let flags = match random.below(20) {
            0..10 => return (None, None),
            10 => return (Some("00-nonsense-01".to_owned()), Some("shop=lost")),
            11 => "00",
            _ => "01",
        };
        if self.trace_id == 0 || random.below(4) != 0 {
            self.trace_id = u128::from(random.next()) << 64 | u128::from(random.next() | 1);
        }
        let traceparent = format!("00-{:032x}-{:016x}-{flags}", self.trace_id, random.next() | 1);
        (Some(traceparent), (random.below(2) == 0).then_some("shop=t61rcWkgMzE,other=1"))
    }
}

/// Random numbers by SplitMix64: the same ones for the same seed.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}
