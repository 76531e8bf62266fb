use axum::response::Response;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::super::source::LinearSource;
use super::super::tests::linear;
use super::*;
use crate::event::Event;
use crate::plugin::client::testing::{START, Seen, Server, json as answer};
use crate::plugin::fetch::walk::Cursor;
use crate::plugin::fixture::tests::{decode, kept};
use crate::plugin::source::Decoded;

/// Seconds after the start of the tests.
fn at(seconds: i64) -> Timestamp {
    START + SignedDuration::from_secs(seconds)
}

fn time(seconds: i64) -> String {
    history::time(at(seconds))
}

fn person(name: &str) -> Value {
    json!({ "id": name, "name": name, "app": false })
}

fn named(name: &str) -> Value {
    json!({ "id": name, "name": name })
}

/// An issue by Ada with the label `ostler`, given to the bot, in work.
fn issue(id: &str, created: i64, updated: i64, history: Vec<Value>) -> Value {
    json!({
        "id": id, "identifier": format!("ENG-{}", &id[1..]), "title": "T", "description": "B",
        "url": format!("https://l.example/{id}"), "createdAt": time(created), "updatedAt": time(updated),
        "state": named("Doing"), "team": {"id": "t", "key": "ENG", "name": "E"}, "project": named("Pay"),
        "assignee": named("bot"), "delegate": null, "labels": {"nodes": [named("ostler")]}, "creator": person("ada"),
        "botActor": null, "history": history,
    })
}

/// An entry of a history by Eve, with what it tells.
fn entry(id: &str, seconds: i64, tells: &Value) -> Value {
    let mut entry = json!({
        "id": id, "createdAt": time(seconds), "updatedAt": time(seconds), "actor": person("eve"), "botActor": null,
    });
    entry.as_object_mut().unwrap().extend(tells.as_object().cloned().unwrap());
    entry
}

fn comment(id: &str, body: &str, created: i64) -> Value {
    json!({
        "id": id, "body": body, "url": format!("https://l.example/i1#{id}"), "createdAt": time(created),
        "user": person("eve"), "botActor": null, "externalUser": null,
        "issue": {"id": "i1", "identifier": "ENG-1", "title": "T", "url": "https://l.example/i1"},
    })
}

/// What Linear holds.
#[derive(Debug, Default, Clone)]
struct Held {
    issues: Vec<Value>,
    comments: Vec<Value>,
    /// The issue that is answered with this message, and its status.
    broken: Option<(&'static str, u16, &'static str)>,
    /// Entries on a page of a history.
    size: usize,
    /// Whether histories begin with what is oldest.
    oldest_first: bool,
}

impl Held {
    fn of(issues: Vec<Value>) -> Self {
        Self { issues, size: 30, ..Self::default() }
    }

    async fn served(self) -> Server {
        Server::start(move |seen| self.answer(seen)).await
    }

    fn answer(&self, seen: &Seen) -> Response {
        let (query, variables) = (seen.json["query"].as_str().unwrap(), &seen.json["variables"]);
        if query.contains("issue(id") {
            return self.issue(variables);
        }
        if let Some(ids) = variables["ids"].as_array() {
            let found: Vec<_> = self.comments.iter().filter(|one| ids.contains(&one["id"])).collect();
            return data(&json!({ "things": page(&found, 250, &Value::Null) }));
        }
        let moment = if query.contains("at: updatedAt") { "updatedAt" } else { "createdAt" };
        let all = if query.contains("comments(") { &self.comments } else { &self.issues };
        let since = variables["filter"][moment]["gte"].as_str().unwrap();
        let mut found: Vec<_> = all.iter().filter(|one| one[moment].as_str().unwrap() >= since).collect();
        found.sort_by_key(|one| std::cmp::Reverse(one[moment].as_str().unwrap()));
        let found: Vec<_> = found.iter().map(|one| json!({ "id": one["id"], "at": one[moment] })).collect();
        data(&json!({ "things": page(&found.iter().collect::<Vec<_>>(), 100, &variables["after"]) }))
    }

    fn issue(&self, variables: &Value) -> Response {
        if let Some((_, status, message)) = self.broken.filter(|(id, ..)| variables["id"] == *id) {
            return answer(status, &json!({ "errors": [{"message": message}], "data": null }));
        }
        let mut found = self.issues.iter().find(|one| one["id"] == variables["id"]).unwrap().clone();
        let mut entries: Vec<Value> = found["history"].as_array().unwrap().clone();
        entries.sort_by_key(|one| std::cmp::Reverse(one["updatedAt"].as_str().unwrap().to_owned()));
        if self.oldest_first {
            entries.reverse();
        }
        found["history"] = page(&entries.iter().collect::<Vec<_>>(), self.size, &variables["after"]);
        data(&json!({ "issue": found }))
    }
}

fn data(data: &Value) -> Response {
    answer(200, &json!({ "data": data }))
}

fn page(all: &[&Value], size: usize, after: &Value) -> Value {
    let begin = all.iter().position(|one| one["id"] == *after).map_or(0, |place| place + 1);
    let nodes: Vec<_> = all.iter().skip(begin).take(size).collect();
    let info = json!({ "hasNextPage": begin + nodes.len() < all.len(), "endCursor": nodes.last().map(|one| &one["id"]) });
    json!({ "nodes": nodes, "pageInfo": info })
}

fn way(server: &Server, of: Of) -> Asking {
    let (linear, every) = (Arc::new(linear(server)), Duration::from_secs(30));
    Asking { linear, name: "linear.test", of, teams: Vec::new(), every }
}

fn asked(cursor: Option<String>) -> Asked {
    Asked { since: at(-3600), cursor, all: false }
}

fn understood(delivery: &Delivery) -> (Event, Vec<String>) {
    let Ok(Decoded::Event { event, identities }) =
        decode(&LinearSource::new(SourceOptions::default()), delivery)
    else {
        panic!("{delivery:?}")
    };
    (*event, identities)
}

/// The events that a page tells of, with what each is known by.
async fn told(held: Held, of: Of) -> Vec<(Event, Vec<String>)> {
    let page = way(&held.served().await, of).page(&asked(None)).await.unwrap();
    page.deliveries.iter().map(understood).collect()
}

fn kinds(told: &[(Event, Vec<String>)]) -> Vec<&str> {
    told.iter().map(|(event, _)| event.kind.as_str().strip_prefix("linear.").unwrap()).collect()
}

fn ids(told: &[(Event, Vec<String>)]) -> Vec<&str> {
    told.iter().map(|(_, identities)| identities[0].strip_prefix("linear:").unwrap()).collect()
}

#[tokio::test]
async fn everything_that_was_done_is_told_as_it_was_at_the_time() {
    let history = vec![
        entry("h1", -400, &json!({"fromAssignee": named("eve"), "toAssignee": null})),
        entry("h2", -300, &json!({"addedLabels": [named("ostler")], "removedLabels": [named("later")]})),
        entry(
            "h3",
            -200,
            &json!({"toAssignee": named("bot"), "fromState": named("Todo"), "toState": named("Doing")}),
        ),
        entry("h4", -100, &json!({"fromTitle": "S", "toTitle": "T"})),
        entry("h5", -90, &json!({"attachmentId": "a"})),
    ];
    let told = told(Held::of(vec![issue("i1", -500, -100, history)]), Of::Changes).await;
    let expected = [
        ("issue.created", "Todo", vec!["later"], Some("eve"), "S", at(-500)),
        ("issue.unassigned", "Todo", vec!["later"], None, "S", at(-400)),
        ("issue.labeled", "Todo", vec!["ostler"], None, "S", at(-300)),
        ("issue.unlabeled", "Todo", vec!["ostler"], None, "S", at(-300)),
        ("issue.assigned", "Doing", vec!["ostler"], Some("bot"), "S", at(-200)),
        ("issue.transitioned", "Doing", vec!["ostler"], Some("bot"), "S", at(-200)),
        ("issue.updated", "Doing", vec!["ostler"], Some("bot"), "T", at(-100)),
    ];
    let is: Vec<_> = told
        .iter()
        .zip(kinds(&told))
        .map(|((event, _), kind)| {
            let task = event.task.as_ref().unwrap();
            let labels: Vec<_> = task.labels.iter().map(String::as_str).collect();
            let assignee = task.assignee.as_ref().map(|account| account.id.as_str());
            (
                kind,
                task.status.as_deref().unwrap(),
                labels,
                assignee,
                task.title.as_deref().unwrap(),
                event.time,
            )
        })
        .collect();
    assert_eq!(is, expected);
    let actors: Vec<_> = told.iter().map(|(event, _)| event.actor.as_ref().unwrap().name.as_str()).collect();
    assert_eq!(actors, ["ada", "eve", "eve", "eve", "eve", "eve", "eve"]);
    assert_eq!(told[2].0.label.as_deref(), Some("ostler"));
    assert_eq!(told[4].0.assignee.as_ref().unwrap().id, "bot");
    let created = &told[0].0;
    assert_eq!(created.subject.as_str(), "linear:ENG-1");
    assert_eq!(created.task.as_ref().unwrap().components, ["Pay"]);
    assert_eq!(created.task.as_ref().unwrap().url.as_deref(), Some("https://l.example/i1"));
}

#[tokio::test]
async fn what_was_before_is_not_told_and_no_more_of_it_is_read_than_there_must_be() {
    let label = |id: &str, seconds| entry(id, seconds, &json!({"addedLabels": [named("ostler")]}));
    let history = vec![label("h4", -100), label("h3", -4000), label("h2", -4001), label("h1", -4002)];
    let held = Held { size: 2, ..Held::of(vec![issue("i1", -9000, -100, history)]) };
    let server = held.served().await;
    let page = way(&server, Of::Changes).page(&asked(None)).await.unwrap();
    assert_eq!((page.deliveries.len(), server.seen().len()), (1, 2), "a list, and one page of a history");
}

#[tokio::test]
async fn a_history_is_read_to_its_end_whatever_its_order() {
    let moments = [-9000, -8000, -7000, -300, -299, -298, -297].into_iter().enumerate();
    let history: Vec<_> = moments
        .map(|(number, moment)| {
            let label = named(&format!("l{number}"));
            entry(&format!("h{number}"), moment, &json!({ "addedLabels": [label] }))
        })
        .collect();
    for oldest_first in [false, true] {
        let history = history.clone();
        let held = Held { size: 3, oldest_first, ..Held::of(vec![issue("i1", -9500, -297, history)]) };
        let told = told(held, Of::Changes).await;
        let labels: Vec<_> = told.iter().map(|(event, _)| event.label.clone().unwrap()).collect();
        assert_eq!(labels, ["l3", "l4", "l5", "l6"], "{oldest_first}");
    }
}

#[tokio::test]
async fn an_entry_that_grows_tells_each_thing_once() {
    let grown = |labels: &[&str], updated: i64| {
        let labels: Vec<_> = labels.iter().map(|name| named(name)).collect();
        let mut entry = entry("h1", -300, &json!({"addedLabels": labels, "toState": named("Doing")}));
        entry["updatedAt"] = time(updated).into();
        Held::of(vec![issue("i1", -9000, updated, vec![entry])])
    };
    let (first, later) =
        (told(grown(&["a"], -300), Of::Changes).await, told(grown(&["a", "b"], -200), Of::Changes).await);
    assert_eq!(ids(&first), ["history/h1/state/Doing", "history/h1/label/a"]);
    assert_eq!(ids(&later), ["history/h1/state/Doing", "history/h1/label/a", "history/h1/label/b"]);
    let labels: Vec<_> = later.iter().map(|(event, _)| event.labels_added.as_slice()).collect();
    assert_eq!(labels, [&[][..], &["a".to_owned()], &["b".to_owned()]], "each by itself");
    // Nothing that is told of is taken for something else that is.
    for (told, identities) in later.iter().map(|(_, identities)| identities).enumerate() {
        let others = later.iter().enumerate().filter(|(other, _)| *other != told);
        assert!(
            others.flat_map(|(_, (_, ids))| ids).all(|other| !identities.contains(other)),
            "{identities:?}"
        );
    }
}

#[tokio::test]
async fn what_an_issue_was_made_with_is_told_by_its_making() {
    let mut made_with =
        entry("h1", -499, &json!({"addedLabels": [named("ostler")], "toAssignee": named("bot")}));
    made_with["actor"] = person("ada");
    let first = told(Held::of(vec![issue("i1", -500, -499, vec![made_with.clone()])]), Of::Changes).await;
    assert_eq!(kinds(&first), ["issue.created", "issue.assigned", "issue.labeled"]);
    let created = &first[0];
    assert_eq!(
        (created.0.label.as_deref(), created.0.assignee.as_ref().unwrap().id.as_str()),
        (Some("ostler"), "bot")
    );
    // The others are known by what the first is known by.
    assert!(first[1..].iter().all(|(_, identities)| created.1.contains(&identities[0])), "{first:?}");
    // What comes into the entry later is told all the same.
    made_with["addedLabels"] = json!([named("ostler"), named("bug")]);
    made_with["updatedAt"] = time(-300).into();
    let later = told(Held::of(vec![issue("i1", -500, -300, vec![made_with.clone()])]), Of::Changes).await;
    let new: Vec<_> =
        ids(&later).into_iter().filter(|id| !created.1.contains(&format!("linear:{id}"))).collect();
    assert_eq!(new, ["made/i1/label/bug"]);
    // What somebody else does to it at once is theirs.
    made_with["actor"] = person("eve");
    let theirs = told(Held::of(vec![issue("i1", -500, -300, vec![made_with])]), Of::Changes).await;
    assert_eq!((ids(&theirs)[2], theirs[0].0.labels_added.len()), ("history/h1/label/ostler", 0));
}

#[tokio::test]
async fn programs_are_told_from_people() {
    let by = |actor: Value, bot: Value| {
        let mut one = entry("h1", -300, &json!({"toState": named("Doing")}));
        (one["actor"], one["botActor"]) = (actor, bot);
        Held::of(vec![issue("i1", -9000, -300, vec![one])])
    };
    let bot = json!({"id": null, "name": "GitHub", "type": "github"});
    let app = json!({"id": "app", "name": "App", "app": true});
    for (held, expected) in [
        (by(person("eve"), Value::Null), Some(("eve", false))),
        (by(app, Value::Null), Some(("app", true))),
        (by(Value::Null, bot), Some(("github", true))),
        (by(Value::Null, Value::Null), None),
    ] {
        let told = told(held, Of::Changes).await;
        let actor = told[0].0.actor.as_ref().map(|actor| (actor.account.id.as_str(), actor.bot));
        assert_eq!(actor, expected);
    }
}

#[tokio::test]
async fn comments_are_told_with_their_issue_and_known_as_a_webhook_is() {
    let mut guest = comment("c2", "hello", -200);
    guest["externalUser"] = named("mallory");
    let mut elsewhere = comment("c3", "on a project", -100);
    elsewhere["issue"] = Value::Null;
    let comments = vec![comment("c1", "/ostler help", -300), guest, elsewhere, comment("c0", "old", -4000)];
    let told = told(Held { comments, ..Held::of(Vec::new()) }, Of::Comments).await;
    assert_eq!(ids(&told), ["comment/c1", "comment/c2"]);
    let (event, identities) = &told[0];
    assert_eq!((event.kind.as_str(), event.subject.as_str()), ("linear.comment.created", "linear:ENG-1"));
    assert_eq!((event.time, event.actor.as_ref().unwrap().name.as_str()), (at(-300), "eve"));
    assert_eq!(event.command.as_ref().unwrap().name, "help");
    assert_eq!(event.comment.as_ref().unwrap().url.as_deref(), Some("https://l.example/i1#c1"));
    assert!(identities.contains(&"linear.comment.created:c1".to_owned()), "{identities:?}");
    assert!(told[1].0.actor.as_ref().unwrap().external);
}

/// What a webhook's delivery that is kept is known by.
fn webhook_of(name: &str) -> (Value, Vec<String>) {
    let kept = kept("linear", name);
    let identities = understood(&kept.delivery().unwrap()).1;
    (kept.body.unwrap()["data"].clone(), identities)
}

#[tokio::test]
async fn what_a_webhook_told_of_is_known_when_it_is_found() {
    let (sent, known) = webhook_of("comment.created");
    let mut comment = comment("c1", "x", 0);
    comment["id"] = sent["id"].clone();
    comment["createdAt"] = "2023-11-14T22:00:00.000Z".into();
    let found = told(Held { comments: vec![comment], ..Held::of(Vec::new()) }, Of::Comments).await;
    assert!(found[0].1.iter().any(|identity| known.contains(identity)), "{found:?} {known:?}");
    let (sent, known) = webhook_of("issue.created");
    let mut issue = issue("i1", -300, -300, Vec::new());
    issue["id"] = sent["id"].clone();
    for of in [Of::Issues, Of::Changes] {
        let found = told(Held::of(vec![issue.clone()]), of).await;
        assert!(found[0].1.iter().any(|identity| known.contains(identity)), "{found:?} {known:?}");
    }
}

#[tokio::test]
async fn beside_a_webhook_the_making_of_an_issue_is_found_and_nothing_else() {
    let changed = entry(
        "h1",
        -100,
        &json!({"addedLabels": [named("ostler")], "fromState": named("Todo"), "toState": named("Doing")}),
    );
    let held = Held::of(vec![
        issue("i1", -300, -100, vec![changed.clone()]),
        issue("i2", -9000, -100, vec![changed]),
    ]);
    let told = told(held, Of::Issues).await;
    assert_eq!(ids(&told), ["issue/i1"]);
    let task = told[0].0.task.as_ref().unwrap();
    assert_eq!((task.status.as_deref(), task.labels.len()), (Some("Todo"), 0), "as it was made");
}

#[tokio::test]
async fn the_next_look_begins_behind_what_is_settled() {
    for (updated, since) in [(-150, at(-150) + SignedDuration::from_millis(1)), (-10, at(-120))] {
        let server = Held::of(vec![issue("i1", -500, updated, Vec::new())]).served().await;
        let page = way(&server, Of::Changes).page(&asked(None)).await.unwrap();
        let cursor: Cursor = serde_json::from_str(page.cursor.as_deref().unwrap()).unwrap();
        assert_eq!((cursor, page.more), (Cursor { since, walk: None }, false), "{updated}");
        let before = server.seen().len();
        let next = way(&server, Of::Changes).page(&asked(page.cursor)).await.unwrap();
        assert_eq!(next.deliveries.len(), 0, "the issue was made before");
        let asked = server.seen().split_off(before);
        assert_eq!(asked.len(), if updated == -10 { 2 } else { 1 }, "a list, and what is not settled");
        assert_eq!(asked[0].json["variables"]["filter"]["updatedAt"]["gte"], history::time(since));
    }
}

#[tokio::test]
async fn more_than_a_page_tells_of_is_told_page_by_page_without_a_gap() {
    // More at one moment than a list's page holds, among others.
    let moment = |number: i64| if (30..200).contains(&number) { -1000 } else { number - 1030 };
    let comments = (0..260).map(|number| comment(&format!("c{number}"), "x", moment(number)));
    let server = Held { comments: comments.collect(), ..Held::of(Vec::new()) }.served().await;
    let (mut cursor, mut found, mut sizes) = (None, Vec::new(), Vec::new());
    loop {
        let page = way(&server, Of::Comments).page(&asked(cursor)).await.unwrap();
        sizes.push(page.deliveries.len());
        found.extend(
            page.deliveries.iter().map(|told| told.header(super::super::source::ID).unwrap().to_owned()),
        );
        cursor = page.cursor;
        if !page.more {
            break;
        }
    }
    assert_eq!(sizes, [20, 180, 20, 20, 20]);
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 260);
    let cursor: Cursor = serde_json::from_str(cursor.as_deref().unwrap()).unwrap();
    assert_eq!(cursor, Cursor { since: at(259 - 1030) + SignedDuration::from_millis(1), walk: None });
}

#[tokio::test]
async fn an_issue_that_is_gone_holds_up_nothing_and_a_failure_is_no_end() {
    let held = Held::of(vec![issue("i4", -500, -150, Vec::new()), issue("i1", -500, -150, Vec::new())]);
    for (status, message, told) in
        [(200, "Entity not found: Issue", Some(1)), (401, "no", None), (500, "oh", None)]
    {
        let held = Held { broken: Some(("i4", status, message)), ..held.clone() };
        let page = way(&held.served().await, Of::Changes).page(&asked(None)).await.ok();
        assert_eq!(page.map(|page| page.deliveries.len()), told, "{status}");
    }
}

#[test]
fn teams_narrow_down_what_is_asked_for() {
    let teams = ["ENG".to_owned()];
    let since = json!({ "gte": "2023-11-14T22:13:20.000Z" });
    let team = json!({ "key": {"in": ["ENG"]} });
    assert_eq!(Of::Changes.filter(START, &[]), json!({ "updatedAt": since }));
    assert_eq!(Of::Changes.filter(START, &teams), json!({ "updatedAt": since, "team": team }));
    assert_eq!(
        Of::Comments.filter(START, &teams),
        json!({ "createdAt": since, "issue": {"null": false, "team": team} })
    );
}
