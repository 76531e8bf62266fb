use serde_json::json;

use super::*;
use crate::plugin::fixture::tests::{decode, event_of, kept, survives_any_bytes, survives_odd_values};

fn source(id: &str) -> GenericSource {
    let options = json!({
        "ci": {"header": "X-Signature", "prefix": "sha512=", "algorithm": "sha512", "encoding": "base64",
               "secrets": ["s", ""], "id": id, "kind": "/build/status"},
        "bell": {"header": "X-Bell", "secrets": ["s"], "kind": "X-Ring"},
        "off": {"header": "X-Off"},
    });
    GenericSource::new(serde_json::from_value(options).unwrap())
}

#[test]
fn each_name_has_a_scheme_of_its_own() {
    let source = source("/build/id");
    assert_eq!(source.surfaces(), ["bell", "ci", "off"]);
    let scheme = |name: &str| source.credentials(name)[0].scheme.clone();
    let ci = Mac {
        header: "X-Signature".into(),
        prefix: "sha512=".into(),
        algorithm: Algorithm::Sha512,
        encoding: Encoding::Base64,
        listed: false,
    };
    assert_eq!(scheme("ci"), Scheme::Mac(ci));
    assert_eq!(scheme("bell"), Scheme::Mac(Mac::sha256("X-Bell", "")));
    assert_eq!((source.credentials("ci").len(), source.credentials("off").len()), (1, 0));
}

#[test]
fn options_that_say_no_header_or_something_else_are_refused() {
    for odd in [json!({}), json!({"header": "X", "algorithm": "md5"}), json!({"header": "X", "heder": "Y"})] {
        assert!(serde_json::from_value::<Sender>(odd.clone()).is_err(), "{odd}");
    }
}

#[test]
fn a_kind_and_an_id_stand_where_the_configuration_says() {
    let (event, identities) = event_of(&source("/build/id"), "build");
    assert_eq!((event.kind.as_str(), event.subject.as_str()), ("generic.ci.build.failed", "generic:ci"));
    assert_eq!(identities, ["generic:ci:4711"]);
    let mut bell = kept("generic", "build");
    bell.surface = "bell".to_owned();
    bell.headers.insert("X-Ring".to_owned(), "Front Door".to_owned());
    let Ok(Decoded::Event { event, identities }) = decode(&source(""), &bell.delivery().unwrap()) else {
        panic!()
    };
    assert_eq!(event.kind.as_str(), "generic.bell.front_door");
    assert_eq!(identities, [format!("generic:bell:body:{}", event.payload.digest)]);
}

#[test]
fn an_id_that_is_not_signed_has_the_body_beside_it() {
    let (event, identities) = event_of(&source("X-Build-Delivery"), "build");
    assert_eq!(
        identities,
        ["generic:ci:d-1".to_owned(), format!("generic:ci:body:{}", event.payload.digest)]
    );
}

#[test]
fn what_is_not_json_has_a_kind_all_the_same_unless_it_says_that_it_is() {
    let mut delivery = kept("generic", "build").delivery().unwrap();
    delivery.body = "failed".into();
    assert!(decode(&source("/id"), &delivery).unwrap_err().0.contains("JSON"));
    delivery.headers.insert("content-type", "text/plain".parse().unwrap());
    let Ok(Decoded::Event { event, .. }) = decode(&source("/id"), &delivery) else { panic!() };
    assert_eq!(event.kind.as_str(), "generic.ci.event");
}

#[test]
fn odd_values_never_fail_a_delivery() {
    survives_odd_values(&source("/build/id"), "build", &[]);
}

#[test]
fn no_bytes_make_it_panic() {
    survives_any_bytes(&source("/build/id"), &["build"]);
}
