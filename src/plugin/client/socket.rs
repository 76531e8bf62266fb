//! A connection over which both sides send texts: a WebSocket, opened by the same client as everything else, with
//! the same certificates and the same way through proxies.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use http::StatusCode;
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE, USER_AGENT,
};
use jiff::Timestamp;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Message};
use url::Url;

use super::{AGENT, root};
use crate::clock::Clock;
use crate::plugin::{PluginError, Problem};

/// How long opening may take.
const OPENING: Duration = Duration::from_secs(30);
/// How long the other side may say nothing at all until it is asked whether it is there, and then until it is not.
const SILENCE: Duration = Duration::from_secs(30);
/// The largest text, in bytes.
const LARGEST: usize = 4 << 20;

/// An open connection.
pub struct Socket {
    service: &'static str,
    clock: Arc<dyn Clock>,
    stream: WebSocketStream<reqwest::Upgraded>,
    /// Until when something should be heard.
    until: Timestamp,
    /// Whether it was asked for.
    asked: bool,
}

/// What opens connections: HTTP/1.1 alone can be turned into something else.
///
/// # Errors
/// When the TLS implementation cannot be prepared.
pub fn transport() -> Result<reqwest::Client, reqwest::Error> {
    super::trusting(|| super::plain().http1_only())
}

impl Socket {
    /// Opens a connection to an address, of `http` or `https`. The address may be a secret: it is not told.
    ///
    /// # Errors
    /// When there is no connection, or no WebSocket at its other end.
    pub async fn open(
        http: &reqwest::Client,
        address: Url,
        service: &'static str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, PluginError> {
        let failed =
            |why: &str| PluginError::new(service, Problem::Unavailable, format!("no connection: {why}"));
        let opening = async {
            let key = generate_key();
            let accept = derive_accept_key(key.as_bytes());
            let request = http.get(address).header(USER_AGENT, AGENT).header(SEC_WEBSOCKET_KEY, key);
            let request = request.header(CONNECTION, "Upgrade").header(UPGRADE, "websocket");
            let answer = request.header(SEC_WEBSOCKET_VERSION, "13").send().await;
            let answer = answer.map_err(|error| failed(&root(&error.without_url())))?;
            if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
                return Err(failed(&format!("answered {}", answer.status())));
            }
            if answer.headers().get(SEC_WEBSOCKET_ACCEPT).is_none_or(|given| *given != accept) {
                return Err(failed("no WebSocket is there"));
            }
            answer.upgrade().await.map_err(|error| failed(&root(&error.without_url())))
        };
        let upgraded = tokio::select! {
            upgraded = opening => upgraded?,
            () = clock.sleep(OPENING) => return Err(failed("timed out")),
        };
        let bounds = WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
        let stream = WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(bounds)).await;
        let until = clock.now() + SILENCE;
        Ok(Self { service, clock, stream, until, asked: false })
    }

    /// The next text; none when the other side ended the connection. Nothing is lost when this is waited for no
    /// longer.
    ///
    /// # Errors
    /// When the connection broke, or nobody is at its other end any more.
    pub async fn next(&mut self) -> Result<Option<String>, PluginError> {
        loop {
            let message = tokio::select! {
                message = self.stream.next() => message,
                () = self.clock.sleep_until(self.until) => {
                    self.break_silence().await?;
                    continue;
                }
            };
            self.until = self.clock.now() + SILENCE;
            self.asked = false;
            match message {
                Some(Ok(Message::Text(text))) => return Ok(Some(text.as_str().to_owned())),
                // A ping is answered by itself.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Ok(None),
                Some(Err(error)) => return Err(self.broken(&error)),
            }
        }
    }

    /// Sends a text.
    ///
    /// # Errors
    /// When the connection broke.
    pub async fn send(&mut self, text: String) -> Result<(), PluginError> {
        let sent = self.stream.send(Message::text(text)).await;
        sent.map_err(|error| self.broken(&error))
    }

    /// Asks whether somebody is there; who was asked before and said nothing is gone.
    async fn break_silence(&mut self) -> Result<(), PluginError> {
        if self.asked {
            return Err(PluginError::new(self.service, Problem::Unavailable, "the connection fell silent"));
        }
        self.asked = true;
        self.until = self.clock.now() + SILENCE;
        let sent = self.stream.send(Message::Ping(Bytes::new())).await;
        sent.map_err(|error| self.broken(&error))
    }

    fn broken(&self, error: &dyn std::error::Error) -> PluginError {
        let why = format!("the connection broke: {}", root(error));
        PluginError::new(self.service, Problem::Unavailable, why)
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket").field("service", &self.service).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
