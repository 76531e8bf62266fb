//! A conversation's next turn.

use serde_json::Value;

use super::client::OpenAi;
use super::options::Api;
use super::wire::{chat, responses};
use crate::plugin::client::{Answer as HttpAnswer, Request as HttpRequest, Retry};
use crate::plugin::model::{Answer, Model, Request};
use crate::plugin::{Call, PluginError};

impl Model for OpenAi {
    fn answer<'a>(&'a self, request: &'a Request) -> Call<'a, Answer> {
        Box::pin(self.turn(request))
    }
}

impl OpenAi {
    async fn turn(&self, request: &Request) -> Result<Answer, PluginError> {
        let effort = self.reasoning_effort.as_deref();
        match self.api {
            Api::Responses => {
                let answer = self.ask("/responses", &responses::body(request, effort)).await?;
                let reply: responses::Reply = answer.json(&self.client)?;
                reply.into_answer().map_err(|(problem, said)| self.client.error(problem, said))
            }
            Api::Chat | Api::Compatible => {
                let length = if self.api == Api::Chat { "max_completion_tokens" } else { "max_tokens" };
                let answer = self.ask("/chat/completions", &chat::body(request, effort, length)).await?;
                Ok(answer.json::<chat::Reply>(&self.client)?.into())
            }
        }
    }

    async fn ask(&self, path: &str, body: &Value) -> Result<HttpAnswer, PluginError> {
        // An answer that was lost may have been paid for: what to do then is the budget's business, not ours.
        let call = HttpRequest::post(path, body).retried(Retry::IfFailed);
        self.client.send(&self.signed(call)).await
    }
}
