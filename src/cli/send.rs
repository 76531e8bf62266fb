//! `ostler send`: signs a kept delivery as its source would, and posts it.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use http::{HeaderName, HeaderValue};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::delivery;
use super::exit::Exit;
use super::screen::{BAD, BOLD, GOOD, Screen};
use crate::clock::{Clock, SystemClock};
use crate::config::{self, Environment, Loaded};
use crate::event::SourceName;
use crate::id::EventId;
use crate::ingress::signature;
use crate::plugin::Registry;
use crate::plugin::scheme::Credential;
use crate::plugin::source::{Delivery, Source};

/// What `ostler send` is called with.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A kept delivery: a file, or `<source>/<name>` of one that is kept or shipped.
    fixture: String,
    /// Where Ostler listens; as the configuration says unless given.
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// The source that it is sent as; the one whose folder it is in unless given.
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Change a value of the body: `--set issue.title='Another title'`; JSON where it is JSON.
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Send it under this id of the sender's; a fresh one unless given.
    #[arg(long)]
    id: Option<String>,
    /// Sign it with a secret that is none.
    #[arg(long)]
    bad_signature: bool,
    /// The configuration with the source's secret.
    #[arg(long, value_name = "FILE")]
    config: Option<std::path::PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Sends.
pub(super) async fn run(
    arguments: Arguments,
    environment: &Environment,
    screen: &Screen,
) -> anyhow::Result<Exit> {
    let loaded = config::load(arguments.config.as_deref(), environment)?;
    let (source, delivery) = prepare(&arguments, &loaded)?;
    let base = arguments.to.clone().unwrap_or_else(|| format!("http://{}", loaded.config.server.listen));
    let url = format!("{}{}", base.trim_end_matches('/'), delivery.path);
    let client = reqwest::Client::new();
    let request = client.post(&url).headers(delivery.headers.clone()).body(delivery.body.clone());
    let answer = request.send().await.with_context(|| format!("{url} does not answer"))?;
    let (status, text) = (answer.status(), answer.text().await?);
    let body: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
    if arguments.json || !screen.is_terminal() {
        let told = serde_json::json!({
            "url": url, "source": source.name(), "status": status.as_u16(), "answer": body,
        });
        screen.line(serde_json::to_string_pretty(&told)?);
    } else {
        let style = if status.is_success() { GOOD } else { BAD };
        screen.line(format_args!("{BOLD}{url}{BOLD:#} {style}{status}{style:#}"));
        screen.line(serde_json::to_string_pretty(&body)?);
    }
    Ok(if status.is_success() { Exit::Done } else { Exit::Failed })
}

/// The delivery as it is sent: with its changes, its id and its signature.
fn prepare(arguments: &Arguments, loaded: &Loaded) -> anyhow::Result<(Arc<dyn Source>, Delivery)> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let kept = delivery::find(&arguments.fixture, Path::new("."))?;
    let name = arguments.source.clone().unwrap_or(kept.source);
    let registry = Registry::build(loaded.config.vendors()?, &clock)?;
    let source = registry.sources.get(&SourceName::new(&name)).cloned();
    let source = source.with_context(|| format!("the configuration has no source `{name}`"))?;
    let mut fixture = kept.fixture;
    for change in &arguments.set {
        let (path, value) =
            change.split_once('=').with_context(|| format!("`{change}` is not PATH=VALUE"))?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        fixture.set(path, value)?;
    }
    let mut delivery = fixture.delivery()?;
    let surface = if delivery.surface.is_empty() { String::new() } else { format!("/{}", delivery.surface) };
    delivery.path = format!("/webhooks/{name}{surface}");
    let id = arguments.id.clone().unwrap_or_else(|| fresh_id(&*clock));
    for header in source.id_headers() {
        set(&mut delivery, header, &id)?;
    }
    sign(source.as_ref(), &mut delivery, arguments.bad_signature, &*clock)?;
    Ok((source, delivery))
}

/// An id that no delivery had before, in the form that most senders give theirs.
fn fresh_id(clock: &dyn Clock) -> String {
    uuid::Uuid::from_bytes(*EventId::at(clock.now()).as_bytes()).to_string()
}

fn sign(source: &dyn Source, delivery: &mut Delivery, bad: bool, clock: &dyn Clock) -> anyhow::Result<()> {
    let credentials = source.credentials(&delivery.surface);
    if credentials.is_empty() {
        bail!("{} is off: the configuration has no secret to sign with", source.name());
    }
    let now = clock.now();
    let signed = credentials.iter().find_map(|Credential { scheme, secret }| {
        let body = signature::date(scheme, &delivery.body, now);
        let dated = Delivery { body, ..delivery.clone() };
        let headers = signature::sign(scheme, secret.expose_secret(), &dated, now).ok()?;
        Some((scheme.header(), dated.body, headers))
    });
    let (proof, body, headers) =
        signed.with_context(|| format!("none of {}'s secrets can sign", source.name()))?;
    delivery.body = body;
    for (name, value) in headers {
        let value = if bad && name.eq_ignore_ascii_case(proof) { spoilt(&value) } else { value };
        set(delivery, &name, &value)?;
    }
    Ok(())
}

/// The proof with one letter changed: near its end, where no prefix is, and not the last ones, which may be
/// padding.
fn spoilt(proof: &str) -> String {
    let at = proof.len().saturating_sub(5);
    let other = |letter| if letter == 'a' { 'b' } else { 'a' };
    proof.char_indices().map(|(place, letter)| if place == at { other(letter) } else { letter }).collect()
}

fn set(delivery: &mut Delivery, name: &str, value: &str) -> anyhow::Result<()> {
    let name = HeaderName::try_from(name)?;
    delivery.headers.insert(name, HeaderValue::try_from(value)?);
    Ok(())
}
