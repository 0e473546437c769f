//! The suite over clients for metrics, put to the test itself, and run over this crate's clients.
//!
//! A suite is worth what it finds. Each fault of [`fault::Fault`] is given to a client that is right otherwise,
//! and exactly the case of the clause that it breaks must fail.

#[path = "../exporters/common/batches.rs"]
#[allow(dead_code, reason = "shared with tests that look closer")]
mod batches;
#[path = "../otlp/common/collector.rs"]
#[allow(dead_code, reason = "shared with tests that look closer")]
mod collector;
#[path = "../otlp/common/exporters.rs"]
#[allow(dead_code, reason = "shared with tests that look closer")]
mod exporters;
#[path = "../otlp/common/metrics.rs"]
#[allow(dead_code, reason = "shared with tests that look closer")]
mod metrics;
mod otlp;

use nanospan::conformance::metric_client;
use nanospan::otlp::{Compression, Protocol};
use otlp::Otlp;

#[test]
fn the_clients_over_otlp_conform() {
    for protocol in exporters::PROTOCOLS {
        let report = metric_client::run(&|| Box::new(Otlp::new(protocol, Compression::None)));
        println!("{report}");
        report.assert_conformant();
    }
}

#[test]
fn the_client_that_compresses_conforms() {
    let report = metric_client::run(&|| Box::new(Otlp::new(Protocol::HttpProtobuf, Compression::Gzip)));
    report.assert_conformant();
}
