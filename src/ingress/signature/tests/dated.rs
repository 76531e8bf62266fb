//! Bodies that say themselves when they were sent.

use super::*;

pub(super) const LINEAR: Scheme =
    Scheme::Dated { mac: Mac::sha256("Linear-Signature", ""), member: "webhookTimestamp", window: 60 };

const NOW: Timestamp = Timestamp::constant(1_795_248_000, 0);

/// A delivery whose sender signs whatever its body is.
fn signed(body: &str) -> Delivery {
    let mut delivery = Delivery { body: body.to_owned().into(), ..Delivery::default() };
    for (name, value) in sign(&LINEAR, "s", &delivery, NOW).unwrap() {
        delivery.headers.insert(HeaderName::try_from(name).unwrap(), value.parse().unwrap());
    }
    delivery
}

fn judged(body: &str) -> Result<(), Refusal> {
    verify(&credentials(&LINEAR, &["s"]), &signed(body), NOW)
}

#[test]
fn a_body_is_good_for_a_minute_either_way() {
    let now = NOW.as_millisecond();
    let sent = |at: i64| judged(&format!(r#"{{"a": [1], "webhookTimestamp": {at}}}"#));
    for recent in [now, now - 60_000, now + 60_000] {
        assert_eq!(sent(recent), Ok(()), "{recent}");
    }
    for stale in [now - 60_001, now + 60_001, 0, i64::MAX, i64::MIN] {
        assert_eq!(sent(stale), Err(Refusal::Stale), "{stale}");
    }
}

#[test]
fn a_body_that_does_not_say_when_it_was_sent_proves_nothing() {
    for body in [
        "",
        "{",
        "[]",
        "null",
        "{}",
        r#"{"webhookTimestamp": null}"#,
        r#"{"webhookTimestamp": "1795248000000"}"#,
        r#"{"data": {"webhookTimestamp": 1795248000000}}"#,
    ] {
        assert_eq!(judged(body), Err(Refusal::Undated("webhookTimestamp")), "{body}");
    }
}

#[test]
fn what_is_wrong_with_a_body_is_said_of_the_secret_that_fits() {
    let old = signed(r#"{"webhookTimestamp": 0}"#);
    for secrets in [["s", "other"], ["other", "s"]] {
        assert_eq!(verify(&credentials(&LINEAR, &secrets), &old, NOW), Err(Refusal::Stale));
    }
    assert_eq!(verify(&credentials(&LINEAR, &["other"]), &old, NOW), Err(Refusal::Wrong));
}

#[test]
fn a_body_is_dated_anew_each_time_that_it_is_sent() {
    let body = bytes::Bytes::from_static(br#"{"webhookTimestamp": 7, "b": 1}"#);
    let now = date(&LINEAR, &body, NOW);
    assert_eq!(judged(std::str::from_utf8(&now).unwrap()), Ok(()));
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&now).unwrap()["b"], 1);
    assert_eq!(date(&GITHUB, &body, NOW), body, "others say it elsewhere");
}
