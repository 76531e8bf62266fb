use std::sync::Mutex;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::{any, post};
use tokio::sync::mpsc;

use super::super::Options;
use super::super::source::SlackSource;
use super::*;
use crate::clock::SystemClock;
use crate::plugin::client::testing;
use crate::plugin::fixture::tests::{decode, kept};
use crate::plugin::source::Decoded;

/// Slack with what it says on its connections, and what it was told.
#[derive(Debug)]
struct Workspace {
    /// What it says when an address is asked for; `ADDRESS` in it stands for a good one.
    opened: Value,
    says: Vec<Value>,
    tokens: Mutex<Vec<String>>,
    told: mpsc::UnboundedSender<Value>,
    base: Mutex<String>,
}

/// The same, as it is listened to.
struct Scene {
    workspace: Arc<Workspace>,
    mode: SocketMode,
    told: mpsc::UnboundedReceiver<Value>,
}

fn options() -> SourceOptions {
    SourceOptions { app_token: Some("xapp-hush".into()), ..SourceOptions::default() }
}

impl Scene {
    async fn start(opened: Value, says: Vec<Value>) -> Self {
        let (sender, told) = mpsc::unbounded_channel();
        let workspace = Arc::new(Workspace {
            opened,
            says,
            tokens: Mutex::default(),
            told: sender,
            base: Mutex::default(),
        });
        let routes = Router::new()
            .route("/api/apps.connections.open", post(Workspace::give))
            .route("/link", any(Workspace::link))
            .with_state(Arc::clone(&workspace));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = listener.local_addr().unwrap().to_string();
        workspace.base.lock().unwrap().clone_from(&base);
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        let bot = Options {
            base_url: format!("http://{base}/api").parse().unwrap(),
            token: Some("xoxb-hush".into()),
            ..Options::default()
        };
        let slack = Slack::new(bot, Arc::new(SystemClock), testing::transport()).unwrap();
        let http = reqwest::Client::builder().no_proxy().http1_only().build().unwrap();
        let mode = SocketMode::of(&Arc::new(slack), &options(), http).unwrap();
        Self { workspace, mode, told }
    }

    /// With an address for a connection, on which it says this after its greeting.
    async fn saying(says: impl IntoIterator<Item = Value>) -> Self {
        let says = std::iter::once(json!({"type": "hello", "num_connections": 1})).chain(says).collect();
        Self::start(json!({"ok": true, "url": "ADDRESS"}), says).await
    }
}

impl Workspace {
    async fn give(State(workspace): State<Arc<Self>>, headers: HeaderMap) -> Response {
        workspace.tokens.lock().unwrap().push(headers[AUTHORIZATION].to_str().unwrap().to_owned());
        let address = format!("ws://{}/link?ticket=hush", workspace.base.lock().unwrap());
        let body = workspace.opened.to_string().replace("ADDRESS", &address);
        testing::json(200, &serde_json::from_str(&body).unwrap())
    }

    async fn link(State(workspace): State<Arc<Self>>, upgrade: WebSocketUpgrade) -> Response {
        upgrade.on_upgrade(async move |mut socket: WebSocket| {
            for text in &workspace.says {
                socket.send(Message::text(text.to_string())).await.unwrap();
            }
            while let Some(Ok(message)) = socket.recv().await {
                if let Message::Text(text) = message {
                    workspace.told.send(serde_json::from_str(&text).unwrap()).unwrap();
                }
            }
        })
    }
}

/// An envelope around what is kept as it is posted.
fn envelope(kind: &str, name: &str, takes_reply: bool) -> Value {
    let fixture = kept("slack", name);
    let payload = match (fixture.body, fixture.form) {
        (_, Some(mut form)) if kind == "interactive" => form.remove("payload").unwrap(),
        (_, Some(form)) => Value::Object(form),
        (body, None) => body.unwrap(),
    };
    json!({
        "envelope_id": name, "type": kind, "payload": payload, "accepts_response_payload": takes_reply,
    })
}

fn delivery(told: Told) -> (Receipt, Delivery) {
    match told {
        Told::Delivery(receipt, delivery) => (receipt, *delivery),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_comes_in_an_envelope_is_what_would_have_been_posted() {
    let told = [
        ("events_api", "app_mention"),
        ("events_api", "message"),
        ("slash_commands", "command"),
        ("interactive", "block_actions"),
        ("interactive", "view_submission"),
    ];
    let scene = Scene::saying(told.map(|(kind, name)| envelope(kind, name, false))).await;
    let mut line = scene.mode.connect().await.unwrap();
    let source = SlackSource::new(options());
    for (_, name) in told {
        let (receipt, told) = delivery(line.next().await.unwrap());
        assert_eq!(receipt, Receipt { id: name.to_owned(), takes_reply: false });
        let posted = kept("slack", name).delivery().unwrap();
        assert_eq!((&told.surface, told.media_type()), (&posted.surface, posted.media_type()));
        let [told, posted] = [told, posted].map(|delivery| match decode(&source, &delivery).unwrap() {
            Decoded::Event { mut event, identities } => {
                event.payload = crate::event::PayloadRef::to(b"");
                (event, identities)
            }
            other => panic!("{name}: {other:?}"),
        });
        assert_eq!(told.1, posted.1, "{name}");
        let [mut told, posted] = [told, posted].map(|(event, _)| serde_json::to_value(event).unwrap());
        // A command is told of without the moment at which it would have been signed.
        (told["id"], told["time"]) = (posted["id"].clone(), posted["time"].clone());
        assert_eq!(told, posted, "{name}");
    }
    assert_eq!(*scene.workspace.tokens.lock().unwrap(), ["Bearer xapp-hush"]);
}

#[tokio::test]
async fn an_acknowledgement_carries_an_answer_where_one_is_taken() {
    let mut scene = Scene::saying([]).await;
    let mut line = scene.mode.connect().await.unwrap();
    let receipt = |takes_reply| Receipt { id: "e".to_owned(), takes_reply };
    let answer = || Some(Reply::Json(json!({"text": "Started."})));
    line.acknowledge(receipt(true), answer()).await.unwrap();
    line.acknowledge(receipt(false), answer()).await.unwrap();
    line.acknowledge(receipt(true), Some(Reply::Empty)).await.unwrap();
    let told = [scene.told.recv().await, scene.told.recv().await, scene.told.recv().await];
    let bare = || Some(json!({"envelope_id": "e"}));
    assert_eq!(told, [Some(json!({"envelope_id": "e", "payload": {"text": "Started."}})), bare(), bare()]);
}

#[tokio::test]
async fn a_connection_says_when_it_will_end_and_why_it_has() {
    let end = |reason: &str| json!({"type": "disconnect", "reason": reason, "debug_info": {}});
    let strange = json!({"type": "horoscope", "envelope_id": "x"});
    let scene =
        Scene::saying([strange, end("warning"), end("refresh_requested"), end("too_many_websockets")]).await;
    let mut line = scene.mode.connect().await.unwrap();
    assert!(matches!(line.next().await.unwrap(), Told::Ending));
    assert!(matches!(line.next().await.unwrap(), Told::Ending));
    assert!(matches!(line.next().await.unwrap(), Told::End));
    let scene = Scene::saying([end("link_disabled")]).await;
    let error = scene.mode.connect().await.unwrap().next().await.unwrap_err();
    assert!(error.problem == Problem::Denied && error.message.contains("switched off"), "{error}");
}

#[tokio::test]
async fn who_does_not_greet_is_not_listened_to() {
    for says in [vec![json!({"type": "disconnect", "reason": "warning"})], vec![json!("hm")]] {
        let scene = Scene::start(json!({"ok": true, "url": "ADDRESS"}), says).await;
        let error = scene.mode.connect().await.unwrap_err();
        assert!(error.message.contains("not greeted"), "{error}");
    }
}

#[tokio::test]
async fn a_wrong_token_or_address_is_said_and_neither_is_printed() {
    for (opened, problem) in [
        (json!({"ok": false, "error": "invalid_auth"}), Problem::Denied),
        (json!({"ok": true, "url": "https://hush.example/"}), Problem::BadAnswer),
        (json!({"ok": true, "url": "wss://"}), Problem::BadAnswer),
        (json!({"ok": true}), Problem::BadAnswer),
    ] {
        let scene = Scene::start(opened.clone(), Vec::new()).await;
        let error = scene.mode.connect().await.unwrap_err();
        assert_eq!(error.problem, problem, "{opened}");
        assert!(!format!("{error:?} {:?}", scene.mode).contains("hush"), "{error:?}");
        let findings = scene.mode.examine(&Expected::default()).await;
        assert_eq!((findings.len(), findings[0].advice.is_some()), (1, true));
    }
    let scene = Scene::saying([]).await;
    assert_eq!(scene.mode.examine(&Expected::default()).await[0].advice, None);
}

#[test]
fn a_connection_is_no_less_private_than_the_api() {
    let of = |url: &str, is_plain| http_of(url, is_plain);
    assert_eq!(of("wss://a.example/x?y", false).as_deref(), Some("https://a.example/x?y"));
    assert_eq!(of("wss://a.example/", true).as_deref(), Some("https://a.example/"));
    assert_eq!(of("ws://a.example/", true).as_deref(), Some("http://a.example/"));
    assert_eq!(of("ws://a.example/", false), None);
    assert_eq!(of("http://a.example/", true), None);
}

#[test]
fn without_a_token_nobody_is_listened_to() {
    assert!(!SourceOptions::default().is_heard());
    assert!(!SourceOptions { app_token: Some("".into()), ..SourceOptions::default() }.is_heard());
    assert!(options().is_heard() && !options().is_sent());
}
