use super::*;
use crate::plugin::fixture::tests::{decode, kept, survives_any_bytes, survives_odd_values, told};

fn source() -> SentrySource {
    SentrySource::new(SourceOptions { secrets: vec!["s".into(), "".into()] })
}

#[test]
fn what_becomes_of_each_kept_delivery() {
    insta::assert_snapshot!(told(&source()));
}

#[test]
fn an_empty_secret_is_none() {
    assert_eq!(source().credentials("").len(), 1);
}

#[test]
fn a_resource_nobody_knows_is_an_event_with_few_parts() {
    let mut delivery = kept("sentry", "issue.created").delivery().unwrap();
    delivery.headers.insert("Sentry-Hook-Resource", "Seer".parse().unwrap());
    delivery.headers.remove("Request-ID");
    delivery.body = "{}".into();
    let Ok(Decoded::Event { event, identities }) = decode(&source(), &delivery) else { panic!() };
    assert_eq!((event.kind.as_str(), event.subject.as_str()), ("sentry.seer.sent", "sentry:Seer"));
    assert_eq!(identities, [format!("sentry:body:{}", event.payload.digest)]);
    for body in ["", "{", "[]"] {
        delivery.body = body.into();
        assert!(decode(&source(), &delivery).unwrap_err().0.contains("JSON"), "{body}");
    }
}

#[test]
fn odd_values_never_fail_a_delivery() {
    for name in ["issue.created", "error.created", "metric_alert.critical", "comment.created"] {
        survives_odd_values(&source(), name, &[]);
    }
}

#[test]
fn no_bytes_make_it_panic() {
    survives_any_bytes(&source(), &["issue.created", "comment.created"]);
}
