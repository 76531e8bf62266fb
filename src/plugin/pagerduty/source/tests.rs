use super::*;
use crate::plugin::fixture::tests::{decode, kept, survives_any_bytes, survives_odd_values, told};

fn source() -> PagerdutySource {
    PagerdutySource::new(SourceOptions { secrets: vec!["s".into(), "".into()] })
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
fn what_is_not_pagerdutys_is_refused() {
    let mut delivery = kept("pagerduty", "incident.triggered").delivery().unwrap();
    for (body, why) in [("{", "JSON"), ("[]", "JSON"), ("{}", "event"), ("{\"event\": {}}", "event_type")] {
        delivery.body = body.into();
        assert!(decode(&source(), &delivery).unwrap_err().0.contains(why), "{body}");
    }
}

#[test]
fn odd_values_never_fail_a_delivery() {
    for name in ["incident.triggered", "incident.annotated", "service.updated"] {
        survives_odd_values(&source(), name, &["/event", "/event/event_type"]);
    }
}

#[test]
fn no_bytes_make_it_panic() {
    survives_any_bytes(&source(), &["incident.triggered", "incident.annotated"]);
}
