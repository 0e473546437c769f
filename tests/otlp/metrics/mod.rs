//! Metrics: what the client sends, and how the exporter uses a client.

mod client;
mod exporter;
mod limits;
