//! Who may start a run, what starts none although it looks like a request, and where a run is stopped.

use serde_json::{Value, json};

use crate::harness::{Delivery, State, World};

fn comment(by: &str, repository: &str, number: u64, body: &str) -> Value {
    json!({"comment": {"repository": repository, "number": number, "body": body, "by": by}})
}

fn command(user: &str, channel: &str, text: &str) -> Value {
    json!({"command": {"channel": channel, "user": user, "text": text}})
}

/// A comment's delivery as GitHub would make it.
fn commented(by: &Value, id: u64, body: &str) -> Vec<u8> {
    let owner = json!({"login": "acme", "id": 9, "type": "Organization"});
    let event = json!({
        "action": "created",
        "issue": {
            "id": 7001, "number": 1, "title": "Slugs keep the dash of trailing punctuation", "body": "A slug ends with a dash.",
            "user": {"login": "eve", "id": 1002, "type": "User"}, "state": "open", "labels": [], "assignees": [],
            "html_url": "http://localhost/acme/site/issues/1",
        },
        "comment": {
            "id": id, "body": body, "user": by, "author_association": "NONE",
            "html_url": format!("http://localhost/acme/site/issues/1#issuecomment-{id}"),
        },
        "repository": {
            "id": 2, "name": "site", "full_name": "acme/site", "owner": owner, "default_branch": "main", "private": false,
        },
        "sender": by,
    });
    event.to_string().into_bytes()
}

fn ada() -> Value {
    json!({"login": "ada", "id": 1001, "type": "User"})
}

/// Waits until `count` runs have ended and everything that they said came back and was dealt with.
async fn quiet(world: &World, count: usize) -> (Vec<Value>, State) {
    let runs = world.settle(count).await;
    let mut before = 0;
    loop {
        let events = world.ask("census").await["events"].as_u64().unwrap();
        if events == before {
            break;
        }
        before = events;
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    assert_eq!(world.runs().await.len(), runs.len(), "something started one more");
    (runs, world.state().await)
}

/// What the event of an act's only delivery says of itself.
async fn refusal_of(world: &World, done: &Value) -> Value {
    let answer: Value = serde_json::from_str(done["answers"][0]["answer"].as_str().unwrap()).unwrap();
    assert_eq!(answer["runs"], json!([]), "{answer}");
    let event = world.ask(&format!("events/{}", answer["event_id"].as_str().unwrap())).await;
    event["reasons"]["refusal"].clone()
}

#[tokio::test]
async fn a_stranger_who_comments_starts_nothing_and_is_told_so_once() {
    let world = World::start().await;
    world.act(comment("eve", "acme/site", 1, "/ostler fix this")).await;
    let (runs, state) = quiet(&world, 1).await;
    assert_eq!(runs[0]["status"], "refused", "{runs:#?}");
    let reason = runs[0]["reason"].as_str().unwrap();
    assert!(reason.contains("eve") && reason.contains("acme/site"), "{reason}");
    state.assert_untouched();
    let answers = state.answers_under("acme/site", 1);
    assert!(matches!(answers[..], [one] if one.contains("eve") && one.contains("acme/site")), "{answers:#?}");
    assert_eq!(runs[0]["cost"], json!(0.0), "{runs:#?}");
    assert!(state.messages().is_empty(), "the team hears of it: {:?}", state.messages());
}

#[tokio::test]
async fn a_stranger_who_labels_or_comments_on_a_pull_request_starts_nothing() {
    let world = World::start().await;
    world
        .act(json!({"label": {"repository": "acme/site", "issue": 1, "label": "ostler", "by": "eve"}}))
        .await;
    world.act(comment("eve", "acme/tools", 1, "/ostler fix this")).await;
    let (runs, state) = quiet(&world, 2).await;
    assert!(runs.iter().all(|run| run["status"] == "refused"), "{runs:#?}");
    state.assert_untouched();
    assert_eq!(state.answers_under("acme/site", 1).len(), 1);
    assert_eq!(state.answers_under("acme/tools", 1).len(), 1);
}

#[tokio::test]
async fn a_refusal_that_is_delivered_again_is_not_told_again() {
    let mut world = World::start().await;
    let body = commented(&json!({"login": "eve", "id": 1002, "type": "User"}), 1, "/ostler fix this");
    let delivery = Delivery::github("issue_comment", "9f0c1d1e-0000-4000-8000-00000000000a", &body);
    world.answer(&delivery).await;
    quiet(&world, 1).await;
    let (_, again) = world.answer(&delivery).await;
    assert_eq!(again["status"], "duplicate", "{again}");
    world.kill();
    world.restart();
    let (_, again) = world.answer(&delivery).await;
    assert_eq!(again["status"], "duplicate", "{again}");
    let (_, state) = quiet(&world, 1).await;
    assert_eq!(state.answers_under("acme/site", 1).len(), 1);
}

#[tokio::test]
async fn the_bots_own_words_start_nothing() {
    let world = World::start().await;
    world.act(comment("ada", "acme/site", 1, "/ostler help")).await;
    let (_, state) = quiet(&world, 1).await;
    assert_eq!(state.answers_under("acme/site", 1).len(), 1);
    let events = world.ask("events").await;
    let own =
        events["events"].as_array().unwrap().iter().filter(|event| event["actor"]["name"] == "ostler-bot");
    assert_eq!(own.count(), 1, "the bot's comment came back as an event: {events:#}");
    // Even in so many words.
    let done = world.act(comment("ostler-bot", "acme/site", 1, "/ostler fix this")).await;
    let refusal = refusal_of(&world, &done).await;
    assert!(refusal.to_string().contains("own"), "{refusal}");
    quiet(&world, 1).await.1.assert_untouched();
}

#[tokio::test]
async fn what_is_quoted_or_shown_is_not_asked() {
    let world = World::start().await;
    for body in [
        "> /ostler fix this\n\nNo, rather not.",
        "```\n/ostler fix this\n```",
        "You could say `/ostler fix this` here.",
        "<!-- /ostler fix this -->",
    ] {
        let done = world.act(comment("ada", "acme/site", 1, body)).await;
        assert_eq!(refusal_of(&world, &done).await, Value::Null, "{body}");
    }
    let (runs, state) = quiet(&world, 0).await;
    assert_eq!(runs, Vec::<Value>::new());
    state.assert_untouched();
    assert!(state.answers_under("acme/site", 1).is_empty(), "silence is the answer to what was not asked");
}

#[tokio::test]
async fn another_program_starts_nothing() {
    let world = World::start().await;
    let bot = json!({"login": "helper[bot]", "id": 5, "type": "Bot"});
    let body = commented(&bot, 2, "/ostler fix this");
    let (status, answer) =
        world.answer(&Delivery::github("issue_comment", "9f0c1d1e-0000-4000-8000-00000000000b", &body)).await;
    assert!(status.is_success());
    assert_eq!((&answer["status"], &answer["runs"]), (&json!("ignored"), &json!([])), "{answer}");
    let event = world.ask(&format!("events/{}", answer["event_id"].as_str().unwrap())).await;
    assert!(event["reasons"]["refusal"].to_string().contains("helper[bot]"), "{event:#}");
    quiet(&world, 0).await.1.assert_untouched();
}

#[tokio::test]
async fn a_copied_mark_does_not_hide_what_a_person_asks() {
    let world = World::start().await;
    let marked = "<!-- ostler:key=run_01890000000070008000000000000000/tell/0 -->\n\n/ostler help";
    world.act(comment("ada", "acme/site", 1, marked)).await;
    let (runs, state) = quiet(&world, 1).await;
    assert_eq!(runs[0]["status"], "succeeded", "{runs:#?}");
    assert_eq!(state.answers_under("acme/site", 1).len(), 1);
}

#[tokio::test]
async fn one_comment_under_two_deliveries_starts_one_run() {
    let world = World::start().await;
    let body = commented(&ada(), 3, "/ostler help");
    for (id, status) in [("c", "accepted"), ("d", "duplicate")] {
        let id = format!("9f0c1d1e-0000-4000-8000-00000000000{id}");
        let (_, answer) = world.answer(&Delivery::github("issue_comment", &id, &body)).await;
        assert_eq!(answer["status"], status, "{answer}");
    }
    let (runs, state) = quiet(&world, 1).await;
    assert_eq!(runs.len(), 1);
    assert_eq!(state.answers_under("acme/site", 1).len(), 1);
}

#[tokio::test]
async fn two_requests_about_one_issue_make_one_pull_request() {
    let world = World::start().await;
    let label = json!({"label": {"repository": "acme/site", "issue": 1, "label": "ostler", "by": "ada"}});
    world.act(label).await;
    world.act(comment("ada", "acme/site", 1, "/ostler fix this")).await;
    let (runs, state) = quiet(&world, 2).await;
    assert_eq!(state.pulls("acme/site").len(), 1, "{:#?}", state.pulls("acme/site"));
    assert_eq!(state.branches("acme/site").len(), 2, "{:?}", state.branches("acme/site"));
    assert!(runs.iter().any(|run| run["status"] == "succeeded"), "{runs:#?}");
    let unclear = runs.iter().filter(|run| run["status"] != "succeeded" && run["reason"].is_null());
    assert_eq!(unclear.count(), 0, "{runs:#?}");
}

#[tokio::test]
async fn help_is_one_comment_on_an_issue_and_on_a_pull_request() {
    let world = World::start().await;
    world.act(comment("ada", "acme/site", 1, "/ostler help")).await;
    world.act(comment("ada", "acme/tools", 1, "/ostler help")).await;
    let (runs, state) = quiet(&world, 2).await;
    assert!(runs.iter().all(|run| run["status"] == "succeeded"), "{runs:#?}");
    for repository in ["acme/site", "acme/tools"] {
        let answers = state.answers_under(repository, 1);
        let [answer] = answers[..] else { panic!("not one answer: {answers:#?}") };
        for command in ["`implement`", "`fix`", "`help`"] {
            assert!(answer.contains(command), "{command} is missing in {answer}");
        }
    }
    state.assert_untouched();
}

#[tokio::test]
async fn slack_answers_at_once_and_to_the_person_alone() {
    let world = World::start().await;
    let cases = [
        ("ada", "#bank-dev", "/ostler help", vec!["`implement`", "`fix`", "`help`"]),
        ("ada", "#bank-dev", "/ostler", vec!["`implement`"]),
        ("ada", "#bank-dev", "/ostler dance", vec!["`dance`", "`implement`"]),
        ("ada", "#general", "/ostler implement something", vec!["/ostler use acme/bank", "#general"]),
        ("ada", "#general", "/ostler implement something --repo acme/elsewhere", vec!["acme/elsewhere"]),
    ];
    for (at, (user, channel, text, parts)) in cases.into_iter().enumerate() {
        let done = world.act(command(user, channel, text)).await;
        assert_eq!(done["answers"][0]["status"], 200, "{done:#}");
        let state = world.state().await;
        let whispers = state.whispers();
        assert_eq!(whispers.len(), at + 1, "{text}: {whispers:#?}");
        for part in parts {
            assert!(whispers[at].contains(part), "{text}: {part:?} is missing: {}", whispers[at]);
        }
    }
    let (runs, state) = quiet(&world, 0).await;
    assert_eq!(runs, Vec::<Value>::new());
    assert!(state.messages().is_empty(), "{:?}", state.messages());
    state.assert_untouched();
}

#[tokio::test]
async fn somebody_whom_nobody_knows_on_the_forge_is_refused_with_a_hint() {
    let world = World::start().await;
    world.act(command("eve", "#bank-dev", "/ostler implement monthly interest")).await;
    let (runs, state) = quiet(&world, 1).await;
    assert_eq!(runs[0]["status"], "refused", "{runs:#?}");
    let reason = runs[0]["reason"].as_str().unwrap();
    assert!(reason.contains("`identity`") && reason.contains("slack:U0EVE"), "{reason}");
    let messages = state.messages();
    assert!(matches!(messages[..], [("bank-dev", text)] if text.contains("eve")), "{messages:#?}");
    state.assert_untouched();
    assert!(state.ticket("BANK-1").is_null(), "a ticket was made for a stranger");
}

#[tokio::test]
async fn a_run_that_may_cost_nothing_asks_no_model() {
    let world = World::start_with(&[("OSTLER_LIMITS__MAX_COST_PER_TASK", "0.0001")]).await;
    world.act(json!({"assign": {"ticket": "SHOP-7", "by": "ada"}})).await;
    let (runs, state) = quiet(&world, 1).await;
    assert_eq!(runs[0]["status"], "failed", "{runs:#?}");
    let reason = runs[0]["reason"].as_str().unwrap();
    assert!(reason.contains("max_cost_per_task is $0.0001"), "{reason}");
    let run = world.ask(&format!("runs/{}", runs[0]["id"].as_str().unwrap())).await;
    assert!(run["timeline"].to_string().contains("budget"), "{run:#}");
    assert_eq!(state.model_calls(), 0);
    assert!(state.pulls("acme/shop").is_empty());
    assert_told_of_failure(&state.answers_on("SHOP-7"), "max_cost_per_task");
}

/// The people who wait for it are told why nothing comes.
fn assert_told_of_failure(answers: &[&str], why: &str) {
    assert!(matches!(answers, [one] if one.contains(why) && one.contains("run_")), "{answers:#?}");
}

/// A task that makes the model behave badly: how the run ends.
async fn misbehaves(how: &str) -> (World, Value, State) {
    let world = World::start().await;
    let issue =
        json!({"repository": "acme/bank", "title": "Something", "body": format!("twin:{how}"), "by": "ada"});
    let done = world.act(json!({"open_issue": issue})).await;
    let number = done["made"]["issue"].as_u64().unwrap();
    world.act(comment("ada", "acme/bank", number, "/ostler implement")).await;
    let (runs, state) = quiet(&world, 1).await;
    assert_eq!(runs[0]["status"], "failed", "{runs:#?}");
    assert!(state.pulls("acme/bank").is_empty(), "a pull request came of nothing");
    assert!(state.model_calls() > 0);
    assert_told_of_failure(&state.answers_under("acme/bank", number), runs[0]["reason"].as_str().unwrap());
    assert_eq!(state.messages().len(), 1, "{:?}", state.messages());
    let clone = state.clone_of("acme/bank");
    for branch in state.branches("acme/bank") {
        let moved = crate::harness::git(
            clone.path(),
            &["rev-list", "--count", &format!("origin/main..origin/{branch}")],
        );
        assert_eq!(moved, "0", "{branch}");
    }
    (world, runs[0].clone(), state)
}

#[tokio::test]
async fn a_model_that_does_nothing_publishes_nothing() {
    let (_world, run, _) = misbehaves("null").await;
    assert!(run["reason"].as_str().unwrap().contains("changed nothing"), "{run:#}");
}

#[tokio::test]
async fn a_model_that_goes_round_in_circles_is_stopped() {
    let (_world, run, state) = misbehaves("loops").await;
    assert!(run["reason"].as_str().unwrap().contains("repeats itself"), "{run:#}");
    assert!(state.model_calls() < 20, "{}", state.model_calls());
}

#[tokio::test]
async fn a_model_that_talks_nonsense_is_stopped() {
    let (world, run, _) = misbehaves("garbled").await;
    assert!(run["reason"].is_string(), "{run:#}");
    let id = run["id"].as_str().unwrap();
    let spent = world.ask(&format!("runs/{id}")).await["run"]["cost"].clone();
    assert!(spent.as_f64().is_some_and(|dollars| dollars > 0.0), "{spent}");
}
