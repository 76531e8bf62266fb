//! Deliveries: signed as the real services sign, sent at once, and kept so that they can be sent again.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::world::lock;
use super::{Options, Secrets, TwinError};
use crate::ingress::signature;
use crate::plugin::scheme::{Mac, Scheme};
use crate::plugin::source;

/// How long an answer may take: what GitHub waits for.
const DEADLINE: Duration = Duration::from_secs(10);

/// What is written down as the status of a delivery that was acknowledged without one.
const ACKNOWLEDGED: u16 = 200;

/// A delivery that is to go out; it is signed when it goes, and again each time it goes again.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    pub(super) sender: Sender,
    /// What the sender calls it; the same each time it is sent.
    pub(super) id: String,
    /// Behind `/webhooks/`.
    pub(super) path: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) content_type: &'static str,
    pub(super) body: String,
}

/// Whose delivery it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sender {
    Github,
    Gitlab,
    Jira,
    Linear,
    Slack,
}

/// What became of a delivery.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Sent {
    pub(super) sender: Sender,
    pub(super) id: String,
    pub(super) path: &'static str,
    pub(super) attempts: u32,
    /// The last answer's status; none while there is no answer.
    pub(super) status: Option<u16>,
    /// The last answer's body, or why there is none.
    pub(super) answer: String,
}

/// One attempt at a delivery.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) id: u64,
    /// Which delivery, in the order in which they happened.
    pub(super) delivery: usize,
    pub(super) at: Timestamp,
    /// Whether it was not the first.
    pub(super) is_again: bool,
    /// The answer's status; none where there was no answer.
    pub(super) status: Option<u16>,
    /// The answer's body, or why there was none.
    pub(super) answer: String,
}

impl Sent {
    fn is_taken(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }
}

/// Everything that was sent.
#[derive(Debug)]
pub(super) struct Outbox {
    hooks: Url,
    secrets: Secrets,
    client: reqwest::Client,
    sent: Mutex<Vec<(Delivery, Sent)>>,
    attempts: Mutex<Vec<Attempt>>,
    numbers: AtomicU64,
    running: TaskTracker,
    shutdown: CancellationToken,
    /// Over what Slack tells an app that asked for connections.
    pub(super) sockets: super::slack::socket::Sockets,
    clock: std::sync::Arc<dyn crate::clock::Clock>,
}

impl Outbox {
    pub(super) fn new(options: &Options, shutdown: CancellationToken) -> Result<Self, TwinError> {
        // A proxy of the environment must never see what is meant for this machine.
        let client = reqwest::Client::builder().timeout(DEADLINE).no_proxy();
        let client = client.redirect(reqwest::redirect::Policy::none()).build();
        let client =
            client.map_err(|error| TwinError::io("the twins' client")(std::io::Error::other(error)))?;
        Ok(Self {
            hooks: options.hooks.clone(),
            secrets: options.secrets.clone(),
            client,
            sent: Mutex::default(),
            attempts: Mutex::default(),
            numbers: AtomicU64::new(1),
            running: TaskTracker::new(),
            shutdown,
            sockets: super::slack::socket::Sockets::default(),
            clock: std::sync::Arc::clone(&options.clock),
        })
    }

    /// A number that no other delivery has, for its id.
    pub(super) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Everything that was sent, with what became of it.
    pub(super) fn sent(&self) -> Vec<Sent> {
        lock(&self.sent).iter().map(|(_, sent)| sent.clone()).collect()
    }

    /// Every delivery of a sender with what became of it, by its number.
    pub(super) fn sent_by(&self, sender: Sender) -> Vec<(usize, Delivery, Sent)> {
        let sent = lock(&self.sent);
        let all = sent.iter().enumerate().filter(|(_, (delivery, _))| delivery.sender == sender);
        all.map(|(number, (delivery, sent))| (number, delivery.clone(), sent.clone())).collect()
    }

    /// Writes a delivery down and sends it `times` times at once; gives the answers.
    pub(super) async fn deliver(&self, delivery: Delivery, times: usize, now: Timestamp) -> Vec<Sent> {
        let index = self.note(delivery);
        futures_util::future::join_all((0..times.max(1)).map(|_| self.attempt(index, now))).await
    }

    /// Sends again what was not taken, in the order in which it happened.
    pub(super) async fn redeliver(&self, now: Timestamp) -> Vec<Sent> {
        let missed: Vec<_> = {
            let sent = lock(&self.sent);
            sent.iter()
                .enumerate()
                .filter(|(_, (_, sent))| !sent.is_taken())
                .map(|(index, _)| index)
                .collect()
        };
        let mut answers = Vec::new();
        for index in missed {
            answers.push(self.attempt(index, now).await);
        }
        answers
    }

    /// The attempts at deliveries that fit, newest first.
    pub(super) fn attempts(&self, fits: impl Fn(&Delivery) -> bool) -> Vec<(Attempt, Delivery)> {
        let sent = lock(&self.sent);
        let attempts = lock(&self.attempts);
        let with_delivery = attempts.iter().rev().map(|attempt| (attempt, &sent[attempt.delivery].0));
        let fitting = with_delivery.filter(|(_, delivery)| fits(delivery));
        fitting.map(|(attempt, delivery)| (attempt.clone(), delivery.clone())).collect()
    }

    /// Sends a delivery at once more.
    pub(super) async fn again(&self, delivery: usize, now: Timestamp) {
        self.attempt(delivery, now).await;
    }

    /// Sends something in the background.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let shutdown = self.shutdown.clone();
        self.running.spawn(async move {
            shutdown.run_until_cancelled(task).await;
        });
    }

    /// Waits for what is on its way.
    pub(super) async fn drain(&self) {
        self.running.close();
        self.running.wait().await;
    }

    fn note(&self, delivery: Delivery) -> usize {
        let Delivery { sender, path, .. } = delivery;
        let id = delivery.id.clone();
        let sent = Sent { sender, id, path, attempts: 0, status: None, answer: String::new() };
        let mut all = lock(&self.sent);
        all.push((delivery, sent));
        all.len() - 1
    }

    async fn attempt(&self, index: usize, now: Timestamp) -> Sent {
        let (delivery, attempts) = {
            let mut all = lock(&self.sent);
            let (delivery, sent) = &mut all[index];
            sent.attempts += 1;
            (delivery.clone(), sent.attempts)
        };
        let (status, answer) = match self.tell(&delivery, attempts).await {
            Some(told) => told,
            None => match self.post(&delivery, attempts, now).await {
                Ok((status, text)) => (Some(status), text),
                Err(error) => (None, error.to_string()),
            },
        };
        self.remember(Attempt {
            id: 0,
            delivery: index,
            at: now,
            is_again: attempts > 1,
            status,
            answer: answer.clone(),
        });
        tracing::debug!(sender = ?delivery.sender, id = delivery.id, ?status, "a twin's delivery was answered");
        let mut all = lock(&self.sent);
        let sent = &mut all[index].1;
        // Of several sent at once, one that was taken settles it.
        if !sent.is_taken() {
            sent.status = status;
            sent.answer.clone_from(&answer);
        }
        Sent { status, answer, attempts, ..sent.clone() }
    }

    /// Writes an attempt down, behind all those that ended before.
    fn remember(&self, attempt: Attempt) {
        let mut attempts = lock(&self.attempts);
        let id = attempts.len() as u64 + 1;
        attempts.push(Attempt { id, ..attempt });
    }

    /// Tells a delivery over a connection, if that is how its sender does; an acknowledgement counts as a status.
    async fn tell(&self, delivery: &Delivery, attempt: u32) -> Option<(Option<u16>, String)> {
        if !matches!(delivery.sender, Sender::Slack) {
            return None;
        }
        let told = self.sockets.tell(delivery, attempt, &*self.clock).await?;
        Some(told.map_or_else(|why| (None, why.to_owned()), |answer| (Some(ACKNOWLEDGED), answer)))
    }

    async fn post(
        &self,
        delivery: &Delivery,
        attempt: u32,
        now: Timestamp,
    ) -> reqwest::Result<(u16, String)> {
        let base = self.hooks.as_str().trim_end_matches('/');
        let mut request = self.client.post(format!("{base}/webhooks/{}", delivery.path));
        request = request.header("content-type", delivery.content_type);
        for (name, value) in &delivery.headers {
            request = request.header(*name, value);
        }
        let body = signature::date(&delivery.sender.scheme(), &delivery.body.clone().into(), now);
        for (name, value) in self.signed(delivery, &body, attempt, now) {
            request = request.header(name, value);
        }
        let answer = request.body(body).send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }

    /// The headers that depend on the secret, the time or the attempt.
    fn signed(
        &self,
        delivery: &Delivery,
        body: &Bytes,
        attempt: u32,
        now: Timestamp,
    ) -> Vec<(String, String)> {
        let secret = match delivery.sender {
            Sender::Github => &self.secrets.github_webhook,
            Sender::Gitlab => &self.secrets.gitlab_webhook,
            Sender::Jira => &self.secrets.jira_webhook,
            Sender::Linear => &self.secrets.linear_webhook,
            Sender::Slack => &self.secrets.slack_signing,
        };
        let scheme = delivery.sender.scheme();
        let sent = source::Delivery { body: body.clone(), ..source::Delivery::default() };
        // Each of these schemes signs with whatever text its secret is.
        let mut headers = signature::sign(&scheme, secret.expose_secret(), &sent, now).unwrap_or_default();
        if attempt > 1 {
            headers.extend(
                delivery.sender.again(attempt - 1).into_iter().map(|(name, value)| (name.to_owned(), value)),
            );
        }
        headers
    }
}

impl Sender {
    /// How it signs, as its own documentation says: nothing of the plugin that checks it is used here.
    fn scheme(self) -> Scheme {
        match self {
            Self::Github => Scheme::Mac(Mac::sha256("x-hub-signature-256", "sha256=")),
            Self::Gitlab => Scheme::Token { header: "x-gitlab-token".into(), prefix: "", unless: None },
            Self::Jira => Scheme::Mac(Mac::sha256("x-hub-signature", "sha256=")),
            Self::Linear => Scheme::Dated {
                mac: Mac::sha256("linear-signature", ""),
                member: "webhookTimestamp",
                window: 60,
            },
            Self::Slack => Scheme::Timed {
                header: "x-slack-signature",
                timestamp: "x-slack-request-timestamp",
                version: "v0",
                window: 300,
            },
        }
    }

    /// What it adds when it sends something again.
    fn again(self, retry: u32) -> Vec<(&'static str, String)> {
        match self {
            Self::Github | Self::Gitlab | Self::Linear => Vec::new(),
            Self::Jira => vec![("x-atlassian-webhook-retry", retry.to_string())],
            Self::Slack => vec![
                ("x-slack-retry-num", retry.to_string()),
                ("x-slack-retry-reason", "http_error".to_owned()),
            ],
        }
    }
}
