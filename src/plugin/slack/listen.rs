//! Socket Mode: Slack tells of everything over a connection that Ostler opens.
//!
//! With the app's own token an address is asked for, which is good for one connection. What Slack would have posted comes
//! as the payload of an envelope, and is told as if it had been posted; it is acknowledged by the envelope's id, with
//! the answer that Slack would have been given. Slack renews connections every few hours, and says so before.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;
use url::form_urlencoded::Serializer;

use super::client::{self, Slack};
use super::source::{COMMANDS, EVENTS, INTERACTIONS, SourceOptions};
use super::wire;
use crate::event::SourceName;
use crate::plugin::checkup::{Checkup, Expected, Finding};
use crate::plugin::client::socket::Socket;
use crate::plugin::client::{Request, Retry, given};
use crate::plugin::listen::{Line, Listen, Receipt, Told};
use crate::plugin::source::{Delivery, FORM, JSON, Reply};
use crate::plugin::{Call, PluginError, Problem};

/// How long Slack may take to say hello.
const GREETING: Duration = Duration::from_secs(30);

/// The app, as it is listened to.
pub struct SocketMode {
    slack: Arc<Slack>,
    token: SecretString,
    http: reqwest::Client,
}

impl SocketMode {
    /// The app of a workspace, if its own token is configured; `http` opens the connections.
    #[must_use]
    pub fn of(slack: &Arc<Slack>, source: &SourceOptions, http: reqwest::Client) -> Option<Self> {
        let token = given(source.app_token.as_ref())?;
        let token = SecretString::from(format!("Bearer {}", token.expose_secret()));
        Some(Self { slack: Arc::clone(slack), token, http })
    }

    /// An address that one connection can be opened at.
    async fn address(&self) -> Result<Url, PluginError> {
        let client = &self.slack.client;
        let mut request = Request::post("/apps.connections.open", &json!({})).retried(Retry::Always);
        let unfit = |_| client.error(Problem::Denied, "the app's token cannot stand in a header");
        let mut token = HeaderValue::from_str(self.token.expose_secret()).map_err(unfit)?;
        token.set_sensitive(true);
        request.headers.insert(AUTHORIZATION, token);
        let opened: wire::Opened = client.send(&request).await?.json(client)?;
        let address =
            http_of(&opened.url, client.base_url().scheme() == "http").and_then(|url| url.parse().ok());
        address.ok_or_else(|| {
            client.error(Problem::BadAnswer, "the connection's address is none of a WebSocket")
        })
    }

    async fn open(&self) -> Result<Connection, PluginError> {
        let clock = Arc::clone(self.slack.client.clock());
        let address = self.address().await?;
        let mut socket = Socket::open(&self.http, address, client::NAME, Arc::clone(&clock)).await?;
        let greeting = tokio::select! {
            greeting = socket.next() => greeting?,
            () = clock.sleep(GREETING) => None,
        };
        match greeting.map(|text| Frame::of(&text).kind) {
            Some(kind) if kind == "hello" => Ok(Connection { socket }),
            _ => Err(self.slack.client.error(Problem::Unavailable, "the connection was not greeted")),
        }
    }
}

impl Listen for SocketMode {
    fn source(&self) -> SourceName {
        SourceName::new(client::NAME)
    }

    fn name(&self) -> &'static str {
        "slack.socket"
    }

    fn connect(&self) -> Call<'_, Box<dyn Line>> {
        Box::pin(async { Ok(Box::new(self.open().await?) as Box<dyn Line>) })
    }
}

/// An open connection that Slack has greeted.
#[derive(Debug)]
struct Connection {
    socket: Socket,
}

/// What comes over a connection.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Frame {
    #[serde(rename = "type")]
    kind: String,
    envelope_id: String,
    accepts_response_payload: bool,
    payload: Value,
    reason: String,
}

impl Frame {
    /// What a text says; one that cannot be read says nothing.
    fn of(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// What would have been posted.
    fn delivery(&self) -> Option<Delivery> {
        let (surface, kind, body) = match self.kind.as_str() {
            "events_api" => (EVENTS, JSON, self.payload.to_string()),
            "slash_commands" => (COMMANDS, FORM, form(self.payload.as_object()?)),
            "interactive" => {
                let payload = self.payload.to_string();
                (INTERACTIONS, FORM, Serializer::new(String::new()).append_pair("payload", &payload).finish())
            }
            _ => return None,
        };
        let headers = [(CONTENT_TYPE, HeaderValue::from_static(kind))];
        Some(Delivery {
            path: format!("/webhooks/slack/{surface}"),
            surface: surface.to_owned(),
            headers: headers.into_iter().collect::<HeaderMap>(),
            body: body.into(),
            ..Delivery::default()
        })
    }

    /// What it tells; none where it is of no interest.
    fn told(self) -> Result<Option<Told>, PluginError> {
        match (self.kind.as_str(), self.reason.as_str()) {
            ("disconnect", "warning" | "refresh_requested") => return Ok(Some(Told::Ending)),
            ("disconnect", "link_disabled") => {
                let why = "Socket Mode is switched off on the app's page";
                return Err(PluginError::new(client::NAME, Problem::Denied, why));
            }
            ("disconnect", _) => return Ok(Some(Told::End)),
            _ => {}
        }
        let delivery = self.delivery();
        if delivery.is_none() && self.kind != "hello" {
            tracing::warn!(kind = self.kind, "Slack told something that is not known here");
        }
        let receipt = Receipt { id: self.envelope_id, takes_reply: self.accepts_response_payload };
        Ok(delivery.map(|delivery| Told::Delivery(receipt, Box::new(delivery))))
    }
}

/// The address at which a connection is asked for by HTTP; as the API is called, so is this.
fn http_of(url: &str, is_plain: bool) -> Option<String> {
    match url.split_once("://")? {
        ("wss", rest) => Some(format!("https://{rest}")),
        ("ws", rest) if is_plain => Some(format!("http://{rest}")),
        _ => None,
    }
}

/// The fields of a slash command as they would have been posted.
fn form(fields: &serde_json::Map<String, Value>) -> String {
    let mut form = Serializer::new(String::new());
    for (name, value) in fields {
        match value {
            Value::Null => {}
            Value::String(text) => drop(form.append_pair(name, text)),
            other => drop(form.append_pair(name, &other.to_string())),
        }
    }
    form.finish()
}

impl Line for Connection {
    fn next(&mut self) -> BoxFuture<'_, Result<Told, PluginError>> {
        Box::pin(async {
            loop {
                let Some(text) = self.socket.next().await? else { return Ok(Told::End) };
                if let Some(told) = Frame::of(&text).told()? {
                    return Ok(told);
                }
            }
        })
    }

    fn acknowledge(&mut self, receipt: Receipt, reply: Option<Reply>) -> Call<'_, ()> {
        let mut answer = json!({"envelope_id": receipt.id});
        if let Some(Reply::Json(value)) = reply.filter(|_| receipt.takes_reply) {
            answer["payload"] = value;
        }
        Box::pin(self.socket.send(answer.to_string()))
    }
}

impl Checkup for SocketMode {
    fn name(&self) -> SourceName {
        SourceName::new(client::NAME)
    }

    fn examine<'a>(&'a self, _: &'a Expected) -> BoxFuture<'a, Vec<Finding>> {
        Box::pin(async {
            let advice = "switch Socket Mode on on the app's page, and put an app-level token (xapp-…) with the scope \
                          connections:write into SLACK_APP_TOKEN";
            vec![match self.address().await {
                Ok(_) => Finding::ok("Socket Mode", "the app may open connections"),
                Err(error) => Finding::of_error("Socket Mode", &error, advice),
            }]
        })
    }
}

impl fmt::Debug for SocketMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketMode").field("slack", &self.slack).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
