use std::future::pending;

use axum::Router;
use axum::extract::ws::{self, WebSocket, WebSocketUpgrade};
use axum::response::IntoResponse as _;
use axum::routing::get;

use super::*;
use crate::clock::{ManualClock, SystemClock};

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().http1_only().build().unwrap()
}

/// A server whose connections go as `serve` says, and the address of one.
async fn server<F: Future<Output = ()> + Send + 'static>(
    serve: impl Fn(WebSocket) -> F + Clone + Send + Sync + 'static,
) -> Url {
    let routes = Router::new()
        .route("/socket", get(async move |upgrade: WebSocketUpgrade| upgrade.on_upgrade(serve)))
        .route("/page", get(async || "hello"))
        .route(
            "/liar",
            get(async || (StatusCode::SWITCHING_PROTOCOLS, [(UPGRADE, "websocket")]).into_response()),
        );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/socket", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    address.parse().unwrap()
}

async fn open(address: &Url, clock: Arc<dyn Clock>) -> Result<Socket, PluginError> {
    Socket::open(&http(), address.clone(), "service", clock).await
}

fn manual() -> Arc<ManualClock> {
    Arc::new(ManualClock::at("2026-11-21T08:00:00Z".parse().unwrap()))
}

#[tokio::test]
async fn both_sides_send_texts_until_one_ends_it() {
    let address = server(async |mut socket: WebSocket| {
        socket.send(ws::Message::Ping(Bytes::new())).await.unwrap();
        socket.send(ws::Message::text("hello")).await.unwrap();
        while let Some(Ok(message)) = socket.recv().await {
            if let ws::Message::Text(text) = message {
                socket.send(ws::Message::text(format!("{text}, too"))).await.unwrap();
                break;
            }
        }
    })
    .await;
    let mut socket = open(&address, Arc::new(SystemClock)).await.unwrap();
    assert_eq!(socket.next().await.unwrap().as_deref(), Some("hello"));
    socket.send("you".to_owned()).await.unwrap();
    assert_eq!(socket.next().await.unwrap().as_deref(), Some("you, too"));
    assert_eq!(socket.next().await.ok().flatten(), None);
}

#[tokio::test]
async fn what_is_no_socket_is_said_without_its_address() {
    let address = server(async |_| {}).await;
    for (path, why) in
        [("page", "answered 200"), ("nothing", "answered 404"), ("liar", "no WebSocket is there")]
    {
        let mut wrong = address.join(path).unwrap();
        wrong.set_query(Some("ticket=hush"));
        let error = open(&wrong, Arc::new(SystemClock)).await.unwrap_err();
        assert!(error.message.contains(why) && !error.message.contains("hush"), "{error}");
        assert_eq!(error.problem, Problem::Unavailable);
    }
    let nobody = Url::parse("http://127.0.0.1:9/?ticket=hush").unwrap();
    let error = open(&nobody, Arc::new(SystemClock)).await.unwrap_err();
    assert!(!error.to_string().contains("hush"), "{error}");
}

#[tokio::test]
async fn who_answers_no_connection_is_waited_for_no_longer_than_half_a_minute() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let clock = manual();
    let opening = tokio::spawn({
        let clock = Arc::clone(&clock);
        async move { open(&address, clock).await }
    });
    let (_accepted, _) = listener.accept().await.unwrap();
    clock.advance(OPENING);
    let error = opening.await.unwrap().unwrap_err();
    assert!(error.message.contains("timed out"), "{error}");
}

#[tokio::test]
async fn who_is_silent_is_asked_and_who_stays_silent_is_gone() {
    let address = server(async |socket: WebSocket| {
        let _open = socket;
        pending::<()>().await;
    })
    .await;
    let clock = manual();
    let mut socket = open(&address, Arc::clone(&clock) as _).await.unwrap();
    let silent = tokio::spawn(async move { socket.next().await });
    while !silent.is_finished() {
        clock.advance(SILENCE);
        tokio::task::yield_now().await;
    }
    let error = silent.await.unwrap().unwrap_err();
    assert!(error.message.contains("fell silent"), "{error}");
}

#[tokio::test]
async fn who_answers_when_asked_is_listened_to() {
    let address = server(async |mut socket: WebSocket| {
        while let Some(Ok(message)) = socket.recv().await {
            if let ws::Message::Ping(_) = message {
                socket.send(ws::Message::text("here")).await.unwrap();
                // What answers the ping by itself comes before this at the latest.
                socket.send(ws::Message::text("still")).await.unwrap();
            }
        }
    })
    .await;
    let clock = manual();
    let mut socket = open(&address, Arc::clone(&clock) as _).await.unwrap();
    for _ in 0..3 {
        clock.advance(SILENCE);
        assert_eq!(socket.next().await.unwrap().as_deref(), Some("here"));
        assert_eq!(socket.next().await.unwrap().as_deref(), Some("still"));
    }
}

#[tokio::test]
async fn a_text_that_is_too_large_ends_the_connection() {
    let address = server(async |mut socket: WebSocket| {
        drop(socket.send(ws::Message::text("x".repeat(LARGEST + 1))).await);
        pending::<()>().await;
    })
    .await;
    let mut socket = open(&address, Arc::new(SystemClock)).await.unwrap();
    assert_eq!(socket.next().await.unwrap_err().problem, Problem::Unavailable);
}

#[tokio::test]
async fn nothing_is_lost_where_nobody_waits_to_the_end() {
    let address = server(async |mut socket: WebSocket| {
        for number in 0..200 {
            socket.send(ws::Message::text(format!("{number} {}", "x".repeat(5000)))).await.unwrap();
        }
    })
    .await;
    let mut socket = open(&address, Arc::new(SystemClock)).await.unwrap();
    let mut told = Vec::new();
    loop {
        let next = tokio::select! {
            next = socket.next() => next,
            () = tokio::task::yield_now() => continue,
        };
        let Ok(Some(text)) = next else { break };
        told.push(text.split(' ').next().unwrap().parse::<u32>().unwrap());
    }
    assert_eq!(told, (0..200).collect::<Vec<_>>());
}
