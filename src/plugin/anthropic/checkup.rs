//! Whether models of Anthropic can be asked as it is configured.

use futures_util::future::BoxFuture;
use http::header::HeaderName;

use super::client::{self, Anthropic};
use crate::event::SourceName;
use crate::plugin::PluginError;
use crate::plugin::Problem;
use crate::plugin::checkup::{self, Checkup, Expected, Finding};
use crate::plugin::client::{Request, segment};

impl Checkup for Anthropic {
    fn name(&self) -> SourceName {
        SourceName::new(client::NAME)
    }

    fn examine<'a>(&'a self, _: &'a Expected) -> BoxFuture<'a, Vec<Finding>> {
        Box::pin(async move {
            // Listing models costs nothing.
            let mut findings = match checkup::reach(&self.client, "/v1/models?limit=1").await {
                Ok(findings) => findings,
                Err(finding) => return vec![finding],
            };
            match self.look("/v1/models?limit=1").await {
                Ok(()) => findings.push(Finding::ok("key", "is taken")),
                Err(error) => {
                    let advice =
                        "make a new key on https://console.anthropic.com and put it into ANTHROPIC_API_KEY";
                    findings.push(Finding::of_error("key", &error, advice));
                    return findings;
                }
            }
            if let Some(model) = &self.model {
                findings.push(self.model_checkup(model).await);
            }
            findings
        })
    }
}

impl Anthropic {
    async fn model_checkup(&self, model: &str) -> Finding {
        match self.look(&format!("/v1/models/{}", segment(model))).await {
            Ok(()) => Finding::ok("model", format!("{model} can be asked")),
            Err(error) if error.problem == Problem::NotFound => {
                let advice = "name a model of your account under `ai_provider.model`";
                Finding::failed("model", format!("there is no model {model} for this key"), advice)
            }
            Err(error) => Finding::of_error("model", &error, "look at the account's limits"),
        }
    }

    async fn look(&self, path: &str) -> Result<(), PluginError> {
        let mut request = Request::get(path);
        request.headers.insert(HeaderName::from_static("anthropic-version"), self.version.clone());
        self.client.send(&request).await.map(drop)
    }
}
