use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::Value;

use super::super::Options;
use super::super::source::JiraSource;
use super::super::wire::write_moment;
use super::*;
use crate::event::Event;
use crate::plugin::client::testing::{self, JumpClock, START, Seen, Server};
use crate::plugin::fetch::walk::{Cursor, behind};
use crate::plugin::fixture::tests::{decode, kept};
use crate::plugin::source::{Decoded, Source as _};

const OSTLER: &str = "712020:ostler";

/// Seconds after the start of the tests.
fn at(seconds: i64) -> Timestamp {
    START + SignedDuration::from_secs(seconds)
}

fn time(seconds: i64) -> String {
    write_moment(at(seconds))
}

/// An issue with what a change log says was done to it: when, the field, from and to.
#[derive(Debug, Clone)]
struct Issue {
    id: u64,
    created: i64,
    changes: Vec<(i64, Value)>,
    comments: Vec<(i64, &'static str)>,
}

impl Issue {
    fn updated(&self) -> i64 {
        let moments = self.changes.iter().map(|(at, _)| *at).chain(self.comments.iter().map(|(at, _)| *at));
        moments.chain([self.created]).max().unwrap()
    }

    fn answer(&self, rest: &str) -> Value {
        let ada = json!({ "accountId": "ada", "displayName": "Ada" });
        if rest.starts_with("/changelog") {
            let values: Vec<_> = self.changes.iter().enumerate().map(|(n, (at, item))| {
                json!({ "id": format!("{}{n}", self.id), "author": ada, "created": time(*at), "items": [item] })
            }).collect();
            return json!({ "values": values, "isLast": true });
        }
        if rest.starts_with("/comment") {
            let comments: Vec<_> = self.comments.iter().rev().map(|(at, body)| {
                json!({ "id": format!("c{}-{at}", self.id), "author": ada, "created": time(*at), "body": body })
            }).collect();
            return json!({ "comments": comments, "total": self.comments.len() });
        }
        json!({ "id": self.id.to_string(), "key": format!("SHOP-{}", self.id), "self": "http://api.example/x", "fields": {
            "summary": "Totals", "description": "Off.", "status": {"name": "To Do"}, "labels": ["urgent"],
            "assignee": {"accountId": OSTLER}, "creator": ada,
            "created": time(self.created), "updated": time(self.updated()),
        }})
    }
}

fn assigned() -> Value {
    json!({ "field": "assignee", "fieldId": "assignee", "from": null, "fromString": null, "to": OSTLER })
}

fn labeled() -> Value {
    json!({ "field": "labels", "fieldId": "labels", "fromString": "", "toString": "urgent" })
}

/// A site with these issues; the search gives no more than a hundred at once.
async fn server(issues: Vec<Issue>) -> Server {
    Server::start(move |seen: &Seen| {
        if seen.path.ends_with("/search/jql") {
            let mut found = issues.clone();
            found.sort_by_key(|issue| std::cmp::Reverse((issue.updated(), issue.id)));
            let start: usize = seen.json["nextPageToken"].as_str().map_or(0, |token| token.parse().unwrap());
            let page = found.iter().skip(start).take(LIST).map(
                |issue| json!({ "id": issue.id.to_string(), "fields": {"updated": time(issue.updated())} }),
            );
            let next = (start + LIST < found.len()).then(|| (start + LIST).to_string());
            return testing::json(200, &json!({ "issues": page.collect::<Vec<_>>(), "nextPageToken": next }));
        }
        let rest = seen.path.strip_prefix("/rest/api/2/issue/").unwrap();
        let (id, rest) = rest.split_at(rest.find(['/', '?']).unwrap());
        match issues.iter().find(|issue| issue.id.to_string() == id) {
            Some(issue) => testing::json(200, &issue.answer(rest)),
            None => testing::json(404, &json!({ "errorMessages": ["gone"] })),
        }
    })
    .await
}

fn way(server: &Server, condition: Option<&str>) -> Changes {
    let options = Options {
        base_url: Some(server.url.clone()),
        site_url: Some("https://acme.atlassian.net".parse().unwrap()),
        token: Some("t".into()),
        rate_per_second: 1e6,
        ..Options::default()
    };
    let jira = Jira::new(options, Arc::new(JumpClock::default()), testing::transport()).unwrap();
    Changes { jira: Arc::new(jira), condition: condition.map(str::to_owned), every: Duration::from_secs(30) }
}

fn asked(cursor: Option<String>) -> Asked {
    Asked { since: at(-3600), cursor, all: false }
}

fn understood(delivery: &Delivery) -> (Event, Vec<String>) {
    let Ok(Decoded::Event { event, identities }) =
        decode(&JiraSource::new(SourceOptions::default()), delivery)
    else {
        panic!("{delivery:?}")
    };
    (*event, identities)
}

#[tokio::test]
async fn everything_that_happened_is_told_as_it_was_at_the_time() {
    let changes = vec![(-4000, labeled()), (-600, assigned()), (-500, labeled())];
    let old =
        Issue { id: 1, created: -5000, changes, comments: vec![(-3700, "old"), (-550, "/ostler help")] };
    let new = Issue { id: 2, created: -580, changes: vec![(-400, assigned())], comments: vec![] };
    let server = server(vec![old, new]).await;
    let page = way(&server, None).page(&asked(None)).await.unwrap();
    let events: Vec<_> = page.deliveries.iter().map(|delivery| understood(delivery).0).collect();
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            let assignee = event.assignee.as_ref().map(|account| account.id.as_str());
            let labels = event.task.as_ref().unwrap().labels.len();
            (event.kind.as_str(), event.subject.as_str(), assignee, labels, event.time)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("jira.issue.assigned", "jira:SHOP-1", Some(OSTLER), 0, at(-600)),
            ("jira.issue.created", "jira:SHOP-2", None, 1, at(-580)),
            ("jira.issue.commented", "jira:SHOP-1", None, 1, at(-550)),
            ("jira.issue.labeled", "jira:SHOP-1", None, 1, at(-500)),
            ("jira.issue.assigned", "jira:SHOP-2", Some(OSTLER), 1, at(-400)),
        ]
    );
    assert_eq!(events[2].command.as_ref().unwrap().name, "help");
    assert!(!page.more);
    let next = way(&server, None).page(&asked(page.cursor)).await.unwrap();
    assert_eq!(next.deliveries.len(), 0, "everything up to the newest was told");
}

#[tokio::test]
async fn what_was_sent_too_is_known_again() {
    let issue =
        Issue { id: 10042, created: -100, changes: vec![(-90, assigned())], comments: vec![(-80, "Hm")] };
    let server = server(vec![issue]).await;
    let page = way(&server, None).page(&asked(None)).await.unwrap();
    let fetched: Vec<_> = page.deliveries.iter().map(|delivery| understood(delivery).1).collect();
    let mut sent = Vec::new();
    for (name, part, id) in [
        ("issue_created", "/issue/id", "10042"),
        ("issue_updated.assigned", "/changelog/id", "100420"),
        ("comment_created", "/comment/id", "c10042--80"),
    ] {
        let mut fixture = kept("jira", name);
        *fixture.body.as_mut().unwrap().pointer_mut(part).unwrap() = id.into();
        sent.push(understood(&fixture.delivery().unwrap()).1);
    }
    for (fetched, sent) in fetched.into_iter().zip(sent) {
        let fetched: BTreeSet<_> = fetched.into_iter().collect();
        let shared = sent.iter().filter(|id| fetched.contains(*id)).count();
        assert_eq!(shared, 1, "{fetched:?} {sent:?}");
    }
}

#[tokio::test]
async fn a_walk_of_several_pages_loses_nothing_that_is_older_than_where_it_is() {
    // Each of 130 issues was assigned before any of them was labeled.
    let issue = |n: u64| {
        let after = i64::try_from(n).unwrap();
        let changes = vec![(-3000 + after, assigned()), (-2000 + after, labeled())];
        Issue { id: n, created: -9000, changes, comments: vec![] }
    };
    let server = server((0..130).map(issue).collect()).await;
    let (mut cursor, mut found, mut pages) = (None, BTreeSet::new(), 0);
    loop {
        let page = way(&server, None).page(&asked(cursor)).await.unwrap();
        found.extend(page.deliveries.iter().map(|delivery| understood(delivery).1.last().unwrap().clone()));
        pages += 1;
        cursor = page.cursor;
        if !page.more {
            break;
        }
    }
    assert_eq!((pages, found.len()), (7, 260));
    let cursor: Cursor = serde_json::from_str(&cursor.unwrap()).unwrap();
    assert_eq!(cursor, Cursor { since: behind(at(-1871)), walk: None });
}

#[tokio::test]
async fn what_the_index_shows_late_is_not_walked_past() {
    let issue = Issue { id: 1, created: -10, changes: vec![], comments: vec![] };
    let server = server(vec![issue]).await;
    let page = way(&server, None).page(&asked(None)).await.unwrap();
    let cursor: Cursor = serde_json::from_str(&page.cursor.unwrap()).unwrap();
    assert_eq!(cursor.since, at(-120));
}

#[tokio::test]
async fn the_search_is_in_minutes_ago_and_only_of_the_issues_that_are_wanted() {
    let server = server(vec![]).await;
    way(&server, Some("project = SHOP OR project = PAY")).page(&asked(None)).await.unwrap();
    let jql = "(project = SHOP OR project = PAY) AND updated >= -65m ORDER BY updated DESC";
    assert_eq!(server.seen()[0].json["jql"], jql);
}

#[test]
fn who_sends_is_asked_for_what_was_missed_and_who_is_polled_more_often() {
    let every = |options: SourceOptions| options.every().map(|every| every.as_secs());
    let secrets = vec!["s".into()];
    let sends = SourceOptions { secrets: secrets.clone(), ..SourceOptions::default() };
    assert_eq!(every(sends.clone()), Some(300));
    assert_eq!(every(SourceOptions { catch_up: Some(false), ..sends }), None);
    assert_eq!(every(SourceOptions { automation_tokens: secrets, ..SourceOptions::default() }), None);
    let polled = SourceOptions { poll: Some(Default::default()), ..SourceOptions::default() };
    assert_eq!(every(polled), Some(30));
    assert!(JiraSource::new(SourceOptions::default()).credentials("").is_empty());
}
