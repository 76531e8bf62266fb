use std::collections::BTreeMap;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderName, Request, StatusCode};
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use tower::ServiceExt as _;

use super::*;
use crate::clock::{Clock, ManualClock};
use crate::event::{Access, Account, KindPattern, SourceName};
use crate::id::{Digest, RunId};
use crate::ingress::{Current, Policy, signature};
use crate::money::{Limits, Prices};
use crate::plugin::fixture::Fixture;
use crate::plugin::scheme::{Mac, Scheme};
use crate::plugin::source::{Delivery, FORM};
use crate::plugin::{Registry, Source, github, jira, slack};
use crate::router::{Rules, Standing};
use crate::run::Settings;
use crate::spec::workflow::{PostExecution, Workflow};
use crate::spec::{Catalog, Filter, Guards, RepositoryMap, Trigger};
use crate::store::{Census, Found, Memory, Query};

mod abuse;
mod refused;
mod shelf;

use self::shelf::Shelf;

const SECRET: &str = "correct horse battery staple";

/// Ostler's face over a store in memory, with three sources and four triggers.
struct House {
    router: Router,
    face: Face,
    store: Arc<dyn Store>,
    shelf: Option<Arc<Shelf>>,
    sources: BTreeMap<SourceName, Arc<dyn Source>>,
    clock: Arc<ManualClock>,
    pokes: Arc<std::sync::atomic::AtomicUsize>,
}

impl House {
    fn new() -> Self {
        let secrets = || vec![SecretString::from("old secret"), SecretString::from(SECRET)];
        let sources: [Arc<dyn Source>; 3] = [
            Arc::new(github::source::GithubSource::new(github::source::SourceOptions {
                secrets: secrets(),
                ..Default::default()
            })),
            Arc::new(jira::source::JiraSource::new(jira::source::SourceOptions {
                secrets: secrets(),
                ..jira::source::SourceOptions::default()
            })),
            Arc::new(slack::source::SlackSource::new(slack::source::SourceOptions {
                signing_secrets: secrets(),
                ..slack::source::SourceOptions::default()
            })),
        ];
        Self::with(sources.into_iter().map(|source| (source.name(), source)).collect())
    }

    fn with(sources: BTreeMap<SourceName, Arc<dyn Source>>) -> Self {
        let shelf = Arc::new(Shelf::default());
        Self { shelf: Some(Arc::clone(&shelf)), ..Self::over(shelf, sources) }
    }

    fn over(store: Arc<dyn Store>, sources: BTreeMap<SourceName, Arc<dyn Source>>) -> Self {
        let registry = Registry { sources: sources.clone(), ..Registry::default() };
        let clock = Arc::new(ManualClock::at("2026-11-21T08:00:00Z".parse().unwrap()));
        let pokes = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let poke = {
            let pokes = Arc::clone(&pokes);
            move |_: &[RunId]| {
                pokes.fetch_add(1, Ordering::Relaxed);
            }
        };
        let policy = Arc::new(Current::new(policy(registry)));
        let inbox = Inbox::new(Arc::clone(&store), policy, Arc::clone(&clock) as Arc<dyn Clock>, poke);
        let face = Face::new(Arc::new(inbox), Arc::clone(&store), Arc::clone(&clock) as _);
        Self { router: router(face.clone()), face, shelf: None, store, sources, clock, pokes }
    }

    /// A kept delivery, signed as its source would.
    fn signed(&self, source: &str, name: &str) -> Request<Body> {
        self.signed_delivery(source, kept(source, name))
    }

    fn signed_delivery(&self, source: &str, delivery: Delivery) -> Request<Body> {
        let scheme = &self.sources[&SourceName::new(source)].credentials(&delivery.surface)[0].scheme;
        let mut request = unsigned(source, delivery.clone());
        for (name, value) in signature::sign(scheme, SECRET, &delivery, self.clock.now()).unwrap() {
            let name: HeaderName = name.parse().unwrap();
            request.headers_mut().append(name, value.parse().unwrap());
        }
        request
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let kind =
            parts.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        Answer {
            status: parts.status,
            kind: kind.to_owned(),
            retry: parts.headers.contains_key("retry-after"),
            json: serde_json::from_slice(&body).unwrap_or(Value::Null),
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    async fn census(&self) -> Census {
        match self.store.query(Query::Census).await.unwrap() {
            Found::Census(census) => census,
            other => panic!("{other:?}"),
        }
    }

    /// Sends a request that must be refused so, and leave nothing behind.
    async fn refused(&self, request: Request<Body>, status: StatusCode) -> Answer {
        let answer = self.send(request).await;
        assert_eq!(answer.status, status, "{}", answer.body);
        assert_eq!(answer.kind, "application/problem+json");
        assert_eq!(answer.json["status"], status.as_u16());
        for field in ["type", "title", "detail"] {
            assert!(answer.json[field].is_string(), "{}", answer.body);
        }
        assert!(!answer.body.contains(SECRET) && !answer.body.contains("old secret"));
        assert_eq!(self.census().await, Census::default());
        answer
    }
}

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    kind: String,
    retry: bool,
    json: Value,
    body: String,
}

fn kept(source: &str, name: &str) -> Delivery {
    let path = format!("{}/fixtures/deliveries/{source}/{name}.json", env!("CARGO_MANIFEST_DIR"));
    Fixture::read(&std::fs::read_to_string(path).unwrap()).unwrap().delivery().unwrap()
}

fn unsigned(source: &str, delivery: Delivery) -> Request<Body> {
    let surface = if delivery.surface.is_empty() { String::new() } else { format!("/{}", delivery.surface) };
    let mut request =
        Request::post(format!("/webhooks/{source}{surface}")).body(Body::from(delivery.body)).unwrap();
    *request.headers_mut() = delivery.headers;
    request
}

fn policy(registry: Registry) -> Policy {
    let trigger = |id: &str, on: &str, filter| Trigger {
        id: id.to_owned(),
        description: "Does the work".to_owned(),
        on: vec![KindPattern::new(on)],
        condition: None,
        filter,
        who: None,
        schedule: None,
        guards: Guards::default(),
        run: "standard".to_owned(),
        inputs: Map::new(),
    };
    let implement = || Filter { command: vec!["implement".to_owned()], ..Filter::default() };
    let triggers = vec![
        trigger(
            "label",
            "github.issue.labeled",
            Filter { label: vec!["ostler".to_owned()], ..Filter::default() },
        ),
        trigger("comment", "github.comment.created", implement()),
        trigger(
            "assigned",
            "jira.issue.assigned",
            Filter { assignee: vec!["bot".to_owned()], ..Filter::default() },
        ),
        trigger("slash", "slack.command", implement()),
    ];
    let catalog = Catalog {
        triggers,
        workflows: BTreeMap::from([("standard".to_owned(), workflow())]),
        prompts: BTreeMap::new(),
        roles: BTreeMap::new(),
        digest: Digest::of(b""),
    };
    let shop = "acme/shop".parse().unwrap();
    let standing = Standing {
        own: vec![Account::new("jira", "712020:0f3c8a52-ostler")],
        repositories: RepositoryMap([("SHOP".to_owned(), shop)].into_iter().collect()),
        tracker: Some(SourceName::new("jira")),
        forge: Some(SourceName::new("github")),
        access: Access { allow: vec![Account::new("slack", "U1")], ..Access::default() },
        ..Standing::default()
    };
    Policy::new(Arc::new(registry), Rules::new(catalog), settings(), standing)
}

fn settings() -> Settings {
    Settings {
        bindings: BTreeMap::new(),
        limits: Limits::default(),
        prices: Prices::default(),
        model: "m".to_owned(),
        access: Access::default(),
        actions: Vec::new(),
    }
}

fn workflow() -> Workflow {
    Workflow {
        id: "standard".to_owned(),
        name: "Standard".to_owned(),
        description: String::new(),
        version: String::new(),
        variables: Map::new(),
        inputs: Vec::new(),
        prerequisites: Vec::new(),
        steps: Vec::new(),
        success_criteria: Vec::new(),
        post_execution: PostExecution::default(),
        timeout: None,
        results: Default::default(),
    }
}

#[tokio::test]
async fn the_four_ways_in_each_start_a_run() {
    for (source, name) in [
        ("github", "issues.labeled"),
        ("github", "issue_comment.created-on-pull-request"),
        ("jira", "issue_updated.assigned"),
        ("slack", "command"),
    ] {
        let house = House::new();
        let answer = house.send(house.signed(source, name)).await;
        assert_eq!(answer.status, StatusCode::OK, "{name}: {}", answer.body);
        if source == "slack" {
            assert!(
                answer.json["text"]
                    .as_str()
                    .unwrap()
                    .starts_with("Started standard for SHOP-7 in acme/shop."),
                "{}",
                answer.body
            );
        } else {
            assert_eq!(answer.json["status"], "accepted", "{name}");
            assert_eq!(answer.json["runs"].as_array().unwrap().len(), 1);
            assert!(answer.json["event_id"].as_str().unwrap().starts_with("evt_"));
        }
        let census = house.census().await;
        assert_eq!((census.events, census.runs), (1, 1), "{name}");
        assert_eq!(house.pokes.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn the_same_delivery_ten_times_at_once_is_one_run() {
    for (source, name) in
        [("github", "issues.labeled"), ("jira", "issue_updated.assigned"), ("slack", "command")]
    {
        let house = House::over(Arc::new(Memory::open().unwrap()), House::new().sources);
        let sends = (0..10).map(|_| house.send(house.signed(source, name)));
        let answers = futures_util::future::join_all(sends).await;
        assert!(answers.iter().all(|answer| answer.status == StatusCode::OK));
        let fresh = answers.iter().filter(|answer| answer.json["status"] == "accepted").count();
        assert_eq!(fresh, usize::from(source != "slack"));
        let runs: Vec<_> = answers.iter().map(|answer| &answer.json["runs"]).collect();
        assert!(runs.iter().all(|run| *run == runs[0]), "duplicates are told the first one's run");
        let census = house.census().await;
        assert_eq!((census.events, census.runs), (1, 1), "{name}");
    }
}

#[tokio::test]
async fn the_same_bytes_under_another_id_are_the_same_delivery() {
    let house = House::new();
    house.send(house.signed("github", "issues.labeled")).await;
    let mut again = house.signed("github", "issues.labeled");
    again.headers_mut().insert("X-GitHub-Delivery", "another".parse().unwrap());
    assert_eq!(house.send(again).await.json["status"], "duplicate");
    assert_eq!(house.census().await.runs, 1);
}

#[tokio::test]
async fn an_event_that_nobody_wants_is_kept_with_its_reasons() {
    let house = House::new();
    let answer = house.send(house.signed("github", "issues.opened")).await;
    assert_eq!((answer.status, &answer.json["status"]), (StatusCode::OK, &json!("ignored")));
    let census = house.census().await;
    assert_eq!((census.events, census.runs), (1, 0));
    assert_eq!(house.pokes.load(Ordering::Relaxed), 0);
    let comment = house.send(house.signed("github", "issue_comment.created")).await;
    let reasons = house.shelf.as_ref().unwrap().reasons(comment.json["event_id"].as_str().unwrap());
    assert_eq!(reasons["triggers"][0]["condition"], "command");
    assert_eq!(reasons["triggers"][0]["actual"], "fix");
}

#[tokio::test]
async fn handshakes_are_answered_and_leave_nothing() {
    let house = House::new();
    let ping = house.send(house.signed("github", "ping")).await;
    assert_eq!((ping.status, &ping.json["status"]), (StatusCode::OK, &json!("ignored")));
    let challenge = house.send(house.signed("slack", "url_verification")).await;
    assert!(challenge.json["challenge"].is_string());
    let check = house.send(unsigned("slack", kept("slack", "ssl_check"))).await;
    assert_eq!((check.status, check.body.as_str()), (StatusCode::OK, ""));
    let changed = house.send(house.signed("slack", "message.changed")).await;
    assert_eq!(changed.json["status"], "ignored");
    assert_eq!(house.census().await, Census::default());
}

#[tokio::test]
async fn a_slash_command_is_answered_usefully_whatever_it_says() {
    let house = House::new();
    let say = |text: &str, trigger: &str| {
        let form = [("user_id", "U1"), ("channel_id", "C1"), ("text", text), ("trigger_id", trigger)];
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let headers = [(axum::http::header::CONTENT_TYPE, FORM.parse().unwrap())].into_iter().collect();
        house.signed_delivery(
            "slack",
            Delivery { surface: "commands".to_owned(), headers, body: body.into(), ..Delivery::default() },
        )
    };
    let text = |answer: Answer| answer.json["text"].as_str().unwrap().to_owned();
    assert!(text(house.send(say("help", "1")).await).contains("`implement` (`impl`): Does the work"));
    assert!(text(house.send(say("implement x", "2")).await).contains("/ostler use"));
    assert!(text(house.send(say("implement x --repo acme/shop", "3")).await).starts_with("Started"));
    assert!(text(house.send(say("implement x --repo acme/shop", "3")).await).contains("under way"));
    assert_eq!(house.census().await.runs, 1);
}

#[tokio::test]
async fn wrong_and_missing_signatures_are_unauthorized() {
    let house = House::new();
    for (source, name) in [("github", "issues.labeled"), ("jira", "issue_created"), ("slack", "command")] {
        house.refused(unsigned(source, kept(source, name)), StatusCode::UNAUTHORIZED).await;
        let mut changed = house.signed(source, name);
        *changed.body_mut() = Body::from("{}");
        house.refused(changed, StatusCode::UNAUTHORIZED).await;
    }
    // Garbage is not even looked at before its signature.
    let garbage = Request::post("/webhooks/github").body(Body::from("{")).unwrap();
    house.refused(garbage, StatusCode::UNAUTHORIZED).await;
}

#[tokio::test]
async fn a_stale_request_is_unauthorized() {
    let house = House::new();
    let request = house.signed("slack", "command");
    house.clock.advance(std::time::Duration::from_secs(301));
    let answer = house.refused(request, StatusCode::UNAUTHORIZED).await;
    assert!(answer.body.contains("timestamp"));
}

#[tokio::test]
async fn a_signed_body_that_is_malformed_is_a_bad_request() {
    let house = House::new();
    for (source, name) in [("github", "issues.labeled"), ("jira", "issue_created"), ("slack", "app_mention")]
    {
        let delivery = Delivery { body: "{\"a\": ".into(), ..kept(source, name) };
        house.refused(house.signed_delivery(source, delivery), StatusCode::BAD_REQUEST).await;
    }
}

#[tokio::test]
async fn a_body_over_its_sources_limit_is_too_large() {
    let house = House::new();
    // Told by its length, before a byte of it is read.
    let told =
        Request::post("/webhooks/github").header("content-length", "31457280").body(Body::empty()).unwrap();
    house.refused(told, StatusCode::PAYLOAD_TOO_LARGE).await;
    // And found out while it is read.
    let chunks = futures_util::stream::iter((0..1100).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1024])));
    let untold = Request::post("/webhooks/slack/events").body(Body::from_stream(chunks)).unwrap();
    house.refused(untold, StatusCode::PAYLOAD_TOO_LARGE).await;
}

#[tokio::test]
async fn a_large_body_within_the_limit_is_read() {
    let house = House::new();
    let mut delivery = kept("github", "issues.labeled");
    let padding = "x".repeat(2 * 1024 * 1024);
    delivery.body = String::from_utf8(delivery.body.to_vec())
        .unwrap()
        .replacen('{', &format!("{{\"padding\":\"{padding}\","), 1)
        .into();
    let answer = house.send(house.signed_delivery("github", delivery)).await;
    assert_eq!(answer.json["status"], "accepted", "{}", answer.body);
}

#[tokio::test]
async fn unknown_places_are_not_found_and_methods_not_allowed() {
    let house = House::new();
    for path in
        ["/webhooks/nobody", "/webhooks/github/events", "/webhooks/slack", "/webhooks/slack/other", "/else"]
    {
        house.refused(Request::post(path).body(Body::empty()).unwrap(), StatusCode::NOT_FOUND).await;
    }
    let get = Request::get("/webhooks/github").body(Body::empty()).unwrap();
    house.refused(get, StatusCode::METHOD_NOT_ALLOWED).await;
}

#[tokio::test]
async fn a_source_without_a_secret_is_off() {
    for secrets in [Vec::new(), vec![SecretString::from("")]] {
        let source = github::source::GithubSource::new(github::source::SourceOptions {
            secrets,
            ..Default::default()
        });
        let house = House::with([(source.name(), Arc::new(source) as Arc<dyn Source>)].into_iter().collect());
        let mut request = unsigned("github", kept("github", "issues.labeled"));
        let scheme = Scheme::Mac(Mac::sha256("x-hub-signature-256", "sha256="));
        let empty = Delivery { body: "x".into(), ..Delivery::default() };
        let forged = signature::sign(&scheme, "", &empty, house.clock.now()).unwrap();
        request.headers_mut().append("x-hub-signature-256", forged[0].1.parse().unwrap());
        house.refused(request, StatusCode::NOT_FOUND).await;
    }
}

#[tokio::test]
async fn a_busy_store_asks_to_come_again() {
    let house = House::new();
    house.shelf.as_ref().unwrap().be_busy();
    let answer =
        house.refused(house.signed("github", "issues.labeled"), StatusCode::SERVICE_UNAVAILABLE).await;
    assert!(answer.retry);
}

#[tokio::test]
async fn more_deliveries_than_there_are_places_are_asked_to_come_again() {
    let house = House::new();
    let all = house.face.places.clone().try_acquire_many_owned(u32::try_from(DELIVERIES).unwrap()).unwrap();
    let answer =
        house.refused(house.signed("github", "issues.labeled"), StatusCode::SERVICE_UNAVAILABLE).await;
    assert!(answer.retry);
    drop(all);
    assert_eq!(house.send(house.signed("github", "issues.labeled")).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let house = House::new();
    let never = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let request = Request::post("/webhooks/github").body(Body::from_stream(never)).unwrap();
    let later = async {
        tokio::task::yield_now().await;
        house.clock.advance(std::time::Duration::from_secs(10));
    };
    tokio::join!(house.refused(request, StatusCode::REQUEST_TIMEOUT), later);
}

#[tokio::test]
async fn health_says_that_it_lives_and_whether_it_is_ready() {
    let house = House::new();
    let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    let live = house.send(get("/api/v1/health")).await;
    assert_eq!((live.status, &live.json["status"]), (StatusCode::OK, &json!("ok")));
    assert_eq!(live.json["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(house.send(get("/api/v1/health/ready")).await.status, StatusCode::OK);
    house.face.drain();
    house.refused(get("/api/v1/health/ready"), StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(house.send(get("/api/v1/health")).await.status, StatusCode::OK);
}
