use std::net::SocketAddr;

use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::*;
use crate::clock::SystemClock;

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n";
const HALF: &[u8] = b"GET / HTTP/1.1\r\nhost: he";

struct Door {
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
    /// A request for `/slow` says that it has come, and waits until it may go.
    come: Arc<Notify>,
    go: Arc<Notify>,
}

impl Door {
    async fn open(bounds: Bounds) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, come, go) = (CancellationToken::new(), Arc::new(Notify::new()), Arc::new(Notify::new()));
        let slow = {
            let (come, go) = (Arc::clone(&come), Arc::clone(&go));
            async move || {
                come.notify_one();
                go.notified().await;
                "done"
            }
        };
        let routes = Router::new().route("/", get(async || "hello")).route("/slow", get(slow));
        let serving = tokio::spawn(serve(listener, routes, bounds, Arc::new(SystemClock), stop.clone()));
        Self { address, stop, serving, come, go }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

async fn ask(connection: &mut TcpStream) -> String {
    connection.write_all(GET).await.unwrap();
    let mut answer = vec![0; 1024];
    let read = connection.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

async fn rest(mut connection: TcpStream) -> String {
    let mut rest = Vec::new();
    connection.read_to_end(&mut rest).await.unwrap();
    String::from_utf8_lossy(&rest).into_owned()
}

#[tokio::test]
async fn a_request_whose_head_does_not_come_is_cut_off() {
    let door = Door::open(Bounds { head_time: Duration::from_millis(20), ..Bounds::default() }).await;
    let mut dawdler = door.connect().await;
    dawdler.write_all(HALF).await.unwrap();
    assert!(!rest(dawdler).await.contains("200 OK"));
    assert_eq!(rest(door.connect().await).await, "", "one that never says anything is closed too");
}

#[tokio::test]
async fn a_connection_that_idles_after_an_answer_is_closed() {
    let door = Door::open(Bounds { head_time: Duration::from_millis(200), ..Bounds::default() }).await;
    let mut idler = door.connect().await;
    assert!(ask(&mut idler).await.ends_with("hello"));
    assert_eq!(rest(idler).await, "");
}

#[tokio::test]
async fn connections_beyond_the_bound_wait_for_a_place() {
    let door = Door::open(Bounds { connections: 1, ..Bounds::default() }).await;
    let mut first = door.connect().await;
    assert!(ask(&mut first).await.starts_with("HTTP/1.1 200"));
    let mut second = door.connect().await;
    let mut waiting = std::pin::pin!(ask(&mut second));
    for _ in 0..100 {
        assert!(futures_util::poll!(&mut waiting).is_pending(), "there is no place for it");
        assert!(ask(&mut first).await.ends_with("hello"));
    }
    drop(first);
    assert!(waiting.await.ends_with("hello"));
}

#[tokio::test]
async fn a_flood_of_dawdlers_does_not_keep_a_sender_out() {
    let bounds = Bounds { connections: 4, head_time: Duration::from_millis(50), ..Bounds::default() };
    let door = Door::open(bounds).await;
    let mut flood = Vec::new();
    for _ in 0..32 {
        let mut dawdler = door.connect().await;
        dawdler.write_all(HALF).await.unwrap();
        flood.push(dawdler);
    }
    assert!(ask(&mut door.connect().await).await.ends_with("hello"));
}

#[tokio::test]
async fn when_it_is_full_a_dawdler_makes_room_long_before_its_time_is_up() {
    let bounds = Bounds { connections: 2, head_time: Duration::from_secs(600), ..Bounds::default() };
    let door = Door::open(bounds).await;
    let mut dawdlers = Vec::new();
    for _ in 0..8 {
        let mut dawdler = door.connect().await;
        dawdler.write_all(HALF).await.unwrap();
        dawdlers.push(dawdler);
    }
    for _ in 0..4 {
        assert!(ask(&mut door.connect().await).await.ends_with("hello"));
    }
    assert_eq!(rest(dawdlers.remove(0)).await, "", "the first to come was the first to go");
}

#[tokio::test]
async fn who_is_being_answered_does_not_make_room() {
    let bounds = Bounds { connections: 1, head_time: Duration::from_secs(600), ..Bounds::default() };
    let door = Door::open(bounds).await;
    let mut first = door.connect().await;
    first.write_all(b"GET /slow HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n").await.unwrap();
    door.come.notified().await;
    let mut second = door.connect().await;
    let mut waiting = std::pin::pin!(ask(&mut second));
    for _ in 0..100 {
        assert!(futures_util::poll!(&mut waiting).is_pending(), "there is no place for it");
        tokio::task::yield_now().await;
    }
    door.go.notify_one();
    assert!(rest(first).await.ends_with("done"));
    assert!(waiting.await.ends_with("hello"));
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let door = Door::open(Bounds { head_size: 8 << 10, ..Bounds::default() }).await;
    let mut connection = door.connect().await;
    // No more than fits: bytes that are left unread would make the close a reset, which may overtake the answer.
    let head = format!("GET / HTTP/1.1\r\nx-long: {}", "a".repeat(8 << 10));
    connection.write_all(&head.as_bytes()[..8 << 10]).await.unwrap();
    assert!(rest(connection).await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn a_door_that_is_told_to_stop_closes_idle_connections_and_ends() {
    let door = Door::open(Bounds::default()).await;
    let mut idle = door.connect().await;
    assert!(ask(&mut idle).await.ends_with("hello"));
    door.stop.cancel();
    door.serving.await.unwrap();
    assert_eq!(rest(idle).await, "");
    assert!(TcpStream::connect(door.address).await.is_err());
}

#[tokio::test]
async fn a_request_under_way_is_answered_before_the_door_ends() {
    let door = Door::open(Bounds::default()).await;
    let mut connection = door.connect().await;
    connection.write_all(b"GET /slow HTTP/1.1\r\nhost: here\r\n\r\n").await.unwrap();
    door.come.notified().await;
    door.stop.cancel();
    while TcpStream::connect(door.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!door.serving.is_finished());
    door.go.notify_one();
    assert!(rest(connection).await.ends_with("done"));
    door.serving.await.unwrap();
}
