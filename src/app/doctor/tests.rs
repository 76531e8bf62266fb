//! The doctor among the twins: everything well, and each thing that can be wrong on its own.

use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::clock::SystemClock;
use crate::config::{self, Environment};
use crate::plugin::setup::WantedHook;
use crate::twin;

/// The configuration of `serve` for the twins.
const CONFIG: &str = include_str!("../../../fixtures/twins.yaml");

/// A machine whose clock is off by so many seconds.
#[derive(Debug)]
struct Off(i64);

impl Clock for Off {
    fn now(&self) -> Timestamp {
        SystemClock.now() + jiff::SignedDuration::from_secs(self.0)
    }

    fn sleep_until(&self, moment: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(
            async move { SystemClock.sleep_until(moment - jiff::SignedDuration::from_secs(self.0)).await },
        )
    }
}

/// Twins, and a configuration that is right for them.
struct Scene {
    loaded: Loaded,
    twins: twin::Handle,
    stop: CancellationToken,
    _place: TempDir,
}

impl Scene {
    /// Twins whose clock is off by so many seconds.
    async fn start(off: i64) -> Self {
        let place = tempfile::tempdir().unwrap();
        let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let public = format!("http://{}", door.local_addr().unwrap());
        let health = async || axum::Json(json!({"status": "ok"}));
        let routes = axum::Router::new().route("/api/v1/health", axum::routing::get(health));
        tokio::spawn(async move { axum::serve(door, routes).await });
        let theirs = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stop = CancellationToken::new();
        let options = twin::Options::new(public.parse().unwrap(), Arc::new(Off(off)));
        let twins = twin::serve(theirs, options, stop.clone()).await.unwrap();
        let base = twins.base().as_str().trim_end_matches('/').to_owned();
        let file = place.path().join("ostler.yaml");
        std::fs::write(&file, CONFIG).unwrap();
        let environment = Environment::from([("OSTLER_TWINS", &*base), ("OSTLER_PUBLIC_URL", &public)]);
        let mut loaded = config::load(Some(&file), &environment).unwrap();
        loaded.config.store.url = format!("sled://{}", place.path().join("data").display());
        loaded.config.system.workspace_dir = place.path().join("workspaces");
        Self { loaded, twins, stop, _place: place }
    }

    /// Registers the webhooks, as `ostler init` does.
    async fn register(&self, public: Option<&str>) {
        let mut config = self.loaded.config.clone();
        if let Some(public) = public {
            config.server.public_url = Some(public.to_owned());
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let registry = Registry::build(config.vendors().unwrap(), &clock).unwrap();
        for (name, hooks) in &registry.hooks {
            let Expected { address, repositories } = expected(&config, name);
            let wanted = WantedHook { address: address.unwrap(), secret: "hush".into(), repositories };
            hooks.register(&wanted).await.unwrap();
        }
    }

    async fn fault(&self, fault: Value) {
        let url = self.twins.base().join("twin/faults").unwrap();
        let answer = reqwest::Client::new().post(url).json(&fault).send().await.unwrap();
        assert!(answer.status().is_success());
    }

    /// What the doctor finds that is not well.
    async fn complaints(&self) -> Vec<Placed> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let findings = examine(Ok(self.loaded.clone()), &clock).await;
        let shown = serde_json::to_string(&findings).unwrap();
        for secret in ["twin-github-token", "twin-jira-token", "xoxb-twin", "twin-model-key", "-webhook\""] {
            assert!(!shown.contains(secret), "{secret} is told: {shown}");
        }
        assert!(
            findings
                .iter()
                .all(|placed| placed.finding.health != Health::Ok || placed.finding.advice.is_none())
        );
        findings.into_iter().filter(|placed| placed.finding.health == Health::Failed).collect()
    }

    /// The only complaint there is: its area, what it is about, and its sentence.
    async fn complaint(&self) -> (String, String, String) {
        let complaints = self.complaints().await;
        let [one] = &complaints[..] else { panic!("{complaints:#?}") };
        assert!(one.finding.advice.is_some(), "{one:?} says what to do");
        (one.area.clone(), one.finding.what.clone(), one.finding.said.clone())
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn refusal(path: &str, status: u16, headers: Value, body: Value) -> Value {
    json!({
        "match": {"path": path},
        "fault": {"status": status, "headers": headers, "body": body},
        "times": 10,
    })
}

#[tokio::test]
async fn all_is_well_where_all_is_set_up_and_registering_twice_doubles_nothing() {
    let scene = Scene::start(0).await;
    scene.register(None).await;
    scene.register(None).await;
    assert!(scene.complaints().await.is_empty(), "{:#?}", scene.complaints().await);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let registry = Registry::build(scene.loaded.config.vendors().unwrap(), &clock).unwrap();
    assert_eq!(registry.checkups.len(), 4, "GitHub, Jira, Slack and the model each looked at once");
    let api = scene.twins.base().join("github/api/v3/repos/acme/shop/hooks").unwrap();
    let hooks = reqwest::Client::new().get(api).header("user-agent", "test").bearer_auth("twin-github-token");
    let hooks: Vec<Value> = hooks.send().await.unwrap().json().await.unwrap();
    assert_eq!(hooks.len(), 1, "{hooks:?}");
    assert!(!hooks[0]["config"]["secret"].is_null(), "it signs");
}

#[tokio::test]
async fn a_token_that_is_no_longer_good_is_told_and_nothing_else_of_that_service() {
    let scene = Scene::start(0).await;
    scene.register(None).await;
    let body = json!({"message": "Bad credentials"});
    scene.fault(refusal("^/github/api/v3/user$", 401, json!({}), body)).await;
    let (area, what, said) = scene.complaint().await;
    assert_eq!((&*area, &*what, &*said), ("github", "token", "Bad credentials"));
}

#[tokio::test]
async fn a_scope_that_is_missing_is_named() {
    let scene = Scene::start(0).await;
    scene.register(None).await;
    let identity = json!({"ok": true, "user_id": "U0BOT", "bot_id": "B0BOT"});
    let headers = json!({"x-oauth-scopes": "chat:write,channels:read,channels:history,app_mentions:read"});
    scene.fault(refusal("^/slack/api/auth.test$", 200, headers, identity)).await;
    let (area, what, said) = scene.complaint().await;
    assert_eq!((&*area, &*what, &*said), ("slack", "scopes", "the bot lacks commands"));
}

#[tokio::test]
async fn a_permission_that_is_missing_is_named() {
    let scene = Scene::start(0).await;
    scene.register(None).await;
    let mine = json!({"permissions": {"BROWSE_PROJECTS": {"havePermission": true},
                                      "ADD_COMMENTS": {"havePermission": false}}});
    scene.fault(refusal("/mypermissions$", 200, json!({}), mine)).await;
    let (area, what, said) = scene.complaint().await;
    assert_eq!((&*area, &*what), ("jira", "permissions"));
    assert!(said.starts_with("the account lacks ADD_COMMENTS, EDIT_ISSUES"), "{said}");
}

#[tokio::test]
async fn a_clock_ten_minutes_off_is_told_by_every_service() {
    let scene = Scene::start(600).await;
    scene.register(None).await;
    let complaints = scene.complaints().await;
    let areas: Vec<_> = complaints.iter().map(|placed| placed.area.as_str()).collect();
    assert_eq!(areas, ["github", "jira", "slack", "anthropic"]);
    for placed in complaints {
        let finding = placed.finding;
        assert_eq!(finding.what, "clock");
        assert!(finding.said.ends_with("s behind the service's"), "{}", finding.said);
    }
}

#[tokio::test]
async fn webhooks_that_deliver_elsewhere_are_told_with_where() {
    let scene = Scene::start(0).await;
    scene.register(Some("https://old.example.org")).await;
    let complaints = scene.complaints().await;
    let shop = complaints.iter().find(|placed| placed.finding.what == "webhook of acme/shop").unwrap();
    let ours = scene.loaded.config.server.public_url.as_deref().unwrap();
    let there = "the webhook delivers to https://old.example.org/webhooks/github";
    assert_eq!(shop.finding.said, format!("{there}, not to {ours}/webhooks/github"));
    assert!(complaints.iter().any(|placed| placed.area == "jira" && placed.finding.what == "webhook"));
}

#[tokio::test]
async fn a_service_that_is_down_is_one_complaint() {
    let mut scene = Scene::start(0).await;
    scene.register(None).await;
    let options = &mut scene.loaded.config.plugins.communication.options;
    options.insert("base_url".to_owned(), "http://127.0.0.1:9/api".into());
    let (area, what, said) = scene.complaint().await;
    assert_eq!((&*area, &*what), ("slack", "connection"));
    assert!(said.starts_with("127.0.0.1: cannot connect"), "{said}");
}

#[tokio::test]
async fn a_store_that_a_server_uses_is_asked_of_the_server() {
    let scene = Scene::start(0).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let app = crate::app::App::start(scene.loaded.clone(), listener).await.unwrap();
    let found = host::store(&scene.loaded.config).await;
    assert!(found.iter().any(|one| one.said == "a server runs on it and answers"), "{found:#?}");
    app.shutdown().await;
    let found = host::store(&scene.loaded.config).await;
    assert!(found.iter().any(|one| one.what == "store" && one.said == "opens"), "{found:#?}");
}

#[tokio::test]
async fn a_configuration_that_does_not_load_is_the_only_finding() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("ostler.yaml");
    std::fs::write(&file, "limits: {monthly_bugdet: 3}\n").unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let findings = examine(config::load(Some(&file), &Environment::default()), &clock).await;
    assert!(
        !is_well(&findings) && findings.len() == 1 && findings[0].finding.said.contains("monthly_budget")
    );
}
