//! What the exporters over OTLP do with the collectors, proxies and networks that there are.

mod common {
    #[path = "../../exporters/common/batches.rs"]
    pub(crate) mod batches;
    pub(crate) mod black_hole;
    pub(crate) mod certificates;
    #[path = "../../common/collector.rs"]
    pub(crate) mod collector;
    pub(crate) mod exporters;
    pub(crate) mod metrics;
    pub(crate) mod proxy;
    #[path = "../../exporters/common/scratch.rs"]
    pub(crate) mod scratch;
    #[cfg(unix)]
    pub(crate) use exporters::PATIENCE;
}
#[path = "../common/forked.rs"]
#[cfg(unix)]
mod forked;

mod answers;
mod component;
mod connections;
mod contract;
mod delivery;
#[cfg(unix)]
mod fork;
mod grpc;
mod limits;
mod metrics;
mod proxies;
mod redirects;
mod retries;
mod secrets;
mod stages;
mod tls;
mod waiting;
