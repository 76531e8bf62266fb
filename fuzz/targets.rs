//! What reads bytes that anybody may have written: each target takes arbitrary ones and may refuse them, but not
//! panic, hang, or say what cannot be.
//!
//! The same functions are run by `tests/fuzz.rs` over the kept corpus and some thousand changes of it, and by
//! libFuzzer for as long as one likes (`CONTRIBUTING.md` has the command).

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use ostler::clock::{Clock, SystemClock};
use ostler::config::{self, Environment};
use ostler::event::{Command, PayloadRef, SourceName, Stamp};
use ostler::id::EventId;
use ostler::ingress::signature;
use ostler::plugin::registry::{self, Registry};
use ostler::plugin::scheme::{Algorithm, Credential, Encoding, Mac, Scheme};
use ostler::plugin::source::{Decoded, Delivery, Source};
use ostler::spec::{Catalog, Vocabulary, expr};
use secrecy::SecretString;
use serde_json::{Map, Value, json};

/// A request as text: its path, header lines, an empty line, the body.
fn request(data: &[u8]) -> Option<(String, Delivery)> {
    let end = data.windows(2).position(|pair| pair == b"\n\n")?;
    let head = std::str::from_utf8(&data[..end]).ok()?;
    let mut lines = head.lines();
    let path = lines.next()?.to_owned();
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(": ")?;
        headers.append(name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value).ok()?);
    }
    let (path, query) = path.split_once('?').unwrap_or((&path, ""));
    let mut parts = path.trim_start_matches('/').splitn(2, '/');
    let (source, surface) = (parts.next()?.to_owned(), parts.next().unwrap_or_default().to_owned());
    let body = data[end + 2..].to_vec().into();
    Some((source, Delivery { path: path.to_owned(), query: query.to_owned(), surface, headers, body }))
}

/// Every scheme there is, with a secret that it takes.
fn schemes() -> Vec<Credential> {
    let other = Mac {
        algorithm: Algorithm::Sha512,
        encoding: Encoding::Base64,
        listed: true,
        ..Mac::sha256("x-listed", "v1=")
    };
    let public = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8";
    let all = [
        (Scheme::Mac(Mac::sha256("x-hub-signature-256", "sha256=")), "secret"),
        (Scheme::Mac(other), "secret"),
        (
            Scheme::Timed {
                header: "x-slack-signature",
                timestamp: "x-slack-request-timestamp",
                version: "v0",
                window: 300,
            },
            "secret",
        ),
        (Scheme::Standard { window: 300 }, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        (Scheme::Standard { window: 300 }, "whpk_A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="),
        (
            Scheme::Ed25519 {
                header: "x-signature-ed25519",
                timestamp: "x-signature-timestamp",
                window: 300,
            },
            public,
        ),
        (
            Scheme::Token { header: "x-token".into(), prefix: "Bearer ", unless: Some("webhook-signature") },
            "a long secret",
        ),
        (Scheme::Connect, "secret"),
    ];
    all.map(|(scheme, secret)| Credential { scheme, secret: SecretString::from(secret) }).into()
}

/// Signatures: whatever is believed must be what the secret's owner signs.
pub fn signature(data: &[u8]) {
    static SCHEMES: LazyLock<Vec<Credential>> = LazyLock::new(schemes);
    let Some((_, delivery)) = request(data) else { return };
    let now = Timestamp::from_second(1_700_000_000).expect("a moment");
    for credential in SCHEMES.iter() {
        let believed = signature::verify(std::slice::from_ref(credential), &delivery, now).is_ok();
        let tampered = Delivery { body: [&delivery.body[..], b"!"].concat().into(), ..delivery.clone() };
        let covers = !matches!(credential.scheme, Scheme::Token { .. } | Scheme::Connect);
        let again = signature::verify(std::slice::from_ref(credential), &tampered, now).is_ok();
        assert!(!(believed && again && covers), "two bodies are believed by one signature");
    }
}

/// All sources, each with a secret.
fn sources() -> BTreeMap<SourceName, Arc<dyn Source>> {
    let options: Value = serde_json::from_str(include_str!("sources.json")).expect("the sources' options");
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let _inside = runtime.enter();
    let options = serde_json::from_value(json!({ "sources": options })).expect("the sources' options");
    Registry::build(options, &clock).expect("all sources").sources
}

/// Normalizers: a delivery that is understood is an event of its source, with a name by which it is known again.
pub fn decode(data: &[u8]) {
    static SOURCES: LazyLock<BTreeMap<SourceName, Arc<dyn Source>>> = LazyLock::new(sources);
    let Some((name, delivery)) = request(data) else { return };
    let Some(source) = SOURCES.get(&SourceName::new(name)) else { return };
    drop(source.courtesy(&delivery));
    let received_at = Timestamp::from_second(1_700_000_000).expect("a moment");
    let payload = PayloadRef::to(&delivery.body);
    let stamp = Stamp { id: EventId::at(received_at), source: source.name(), received_at, payload };
    let Ok(Decoded::Event { event, identities }) = source.decode(&delivery, &stamp) else { return };
    assert_eq!((&event.source, event.id), (&stamp.source, stamp.id));
    let kind = event.kind.as_str();
    assert!(kind.starts_with(&format!("{}.", stamp.source)) && !kind.split('.').any(str::is_empty), "{kind}");
    assert!(!identities.is_empty() && identities.iter().all(|identity| !identity.is_empty()));
    // What is kept can be read again.
    let kept = serde_json::to_value(&event).expect("an event is JSON");
    let read: ostler::event::Event =
        serde_json::from_value(kept).expect("an event is what it was written as");
    assert_eq!(read, *event);
}

/// The grammar of commands.
pub fn command(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let parsed = Command::parse(text);
    assert!(!parsed.name.contains(char::is_whitespace), "{parsed:?}");
    if let Some(command) = Command::in_comment(text, Command::NAMES) {
        assert!(text.contains(&command.text), "{command:?}");
    }
}

/// Handlers, workflows and roles: what is accepted can be frozen and read again.
pub fn catalog(data: &[u8]) {
    static WORDS: LazyLock<Vocabulary> = LazyLock::new(registry::vocabulary);
    let Ok(text) = std::str::from_utf8(data) else { return };
    let workflow = "name: W\nsteps:\n  - {name: say, type: system, action: log, inputs: {message: m}}\n";
    for path in ["handlers/a.yaml", "workflows/b.yaml", "prompts/agents/c.md", "prompts/d.txt"] {
        let texts = [("workflows/w.yaml", workflow), (path, text)]
            .map(|(path, text)| (path.to_owned(), text.to_owned()));
        match Catalog::of_texts(texts, &WORDS) {
            Ok(catalog) => drop(serde_json::to_value(&catalog.triggers).expect("triggers are JSON")),
            Err(faults) => assert!(!faults.render(false).is_empty()),
        }
    }
}

/// The configuration's file.
pub fn config(data: &[u8]) {
    let place = tempfile::tempdir().expect("a directory");
    let file = place.path().join("ostler.yaml");
    std::fs::write(&file, data).expect("a file");
    if let Ok(loaded) = config::load(Some(&file), &Environment::default()) {
        drop(loaded.config.vendors());
    }
}

/// Expressions, in values and as conditions.
pub fn expression(data: &[u8]) {
    static NAMES: LazyLock<Map<String, Value>> = LazyLock::new(|| {
        let task = json!({"title": "The totals", "labels": ["a", "b"], "points": 3, "due": "2026-03-15"});
        let event =
            json!({"label": "bug", "time": "2026-03-01T12:30:00Z", "task": task, "count": 3, "rest": null});
        Map::from_iter([("event".to_owned(), event), ("task".to_owned(), task)])
    });
    let Ok(text) = std::str::from_utf8(data) else { return };
    let value = Value::String(text.to_owned());
    let plain = !text.contains("${");
    match expr::render(&value, &NAMES) {
        Ok(rendered) => assert!(!plain || rendered == value, "text without an expression stays as it is"),
        Err(error) => assert!(error.offset <= text.len(), "{error:?}"),
    }
    drop(expr::test(text, &NAMES));
    drop(expr::roots(&value));
}
