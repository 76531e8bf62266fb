//! Deliveries that no twin makes: signed by hand, or wrongly.

use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use sha2::Sha256;

/// A request to a webhook.
#[derive(Debug, Clone)]
pub(crate) struct Delivery {
    pub(crate) path: &'static str,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Delivery {
    /// A GitHub delivery as GitHub would sign it.
    pub(crate) fn github(event: &str, id: &str, body: &[u8]) -> Self {
        Self::github_with("twin-github-webhook", event, id, body)
    }

    /// The same, signed with a secret of one's own.
    pub(crate) fn github_with(secret: &str, event: &str, id: &str, body: &[u8]) -> Self {
        let digest = hmac_hex(secret, body);
        Self { path: "/webhooks/github", headers: HeaderMap::new(), body: body.to_vec() }
            .with("content-type", "application/json")
            .with("x-github-event", event)
            .with("x-github-delivery", id)
            .with("x-hub-signature-256", &format!("sha256={digest}"))
    }

    /// A Slack slash command as Slack would sign it at `timestamp`.
    pub(crate) fn slack_command(timestamp: i64, body: &str) -> Self {
        let signed = format!("v0:{timestamp}:{body}");
        let digest = hmac_hex("twin-slack-signing", signed.as_bytes());
        Self { path: "/webhooks/slack/commands", headers: HeaderMap::new(), body: body.as_bytes().to_vec() }
            .with("content-type", "application/x-www-form-urlencoded")
            .with("x-slack-request-timestamp", &timestamp.to_string())
            .with("x-slack-signature", &format!("v0={digest}"))
    }

    /// A kept delivery of PagerDuty as PagerDuty would sign it.
    pub(crate) fn pagerduty(name: &str) -> Self {
        let kept = ostler::plugin::fixture::shipped(&format!("pagerduty/{name}")).unwrap();
        let body = kept.delivery().unwrap().body.to_vec();
        let digest = hmac_hex("twin-pagerduty", &body);
        Self { path: "/webhooks/pagerduty", headers: HeaderMap::new(), body }
            .with("content-type", "application/json")
            .with("x-pagerduty-signature", &format!("v1={digest}"))
    }

    /// The same with a header set.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().unwrap();
        self.headers.insert(name, HeaderValue::from_str(value).unwrap());
        self
    }

    /// The same without a header.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }
}

fn hmac_hex(secret: &str, text: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(text);
    hex::encode(mac.finalize().into_bytes())
}
