//! The status of an answer, as its protocol has it.

use std::borrow::Cow;

/// The status that a receiver's last answer had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResponseStatus {
    /// A status of HTTP (RFC 9110, section 15), such as 503.
    Http(u16),
    /// A status of gRPC ("Status codes and their use in gRPC"), such as 14, which is `UNAVAILABLE`.
    Grpc(u32),
}

impl ResponseStatus {
    /// The name of a status of gRPC, if it has one.
    pub(crate) fn name_in_grpc(code: u32) -> Option<&'static str> {
        const NAMES: [&str; 17] = [
            "OK",
            "CANCELLED",
            "UNKNOWN",
            "INVALID_ARGUMENT",
            "DEADLINE_EXCEEDED",
            "NOT_FOUND",
            "ALREADY_EXISTS",
            "PERMISSION_DENIED",
            "RESOURCE_EXHAUSTED",
            "FAILED_PRECONDITION",
            "ABORTED",
            "OUT_OF_RANGE",
            "UNIMPLEMENTED",
            "INTERNAL",
            "UNAVAILABLE",
            "DATA_LOSS",
            "UNAUTHENTICATED",
        ];
        usize::try_from(code).ok().and_then(|code| NAMES.get(code)).copied()
    }

    /// A code of gRPC by its name, one without a name by its number: `rpc.response.status_code`.
    pub(crate) fn told_in_grpc(code: u32) -> Cow<'static, str> {
        Self::name_in_grpc(code).map_or_else(|| code.to_string().into(), Cow::Borrowed)
    }
}
