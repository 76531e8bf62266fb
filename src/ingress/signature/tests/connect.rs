//! Tokens of Atlassian Connect.

use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};

use super::*;

const SECRET: &str = "shared with one installation";
const NOW: i64 = 1_700_000_000;
/// The hash of `POST&/webhooks/jira&event=page_created`, reckoned by another implementation.
const QSH: &str = "6a9c2d18792d745b371005cbdff6b460c615de93a5051122fcdda46723a0376f";

fn claims() -> Value {
    json!({ "iss": "client-key", "iat": NOW, "exp": NOW + 180, "qsh": QSH })
}

fn token(header: &Header, claims: &Value, secret: &str) -> String {
    jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

fn delivery(authorization: Option<&str>, query: &str) -> Delivery {
    let mut delivery =
        Delivery { path: "/webhooks/jira".to_owned(), query: query.to_owned(), ..Delivery::default() };
    if let Some(value) = authorization {
        set(&mut delivery, "Authorization", value);
    }
    delivery
}

fn judge_at(delivery: &Delivery, seconds: i64) -> Result<(), Refusal> {
    let now = Timestamp::from_second(seconds).unwrap();
    verify(&credentials(&Scheme::Connect, &[SECRET]), delivery, now)
}

fn judge(token: &str) -> Result<(), Refusal> {
    judge_at(&delivery(Some(&format!("JWT {token}")), "event=page_created"), NOW)
}

/// The verdict on a token in which one claim is something else, or is not there.
fn judge_claim(name: &str, value: Value) -> Result<(), Refusal> {
    let mut claims = claims();
    let map = claims.as_object_mut().unwrap();
    if value.is_null() {
        map.remove(name)
    } else {
        map.insert(name.to_owned(), value)
    };
    judge(&token(&Header::default(), &claims, SECRET))
}

fn malformed() -> Result<(), Refusal> {
    Err(Refusal::Malformed("Authorization".into()))
}

#[test]
fn a_token_is_believed_in_the_header_or_in_the_query() {
    let token = token(&Header::default(), &claims(), SECRET);
    assert_eq!(judge(&token), Ok(()));
    assert_eq!(judge_at(&delivery(None, &format!("event=page_created&jwt={token}")), NOW), Ok(()));
    assert_eq!(judge_at(&delivery(None, &format!("jwt={token}&event=page_created")), NOW), Ok(()));
}

#[test]
fn each_installation_has_a_secret_of_its_own() {
    let token = token(&Header::default(), &claims(), SECRET);
    let delivery = delivery(Some(&format!("JWT {token}")), "event=page_created");
    let judge = |secrets: &[&str]| {
        let now = Timestamp::from_second(NOW).unwrap();
        verify(&credentials(&Scheme::Connect, secrets), &delivery, now)
    };
    assert_eq!(judge(&["another", SECRET]), Ok(()));
    assert_eq!(judge(&[SECRET, "", "another"]), Ok(()));
    assert_eq!(judge(&["another"]), Err(Refusal::Wrong));
    assert_eq!(judge(&[" "]), Err(Refusal::NoSecret));
}

#[test]
fn a_token_is_there_once() {
    let token = token(&Header::default(), &claims(), SECRET);
    let header = format!("JWT {token}");
    let repeated = Err(Refusal::Repeated("Authorization".into()));
    let query = format!("event=page_created&jwt={token}");
    assert_eq!(judge_at(&delivery(Some(&header), &query), NOW), repeated);
    assert_eq!(judge_at(&delivery(None, &format!("{query}&jwt={token}")), NOW), repeated);
    let mut twice = delivery(Some(&header), "event=page_created");
    twice.headers.append("authorization", header.parse().unwrap());
    assert_eq!(judge_at(&twice, NOW), repeated);
    let missing = Err(Refusal::Missing("Authorization".into()));
    assert_eq!(judge_at(&delivery(None, "event=page_created"), NOW), missing);
}

#[test]
fn another_algorithm_is_refused() {
    let part = |value: Value| {
        use base64::Engine as _;
        base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string())
    };
    let right = token(&Header::default(), &claims(), SECRET);
    let signature = right.rsplit('.').next().unwrap();
    for algorithm in ["none", "None", "RS256", "ES256", "HS384", "EdDSA", ""] {
        let header = part(json!({ "alg": algorithm, "typ": "JWT" }));
        for signature in ["", signature] {
            let forged = format!("{header}.{}.{signature}", part(claims()));
            assert_eq!(judge(&forged), malformed(), "{algorithm}");
        }
    }
    let longer = token(&Header::new(jsonwebtoken::Algorithm::HS512), &claims(), SECRET);
    assert_eq!(judge(&longer), malformed());
}

#[test]
fn a_token_that_is_too_old_or_of_the_future_is_refused() {
    let token = token(&Header::default(), &claims(), SECRET);
    let at = |offset| judge_at(&delivery(Some(&format!("JWT {token}")), "event=page_created"), NOW + offset);
    for offset in [-60, 0, 180, 240] {
        assert_eq!(at(offset), Ok(()), "{offset}");
    }
    for offset in [-61, 241, 86_400] {
        assert_eq!(at(offset), Err(Refusal::Stale), "{offset}");
    }
    assert_eq!(judge_claim("iat", json!(NOW + 61)), Err(Refusal::Stale));
    assert_eq!(judge_claim("exp", json!(NOW - 61)), Err(Refusal::Stale));
    assert_eq!(judge_claim("exp", json!(i64::MIN)), Err(Refusal::Stale));
}

#[test]
fn a_token_of_another_request_or_secret_is_refused() {
    let right = token(&Header::default(), &claims(), SECRET);
    let header = format!("JWT {right}");
    for query in ["event=page_removed", "", "event=page_created&x=1", "event=page_created&event=page_created"]
    {
        assert_eq!(judge_at(&delivery(Some(&header), query), NOW), Err(Refusal::Wrong), "{query}");
    }
    let mut elsewhere = delivery(Some(&header), "event=page_created");
    elsewhere.path = "/webhooks/confluence".to_owned();
    assert_eq!(judge_at(&elsewhere, NOW), Err(Refusal::Wrong));
    assert_eq!(judge_claim("qsh", json!("context-qsh")), Err(Refusal::Wrong));
    assert_eq!(judge_claim("qsh", json!("")), Err(Refusal::Wrong));
    assert_eq!(judge(&token(&Header::default(), &claims(), "somebody else's")), Err(Refusal::Wrong));
}

#[test]
fn a_token_without_its_claims_or_form_is_refused() {
    for claim in ["iss", "iat", "exp", "qsh"] {
        assert_eq!(judge_claim(claim, Value::Null), malformed(), "{claim}");
        assert_eq!(judge_claim(claim, json!([])), malformed(), "{claim}");
    }
    let right = token(&Header::default(), &claims(), SECRET);
    for odd in ["", ".", "..", "x.y.z", &right[1..], &format!("{right}."), &right.replace('.', " ")] {
        assert!(judge(odd).is_err(), "{odd} {REFUSED}");
    }
    for at in 0..right.len() {
        let other = if &right[at..=at] == "A" { "B" } else { "A" };
        let changed = format!("{}{other}{}", &right[..at], &right[at + 1..]);
        assert!(judge(&changed).is_err(), "{changed} {REFUSED}");
    }
    let bearer = delivery(Some(&format!("Bearer {right}")), "event=page_created");
    assert_eq!(judge_at(&bearer, NOW), malformed());
}

#[test]
fn what_we_sign_is_believed() {
    let mut own = delivery(None, "event=page_created");
    let now = Timestamp::from_second(NOW).unwrap();
    for (name, value) in sign(&Scheme::Connect, SECRET, &own, now).unwrap() {
        set(&mut own, &name, &value);
    }
    assert_eq!(judge_at(&own, NOW), Ok(()));
}
