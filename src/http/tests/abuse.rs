//! Requests as nobody well-behaved sends them, over a real connection.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::*;

/// Sends bytes on a connection of their own, and reads until an answer with this status has begun, or no more comes.
async fn exchange(house: &House, bytes: &[u8], status: u16) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let routes = house.router.clone();
    let clock = Arc::clone(&house.clock) as Arc<dyn Clock>;
    tokio::spawn(door::serve(listener, routes, door::Bounds::default(), clock, CancellationToken::new()));
    let mut connection = TcpStream::connect(address).await.unwrap();
    // It may be closed on us before everything is sent: what was answered until then counts.
    drop(connection.write_all(bytes).await);
    let mut answer = Vec::new();
    let begun = format!("HTTP/1.1 {status}");
    while !String::from_utf8_lossy(&answer).contains(&begun) {
        match connection.read_buf(&mut answer).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn request(headers: &str, body: &str) -> Vec<u8> {
    format!("POST /webhooks/github HTTP/1.1\r\nhost: here\r\nconnection: close\r\n{headers}\r\n{body}")
        .into_bytes()
}

#[tokio::test]
async fn heads_that_are_too_large_are_refused() {
    let house = House::new();
    let long = format!("x-long: {}\r\n", "a".repeat(600_000));
    let many = (0..200).map(|n| format!("x-{n}: 1\r\n")).collect::<String>();
    for headers in [long, many] {
        let answer = exchange(&house, &request(&headers, ""), 431).await;
        // Closing while the rest still comes may swallow the answer, but nothing else is answered.
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
    assert_eq!(house.census().await, Census::default());
}

#[tokio::test]
async fn two_lengths_are_a_bad_request() {
    let house = House::new();
    let answer = exchange(&house, &request("content-length: 2\r\ncontent-length: 5\r\n", "{}"), 400).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn a_signature_that_is_there_twice_is_unauthorized() {
    let house = House::new();
    let mut twice = house.signed("github", "issues.labeled");
    let again = twice.headers()["x-hub-signature-256"].clone();
    twice.headers_mut().append("x-hub-signature-256", again);
    house.refused(twice, StatusCode::UNAUTHORIZED).await;
}

#[tokio::test]
async fn chunks_beyond_the_limit_are_too_large_and_those_within_are_read() {
    let house = House::new();
    let chunk = format!("100000\r\n{}\r\n", " ".repeat(0x10_0000));
    let endless = request("transfer-encoding: chunked\r\n", &chunk.repeat(26));
    let answer = exchange(&house, &endless, 413).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let answer =
        exchange(&house, &request("transfer-encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n"), 401).await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}

#[tokio::test]
async fn who_asks_before_sending_a_body_that_is_too_large_is_told_not_to() {
    let house = House::new();
    let large = request("expect: 100-continue\r\ncontent-length: 31457280\r\n", "");
    let answer = exchange(&house, &large, 413).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    let small = request("expect: 100-continue\r\ncontent-length: 2\r\n", "{}");
    let answer = exchange(&house, &small, 401).await;
    assert!(answer.starts_with("HTTP/1.1 100") && answer.contains("HTTP/1.1 401"), "{answer}");
}

#[tokio::test]
async fn requests_sent_at_once_are_answered_one_after_the_other() {
    let house = House::new();
    let first = "GET /api/v1/health HTTP/1.1\r\nhost: here\r\n\r\n";
    let bytes = [first.as_bytes(), &request("content-length: 2\r\n", "{}")].concat();
    let answer = exchange(&house, &bytes, 401).await;
    let places = [answer.find("HTTP/1.1 200"), answer.find("HTTP/1.1 401")];
    assert!(places[0].is_some() && places[0] < places[1], "{answer}");
}

#[tokio::test]
async fn json_that_is_nested_deeply_is_refused_or_skipped() {
    for (source, name) in [("github", "issues.labeled"), ("jira", "issue_created"), ("slack", "app_mention")]
    {
        for field in ["issue", "event", "x"] {
            let house = House::new();
            let body = format!(
                "{{\"action\": \"labeled\", \"{field}\": {}{}}}",
                "[".repeat(200_000),
                "]".repeat(200_000)
            );
            let delivery = Delivery { body: body.into(), ..kept(source, name) };
            let answer = house.send(house.signed_delivery(source, delivery)).await;
            let skipped = answer.status == StatusCode::OK && answer.json["status"] == "ignored";
            assert!(answer.status == StatusCode::BAD_REQUEST || skipped, "{source} {field}: {}", answer.body);
        }
    }
}
