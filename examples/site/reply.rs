//! What a handler answers.

use hyper::StatusCode;
use std::fmt;

/// The answer to a request that went well.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
    /// Whether the cache had it: `x-cache`.
    pub(crate) cache: Option<&'static str>,
}

impl Reply {
    pub(crate) fn ok(body: String) -> Self {
        Self { status: StatusCode::OK, body, cache: None }
    }
}

/// Why a request could not be served.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something in the request is wrong; the text says what.
    BadRequest(&'static str),
    /// There is nothing at this path.
    NotFound,
    /// The card was declined.
    Declined,
    /// There are not that many items.
    OutOfStock,
    /// The database gave up.
    Database,
    /// The payment gateway gave up.
    Gateway,
    /// The archive has no figures of that year.
    Archive(u32),
    /// A part of the site itself is gone.
    Internal,
}

impl Failure {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Failure::BadRequest(_) => StatusCode::BAD_REQUEST,
            Failure::NotFound => StatusCode::NOT_FOUND,
            Failure::Declined => StatusCode::PAYMENT_REQUIRED,
            Failure::OutOfStock => StatusCode::CONFLICT,
            Failure::Gateway => StatusCode::BAD_GATEWAY,
            Failure::Database | Failure::Archive(_) | Failure::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// `error.type`: one of a few words, unlike the message.
    pub(crate) fn error_type(&self) -> &'static str {
        match self {
            Failure::BadRequest(_) => "bad_request",
            Failure::NotFound => "not_found",
            Failure::Declined => "declined",
            Failure::OutOfStock => "out_of_stock",
            Failure::Database => "database_timeout",
            Failure::Gateway => "gateway_unreachable",
            Failure::Archive(_) => "archive_missing",
            Failure::Internal => "internal",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::BadRequest(what) => f.write_str(what),
            Failure::NotFound => f.write_str("there is nothing here"),
            Failure::Declined => f.write_str("the card was declined"),
            Failure::OutOfStock => f.write_str("there are not that many items"),
            Failure::Database => f.write_str("the database did not answer in time"),
            Failure::Gateway => f.write_str("the payment gateway could not be reached"),
            Failure::Archive(year) => write!(f, "the archive has no figures of {year}"),
            Failure::Internal => f.write_str("a part of the site is gone"),
        }
    }
}

impl From<Failure> for Reply {
    fn from(failure: Failure) -> Self {
        Self { status: failure.status(), body: failure.to_string(), cache: None }
    }
}
