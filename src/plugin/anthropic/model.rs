//! A conversation's next turn.

use http::header::HeaderName;

use super::client::Anthropic;
use super::wire;
use crate::plugin::client::{Request as HttpRequest, Retry};
use crate::plugin::model::{Answer, Model, Request};
use crate::plugin::{Call, PluginError};

impl Model for Anthropic {
    fn answer<'a>(&'a self, request: &'a Request) -> Call<'a, Answer> {
        Box::pin(self.turn(request))
    }
}

impl Anthropic {
    async fn turn(&self, request: &Request) -> Result<Answer, PluginError> {
        // An answer that was lost may have been paid for: what to do then is the budget's business, not ours.
        let mut call = HttpRequest::post("/v1/messages", &wire::body(request)).retried(Retry::IfFailed);
        call.headers.insert(HeaderName::from_static("anthropic-version"), self.version.clone());
        let reply: wire::Reply = self.client.send(&call).await?.json(&self.client)?;
        Ok(reply.into())
    }
}
