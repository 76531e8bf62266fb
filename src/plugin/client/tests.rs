use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use super::testing::{self, JumpClock, Server, lost};
use super::*;

const PLAIN: Dialect = Dialect { message: |_| None, problem: |_| None };

fn client(url: &Url, clock: &Arc<JumpClock>) -> Client {
    let options = ClientOptions {
        service: "shop",
        base_url: url.clone(),
        rate: Rate { per_second: 100.0, burst: 100 },
        timeout: Duration::from_secs(5),
        max_response_bytes: 1_000,
        dialect: PLAIN,
    };
    Client::new(options, Arc::clone(clock) as Arc<dyn Clock>, testing::transport())
}

/// What a server that fails `failures` times in this way makes of a request, and how often it was asked.
async fn asked(
    request: Request,
    failures: u32,
    failure: fn() -> axum::response::Response,
) -> (Result<u16, PluginError>, usize, Duration) {
    let count = AtomicU32::new(0);
    let server = Server::start(move |_| {
        let n = count.fetch_add(1, Ordering::SeqCst);
        if n < failures { failure() } else { testing::json(200, &json!({})) }
    })
    .await;
    let clock = Arc::new(JumpClock::default());
    let answer = client(&server.url, &clock).send(&request).await;
    (answer.map(|answer| answer.status.as_u16()), server.seen().len(), clock.slept())
}

fn status(code: u16, headers: &[(&str, &str)]) -> axum::response::Response {
    let mut response = testing::json(code, &json!({"secret": "in a body"}));
    for (name, value) in headers {
        response.headers_mut().insert(
            http::HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    response
}

fn get() -> Request {
    Request::get("/things?q=1")
}

fn post() -> Request {
    Request::post("/things", &json!({"name": "x"}))
}

#[tokio::test]
async fn a_read_is_tried_again_after_any_failure_of_the_service() {
    for failure in [|| status(500, &[]), || status(502, &[]), || status(429, &[]), lost] {
        let (answer, count, _) = asked(get(), 2, failure).await;
        assert_eq!((answer.unwrap(), count), (200, 3));
    }
    let (answer, count, _) = asked(get(), 9, || status(500, &[])).await;
    assert_eq!((answer.unwrap_err().problem, count), (Problem::Unavailable, 4));
}

#[tokio::test]
async fn a_write_is_tried_again_only_when_it_was_refused() {
    for failure in [|| status(429, &[]), || status(503, &[("retry-after", "1")])] {
        let (answer, count, _) = asked(post(), 1, failure).await;
        assert_eq!((answer.unwrap(), count), (200, 2));
    }
    for failure in [|| status(500, &[]), || status(503, &[]), || status(504, &[]), lost] {
        let (answer, count, _) = asked(post(), 1, failure).await;
        assert_eq!((answer.unwrap_err().problem, count), (Problem::Unknown, 1));
    }
}

#[tokio::test]
async fn a_paid_answer_is_asked_for_again_only_when_the_service_says_it_failed() {
    let (answer, count, _) = asked(post().retried(Retry::IfFailed), 1, || status(529, &[])).await;
    assert_eq!((answer.unwrap(), count), (200, 2));
    let (answer, count, _) = asked(post().retried(Retry::IfFailed), 1, lost).await;
    assert_eq!((answer.unwrap_err().problem, count), (Problem::Unknown, 1));
}

#[tokio::test]
async fn what_the_service_asks_to_wait_is_waited() {
    let (answer, _, slept) = asked(get(), 1, || status(429, &[("retry-after", "17")])).await;
    assert_eq!((answer.unwrap(), slept), (200, Duration::from_secs(17)));
    // More than a call may wait is handed on, for the run to wait.
    let (answer, count, _) = asked(get(), 1, || status(429, &[("retry-after", "3600")])).await;
    let error = answer.unwrap_err();
    assert_eq!((error.retry_after, count), (Some(Duration::from_secs(3600)), 1));
}

#[tokio::test]
async fn a_refused_connection_is_no_unknown_outcome() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let clock = Arc::new(JumpClock::default());
    let error = client(&url, &clock).send(&post()).await.unwrap_err();
    assert_eq!(error.problem, Problem::Unavailable);
    assert!(clock.slept() > Duration::from_secs(2), "it was tried again");
}

#[tokio::test]
async fn an_answer_larger_than_allowed_is_not_read_to_its_end() {
    let (answer, count, _) = asked(get(), 1, || testing::json(200, &json!("x".repeat(2_000)))).await;
    assert_eq!((answer.unwrap_err().problem, count), (Problem::BadAnswer, 1));
}

#[tokio::test]
async fn an_attempt_ends_at_its_timeout() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let mut client = client(&url, &Arc::new(JumpClock::default()));
    client.options.timeout = Duration::from_millis(50);
    // Nobody accepts: the connection stands in the queue and no answer comes.
    let error = client.send(&post()).await.unwrap_err();
    assert_eq!(error.problem, Problem::Unknown);
}

#[tokio::test]
async fn requests_beyond_the_burst_wait_for_their_turn() {
    let server = Server::start(|_| testing::json(200, &json!({}))).await;
    let clock = Arc::new(JumpClock::default());
    let mut options = client(&server.url, &clock).options;
    options.rate = Rate { per_second: 2.0, burst: 3 };
    let client = Client::new(options, Arc::clone(&clock) as Arc<dyn Clock>, testing::transport());
    for _ in 0..3 {
        client.send(&get()).await.unwrap();
    }
    assert_eq!(clock.slept(), Duration::ZERO);
    for _ in 0..4 {
        client.send(&get()).await.unwrap();
    }
    assert_eq!(clock.slept(), Duration::from_secs(2));
}

#[tokio::test]
async fn statuses_mean_the_same_everywhere() {
    let meanings = [
        (400, Problem::Invalid),
        (302, Problem::Invalid),
        (401, Problem::Denied),
        (402, Problem::Exhausted),
        (404, Problem::NotFound),
        (409, Problem::Conflict),
    ];
    for (code, problem) in meanings {
        let server = Server::start(move |_| status(code, &[("location", "http://127.0.0.1:1/")])).await;
        let error = client(&server.url, &Arc::default()).send(&get()).await.unwrap_err();
        assert_eq!((error.problem, server.seen().len()), (problem, 1), "{code}");
    }
}

#[tokio::test]
async fn a_client_names_itself_and_shows_its_secret_to_nobody_else() {
    let server = Server::start(|_| status(500, &[])).await;
    let client = client(&server.url, &Arc::default())
        .with_secret(header::AUTHORIZATION, SecretString::from("Bearer hush-hush"));
    let error = client.send(&post()).await.unwrap_err();
    let seen = &server.seen()[0];
    assert_eq!(seen.header("authorization"), "Bearer hush-hush");
    assert_eq!(seen.header("user-agent"), AGENT);
    for text in [format!("{client:?}"), format!("{error:?}"), error.to_string()] {
        assert!(!text.contains("hush") && !text.contains("in a body"), "{text}");
    }
}

#[tokio::test]
async fn an_unreadable_answer_to_a_write_leaves_its_outcome_open() {
    let server = Server::start(|_| testing::json(200, &json!("not an object"))).await;
    let client = client(&server.url, &Arc::default());
    for (request, problem) in [(post(), Problem::Unknown), (get(), Problem::BadAnswer)] {
        let answer = client.send(&request).await.unwrap();
        let read = answer.json::<serde_json::Map<String, serde_json::Value>>(&client);
        assert_eq!(read.unwrap_err().problem, problem);
    }
}

#[test]
fn a_segment_stays_one_segment() {
    assert_eq!(segment("status: in review"), "status%3A%20in%20review");
    assert_eq!(segment("a/b?c#d"), "a%2Fb%3Fc%23d");
    assert_eq!(segment(".."), "%2E%2E");
}

/// Runs in a process of its own, where no certificates are found.
#[tokio::test]
#[ignore = "run by a_machine_without_certificates_speaks_plain_http"]
async fn plain_http_without_certificates() {
    let server = Server::start(|_| testing::json(200, &json!({}))).await;
    let http = transport().unwrap();
    assert_eq!(http.get(server.url.clone()).send().await.unwrap().status(), 200);
    let secure = server.url.as_str().replace("http:", "https:");
    assert!(http.get(secure).send().await.is_err());
}

#[test]
fn a_machine_without_certificates_speaks_plain_http() {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "--ignored", "plugin::client::tests::plain_http_without_certificates"]);
    for (name, value) in [("SSL_CERT_FILE", "/nonexistent"), ("SSL_CERT_DIR", "/nonexistent")] {
        child.env(name, value);
    }
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
