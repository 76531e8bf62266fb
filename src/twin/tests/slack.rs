use super::*;

impl Setting {
    async fn slack(&self, method: &str, body: Value) -> Value {
        let request = self.client.post(format!("{}/slack/api/{method}", self.base));
        let (status, answer) = read(request.bearer_auth("xoxb-twin-slack-token").json(&body)).await;
        assert_eq!(status, 200);
        answer
    }
}

#[tokio::test]
async fn failures_are_words_in_an_answer_of_200() {
    let setting = Setting::start().await;
    let request = setting.client.post(format!("{}/slack/api/auth.test", setting.base));
    assert_eq!(read(request).await, (200, json!({"ok": false, "error": "not_authed"})));
    assert_eq!(setting.slack("chat.fly", json!({})).await["error"], "unknown_method");
    let post = json!({"channel": "nowhere", "text": "x"});
    assert_eq!(setting.slack("chat.postMessage", post).await["error"], "channel_not_found");
    let post = json!({"channel": "shop-dev"});
    assert_eq!(setting.slack("chat.postMessage", post).await["error"], "no_text");
    assert_eq!(setting.slack("auth.test", json!({})).await["user_id"], "U0BOT");
}

#[tokio::test]
async fn a_message_keeps_its_metadata_and_its_thread() {
    let setting = Setting::start().await;
    let metadata = json!({"event_type": "ostler", "event_payload": {"key": "k"}});
    let post = json!({"channel": "#shop-dev", "text": "Done.", "metadata": metadata});
    let posted = setting.slack("chat.postMessage", post).await;
    assert_eq!((&posted["ok"], &posted["channel"]), (&json!(true), &json!("C0SHOPDEV")));
    let reply = json!({"channel": "C0SHOPDEV", "text": "More.", "thread_ts": posted["ts"]});
    setting.slack("chat.postMessage", reply).await;
    let ask = json!({"channel": "C0SHOPDEV", "include_all_metadata": true});
    let history = setting.slack("conversations.history", ask).await;
    assert_eq!(history["messages"].as_array().unwrap().len(), 1);
    assert_eq!(history["messages"][0]["metadata"], metadata);
    let bare = setting.slack("conversations.history", json!({"channel": "C0SHOPDEV"})).await;
    assert!(bare["messages"][0]["metadata"].is_null());
    let thread = json!({"channel": "C0SHOPDEV", "ts": posted["ts"]});
    assert_eq!(setting.slack("conversations.replies", thread).await["messages"][1]["text"], "More.");
    let edit = json!({"channel": "C0SHOPDEV", "ts": posted["ts"], "text": "Done twice."});
    assert_eq!(setting.slack("chat.update", edit).await["text"], "Done twice.");
    let told = setting.arrived(|one| one.path == "slack/events").await;
    assert!(told.json()["event"]["bot_id"].is_string());
    let stamp = told.header("x-slack-request-timestamp").to_owned();
    let verifier = slack_morphism::signature_verifier::SlackEventSignatureVerifier::new(
        &slack_morphism::SlackSigningSecret("twin-slack-signing".to_owned()),
    );
    let body = std::str::from_utf8(&told.body).unwrap();
    verifier.verify(told.header("x-slack-signature"), body, &stamp).unwrap();
}

#[tokio::test]
async fn a_command_is_a_form_and_its_answer_is_kept() {
    let setting = Setting::start().await;
    let answer = json!({"response_type": "ephemeral", "text": "I am on it."}).to_string();
    setting.hooks.answers.lock().unwrap().push((StatusCode::OK, answer));
    let command = json!({"channel": "#bank-dev", "user": "ada", "text": "/ostler implement interest & more"});
    setting.act(json!({"command": command})).await;
    let whispers = setting.state().await["slack"]["whispers"].clone();
    assert_eq!(whispers, json!([{"channel": "C0BANKDEV", "user": "U0ADA", "text": "I am on it."}]));
    let sent = setting.stop().await[0].clone();
    let form: std::collections::BTreeMap<_, _> =
        url::form_urlencoded::parse(&sent.body).into_owned().collect();
    assert_eq!((form["command"].as_str(), form["text"].as_str()), ("/ostler", "implement interest & more"));
    assert_eq!((form["user_id"].as_str(), form["channel_name"].as_str()), ("U0ADA", "bank-dev"));
}

#[tokio::test]
async fn a_button_is_pressed_and_the_bot_is_mentioned() {
    let setting = Setting::start().await;
    let blocks =
        json!([{"type": "actions", "block_id": "b1", "elements": [{"type": "button", "action_id": "go"}]}]);
    let post = json!({"channel": "shop-dev", "text": "Go?", "blocks": blocks});
    let ts = setting.slack("chat.postMessage", post).await["ts"].clone();
    let press = json!({"channel": "shop-dev", "ts": ts, "action": "go", "value": "yes", "user": "ada"});
    setting.act(json!({"press": press})).await;
    setting.act(json!({"mention": {"channel": "shop-dev", "user": "ada", "text": "help"}})).await;
    let pressed = setting.arrived(|one| one.path == "slack/interactions").await;
    let (name, payload) = url::form_urlencoded::parse(&pressed.body).into_owned().next().unwrap();
    let payload: Value = serde_json::from_str(&payload).unwrap();
    assert_eq!((name.as_str(), &payload["actions"][0]["block_id"]), ("payload", &json!("b1")));
    let mentioned =
        |one: &Arrived| one.path == "slack/events" && one.json()["event"]["type"] == "app_mention";
    assert_eq!(setting.arrived(mentioned).await.json()["event"]["text"], "<@U0BOT> help");
}

/// The texts of the messages in an answer.
fn texts(answer: &Value) -> Vec<&str> {
    assert_eq!(answer["ok"], true, "{answer}");
    let messages = answer["messages"].as_array().unwrap();
    messages.iter().map(|message| message["text"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_history_is_newest_first_between_moments_and_by_pages() {
    let setting = Setting::start().await;
    let mut stamps = Vec::new();
    for text in ["a", "b", "c", "d", "e"] {
        let posted = setting.slack("chat.postMessage", json!({"channel": "shop-dev", "text": text})).await;
        stamps.push(posted["ts"].clone());
    }
    let reply = json!({"channel": "shop-dev", "text": "r", "thread_ts": stamps[1]});
    let reply = setting.slack("chat.postMessage", reply).await;
    let history = async |more: Value| {
        let mut ask = json!({"channel": "C0SHOPDEV"});
        ask.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        setting.slack("conversations.history", ask).await
    };
    let all = history(json!({})).await;
    assert_eq!((texts(&all), &all["has_more"]), (vec!["e", "d", "c", "b", "a"], &json!(false)));
    assert_eq!(all["messages"][3]["latest_reply"], reply["ts"]);
    assert_eq!(
        (&all["messages"][3]["reply_count"], &all["messages"][3]["thread_ts"]),
        (&json!(1), &stamps[1])
    );
    let between = json!({"oldest": stamps[0], "latest": stamps[3]});
    assert_eq!(texts(&history(between.clone()).await), ["c", "b"]);
    let mut inclusive = between;
    inclusive["inclusive"] = true.into();
    assert_eq!(texts(&history(inclusive).await), ["d", "c", "b", "a"]);
    let first = history(json!({"limit": "2", "oldest": "0"})).await;
    assert_eq!((texts(&first), &first["has_more"]), (vec!["e", "d"], &json!(true)));
    // What is said meanwhile does not move the next page.
    setting.slack("chat.postMessage", json!({"channel": "shop-dev", "text": "f"})).await;
    let second = history(json!({"limit": 2, "cursor": first["response_metadata"]["next_cursor"]})).await;
    assert_eq!(texts(&second), ["c", "b"]);
    let later = json!({"channel": "C0SHOPDEV", "ts": stamps[1], "oldest": stamps[4]});
    assert_eq!(texts(&setting.slack("conversations.replies", later).await), ["b", "r"]);
    let wrong = [
        (json!({"oldest": "yesterday"}), "invalid_ts_oldest"),
        (json!({"latest": "now"}), "invalid_ts_latest"),
        (json!({"limit": 1000}), "invalid_limit"),
        (json!({"cursor": "4"}), "invalid_cursor"),
    ];
    for (more, error) in wrong {
        assert_eq!(history(more).await["error"], error);
    }
}

#[tokio::test]
async fn the_bots_channels_are_listed_as_far_as_its_scopes_go() {
    let setting = Setting::start().await;
    let channels = async |types: &str| setting.slack("users.conversations", json!({"types": types})).await;
    assert!(channels("public_channel").await["channels"].as_array().unwrap().len() > 1);
    assert_eq!(channels("private_channel").await["channels"], json!([]));
    let refused = channels("public_channel,im").await;
    assert_eq!((&refused["error"], &refused["needed"]), (&json!("missing_scope"), &json!("im:read")));
    assert_eq!(channels("cellars").await["error"], "invalid_types");
}

#[cfg(feature = "socket-mode")]
#[tokio::test]
async fn an_app_that_opens_connections_is_told_over_them_and_sent_nothing() {
    use crate::clock::SystemClock;
    use crate::plugin::client::socket::Socket;

    let setting = Setting::start().await;
    assert_eq!(setting.slack("apps.connections.open", json!({})).await["error"], "not_allowed_token_type");
    let ask = setting.client.post(format!("{}/slack/api/apps.connections.open", setting.base));
    let (_, opened) = read(ask.bearer_auth("xapp-twin-slack-token").json(&json!({}))).await;
    let address = opened["url"].as_str().unwrap().replacen("ws:", "http:", 1);
    let http = reqwest::Client::builder().no_proxy().http1_only().build().unwrap();
    let open = async || Socket::open(&http, address.parse().unwrap(), "slack", Arc::new(SystemClock)).await;
    let mut socket = open().await.unwrap();
    assert!(open().await.unwrap_err().message.contains("403"), "an address is good for one connection");
    let next = async |socket: &mut Socket| -> Value {
        serde_json::from_str(&socket.next().await.unwrap().unwrap()).unwrap()
    };
    assert_eq!(next(&mut socket).await["type"], "hello");
    let command = json!({"command": {"channel": "bank-dev", "user": "ada", "text": "/ostler help"}});
    let told = async {
        let envelope = next(&mut socket).await;
        let answer = json!({"envelope_id": envelope["envelope_id"], "payload": {"text": "Ask away."}});
        socket.send(answer.to_string()).await.unwrap();
        envelope
    };
    let (_, envelope) = futures_util::future::join(setting.act(command), told).await;
    assert_eq!((&envelope["type"], &envelope["payload"]["text"]), (&json!("slash_commands"), &json!("help")));
    assert_eq!(setting.state().await["slack"]["whispers"][0]["text"], "Ask away.");
    // Nobody acknowledges this one, which is told all the same.
    let mention = json!({"mention": {"channel": "bank-dev", "user": "ada", "text": "hi"}});
    setting.act(mention).await;
    let envelope = next(&mut socket).await;
    assert_eq!(envelope["payload"]["event"]["type"], "app_mention");
    assert_eq!(setting.state().await["deliveries"][1]["answer"], "not acknowledged");
    assert_eq!(setting.stop().await.len(), 0, "nothing was posted");
}

#[tokio::test]
async fn the_bot_deletes_its_own_messages_and_replies_keep_a_tombstone() {
    let setting = Setting::start().await;
    let posted = setting.slack("chat.postMessage", json!({"channel": "shop-dev", "text": "Done."})).await;
    let reply = json!({"channel": "C0SHOPDEV", "text": "More.", "thread_ts": posted["ts"]});
    let reply = setting.slack("chat.postMessage", reply).await;
    let delete =
        async |ts: &Value| setting.slack("chat.delete", json!({"channel": "C0SHOPDEV", "ts": ts})).await;
    assert_eq!(delete(&posted["ts"]).await["ok"], true);
    let thread = json!({"channel": "C0SHOPDEV", "ts": posted["ts"]});
    let left = setting.slack("conversations.replies", thread).await["messages"].clone();
    assert_eq!((&left[0]["text"], &left[1]["text"]), (&json!("This message was deleted."), &json!("More.")));
    assert_eq!(delete(&reply["ts"]).await["ok"], true);
    assert_eq!(delete(&reply["ts"]).await["error"], "message_not_found");
    assert_eq!(delete(&posted["ts"]).await["error"], "cant_delete_message", "a tombstone is nobody's");
    let told = setting.arrived(|one| one.json()["event"]["deleted_ts"] == posted["ts"]).await.json();
    assert_eq!(told["event"]["subtype"], "message_deleted");
}
