//! Every delivery that becomes no event is noted, with what is needed to find it and to mend it.

use super::*;
use crate::ingress::refused::{Cause, Refused};

impl House {
    /// What was noted last.
    fn noted(&self) -> Refused {
        self.face.inbox.refusals().latest(1).pop().expect("it is noted")
    }
}

#[tokio::test]
async fn what_is_refused_is_noted_with_its_cause() {
    let house = House::new();
    let wrong = |name: &str, value: Option<&str>| {
        let mut request = house.signed("github", "issues.labeled");
        let header: HeaderName = name.parse().unwrap();
        match value {
            Some(value) => drop(request.headers_mut().insert(header, value.parse().unwrap())),
            None => drop(request.headers_mut().remove(header)),
        }
        request
    };
    let zeros = format!("sha256={}", "0".repeat(64));
    let mut stale = house.signed("slack", "command");
    stale.headers_mut().insert("x-slack-request-timestamp", "1".parse().unwrap());
    let mut garbage = kept("github", "issues.labeled");
    garbage.body = "{".into();
    let large = wrong("content-length", Some("99999999"));
    let cases = [
        (wrong("x-hub-signature-256", Some(&zeros)), Cause::WrongSignature, 401),
        (wrong("x-hub-signature-256", None), Cause::NotSigned, 401),
        (wrong("x-hub-signature-256", Some("md5=1")), Cause::MalformedSignature, 401),
        (stale, Cause::Stale, 401),
        (house.signed_delivery("github", garbage), Cause::Undecodable, 400),
        (large, Cause::TooLarge, 413),
        (unsigned("nobody", kept("github", "issues.labeled")), Cause::UnknownSource, 404),
    ];
    for (request, cause, status) in cases {
        house.refused(request, StatusCode::from_u16(status).unwrap()).await;
        let noted = house.noted();
        assert_eq!(noted.cause, cause, "{noted:?}");
        let read = !matches!(cause, Cause::TooLarge | Cause::UnknownSource);
        assert_eq!((noted.bytes.is_some(), noted.digest.is_some()), (read, read), "{noted:?}");
        let told = serde_json::to_string(&noted).unwrap() + &noted.advice().unwrap();
        assert!(!told.contains(SECRET) && !told.contains("old secret"), "{told}");
    }
}

#[tokio::test]
async fn a_wrong_signature_is_found_by_the_senders_id_and_says_what_was_looked_at() {
    let house = House::new();
    let mut request = house.signed("github", "issues.labeled");
    let guid = request.headers()["x-github-delivery"].to_str().unwrap().to_owned();
    request
        .headers_mut()
        .insert("x-hub-signature-256", format!("sha256={}", "0".repeat(64)).parse().unwrap());
    house.refused(request, StatusCode::UNAUTHORIZED).await;
    let found = house.face.inbox.refusals().called(&guid);
    assert_eq!((found[0].proofs.as_slice(), found[0].secrets), (&["X-Hub-Signature-256".to_owned()][..], 2));
}

#[tokio::test]
async fn a_duplicate_names_the_first_and_unknown_names_share_one_bucket() {
    let house = House::new();
    let first = house.send(house.signed("github", "issues.labeled")).await;
    house.send(house.signed("github", "issues.labeled")).await;
    let noted = house.noted();
    assert_eq!((noted.cause, json!(noted.event)), (Cause::Duplicate, first.json["event_id"].clone()));
    for n in 0..100 {
        house.send(unsigned(&format!("nobody{n}"), kept("github", "issues.labeled"))).await;
    }
    let sources: Vec<_> =
        house.face.inbox.refusals().counts().into_iter().map(|count| (count.source, count.count)).collect();
    assert_eq!(sources, [("github".to_owned(), 1), ("unknown".to_owned(), 100)]);
}
