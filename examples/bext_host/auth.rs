//! The plugin that knows the users.

use crate::span::{Live, SharedTracer, attribute};
use hyper::header::{AUTHORIZATION, HeaderMap};
use nanospan::plugin::bext_plugin_api::tracer::{SpanHandle, SpanKind, SpanStatus};

pub(crate) struct Auth {
    tracer: SharedTracer,
}

impl Auth {
    pub(crate) fn new(tracer: SharedTracer) -> Self {
        Self { tracer }
    }

    /// The user that the headers name: `authorization: token <number>`.
    ///
    /// # Errors
    ///
    /// Why the request is refused.
    pub(crate) fn check(&self, parent: SpanHandle, headers: &HeaderMap) -> Result<u32, &'static str> {
        let span = Live::start(&self.tracer, "auth.check", SpanKind::Internal, Some(parent), Vec::new());
        let user = user_of(headers);
        match user {
            Ok(user) => {
                span.set("enduser.id", user.to_string());
                // Which of the groups the user is in, by number.
                span.set("auth.groups", user % 4);
                span.status(SpanStatus::Ok);
            }
            Err(why) => {
                span.event("auth.refused", vec![attribute("auth.reason", why)]);
                span.fail(why);
            }
        }
        user
    }
}

fn user_of(headers: &HeaderMap) -> Result<u32, &'static str> {
    let token = headers.get(AUTHORIZATION).ok_or("no token")?;
    let token = token.to_str().ok().and_then(|text| text.strip_prefix("token "));
    let user: u32 = token.and_then(|token| token.parse().ok()).ok_or("not a token")?;
    if user % 16 == 13 { Err("the token has expired") } else { Ok(user) }
}
