use super::*;
use crate::plugin::fixture::tests::{decode, event_of, kept, survives_any_bytes, survives_odd_values, told};

const BOT: &str = "jira:712020:0f3c8a52-ostler";

fn source() -> JiraSource {
    JiraSource::new(SourceOptions { secrets: vec!["s".into()], ..SourceOptions::default() })
}

fn read(name: &str) -> Event {
    event_of(&source(), name).0
}

#[test]
fn what_becomes_of_each_kept_delivery() {
    insta::assert_snapshot!(told(&source()));
}

#[test]
fn an_empty_description_is_one_where_the_whole_ticket_is_told_and_unknown_where_it_is_not() {
    let mut fixture = kept("jira", "issue_updated.assigned");
    *fixture.body.as_mut().unwrap().pointer_mut("/issue/fields/description").unwrap() =
        serde_json::Value::Null;
    let Ok(Decoded::Event { event, .. }) = decode(&source(), &fixture.delivery().unwrap()) else { panic!() };
    assert_eq!(event.task.unwrap().description.as_deref(), Some(""));
    // A comment comes with a part of its ticket.
    assert_eq!(read("comment_created").task.unwrap().description, None);
}

#[test]
fn an_assignment_comes_before_a_transition() {
    let event = read("issue_updated.assigned");
    assert_eq!(event.kind.as_str(), "jira.issue.assigned");
    assert_eq!(event.subject.as_str(), "jira:SHOP-7");
    assert_eq!(event.assignee.unwrap().to_string(), BOT);
    assert_eq!(event.time.as_millisecond(), 1_763_627_400_123);
    let actor = event.actor.unwrap();
    assert_eq!((actor.name.as_str(), actor.bot, actor.external), ("Ada Example", false, false));
    let task = event.task.unwrap();
    assert_eq!(task.reference.to_string(), "jira:SHOP-7");
    assert_eq!(task.title.as_deref(), Some("Totals are wrong for empty carts"));
    assert_eq!((task.kind.as_deref(), task.status.as_deref()), (Some("Bug"), Some("To Do")));
    assert_eq!((task.labels, task.components), (vec!["checkout".to_owned()], vec!["Payments".to_owned()]));
    assert_eq!(task.url.as_deref(), Some("https://acme.atlassian.net/browse/SHOP-7"));
    assert_eq!(event.repository, None);
}

#[test]
fn an_assignment_may_come_without_a_changelog_or_with_the_issue() {
    let event = read("issue_updated.assigned-empty-changelog");
    assert_eq!(
        (event.kind.as_str(), event.assignee.unwrap().to_string().as_str()),
        ("jira.issue.assigned", BOT)
    );
    let event = read("issue_created");
    assert_eq!(
        (event.kind.as_str(), event.assignee.unwrap().to_string().as_str()),
        ("jira.issue.created", BOT)
    );
}

#[test]
fn an_update_is_named_after_what_it_tells() {
    assert_eq!(read("issue_updated.transitioned").kind.as_str(), "jira.issue.transitioned");
    assert_eq!(read("issue_updated.described").kind.as_str(), "jira.issue.updated");
    let event = read("issue_updated.unassigned");
    assert_eq!(
        (event.kind.as_str(), event.assignee.unwrap().to_string().as_str()),
        ("jira.issue.unassigned", BOT)
    );
}

#[test]
fn a_label_just_added_is_the_difference_of_the_sets() {
    let event = read("issue_updated.labeled");
    assert_eq!((event.kind.as_str(), event.label.as_deref()), ("jira.issue.labeled", Some("ostler")));
    assert_eq!(event.labels_added, ["ostler"]);
    assert_eq!(event.task.unwrap().labels, ["checkout", "ostler"]);
}

#[test]
fn all_labels_added_at_once_are_told_and_labels_taken_away_are_no_labelling() {
    let with = |old: &str, new: &str| {
        let mut fixture = kept("jira", "issue_updated.labeled");
        let item = &mut fixture.body.as_mut().unwrap()["changelog"]["items"][0];
        (item["fromString"], item["toString"]) = (old.into(), new.into());
        let Ok(Decoded::Event { event, .. }) = decode(&source(), &fixture.delivery().unwrap()) else {
            panic!()
        };
        event
    };
    let added = with("checkout old", "checkout urgent ostler");
    assert_eq!((added.kind.as_str(), added.label.as_deref()), ("jira.issue.labeled", Some("urgent")));
    assert_eq!(added.labels_added, ["urgent", "ostler"]);
    let removed = with("checkout ostler", "checkout");
    assert_eq!((removed.kind.as_str(), removed.label.as_deref()), ("jira.issue.unlabeled", Some("ostler")));
    assert!(removed.labels_added.is_empty());
}

#[test]
fn a_comment_on_cloud_has_its_author_as_actor() {
    let event = read("comment_created");
    assert_eq!(event.kind.as_str(), "jira.issue.commented");
    assert_eq!(event.actor.unwrap().account.to_string(), "jira:5b10a2844c20165700ede21g");
    assert_eq!(event.subject.as_str(), "jira:SHOP-7");
    // The quoted command is somebody else's.
    let command = event.command.unwrap();
    assert_eq!((command.name.as_str(), command.args), ("implement", vec!["the totals".to_owned()]));
}

#[test]
fn data_center_names_accounts_by_name() {
    let event = read("dc-issue_updated.assigned");
    assert_eq!(event.kind.as_str(), "jira.issue.assigned");
    assert_eq!(event.assignee.unwrap().to_string(), "jira:ostler");
    assert_eq!(event.actor.unwrap().account.to_string(), "jira:ada");
}

#[test]
fn data_center_tells_of_a_comment_twice_and_only_one_starts_something() {
    let (event, identities) = event_of(&source(), "dc-issue_updated.commented");
    assert_eq!(
        (event.kind.as_str(), event.command.unwrap().name.as_str()),
        ("jira.issue.commented", "review")
    );
    assert!(identities.contains(&"jira:jira.example.com:comment:20002".to_owned()));
    let (event, identities) = event_of(&source(), "dc-comment_created");
    assert_eq!((event.kind.as_str(), event.subject.as_str()), ("jira.comment.created", "jira:10042"));
    assert_eq!(event.task, None);
    assert_eq!(identities.len(), 1, "the one without the issue must not stand in the other's way");
}

#[test]
fn identities_are_qualified_by_the_site() {
    let (event, identities) = event_of(&source(), "issue_updated.assigned");
    let expected = [
        "jira:acme.atlassian.net:a5b6c7d8-0000-4000-8000-000000000001".to_owned(),
        format!("jira:body:{}", event.payload.digest),
        format!("jira:acme.atlassian.net:SHOP-7:{BOT}@2026-11-20T09:30:00.000+0100"),
        "jira:acme.atlassian.net:changelog:10310".to_owned(),
    ];
    assert_eq!(identities, expected);
    let named =
        JiraSource::new(SourceOptions { site: Some("own.test".to_owned()), ..SourceOptions::default() });
    assert!(event_of(&named, "issue_updated.assigned").1[0].starts_with("jira:own.test:"));
}

#[test]
fn an_event_nobody_knows_is_an_event_with_few_parts() {
    let mut fixture = kept("jira", "issue_created");
    fixture.body = Some(serde_json::json!({"webhookEvent": "jira:version_released", "version": {"id": 1}}));
    let Ok(Decoded::Event { event, .. }) = decode(&source(), &fixture.delivery().unwrap()) else { panic!() };
    assert_eq!((event.kind.as_str(), event.task), ("jira.version_released", None));
}

#[test]
fn what_is_not_jiras_is_refused() {
    let with = |body: &'static str| {
        let mut delivery = kept("jira", "issue_created").delivery().unwrap();
        delivery.body = body.into();
        decode(&source(), &delivery).unwrap_err().0
    };
    for body in ["", "{", "[]", "7"] {
        assert!(with(body).contains("JSON"), "{body}");
    }
    assert!(with("{}").contains("webhookEvent"));
}

#[test]
fn odd_values_never_fail_a_delivery() {
    for name in ["issue_updated.assigned", "comment_created", "dc-issue_updated.commented"] {
        survives_odd_values(&source(), name, &["/webhookEvent"]);
    }
}

#[test]
fn no_bytes_make_it_panic() {
    survives_any_bytes(&source(), &["issue_updated.assigned", "dc-issue_updated.commented"]);
}

#[test]
fn a_custom_field_names_the_repository_where_one_is_configured() {
    let mut fixture = kept("jira", "issue_created");
    let named = |source: &JiraSource, value: Value, fixture: &mut crate::plugin::fixture::Fixture| {
        fixture.body.as_mut().unwrap()["issue"]["fields"]["customfield_7"] = value;
        match decode(source, &fixture.delivery().unwrap()) {
            Ok(Decoded::Event { event, .. }) => event.task.unwrap().repository,
            other => panic!("{other:?}"),
        }
    };
    let repository_field = Some("customfield_7".to_owned());
    let source = JiraSource::new(SourceOptions { repository_field, ..SourceOptions::default() });
    for (value, name) in [
        ("acme/shop".into(), Some("acme/shop")),
        (serde_json::json!({"id": "1", "value": "acme/shop"}), Some("acme/shop")),
        (serde_json::json!(["acme/shop"]), None),
        (Value::Null, None),
    ] {
        assert_eq!(named(&source, value, &mut fixture).as_deref(), name);
    }
    assert_eq!(named(&super::tests::source(), "acme/shop".into(), &mut fixture), None);
}

#[test]
fn a_rule_of_automation_says_what_happened_and_what_tells_it_apart() {
    let (event, identities) = event_of(&source(), "automation.assigned");
    assert_eq!(
        (event.kind.as_str(), event.assignee.unwrap().to_string().as_str()),
        ("jira.issue.assigned", BOT)
    );
    assert_eq!(event.task.unwrap().reference.key, "SHOP-7");
    assert_eq!(identities, ["jira:acme.atlassian.net:automation:SHOP-7-2026-11-20 09:30"]);
    let (event, identities) = event_of(&source(), "automation.released");
    assert_eq!(event.kind.as_str(), "jira.automation.version_released");
    assert_eq!(identities, ["jira::automation:release-12"]);
    // A whole issue as the body; without a key the body is what it is known by.
    let (event, identities) = event_of(&source(), "automation.issue");
    assert_eq!((event.kind.as_str(), event.subject.as_str()), ("jira.automation.sent", "jira:SHOP-7"));
    assert_eq!(event.task.unwrap().labels, ["checkout"]);
    assert_eq!(identities, [format!("jira:body:{}", event.payload.digest)]);
}

#[test]
fn only_automation_names_its_own_identity() {
    let mut fixture = kept("jira", "issue_updated.assigned");
    fixture.headers.insert("Idempotency-Key".to_owned(), "mine".to_owned());
    fixture.body.as_mut().unwrap()["idempotency_key"] = "mine".into();
    let Ok(Decoded::Event { identities, .. }) = decode(&source(), &fixture.delivery().unwrap()) else {
        panic!()
    };
    assert!(
        identities.len() > 1 && identities.iter().all(|identity| !identity.contains("mine")),
        "{identities:?}"
    );
}

#[test]
fn each_way_of_sending_has_its_own_credentials() {
    let options = SourceOptions {
        secrets: vec!["s".into(), "".into()],
        connect_secrets: vec!["c".into(), " ".into()],
        automation_tokens: vec!["t".into(), "".into()],
        ..SourceOptions::default()
    };
    let source = JiraSource::new(options);
    let unless = Some("X-Hub-Signature");
    let token = |header: &'static str, prefix| Scheme::Token { header: header.into(), prefix, unless };
    let expected = [
        Scheme::Mac(Mac::sha256("X-Hub-Signature", "sha256=")),
        Scheme::Connect,
        token("Authorization", "Bearer "),
        token("X-Ostler-Token", ""),
    ];
    let schemes: Vec<_> = source.credentials("").iter().map(|credential| credential.scheme.clone()).collect();
    assert_eq!(schemes, expected);
}

#[test]
fn data_center_may_say_in_the_address_who_it_was() {
    let mut fixture = kept("jira", "dc-issue_updated.assigned");
    let with = |fixture: &crate::plugin::fixture::Fixture, query: &str| {
        let delivery = Delivery { query: query.to_owned(), ..fixture.delivery().unwrap() };
        let Ok(Decoded::Event { event, .. }) = decode(&source(), &delivery) else { panic!() };
        event.actor.map(|actor| actor.account.to_string())
    };
    assert_eq!(with(&fixture, "user_id=eve").as_deref(), Some("jira:ada"), "the body comes first");
    fixture.body.as_mut().unwrap().as_object_mut().unwrap().remove("user");
    assert_eq!(with(&fixture, "user_id=ada&user_key=JIRAUSER10100").as_deref(), Some("jira:ada"));
    assert_eq!(with(&fixture, "user_id="), None);
}

#[test]
fn one_change_told_by_two_webhooks_is_one() {
    let told = |id: &str| {
        let mut fixture = kept("jira", "issue_updated.transitioned");
        fixture.headers.insert("X-Atlassian-Webhook-Identifier".to_owned(), id.to_owned());
        let body = fixture.body.as_mut().unwrap();
        body["matchedWebhookIds"] = serde_json::json!([id]);
        body["changelog"]["id"] = "30001".into();
        let Ok(Decoded::Event { identities, .. }) = decode(&source(), &fixture.delivery().unwrap()) else {
            panic!()
        };
        identities
    };
    let (one, other) = (told("a"), told("b"));
    let shared: Vec<_> = one.iter().filter(|identity| other.contains(identity)).collect();
    assert_eq!(shared, ["jira:acme.atlassian.net:changelog:30001"]);
}

#[test]
fn beside_a_signature_nobody_names_his_own_identity() {
    let mut fixture = kept("jira", "automation.assigned");
    fixture.headers.insert("X-Hub-Signature".to_owned(), "sha256=00".to_owned());
    fixture.headers.insert("Idempotency-Key".to_owned(), "mine".to_owned());
    let Ok(Decoded::Event { event, identities }) = decode(&source(), &fixture.delivery().unwrap()) else {
        panic!()
    };
    assert!(identities.contains(&format!("jira:body:{}", event.payload.digest)), "{identities:?}");
}
