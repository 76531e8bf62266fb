use super::*;
use crate::plugin::fixture::tests::{decode, kept, survives_any_bytes, survives_odd_values, told};

const TOKEN: &str = "secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl";

fn source() -> NotionSource {
    NotionSource::new(SourceOptions { verification_tokens: vec![TOKEN.into(), "".into()], setup: false })
}

fn handshake() -> Delivery {
    kept("notion", "verification").delivery().unwrap()
}

#[test]
fn what_becomes_of_each_kept_delivery() {
    insta::assert_snapshot!(told(&source()));
}

#[test]
fn a_token_is_taken_note_of_once_and_only_while_one_is_waited_for() {
    assert_eq!(source().courtesy(&handshake()), None);
    let waiting = NotionSource::new(SourceOptions { setup: true, ..SourceOptions::default() });
    assert!(waiting.is_on("") && waiting.credentials("").is_empty());
    assert_eq!(waiting.courtesy(&kept("notion", "comment.created").delivery().unwrap()), None);
    assert_eq!(waiting.courtesy(&handshake()), Some(Reply::Empty));
    // It is not believed by, and nobody else's is taken.
    assert!(waiting.credentials("").is_empty() && !waiting.is_on(""));
    assert_eq!(waiting.courtesy(&handshake()), None);
}

#[test]
fn a_configured_token_stays_what_it_is() {
    use secrecy::ExposeSecret as _;
    let verification_tokens = vec!["secret_own".into()];
    let both = NotionSource::new(SourceOptions { verification_tokens, setup: true });
    assert_eq!(both.courtesy(&handshake()), Some(Reply::Empty));
    let secrets: Vec<_> = both.credentials("").iter().map(|one| one.secret.expose_secret()).collect();
    assert_eq!(secrets, ["secret_own"]);
}

#[test]
fn nothing_but_a_token_is_taken_for_one() {
    let waiting = NotionSource::new(SourceOptions { setup: true, ..SourceOptions::default() });
    for token in [
        "",
        "secret_",
        "public_abc",
        "secret_a b",
        "secret_a\\n2026 ERROR",
        &format!("secret_{}", "a".repeat(129)),
    ] {
        let body = format!("{{\"verification_token\": \"{token}\"}}");
        assert_eq!(waiting.courtesy(&Delivery { body: body.into(), ..handshake() }), None, "{token}");
    }
    let padded =
        format!("{{\"verification_token\": \"{TOKEN}\", \"x\": \"{}\"}}", "x".repeat(HANDSHAKE_LIMIT));
    assert_eq!(waiting.courtesy(&Delivery { body: padded.into(), ..handshake() }), None);
    let mut signed = handshake();
    signed.headers.insert("x-notion-signature", "sha256=00".parse().unwrap());
    assert_eq!(waiting.courtesy(&signed), None);
    assert!(waiting.is_on(""), "the one that is waited for may still come");
}

#[test]
fn what_is_not_notions_is_refused() {
    let mut delivery = handshake();
    for (body, why) in [("{", "JSON"), ("[]", "JSON"), ("{}", "type")] {
        delivery.body = body.into();
        assert!(decode(&source(), &delivery).unwrap_err().0.contains(why), "{body}");
    }
}

#[test]
fn odd_values_never_fail_a_delivery() {
    for name in ["page.content_updated", "comment.created"] {
        survives_odd_values(&source(), name, &["/type"]);
    }
}

#[test]
fn no_bytes_make_it_panic() {
    survives_any_bytes(&source(), &["page.content_updated", "verification"]);
}
