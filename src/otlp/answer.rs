//! Stand-in.
use std::time::Duration;
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct PartialSuccess {
    pub(crate) rejected: u64,
    pub(crate) message: String,
}
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) code: i32,
    pub(crate) message: String,
    pub(crate) retry_delay: Option<Duration>,
}
#[derive(Debug)]
pub(crate) struct Malformed;
impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("malformed")
    }
}
impl std::error::Error for Malformed {}
pub(crate) fn partial_success(_: &[u8]) -> Result<PartialSuccess, Malformed> {
    Ok(PartialSuccess::default())
}
pub(crate) fn partial_success_json(_: &[u8]) -> Result<PartialSuccess, Malformed> {
    Ok(PartialSuccess::default())
}
pub(crate) fn status(_: &[u8]) -> Result<Status, Malformed> {
    Ok(Status::default())
}
pub(crate) fn status_json(_: &[u8]) -> Result<Status, Malformed> {
    Ok(Status::default())
}
