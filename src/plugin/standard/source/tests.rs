use super::*;
use crate::plugin::fixture::tests::{decode, kept, survives_any_bytes, survives_odd_values, told};

fn source() -> StandardSource {
    let sender = |secret: &str| Sender { secrets: vec![secret.into(), " ".into()] };
    StandardSource::new([("acme".to_owned(), sender("whsec_MQ==")), ("off".to_owned(), sender(""))].into())
}

#[test]
fn each_name_has_its_own_secrets() {
    let source = source();
    assert_eq!(source.surfaces(), ["acme", "off"]);
    let count = |name: &str| source.credentials(name).len();
    assert_eq!((count("acme"), count("off"), count("nobody")), (1, 0, 0));
}

#[test]
fn what_becomes_of_each_kept_delivery() {
    insta::assert_snapshot!(told(&source()));
}

#[test]
fn what_says_no_type_or_is_no_json_is_an_event_without_parts() {
    let mut delivery = kept("standard", "contact.created").delivery().unwrap();
    for (media_type, body) in [(JSON, "[1]"), (JSON, "{}"), ("text/plain", "hello")] {
        delivery.headers.insert("content-type", media_type.parse().unwrap());
        delivery.body = body.into();
        let Ok(Decoded::Event { event, .. }) = decode(&source(), &delivery) else { panic!("{body}") };
        assert_eq!(
            (event.kind.as_str(), event.subject.as_str()),
            ("standard.acme.event", "standard:acme"),
            "{body}"
        );
    }
    delivery.headers.remove("content-type");
    assert!(decode(&source(), &delivery).unwrap_err().0.contains("JSON"));
}

#[test]
fn odd_values_never_fail_a_delivery() {
    survives_odd_values(&source(), "contact.created", &[]);
}

#[test]
fn no_bytes_make_it_panic() {
    survives_any_bytes(&source(), &["contact.created"]);
}
