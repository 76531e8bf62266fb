//! Whether models can be asked as it is configured.

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::client::{self, OpenAi};
use super::options::Api;
use crate::event::SourceName;
use crate::plugin::checkup::{self, Checkup, Expected, Finding};
use crate::plugin::client::{Request, segment};
use crate::plugin::{PluginError, Problem};

impl Checkup for OpenAi {
    fn name(&self) -> SourceName {
        SourceName::new(client::NAME)
    }

    fn examine<'a>(&'a self, _: &'a Expected) -> BoxFuture<'a, Vec<Finding>> {
        Box::pin(async move {
            // Listing models costs nothing.
            let mut findings = match checkup::reach(&self.client, "/models").await {
                Ok(findings) => findings,
                Err(finding) => return vec![finding],
            };
            let listed = match self.look("/models").await {
                Ok(listed) => listed,
                Err(error) => {
                    let advice =
                        "make a new key on https://platform.openai.com and put it into OPENAI_API_KEY";
                    findings.push(Finding::of_error("key", &error, advice));
                    return findings;
                }
            };
            findings.push(Finding::ok("key", "is taken"));
            if let Some(model) = &self.model {
                findings.push(self.model_checkup(model, &listed).await);
            }
            findings
        })
    }
}

impl OpenAi {
    async fn model_checkup(&self, model: &str, listed: &Value) -> Finding {
        let named = |entry: &Value| entry["id"] == *model;
        if listed["data"].as_array().is_some_and(|all| all.iter().any(named)) {
            return Finding::ok("model", format!("{model} can be asked"));
        }
        let none = format!("there is no model {model} here");
        let advice = "name a model of this server under `ai_provider.model`";
        if self.api == Api::Compatible {
            return Finding::failed("model", none, advice);
        }
        match self.look(&format!("/models/{}", segment(model))).await {
            Ok(_) => Finding::ok("model", format!("{model} can be asked")),
            Err(error) if error.problem == Problem::NotFound => Finding::failed("model", none, advice),
            Err(error) => Finding::of_error("model", &error, "look at the account's limits"),
        }
    }

    async fn look(&self, path: &str) -> Result<Value, PluginError> {
        self.client.send(&self.signed(Request::get(path))).await?.json(&self.client)
    }
}
