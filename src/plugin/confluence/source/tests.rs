use super::*;
use crate::plugin::fixture::tests::{decode, kept, survives_any_bytes, survives_odd_values, told};

fn source() -> ConfluenceSource {
    ConfluenceSource::new(SourceOptions { secrets: vec!["s".into(), " ".into()], ..SourceOptions::default() })
}

#[test]
fn what_becomes_of_each_kept_delivery() {
    insta::assert_snapshot!(told(&source()));
}

#[test]
fn each_way_of_sending_has_its_own_credentials() {
    let schemes = |options: SourceOptions| {
        let source = ConfluenceSource::new(options);
        source.credentials("").iter().map(|credential| credential.scheme.clone()).collect::<Vec<_>>()
    };
    let hub = Scheme::Mac(Mac::sha256("X-Hub-Signature", "sha256="));
    assert_eq!(
        schemes(SourceOptions { secrets: vec!["s".into(), "".into()], ..SourceOptions::default() }),
        [hub]
    );
    let connect = SourceOptions { connect_secrets: vec!["s".into()], ..SourceOptions::default() };
    assert_eq!(schemes(connect), [Scheme::Connect]);
    let automation = SourceOptions { automation_tokens: vec!["t".into()], ..SourceOptions::default() };
    let unless = Some("X-Hub-Signature");
    let token = |header: &'static str, prefix| Scheme::Token { header: header.into(), prefix, unless };
    assert_eq!(schemes(automation), [token("Authorization", "Bearer "), token("X-Ostler-Token", "")]);
}

#[test]
fn connect_says_in_its_address_what_happened() {
    let mut fixture = kept("confluence", "connect-label_added");
    fixture.body.as_mut().unwrap().as_object_mut().unwrap().remove("event");
    let kind = |query: &str| {
        let delivery = Delivery { query: query.to_owned(), ..fixture.delivery().unwrap() };
        let Ok(Decoded::Event { event, .. }) = decode(&source(), &delivery) else { panic!() };
        event.kind.to_string()
    };
    assert_eq!(kind("event=page_children_reordered"), "confluence.page.children_reordered");
    assert_eq!(kind("event=search"), "confluence.search");
    assert_eq!(kind(""), "confluence.automation.sent");
}

#[test]
fn what_is_not_confluences_is_refused() {
    let mut delivery = kept("confluence", "automation").delivery().unwrap();
    for body in ["", "{", "[]", "7"] {
        delivery.body = body.into();
        assert!(decode(&source(), &delivery).unwrap_err().0.contains("JSON"), "{body}");
    }
    delivery.headers.insert("content-type", "text/plain".parse().unwrap());
    assert!(decode(&source(), &delivery).is_err());
}

#[test]
fn odd_values_never_fail_a_delivery() {
    for name in ["dc-page_updated", "dc-comment_created", "automation"] {
        survives_odd_values(&source(), name, &[]);
    }
}

#[test]
fn no_bytes_make_it_panic() {
    survives_any_bytes(&source(), &["dc-page_updated", "dc-comment_created"]);
}

#[test]
fn beside_a_signature_nobody_names_his_own_identity() {
    let mut fixture = kept("confluence", "automation");
    fixture.headers.insert("X-Hub-Signature".to_owned(), "sha256=00".to_owned());
    fixture.headers.insert("Idempotency-Key".to_owned(), "mine".to_owned());
    let Ok(Decoded::Event { event, identities }) = decode(&source(), &fixture.delivery().unwrap()) else {
        panic!()
    };
    assert!(identities.contains(&format!("confluence:body:{}", event.payload.digest)), "{identities:?}");
}
