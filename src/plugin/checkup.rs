//! Checkups: whether a service can be worked with as it is configured, and what to do where it cannot.
//!
//! Each vendor brings the questions that make sense for it; whoever asks knows the answers only. A checkup
//! reads and changes nothing.

use std::fmt::Debug;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use serde::Serialize;
use url::{Host, Url};

use super::client::{Answer, Client, Request};
use super::{PluginError, Problem};
use crate::event::{RepositoryName, SourceName};

/// Seconds that a clock may be off before it is worth a word, and before signed requests begin to be refused:
/// the strictest sender allows five minutes, the way of a request included.
const SKEW_NOTED: u64 = 60;
const SKEW_REFUSED: u64 = 240;

/// A service that can say how it is to work with.
pub trait Checkup: Debug + Send + Sync {
    /// The provider's name.
    fn name(&self) -> SourceName;

    /// Looks at everything; what cannot be found out is a finding too.
    fn examine<'a>(&'a self, expected: &'a Expected) -> BoxFuture<'a, Vec<Finding>>;
}

/// What should be true of a service besides what its own options say.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// Where its deliveries should go; none where nobody outside can reach Ostler.
    pub address: Option<Url>,
    /// The repositories that work is done in.
    pub repositories: Vec<RepositoryName>,
}

impl Expected {
    /// The address, for a service that this client calls: one that is elsewhere reaches nothing on this machine.
    #[must_use]
    pub fn address_for(&self, client: &Client) -> Option<&Url> {
        self.address.as_ref().filter(|address| reaches(client.base_url(), address))
    }
}

/// Whether a service whose API is at one address can reach another one.
#[must_use]
pub fn reaches(api: &Url, address: &Url) -> bool {
    !is_local(address) || is_local(api)
}

/// Whether an address leads to the machine itself.
#[must_use]
pub fn is_local(address: &Url) -> bool {
    match address.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback() || ip.is_unspecified(),
        Some(Host::Ipv6(ip)) => ip.is_loopback() || ip.is_unspecified(),
        None => false,
    }
}

/// How it stands with one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It is right.
    Ok,
    /// It could not be looked at, or there is nothing to look at.
    Skipped,
    /// It works, and may stop working.
    Warning,
    /// It does not work.
    Failed,
}

/// What was found of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Of what: `token`, `clock`, `webhook of acme/shop`.
    pub what: String,
    /// How it stands.
    pub health: Health,
    /// One sentence for people; never holds a secret.
    pub said: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Finding {
    /// Something that is right.
    #[must_use]
    pub fn ok(what: impl Into<String>, said: impl Into<String>) -> Self {
        Self { what: what.into(), health: Health::Ok, said: said.into(), advice: None }
    }

    /// Something that is not right, with what to do about it.
    #[must_use]
    pub fn bad(
        health: Health,
        what: impl Into<String>,
        said: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { what: what.into(), health, said: said.into(), advice: Some(advice.into()) }
    }

    /// Something that does not work.
    #[must_use]
    pub fn failed(what: impl Into<String>, said: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::bad(Health::Failed, what, said, advice)
    }

    /// A call that failed: a refusal is answered by `advice`, anything else passes by itself or is no fault
    /// of the configuration.
    #[must_use]
    pub fn of_error(what: impl Into<String>, error: &PluginError, advice: &str) -> Self {
        let advice = if error.is_passing() { "look again in a while" } else { advice };
        Self::failed(what, error.message.clone(), advice)
    }
}

/// Whether the service answers at all, and how far its clock is from ours.
///
/// # Errors
/// When it does not answer: the finding that says so, after which nothing else can be asked.
pub async fn reach(client: &Client, path: &str) -> Result<Vec<Finding>, Finding> {
    let host = client.base_url().host_str().unwrap_or_default().to_owned();
    let advice = "check the address, the network and the proxy variables, and the service's status page";
    let failed = |said: String| Finding::failed("connection", said, advice);
    // A retried failure is an answer too; whether the token is right is another question.
    let answer = client.exchange(&Request::get(path)).await;
    let answer = answer.map_err(|error| failed(format!("{host}: {}", error.message)))?;
    if answer.problem() == Some(Problem::Unavailable) {
        return Err(failed(format!("{host} answered {}", answer.status)));
    }
    Ok(vec![Finding::ok("connection", format!("{host} answers")), clock(&answer, client.clock().now())])
}

/// What an answer's `Date` says of our clock.
#[must_use]
pub fn clock(answer: &Answer, now: Timestamp) -> Finding {
    let date = answer.header("date").and_then(|text| DateTimeParser::new().parse_timestamp(text).ok());
    let Some(theirs) = date else {
        let said = "the answer has no date";
        return Finding { health: Health::Skipped, ..Finding::ok("clock", said) };
    };
    let off = now.duration_since(theirs).as_secs();
    let side = if off < 0 { "behind" } else { "ahead of" };
    let said = format!("this machine's clock is {} s {side} the service's", off.unsigned_abs());
    let advice = "set the clock and keep it set (chrony, systemd-timesyncd): signed requests are refused \
                  when clocks differ by minutes";
    match off.unsigned_abs() {
        off if off <= SKEW_NOTED => Finding::ok("clock", said),
        off if off <= SKEW_REFUSED => Finding::bad(Health::Warning, "clock", said, advice),
        _ => Finding::failed("clock", said, advice),
    }
}

/// The members of `wanted` that are not among those `given`.
#[must_use]
pub fn lacking<'a>(wanted: &[&'a str], given: &[impl AsRef<str>]) -> Vec<&'a str> {
    wanted.iter().filter(|want| given.iter().all(|have| have.as_ref() != **want)).copied().collect()
}

/// Whether two addresses are one, a slash at the end aside.
#[must_use]
pub fn same_address(one: &str, other: &Url) -> bool {
    one.trim_end_matches('/') == other.as_str().trim_end_matches('/')
}

/// A webhook as a service keeps it.
#[derive(Debug, Clone)]
pub struct HookFound {
    /// Where it delivers to.
    pub url: String,
    /// What it tells of.
    pub events: Vec<String>,
    /// Whether it is switched on.
    pub active: bool,
    /// Why its last delivery failed, where it did.
    pub trouble: Option<String>,
}

/// Whether one of the webhooks found brings these events here.
#[must_use]
pub fn webhook(what: &str, found: &[HookFound], address: &Url, events: &[&str]) -> Finding {
    let again = "`ostler init --register` sets the webhook up";
    let Some(hook) = found.iter().find(|hook| same_address(&hook.url, address)) else {
        let elsewhere = found.iter().find(|hook| hook.url.trim_end_matches('/').ends_with(address.path()));
        let said = elsewhere.map_or_else(
            || format!("no webhook delivers to {address}"),
            |hook| format!("the webhook delivers to {}, not to {address}", hook.url),
        );
        return Finding::failed(what, said, again);
    };
    let missing = lacking(events, &hook.events);
    if !hook.active {
        return Finding::failed(what, "the webhook is switched off", again);
    }
    if !missing.is_empty() && !hook.events.iter().any(|event| event == "*") {
        return Finding::failed(what, format!("the webhook does not tell of {}", missing.join(", ")), again);
    }
    match &hook.trouble {
        Some(why) => Finding::bad(
            Health::Warning,
            what,
            format!("the last delivery failed: {why}"),
            "make sure that the server runs, and let the service deliver again what was missed",
        ),
        None => Finding::ok(what, format!("delivers to {address}")),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    use super::*;
    use crate::plugin::client::Retry;
    use crate::plugin::client::testing::START;

    fn dated(date: &str) -> Answer {
        let headers = HeaderMap::from_iter([(http::header::DATE, date.parse().unwrap())]);
        Answer { status: StatusCode::OK, headers, body: Bytes::new(), retry: Retry::Always }
    }

    #[test]
    fn a_clock_is_told_by_how_far_it_is_off() {
        // START is 22:13:20.
        let at = |time: &str| clock(&dated(&format!("Tue, 14 Nov 2023 {time} GMT")), START);
        assert_eq!(at("22:12:21").health, Health::Ok);
        assert_eq!(at("22:14:21").health, Health::Warning);
        let far = at("22:03:20");
        assert_eq!(far.health, Health::Failed);
        assert_eq!(far.said, "this machine's clock is 600 s ahead of the service's");
        assert_eq!(clock(&dated("yesterday"), START).health, Health::Skipped);
    }

    #[test]
    fn a_webhook_must_be_ours_be_on_and_tell_enough() {
        let ours: Url = "https://ostler.example/webhooks/forge".parse().unwrap();
        let hook = HookFound {
            url: "https://ostler.example/webhooks/forge/".to_owned(),
            events: vec!["issues".to_owned()],
            active: true,
            trouble: None,
        };
        let judge = |hook: HookFound, events: &[&str]| webhook("webhook", &[hook], &ours, events);
        assert_eq!(judge(hook.clone(), &["issues"]).health, Health::Ok);
        assert!(judge(hook.clone(), &["issues", "pushes"]).said.ends_with("does not tell of pushes"));
        let all = HookFound { events: vec!["*".to_owned()], ..hook.clone() };
        assert_eq!(judge(all, &["pushes"]).health, Health::Ok);
        let off = HookFound { active: false, ..hook.clone() };
        assert_eq!(judge(off, &["issues"]).health, Health::Failed);
        let refused = HookFound { trouble: Some("answered 502".to_owned()), ..hook.clone() };
        assert_eq!(judge(refused, &["issues"]).health, Health::Warning);
        let old = HookFound { url: "https://old.example/webhooks/forge".to_owned(), ..hook };
        let finding = judge(old, &["issues"]);
        assert!(
            finding.health == Health::Failed && finding.said.contains("https://old.example"),
            "{finding:?}"
        );
        assert!(webhook("webhook", &[], &ours, &[]).said.starts_with("no webhook delivers to"));
    }
}
