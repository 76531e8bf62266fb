//! What GitLab and Linear are believed by, through the whole way in.

use super::*;
use crate::plugin::scheme::Scheme;

const NOTE: &str = "note.on-issue";

/// A kept delivery with the headers of each scheme of its source that `wanted` takes.
fn proven(office: &Office, source: &str, name: &str, wanted: fn(&Scheme) -> bool) -> Delivery {
    let mut delivery = kept(source, name).delivery().unwrap();
    if let Some(key) = delivery.headers.get("Idempotency-Key").cloned() {
        delivery.headers.insert("webhook-id", key);
    }
    let credentials = office.sources[&SourceName::new(source)].credentials("").to_vec();
    for credential in credentials.iter().filter(|credential| wanted(&credential.scheme)) {
        let secret = credential.secret.expose_secret();
        for (name, value) in
            signature::sign(&credential.scheme, secret, &delivery, office.clock.now()).unwrap()
        {
            delivery.headers.insert(name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
        }
    }
    delivery
}

fn by_token(scheme: &Scheme) -> bool {
    matches!(scheme, Scheme::Token { .. })
}

fn by_signature(scheme: &Scheme) -> bool {
    matches!(scheme, Scheme::Standard { .. })
}

fn altered(mut delivery: Delivery, change: impl FnOnce(&mut Delivery)) -> Delivery {
    change(&mut delivery);
    delivery
}

fn put(delivery: &mut Delivery, header: &'static str, value: &str) {
    delivery.headers.insert(header, value.parse().unwrap());
}

async fn refused(office: &Office, source: &str, delivery: Delivery) -> bool {
    matches!(office.inbox.accept(source, delivery).await, Err(Rejection::Unbelieved(_)))
}

#[tokio::test]
async fn gitlab_is_believed_by_its_token_its_signature_or_both_and_taken_in_once() {
    for wanted in [by_token, by_signature, |_: &Scheme| true] {
        let office = Office::new();
        let delivery = proven(&office, "gitlab", NOTE, wanted);
        let first = office.inbox.accept("gitlab", delivery.clone()).await.unwrap().answer;
        assert_eq!((first.status, first.runs.len()), (Status::Accepted, 1));
        // Sent again by hand it keeps its id; a group's hook sends the same bytes under another.
        let resent = altered(delivery.clone(), |delivery| put(delivery, "X-Gitlab-Webhook-UUID", "anew"));
        let resent = office.inbox.accept("gitlab", resent).await.unwrap().answer;
        assert_eq!((resent.status, &resent.runs), (Status::Duplicate, &first.runs));
    }
}

#[tokio::test]
async fn a_groups_hook_and_a_projects_tell_of_one_thing() {
    for name in [NOTE, "issue.labeled", "merge_request.opened", "push"] {
        let office = Office::new();
        let of_project = proven(&office, "gitlab", name, by_signature);
        let first = office.inbox.accept("gitlab", of_project).await.unwrap().answer;
        let mut of_group = kept("gitlab", name);
        of_group.headers.insert("Idempotency-Key".to_owned(), "another".to_owned());
        of_group.headers.insert("webhook-id".to_owned(), "another".to_owned());
        let second = office.send("gitlab", of_group.delivery().unwrap()).await.answer;
        assert_eq!((second.status, second.event_id), (Status::Duplicate, first.event_id), "{name}");
    }
}

#[tokio::test]
async fn a_wrong_token_is_refused() {
    let office = Office::new();
    let good = proven(&office, "gitlab", NOTE, by_token);
    let with = |token: &str| altered(good.clone(), |delivery| put(delivery, "X-Gitlab-Token", token));
    for token in
        ["", "correct horse battery stapl", "Correct horse battery staple", "correct horse battery staple "]
    {
        assert!(refused(&office, "gitlab", with(token)).await, "{token}");
    }
    let doubled = altered(good.clone(), |delivery| {
        delivery.headers.append("X-Gitlab-Token", SECRET.parse().unwrap());
    });
    assert!(refused(&office, "gitlab", doubled).await);
    let missing = altered(good, |delivery| drop(delivery.headers.remove("X-Gitlab-Token")));
    assert!(refused(&office, "gitlab", missing).await);
}

#[tokio::test]
async fn a_signature_that_is_wrong_is_not_made_good_by_a_token() {
    let office = Office::new();
    let good = proven(&office, "gitlab", NOTE, |_| true);
    let body = [&good.body[..], b" "].concat();
    let changes: [fn(&mut Delivery); 6] = [
        |delivery| put(delivery, "webhook-signature", "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        |delivery| put(delivery, "webhook-signature", ""),
        |delivery| put(delivery, "webhook-id", "another"),
        |delivery| put(delivery, "webhook-timestamp", "1795247699"),
        |delivery| put(delivery, "webhook-timestamp", "1795248301"),
        |delivery| drop(delivery.headers.remove("webhook-timestamp")),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        assert!(refused(&office, "gitlab", altered(good.clone(), change)).await, "{at}");
    }
    let longer = altered(good.clone(), |delivery| delivery.body = body.into());
    assert!(refused(&office, "gitlab", longer).await);
    assert_eq!(office.inbox.accept("gitlab", good).await.unwrap().answer.status, Status::Accepted);
}

#[tokio::test]
async fn gitlab_is_answered_with_success_whatever_it_tells_of() {
    let office = Office::new();
    for body in ["{}", r#"{"object_kind": "brand_new"}"#, r#"{"object_kind": ["note"], "project": 7}"#] {
        let mut delivery = kept("gitlab", "issue.by-template").delivery().unwrap();
        delivery.body = body.into();
        assert_eq!(office.send("gitlab", delivery).await.answer.status, Status::Ignored, "{body}");
    }
}

#[tokio::test]
async fn linear_is_believed_by_its_signature_and_the_time_in_it() {
    let office = Office::new();
    let good = proven(&office, "linear", "comment.created", |_| true);
    let bare = altered(good.clone(), |delivery| drop(delivery.headers.remove("Linear-Signature")));
    assert!(refused(&office, "linear", bare).await);
    let prefixed = altered(good.clone(), |delivery| {
        let signature = format!("sha256={}", delivery.header("Linear-Signature").unwrap());
        put(delivery, "Linear-Signature", &signature);
    });
    assert!(refused(&office, "linear", prefixed).await);
    let first = office.inbox.accept("linear", good.clone()).await.unwrap().answer;
    assert_eq!((first.status, first.runs.len()), (Status::Accepted, 1));
    let again = altered(good.clone(), |delivery| put(delivery, "Linear-Delivery", "another"));
    assert_eq!(office.inbox.accept("linear", again).await.unwrap().answer.status, Status::Duplicate);
    // A minute on, the same signed bytes are too old, whatever the header beside them says.
    office.clock.advance(std::time::Duration::from_secs(61));
    let late = altered(good, |delivery| put(delivery, "Linear-Timestamp", "1795248061000"));
    assert!(refused(&office, "linear", late).await);
}
